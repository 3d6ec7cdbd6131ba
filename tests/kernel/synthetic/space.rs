// SPDX-License-Identifier: GPL-2.0-only

//! The configuration space of a described function. `core` only.
//!
//! The configuration space has the header, a PCI Express capability unless the function is
//! conventional, and the extended capabilities ARI and ACS. Everything else reads as zero: no BARs,
//! no power management, no interrupts. Writes have no effect.

use super::description::{
    Function,
    Traits, //
};

/// Offset of the PCI Express capability.
pub(super) const PCIE: u16 = 0x40;
/// Offset of the ARI capability.
pub(super) const ARI: u16 = 0x100;
/// Offset of the ACS capability, behind ARI.
pub(super) const ACS: u16 = 0x110;
/// Number of stored dwords. Those behind them read as zero.
pub(super) const DWORDS: usize = 0x120 / 4;

/// PCI Express Capability ID, `PCI_CAP_ID_EXP`.
const CAP_ID_EXP: u32 = 0x10;
/// Version of the PCI Express capability structure.
const EXP_VERSION: u32 = 2;
/// Extended capability ids, `PCI_EXT_CAP_ID_*`, with version 1.
const EXT_ACS: u32 = 0x0001_000d;
const EXT_ARI: u32 = 0x0001_000e;
/// `PCI_STATUS_CAP_LIST`, in the upper half of the Command and Status dword.
const HAS_CAPABILITIES: u32 = 0x10 << 16;
/// `PCI_EXP_DEVCAP2_ARI`.
const ARI_FORWARDING: u32 = 1 << 5;

/// The first dwords of a function's configuration space.
pub(super) type Space = [u32; DWORDS];

/// Builds the configuration space of `function`.
pub(super) fn space(function: &Function) -> Space {
    let mut space = [0; DWORDS];
    let mut put = |offset: u16, value: u32| {
        if let Some(dword) = space.get_mut(usize::from(offset) / 4) {
            *dword = value;
        }
    };
    let pair = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
    let is_express = function.pcie_type != Function::CONVENTIONAL;
    put(0x00, pair(function.device, function.vendor));
    put(0x04, if is_express { HAS_CAPABILITIES } else { 0 });
    put(0x08, function.class_revision);
    put(0x0c, u32::from(function.header_type) << 16);
    let [primary, secondary, subordinate] = function.buses;
    let buses = u32::from_le_bytes([primary, secondary, subordinate, 0]);
    let subsystem = pair(function.subsystem, function.subsystem_vendor);
    let pointer = if is_express { PCIE.into() } else { 0 };
    match function.header_type & 0x7f {
        1 => {
            put(0x18, buses);
            put(0x34, pointer);
        }
        2 => {
            put(0x14, pointer);
            put(0x18, buses);
            put(0x40, subsystem);
        }
        _ => {
            put(0x2c, subsystem);
            put(0x34, pointer);
        }
    }
    if !is_express {
        return space;
    }
    let kind = u32::from(function.pcie_type) << 4;
    put(PCIE, CAP_ID_EXP | (EXP_VERSION | kind) << 16);
    if function.traits.has(Traits::ARI_FORWARDING) {
        put(PCIE + 0x24, ARI_FORWARDING);
    }
    // The list of extended capabilities begins at 100h. Without ARI and ACS, it is empty.
    let has_acs = function.traits.has(Traits::ACS);
    let acs_at = if function.traits.has(Traits::ARI) {
        let next = if has_acs { ACS } else { 0 };
        put(ARI, EXT_ARI | u32::from(next) << 20);
        put(ARI + 4, u32::from(function.ari_next) << 8);
        ACS
    } else {
        ARI
    };
    if has_acs {
        put(acs_at, EXT_ACS);
        put(
            acs_at + 4,
            pair(function.acs_control, function.acs_capability),
        );
        put(acs_at + 8, function.acs_dword8);
    }
    space
}
