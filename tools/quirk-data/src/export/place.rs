// SPDX-License-Identifier: GPL-2.0-only

//! Inserts the new code into `drivers/pci/quirks.c`.

use std::path::Path;

use super::{
    claim::{Claim, handler_of},
    code::Code,
    conflict,
    error::Error,
    handler::{self, CALL, Means},
    rows,
    shape::Shape,
    table::Table,
    vendors::Names,
};

/// The path below the root of the kernel's source.
pub(super) const FILE: &str = "drivers/pci/quirks.c";

/// An insertion.
struct Edit {
    /// The offset.
    at: usize,
    text: String,
}

/// What is read of a kernel's source.
pub(super) struct Tree {
    /// `drivers/pci/quirks.c`.
    pub(super) code: Code,
    /// The names of vendors and devices.
    names: Names,
    /// What `include/linux/pci.h` has for handlers.
    means: Means,
}

impl Tree {
    /// Reads the source in a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] and [`Error::Unexpected`].
    pub(super) fn read(source: &Path) -> Result<Self, Error> {
        let names = Names::read(source)?;
        let code = Code::read(&source.join(FILE))?;
        if code.function(CALL).is_none() {
            return Err(code.unexpected(format!(
                "looked for the function {CALL}(), which Linux has since 5.6; take the source of a \
                 newer kernel"
            )));
        }
        Ok(Self {
            code,
            names,
            means: Means::read(source),
        })
    }
}

/// The file after the change, and the form of the entry.
pub(super) struct Change {
    /// The text after.
    pub(super) new: String,
    /// The form of the entry in C.
    pub(super) shape: Shape,
}

/// Inserts an entry into the file of a kernel's source.
///
/// # Errors
///
/// Every [`Error`] except those about the entry alone.
pub(super) fn change(claim: &Claim<'_>, tree: &Tree) -> Result<Change, Error> {
    let code = &tree.code;
    let table = Table::find(code, &tree.names)?;
    conflict::check(claim, code, &table)?;
    let shape = Shape::choose(claim, code)?;
    let mut edits = vec![Edit {
        at: table.declaration,
        text: handler::source(claim, &shape, tree.means),
    }];
    edits.extend(new_rows(claim, code, &table, &tree.names, &shape));
    Ok(Change {
        new: apply(&code.text, edits),
        shape,
    })
}

/// The rows of each vendor, next to its existing rows and before those of a handler that the entry
/// corrects.
fn new_rows(
    claim: &Claim<'_>,
    code: &Code,
    table: &Table,
    names: &Names,
    shape: &Shape,
) -> Vec<Edit> {
    let mut vendors: Vec<u16> = Vec::new();
    for ids in claim.entry.ids() {
        if !vendors.contains(&ids.vendor) {
            vendors.push(ids.vendor);
        }
    }
    let edit = |vendor| {
        let at = table.place(code, vendor, claim.entry.supersedes.map(handler_of));
        let text = rows::source(claim, shape, vendor, &names.vendor(vendor, code));
        Edit { at, text }
    };
    vendors.into_iter().map(edit).collect()
}

/// The text with all insertions made.
fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.at);
    let mut done = 0;
    let mut new = String::with_capacity(text.len());
    for edit in edits {
        new += &text[done..edit.at];
        new += &edit.text;
        done = edit.at;
    }
    new + &text[done..]
}
