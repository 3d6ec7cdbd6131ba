// SPDX-License-Identifier: GPL-2.0-only

//! The forms in which people post IOMMU groups: lists that shell loops print, folders of sysfs,
//! kernel logs, and the tables and documents of other programs.
//!
//! | file | contents |
//! |---|---|
//! | `line.rs` | a line that names a group |
//! | `table.rs` | Proxmox's table, `pvesh` as JSON, `lspci -vmm` |
//! | `libvirt.rs` | `virsh nodedev-dumpxml` |

mod libvirt;
mod line;
mod table;

pub(crate) use libvirt::libvirt;
pub(crate) use line::{GroupLine, line, member, split, without_tree};
pub(crate) use table::{json, records, table};

use crate::{Bdf, Hex};

/// A function that a program lists with its group, without capabilities.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Listed {
    pub(crate) bdf: Bdf,
    /// The number of its line; 0 if it has none.
    pub(crate) line: usize,
    pub(crate) group: Option<u32>,
    pub(crate) vendor: Option<u16>,
    pub(crate) device: Option<u16>,
    pub(crate) class: Option<Hex<6>>,
}

impl Listed {
    fn new(bdf: Bdf, line: usize) -> Self {
        Self {
            bdf,
            line,
            group: None,
            vendor: None,
            device: None,
            class: None,
        }
    }
}

/// A number such as `0x8086`, with or without the prefix.
fn hex_number(text: &str) -> Option<u32> {
    let text = text.trim().trim_matches(['"', '\'']);
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u32::from_str_radix(digits, 16).ok()
}

fn id(text: &str) -> Option<u16> {
    hex_number(text).and_then(|value| u16::try_from(value).ok())
}
