// SPDX-License-Identifier: GPL-2.0-only

//! The record of decisions: keeps the decisions on each function, logs them, and shows them in the
//! debugfs file `decisions` (trust rule `effective`).
//!
//! Each function has a slot from its addition by the kernel to its removal. Memory is therefore
//! bounded by the number of functions, and the hook allocates nothing. A slot keeps the first and
//! the latest decision on [`AcsFlags::GROUPING`]. Each kind of outcome is logged once per function,
//! separately for these flags and for others.

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
    // A function without a slot gets no grant (`Refusal::Unrecorded`), and the failed allocation
    // was logged.
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

/// The decision in the form for the record; `None` if no entry lists the function.
fn verdict(decision: &Decision) -> Option<Verdict> {
    let (position, outcome) = match *decision {
        Decision::NotListed => return None,
        Decision::Granted(position) => (position, Ok(())),
        Decision::Refused(position, refusal) => (position, Err(refusal)),
    };
    let entry = TABLE.entries.get(usize::from(position))?.number;
    Some(Verdict { entry, outcome })
}

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

/// Handles a new function: a grant to a function of the same device may no longer hold. The kernel
/// does not group that function again, so the module logs a warning that names it.
///
/// Checks the granted functions of the new function's device number, and one other granted function
/// of the bus. Further functions are checked only while no claim has been found to hold. Virtual
/// functions do not affect a claim.
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
        // A function with the same device number belongs to a root port's device; other root ports
        // do not depend on it. So functions of this device number are always checked.
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

/// Whether two functions of one bus can belong to one device, as `rules/whole.rs` defines it.
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

/// Writes the debugfs file `decisions`. Each line has the function's address, `first` or `latest`,
/// the entry's number, and `granted`, or `refused` with the kind of refusal and the reason. A line
/// `between` reports a grant that is neither the first nor the latest decision. A line `exposed` is
/// written for every function that is untrusted or external-facing, or below such a bridge, whether
/// or not an entry lists it.
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

/// An address: domain in bits 47:16, bus in 15:8, devfn in 7:0. Written as `pci_name()` writes it.
pub(super) struct Address(u64);

impl core::fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (domain, bus, devfn) = (self.0 >> 16, (self.0 >> 8) & 0xff, self.0 & 0xff);
        write!(f, "{domain:04x}:{bus:02x}:{:02x}.{}", devfn >> 3, devfn & 7)
    }
}
