// SPDX-License-Identifier: GPL-2.0-only

//! Turns an entry into a patch for the kernel's `drivers/pci/quirks.c`, in the form that mainline
//! has for such quirks, for `git am`.
//!
//! An entry goes through these, from top to bottom:
//!
//! | file | what it does |
//! |---|---|
//! | `claim.rs` | whether the entry is one to send: status, evidence, and what C has no words for |
//! | `code.rs` | C source, read just well enough to find functions, arrays and labels |
//! | `vendors.rs` | the kernel's names for vendors |
//! | `table.rs` | the kernel's table of quirks |
//! | `known.rs` | what a handler of the kernel answers |
//! | `held.rs` | what the table holds, for the lists in `quirks/kernels/` |
//! | `conflict.rs` | whether the kernel has an answer already |
//! | `shape.rs` | what the handler is called, and what the rows tell it |
//! | `handler.rs` | the handler: everything by which the entry narrows its claim |
//! | `rows.rs` | the rows of the table |
//! | `place.rs` | where all that goes |
//! | `message.rs` | the commit message |
//! | `prose.rs` | prose in lines and in comments |
//! | `mail.rs` | the patch as a mail, which git makes |
//! | `error.rs` | why there is no patch |
//!
//! A patch never claims more than its entry. So each entry gets a handler of its own: those that the
//! kernel has, and that other devices share, look at less than an entry says. What no handler can look
//! at refuses the patch.
//!
//! Nothing is found by its line number. Where the kernel's source does not have the structure that
//! is looked for, there is no patch, and the error says what was looked for.

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
use crate::quirk::Quirk;

/// What a patch has that no entry tells.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Options {
    /// Who signs off on the patch, and sends it. Without, the patch is from nobody, and there is a
    /// notice on that.
    pub signed_off_by: Option<Person>,
    /// The date of the mail in seconds since 1970, if not the day of the statement; see
    /// [`source_date_epoch`].
    pub date: Option<u64>,
}

/// A patch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patch {
    /// The mail, for `git am`.
    pub text: String,
    /// What is left to do before it can be sent, a sentence each.
    pub notices: Vec<String>,
}

/// Turns an entry into a patch against the kernel whose source is in the folder `source`, of which
/// `drivers/pci/quirks.c` and `include/linux/pci_ids.h` are read. The same entry, source and
/// options always give the same bytes.
///
/// # Errors
///
/// [`Error`]: when there is nothing to send to mainline, when C has no words for it, when the kernel
/// has an answer for a device already, when its source does not look as expected, and when git cannot be run.
pub fn export(quirk: &Quirk, source: &Path, options: &Options) -> Result<Patch, Error> {
    let claim = Claim::examine(quirk)?;
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
