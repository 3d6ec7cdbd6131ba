// SPDX-License-Identifier: GPL-2.0-only

//! `pci_acs_enabled()`, by quirk, type and registers.

use grouping::model::{
    Interface,
    acs_enabled::{AcsRegisters, acs_enabled},
    release::Release,
};
use rules::{
    acs::AcsFlags,
    decision::KernelVerdict::{self, Isolated, NoOpinion, NotIsolated, Unknown},
    pcie::PcieType,
};

const ASKED: AcsFlags = AcsFlags::GROUPING;
const ROOT_PORT: Interface = Interface::Express(PcieType::RootPort);

const fn registers(capability: u16, control: u16) -> AcsRegisters {
    AcsRegisters {
        capability: AcsFlags::from_bits(capability),
        control: AcsFlags::from_bits(control),
    }
}

fn enabled(quirk: KernelVerdict, interface: Interface, acs: Option<AcsRegisters>) -> bool {
    acs_enabled(ASKED, quirk, interface, true, acs)
}

#[test]
fn a_quirk_has_the_first_word() {
    let full = Some(registers(0x5f, 0x1d));
    assert!(enabled(Isolated, Interface::Conventional, None));
    assert!(!enabled(NotIsolated, ROOT_PORT, full));
    for quirk in [NoOpinion, Unknown] {
        assert!(!enabled(quirk, Interface::Conventional, None));
        assert!(enabled(quirk, ROOT_PORT, full));
    }
}

#[test]
fn each_type_has_its_rule() {
    // Type, multi-function bit: the result with every flag of the capability enabled, and without a
    // capability.
    let rows = [
        (Some(0x0), false, true, true),
        (Some(0x0), true, true, false),
        (Some(0x1), false, true, true),
        (Some(0x1), true, true, false),
        (Some(0x4), false, true, false),
        (Some(0x4), true, true, false),
        (Some(0x5), false, true, true),
        (Some(0x5), true, true, false),
        (Some(0x6), false, true, false),
        (Some(0x6), true, true, false),
        (Some(0x7), false, false, false),
        (Some(0x7), true, false, false),
        (Some(0x8), false, false, false),
        (Some(0x8), true, false, false),
        (Some(0x9), false, true, true),
        (Some(0x9), true, true, false),
        (Some(0xa), false, false, false),
        (Some(0xa), true, false, false),
        (Some(0xb), false, true, true),
        (Some(0xb), true, true, true),
        (Some(0x2), true, true, true),
        (None, false, false, false),
        (None, true, false, false),
    ];
    for (raw, multifunction, with, without) in rows {
        let interface = Interface::from_raw(raw);
        let ask = |acs| acs_enabled(ASKED, NoOpinion, interface, multifunction, acs);
        assert_eq!(
            ask(Some(registers(0x1f, 0x1d))),
            with,
            "{raw:?} {multifunction}"
        );
        assert_eq!(ask(None), without, "{raw:?} {multifunction}");
    }
}

#[test]
fn what_is_not_implemented_counts_as_hardwired() {
    let port =
        |capability, control| enabled(NoOpinion, ROOT_PORT, Some(registers(capability, control)));
    assert!(port(0x00, 0x00));
    assert!(port(0x1d, 0x1d));
    assert!(!port(0x1d, 0x1c));
    assert!(port(0x1c, 0x1c));
    assert!(!port(0x1c, 0x00));
    // The disabled flags are not requested.
    assert!(port(0x7f, 0x1d));
    // P2P Egress Control counts as disabled unless it is enabled, whether it is implemented or not.
    for capability in [0x00, 0x20] {
        let egress = |control| {
            let acs = Some(registers(capability, control));
            acs_enabled(AcsFlags::EC, NoOpinion, ROOT_PORT, false, acs)
        };
        assert!(egress(0x20), "{capability:#x}");
        assert!(!egress(0x00), "{capability:#x}");
    }
}

/// `pci_disable_broken_acs_cap()`
#[test]
fn source_validation_of_two_switches_does_not_count() {
    let port = |vendor, device| {
        let acs = registers(0x1d, 0x1c).of_device(vendor, device, &Release::LINUX_7_3);
        enabled(
            NoOpinion,
            Interface::Express(PcieType::DownstreamPort),
            Some(acs),
        )
    };
    assert!(port(0x111d, 0x80b5));
    assert!(port(0x111d, 0x8090));
    assert!(!port(0x111d, 0x8091));
    assert!(!port(0x10b5, 0x80b5));
}
