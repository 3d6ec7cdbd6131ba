// SPDX-License-Identifier: GPL-2.0-only

//! The answer of `acsctl why` as data, and its JSON form.

use quirk_data::{error::Error, json::pretty};
use schemars::JsonSchema;
use serde::Serialize;
use topology::Bdf;

use super::{reason::AcsReason, remedy::Remedy};
use crate::predict::{
    open::OpenFor,
    report::{Assumed, Basis},
};

pub(crate) const SCHEMA: &str = "acsctl-why-1";

/// A function of a group.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(super) struct Member {
    pub(super) function: Bdf,
    /// The class, vendor, name and ids.
    pub(super) name: String,
    /// Whether the function is a bridge, which the host keeps when other functions of the group are
    /// passed through.
    pub(super) host_only: bool,
    /// For a virtual function: its physical function, without whose driver it does not exist.
    pub(super) physical: Option<Bdf>,
}

impl Member {
    /// The remark for a function that the host keeps; empty for others.
    pub(super) const fn stays(&self) -> &'static str {
        if self.host_only {
            "(stays with the host)"
        } else {
            ""
        }
    }
}

/// A step of the kernel's computation that joined functions.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[allow(clippy::struct_field_names, reason = "they are keys of the JSON form")]
pub(super) struct Joined {
    pub(super) kind: &'static str,
    /// The kernel's C function that decides this step.
    pub(super) kernel: &'static str,
    /// The bridge, or the function whose group the others joined.
    pub(super) at: Bdf,
    /// The functions that joined.
    pub(super) joined: Vec<Bdf>,
    pub(super) text: String,
    /// Why the functions that cause this step are not isolated.
    pub(super) because: Vec<AcsReason>,
}

/// The functions that a change separates the function from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Goal {
    /// From all other devices, but not from functions of its own device.
    OtherDevices,
    /// From all other functions.
    All,
    /// From the other function that was asked about.
    Other,
}

/// A device that must count as isolated.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(super) struct Need {
    pub(super) functions: Vec<Bdf>,
    /// Why these functions are not isolated.
    pub(super) because: Vec<AcsReason>,
    pub(super) remedies: Vec<Remedy>,
}

/// A change that would separate the function.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(super) struct Change {
    pub(super) goal: Goal,
    /// Whether isolation can reach the goal, with all of `needs` met.
    pub(super) possible: bool,
    /// The devices that must all count as isolated.
    pub(super) needs: Vec<Need>,
    /// The other functions in the group after the change.
    pub(super) remaining: Vec<Bdf>,
    /// Alternatives to `needs`.
    pub(super) alternatives: Vec<Remedy>,
}

/// The group that the machine's kernel made.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(super) struct Actual {
    pub(super) members: Vec<Bdf>,
    /// Whether this is the group that the answer explains.
    pub(super) as_computed: bool,
    /// Possible causes of a difference.
    pub(super) causes: Vec<String>,
    /// How to get the group that the answer explains, if it is the smaller one.
    pub(super) remedy: Option<Remedy>,
}

/// Why a function is in its group.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Answer {
    pub(super) schema: &'static str,
    pub(super) function: Member,
    /// The other function that was asked about.
    pub(super) other: Option<Member>,
    /// The kernel and tables that the computation assumes.
    pub(super) under: Basis,
    /// Whether enough was read to give an answer. If not, the remaining fields repeat the kernel's
    /// own groups or are empty.
    pub(super) known: bool,
    /// What the input does not show, so that the answer is not known.
    pub(super) missing: Option<String>,
    /// The other functions of the group.
    pub(super) others: Vec<Member>,
    /// Whether `other` is in the same group.
    pub(super) together: Option<bool>,
    /// The group that the machine's kernel made; `None` if unknown.
    pub(super) actual: Option<Actual>,
    /// The functions asked about that are in no group of the machine's kernel, although that kernel
    /// made groups.
    pub(super) ungrouped: Vec<Bdf>,
    /// The functions asked about, and members of the group, whose group by the machine's kernel the input does not show
    /// although it shows others.
    pub(super) unshown: Vec<Bdf>,
    /// The steps that joined the functions.
    pub(super) steps: Vec<Joined>,
    /// Where the paths from the root to the two functions part.
    pub(super) separated: Option<String>,
    /// Why the function and the bridges above it are isolated, if it is alone or apart.
    pub(super) isolation: Vec<AcsReason>,
    pub(super) changes: Vec<Change>,
    /// The assumptions about what could not be read.
    pub(super) assumptions: Vec<Assumed>,
    /// What the facts that the input lacks leave open about the function; `None` if nothing.
    pub(super) open: Option<OpenFor>,
}

impl Answer {
    /// The JSON form.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when memory runs out.
    pub fn json(&self) -> Result<String, Error> {
        pretty(self)
    }

    /// What the input does not show, so that the answer is not known; empty for a known answer.
    #[must_use]
    pub fn missing(&self) -> &str {
        self.missing.as_deref().unwrap_or_default()
    }

    /// Whether enough was read to give an answer.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.known
    }
}
