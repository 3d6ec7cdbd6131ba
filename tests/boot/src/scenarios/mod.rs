// SPDX-License-Identifier: GPL-2.0-only

//! The tests. Every claim has its control: the same steps without the module, without the entry, or
//! with the one fact changed give the other answer in the same boot.
//!
//! | file | what it is about |
//! |---|---|
//! | `hardware.rs` | devices and ports that several tests use |
//! | `splits.rs` | an entry splits a package, when and where it should |
//! | `refusals.rs` | where an entry does not count |
//! | `whole.rs` | what the whole device is, and what becomes of a claim when it changes |
//! | `silicon.rs` | entries that say more exactly which silicon they speak for |
//! | `ports.rs` | entries for root ports and switch ports |
//! | `surroundings.rs` | what is above a package, and what the kernel splits by itself |
//! | `hotplug.rs` | packages that are plugged in and out |
//! | `held.rs` | what VFIO gives to two programs |
//! | `entries/` | every entry, made from its own data |
//! | `module.rs` | what can be seen and set from outside |
//! | `states.rs` | kernels on which the hook cannot work |
//! | `regroup/` | `acsctl regroup` |
//! | `owner.rs` | `acsctl groups`, `why`, `predict` and `capture` |
//! | `doctor.rs` | `acsctl doctor` |
//! | `stress.rs` | loading and unloading while devices come and go |
//! | `silences.rs` | functions that fall silent at every step |
//! | `races.rs` | everything at once |

mod doctor;
pub mod entries;
mod explain;
pub mod hardware;
mod held;
mod hotplug;
mod module;
mod ports;
mod races;
mod refusals;
mod regroup;
mod silences;
mod silicon;
mod splits;
mod states;
mod stress;
mod surroundings;
mod whole;

use anyhow::Result;

use crate::{arch::Arch, machine::Iommu, scenario::Scenario, setup::Setup, two_guests};

/// A test that is more than a list of steps: its name, and what runs it.
pub type Program = (&'static str, fn(&Setup) -> Result<()>);

/// All of these.
pub const PROGRAMS: [Program; 5] = [
    ("two-machines", |setup| {
        two_guests::test(setup, Iommu::Intel)
    }),
    ("two-machines-amd", |setup| {
        two_guests::test(setup, Iommu::Amd)
    }),
    ("two-machines-virtio", |setup| {
        two_guests::test(setup, Iommu::Virtio)
    }),
    ("silences", silences::test),
    ("races", races::test),
];

/// Every test for guests of an architecture, on every IOMMU that it is run on.
#[must_use]
pub fn all(arch: &Arch) -> Vec<Scenario> {
    let mut list: Vec<Scenario> = [
        // The longest first, so that the others run beside it.
        stress::ALL,
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
