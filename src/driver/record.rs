// SPDX-License-Identifier: GPL-2.0-only

//! What was decided on each function: kept, logged, and shown in the file `decisions` (trust rule
//! `effective`: what cannot be recorded is not granted).
//!
//! Each function has a slot from the moment in which the kernel adds it until it goes, so memory is bounded
//! by the number of functions, and the hook takes none. A slot keeps the first and the latest decision on
//! the flags of grouping, and one log line is written for each kind of outcome.

use kernel::{
    fmt,
    prelude::*, //
};

use super::engine;
use crate::{
    rules::{
        acs::AcsFlags,
        decision::Decision,
        device::Function as _,
        entry::Entry,
        packed::Verdict,
        pcie::PcieType, //
    },
    sys::{
        known::{
            self,
            Record, //
        },
        pci::PciFunction, //
    },
    table::TABLE, //
};

/// Keeps and logs a decision on the flags `asked`.
pub(super) fn record(function: &PciFunction<'_>, asked: AcsFlags, decision: &Decision) {
    let Some(verdict) = verdict(decision) else {
        return;
    };
    // Without a slot nothing is granted, and the loss of the slot was logged.
    let is_grouping = asked == AcsFlags::GROUPING;
    let _ = function.with_record(|record| {
        if is_grouping {
            record.keep(verdict);
        }
        if record.log(verdict, is_grouping) {
            log(function, asked, verdict);
        }
    });
}

/// The decision of the entry, if one lists the function.
fn verdict(decision: &Decision) -> Option<Verdict> {
    let (position, outcome) = match *decision {
        Decision::NotListed => return None,
        Decision::Granted(position) => (position, Ok(())),
        Decision::Refused(position, refusal) => (position, Err(refusal)),
    };
    let entry = TABLE.entries.get(usize::from(position))?.number;
    Some(Verdict { entry, outcome })
}

/// The entry with this number.
fn entry(number: u16) -> Option<&'static Entry> {
    let position = TABLE.entries.binary_search_by_key(&number, |it| it.number);
    TABLE.entries.get(position.ok()?)
}

fn log(function: &PciFunction<'_>, asked: AcsFlags, verdict: Verdict) {
    let device = function.as_device();
    let Some(entry) = entry(verdict.entry) else {
        return;
    };
    let (number, name) = (entry.number, entry.name);
    match verdict.outcome {
        Ok(()) => dev_info!(
            device,
            "acs_quirks: isolated by entry {number} ({name}): {asked}\n"
        ),
        Err(refusal) => dev_info!(
            device,
            "acs_quirks: entry {number} ({name}) does not count: {refusal}\n"
        ),
    }
}

/// A function was added: what is granted to functions beside it may not hold any more. The kernel does not
/// group those again, so all that can be done is to say so.
///
/// Asks one function that was granted, those of the new one's slot, and others only when the claim does not hold for
/// that one. Virtual functions make no difference to a claim.
pub(crate) fn appeared(function: &PciFunction<'_>) {
    if function.is_virtual() {
        return;
    }
    let mut holds = false;
    function.each_on_bus(|other, record| {
        let is_beside = other.devfn() != function.devfn() && may_be_one_device(other, function);
        if !is_beside || !record.latest().is_some_and(was_granted) {
            return;
        }
        // What is in its slot belongs to a root port's device, and not to that of a root port elsewhere.
        if holds && !is_one_slot(other, function) {
            return;
        }
        let Some(verdict) = verdict(&engine::again(other)) else {
            return;
        };
        let (Some(entry), Err(refusal)) = (entry(verdict.entry), verdict.outcome) else {
            holds = true;
            return;
        };
        record.keep(verdict);
        let (number, name, address) = (entry.number, entry.name, Address(other.address()));
        dev_warn!(
            function.as_device(),
            "acs_quirks: entry {number} ({name}) does not count for {address} any more: {refusal}. It stays \
             in the group that it has; \"acsctl regroup {address}\" has the kernel group it again\n"
        );
    });
}

/// Whether two functions of one bus can be of one device, in the sense of `rules/package.rs`.
fn may_be_one_device(one: &PciFunction<'_>, other: &PciFunction<'_>) -> bool {
    let is_port = one.pcie_type().is_some_and(PcieType::is_claimable_port);
    is_port || one.is_ari() || is_one_slot(one, other)
}

fn is_one_slot(one: &PciFunction<'_>, other: &PciFunction<'_>) -> bool {
    one.devfn() >> 3 == other.devfn() >> 3
}

fn was_granted(verdict: Verdict) -> bool {
    verdict.outcome.is_ok()
}

/// Writes what was decided on each function: its address, `first` or `latest`, the number of the entry,
/// then `granted`, or `refused`, the kind of refusal and the reason. A function that was granted at some time and
/// is neither first nor latest has a line `between`. Functions that are exposed have a line `exposed`, whether or
/// not an entry lists them.
pub(crate) fn show(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut result = Ok(());
    known::each(|function, record| {
        result = result.and_then(|()| show_one(f, function, record));
    });
    result
}

fn show_one(
    f: &mut fmt::Formatter<'_>,
    function: &PciFunction<'_>,
    record: &Record<'_>,
) -> fmt::Result {
    let address = Address(function.address());
    if function.is_exposed() {
        writeln!(f, "{address} exposed")?;
    }
    let (first, latest) = (record.first(), record.latest());
    if let Some(first) = first.filter(|first| {
        record.was_granted() && !was_granted(*first) && !latest.is_some_and(was_granted)
    }) {
        writeln!(f, "{address} between {} granted", first.entry)?;
    }
    for (when, verdict) in [("first", first), ("latest", latest)] {
        let Some(Verdict { entry, outcome }) = verdict else {
            continue;
        };
        match outcome {
            Ok(()) => writeln!(f, "{address} {when} {entry} granted")?,
            Err(refusal) => {
                let name = refusal.name();
                writeln!(f, "{address} {when} {entry} refused {name}: {refusal}")?;
            }
        }
    }
    Ok(())
}

/// Domain in bits 47:16, bus in 15:8, devfn in 7:0; written as `pci_name()` does.
pub(super) struct Address(u64);

impl core::fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (domain, bus, devfn) = (self.0 >> 16, (self.0 >> 8) & 0xff, self.0 & 0xff);
        write!(f, "{domain:04x}:{bus:02x}:{:02x}.{}", devfn >> 3, devfn & 7)
    }
}
