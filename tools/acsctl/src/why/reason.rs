// SPDX-License-Identifier: GPL-2.0-only

//! Whether a function is isolated, and what decides that.

use grouping::model::{Interface, acs_enabled::AcsRegisters};
use quirk_data::{edition::Edition, entry::Entry};
use rules::{acs::AcsFlags, decision::KernelVerdict, pcie::PcieType};
use schemars::JsonSchema;
use serde::Serialize;
use topology::{
    Bdf,
    names::{Names, ids, printable},
};

use super::grouped::GroupedHost;
use crate::predict::against::against;

/// What decides whether a function is isolated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DecidedBy {
    /// An entry of the module's table.
    Entry,
    /// A quirk of the kernel.
    Quirk,
    /// The registers of the ACS capability.
    Registers,
    /// The function has no ACS capability.
    NoCapability,
    /// It is unknown whether the function has an ACS capability.
    NotSeen,
    /// The function has an ACS capability whose registers could not be read.
    RegistersNotSeen,
    /// The type of the function.
    Type,
    /// The function has no sibling.
    Alone,
}

/// Whether a function is isolated, and what decides that.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(super) struct AcsReason {
    pub(super) function: Bdf,
    /// The class, vendor, name and ids.
    pub(super) name: String,
    pub(super) isolated: bool,
    pub(super) decided_by: DecidedBy,
    /// The decision as a clause that starts with "it".
    pub(super) text: String,
}

/// The flags in words.
const FLAGS: [(AcsFlags, &str); 4] = [
    (AcsFlags::SV, "Source Validation"),
    (AcsFlags::RR, "Request Redirect"),
    (AcsFlags::CR, "Completion Redirect"),
    (AcsFlags::UF, "Upstream Forwarding"),
];

/// The statement about a function.
pub(super) fn acs_reason(grouped: &GroupedHost<'_, '_>, index: usize, names: &Names) -> AcsReason {
    let (decided_by, mut text) = decided_by(grouped, index);
    let function = grouped.seen(index).function;
    let isolated = grouped.facts(index).isolated;
    let kind = grouped.seen(index).pcie_type();
    let contradicts = |entry: &&Entry| kind.is_some_and(|kind| entry.is_against(function, kind));
    let mut entries = grouped.machine.entries.iter();
    if let Some(entry) = entries.find(contradicts).filter(|_| isolated) {
        let stated = against(entry);
        text = format!("{text}, although it {stated} ({})", entry.name);
    }
    let kind = function.pcie_type.as_ref().map(|kind| format!("{kind}, "));
    let kind = kind.unwrap_or_default();
    let device = names.device(function).map(|name| format!(" {name}"));
    AcsReason {
        function: function.bdf,
        name: printable(&format!(
            "{kind}{}{} [{}]",
            names.vendor(function.vendor.value()),
            device.unwrap_or_default(),
            ids(function)
        )),
        isolated,
        decided_by,
        text,
    }
}

/// What decides whether a function is isolated, also as a clause.
pub(super) fn decided_by(grouped: &GroupedHost<'_, '_>, index: usize) -> (DecidedBy, String) {
    by_table(grouped, index)
        .or_else(|| by_quirk(grouped, index))
        .unwrap_or_else(|| by_itself(grouped, index))
}

fn by_table(grouped: &GroupedHost<'_, '_>, index: usize) -> Option<(DecidedBy, String)> {
    let seen = grouped.seen(index);
    let prediction = grouped.machine.prediction();
    let by_kernel = match prediction.verdict(seen).kernel {
        KernelVerdict::Isolated => true,
        KernelVerdict::NotIsolated => false,
        KernelVerdict::NoOpinion | KernelVerdict::Unknown => seen.facts.isolated,
    };
    if by_kernel || !grouped.facts(index).isolated {
        return None;
    }
    // Neither the kernel's quirks nor the function's registers isolate it, so an entry does.
    let (position, entry) = prediction.granted(grouped.tables, seen)?;
    let table = grouped.tables.get(position)?;
    let name = table.entries.get(usize::from(entry))?.name;
    let text = match grouped.machine.edition_of(table) {
        None => {
            let supposed = grouped.machine.supposed();
            let is_hypothesis = supposed.is_some_and(|(supposed, _)| supposed.is_hypothesis());
            let hypothesis = if is_hypothesis {
                ", which is a hypothesis"
            } else {
                ""
            };
            format!("the supposed entry {name} isolates it{hypothesis}")
        }
        Some(Edition::Validated) => {
            format!("the module's entry {name} isolates it, based on its vendor's statement")
        }
        Some(edition @ (Edition::Candidate | Edition::Test)) => format!(
            "the entry {name} of the module {} says that it is isolated, but no vendor vouches for \
             that",
            edition.module()
        ),
    };
    Some((DecidedBy::Entry, text))
}

fn by_quirk(grouped: &GroupedHost<'_, '_>, index: usize) -> Option<(DecidedBy, String)> {
    let verdict = grouped.machine.prediction().verdict(grouped.seen(index));
    let mainline = grouped.machine.entry(verdict.by);
    let mainline = mainline.and_then(|entry| entry.mainline.as_ref());
    let handler = mainline.map_or("", |mainline| mainline.handler.as_str());
    let text = match verdict.kernel {
        KernelVerdict::NoOpinion | KernelVerdict::Unknown => return None,
        KernelVerdict::Isolated => {
            let assumed = if verdict.assumed {
                "; the quirk sets up registers for that, which were not read"
            } else {
                ""
            };
            let refused = grouped.machine.entry(verdict.by);
            let refused = refused.filter(|entry| entry.status.is_negative());
            let refused = refused.map_or_else(String::new, |entry| {
                format!(
                    ", although its entry {} is {}: do not rely on it",
                    entry.name,
                    entry.status.name()
                )
            });
            format!("the kernel's quirk {handler}() says that it is isolated{assumed}{refused}")
        }
        KernelVerdict::NotIsolated if verdict.assumed => format!(
            "the kernel's quirk {handler}() is for certain revisions, subsystems or states of the device, \
             and those of this one were not seen: it is taken as not isolated"
        ),
        KernelVerdict::NotIsolated if mainline.is_some() => format!(
            "the kernel's quirk {handler}() says that it is not isolated in every way that \
             grouping requires"
        ),
        KernelVerdict::NotIsolated => {
            "the kernel's quirk for this vendor lists other devices, and rejects every device that \
             it does not list"
                .to_owned()
        }
    };
    Some((DecidedBy::Quirk, text))
}

fn by_itself(grouped: &GroupedHost<'_, '_>, index: usize) -> (DecidedBy, String) {
    let seen = grouped.seen(index);
    let facts = grouped.facts(index);
    let of_type = |text: &str| (DecidedBy::Type, text.to_owned());
    if !seen.function.pcie_known && !seen.function.unreadable {
        return of_type("its capabilities were not seen; it is taken as not isolated");
    }
    let is_single = match facts.interface {
        Interface::Conventional => {
            return of_type(
                "it has no PCI Express capability, so it cannot have ACS: the kernel counts it as not isolated",
            );
        }
        Interface::Express(PcieType::PciBridge | PcieType::PcieBridge) => {
            return of_type(
                "it is a bridge to or from conventional PCI, which the kernel never counts as \
                 isolated",
            );
        }
        Interface::Express(PcieType::RcEventCollector) => {
            return of_type("it is an event collector, which the kernel never counts as isolated");
        }
        Interface::Reserved => {
            return of_type(
                "it is of a type that the kernel does not know and therefore counts as isolated",
            );
        }
        Interface::Express(PcieType::RootPort | PcieType::DownstreamPort) => false,
        Interface::Express(_) => !facts.multifunction,
    };
    if is_single {
        let text = "it is the only function of its device, so it has no sibling to reach";
        return (DecidedBy::Alone, text.to_owned());
    }
    let Some(acs) = seen.acs else {
        if !seen.function.acs_known {
            let text = if seen.function.unreadable {
                "it did not answer when the machine was read, so it is not known whether it has an ACS capability; it \
                 is assumed to have none"
            } else {
                "it is not known whether it has an ACS capability; it is assumed to have none"
            };
            return (DecidedBy::NotSeen, text.to_owned());
        }
        let text = if grouped.machine.identifies(seen) {
            "it has no ACS capability, and no quirk of this kernel isolates it"
        } else {
            "it has no ACS capability; it is not known which device it is, so a quirk of the kernel may \
             isolate it"
        };
        return (DecidedBy::NoCapability, text.to_owned());
    };
    if grouped.assumes_acs(index) {
        let text = "it has an ACS capability; its registers were not read, and all controls are \
                    assumed to be enabled";
        return (DecidedBy::RegistersNotSeen, text.to_owned());
    }
    (DecidedBy::Registers, registers(acs))
}

/// The registers as a clause.
fn registers(acs: AcsRegisters) -> String {
    let words = |flags: AcsFlags| {
        let words = FLAGS.iter().filter(|(flag, _)| flags.contains(*flag));
        let words: Vec<_> = words.map(|(_, name)| *name).collect();
        words.join(", ")
    };
    let implemented = acs.capability.intersection(AcsFlags::GROUPING);
    let off = AcsFlags::from_bits(implemented.bits() & !acs.control.bits());
    if off != AcsFlags::NONE {
        return format!(
            "it has an ACS capability, but these controls are disabled: {} ({off})",
            words(off)
        );
    }
    if implemented == AcsFlags::NONE {
        return "it has an ACS capability that implements none of the controls that grouping \
                requires: by the specification, it passes no requests between its functions"
            .to_owned();
    }
    format!(
        "it has an ACS capability, and all controls that this implements are enabled: {} \
         ({implemented})",
        words(implemented)
    )
}
