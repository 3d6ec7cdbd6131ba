// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's quirks on DMA aliases, as data: which functions send requests under another number,
//! and which bridges handle requester ids in a way of their own.
//!
//! The trust rule `closed` goes by the ids: a function that sends under another requester ID is one that
//! no entry may speak for.
//!
//! Linux 7.3, `drivers/pci/quirks.c`: every fixup there that calls `pci_add_dma_alias()` or sets a
//! flag that `pci_for_each_dma_alias()` goes by. 7.2 has the same ones. Not here, for they are in no
//! source: the aliases that an AMD machine's IVRS table has (`setup_aliases()` in
//! `drivers/iommu/amd/iommu.c`).

use super::devfns::DevfnSet;

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
    /// The kernel's function.
    pub handler: &'static str,
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI device ids.
    pub devices: &'static [u16],
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

/// Bridges that handle requester ids in a way of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BridgeQuirk {
    /// The kernel's function.
    pub handler: &'static str,
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI device ids.
    pub devices: &'static [u16],
    /// What they do.
    pub does: Bridge,
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
pub const ALIAS_QUIRKS: &[AliasQuirk] = &[
    // Ricoh: function 0 does the requests of all.
    function_quirk(0, 0x1180, &[0xe832, 0xe476]),
    // Glenfly.
    function_quirk(0, 0x6766, &[0x3d40, 0x3d41]),
    // Marvell SATA controllers: function 1, which may not even be there.
    function_quirk(
        1,
        0x1b4b,
        &[
            0x9120, 0x9123, 0x9125, 0x9128, 0x9130, 0x9170, 0x9172, 0x917a, 0x9182, 0x9183, 0x91a0,
            0x9215, 0x9220, 0x9230, 0x9235,
        ],
    ),
    // The same on cards of HighPoint, JMicron and Lite-On.
    function_quirk(1, 0x1103, &[0x0642, 0x0645]),
    function_quirk(1, 0x197b, &[0x2392]),
    function_quirk(1, 0x1c28, &[0x0122]),
    // Adaptec 3405 and 3805: a hidden function 01.0 does the transfers.
    AliasQuirk {
        handler: "quirk_fixed_dma_alias",
        vendor: 0x9005,
        devices: &[0x0285],
        subsystems: &[(0x9005, 0x02bb), (0x9005, 0x02bc)],
        class: None,
        numbers: Numbers::Fixed(&[devfn(0x01, 0)]),
    },
    // Intel Xeon Phi x200: a non-transparent bridge with these numbers in its translation table.
    AliasQuirk {
        handler: "quirk_mic_x200_dma_alias",
        vendor: 0x8086,
        devices: &[0x2260, 0x2264],
        subsystems: &[],
        class: None,
        numbers: Numbers::Fixed(&[devfn(0x10, 0), devfn(0x11, 0), devfn(0x12, 3)]),
    },
    // Intel Visual Compute Accelerator: whatever slot it has on the other side.
    AliasQuirk {
        handler: "quirk_pex_vca_alias",
        vendor: 0x8086,
        devices: &[0x2954, 0x2955, 0x2956, 0x2958, 0x2959, 0x295a],
        subsystems: &[],
        class: None,
        numbers: Numbers::InEachSlot(5),
    },
    // PLX non-transparent bridges.
    AliasQuirk {
        handler: "quirk_plx_ntb_dma_alias",
        vendor: 0x10b5,
        devices: &[0x87b0, 0x87b1],
        subsystems: &[],
        class: None,
        numbers: Numbers::All,
    },
    // Microsemi Switchtec non-transparent bridges.
    switchtec(
        0x11f8,
        &[
            0x8531, 0x8532, 0x8533, 0x8534, 0x8535, 0x8536, 0x8541, 0x8542, 0x8543, 0x8544, 0x8545,
            0x8546, 0x8551, 0x8552, 0x8553, 0x8554, 0x8555, 0x8556, 0x8561, 0x8562, 0x8563, 0x8564,
            0x8565, 0x8566, 0x8571, 0x8572, 0x8573, 0x8574, 0x8575, 0x8576, 0x4000, 0x4084, 0x4068,
            0x4052, 0x4036, 0x4028, 0x4100, 0x4184, 0x4168, 0x4152, 0x4136, 0x4128, 0x4200, 0x4284,
            0x4268, 0x4252, 0x4236, 0x4228, 0x4352, 0x4336, 0x4328, 0x4452, 0x4436, 0x4428, 0x4552,
            0x4536, 0x4528, 0x5000, 0x5084, 0x5068, 0x5052, 0x5036, 0x5028, 0x5100, 0x5184, 0x5168,
            0x5152, 0x5136, 0x5128, 0x5200, 0x5284, 0x5268, 0x5252, 0x5236, 0x5228, 0x5300, 0x5384,
            0x5368, 0x5352, 0x5336, 0x5328, 0x5400, 0x5484, 0x5468, 0x5452, 0x5436, 0x5428, 0x5500,
            0x5584, 0x5568, 0x5552, 0x5536, 0x5528,
        ],
    ),
    // The same by Efar.
    switchtec(
        0x1055,
        &[0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1008],
    ),
];

/// The functions of `drivers/pci/quirks.c` that set a flag of a bridge.
pub const BRIDGE_QUIRKS: &[BridgeQuirk] = &[
    // Broadcom Vulcan, Cavium ThunderX2.
    BridgeQuirk {
        handler: "quirk_bridge_cavm_thrx2_pcie_root",
        vendor: 0x14e4,
        devices: &[0x9000, 0x9084],
        does: Bridge::TranslationRoot,
    },
    // ASPEED AST1150.
    BridgeQuirk {
        handler: "quirk_aspeed_pci_bridge_no_alias",
        vendor: 0x1a03,
        devices: &[0x1150],
        does: Bridge::KeepsRequesterIds,
    },
    // ASMedia ASM1083 and 1085.
    secondary_bus_id(0x1b21, &[0x1080]),
    // Tundra 8113.
    secondary_bus_id(0x10e3, &[0x8113]),
    // ITE 8892 and 8893.
    secondary_bus_id(0x1283, &[0x8892, 0x8893]),
    // Intel 82801.
    secondary_bus_id(0x8086, &[0x244e]),
];

/// A device and function number, `PCI_DEVFN()`.
const fn devfn(slot: u8, function: u8) -> u8 {
    (slot << 3) | function
}

/// `quirk_dma_func0_alias()` and `quirk_dma_func1_alias()`.
const fn function_quirk(function: u8, vendor: u16, devices: &'static [u16]) -> AliasQuirk {
    AliasQuirk {
        handler: match function {
            0 => "quirk_dma_func0_alias",
            _ => "quirk_dma_func1_alias",
        },
        vendor,
        devices,
        subsystems: &[],
        class: None,
        numbers: Numbers::OfFunction(function),
    }
}

/// `quirk_switchtec_ntb_dma_alias()`.
const fn switchtec(vendor: u16, devices: &'static [u16]) -> AliasQuirk {
    AliasQuirk {
        handler: "quirk_switchtec_ntb_dma_alias",
        vendor,
        devices,
        subsystems: &[],
        class: Some(OTHER_BRIDGE),
        numbers: Numbers::Programmed,
    }
}

/// `quirk_use_pcie_bridge_dma_alias()`.
const fn secondary_bus_id(vendor: u16, devices: &'static [u16]) -> BridgeQuirk {
    BridgeQuirk {
        handler: "quirk_use_pcie_bridge_dma_alias",
        vendor,
        devices,
        does: Bridge::SecondaryBusId,
    }
}

/// Whether a function with these ids may send requests under the requester ID of another one, or is a
/// bridge that handles requester IDs in a way of its own, whatever its subsystem and class.
pub const fn may_alias(vendor: u16, device: u16) -> bool {
    let mut rest = ALIAS_QUIRKS;
    while let [quirk, others @ ..] = rest {
        if quirk.vendor == vendor && has(quirk.devices, device) {
            return true;
        }
        rest = others;
    }
    let mut rest = BRIDGE_QUIRKS;
    while let [quirk, others @ ..] = rest {
        if quirk.vendor == vendor && has(quirk.devices, device) {
            return true;
        }
        rest = others;
    }
    false
}

/// Whether a list has a device id.
const fn has(devices: &[u16], device: u16) -> bool {
    let mut rest = devices;
    while let [first, others @ ..] = rest {
        if *first == device {
            return true;
        }
        rest = others;
    }
    false
}

/// The aliases that the kernel's quirks give to a function with the number `devfn` on its bus.
pub fn dma_aliases(identity: &Identity, devfn: u8) -> Aliases {
    let mut aliases = Aliases {
        numbers: DevfnSet::EMPTY,
        complete: true,
    };
    let by_ids = ALIAS_QUIRKS.iter().filter(|quirk| {
        quirk.vendor == identity.vendor
            && quirk.devices.contains(&identity.device)
            && quirk.class.is_none_or(|class| class == identity.class)
    });
    for quirk in by_ids {
        if !quirk.subsystems.is_empty() {
            let Some(subsystem) = identity.subsystem else {
                aliases.complete = false;
                continue;
            };
            if !quirk.subsystems.contains(&subsystem) {
                continue;
            }
        }
        quirk.numbers.add_to(&mut aliases, devfn);
    }
    aliases
}

/// Whether the kernel's quirks have a bridge with these ids do this.
pub fn bridge_does(vendor: u16, device: u16, what: Bridge) -> bool {
    BRIDGE_QUIRKS.iter().any(|quirk| {
        quirk.vendor == vendor && quirk.devices.contains(&device) && quirk.does == what
    })
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
