// SPDX-License-Identifier: GPL-2.0-only

//! Intel's Volume Management Device (VMD): an endpoint with PCI domains of its own behind it. It
//! sends the requests of every function in them (`pci_real_dma_dev()` in `arch/x86/pci/common.c`).

use std::collections::BTreeMap;

use topology::{Bdf, Domain, Function, Topology};

/// The device ids of vendor 8086h in `drivers/pci/controller/vmd.c` of Linux 7.3.
const DEVICES: [u16; 14] = [
    0x201d, 0x28c0, 0x28c1, 0x467f, 0x4c3d, 0xa77f, 0x7d0b, 0xad0b, 0x9a0b, 0xb60b, 0xb06f, 0xb07f,
    0xd70b, 0xd73b,
];

/// The first domain number that a VMD uses. Domain numbers from firmware have 16 bits.
const FIRST_DOMAIN: Domain = Domain(0x10000);

/// Maps the domains to their VMD.
pub(super) struct Vmds<'a> {
    named: &'a BTreeMap<Domain, Bdf>,
    /// The VMD, if the topology has exactly one.
    only: Option<Bdf>,
}

impl<'a> Vmds<'a> {
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

    /// The VMD of a domain: the one that the topology names, or the only one.
    pub(super) fn above(&self, domain: Domain) -> Option<Bdf> {
        let by_number = || self.only.filter(|_| domain >= FIRST_DOMAIN);
        self.named.get(&domain).copied().or_else(by_number)
    }
}

/// Whether the function's ids are those of a VMD.
fn is_vmd(function: &Function) -> bool {
    function.vendor.value() == 0x8086
        && function.bdf.domain < FIRST_DOMAIN
        && function.devices().any(|device| DEVICES.contains(&device))
}
