// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel's table holds, with the device ids that its handlers list themselves.

use std::path::Path;

use super::{code::Code, error::Error, known::Handler, place::FILE, table::Table, vendors::Names};

/// The devices of a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Which {
    /// These, from first to last.
    Range(u16, u16),
    /// Every device of the vendor, as far as the handler goes by ids: by PCIe type it may.
    Any,
    /// Those that the handler finds by comparing ids, which is not read.
    Unread,
}

/// What the table or one of its handlers lists.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Held {
    /// Vendor id.
    pub vendor: u16,
    /// Device ids.
    pub devices: Which,
    /// The handler.
    pub handler: String,
}

/// Reads the table of the kernel whose source is in the folder `source`, in its order. Where a row is
/// for every device of a vendor and its handler lists ids, those stand in its place.
///
/// # Errors
///
/// [`Error::Unreadable`], and [`Error::Unexpected`] where the source does not look as expected.
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
