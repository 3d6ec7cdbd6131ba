// SPDX-License-Identifier: GPL-2.0-only

//! Finds out whether the hook has an effect at the moment (trust rule `effective`).

use crate::sys::{
    decoy::{
        self,
        Mismatch,
        Proof, //
    },
    pci, //
};

/// Whether the hook has an effect.
pub(super) enum Effect {
    /// The kernel's questions reach the hook, and the host has IOMMU groups.
    Effective,
    /// The self-test could not run; holds the reason.
    Unproven(&'static str),
    /// The hook changes nothing; holds the reason.
    Ineffective(&'static str),
    /// The hook changes nothing, because the kernel calls the hooked function with other arguments
    /// or expects another result.
    Unknown(Mismatch),
}

impl Effect {
    /// The state in one word.
    pub(super) fn state(&self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Unproven(_) => "unproven",
            Self::Ineffective(_) | Self::Unknown(_) => "ineffective",
        }
    }

    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Effective => "the kernel's questions reach the hook",
            Self::Unproven(reason) | Self::Ineffective(reason) => reason,
            Self::Unknown(_) => {
                "the kernel calls the hooked function in a way that the hook does not know"
            }
        }
    }
}

/// Runs the self-test: asks the kernel for the group of a device that exists in memory only. May
/// sleep.
pub(super) fn find() -> Effect {
    match decoy::prove() {
        Proof::NotReached => Effect::Ineffective(
            "the kernel does not reach the hook: kprobes are switched off \
             (/sys/kernel/debug/kprobes/enabled), or the function is live-patched or inlined",
        ),
        Proof::NoSlot => Effect::Unproven(
            "there is no PCI root bus with a device and an empty slot, so no claim is made",
        ),
        Proof::NoMemory => {
            Effect::Unproven("there was no memory for the self-test, so no claim is made")
        }
        Proof::Unknown(mismatch) => Effect::Unknown(mismatch),
        Proof::Reached if !pci::any_in_iommu_group() => Effect::Ineffective(
            "no PCI device is in an IOMMU group: the IOMMU is absent or off \
             (firmware setup, kernel command line)",
        ),
        Proof::Reached => Effect::Effective,
    }
}

/// Runs the self-test again when the kernel adds a device, unless it has passed: the host may have
/// had no device at load. May sleep.
pub(crate) fn on_new_device() {
    if !decoy::is_proven() {
        let _ = decoy::prove();
    }
}
