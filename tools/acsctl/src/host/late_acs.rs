// SPDX-License-Identifier: GPL-2.0-only

//! Kernels that switch ACS on only after they have made the groups.
//!
//! Mainline commit c41e2fb67e26 ("PCI: Enable ACS after configuring IOMMU for OF platforms", v7.0) moves
//! `pci_enable_acs()` into `pci_dma_configure()`. Before v6.15 that runs after the groups are made. Stable
//! kernels took the commit in early 2026 and reverted it in April 2026
//! (<https://bugzilla.kernel.org/show_bug.cgi?id=221234>, revert
//! <https://lore.kernel.org/r/20260331091455.30394-1-manivannan.sadhasivam@oss.qualcomm.com>). In 6.11,
//! "Extend ACS configurability" had a like effect.

use rules::release::Release;
use topology::release_of;

/// A stable series, the first faulty number of its third part, and the first number after the revert, where it
/// is known.
const SERIES: [(Release, u32, Option<u32>); 6] = [
    (Release::new(5, 10), 252, None),
    (Release::new(5, 15), 202, None),
    (Release::new(6, 1), 165, Some(169)),
    (Release::new(6, 6), 128, Some(135)),
    (Release::new(6, 11), 0, None),
    (Release::new(6, 12), 75, None),
];

/// Whether a kernel of this version may switch ACS on too late. Distributions that number their kernels in
/// another way are not recognized.
pub(crate) fn is_possible(version: &str) -> bool {
    let Some(release) = release_of(version) else {
        return false;
    };
    let third = version.split('.').nth(2).unwrap_or_default();
    let digits: String = third.chars().take_while(char::is_ascii_digit).collect();
    let number: u32 = digits.parse().unwrap_or_default();
    SERIES.iter().any(|(series, first, fixed)| {
        *series == release && number >= *first && fixed.is_none_or(|fixed| number < fixed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faulty_kernels_are_recognized() {
        for version in [
            "6.1.165",
            "6.6.134-1-lts",
            "6.12.80+deb13-amd64",
            "6.11.0-9-pve",
        ] {
            assert!(is_possible(version), "{version}");
        }
        for version in [
            "6.1.164", "6.1.169", "6.6.135", "6.12.74", "6.13.1", "7.3.4", "x", "",
        ] {
            assert!(!is_possible(version), "{version}");
        }
    }
}
