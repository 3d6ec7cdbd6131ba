// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's table of ACS quirks, `pci_dev_acs_enabled[]`, as its source has it.

use std::ops::Range;

use super::{code::Code, error::Error, vendors::Names};

/// The name of the table, and of its type.
pub(super) const NAME: &str = "pci_dev_acs_enabled";

/// A row of the table. `None` is `PCI_ANY_ID`.
pub(super) struct Row {
    /// Vendor id.
    pub(super) vendor: Option<u16>,
    /// Device id.
    pub(super) device: Option<u16>,
    /// The function that answers.
    pub(super) handler: String,
    /// Where the row stands.
    pub(super) at: Range<usize>,
}

/// The table.
pub(super) struct Table {
    /// Where the declaration begins, with the comment above it, if any.
    pub(super) declaration: usize,
    /// The rows, in order.
    pub(super) rows: Vec<Row>,
    /// Where the line of the row that ends the table begins.
    pub(super) end: usize,
}

impl Table {
    /// Finds the table.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] when it is not there or not of the known form.
    pub(super) fn find(code: &Code, names: &Names) -> Result<Self, Error> {
        let body = code.array(NAME).ok_or_else(|| {
            code.unexpected(format!(
                "looked for {NAME}[] = {{ ... }} and did not find it"
            ))
        })?;
        if let Some(at) = code.mask[body.clone()].find('#') {
            let line = code.line(body.start + at);
            return Err(code.unexpected(format!(
                "looked for {NAME}[] without preprocessor lines, and line {line} is one"
            )));
        }
        let declaration = declaration(code, body.start).ok_or_else(|| {
            code.unexpected(format!(
                "looked for a line that begins with \"static\" and declares {NAME}[]"
            ))
        })?;

        let mut rows = Vec::new();
        let mut at = body.start;
        while let Some(open) = code.mask[at..body.end].find('{').map(|found| at + found) {
            let close = code.close(open).filter(|&close| close < body.end);
            let close = close.ok_or_else(|| unclear(code, open))?;
            at = close + 1;
            let fields: Vec<_> = code.mask[open + 1..close]
                .split(',')
                .map(str::trim)
                .collect();
            match fields[..] {
                ["" | "0"] => {
                    return Ok(Self {
                        declaration,
                        rows,
                        end: code.line_start(open),
                    });
                }
                [vendor, device, handler] => rows.push(Row {
                    vendor: id(vendor, names).ok_or_else(|| unclear(code, open))?,
                    device: id(device, names).ok_or_else(|| unclear(code, open))?,
                    handler: handler.to_owned(),
                    at: open..at,
                }),
                _ => return Err(unclear(code, open)),
            }
        }
        Err(code.unexpected(format!(
            "looked for {{ 0 }} at the end of {NAME}[] and did not find it"
        )))
    }

    /// Where new rows for a vendor go, so that they stand beside those that are there: after its
    /// last row for one device, or else after its last row, or else at the end. Where they correct a
    /// handler, they go before its first row: the kernel takes the first answer.
    pub(super) fn place(&self, code: &Code, vendor: u16, corrected: Option<&str>) -> usize {
        let is_corrected = |row: &Row| corrected == Some(row.handler.as_str());
        let corrected = self.rows.iter().position(is_corrected);
        let rows = &self.rows[..corrected.unwrap_or(self.rows.len())];
        let of_vendor = || {
            let rows = rows.iter().rev();
            rows.filter(move |row| row.vendor == Some(vendor))
        };
        let beside = of_vendor()
            .find(|row| row.device.is_some())
            .or_else(|| of_vendor().next());
        match (beside, corrected) {
            (Some(row), _) => code.next_line(row.at.end),
            (None, Some(at)) => above(code, self.rows[at].at.start),
            (None, None) => self.end,
        }
    }
}

/// An id, or none for `PCI_ANY_ID`; nothing where the token is neither.
#[expect(
    clippy::option_option,
    reason = "the outer one is whether it could be read"
)]
fn id(token: &str, names: &Names) -> Option<Option<u16>> {
    match token {
        "PCI_ANY_ID" | "(u16)PCI_ANY_ID" | "(u16) PCI_ANY_ID" => Some(None),
        _ => names.value(token).map(Some),
    }
}

fn unclear(code: &Code, at: usize) -> Error {
    let line = code.text[code.line_start(at)..code.next_line(at)].trim();
    code.unexpected(format!(
        "looked for {{ vendor, device, handler }} with known ids in {NAME}[], and line {} is: {line}",
        code.line(at)
    ))
}

/// The line on which the declaration around `inside` begins, or the comment right above it.
fn declaration(code: &Code, inside: usize) -> Option<usize> {
    let before = &code.mask[..inside];
    let start = before.rfind("\nstatic").map(|at| at + 1)?;
    // Nothing else may end between here and the array: this is its own declaration.
    if code.mask[start..inside].contains(";\n}\n") {
        return None;
    }
    Some(above(code, start))
}

/// Where the comment begins that stands right above the line of an offset, or else that line.
fn above(code: &Code, at: usize) -> usize {
    let mut start = code.line_start(at);
    while let Some(end) = start.checked_sub(1) {
        let above = code.line_start(end);
        let is_blank = code.text[above..start].trim().is_empty();
        if is_blank || !code.mask[above..start].trim().is_empty() {
            break;
        }
        start = above;
    }
    start
}
