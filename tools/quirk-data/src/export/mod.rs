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

mod claim;
mod code;
mod conflict;
mod error;
mod handler;
mod held;
mod known;
mod mail;
mod message;
mod place;
mod prose;
mod rows;
mod shape;
mod table;
mod vendors;

use std::path::Path;

use self::{claim::Claim, mail::Mail};
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
    /// The date of the mail in seconds since 1970, instead of the day of the statement; see
    /// [`source_date_epoch`].
    pub date: Option<u64>,
}

/// A patch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patch {
    /// The mail, for `git am`.
    pub text: String,
    /// The remaining steps before the patch can be sent, one sentence each.
    pub notices: Vec<String>,
}

/// Turns an entry into a patch against the kernel source in the folder `source`. Reads
/// `drivers/pci/quirks.c` and `include/linux/pci_ids.h` there. The same entry, source and options
/// always give the same bytes.
///
/// # Errors
///
/// [`Error`] if the entry cannot be sent, C cannot express it, the kernel already answers for a
/// device, the source does not have the expected structure, or git cannot be run.
pub fn export(entry: &Entry, source: &Path, options: &Options) -> Result<Patch, Error> {
    let claim = Claim::examine(entry)?;
    let change = place::change(&claim, source)?;
    let from = options.signed_off_by.as_ref();
    let mail = Mail {
        from,
        date: &mail::date_of(claim.date, options.date),
        subject: &message::subject(&claim),
        body: &message::body(&claim, &change.shape, from),
        old: &change.old,
        new: &change.new,
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
        text: mail.text()?,
        notices,
    })
}
