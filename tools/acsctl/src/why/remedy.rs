// SPDX-License-Identifier: GPL-2.0-only

//! The known ways to make the kernel count functions as isolated.

use std::collections::BTreeSet;

use quirk_data::entry::{Entry, Status};
use rules::{
    acs::AcsFlags,
    decision::{Decision, KernelVerdict},
    entry::Kind,
};
use schemars::JsonSchema;
use serde::Serialize;
use topology::{
    Bdf, Function, Removable,
    names::{Names, ids, printable},
};

use super::{grouped::GroupedHost, hidden::shown_elsewhere};
use crate::predict::against::{against, stated};

/// The kind of a remedy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    /// Capture the machine again as root.
    Root,
    /// Have the kernel group the device again.
    Regroup,
    /// A newer kernel.
    Kernel,
    /// An entry that the module has.
    Module,
    /// A candidate entry, whose evidence does not suffice.
    Candidate,
    /// None: the entry was rejected or withdrawn, or mainline has removed its quirk.
    Refused,
    /// A kernel setting.
    KernelSetting,
    /// A firmware setting.
    FirmwareSetting,
    /// Another slot.
    Slot,
    /// A statement by the silicon's vendor.
    Statement,
    /// Other hardware.
    Hardware,
}

/// A way to make functions count as isolated or to separate them.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub(super) struct Remedy {
    pub(super) what: What,
    /// The entry that the remedy concerns.
    pub(super) entry: Option<String>,
    pub(super) text: String,
}

impl Remedy {
    pub(super) fn new(what: What, text: impl Into<String>) -> Self {
        Self {
            what,
            entry: None,
            text: text.into(),
        }
    }

    fn by(what: What, entry: &Entry, text: impl Into<String>) -> Self {
        Self {
            what,
            entry: Some(entry.name.clone()),
            text: text.into(),
        }
    }
}

/// The remedy for a group that is larger than the one the kernel would make now.
pub(super) fn regroup(bdf: Bdf) -> Remedy {
    Remedy::new(
        What::Regroup,
        format!(
            "\"acsctl regroup {bdf}\" has the kernel group the device again, without a reboot. It refuses \
             while something uses the device."
        ),
    )
}

/// The remedies for these functions of one device.
pub(super) fn remedies(
    grouped: &GroupedHost<'_, '_>,
    functions: &[usize],
    names: &Names,
) -> Vec<Remedy> {
    let mut remedies: Vec<Remedy> = Vec::new();
    let mut add = |remedy: Remedy| {
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    };
    let mut unstated = Vec::new();
    for &index in functions {
        let seen = grouped.seen(index);
        if seen.function.unreadable {
            add(Remedy::new(
                What::Root,
                format!(
                    "Wake {bdf}, or reset it: it did not answer when the machine was read, so it is not known whether it \
                     has an ACS capability. Let its own driver use it, then read the machine again as root.",
                    bdf = grouped.bdf(index)
                ),
            ));
            continue;
        }
        if !seen.function.acs_known {
            add(Remedy::new(
                What::Root,
                "Capture this machine as root: it is not known whether these functions have an ACS \
                 capability. If they do, they may be isolated already.",
            ));
            continue;
        }
        if !grouped.machine.identifies(seen) {
            add(Remedy::new(
                What::Root,
                format!(
                    "Show the ids of {}: make the input again with lspci -D -vvvnn, as root. It is not known \
                     which device it is. A quirk of the kernel may isolate it already.",
                    grouped.bdf(index)
                ),
            ));
            continue;
        }
        if is_switched_off(grouped, index) {
            add(switched_off(grouped));
            continue;
        }
        if is_hidden(grouped, index) {
            add(unhide(seen.function));
        }
        let known = known(grouped, index, &mut add);
        if !known && seen.acs.is_none() {
            unstated.push(index);
        }
    }
    if unstated.is_empty() {
        return remedies;
    }
    if unstated.iter().any(|&index| is_exposed(grouped, index)) {
        remedies.push(Remedy::new(
            What::Hardware,
            "These functions can be plugged in from outside. The module makes no claim for them, \
             whatever their vendor states, because any plugged-in device can pretend to be one of \
             them.",
        ));
        return remedies;
    }
    remedies.push(statement(grouped, &unstated, names));
    remedies
}

/// Adds the remedies that the quirk database has for a function. Returns whether an entry lists the
/// function, or refuses a claim for it.
fn known(grouped: &GroupedHost<'_, '_>, index: usize, add: &mut impl FnMut(Remedy)) -> bool {
    let seen = grouped.seen(index);
    let function = seen.function;
    let newest = grouped.machine.newest();
    let verdict = newest.of_seen(seen, AcsFlags::GROUPING);
    if let (KernelVerdict::Isolated, Some(entry)) =
        (verdict.kernel, relied_on(grouped.machine.entry(verdict.by)))
    {
        let since = entry
            .mainline
            .as_ref()
            .and_then(|mainline| mainline.since.as_deref());
        let kernel = since.map_or_else(
            || "a current kernel".to_owned(),
            |since| format!("Linux {} or newer", since.trim_start_matches('v')),
        );
        add(newer_kernel(&kernel, function, entry));
        return true;
    }
    let kind = |found| Kind::ALL.into_iter().find(|kind| kind.applies_to(found));
    let kind = seen.pcie_type().and_then(kind);
    let vendor = function.vendor.value();
    let speaks = |entry: &&Entry| {
        let mut ids = entry.ids();
        let listed = ids.any(|ids| {
            function
                .devices()
                .any(|device| ids.contains(vendor, device))
        });
        let is_meant = entry.status != Status::NotIsolated || entry.is_about(function);
        listed && is_meant && entry.kinds().any(|covered| Some(covered) == kind)
    };
    let mut found = false;
    for entry in grouped.machine.entries.iter().filter(speaks) {
        match entry.status {
            Status::Validated | Status::Test => add(by_module(grouped, index, entry)),
            Status::Candidate => add(Remedy::by(
                What::Candidate,
                entry,
                format!(
                    "There is a candidate entry for {}, {}, but its evidence does not suffice: {} \
                     If you load it with acs_quirks_candidates.ko, which taints the kernel, you \
                     rely on isolation that no vendor has stated.",
                    ids(function),
                    entry.name,
                    reason(entry)
                ),
            )),
            Status::Rejected | Status::Withdrawn => {
                let what = if entry.status == Status::Rejected {
                    "was rejected"
                } else {
                    "was withdrawn"
                };
                add(Remedy::by(
                    What::Refused,
                    entry,
                    format!(
                        "An entry for {} {what} ({}): {}",
                        ids(function),
                        entry.name,
                        reason(entry)
                    ),
                ));
            }
            Status::NotIsolated => add(Remedy::by(
                What::Refused,
                entry,
                format!("{} {} ({}).", ids(function), against(entry), entry.name),
            )),
            Status::Mainline => {
                let Some(until) = entry.removed_in() else {
                    continue;
                };
                add(Remedy::by(
                    What::Refused,
                    entry,
                    format!(
                        "Mainline removed its quirk for {} in Linux {} ({}), and no module has it. The \
                         statement is on record: {}",
                        ids(function),
                        until.trim_start_matches('v'),
                        entry.name,
                        stated(entry)
                    ),
                ));
            }
        }
        // A vendor can still make a statement about one device when an entry for all its ids was
        // rejected.
        found |= !entry.ids().any(quirk_data::entry::Ids::is_any);
    }
    found
}

/// The remedy for a function that this entry's quirk isolates in a kernel, which `kernel` names.
pub(super) fn newer_kernel(kernel: &str, function: &Function, entry: &Entry) -> Remedy {
    Remedy::by(
        What::Kernel,
        entry,
        format!(
            "Use {kernel}: it has a quirk for {} ({}).",
            ids(function),
            entry.name
        ),
    )
}

/// The entry, unless it is refused: a kernel that grants it nevertheless is no remedy.
pub(super) fn relied_on(entry: Option<&Entry>) -> Option<&Entry> {
    entry.filter(|entry| !entry.status.is_negative())
}

/// The remedy for a function that an entry of the module lists.
fn by_module(grouped: &GroupedHost<'_, '_>, index: usize, entry: &Entry) -> Remedy {
    let (name, bdf) = (&entry.name, grouped.bdf(index));
    let machine = grouped.machine;
    let modules = &machine.modules;
    let module = modules.names();
    let text = match machine
        .prediction()
        .decision(&modules.tables, grouped.seen(index))
    {
        Decision::Granted(_) => format!(
            "The module {module} has an entry for it, {name}. Load the module, then regroup the \
             device: acsctl regroup {bdf}."
        ),
        Decision::Refused(_, refusal) => {
            // The decision that a loaded module recorded overrides the computed one.
            let recorded = machine.refused(bdf).map(str::to_owned);
            let why = recorded.unwrap_or_else(|| refusal.to_string());
            format!(
                "There is an entry for it, {name}, but it does not count here: {why}. See acsctl \
                 quirk show {name}."
            )
        }
        Decision::NotListed => format!(
            "There is an entry for it, {name}, but this module does not have it. Build the module \
             from the newest quirk database."
        ),
    };
    Remedy::by(What::Module, entry, text)
}

/// The first sentence of the reason for an entry's status.
pub(super) fn reason(entry: &Entry) -> String {
    let whole = entry.reason.as_deref().unwrap_or_default();
    let line = whole.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.find(". ").map_or(line.len(), |end| end + 1);
    let mut first = line.get(..end).unwrap_or(&line).to_owned();
    if !first.ends_with('.') {
        first.push('.');
    }
    first
}

/// Whether the ACS registers decide on a function, and a control that grouping requires is
/// disabled although the capability implements it.
pub(super) fn is_switched_off(grouped: &GroupedHost<'_, '_>, index: usize) -> bool {
    let seen = grouped.seen(index);
    let is_off = seen.acs.is_some_and(|acs| {
        acs.capability.bits() & AcsFlags::GROUPING.bits() & !acs.control.bits() != 0
    });
    is_off && grouped.machine.prediction().verdict(seen).kernel == KernelVerdict::NoOpinion
}

/// Whether the firmware hides the ACS capability of a port, as far as is known.
pub(super) fn is_hidden(grouped: &GroupedHost<'_, '_>, index: usize) -> bool {
    let seen = grouped.seen(index);
    seen.function.acs_known
        && seen.acs.is_none()
        && is_port(grouped, index)
        && shown_elsewhere(seen.function).is_some()
}

/// The remedy for a port whose ACS capability the firmware hides.
pub(super) fn unhide(port: &Function) -> Remedy {
    let source = shown_elsewhere(port).unwrap_or_default();
    Remedy::new(
        What::FirmwareSetting,
        format!(
            "On other machines, this port ({}) shows an ACS capability, so the firmware \
             hides it here. Look for \"ACS\" in the firmware setup (on AMD often \"ACS \
             Enable\", below NBIO or PCIe, and only with AER enabled), or ask the board's \
             vendor. It is not known whether this firmware has such a setting. Source: {source}.",
            ids(port)
        ),
    )
}

/// The remedy for an ACS capability whose flags are not all enabled.
pub(super) fn switched_off(grouped: &GroupedHost<'_, '_>) -> Remedy {
    if grouped.machine.recorded().is_none() {
        return Remedy::new(
            What::KernelSetting,
            "Enable the IOMMU in the firmware setup (VT-d, AMD-Vi, SMMU); on Intel, also boot with \
             intel_iommu=on. The kernel then enables at boot the controls that the ACS capability \
             implements.",
        );
    }
    Remedy::new(
        What::KernelSetting,
        "The kernel enables at boot the controls that an ACS capability implements, unless its \
         command line says otherwise. Remove pci=disable_acs_redir= and pci=config_acs= from the \
         kernel command line.",
    )
}

/// Whether the function, or a port above it, is removable.
fn is_exposed(grouped: &GroupedHost<'_, '_>, index: usize) -> bool {
    let mut path = std::iter::once(index).chain(grouped.above(index));
    path.any(|index| grouped.seen(index).function.removable == Some(Removable::Removable))
}

fn is_port(grouped: &GroupedHost<'_, '_>, index: usize) -> bool {
    grouped.seen(index).function.header != topology::Header::Endpoint
}

/// The functions of the same devices that no entry can cover.
fn uncovered(grouped: &GroupedHost<'_, '_>, functions: &[usize]) -> Vec<Bdf> {
    let devices: BTreeSet<_> = functions
        .iter()
        .map(|&index| grouped.device(index))
        .collect();
    let cannot = |index: &usize| {
        let seen = grouped.seen(*index);
        let kind = |found| Kind::ALL.into_iter().any(|kind| kind.applies_to(found));
        let can = seen.pcie_type().is_some_and(kind) && seen.acs.is_none();
        seen.function.physfn.is_none() && !can
    };
    let members = devices.iter().flat_map(|&device| grouped.of_device(device));
    let mut uncovered: Vec<_> = members
        .filter(cannot)
        .map(|index| grouped.bdf(index))
        .collect();
    uncovered.sort_unstable();
    uncovered
}

/// The bridge above functions of one device that keeps them in their groups although the device is isolated, if one does.
fn kept_together(grouped: &GroupedHost<'_, '_>, functions: &[usize]) -> Option<usize> {
    let devices = functions.iter().map(|&index| grouped.device(index));
    let devices: BTreeSet<_> = devices.collect();
    let members = devices
        .into_iter()
        .flat_map(|device| grouped.of_device(device));
    let members: BTreeSet<Bdf> = members.map(|index| grouped.bdf(index)).collect();
    let after = grouped.supposing(|seen| {
        let is_member = members.contains(&seen.function.bdf);
        is_member.then_some(KernelVerdict::Isolated)
    });
    let groups = |grouped: &GroupedHost<'_, '_>| grouped.grouping.partition(&grouped.machine.view);
    if groups(&after.ok()?) != groups(grouped) {
        return None;
    }
    let mut above = grouped.above(*functions.first()?);
    above.find(|&index| !grouped.facts(index).isolated)
}

/// The remedy by a vendor's statement: the vendor, the content, and the next step.
fn statement(grouped: &GroupedHost<'_, '_>, functions: &[usize], names: &Names) -> Remedy {
    let vendor = |index: &usize| grouped.seen(*index).function.vendor.value();
    let vendors: BTreeSet<u16> = functions.iter().map(vendor).collect();
    let vendors: Vec<_> = vendors
        .into_iter()
        .map(|id| printable(&names.vendor(id)))
        .collect();
    let what = if functions.iter().all(|&index| is_port(grouped, index)) {
        "requests that enter such a port always go upstream to the IOMMU, and never from port to \
         port"
    } else {
        "these functions cannot reach each other without passing the IOMMU"
    };
    let caught = functions.iter().any(|&index| {
        let verdict = grouped.machine.prediction().verdict(grouped.seen(index));
        verdict.kernel == KernelVerdict::NotIsolated
    });
    let caught = if caught {
        " A quirk of the kernel rejects every device that it does not list; the entry must name \
         that quirk with the key \"supersedes\"."
    } else {
        ""
    };
    let (vendors, first) = (vendors.join(" and "), functions.first());
    let first = first.map_or_else(String::new, |&index| grouped.bdf(index).to_string());
    let uncovered = uncovered(grouped, functions);
    let how = if uncovered.is_empty() {
        match kept_together(grouped, functions) {
            Some(above) => format!(
                "An entry for them splits no group of this machine as long as {} above them is not isolated, so \
                 \"acsctl quirk new\" drafts none here.{caught}",
                grouped.bdf(above)
            ),
            None => format!(
                "acsctl quirk new {first} drafts an entry, with the questions to ask.{caught}"
            ),
        }
    } else {
        format!(
            "The statement would have to become a quirk of the kernel itself: an entry of the \
             module applies only to a whole device, and no entry can cover {}, which is \
             conventional PCI or has an ACS capability.",
            super::words::address_list(&uncovered)
        )
    };
    Remedy::new(
        What::Statement,
        format!(
            "A statement by {vendors} that {what}. Only the vendor can know this, and no such \
             statement is on record. {how}"
        ),
    )
}
