// SPDX-License-Identifier: GPL-2.0-only

//! Effective, not installed (trust rule `effective`): whether the hook has an effect right now.

use crate::sys::{
    decoy::{
        self,
        Proof, //
    },
    pci, //
};

/// What is known of the hook.
pub(super) enum Effect {
    /// The kernel's questions reach the hook, and there are groups to split.
    Effective,
    /// It could not be found out.
    Unproven(&'static str),
    /// It was found out that the hook changes nothing.
    Ineffective(&'static str),
}

impl Effect {
    /// One word for it.
    pub(super) fn state(&self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Unproven(_) => "unproven",
            Self::Ineffective(_) => "ineffective",
        }
    }

    /// Why it is so.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Effective => "the kernel's questions reach the hook",
            Self::Unproven(reason) | Self::Ineffective(reason) => reason,
        }
    }
}

/// Finds out, by asking the kernel to group a device that does not exist.
///
/// Sleeps.
pub(super) fn find() -> Effect {
    match decoy::prove() {
        Proof::NotReached => Effect::Ineffective(
            "the kernel does not reach the hook: kprobes are switched off \
             (/sys/kernel/debug/kprobes/enabled), or the function is live-patched or inlined",
        ),
        Proof::NoSlot => {
            Effect::Unproven("there is no PCI root bus with a device and an empty slot")
        }
        Proof::NoMemory => Effect::Unproven("there was no memory for the self-test"),
        Proof::Reached if !pci::any_in_iommu_group() => Effect::Ineffective(
            "no PCI device is in an IOMMU group: the IOMMU is absent or off \
             (firmware setup, kernel command line)",
        ),
        Proof::Reached => Effect::Effective,
    }
}
