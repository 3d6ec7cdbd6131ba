// SPDX-License-Identifier: GPL-2.0-only

//! Intel's Volume Management Device (VMD): an endpoint with PCI domains of its own behind it. It
//! sends the requests of every function in them (`pci_real_dma_dev()` in `arch/x86/pci/common.c`).

use std::collections::{BTreeMap, BTreeSet};

use topology::{Bdf, Domain, Function, Header, Topology, UNKNOWN_VENDOR};

use super::Assumption;

/// The device ids of vendor 8086h in `drivers/pci/controller/vmd.c` of Linux 7.3.
const DEVICES: [u16; 14] = [
    0x201d, 0x28c0, 0x28c1, 0x467f, 0x4c3d, 0xa77f, 0x7d0b, 0xad0b, 0x9a0b, 0xb60b, 0xb06f, 0xb07f,
    0xd70b, 0xd73b,
];

/// The first domain number that a VMD uses. Domain numbers from firmware have 16 bits.
const FIRST_DOMAIN: Domain = Domain(0x10000);

/// Maps the domains to their VMD.
pub(super) struct Vmds {
    /// The VMD of each domain behind one; of an unsure domain, the likeliest of the functions that may be it.
    above: BTreeMap<Domain, Bdf>,
    /// The domains whose VMD the topology does not show, with the functions that may be it.
    pub(super) unsure: BTreeMap<Domain, Vec<Bdf>>,
}

impl Vmds {
    pub(super) fn of(topology: &Topology) -> Self {
        let functions = || topology.functions.iter();
        let domains = functions().map(|function| function.bdf.domain);
        let is_left =
            |domain: &Domain| *domain >= FIRST_DOMAIN && !topology.vmd.contains_key(domain);
        let left: BTreeSet<Domain> = domains.filter(is_left).collect();
        let mut vmds = Self {
            above: topology.vmd.clone(),
            unsure: BTreeMap::new(),
        };
        let named: BTreeSet<Bdf> = topology.vmd.values().copied().collect();
        let possible = functions().filter(|one| may_be_vmd(one) && !named.contains(&one.bdf));
        let possible: Vec<&Function> = possible.collect();
        for &domain in &left {
            // A VMD and what is behind it are in one group.
            let inside = functions().filter(|one| one.bdf.domain == domain);
            let inside: BTreeSet<u32> = inside.filter_map(|one| one.iommu_group).collect();
            let may_be = |one: &&&Function| {
                let outside = one.iommu_group;
                inside.is_empty() || outside.is_none_or(|group| inside.contains(&group))
            };
            let mut found: Vec<&Function> = possible.iter().filter(may_be).copied().collect();
            found.sort_by_key(|one| (!is_vmd(one), !is_raid(one)));
            let known: Vec<_> = found.iter().filter(|one| is_vmd(one)).collect();
            let is_shown = matches!(known[..], [only]
                if left.len() == 1 || only.iommu_group.is_some() && !inside.is_empty());
            vmds.above
                .extend(found.first().map(|first| (domain, first.bdf)));
            if !is_shown {
                let found = found.into_iter().map(|one| one.bdf);
                vmds.unsure.insert(domain, found.collect());
            }
        }
        vmds
    }

    /// The VMD of a domain.
    pub(super) fn above(&self, domain: Domain) -> Option<Bdf> {
        self.above.get(&domain).copied()
    }

    /// What the topology does not show of the VMD of a function, or behind a function.
    pub(super) fn assumption(&self, bdf: Bdf) -> Option<Assumption> {
        match self.unsure.get(&bdf.domain) {
            Some(possible) if possible.is_empty() => Some(Assumption::NoVmd),
            Some(_) => Some(Assumption::FirstVmd),
            None => {
                let mut unsure = self.unsure.values();
                let may_be = unsure.any(|possible| possible.contains(&bdf));
                may_be.then_some(Assumption::FirstVmd)
            }
        }
    }
}

/// Whether the function's ids are those of a VMD.
fn is_vmd(function: &Function) -> bool {
    function.vendor.value() == 0x8086
        && function.bdf.domain < FIRST_DOMAIN
        && function.devices().any(|device| DEVICES.contains(&device))
}

/// Whether the function is a VMD as far as its ids and its class, RAID controller, are known.
fn may_be_vmd(function: &Function) -> bool {
    let has_ids = function.devices().next().is_some();
    is_vmd(function)
        || !has_ids
            && matches!(function.vendor.value(), 0x8086 | UNKNOWN_VENDOR)
            && function.bdf.domain < FIRST_DOMAIN
            && function.header == Header::Endpoint
            && function.physfn.is_none()
            && (function.class.is_none() || is_raid(function))
}

/// Whether the function is a RAID controller, as every VMD is.
fn is_raid(function: &Function) -> bool {
    function.class.is_some_and(|class| class.0 >> 8 == 0x0104)
}
