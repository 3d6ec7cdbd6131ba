// SPDX-License-Identifier: GPL-2.0-only

//! The tests. Every claim has a control in the same boot: the same steps without the module,
//! without the entry, or with only the property under test changed give the opposite result.
//!
//! | file | topic |
//! |---|---|
//! | `hardware.rs` | devices and ports that several tests use |
//! | `splits.rs` | an entry splits a device |
//! | `refusals.rs` | reasons for which an entry does not count |
//! | `whole.rs` | the extent of a device, and claims about a device that changes |
//! | `silicon.rs` | entries with limits and conditions |
//! | `ports.rs` | entries for root ports and switch ports |
//! | `surroundings.rs` | the path above a device, and splits by the kernel itself |
//! | `hotplug.rs` | devices that are plugged in and out |
//! | `held.rs` | VFIO and two programs |
//! | `upstream.rs` | a rescan on kernels with and without the patches in `upstream/` |
//! | `entries/` | tests made from the entries themselves |
//! | `module.rs` | the module's interface |
//! | `states.rs` | kernels on which the hook cannot work |
//! | `regroup/` | `acsctl regroup` |
//! | `secure_boot.rs` | a host with Secure Boot |
//! | `explain.rs` | `acsctl groups`, `why`, `predict` and `capture` |
//! | `doctor.rs` | `acsctl doctor` |
//! | `stress.rs` | loading and unloading during hot-plug |
//! | `silences.rs` | functions that stop answering at every step |
//! | `races.rs` | hot-plug, loading and listing at the same time |
//! | `memory.rs` | what the kernel's memory may grow by in both |
//! | `detectors.rs` | kernels that detect faults do so |

pub mod acs_late;
mod detectors;
mod doctor;
pub mod entries;
mod explain;
pub mod hardware;
mod held;
mod hotplug;
pub mod lacking;
mod memory;
mod module;
mod ports;
mod races;
mod refusals;
mod regroup;
pub mod secure_boot;
mod silences;
mod silicon;
mod splits;
mod states;
mod stress;
mod surroundings;
pub mod upstream;
mod whole;

use anyhow::Result;

use crate::{arch::Arch, machine::Iommu, scenario::Scenario, setup::Setup, two_guests};

/// A test that steps cannot express: its name, and its function.
pub type Program = (&'static str, fn(&Setup) -> Result<()>);

/// All tests of this form.
pub const PROGRAMS: [Program; 9] = [
    // The longest test comes first, so that the others run in parallel with it.
    ("reloads", stress::test),
    ("two-machines", |setup| {
        two_guests::test(setup, Iommu::Intel)
    }),
    ("two-machines-amd", |setup| {
        two_guests::test(setup, Iommu::Amd)
    }),
    ("two-machines-virtio", |setup| {
        two_guests::test(setup, Iommu::Virtio)
    }),
    ("detectors", detectors::test),
    ("silences", silences::test),
    ("races", races::test),
    ("regroup-chaos", regroup::chaos::test),
    ("regroup-udev", regroup::chaos::with_udev),
];

/// All tests for guests of an architecture, on all IOMMUs.
#[must_use]
pub fn all(arch: &Arch) -> Vec<Scenario> {
    let mut list: Vec<Scenario> = [
        splits::ALL,
        splits::STOCK,
        refusals::ALL,
        whole::ALL,
        silicon::ALL,
        ports::ALL,
        surroundings::ALL,
        hotplug::ALL,
        held::ALL,
        module::ALL,
        states::ALL,
    ]
    .concat();
    list.extend(regroup::all());
    list.extend(explain::ALL);
    list.extend(doctor::ALL);
    for &iommu in arch.iommus.iter().skip(1) {
        let lane = splits::ALL.iter().chain([&hotplug::ACPI]);
        list.extend(lane.map(|scenario| scenario.on(iommu)));
    }
    list.retain(|scenario| scenario.is_for(arch));
    list
}
