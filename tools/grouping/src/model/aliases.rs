// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel's quirks on requester IDs do: under which other numbers functions send requests, and
//! which bridges handle requester IDs in a way of their own. For which devices is in `rules::aliases`.

use crate::rules::aliases::{self, Devices};

use super::devfns::{DevfnSet, Search as _};

/// By what a quirk knows a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI device id.
    pub device: u16,
    /// Subsystem vendor and device id; `None` where they are not known.
    pub subsystem: Option<(u16, u16)>,
    /// Base class and sub-class.
    pub class: u16,
}

/// Under which numbers of its bus a function sends requests, beside its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbers {
    /// That of this function of its slot, unless it is that one.
    OfFunction(u8),
    /// These.
    Fixed(&'static [u8]),
    /// Those of so many functions, from 0 on, of every slot.
    InEachSlot(u8),
    /// All.
    All,
    /// Those that a register of the device says; configuration space does not.
    Programmed,
}

/// Devices that send requests under other numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AliasQuirk {
    /// The devices.
    pub devices: &'static [Devices],
    /// Subsystem vendor and device ids; none for any.
    pub subsystems: &'static [(u16, u16)],
    /// Base class and sub-class, where the kernel looks at them.
    pub class: Option<u16>,
    /// The numbers.
    pub numbers: Numbers,
}

/// What a bridge does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bridge {
    /// `PCI_DEV_FLAGS_BRIDGE_XLATE_ROOT`: the IOMMU is at this bridge.
    TranslationRoot,
    /// `PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS`: it passes requester ids on as they are.
    KeepsRequesterIds,
    /// `PCI_DEV_FLAG_PCIE_BRIDGE_ALIAS`: a PCI Express to PCI bridge without a PCI Express
    /// capability, which takes the number of its secondary bus for what is below, and not its own.
    /// That changes no group, for the bridge is what counts either way.
    SecondaryBusId,
}

/// What is known of the aliases of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aliases {
    /// The numbers, its own not among them unless the kernel adds it.
    pub numbers: DevfnSet,
    /// Whether these are all. They are not where only the device itself can tell, or where the
    /// subsystem is not known and would decide.
    pub complete: bool,
}

/// Base class and sub-class of "other bridge", `PCI_CLASS_BRIDGE_OTHER`.
const OTHER_BRIDGE: u16 = 0x0680;

/// The functions of `drivers/pci/quirks.c` that add aliases.
pub const ALIAS_QUIRKS: [AliasQuirk; 7] = [
    // Function 0 does the requests of all.
    quirk(aliases::FUNCTION_0, Numbers::OfFunction(0)),
    // Function 1, which may not even be there.
    quirk(aliases::FUNCTION_1, Numbers::OfFunction(1)),
    // A hidden function 01.0 does the transfers.
    AliasQuirk {
        subsystems: &[(0x9005, 0x02bb), (0x9005, 0x02bc)],
        ..quirk(aliases::FIXED, Numbers::Fixed(&[devfn(0x01, 0)]))
    },
    // A non-transparent bridge with these numbers in its translation table.
    quirk(
        aliases::MIC_X200,
        Numbers::Fixed(&[devfn(0x10, 0), devfn(0x11, 0), devfn(0x12, 3)]),
    ),
    // Whatever slot it has on the other side.
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

/// A device and function number, `PCI_DEVFN()`.
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

/// Whether the kernel's quirks have a bridge with these ids do this.
pub fn bridge_does(vendor: u16, device: u16, what: Bridge) -> bool {
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
