// SPDX-License-Identifier: GPL-2.0-only

//! Reads the output of `virsh nodedev-dumpxml`.

use super::{Listed, hex_number, id};
use crate::{Bdf, Hex, text::Line};

/// The functions of the documents in the text; empty if it has none.
pub(crate) fn libvirt(lines: &[Line]) -> Vec<Listed> {
    let mut found: Vec<Listed> = Vec::new();
    // The group that is open, and the functions that it lists.
    let mut group = None;
    for line in lines {
        for tag in line.text.split('<').skip(1) {
            let (tag, content) = tag.split_once('>').unwrap_or((tag, ""));
            let value = |key: &str| -> Option<&str> {
                let (_, rest) = tag.split_once(&format!(" {key}="))?;
                let quote = rest.chars().next()?;
                rest[1..].split(quote).next()
            };
            let name = tag.split([' ', '/']).next().unwrap_or("");
            match name {
                "name" if content.starts_with("pci_") => {
                    let bdf = Bdf::written(content.trim()).ok();
                    found.extend(bdf.map(|bdf| Listed::new(bdf, line.number)));
                    group = None;
                }
                "iommuGroup" => group = value("number").and_then(|text| text.parse::<u32>().ok()),
                "" if tag.starts_with("/iommuGroup") => group = None,
                "address" => {
                    let number = |key| value(key).and_then(hex_number);
                    let parts = (
                        number("domain"),
                        number("bus"),
                        number("slot"),
                        number("function"),
                    );
                    let (Some(number), (Some(domain), Some(bus), Some(slot), Some(function))) =
                        (group, parts)
                    else {
                        continue;
                    };
                    let text = format!("{domain:04x}:{bus:02x}:{slot:02x}.{function:x}");
                    let Some(bdf) = crate::bdf::shown(&text) else {
                        continue;
                    };
                    found.push(Listed {
                        group: Some(number),
                        ..Listed::new(bdf, line.number)
                    });
                }
                "class" if group.is_none() => {
                    if let Some(last) = found.last_mut() {
                        last.class = hex_number(content).map(Hex);
                    }
                }
                "product" | "vendor" if group.is_none() => {
                    let found_id = value("id").and_then(id);
                    if let Some(last) = found.last_mut() {
                        let field = if name == "product" {
                            &mut last.device
                        } else {
                            &mut last.vendor
                        };
                        *field = found_id.or(*field);
                    }
                }
                _ => {}
            }
        }
    }
    found
}
