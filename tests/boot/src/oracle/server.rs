// SPDX-License-Identifier: GPL-2.0-only

//! A large machine, to measure how long grouping takes.

use rules::pcie::PcieType;
use topology::{Acs, Bdf, Domain, Function, Header, Hex, Port, Topology};

/// Number of functions of an adapter, plus the port above it.
const ADAPTER: usize = 9;
/// Ports per domain. Each needs a bus number.
const PORTS: usize = 240;

/// A server: ports with ACS, and below each an adapter whose functions lack ACS. It has about
/// `size` functions.
#[must_use]
pub fn server(size: usize) -> Topology {
    let mut topology = Topology::default();
    let adapters = size.div_ceil(ADAPTER);
    for adapter in 0..adapters {
        let domain = Domain(u32::try_from(adapter / PORTS).unwrap_or(0));
        // Fewer than PORTS, so both fit.
        let port = u8::try_from(adapter % PORTS).unwrap_or(0);
        let at = |bus, devfn| Bdf { domain, bus, devfn };
        topology.functions.push(Function {
            header: Header::Bridge,
            pcie_type: Some(Port::Known(PcieType::RootPort)),
            class: Some(Hex(0x06_0400)),
            multifunction: Some(true),
            acs: Some(Acs {
                cap: Some(0x1d),
                ctl: Some(0x1d),
                dword8: None,
            }),
            primary: Some(0),
            secondary: Some(port + 1),
            subordinate: Some(port + 1),
            ..Function::new(at(0, port), 0x1234, 1)
        });
        topology.functions.extend((0..8).map(|number| Function {
            pcie_type: Some(Port::Known(PcieType::Endpoint)),
            class: Some(Hex(0x02_0000)),
            multifunction: Some(true),
            ..Function::new(at(port + 1, number), 0x1234, 2)
        }));
    }
    topology.functions.sort_by_key(|function| function.bdf);
    topology
}
