// SPDX-License-Identifier: GPL-2.0-only

//! Tables and records: Proxmox's list of PCI devices, `pvesh`, and `lspci -vmm`.

use serde_json::Value;

use super::{Listed, hex_number, id};
use crate::{Error, Hex, bdf, text::Line};

/// A table with a column for groups: the columns of its head.
struct Table {
    /// Whether marks separate the cells, and not spaces.
    is_ruled: bool,
    width: usize,
    group: usize,
    vendor: Option<usize>,
    device: Option<usize>,
    class: Option<usize>,
}

impl Table {
    /// The table whose head this line is, if it is one.
    fn of_head(line: &Line) -> Option<Self> {
        let (is_ruled, cells) = cells(line);
        let is_group =
            |cell: &String| matches!(cell.replace(['-', ' ', '_'], "").as_str(), "iommugroup");
        let column = |name: &str| cells.iter().position(|cell| cell == name);
        Some(Self {
            is_ruled,
            width: cells.len(),
            group: cells
                .iter()
                .position(is_group)
                .filter(|_| cells.len() > 2)?,
            vendor: column("vendor"),
            device: column("device"),
            class: column("class"),
        })
    }

    /// The function in a row; `None` for a line that is no row.
    fn row(&self, name: &str, line: &Line) -> Result<Option<Listed>, Error> {
        let (is_ruled, cells) = cells(line);
        let bdf = cells.iter().find_map(|cell| bdf::shown(cell));
        let is_row = is_ruled == self.is_ruled
            && (cells.len() == self.width || !is_ruled && cells.len() > self.width);
        let Some(bdf) = bdf.filter(|_| is_row) else {
            return Ok(None);
        };
        let group = group(&cells[self.group]).map_err(|NoGroup| Error {
            line: Some(line.number),
            ..Error::at(
                name,
                bdf,
                format!("its group is \"{}\", which is no number", cells[self.group]),
                "write the number of the group, or - for none",
            )
        })?;
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at));
        Ok(Some(Listed {
            group,
            vendor: cell(self.vendor).and_then(|cell| id(cell)),
            device: cell(self.device).and_then(|cell| id(cell)),
            class: cell(self.class).and_then(|cell| hex_number(cell)).map(Hex),
            ..Listed::new(bdf, line.number)
        }))
    }
}

/// The cells of a line in lower case, and whether marks separate them.
fn cells(line: &Line) -> (bool, Vec<String>) {
    let text = line.text.replace(['\u{2502}', '\u{2503}', '\u{2551}'], "|");
    let is_ruled = text.contains('|');
    let text = text.trim_matches('|');
    let cells: Vec<_> = if is_ruled {
        text.split('|').map(str::trim).collect()
    } else {
        text.split_whitespace().collect()
    };
    let plain = |cell: &str| cell.trim_matches(['`', '*']).trim().to_ascii_lowercase();
    (is_ruled, cells.into_iter().map(plain).collect())
}

/// A cell that names neither a group nor none.
struct NoGroup;

/// The group in a cell: `24`, `Group 24`, `3 (shared)`; `None` for `-1`, `n/a` or nothing.
fn group(cell: &str) -> Result<Option<u32>, NoGroup> {
    if matches!(
        cell,
        "" | "-" | "-1" | "n/a" | "none" | "no" | "\u{2013}" | "\u{2014}"
    ) {
        return Ok(None);
    }
    let words = cell.split(|c: char| !c.is_ascii_alphanumeric());
    let mut numbers = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    match (numbers.next().map(str::parse), numbers.next()) {
        (Some(Ok(number)), None) => Ok(Some(number)),
        _ => Err(NoGroup),
    }
}

/// Whether a line has only the marks of a border.
fn is_border(text: &str) -> bool {
    let is_mark = |c: char| "|+-=: ".contains(c) || matches!(c, '\u{2500}'..='\u{257f}');
    !text.is_empty() && text.chars().all(is_mark)
}

/// Reads the tables with a column `iommugroup`, and returns the other lines too. A table ends with the first line
/// that is neither a row nor a border. The rows of a table whose head names no group are left out.
///
/// # Errors
///
/// [`Error`] for a row whose group cannot be read.
pub(crate) fn table(name: &str, lines: Vec<Line>) -> Result<(Vec<Listed>, Vec<Line>), Error> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    let mut open: Option<Table> = None;
    let mut is_of_others = false;
    for line in lines {
        if let Some(table) = &open {
            match table.row(name, &line)? {
                Some(row) => found.push(row),
                None if is_border(&line.text) => {}
                None => open = None,
            }
        }
        if open.is_none() {
            open = Table::of_head(&line);
            let (is_ruled, cells) = cells(&line);
            let is_ruled = is_ruled && cells.len() > 2;
            let is_row = cells.iter().any(|cell| bdf::shown(cell).is_some());
            if open.is_none() && !(is_row && is_ruled && is_of_others) {
                let names_group = |cell: &String| cell.contains("group") || cell.contains("iommu");
                let is_head = is_ruled && !is_row && !is_border(&line.text);
                is_of_others = if is_head {
                    !cells.iter().any(names_group)
                } else {
                    is_of_others && is_ruled
                };
                others.push(line);
            }
        }
    }
    Ok((found, others))
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
