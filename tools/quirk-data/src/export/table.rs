// SPDX-License-Identifier: GPL-2.0-only

//! Finds the kernel's table of ACS quirks, `pci_dev_acs_enabled[]`, in its source.

use std::ops::Range;

use super::{code::Code, error::Error, vendors::Names};

/// The name of the table.
pub(super) const NAME: &str = "pci_dev_acs_enabled";

/// A row of the table. `None` stands for `PCI_ANY_ID`.
pub(super) struct Row {
    /// Vendor id.
    pub(super) vendor: Option<u16>,
    /// Device id.
    pub(super) device: Option<u16>,
    /// The C function of the handler.
    pub(super) handler: String,
    /// The range of the row in the source.
    pub(super) at: Range<usize>,
}

/// The table.
pub(super) struct Table {
    /// The start of the declaration, or of the comment directly above it.
    pub(super) declaration: usize,
    /// The rows, in order.
    pub(super) rows: Vec<Row>,
    /// The start of the line with the terminating row.
    pub(super) end: usize,
}

impl Table {
    /// Finds the table.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] if the table is absent or has another form.
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

    /// The position for new rows of a vendor: after its last row for one device, otherwise after
    /// its last row, otherwise at the end. Rows that correct a handler go before its first row,
    /// because the kernel takes the first answer.
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

/// An id, or `Some(None)` for `PCI_ANY_ID`; `None` if the token is neither.
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

/// The start of the declaration around `inside`, or of the comment directly above it.
fn declaration(code: &Code, inside: usize) -> Option<usize> {
    let before = &code.mask[..inside];
    let start = before.rfind("\nstatic").map(|at| at + 1)?;
    // No other definition may end between here and the array.
    if code.mask[start..inside].contains(";\n}\n") {
        return None;
    }
    Some(above(code, start))
}

/// The start of the comment directly above the line of an offset, or the start of that line.
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
