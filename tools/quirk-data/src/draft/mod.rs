// SPDX-License-Identifier: GPL-2.0-only

//! Drafts an entry for a captured device.
//!
//! | file | contents |
//! |---|---|
//! | `device.rs` | the functions of the device, and whether an entry for them makes sense |
//! | `page.rs` | the entry's file, with a question wherever the vendor must answer |

mod device;
mod page;

use std::collections::BTreeSet;

use topology::{Bdf, Topology, around, names::Names};

use self::device::Device;
pub use self::device::{Existing, Refused};
use crate::{entry::Entry, narrow::narrowed, replay};

/// A drafted entry.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The text of the entry's file, if no entry lists the device: another one for it would lose what
    /// the entry has.
    pub data: Option<String>,
    /// The section with the groups of the captured machine, also for a file that exists.
    pub expect: String,
    /// The part of the topology that determines the device's groups, for the capture beside the
    /// file.
    pub capture: Topology,
    /// The entry that lists the device already, if any.
    pub existing: Option<Existing>,
    /// What the capture shows otherwise than the machine, one sentence each.
    pub notices: Vec<String>,
}

/// Drafts an entry for the device of the function at `bdf`, and returns its name and the draft.
/// `name` is the entry's name (`vendor/family`); `None` takes that of the entry that lists the
/// device, or chooses one. `free` is the number of an entry for a device that no entry lists, as
/// [`next_free`](crate::numbers::next_free) finds it. `capture_of` gives the file name of the capture
/// for an entry's name. `entries` are the existing entries.
///
/// # Errors
///
/// [`Refused`] if an entry for this device makes no sense, if `name` is not that of the entry that
/// lists the device, or if the capture does not show what is needed.
pub fn draft(
    topology: &Topology,
    bdf: Bdf,
    name: Option<&str>,
    entries: &[Entry],
    free: u16,
    capture_of: impl FnOnce(&str) -> String,
) -> Result<(String, Draft), Refused> {
    let addresses: BTreeSet<_> = device::addresses(topology, bdf)?;
    let mut notices = Vec::new();
    let mut capture = around(topology, &addresses);
    topology::make_nameless(&mut capture);
    if let Some(first) = replay::with_iommu(&mut capture) {
        notices.push(format!(
            "The machine shows no IOMMU groups, and ACS controls that are off ({first} is the first \
             such function): its IOMMU was off. The capture has the controls as a kernel sets them \
             with the IOMMU on"
        ));
    }
    // As the check of the entry will: no answer to a question mends the capture.
    let whole = |gaps: Vec<replay::Gap>| match gaps.into_iter().next() {
        Some((problem, help)) => Err(Refused(format!(
            "{bdf}: in the capture of it, {problem}; {help}"
        ))),
        None => Ok(()),
    };
    whole(replay::cut(&grouping::view(&capture), &addresses))?;
    let device = Device::examine(&capture, &addresses, entries)?;
    let (capture, device) = narrow(capture, device, &addresses, entries);
    let (capture, device, more) = as_stock(capture, device, &addresses, entries)?;
    let deciding = capture.functions.iter().map(|one| one.bdf).collect();
    whole(replay::gaps(
        &grouping::view(&capture),
        &addresses,
        &deciding,
    ))?;
    notices.extend(more);
    notices.extend(device.beyond());
    notices.extend(device.against(entries));
    let name = match (&device.existing, name) {
        (Some(existing), Some(name)) if existing.name != name => {
            return Err(Refused(format!(
                "{bdf}: the device is in the entry {}, which is {}; leave out --name {name}",
                existing.name,
                existing.status.name()
            )));
        }
        (_, Some(name)) => name.to_owned(),
        (Some(existing), None) => existing.name.clone(),
        (None, None) => device.name(entries),
    };
    let expect = page::expect(&device, &capture_of(&name));
    let names = Names::of_system(&capture);
    let is_new = device.existing.is_none();
    let draft = Draft {
        data: is_new.then(|| page::page(&device, free, &notices, &names) + &expect),
        expect,
        capture,
        existing: device.existing,
        notices,
    };
    Ok((name, draft))
}

/// The capture without functions of the buses above that do not decide on the groups, if the groups
/// stay the same without them.
fn narrow(
    capture: Topology,
    device: Device,
    addresses: &BTreeSet<Bdf>,
    entries: &[Entry],
) -> (Topology, Device) {
    let touched: BTreeSet<_> = device.before.iter().flatten().copied().collect();
    let fewer = narrowed(&capture, addresses, &touched);
    match Device::examine(&fewer, addresses, entries) {
        Ok(same) if (&same.before, &same.after) == (&device.before, &device.after) => (fewer, same),
        _ => (capture, device),
    }
}

/// The capture without the groups of its kernel, if a stock kernel makes others, and what made the
/// difference.
fn as_stock(
    capture: Topology,
    device: Device,
    addresses: &BTreeSet<Bdf>,
    entries: &[Entry],
) -> Result<(Topology, Device, Option<String>), Refused> {
    let touched: BTreeSet<_> = device.before.iter().flatten().copied().collect();
    let recorded = replay::touching(&topology::recorded(&capture), &touched);
    if recorded.is_empty() || recorded == device.before {
        return Ok((capture, device, None));
    }
    let cause = match &capture.acs_override {
        Some(value) => format!("pcie_acs_override={value} is on its command line"),
        None if !capture.regrouped.is_empty() => {
            "functions were removed and rescanned since boot".to_owned()
        }
        None => "acs_quirks may be loaded, or the kernel is patched".to_owned(),
    };
    let notice = format!(
        "The kernel of this machine made groups that a stock kernel does not make at boot ({cause}); \
         the capture leaves them out"
    );
    let mut capture = capture;
    for function in &mut capture.functions {
        function.iommu_group = None;
    }
    capture.acs_override = None;
    capture.regrouped.clear();
    let device = Device::examine(&capture, addresses, entries)?;
    Ok((capture, device, Some(notice)))
}
