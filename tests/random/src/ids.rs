// SPDX-License-Identifier: GPL-2.0-only

//! Ids with a special treatment in the kernel, and plain ones.

use std::sync::LazyLock;

use fastrand::Rng;
use grouping::model::aliases::{ALIAS_QUIRKS, AliasQuirk, BRIDGE_QUIRKS, Numbers};
use quirk_data::{
    entry::Entry,
    folder::{self, Scope},
    source,
};
use rules::{aliases::Devices, pcie::PcieType};

use crate::plan::{Form, Ids};

/// Functions that Linux's `vmd` driver binds to.
pub(crate) const VMD: [(u16, u16); 2] = [(0x8086, 0x201d), (0x8086, 0x9a0b)];

/// Further ids with a special treatment in the kernel.
const ODD: [(u16, u16); 8] = [
    // Handlers for all devices of a vendor answer 0 for these.
    (0x8088, 0x0200),
    (0x8088, 0x5011),
    (0x1d17, 0x0700),
    (0x1d17, 0x0753),
    // Switches whose Source Validation the kernel ignores (`pci_disable_broken_acs_cap()`).
    (0x111d, 0x80b5),
    (0x111d, 0x8090),
    VMD[0],
    VMD[1],
];

/// Device ids for a handler that matches all devices of a vendor. No other quirk matches them.
const ANY: [u16; 4] = [0x0b25, 0x0cfe, 0x09a2, 0x4940];

/// Classes that no driver and no quirk matches.
const CLASSES: [u32; 5] = [0x02_0000, 0x01_0000, 0x0c_0400, 0x12_0000, 0x10_8000];

/// An in-tree ACS quirk: its types, and its devices.
struct InTree {
    types: Vec<PcieType>,
    /// Vendor, first and last device.
    devices: Vec<(u16, u16, u16)>,
    /// Whether the quirk reads the dword at offset 8 of the ACS capability.
    dword: bool,
    /// Whether the quirk database records the answer.
    answer_known: bool,
}

impl InTree {
    /// The quirk of an entry, if mainline has one.
    fn of(quirk: &Entry) -> Option<Self> {
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
            answer_known: mainline.not_expressed.is_none(),
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

/// Whether the quirk database records the kernel's answer for a device.
pub(crate) fn answer_is_known(vendor: u16, device: u16) -> bool {
    let of_device = |quirk: &&InTree| quirk.has(vendor, device);
    IN_TREE
        .iter()
        .filter(of_device)
        .all(|quirk| quirk.answer_known)
}

/// Whether the kernel reads the dword at offset 8 of a device's ACS capability.
pub(crate) fn has_dword(vendor: u16, device: u16) -> bool {
    let of_device = |quirk: &&InTree| quirk.has(vendor, device);
    IN_TREE.iter().filter(of_device).any(|quirk| quirk.dword)
}

/// Draws ids for a function of this form.
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

/// Probability of each sort of ids, in percent. All other ids are plain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    /// Ids of an in-tree ACS quirk.
    pub(crate) in_tree: u8,
    /// Ids of a DMA alias quirk.
    pub(crate) alias: u8,
    /// Ids from [`ODD`].
    pub(crate) odd: u8,
}

fn of((vendor, device): (u16, u16)) -> Ids {
    Ids {
        vendor,
        device,
        ..Ids::PLAIN
    }
}

/// Ids of an in-tree ACS quirk, mostly of one for functions of this form.
fn from_in_tree(random: &mut Rng, form: Form) -> Ids {
    let found = form.raw.and_then(PcieType::from_raw);
    let any = random.u8(..10) < 2;
    let fits = |quirk: &&InTree| {
        quirk.answer_known && (any || found.is_some_and(|found| quirk.types.contains(&found)))
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
        // The ends of the range and their neighbours are as frequent as all other ids of the range.
        let ends = [first, last, first.saturating_sub(1), last.saturating_add(1)];
        let end = random.choice(ends).unwrap_or_default();
        if random.bool() {
            end
        } else {
            random.u16(first..=last)
        }
    };
    // The neighbour may belong to another quirk.
    let device = if answer_is_known(vendor, device) {
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

/// Ids of a DMA alias quirk, or of a quirk on the requester IDs of a bridge.
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

fn one_of(random: &mut Rng, devices: &[Devices]) -> (u16, u16) {
    let each = |list: &Devices| {
        let vendor = list.vendor;
        list.devices.iter().map(move |&device| (vendor, device))
    };
    let all: Vec<_> = devices.iter().flat_map(each).collect();
    random.choice(all).unwrap_or_default()
}
