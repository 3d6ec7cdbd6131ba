// SPDX-License-Identifier: GPL-2.0-only

//! What changes in `drivers/pci/quirks.c`, and where.

use std::{ops::Range, path::Path};

use super::{
    claim::Claim,
    code::Code,
    conflict,
    error::Error,
    extend, handler, rows,
    shape::{Select, Shape},
    table::Table,
    vendors::Names,
};

/// The file, below the top of the kernel's source.
pub(super) const FILE: &str = "drivers/pci/quirks.c";

/// A piece of the file that is replaced.
pub(super) struct Edit {
    /// What is replaced; of no length where something is inserted.
    pub(super) at: Range<usize>,
    /// By what.
    pub(super) text: String,
}

/// The file, as it is and as it becomes; and the form that the entry took.
pub(super) struct Change {
    /// As it is.
    pub(super) old: String,
    /// As it becomes.
    pub(super) new: String,
    /// The form.
    pub(super) shape: Shape,
}

/// Puts an entry into the file of a kernel's source.
///
/// # Errors
///
/// Each that [`Error`] has, but for those on the entry alone.
pub(super) fn change(claim: &Claim<'_>, source: &Path) -> Result<Change, Error> {
    let names = Names::read(source)?;
    let code = Code::read(&source.join(FILE))?;
    let table = Table::find(&code, &names)?;
    conflict::check(claim, &code, &table)?;
    let shape = Shape::choose(claim, &code)?;
    let edits = match &shape {
        Shape::Extend { name, .. } => extend::edits(claim, &code, name)?,
        Shape::Shared(name) => {
            let excluded = |vendor| claim.excluded(Some(vendor));
            new_rows(claim, &code, &table, &names, name, Select::Rows, excluded)
        }
        Shape::Own(own) => {
            let mut edits = vec![Edit {
                at: table.declaration..table.declaration,
                text: handler::source(claim, own),
            }];
            let nothing = |_| Vec::new();
            edits.extend(new_rows(
                claim, &code, &table, &names, &own.name, own.select, nothing,
            ));
            edits
        }
    };
    Ok(Change {
        new: apply(&code.text, edits),
        old: code.text,
        shape,
    })
}

/// The rows of each vendor, beside those that it has.
fn new_rows(
    claim: &Claim<'_>,
    code: &Code,
    table: &Table,
    names: &Names,
    handler: &str,
    select: Select,
    excluded: impl Fn(u16) -> Vec<String>,
) -> Vec<Edit> {
    let mut vendors: Vec<u16> = Vec::new();
    for ids in claim.quirk.ids() {
        if !vendors.contains(&ids.vendor) {
            vendors.push(ids.vendor);
        }
    }
    let edit = |vendor| {
        let at = table.place(code, vendor);
        let name = names.vendor(vendor, code);
        let text = rows::source(claim, vendor, &name, handler, select, &excluded(vendor));
        Edit { at: at..at, text }
    };
    vendors.into_iter().map(edit).collect()
}

/// The text after the edits, which must not overlap.
fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.at.start);
    let mut done = 0;
    let mut new = String::with_capacity(text.len());
    for edit in edits {
        new += &text[done..edit.at.start];
        new += &edit.text;
        done = edit.at.end;
    }
    new + &text[done..]
}
