// SPDX-License-Identifier: GPL-2.0-only

//! The answer to why functions share a group, or do not, for programs.

use quirk_data::{error::Error, json::pretty};
use schemars::JsonSchema;
use serde::Serialize;
use topology::Bdf;

use super::{remedy::Remedy, statement::Statement};
use crate::predict::report::{Assumed, Under};

/// The version of the JSON form.
pub(crate) const SCHEMA: &str = "acsctl-why-1";

/// A function of a group.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(super) struct Member {
    pub(super) function: Bdf,
    /// Class, vendor, name and ids.
    pub(super) name: String,
    /// Whether it stays with the host, also when others of its group are handed out: bridges.
    pub(super) host_only: bool,
}

/// A step of the kernel's computation.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[allow(clippy::struct_field_names, reason = "they are keys of the JSON form")]
pub(super) struct Joined {
    pub(super) kind: &'static str,
    /// The function of the kernel that decides it.
    pub(super) kernel: &'static str,
    /// The bridge, or the function whose group it is.
    pub(super) at: Bdf,
    /// Those that joined.
    pub(super) joined: Vec<Bdf>,
    pub(super) text: String,
    /// What says that those in the way are not isolated.
    pub(super) because: Vec<Statement>,
}

/// From whom the function would be apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Goal {
    /// From all other devices; not from those of its own.
    OtherDevices,
    /// From all others.
    All,
    /// From the other function that was asked about.
    Other,
}

/// A device that would have to be isolated.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(super) struct Need {
    pub(super) functions: Vec<Bdf>,
    /// What says that they are not isolated.
    pub(super) because: Vec<Statement>,
    pub(super) remedies: Vec<Remedy>,
}

/// What would set the function apart.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(super) struct Change {
    pub(super) goal: Goal,
    /// Whether it can be had by isolation: with all of `needs`.
    pub(super) possible: bool,
    /// The devices that would all have to be isolated.
    pub(super) needs: Vec<Need>,
    /// Who is in the group of the function then, without itself.
    pub(super) remaining: Vec<Bdf>,
    /// What would do as well, without any of that.
    pub(super) alternatives: Vec<Remedy>,
}

/// The group that the machine's own kernel has made.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(super) struct Actual {
    pub(super) members: Vec<Bdf>,
    /// Whether it is the one that is explained.
    pub(super) as_computed: bool,
    /// What it can come from that it is not.
    pub(super) causes: Vec<String>,
}

/// Why a function is in its group.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Answer {
    pub(super) schema: &'static str,
    pub(super) function: Member,
    /// The other function that was asked about.
    pub(super) other: Option<Member>,
    /// With which table the groups were computed.
    pub(super) under: Under,
    /// Whether it can be told at all; if not, all that follows is as the kernel has made it, or empty.
    pub(super) known: bool,
    /// The others of its group.
    pub(super) others: Vec<Member>,
    /// Whether the other function is one of them.
    pub(super) together: Option<bool>,
    /// The group that the machine's own kernel has made; `None`: none was seen.
    pub(super) actual: Option<Actual>,
    /// Those of the functions asked about that the machine's own kernel has put into no group, though it
    /// has made groups.
    pub(super) ungrouped: Vec<Bdf>,
    /// By which steps they came together.
    pub(super) steps: Vec<Joined>,
    /// Where the ways to the two functions part.
    pub(super) separated: Option<String>,
    /// What says that it is isolated, with the bridges above it; where it is alone or apart.
    pub(super) isolation: Vec<Statement>,
    pub(super) changes: Vec<Change>,
    /// What was not seen and is taken for something.
    pub(super) assumptions: Vec<Assumed>,
}

impl Answer {
    /// For programs.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when there is no memory for it, and for no other reason.
    pub fn json(&self) -> Result<String, Error> {
        pretty(self)
    }

    /// Whether it could be told.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.known
    }
}
