// SPDX-License-Identifier: GPL-2.0-only

//! The interface of a function, by its claimed type and the bridge above it.

use grouping::model::{Interface, release::Release};
use rules::pcie::PcieType::{self, DownstreamPort, Endpoint, PcieBridge, RootPort, UpstreamPort};

/// Conventional PCI, every type and every reserved value.
fn every() -> impl Iterator<Item = Interface> {
    let raw = (0x0..=0xf).map(Some).chain([None]);
    raw.map(Interface::from_raw)
}

const fn express(kind: PcieType) -> Interface {
    Interface::Express(kind)
}

#[test]
fn a_value_is_a_type_or_reserved() {
    assert_eq!(Interface::from_raw(None), Interface::Conventional);
    assert_eq!(Interface::from_raw(Some(0x4)), express(RootPort));
    for raw in [0x2, 0x3, 0xb, 0xc, 0xd, 0xe, 0xf] {
        assert_eq!(Interface::from_raw(Some(raw)), Interface::Reserved);
    }
}

/// `pcie_downstream_port()`
#[test]
fn a_link_is_behind_three_types() {
    let with_link = [RootPort, DownstreamPort, PcieBridge].map(express);
    for interface in every() {
        let expected = with_link.contains(&interface);
        assert_eq!(interface.leads_to_link(), expected, "{interface:?}");
    }
}

/// `set_pcie_port_type()`
#[test]
fn a_switch_port_that_cannot_be_what_it_claims_is_an_endpoint() {
    for claims in every() {
        let behind = |above| claims.behind(above, &Release::LINUX_7_3);
        assert_eq!(behind(None), claims);
        for above in every() {
            let cannot_be = claims == express(DownstreamPort) && above.leads_to_link()
                || claims == express(UpstreamPort) && above == express(UpstreamPort);
            let expected = if cannot_be { express(Endpoint) } else { claims };
            assert_eq!(behind(Some(above)), expected, "{claims:?} behind {above:?}");
        }
    }
}
