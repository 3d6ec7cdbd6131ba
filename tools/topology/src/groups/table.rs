// SPDX-License-Identifier: GPL-2.0-only

//! Tables and records: Proxmox's list of PCI devices, `pvesh`, and `lspci -vmm`.

use serde_json::Value;

use super::{Listed, hex_number, id};
use crate::{Hex, bdf, text::Line};

/// Reads a table with a column `iommugroup`; empty if the text has none.
pub(crate) fn table(lines: &[Line]) -> Vec<Listed> {
    let cells = |line: &Line| -> Vec<String> {
        let text = line.text.replace(['\u{2502}', '\u{2503}', '\u{2551}'], "|");
        let text = text.trim_matches('|');
        let cells: Vec<_> = if text.contains('|') {
            text.split('|').map(str::trim).collect()
        } else {
            text.split_whitespace().collect()
        };
        cells.into_iter().map(str::to_ascii_lowercase).collect()
    };
    let is_group =
        |cell: &String| matches!(cell.replace(['-', ' ', '_'], "").as_str(), "iommugroup");
    let Some((head, columns)) = lines.iter().enumerate().find_map(|(at, line)| {
        let cells = cells(line);
        (cells.len() > 2 && cells.iter().any(is_group)).then_some((at, cells))
    }) else {
        return Vec::new();
    };
    let column = |names: &[&str]| {
        columns
            .iter()
            .position(|cell| names.contains(&cell.as_str()))
    };
    let group = columns.iter().position(is_group);
    let (vendor, device, class) = (column(&["vendor"]), column(&["device"]), column(&["class"]));
    let mut found = Vec::new();
    for line in &lines[head + 1..] {
        let cells = cells(line);
        let Some(bdf) = cells.iter().find_map(|cell| bdf::shown(cell)) else {
            continue;
        };
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at));
        found.push(Listed {
            group: cell(group).and_then(|cell| cell.parse().ok()),
            vendor: cell(vendor).and_then(|cell| id(cell)),
            device: cell(device).and_then(|cell| id(cell)),
            class: cell(class).and_then(|cell| hex_number(cell)).map(Hex),
            ..Listed::new(bdf, line.number)
        });
    }
    found
}

/// Reads the output of `pvesh get /nodes/NODE/hardware/pci --output-format json`; `None` for other
/// JSON.
pub(crate) fn json(text: &str) -> Option<Vec<Listed>> {
    if !text.contains("\"iommugroup\"") {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let all = value.as_array().or_else(|| value.get("data")?.as_array())?;
    let read = |one: &Value| {
        let text = |key: &str| one.get(key)?.as_str();
        let group = one.get("iommugroup")?;
        let group = group.as_i64().or_else(|| group.as_str()?.parse().ok())?;
        Some(Listed {
            // A function without a group has -1.
            group: u32::try_from(group).ok(),
            vendor: text("vendor").and_then(id),
            device: text("device").and_then(id),
            class: text("class").and_then(hex_number).map(Hex),
            ..Listed::new(bdf::shown(text("id")?)?, 0)
        })
    };
    let found: Option<Vec<_>> = all.iter().map(read).collect();
    found.filter(|found| !found.is_empty())
}

/// Reads the records of `lspci -vmm`, which begin with `Slot:`.
pub(crate) fn records(lines: &[Line]) -> Vec<Listed> {
    let mut found: Vec<Listed> = Vec::new();
    for line in lines {
        let Some((key, value)) = line.text.split_once(':') else {
            continue;
        };
        let value = value.trim();
        // With -n and -nn, ids are in brackets or alone.
        let number = value
            .rsplit_once('[')
            .map_or(value, |(_, rest)| rest.trim_end_matches(']'));
        let is_id = |text: &&str| text.len() == 4;
        if key == "Slot" {
            found.extend(bdf::shown(value).map(|bdf| Listed::new(bdf, line.number)));
            continue;
        }
        let Some(last) = found.last_mut() else {
            continue;
        };
        let number = Some(number).filter(is_id);
        match key {
            "IOMMUGroup" => last.group = value.parse().ok(),
            "Vendor" => last.vendor = number.and_then(id),
            "Device" => last.device = number.and_then(id),
            "Class" => last.class = number.and_then(hex_number).map(|class| Hex(class << 8)),
            _ => {}
        }
    }
    found
}
