// SPDX-License-Identifier: GPL-2.0-only

//! Finds out whether the kernel already answers for a device of the entry.

use super::{
    claim::{Claim, handler_of},
    code::Code,
    error::Error,
    known::Handler,
    table::{Row, Table},
};
use crate::entry::Ids;

/// Compares an entry with every row of the kernel's table.
///
/// # Errors
///
/// [`Error::Present`] if a row or its handler lists a device of the entry, or a handler answers for
/// every device of the kind; [`Error::Inexpressible`] if a handler would answer "no" before a new
/// row and the entry does not correct it; [`Error::Unexpected`] if the handler that the entry
/// corrects is not in the table.
pub(super) fn check(claim: &Claim<'_>, code: &Code, table: &Table) -> Result<(), Error> {
    let corrects = claim.entry.supersedes.map(handler_of);
    for ids in claim.entry.ids() {
        let rows = table.rows.iter();
        for row in rows.filter(|row| row.vendor.is_none_or(|vendor| vendor == ids.vendor)) {
            match row.device {
                // A row for one device still counts when it comes before a row for every device.
                Some(device) if !ids.is_any() && (ids.first..=ids.last).contains(&device) => {
                    return Err(present(
                        claim,
                        code,
                        row.at.start,
                        format!(
                            "{:04x}:{device:04x}, answered by {}()",
                            ids.vendor, row.handler
                        ),
                    ));
                }
                Some(_) => {}
                None => check_for_any(claim, code, row, *ids, corrects)?,
            }
        }
    }
    let in_table = |name: &str| {
        let mut rows = table.rows.iter();
        rows.any(|row| row.device.is_none() && row.handler == name)
    };
    match corrects {
        Some(name) if !in_table(name) => Err(code.unexpected(format!(
            "looked for a row of the table with PCI_ANY_ID and {name}, which {} supersedes",
            claim.entry.name
        ))),
        _ => Ok(()),
    }
}

/// Compares ids with a row for every device of their vendor.
fn check_for_any(
    claim: &Claim<'_>,
    code: &Code,
    row: &Row,
    ids: Ids,
    corrects: Option<&str>,
) -> Result<(), Error> {
    let handler = Handler::read(code, &row.handler)?;
    if !handler.sees(claim.entry.kinds()) {
        return Ok(());
    }
    if handler.listed.is_empty() {
        return Err(present(
            claim,
            code,
            row.at.start,
            format!(
                "{}() answers for {ids}, as for every device of this kind",
                row.handler
            ),
        ));
    }
    let mut listed = handler.listed.iter();
    let shared = listed.find(|one| one.first <= ids.last && ids.first <= one.last);
    if let Some(one) = shared.filter(|_| !ids.is_any()) {
        let (first, last) = (one.first.max(ids.first), one.last.min(ids.last));
        let common = Ids { first, last, ..ids };
        return Err(present(
            claim,
            code,
            one.at,
            format!("{common}, answered by {}()", row.handler),
        ));
    }
    if handler.ends_with_no && corrects != Some(row.handler.as_str()) {
        return Err(claim.inexpressible(format!(
            "supersedes: {}() in line {} of {} answers 0, \"not isolated\", for {ids} and whatever else \
             it does not list; an entry that corrects it has to say so with supersedes = \"...\"",
            row.handler,
            code.line(row.at.start),
            code.path.display()
        )));
    }
    Ok(())
}

fn present(claim: &Claim<'_>, code: &Code, at: usize, what: String) -> Error {
    Error::Present {
        entry: claim.entry.name.clone(),
        file: code.path.clone(),
        line: code.line(at),
        what,
    }
}
