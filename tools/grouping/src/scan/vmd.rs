// SPDX-License-Identifier: GPL-2.0-only

//! Intel's Volume Management Device: an endpoint that has domains of its own behind it. For all that
//! is in them, it does the requests (`pci_real_dma_dev()` in `arch/x86/pci/common.c`).

use std::collections::BTreeMap;

use topology::{Bdf, Domain, Function, Topology};

/// The devices of vendor 8086 that `drivers/pci/controller/vmd.c` of Linux 7.3 drives.
const DEVICES: [u16; 14] = [
    0x201d, 0x28c0, 0x28c1, 0x467f, 0x4c3d, 0xa77f, 0x7d0b, 0xad0b, 0x9a0b, 0xb60b, 0xb06f, 0xb07f,
    0xd70b, 0xd73b,
];

/// Where the domains begin that a VMD makes: firmware's numbers have 16 bits.
const FIRST_DOMAIN: Domain = Domain(0x10000);

/// Which VMD each domain is behind.
pub(super) struct Vmds<'a> {
    named: &'a BTreeMap<Domain, Bdf>,
    /// The only one that there is.
    only: Option<Bdf>,
}

impl<'a> Vmds<'a> {
    /// Those of a topology.
    pub(super) fn of(topology: &'a Topology) -> Self {
        let mut found = topology
            .functions
            .iter()
            .filter(|function| is_vmd(function));
        let first = found.next().map(|function| function.bdf);
        Self {
            named: &topology.vmd,
            only: first.filter(|_| found.next().is_none()),
        }
    }

    /// The VMD that a domain is behind: the one that the topology names, or the only one.
    pub(super) fn above(&self, domain: Domain) -> Option<Bdf> {
        let by_number = || self.only.filter(|_| domain >= FIRST_DOMAIN);
        self.named.get(&domain).copied().or_else(by_number)
    }
}

/// Whether a function is a VMD, as far as its ids are known.
fn is_vmd(function: &Function) -> bool {
    function.vendor.value() == 0x8086
        && function.bdf.domain < FIRST_DOMAIN
        && function.devices().any(|device| DEVICES.contains(&device))
}
