// SPDX-License-Identifier: GPL-2.0-only

//! Models the kernel's requester ID quirks: the other requester IDs of a function, and bridges that
//! change how requester IDs pass. `rules::aliases` lists the ids.
//!
//! The lists hold for every release: the kernels 5.10.262, 6.1.192, 6.12.118, 7.2.12 and 7.3.4 of
//! Debian have the same fixups, with two exceptions. [`Bridge::KeepsRequesterIds`] depends on
//! [`Release::bridge_no_alias`]. Some ids of the Switchtec bridges are missing in older kernels,
//! which makes no difference to the groups, because the aliases of those bridges are not known.

use crate::rules::aliases::{self, Devices};

use super::{
    devfns::{DevfnSet, Search as _},
    release::Release,
};

/// The properties by which a quirk selects a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI device id.
    pub device: u16,
    /// Subsystem vendor and device id; `None` if unknown.
    pub subsystem: Option<(u16, u16)>,
    /// Base class and subclass.
    pub class: u16,
}

/// The numbers on its bus under which a function sends requests, besides its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbers {
    /// The number of this function of the same device number.
    OfFunction(u8),
    /// A fixed list of numbers.
    Fixed(&'static [u8]),
    /// The numbers of functions 0 up to this count (exclusive) at every device number of the bus.
    InEachSlot(u8),
    /// Every number of the bus.
    All,
    /// Numbers that a register outside configuration space holds.
    Programmed,
}

/// A quirk that adds DMA aliases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AliasQuirk {
    /// The ids that it applies to.
    pub devices: &'static [Devices],
    /// The subsystem ids that it applies to; empty for any.
    pub subsystems: &'static [(u16, u16)],
    /// The base class and subclass that it applies to, if it compares them.
    pub class: Option<u16>,
    /// The aliases.
    pub numbers: Numbers,
}

/// The effect of a bridge quirk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bridge {
    /// `PCI_DEV_FLAGS_BRIDGE_XLATE_ROOT`: the IOMMU translates at this bridge.
    TranslationRoot,
    /// `PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS`: the bridge passes requester IDs unchanged.
    KeepsRequesterIds,
    /// `PCI_DEV_FLAG_PCIE_BRIDGE_ALIAS`: a PCI Express to PCI bridge without a PCI Express
    /// capability. Requests from below it carry an ID of its secondary bus, not its own. This
    /// changes no group, because the grouping continues at the bridge in both cases.
    SecondaryBusId,
}

/// The known aliases of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aliases {
    /// The aliases. The function's own number is not one of them unless the kernel adds it.
    pub numbers: DevfnSet,
    /// Whether the set is complete. It is not if only the device itself knows its aliases, or if
    /// the quirk depends on an unknown subsystem.
    pub complete: bool,
}

/// `PCI_CLASS_BRIDGE_OTHER`: base class and subclass "other bridge".
const OTHER_BRIDGE: u16 = 0x0680;

/// The functions of `drivers/pci/quirks.c` that add aliases.
pub const ALIAS_QUIRKS: [AliasQuirk; 7] = [
    // Function 0 sends the requests of every function.
    quirk(aliases::FUNCTION_0, Numbers::OfFunction(0)),
    // Function 1 sends the requests, and may be hidden.
    quirk(aliases::FUNCTION_1, Numbers::OfFunction(1)),
    // A hidden function 01.0 sends the requests.
    AliasQuirk {
        subsystems: &[(0x9005, 0x02bb), (0x9005, 0x02bc)],
        ..quirk(aliases::FIXED, Numbers::Fixed(&[devfn(0x01, 0)]))
    },
    // A non-transparent bridge with these numbers in its translation table.
    quirk(
        aliases::MIC_X200,
        Numbers::Fixed(&[devfn(0x10, 0), devfn(0x11, 0), devfn(0x12, 3)]),
    ),
    // The device number on the far side is not known.
    quirk(aliases::PEX_VCA, Numbers::InEachSlot(5)),
    quirk(aliases::PLX_NTB, Numbers::All),
    AliasQuirk {
        class: Some(OTHER_BRIDGE),
        ..quirk(aliases::SWITCHTEC_NTB, Numbers::Programmed)
    },
];

/// The functions of `drivers/pci/quirks.c` that set a flag of a bridge.
pub const BRIDGE_QUIRKS: [(&[Devices], Bridge); 3] = [
    (aliases::TRANSLATION_ROOT, Bridge::TranslationRoot),
    (aliases::BRIDGE_NO_ALIAS, Bridge::KeepsRequesterIds),
    (aliases::BRIDGE_ALIAS, Bridge::SecondaryBusId),
];

const fn quirk(devices: &'static [Devices], numbers: Numbers) -> AliasQuirk {
    AliasQuirk {
        devices,
        subsystems: &[],
        class: None,
        numbers,
    }
}

/// Device and function number in one byte: `PCI_DEVFN()`.
const fn devfn(slot: u8, function: u8) -> u8 {
    (slot << 3) | function
}

/// The aliases that the kernel's quirks give to a function with the number `devfn` on its bus.
pub fn dma_aliases(identity: &Identity, devfn: u8) -> Aliases {
    let mut found = Aliases {
        numbers: DevfnSet::EMPTY,
        complete: true,
    };
    let by_ids = ALIAS_QUIRKS.iter().filter(|quirk| {
        aliases::has(quirk.devices, identity.vendor, identity.device)
            && quirk.class.is_none_or(|class| class == identity.class)
    });
    for quirk in by_ids {
        if !quirk.subsystems.is_empty() {
            let Some(subsystem) = identity.subsystem else {
                found.complete = false;
                continue;
            };
            if !quirk.subsystems.contains(&subsystem) {
                continue;
            }
        }
        quirk.numbers.add_to(&mut found, devfn);
    }
    found
}

/// Every number that a quirk may give to the function with the number `devfn`, whatever its class and
/// subsystem are. `device` and `vendor` are `None` if they are unknown.
pub fn possible_dma_aliases(vendor: Option<u16>, device: Option<u16>, devfn: u8) -> DevfnSet {
    let mut found = Aliases {
        numbers: DevfnSet::EMPTY,
        complete: true,
    };
    for quirk in &ALIAS_QUIRKS {
        if may_have(quirk.devices, vendor, device) {
            quirk.numbers.add_to(&mut found, devfn);
        }
    }
    if found.complete {
        found.numbers
    } else {
        DevfnSet::ALL
    }
}

/// Whether a bridge quirk may have this effect on a bridge with an unknown device id. `vendor` is `None` if
/// it is unknown, too.
pub fn bridge_may(vendor: Option<u16>, what: Bridge) -> bool {
    BRIDGE_QUIRKS
        .iter()
        .any(|(devices, does)| *does == what && may_have(devices, vendor, None))
}

/// Whether a list has these ids; `None` stands for any id.
fn may_have(list: &[Devices], vendor: Option<u16>, device: Option<u16>) -> bool {
    list.iter().any(|devices| {
        vendor.is_none_or(|vendor| vendor == devices.vendor)
            && device.is_none_or(|device| devices.devices.contains(&device))
    })
}

/// Whether a quirk of this kernel has this effect on a bridge with these ids.
pub fn bridge_does(vendor: u16, device: u16, what: Bridge, release: &Release) -> bool {
    if what == Bridge::KeepsRequesterIds && !release.bridge_no_alias {
        return false;
    }
    BRIDGE_QUIRKS
        .iter()
        .any(|(devices, does)| *does == what && aliases::has(devices, vendor, device))
}

impl Numbers {
    fn add_to(self, aliases: &mut Aliases, of: u8) {
        match self {
            Self::OfFunction(function) => {
                if of & 7 != function {
                    aliases.numbers.insert((of & !7) | function);
                }
            }
            Self::Fixed(numbers) => {
                for &number in numbers {
                    aliases.numbers.insert(number);
                }
            }
            Self::InEachSlot(functions) => {
                for slot in 0..32 {
                    for function in 0..functions {
                        aliases.numbers.insert(devfn(slot, function & 7));
                    }
                }
            }
            Self::All => aliases.numbers = DevfnSet::ALL,
            Self::Programmed => aliases.complete = false,
        }
    }
}
