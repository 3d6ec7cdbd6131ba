// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `whole` for ports and integrated endpoints: the functions of the bus that belong to
//! the whole device, and the requirements on each.

mod common;

use common::{not_covered, raw_type, tables::entry, Device, Space};
use rules::{
    acs::AcsFlags,
    condition::{Condition, Place},
    config::MAX_READS,
    device::Record,
    entry::{Entry, Kind, Kinds},
    limits::{Excess, Limits},
    pcie::PcieType,
    whole::{check, Fault},
};

const VENDOR: u16 = 0x1acb;
const COVERED: u16 = 0x1000;
const UNKNOWN: u16 = 0x0bad;

const DOWNSTREAM: u8 = 0x6;
const ROOT: u8 = 0x4;

/// A port that is the only function of its device number.
fn port(device: u16, raw: u8) -> Space {
    Space::new(VENDOR, device, 0x01).with_type(raw)
}

/// A port with the multi-function bit.
fn one_of_several(device: u16, raw: u8) -> Space {
    port(device, raw).with(0x0c, 0x81 << 16)
}

/// Checks for an entry that covers [`COVERED`] with these limits and conditions.
fn check_with(
    device: &Device,
    limits: &'static Limits,
    conditions: &'static [Condition],
) -> Result<(), Fault> {
    let kind = match device.pcie_type {
        Some(PcieType::RootPort) => Kind::RootPort,
        Some(PcieType::RcEndpoint) => Kind::RcEndpoint,
        _ => Kind::DownstreamPort,
    };
    let entry = Entry {
        kinds: Kinds::of(kind),
        conditions,
        ..entry(1)
    };
    check(device, &entry, AcsFlags::GROUPING, |vendor, device| {
        ((vendor, device) == (VENDOR, COVERED)).then_some(limits)
    })
}

fn check_ports(device: &Device) -> Result<(), Fault> {
    check_with(device, &Limits::NONE, &[])
}

/// The ports 00.0 and 01.0, both covered and known, seen from 00.0.
fn two_ports(raw: u8) -> Device {
    let bus = [(0x00, port(COVERED, raw)), (0x08, port(COVERED, raw))];
    Device::on(bus.into(), 0x00).of_type(raw).all_known()
}

/// A sibling port at 01.0, and the result.
struct Case {
    name: &'static str,
    change: fn(&mut Device, u8),
    expected: Result<(), Fault>,
}

const CASES: &[Case] = &[
    Case {
        name: "covered and known",
        change: |_, _| (),
        expected: Ok(()),
    },
    Case {
        name: "nothing there",
        change: |device, _| {
            device.bus.remove(&0x08);
            device.records.remove(&0x08);
        },
        expected: Ok(()),
    },
    Case {
        name: "not covered",
        change: |device, raw| device.change(0x08, |_| port(UNKNOWN, raw)),
        expected: Err(not_covered(0x08, VENDOR, UNKNOWN)),
    },
    Case {
        name: "not covered, and not found by the kernel yet",
        change: |device, raw| {
            device.change(0x08, |_| port(UNKNOWN, raw));
            device.records.remove(&0x08);
        },
        expected: Err(not_covered(0x08, VENDOR, UNKNOWN)),
    },
    Case {
        name: "covered, and not found by the kernel yet: what it faces is not known",
        change: |device, _| {
            device.records.remove(&0x08);
        },
        expected: Err(Fault::NotFound { devfn: 0x08 }),
    },
    Case {
        name: "not covered, with ACS on",
        change: |device, raw| {
            device.change(0x08, |_| port(UNKNOWN, raw).with_acs_on(AcsFlags::GROUPING));
        },
        expected: Ok(()),
    },
    Case {
        name: "not covered, with ACS on, and not found by the kernel yet",
        change: |device, raw| {
            device.change(0x08, |_| port(UNKNOWN, raw).with_acs_on(AcsFlags::GROUPING));
            device.records.remove(&0x08);
        },
        expected: Ok(()),
    },
    Case {
        name: "faces outside, with ACS on",
        change: |device, raw| {
            device.change(0x08, |_| port(UNKNOWN, raw).with_acs_on(AcsFlags::GROUPING));
            device.records.insert(0x08, Record::Exposed);
        },
        expected: Ok(()),
    },
    Case {
        name: "not covered, with ACS off",
        change: |device, raw| {
            device.change(0x08, |_| port(UNKNOWN, raw).with_acs_on(AcsFlags::NONE));
        },
        expected: Err(Fault::AcsOff { devfn: 0x08 }),
    },
    Case {
        name: "covered, with ACS off",
        change: |device, _| device.change(0x08, |space| space.with_acs_on(AcsFlags::NONE)),
        expected: Err(Fault::AcsOff { devfn: 0x08 }),
    },
    Case {
        name: "an ACS capability without room for its registers",
        change: |device, _| {
            device.change(0x08, |space| {
                space.with_extended(0x100, 0x0b, 0xffc).with_acs(0xffc)
            });
        },
        expected: Err(Fault::Unreadable { devfn: 0x08 }),
    },
    Case {
        name: "covered, faces outside",
        change: |device, _| {
            device.records.insert(0x08, Record::Exposed);
        },
        expected: Err(Fault::Exposed { devfn: 0x08 }),
    },
    Case {
        name: "known, does not answer",
        change: |device, _| {
            device.bus.remove(&0x08);
        },
        expected: Err(Fault::Unreadable { devfn: 0x08 }),
    },
    Case {
        name: "a function 1 of the neighbour's slot that is not covered",
        change: |device, raw| {
            device.change(0x08, |_| one_of_several(COVERED, raw));
            device.change(0x09, |_| one_of_several(UNKNOWN, raw));
        },
        expected: Err(not_covered(0x09, VENDOR, UNKNOWN)),
    },
    Case {
        name: "a function 1 beside a single function 0, known to the kernel",
        change: |device, raw| {
            device.change(0x09, |_| port(UNKNOWN, raw));
            device.records.insert(0x09, Record::Known);
        },
        expected: Err(not_covered(0x09, VENDOR, UNKNOWN)),
    },
    Case {
        name: "the last slot of the bus",
        change: |device, raw| device.change(0xf8, |_| port(UNKNOWN, raw)),
        expected: Err(not_covered(0xf8, VENDOR, UNKNOWN)),
    },
    Case {
        name: "sends under another requester ID",
        change: |device, _| device.aliases = [(0x08, 0x30)].into(),
        expected: Err(Fault::Aliased { devfn: 0x00 }),
    },
    Case {
        name: "the kernel has an alias quirk for it, which has not acted yet",
        change: |device, raw| {
            device.change(0x10, |_| {
                Space::new(0x10b5, 0x87b0, 0x01)
                    .with_type(raw)
                    .with_acs_on(AcsFlags::GROUPING)
            });
        },
        expected: Err(Fault::Aliased { devfn: 0x10 }),
    },
];

#[test]
fn every_port_of_the_bus_counts() {
    for raw in [DOWNSTREAM, ROOT] {
        for case in CASES {
            let mut device = two_ports(raw);
            (case.change)(&mut device, raw);
            assert_eq!(check_ports(&device), case.expected, "{raw}: {}", case.name);
        }
    }
}

/// Every requested flag must be enabled, and no flag that lets requests go directly to siblings.
#[test]
fn a_neighbours_acs_must_have_each_flag_on() {
    for raw in [DOWNSTREAM, ROOT] {
        for bits in 0x00..=0x7f {
            let control = AcsFlags::from_bits(bits);
            let mut device = two_ports(raw);
            device.change(0x08, |_| port(UNKNOWN, raw).with_acs_on(control));
            let lets_through = control.contains(AcsFlags::EC) || control.contains(AcsFlags::DT);
            let expected = if control.contains(AcsFlags::GROUPING) && !lets_through {
                Ok(())
            } else {
                Err(Fault::AcsOff { devfn: 0x08 })
            };
            assert_eq!(check_ports(&device), expected, "{raw}: {control}");
        }
    }
}

/// A port with an ACS capability that the kernel ignores is not covered by it.
#[test]
fn the_port_itself_must_be_covered() {
    for raw in [DOWNSTREAM, ROOT] {
        let mut device = two_ports(raw);
        device.change(0x00, |space| space.with_acs_on(AcsFlags::GROUPING));
        assert_eq!(check_ports(&device), Err(Fault::HasAcs { devfn: 0x00 }));
    }
}

#[test]
fn a_neighbour_must_be_within_limits_and_fulfil_the_conditions() {
    const FIRST: &Limits = &Limits {
        last_revision: 0,
        ..Limits::NONE
    };
    const BIT: &[Condition] = &[Condition {
        at: Place::Config,
        offset: 0x60,
        mask: 0x1,
        value: 0x0,
    }];
    for raw in [DOWNSTREAM, ROOT] {
        let mut device = two_ports(raw);
        device.change(0x08, |space| space.with(0x08, 3).with(0x60, 1));
        assert_eq!(check_ports(&device), Ok(()));
        let excess = Excess::Revision(3);
        let outside = Err(Fault::Limits {
            devfn: 0x08,
            excess,
        });
        assert_eq!(check_with(&device, FIRST, &[]), outside);
        let unfulfilled = Err(Fault::Condition {
            devfn: 0x08,
            number: 1,
        });
        assert_eq!(check_with(&device, &Limits::NONE, BIT), unfulfilled);
    }
}

/// PCI Express Base Specification 6.0, section 1.3.3: a switch has only downstream ports on its
/// internal bus. A root bus has other functions too, but any bridge there, also of unknown type,
/// may be a root port.
#[test]
fn what_is_no_port_spoils_a_switch_and_a_bridge_spoils_a_root_complex() {
    for raw in (0x0..=0xf).map(Some).chain([None]) {
        for layout in 0..=2 {
            let other = Space::new(VENDOR, UNKNOWN, layout);
            let other = match raw {
                Some(raw) => other.with_type(raw),
                None => other.with(0x04, 0),
            };
            let uncovered = Err(not_covered(0x08, VENDOR, UNKNOWN));
            for (own, expected) in [
                (DOWNSTREAM, uncovered),
                (ROOT, if layout == 0 { Ok(()) } else { uncovered }),
            ] {
                let mut device = two_ports(own);
                device.change(0x08, |_| other.clone());
                let case = format!("{raw:?}, header {layout} beside {own}");
                assert_eq!(check_ports(&device), expected, "{case}");
                // With the port's device number, it is a function of the device.
                let mut device = two_ports(own);
                device.change(0x00, |space| space.with(0x0c, 0x81 << 16));
                device.change(0x01, |_| other.clone());
                let expected = Err(not_covered(0x01, VENDOR, UNKNOWN));
                assert_eq!(check_ports(&device), expected, "{case}, in the slot");
            }
        }
    }
}

/// Integrated endpoints with other device numbers are other devices, which no claim separates.
#[test]
fn an_integrated_endpoint_answers_for_its_slot() {
    let raw = raw_type(PcieType::RcEndpoint);
    let member = |device| Space::new(VENDOR, device, 0x80).with_type(raw);
    let bus = [
        (0x10, member(COVERED)),
        (0x11, member(COVERED)),
        (0x18, member(UNKNOWN)),
        (0x20, port(UNKNOWN, ROOT)),
    ];
    let mut device = Device::on(bus.into(), 0x10).of_type(raw).all_known();
    assert_eq!(check_ports(&device), Ok(()));
    device.change(0x12, |_| member(UNKNOWN));
    let expected = Err(not_covered(0x12, VENDOR, UNKNOWN));
    assert_eq!(check_ports(&device), expected);
}

/// A port with the same device number as an endpoint ends the endpoint's claim.
#[test]
fn an_endpoint_beside_a_port_is_no_device_of_its_own() {
    let entry = Entry {
        kinds: Kinds::MF_ENDPOINT.union(Kinds::ROOT_PORT),
        ..entry(1)
    };
    let endpoint = Space::new(VENDOR, COVERED, 0x80);
    let bus = [(0, endpoint), (1, one_of_several(COVERED, ROOT))];
    let ask = |devfn, raw| {
        let device = Device::on(bus.clone().into(), devfn)
            .of_type(raw)
            .all_known();
        check(&device, &entry, AcsFlags::GROUPING, |_, _| {
            Some(&Limits::NONE)
        })
    };
    assert_eq!(ask(0, 0x0), Err(not_covered(1, VENDOR, COVERED)));
    assert_eq!(ask(1, ROOT), Ok(()));
}

#[test]
fn read_faults_and_silence_end_the_claim() {
    for raw in [DOWNSTREAM, ROOT] {
        let mut device = two_ports(raw);
        device.change(0x08, |_| port(UNKNOWN, raw).with_acs_on(AcsFlags::GROUPING));
        // The highest device number, so that no read of an absent function follows the last port.
        device.change(0xf8, |_| port(COVERED, raw));
        let mut device = device.all_known();
        assert_eq!(check_ports(&device), Ok(()));
        device.fail_each_read(check_ports).unwrap();
        device.reads.set(0);
        device.failing_read = None;
        assert_eq!(check_ports(&device), Ok(()));
        device.fall_silent_at_each_read(check_ports).unwrap();
    }
}

/// A bus can have 256 functions; the cost of a question is bounded nevertheless.
#[test]
fn a_full_bus_is_judged_within_the_bound() {
    for raw in [DOWNSTREAM, ROOT] {
        for (slots, functions) in [(32, 1), (32, 2), (8, 8), (32, 8)] {
            let mut bus = std::collections::BTreeMap::new();
            for slot in 0..slots {
                let space = if functions > 1 {
                    one_of_several(COVERED, raw)
                } else {
                    port(COVERED, raw)
                };
                bus.extend((0..functions).map(|one| ((slot << 3) | one, space.clone())));
            }
            let count = bus.len();
            let device = Device::on(bus, 0).of_type(raw).all_known();
            let outcome = check_ports(&device);
            let reads = device.reads.get();
            assert!(reads <= usize::from(MAX_READS), "{count}: {reads}");
            if count <= 64 {
                assert_eq!(outcome, Ok(()), "{count} ports");
                println!("{count} ports: {reads} reads");
            } else if outcome.is_err() {
                assert!(matches!(outcome, Err(Fault::Unreadable { .. })), "{count}");
            }
        }
    }
}

/// Random sibling ports of a switch: the claim counts exactly if each of them is harmless.
#[test]
fn random_switches_are_granted_when_every_port_is_harmless() {
    let mut random = fastrand::Rng::with_seed(0x0612);
    let (mut granted, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let raw = if random.bool() { DOWNSTREAM } else { ROOT };
        let mut device = two_ports(raw);
        let mut harmless = true;
        for slot in 1..random.u8(2..8) {
            let devfn = slot << 3;
            let covered = random.u8(..) > 40;
            let mut space = port(if covered { COVERED } else { UNKNOWN }, raw);
            let acs = random.u8(..) < 60;
            let on = random.u8(..) > 60;
            if acs {
                let flags = AcsFlags::GROUPING;
                space = space.with_acs_on(if on { flags } else { AcsFlags::SV });
            }
            let known = random.u8(..) > 20;
            device.bus.insert(devfn, space);
            device.records.remove(&devfn);
            if known {
                device.records.insert(devfn, Record::Known);
            }
            harmless &= if acs { on } else { covered && known };
        }
        assert_eq!(check_ports(&device).is_ok(), harmless, "{device:?}");
        if harmless {
            granted += 1;
        } else {
            refused += 1;
        }
    }
    assert!(granted > 2_000 && refused > 2_000, "{granted}, {refused}");
}

/// Under ARI, function numbers have no device number: a port counts at each of them, also where function 0 of a device number is
/// absent. The control is the same bus without ARI, which has no function there.
#[test]
fn under_ari_a_port_counts_at_each_number() {
    let device = || {
        let bus = [
            (0x00, port(COVERED, DOWNSTREAM)),
            (0x0b, port(UNKNOWN, DOWNSTREAM)),
        ];
        let mut device = Device::on(bus.into(), 0x00).of_type(DOWNSTREAM).all_known();
        device.records.remove(&0x0b);
        device
    };
    assert_eq!(check_ports(&device()), Ok(()));
    let found = check_ports(&device().under_ari());
    assert_eq!(found, Err(not_covered(0x0b, VENDOR, UNKNOWN)));
}

/// A root port at 01.0, and an endpoint that the entry does not cover. In the same device number it is of the device, also with
/// ACS of its own, which redirects only for ports. In another one it is outside.
#[test]
fn an_endpoint_in_the_slot_of_a_root_port_is_of_its_device() {
    const TYPE: u8 = 0x0;
    let endpoint = || Space::new(VENDOR, UNKNOWN, 0x00).with_type(TYPE);
    let with = |devfn: u8, endpoint: Space| {
        let bus = [(0x08, one_of_several(COVERED, ROOT)), (devfn, endpoint)];
        let device = Device::on(bus.into(), 0x08);
        check_ports(&device.of_type(ROOT).all_known())
    };
    let stranger = Err(not_covered(0x09, VENDOR, UNKNOWN));
    assert_eq!(with(0x09, endpoint()), stranger);
    assert_eq!(
        with(0x09, endpoint().with_acs_on(AcsFlags::GROUPING)),
        stranger
    );
    assert_eq!(with(0x10, endpoint()), Ok(()));
}

/// A port whose device number has no function 0 is not where the kernel found it.
#[test]
fn function_0_of_the_ports_own_slot_must_be_there() {
    let of = |bus: &[(u8, Space)]| {
        let bus = bus.iter().cloned().collect();
        let device = Device::on(bus, 0x09).of_type(DOWNSTREAM).all_known();
        check_ports(&device)
    };
    let own = (0x09, port(COVERED, DOWNSTREAM));
    let first = (0x08, one_of_several(COVERED, DOWNSTREAM));
    let alone = of(std::slice::from_ref(&own));
    assert_eq!(alone, Err(Fault::Unreadable { devfn: 0x08 }));
    assert_eq!(of(&[first, own]), Ok(()));
}
