// SPDX-License-Identifier: GPL-2.0-only

//! The differences between kernel releases in grouping. Every comparison with a release is in this
//! file.
//!
//! The sources of the releases [`READ`] were compared function by function. The same in all of them,
//! apart from the constants below:
//!
//! - `drivers/iommu/iommu.c`: `pci_device_group()`, its callees and `REQ_ACS_FLAGS`
//! - `drivers/pci/search.c`: `pci_for_each_dma_alias()`
//! - `drivers/pci/pci.c`: `pci_acs_enabled()`, `pci_acs_path_enabled()`,
//!   `pci_devs_are_dma_aliases()`
//! - `drivers/pci/probe.c`: the correction in `set_pcie_port_type()`; `pci_scan_slot()`, except that
//!   Linux 6.0 and later can find functions of a device that has no function 0
//! - `drivers/pci/iov.c`: `virtfn_add_bus()`, and the fields that `pci_iov_add_virtfn()` sets
//! - `arch/x86/pci/common.c`: `pci_real_dma_dev()`
//!
//! `pci_enable_acs()` moved, from `pci_acs_init()` to `pci_dma_configure()` in Linux 7.0 (commit
//! c41e2fb67e26). It runs before the function is grouped in both places, so the ACS Control
//! register of a capture has the value that the kernel used for grouping, except with the stable
//! updates [`ACS_AFTER_GROUP`].

use crate::rules::{acs::AcsFlags, pcie::PcieType, release::Release as KernelRelease};

/// The releases whose source was read for this model, ascending.
pub const READ: [KernelRelease; 9] = [
    KernelRelease::new(5, 10),
    KernelRelease::new(5, 14),
    KernelRelease::new(6, 1),
    KernelRelease::new(6, 12),
    KernelRelease::new(6, 14),
    KernelRelease::new(6, 19),
    KernelRelease::new(7, 0),
    KernelRelease::new(7, 2),
    KernelRelease::new(7, 3),
];

/// The oldest release whose source was read for this model. Older releases get the rules of this release.
pub const OLDEST: KernelRelease = KernelRelease::new(5, 10);

/// The newest release whose source was read for this model. Newer releases get the rules of this release.
const NEWEST: KernelRelease = KernelRelease::new(7, 3);

/// The series whose stock kernels the model was compared with, by the oracle of the boot tests. 5.10 is missing: its
/// AMD IOMMU driver ignores the domain of a function, so the oracle cannot show it random machines.
pub const COMPARED: [KernelRelease; 4] = [
    KernelRelease::new(6, 1),
    KernelRelease::new(6, 12),
    KernelRelease::new(7, 2),
    KernelRelease::new(7, 3),
];

/// The first release with `PCI_DEV_FLAGS_PCI_BRIDGE_NO_ALIAS`: `pci_for_each_dma_alias()` skips a
/// PCI Express to PCI bridge that has this flag, and `quirk_aspeed_pci_bridge_no_alias()` sets it
/// for the ASPEED AST1150.
///
/// Commit 550a190494a0. The stable updates 5.10.262, 6.1.192 and 6.12.118 lack the flag.
const BRIDGE_NO_ALIAS: KernelRelease = KernelRelease::new(7, 0);

/// The first release that ignores Source Validation of two IDT switches:
/// `pci_disable_broken_acs_cap()` takes the flag out of `pci_dev.acs_capabilities`, which
/// `pci_acs_flags_enabled()` uses. Earlier releases read the ACS Capability register each time, and
/// `pci_idt_bus_quirk()` leaves the flag in place.
///
/// Commits 8f05a5f6745c, b26d7fb4a53e and b5f88a394705. The stable updates 5.10.262, 6.1.192 and
/// 6.12.118 lack the field.
const BROKEN_SOURCE_VALIDATION: KernelRelease = KernelRelease::new(7, 0);

/// The first release in which a function behind an Arm SMMU or virtio-iommu gets its group when the
/// kernel adds it: `iommu_init_device()` calls `dma_configure()` of the bus, which reads the
/// firmware tables that describe such an IOMMU. Earlier releases read them when a driver binds
/// (`really_probe()`), so a function gets its group then, in the order of binding, and a function
/// without a driver has no group.
///
/// Commit bcb81ac6ae3c. The stable update 6.12.118 still groups at driver bind.
const GROUP_WHEN_ADDED: KernelRelease = KernelRelease::new(6, 15);

/// Stable updates that enable ACS only after the kernel has made the groups: the series, the first
/// and the last of the updates.
///
/// These updates have commit c41e2fb67e26 ("PCI: Enable ACS after configuring IOMMU for OF
/// platforms") without [`GROUP_WHEN_ADDED`], and a later update reverted it. Linux 6.18 and 6.19
/// took the commit too, without this effect.
pub const ACS_AFTER_GROUP: [(KernelRelease, u16, u16); 5] = [
    (KernelRelease::new(5, 10), 252, 252),
    (KernelRelease::new(5, 15), 202, 202),
    (KernelRelease::new(6, 1), 165, 168),
    (KernelRelease::new(6, 6), 128, 134),
    (KernelRelease::new(6, 12), 75, 82),
];

/// The grouping procedure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Procedure {
    /// A function joins the first group that the search finds, and groups never merge:
    /// `pci_device_group()`.
    FirstFound,
}

/// The kernel's correction for a switch port whose type contradicts its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PortCorrection {
    /// The type becomes Endpoint. `set_pcie_port_type()` in `drivers/pci/probe.c` clears the type
    /// and then sets the right one four bits too low (`PCI_EXP_TYPE_*` without the shift of
    /// `PCI_EXP_FLAGS_TYPE`), so that the type reads as 0.
    ToEndpoint,
}

impl PortCorrection {
    /// The corrected type of a port that acts as `acts_as` and claims the other type.
    pub(super) const fn apply(self, _acts_as: PcieType) -> PcieType {
        match self {
            Self::ToEndpoint => PcieType::Endpoint,
        }
    }
}

/// The grouping rules of a kernel release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Release {
    /// The release with these rules: the kernel's own, or the nearest one whose source was
    /// compared.
    pub of: KernelRelease,
    /// The flags that the grouping asks of each function: `REQ_ACS_FLAGS` in
    /// `drivers/iommu/iommu.c`.
    pub required: AcsFlags,
    /// The procedure.
    pub procedure: Procedure,
    /// The correction of switch port types.
    pub port_correction: PortCorrection,
    /// Whether a PCI Express to PCI bridge may pass requester IDs unchanged: [`BRIDGE_NO_ALIAS`].
    pub bridge_no_alias: bool,
    /// Whether Source Validation of two switches counts as not implemented:
    /// [`BROKEN_SOURCE_VALIDATION`].
    pub broken_source_validation: bool,
    /// Whether a function behind any IOMMU gets its group when the kernel adds it:
    /// [`GROUP_WHEN_ADDED`]. The model groups every function so.
    pub group_when_added: bool,
}

impl Release {
    /// Linux 7.3.
    pub const LINUX_7_3: Self = Self::of(KernelRelease::new(7, 3));

    /// The rules for an unknown release.
    pub const NEWEST: Self = Self::of(NEWEST);

    /// The rules of this release.
    pub const fn of(kernel: KernelRelease) -> Self {
        let of = if kernel.is_before(OLDEST) {
            OLDEST
        } else if NEWEST.is_before(kernel) {
            NEWEST
        } else {
            kernel
        };
        Self {
            of,
            required: AcsFlags::GROUPING,
            procedure: Procedure::FirstFound,
            port_correction: PortCorrection::ToEndpoint,
            bridge_no_alias: !of.is_before(BRIDGE_NO_ALIAS),
            broken_source_validation: !of.is_before(BROKEN_SOURCE_VALIDATION),
            group_when_added: !of.is_before(GROUP_WHEN_ADDED),
        }
    }
}

/// What the model's rules for a release were held against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verified {
    /// A stock kernel of the release: [`COMPARED`].
    Kernel,
    /// The source of the release: [`READ`].
    Source,
    /// Neither: the rules are those of the releases around it.
    No,
}

impl Verified {
    /// What the rules for this release were held against.
    pub fn of(kernel: KernelRelease) -> Self {
        if COMPARED.contains(&kernel) {
            Self::Kernel
        } else if READ.contains(&kernel) {
            Self::Source
        } else {
            Self::No
        }
    }
}

/// Whether this stable update of a series enables ACS only after it has made the groups.
pub fn enables_acs_late(series: KernelRelease, update: u16) -> bool {
    let mut late = ACS_AFTER_GROUP.iter();
    late.any(|&(of, first, last)| of == series && (first..=last).contains(&update))
}
