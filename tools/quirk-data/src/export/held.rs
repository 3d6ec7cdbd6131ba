// SPDX-License-Identifier: GPL-2.0-only

//! Reads the rows of the kernel's table, with the device ids that its handlers list.

use std::path::Path;

use super::{code::Code, error::Error, known::Handler, place::FILE, table::Table, vendors::Names};

/// The devices of a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Which {
    /// First and last device id, inclusive.
    Range(u16, u16),
    /// Every device of the vendor. The handler may still compare the PCIe type.
    Any,
    /// Devices that the handler selects by code that this program does not read.
    Unread,
}

/// A row of the table, or an id range in one of its handlers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Held {
    /// Vendor id.
    pub vendor: u16,
    /// Device ids.
    pub devices: Which,
    /// The C function of the handler.
    pub handler: String,
}

/// Reads the table of the kernel source in the folder `source`, in its order. A row for every
/// device of a vendor is replaced by the ids that its handler lists, if it lists any.
///
/// # Errors
///
/// [`Error::Unreadable`], and [`Error::Unexpected`] if the source does not have the expected
/// structure.
pub fn held(source: &Path) -> Result<Vec<Held>, Error> {
    let code = Code::read(&source.join(FILE))?;
    let names = Names::read(source)?;
    let mut all = Vec::new();
    for row in Table::find(&code, &names)?.rows {
        let vendor = row.vendor.ok_or_else(|| {
            let line = code.line(row.at.start);
            code.unexpected(format!(
                "looked for rows with a vendor, and line {line} has none"
            ))
        })?;
        let of = |devices| Held {
            vendor,
            devices,
            handler: row.handler.clone(),
        };
        let Some(device) = row.device else {
            let handler = Handler::read(&code, &row.handler)?;
            let listed = handler.listed.iter();
            all.extend(listed.map(|one| of(Which::Range(one.first, one.last))));
            if handler.listed.is_empty() {
                all.push(of(if handler.compares_device {
                    Which::Unread
                } else {
                    Which::Any
                }));
            }
            continue;
        };
        all.push(of(Which::Range(device, device)));
    }
    Ok(all)
}
