// SPDX-License-Identifier: GPL-2.0-only

//! The ids of functions whose requests may carry another requester ID, and of bridges that change
//! how requester IDs pass.
//!
//! Trust rule `closed`: no entry may list such a function.
//!
//! The lists follow Linux 7.3, `drivers/pci/quirks.c`: one list for each fixup that calls
//! `pci_add_dma_alias()` or sets a flag that `pci_for_each_dma_alias()` reads. Linux 7.2 has the
//! same fixups. `tools/grouping/src/model/aliases.rs` models what each fixup does. Aliases from an
//! AMD machine's IVRS table are not here, because no source file lists them (`setup_aliases()` in
//! `drivers/iommu/amd/iommu.c`).

/// Device ids of one vendor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Devices {
    /// PCI vendor id.
    pub vendor: u16,
    /// PCI device ids.
    pub devices: &'static [u16],
}

const fn of(vendor: u16, devices: &'static [u16]) -> Devices {
    Devices { vendor, devices }
}

/// `quirk_dma_func0_alias()`: Ricoh, Glenfly.
pub const FUNCTION_0: &[Devices] = &[of(0x1180, &[0xe832, 0xe476]), of(0x6766, &[0x3d40, 0x3d41])];

/// `quirk_dma_func1_alias()`: Marvell SATA controllers, also on cards of HighPoint, JMicron and
/// Lite-On.
pub const FUNCTION_1: &[Devices] = &[
    of(0x1b4b, MARVELL),
    of(0x1103, &[0x0642, 0x0645]),
    of(0x197b, &[0x2392]),
    of(0x1c28, &[0x0122]),
];

/// `quirk_fixed_dma_alias()`: Adaptec 3405 and 3805. The kernel also compares the subsystem; this
/// list does not.
pub const FIXED: &[Devices] = &[of(0x9005, &[0x0285])];

/// `quirk_mic_x200_dma_alias()`: Intel Xeon Phi x200.
pub const MIC_X200: &[Devices] = &[of(0x8086, &[0x2260, 0x2264])];

/// `quirk_pex_vca_alias()`: Intel Visual Compute Accelerator.
pub const PEX_VCA: &[Devices] = &[of(
    0x8086,
    &[0x2954, 0x2955, 0x2956, 0x2958, 0x2959, 0x295a],
)];

/// `quirk_plx_ntb_dma_alias()`: PLX non-transparent bridges.
pub const PLX_NTB: &[Devices] = &[of(0x10b5, &[0x87b0, 0x87b1])];

/// `quirk_switchtec_ntb_dma_alias()`: non-transparent bridges of Microsemi and Efar.
pub const SWITCHTEC_NTB: &[Devices] = &[
    of(0x11f8, MICROSEMI),
    of(
        0x1055,
        &[0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1008],
    ),
];

/// `quirk_bridge_cavm_thrx2_pcie_root()`: Broadcom Vulcan, Cavium ThunderX2.
pub const TRANSLATION_ROOT: &[Devices] = &[of(0x14e4, &[0x9000, 0x9084])];

/// `quirk_aspeed_pci_bridge_no_alias()`: ASPEED AST1150.
pub const BRIDGE_NO_ALIAS: &[Devices] = &[of(0x1a03, &[0x1150])];

/// `quirk_use_pcie_bridge_dma_alias()`: ASMedia ASM1083 and 1085, Tundra 8113, ITE 8892 and 8893,
/// Intel 82801.
pub const BRIDGE_ALIAS: &[Devices] = &[
    of(0x1b21, &[0x1080]),
    of(0x10e3, &[0x8113]),
    of(0x1283, &[0x8892, 0x8893]),
    of(0x8086, &[0x244e]),
];

/// Every list above.
pub const ALL: [&[Devices]; 10] = [
    FUNCTION_0,
    FUNCTION_1,
    FIXED,
    MIC_X200,
    PEX_VCA,
    PLX_NTB,
    SWITCHTEC_NTB,
    TRANSLATION_ROOT,
    BRIDGE_NO_ALIAS,
    BRIDGE_ALIAS,
];

const MARVELL: &[u16] = &[
    0x9120, 0x9123, 0x9125, 0x9128, 0x9130, 0x9170, 0x9172, 0x917a, 0x9182, 0x9183, 0x91a0, 0x9215,
    0x9220, 0x9230, 0x9235,
];

const MICROSEMI: &[u16] = &[
    0x8531, 0x8532, 0x8533, 0x8534, 0x8535, 0x8536, 0x8541, 0x8542, 0x8543, 0x8544, 0x8545, 0x8546,
    0x8551, 0x8552, 0x8553, 0x8554, 0x8555, 0x8556, 0x8561, 0x8562, 0x8563, 0x8564, 0x8565, 0x8566,
    0x8571, 0x8572, 0x8573, 0x8574, 0x8575, 0x8576, 0x4000, 0x4084, 0x4068, 0x4052, 0x4036, 0x4028,
    0x4100, 0x4184, 0x4168, 0x4152, 0x4136, 0x4128, 0x4200, 0x4284, 0x4268, 0x4252, 0x4236, 0x4228,
    0x4352, 0x4336, 0x4328, 0x4452, 0x4436, 0x4428, 0x4552, 0x4536, 0x4528, 0x5000, 0x5084, 0x5068,
    0x5052, 0x5036, 0x5028, 0x5100, 0x5184, 0x5168, 0x5152, 0x5136, 0x5128, 0x5200, 0x5284, 0x5268,
    0x5252, 0x5236, 0x5228, 0x5300, 0x5384, 0x5368, 0x5352, 0x5336, 0x5328, 0x5400, 0x5484, 0x5468,
    0x5452, 0x5436, 0x5428, 0x5500, 0x5584, 0x5568, 0x5552, 0x5536, 0x5528,
];

/// Whether a function with these ids may send requests under another requester ID, or is a bridge
/// that changes how requester IDs pass. Subsystem and class are ignored, so the answer may be true
/// for a function that the kernel's fixup skips.
pub const fn may_alias(vendor: u16, device: u16) -> bool {
    let mut quirks: &[&[Devices]] = &ALL;
    while let [quirk, others @ ..] = quirks {
        if has(quirk, vendor, device) {
            return true;
        }
        quirks = others;
    }
    false
}

/// Whether the list contains the ids.
pub const fn has(list: &[Devices], vendor: u16, device: u16) -> bool {
    let mut rest = list;
    while let [first, others @ ..] = rest {
        if first.vendor == vendor && contains(first.devices, device) {
            return true;
        }
        rest = others;
    }
    false
}

const fn contains(devices: &[u16], device: u16) -> bool {
    let mut rest = devices;
    while let [first, others @ ..] = rest {
        if *first == device {
            return true;
        }
        rest = others;
    }
    false
}
