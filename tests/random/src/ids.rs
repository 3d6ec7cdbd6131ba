// SPDX-License-Identifier: GPL-2.0-only

//! Ids that mean something to the kernel, and some that mean nothing.

use std::sync::LazyLock;

use fastrand::Rng;
use grouping::model::aliases::{ALIAS_QUIRKS, AliasQuirk, BRIDGE_QUIRKS, Numbers};
use quirk_data::{
    folder::{self, Scope},
    quirk::Quirk,
    source,
};
use rules::{aliases::Devices, pcie::PcieType};

use crate::plan::{Form, Ids};

/// Functions that Linux's `vmd` driver drives.
pub(crate) const VMD: [(u16, u16); 2] = [(0x8086, 0x201d), (0x8086, 0x9a0b)];

/// What else the kernel treats in a way of its own.
const ODD: [(u16, u16); 8] = [
    // Vendors for whose every device a handler answers: with a no for these.
    (0x8088, 0x0200),
    (0x8088, 0x5011),
    (0x1d17, 0x0700),
    (0x1d17, 0x0753),
    // Switches whose Source Validation it takes for not there (pci_disable_broken_acs_cap()).
    (0x111d, 0x80b5),
    (0x111d, 0x8090),
    VMD[0],
    VMD[1],
];

/// For a handler that takes every device of a vendor: some that no other quirk knows.
const ANY: [u16; 4] = [0x0b25, 0x0cfe, 0x09a2, 0x4940];

/// Classes that no driver and no quirk goes by.
const CLASSES: [u32; 5] = [0x02_0000, 0x01_0000, 0x0c_0400, 0x12_0000, 0x10_8000];

/// An in-tree ACS quirk of the kernel: the types that it answers for, and its devices.
struct InTree {
    types: Vec<PcieType>,
    /// Vendor, first and last device.
    devices: Vec<(u16, u16, u16)>,
    /// Whether it looks 8 bytes into the ACS capability.
    dword: bool,
    /// Whether the data tells what it answers.
    told: bool,
}

impl InTree {
    /// An entry as a quirk of the kernel, if it is one.
    fn of(quirk: &Quirk) -> Option<Self> {
        let mainline = quirk.mainline.as_ref()?;
        let applies = |found: &PcieType| {
            mainline.any_type || quirk.kinds().any(|kind| kind.applies_to(*found))
        };
        let types = (0x0..=0xf).filter_map(PcieType::from_raw).filter(applies);
        let devices = quirk.ids().map(|ids| (ids.vendor, ids.first, ids.last));
        Some(Self {
            types: types.collect(),
            devices: devices.collect(),
            dword: quirk.acs_registers.is_some(),
            told: mainline.not_expressed.is_none(),
        })
    }

    fn has(&self, vendor: u16, device: u16) -> bool {
        let lists =
            |&(of, first, last): &(u16, u16, u16)| of == vendor && (first..=last).contains(&device);
        self.devices.iter().any(lists)
    }
}

static IN_TREE: LazyLock<Vec<InTree>> = LazyLock::new(|| {
    let quirks = folder::check_all(source::built_in(), Scope::now(None))
        .unwrap_or_else(|found| panic!("the data has faults: {}", found[0]));
    quirks.iter().filter_map(InTree::of).collect()
});

/// Whether the data tells what the kernel's quirks say of a device.
pub(crate) fn are_told(vendor: u16, device: u16) -> bool {
    let of_device = |quirk: &&InTree| quirk.has(vendor, device);
    IN_TREE.iter().filter(of_device).all(|quirk| quirk.told)
}

/// Whether the kernel looks 8 bytes into the ACS capability of a device.
pub(crate) fn has_dword(vendor: u16, device: u16) -> bool {
    let of_device = |quirk: &&InTree| quirk.has(vendor, device);
    IN_TREE.iter().filter(of_device).any(|quirk| quirk.dword)
}

/// Ids for a function of this form, by a kind that `kinds` chooses.
pub(crate) fn draw(random: &mut Rng, odds: Odds, form: Form) -> Ids {
    let choice = random.u8(..100);
    let (in_tree, alias) = (odds.in_tree, odds.in_tree + odds.alias);
    let ids = if choice < in_tree {
        from_in_tree(random, form)
    } else if choice < alias {
        from_alias(random, form)
    } else if choice < alias + odds.odd {
        of(random.choice(ODD).unwrap_or_default())
    } else {
        Ids {
            device: random.u16(1..0x10),
            ..Ids::PLAIN
        }
    };
    Ids {
        class: random.choice(CLASSES).unwrap_or_default(),
        revision: random.u8(..4),
        ..ids
    }
}

/// How likely ids are of one kind, in percent; the rest is plain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    /// Of an in-tree ACS quirk.
    pub(crate) in_tree: u8,
    /// Of a quirk on DMA aliases.
    pub(crate) alias: u8,
    /// Of something else that is treated in a way of its own.
    pub(crate) odd: u8,
}

fn of((vendor, device): (u16, u16)) -> Ids {
    Ids {
        vendor,
        device,
        ..Ids::PLAIN
    }
}

/// Of an in-tree ACS quirk; most of the time of one that answers for functions of this form.
fn from_in_tree(random: &mut Rng, form: Form) -> Ids {
    let found = form.raw.and_then(PcieType::from_raw);
    let any = random.u8(..10) < 2;
    let fits = |quirk: &&InTree| {
        quirk.told && (any || found.is_some_and(|found| quirk.types.contains(&found)))
    };
    let fitting: Vec<_> = IN_TREE.iter().filter(fits).collect();
    let Some(quirk) = random.choice(fitting) else {
        return Ids::PLAIN;
    };
    let (vendor, first, last) = random
        .choice(quirk.devices.iter().copied())
        .unwrap_or_default();
    let device = if (first, last) == (u16::MIN, u16::MAX) {
        random.choice(ANY).unwrap_or_default()
    } else {
        // The ends and what is beside them as often as all between.
        let ends = [first, last, first.saturating_sub(1), last.saturating_add(1)];
        let end = random.choice(ends).unwrap_or_default();
        if random.bool() {
            end
        } else {
            random.u16(first..=last)
        }
    };
    // The neighbour may be of another quirk.
    let device = if are_told(vendor, device) {
        device
    } else {
        first
    };
    let bits = [0x1d, 0x1f, 0x5f, 0x3d, 0x0d, 0x1c, 0, u32::MAX];
    Ids {
        dword8: random.choice(bits).filter(|_| has_dword(vendor, device)),
        ..of((vendor, device))
    }
}

/// Of a quirk on DMA aliases, or of one on what a bridge does with requester ids.
fn from_alias(random: &mut Rng, form: Form) -> Ids {
    if form.is_bridge() && random.u8(..10) < 8 {
        let quirk = random.choice(BRIDGE_QUIRKS);
        return quirk.map_or(Ids::PLAIN, |(devices, _)| of(one_of(random, devices)));
    }
    let known = |quirk: &&AliasQuirk| quirk.numbers != Numbers::Programmed;
    let quirks: Vec<_> = ALIAS_QUIRKS.iter().filter(known).collect();
    let Some(quirk) = random.choice(quirks) else {
        return Ids::PLAIN;
    };
    let subsystem = random
        .choice(quirk.subsystems.iter().copied())
        .filter(|_| random.u8(..10) < 8);
    Ids {
        subsystem: subsystem.unwrap_or_default(),
        ..of(one_of(random, quirk.devices))
    }
}

/// The ids of one of these devices.
fn one_of(random: &mut Rng, devices: &[Devices]) -> (u16, u16) {
    let each = |list: &Devices| {
        let vendor = list.vendor;
        list.devices.iter().map(move |&device| (vendor, device))
    };
    let all: Vec<_> = devices.iter().flat_map(each).collect();
    random.choice(all).unwrap_or_default()
}
