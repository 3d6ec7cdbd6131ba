// SPDX-License-Identifier: GPL-2.0-only

//! Turns an entry into a patch for the kernel's `drivers/pci/quirks.c`, in mainline's form, for
//! `git am`.
//!
//! The steps, in order:
//!
//! | file | contents |
//! |---|---|
//! | `claim.rs` | whether the entry can be sent: status, evidence, and what C can express |
//! | `code.rs` | finds functions, arrays and labels in C source |
//! | `vendors.rs` | the kernel's names of vendors |
//! | `table.rs` | the kernel's table of quirks |
//! | `known.rs` | the answers of a kernel handler |
//! | `held.rs` | the rows of the table, for the lists in `quirks/kernels/` |
//! | `conflict.rs` | whether the kernel already answers |
//! | `shape.rs` | the name of the handler, and what the rows pass to it |
//! | `handler.rs` | the handler, with a check for each limit of the claim |
//! | `rows.rs` | the rows of the table |
//! | `place.rs` | where the code is inserted |
//! | `message.rs` | the commit message |
//! | `prose.rs` | wrapping of prose, also in C comments |
//! | `mail.rs` | the patch as a mail, which git makes |
//! | `error.rs` | the errors |
//!
//! A patch never claims more than its entry. So each entry gets its own handler: the shared
//! handlers of the kernel check less than an entry states. If a handler cannot check a limit, there
//! is no patch.
//!
//! The code does not rely on line numbers. If the kernel's source does not have the expected
//! structure, there is no patch, and the error says what was expected.

pub(crate) mod claim;
mod code;
mod conflict;
mod error;
mod handler;
mod held;
mod known;
mod mail;
mod message;
mod place;
pub(crate) mod prose;
mod rows;
mod shape;
mod table;
mod vendors;

use std::{collections::BTreeSet, path::Path};

use self::{
    claim::Claim,
    mail::{Commit, Mails},
};
pub use self::{
    error::Error,
    held::{Held, Which, held},
    mail::{Person, source_date_epoch},
};
use crate::entry::Entry;

/// The parts of a patch that no entry contains.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Options {
    /// The person who signs off on the patch and sends it. Without one, the sender is a placeholder
    /// and there is a notice.
    pub signed_off_by: Option<Person>,
    /// The date of the mail in seconds since 1970, instead of now; see [`source_date_epoch`].
    pub date: Option<u64>,
}

/// A patch, or a series of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patch {
    /// The mails, for `git am`.
    pub text: String,
    /// The remaining steps before the patch can be sent, one sentence each.
    pub notices: Vec<String>,
}

/// Turns an entry into a patch, as [`export_series`] does.
///
/// # Errors
///
/// As [`export_series`].
pub fn export(entry: &Entry, source: &Path, options: &Options) -> Result<Patch, Error> {
    export_series(&[entry], source, options)
}

/// Turns entries of one vendor into patches against the kernel source in the folder `source`, each
/// on top of the one before. Reads `drivers/pci/quirks.c`, `include/linux/pci_ids.h` and
/// `include/linux/pci.h` there. The same entries, source and options, with a date, always give the
/// same bytes.
///
/// # Errors
///
/// [`Error`], with the error of each such entry, if an entry cannot be sent, C cannot express it, the kernel or an entry before it
/// already answers for a device, the source does not have the expected structure, or git cannot be
/// run.
pub fn export_series(entries: &[&Entry], source: &Path, options: &Options) -> Result<Patch, Error> {
    let vendors: BTreeSet<_> = entries.iter().map(|entry| vendor_of(entry)).collect();
    if vendors.len() > 1 {
        let vendors: Vec<_> = vendors.into_iter().collect();
        return Err(Error::Series(format!(
            "the entries are of several vendors ({}); a series is for the entries of one",
            vendors.join(", ")
        )));
    }
    for (at, entry) in entries.iter().enumerate() {
        if entries[..at].iter().any(|other| other.name == entry.name) {
            let name = &entry.name;
            return Err(Error::Series(format!(
                "{name} is given twice; name each entry of a series once, by name or by number"
            )));
        }
    }
    let from = options.signed_off_by.as_ref();
    let mut tree = place::Tree::read(source)?;
    let old = tree.code.text.clone();
    let (mut commits, mut errors) = (Vec::new(), Vec::new());
    for entry in entries {
        match commit(entry, &tree, from) {
            Ok(commit) => {
                tree.code = tree.code.with_text(commit.new.clone());
                commits.push(commit);
            }
            Err(error) if error.is_of_entry() => errors.push(error),
            Err(error) => return Err(error),
        }
    }
    if errors.len() > 1 {
        return Err(Error::Several(errors));
    }
    if let Some(error) = errors.pop() {
        return Err(error);
    }
    let mails = Mails {
        from,
        date: mail::date_of(options.date),
        old: &old,
        commits: &commits,
    };
    let mut notices = vec![message::ALONE.to_owned()];
    if from.is_none() {
        notices.push(
            "the patch has no Signed-off-by and no author, and mainline takes none without: add \
             --signed-off-by 'Name <mail>', or git am --signoff and git commit --amend \
             --reset-author"
                .to_owned(),
        );
    }
    Ok(Patch {
        text: mails.text()?,
        notices,
    })
}

/// The commit for an entry, on top of `tree`.
fn commit(entry: &Entry, tree: &place::Tree, from: Option<&Person>) -> Result<Commit, Error> {
    let claim = Claim::examine(entry)?;
    let change = place::change(&claim, tree)?;
    Ok(Commit {
        subject: message::subject(&claim),
        body: message::body(&claim, &change.shape, from),
        new: change.new,
    })
}

/// The vendor's folder, from the name of an entry.
fn vendor_of(entry: &Entry) -> &str {
    entry.name.split('/').next().unwrap_or_default()
}
