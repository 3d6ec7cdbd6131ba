// SPDX-License-Identifier: GPL-2.0-only

//! The group and the ACS state of each function of a machine.

use grouping::Device;
use quirk_data::{error::Error, json::flag_names};
use rules::acs::AcsFlags;
use schemars::JsonSchema;
use serde::Serialize;
use topology::names::Names;

use super::{
    grouped::GroupedHost,
    reason::{DecidedBy, acs_reason, decided_by},
};
use crate::{host::HostView, predict::report::Basis};

/// Whether a function is isolated, and what decides that.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(crate) struct Acs {
    /// Whether the kernel counts the function as isolated.
    pub(crate) isolated: bool,
    decided_by: DecidedBy,
    /// The decision in two or three words.
    pub(crate) summary: String,
    /// The decision as a clause that starts with "it".
    text: String,
    /// The registers of the ACS capability; `None` if there is no capability or its registers could
    /// not be read.
    advertised: Option<Advertised>,
}

/// The registers of an ACS capability.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
struct Advertised {
    implemented: Vec<&'static str>,
    on: Vec<&'static str>,
}

/// The state of each function with the modules in effect, by position in the view.
pub(crate) struct FunctionStates<'m>(GroupedHost<'m, 'm>);

impl std::fmt::Debug for FunctionStates<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.grouping.fmt(f)
    }
}

impl<'m> FunctionStates<'m> {
    pub(crate) fn of(machine: &'m HostView<'m>) -> Result<Self, Error> {
        Ok(Self(GroupedHost::new(machine, machine.running())?))
    }

    /// The machine.
    pub(crate) const fn machine(&self) -> &'m HostView<'m> {
        self.0.machine
    }

    /// The computed group of a function.
    pub(crate) fn group(&self, index: usize) -> Option<u32> {
        self.0.grouping.groups[index]
    }

    pub(crate) fn host_only(&self, index: usize) -> bool {
        self.0.host_only(index)
    }

    pub(crate) fn device(&self, index: usize) -> Device {
        self.0.device(index)
    }

    pub(crate) fn above(&self, index: usize) -> impl Iterator<Item = usize> + use<'_, 'm> {
        self.0.above(index)
    }

    /// The kernel and tables that the computation assumes.
    pub(crate) fn under(&self) -> Basis {
        Basis::running(self.0.machine)
    }

    /// The PCIe type of a function; `None` if it could not be read.
    pub(crate) fn kind(&self, index: usize) -> Option<String> {
        let function = self.0.seen(index).function;
        let conventional = || "conventional PCI".to_owned();
        let kind = function.pcie_type.as_ref();
        let kind = kind.map_or_else(conventional, |kind| {
            topology::names::printable(&kind.to_string())
        });
        function.pcie_known.then_some(kind)
    }

    pub(crate) fn acs(&self, index: usize, names: &Names) -> Acs {
        let reason = acs_reason(&self.0, index, names);
        let function = self.0.seen(index).function;
        let registers = function.acs.and_then(|acs| acs.cap.zip(acs.ctl));
        let flags = |bits: u16| flag_names(AcsFlags::from_bits(bits));
        Acs {
            isolated: reason.isolated,
            decided_by: reason.decided_by,
            summary: self.short(index),
            text: reason.text,
            advertised: registers.map(|(cap, ctl)| Advertised {
                implemented: flags(cap),
                on: flags(ctl),
            }),
        }
    }

    fn short(&self, index: usize) -> String {
        let grouped = &self.0;
        let isolated = grouped.facts(index).isolated;
        let (decided_by, _) = decided_by(grouped, index);
        match decided_by {
            DecidedBy::Entry => "entry".to_owned(),
            DecidedBy::Quirk if isolated => "kernel quirk".to_owned(),
            DecidedBy::Quirk => "rejected by kernel quirk".to_owned(),
            DecidedBy::Registers if isolated => "ACS on".to_owned(),
            DecidedBy::Registers => {
                let off = grouped.seen(index).acs.map_or(AcsFlags::NONE, |acs| {
                    let off = acs.capability.bits() & !acs.control.bits();
                    AcsFlags::from_bits(off).intersection(AcsFlags::GROUPING)
                });
                format!("ACS off: {off}")
            }
            DecidedBy::NoCapability => "no ACS".to_owned(),
            DecidedBy::NotSeen => "ACS not read".to_owned(),
            DecidedBy::RegistersNotSeen => "ACS registers not read".to_owned(),
            DecidedBy::Type if !grouped.seen(index).function.pcie_known => "not read".to_owned(),
            DecidedBy::Type if grouped.seen(index).pcie_type().is_none() => {
                "conventional".to_owned()
            }
            DecidedBy::Type => "never isolated".to_owned(),
            DecidedBy::Alone => "single function".to_owned(),
        }
    }
}
