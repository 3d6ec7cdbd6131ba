// SPDX-License-Identifier: GPL-2.0-only

//! Rule 5, the whole package or nothing: what is present is what configuration space shows.

mod common;

use common::{Device, Space, adapter};
use isolation::{
    package::{Fault, check},
    pcie::HeaderLayout,
};

fn covered(vendor: u16, device: u16) -> bool {
    vendor == 0x1077 && (0x8030..=0x8032).contains(&device)
}

fn check_endpoint(device: &Device) -> Result<(), Fault> {
    check(device, HeaderLayout::Endpoint, covered)
}

fn member() -> Space {
    Space::new(0x1077, 0x8031, 0x80)
}

const fn not_covered(devfn: u8, vendor: u16, device: u16) -> Fault {
    Fault::NotCovered {
        devfn,
        vendor,
        device,
    }
}

/// A change to the adapter as its function 2 sees it, and what becomes of the claim.
struct Case {
    name: &'static str,
    change: fn(&mut Device),
    expected: Result<(), Fault>,
}

const CASES: &[Case] = &[
    Case {
        name: "as it is",
        change: |_| {},
        expected: Ok(()),
    },
    Case {
        name: "eight functions",
        change: |device| device.bus.extend([(6, member()), (7, member())]),
        expected: Ok(()),
    },
    Case {
        name: "functions absent in between",
        change: |device| device.bus.retain(|devfn, _| matches!(devfn, 0 | 2 | 5)),
        expected: Ok(()),
    },
    Case {
        name: "the next slot is another package",
        change: |device| device.change(8, |_| Space::new(0x8086, 0x10d3, 0x00)),
        expected: Ok(()),
    },
    Case {
        name: "only function 0 says multi-function",
        change: |device| {
            for devfn in 1..6 {
                device.change(devfn, |space| space.with(0x0c, 0));
            }
        },
        expected: Ok(()),
    },
    Case {
        name: "uncovered function, whether the kernel knows it or not",
        change: |device| device.change(7, |_| Space::new(0x1077, 0x8033, 0x80)),
        expected: Err(not_covered(7, 0x1077, 0x8033)),
    },
    Case {
        name: "covered device id of another vendor",
        change: |device| device.change(0, |_| Space::new(0x1078, 0x8030, 0x80)),
        expected: Err(not_covered(0, 0x1078, 0x8030)),
    },
    Case {
        name: "a member that is a bridge",
        change: |device| device.change(4, |_| Space::new(0x1077, 0x8032, 0x81)),
        expected: Err(not_covered(4, 0x1077, 0x8032)),
    },
    Case {
        name: "a member that is a CardBus bridge",
        change: |device| device.change(4, |_| Space::new(0x1077, 0x8032, 0x82)),
        expected: Err(not_covered(4, 0x1077, 0x8032)),
    },
    Case {
        name: "a member that is not ready",
        change: |device| device.change(3, |_| Space::new(0x0001, 0xffff, 0x80)),
        expected: Err(Fault::Unreadable { devfn: 3 }),
    },
    Case {
        name: "a member that is not ready, another device id",
        change: |device| device.change(3, |_| Space::new(0x0001, 0x0000, 0x80)),
        expected: Err(Fault::Unreadable { devfn: 3 }),
    },
    Case {
        name: "what the kernel takes for absent",
        change: |device| {
            device.change(1, |_| Space::new(0x0000, 0x0000, 0x80));
            device.change(3, |_| Space::new(0xffff, 0x0000, 0x80));
            device.change(4, |_| Space::new(0x0000, 0xffff, 0x80));
        },
        expected: Ok(()),
    },
    Case {
        name: "vendor of all ones with a device id",
        change: |device| device.change(4, |_| Space::new(0xffff, 0x8032, 0x80)),
        expected: Err(not_covered(4, 0xffff, 0x8032)),
    },
    Case {
        name: "own function gone",
        change: |device| device.bus.retain(|&devfn, _| devfn != 2),
        expected: Err(Fault::Unreadable { devfn: 2 }),
    },
    Case {
        name: "own function not ready",
        change: |device| device.change(2, |_| Space::new(0x0001, 0x8031, 0x80)),
        expected: Err(Fault::Unreadable { devfn: 2 }),
    },
    Case {
        name: "own function is another, also a covered one",
        change: |device| device.change(2, |_| Space::new(0x1077, 0x8030, 0x80)),
        expected: Err(Fault::Changed {
            vendor: 0x1077,
            device: 0x8030,
        }),
    },
    Case {
        name: "function 0 gone",
        change: |device| device.bus.retain(|&devfn, _| devfn != 0),
        expected: Err(Fault::Unreadable { devfn: 0 }),
    },
    Case {
        name: "function 0 reads as absent, though its header can be read",
        change: |device| device.change(0, |space| space.with(0x00, 0)),
        expected: Err(Fault::Unreadable { devfn: 0 }),
    },
    Case {
        name: "function 0 denies the others",
        change: |device| device.change(0, |space| space.with(0x0c, 0)),
        expected: Err(Fault::Unaccounted),
    },
    Case {
        name: "header of all ones",
        change: |device| device.change(5, |space| space.with(0x0c, u32::MAX)),
        expected: Err(Fault::Unreadable { devfn: 5 }),
    },
    Case {
        name: "header of function 0 of all ones",
        change: |device| device.change(0, |space| space.with(0x0c, u32::MAX)),
        expected: Err(Fault::Unreadable { devfn: 0 }),
    },
];

#[test]
fn a_package_counts_only_as_a_whole() {
    for case in CASES {
        let mut device = Device::on(adapter(), 2);
        (case.change)(&mut device);
        assert_eq!(check_endpoint(&device), case.expected, "{}", case.name);
    }
}

/// The same faults, from the view of each function that is covered itself.
#[test]
fn an_uncovered_function_spoils_the_package_for_every_other() {
    for stranger in 0..8 {
        let mut bus = adapter();
        bus.insert(stranger, Space::new(0x8086, 0x10d3, 0x80));
        let view = Device::on(bus.clone(), stranger);
        for own in bus.keys().copied().filter(|&own| own != stranger) {
            let expected = Err(not_covered(stranger, 0x8086, 0x10d3));
            assert_eq!(
                check_endpoint(&view.seen_from(own)),
                expected,
                "{own}, {stranger}"
            );
        }
    }
}

#[test]
fn slots_other_than_the_first_work_alike() {
    for slot in (0..0x100_u16).step_by(8) {
        let slot = u8::try_from(slot).expect("256 functions");
        let bus = adapter()
            .into_iter()
            .map(|(devfn, space)| (slot | devfn, space));
        let mut device = Device::on(bus.collect(), slot | 5);
        assert_eq!(check_endpoint(&device), Ok(()));
        device.change(slot | 6, |_| Space::new(0x1077, 0x9999, 0));
        let expected = Err(not_covered(slot | 6, 0x1077, 0x9999));
        assert_eq!(check_endpoint(&device), expected);
    }
}

/// A function 0 that says it is alone may answer for the other numbers too, so they do not count.
#[test]
fn a_single_function_is_its_own_package() {
    let alone = Space::new(0x1077, 0x8030, 0x00);
    let mut device = Device::on([(0, alone.clone())].into(), 0);
    assert_eq!(check_endpoint(&device), Ok(()));
    device
        .bus
        .extend((1..8).map(|devfn| (devfn, alone.clone())));
    assert_eq!(check_endpoint(&device), Ok(()));
}

#[test]
fn ports_need_the_header_of_a_bridge() {
    let port = |header| Device::on([(0, Space::new(0x1077, 0x8030, header))].into(), 0);
    let fault = Err(not_covered(0, 0x1077, 0x8030));
    for (header, as_port, as_endpoint) in [
        (0x01, Ok(()), fault),
        (0x00, fault, Ok(())),
        (0x02, fault, fault),
        (0x7f, fault, fault),
    ] {
        let device = port(header);
        assert_eq!(check(&device, HeaderLayout::Bridge, covered), as_port);
        assert_eq!(check(&device, HeaderLayout::Endpoint, covered), as_endpoint);
    }
}

#[test]
fn any_failed_read_ends_the_claim() {
    let mut device = Device::on(adapter(), 2);
    assert_eq!(check_endpoint(&device), Ok(()));
    device.fail_each_read(check_endpoint);
}

#[test]
fn a_bus_that_answers_at_random_is_never_granted_and_never_a_panic() {
    let mut random = fastrand::Rng::with_seed(1077);
    for _ in 0..20_000 {
        let mut device = Device::on(adapter(), random.u8(0..6));
        device.is_ari = random.bool();
        let (own, spoiled) = (device.devfn, random.u8(0..8));
        // Never a value that a present member or an absent function reads as.
        let ids = random.u32(..) | 0x2000;
        device.change(spoiled, |space| {
            space
                .with(0x00, ids)
                .with(0x0c, random.u32(..))
                .with(0x100, random.u32(..))
        });
        assert!(
            check_endpoint(&device).is_err(),
            "{own}: {spoiled} is {ids:08x}"
        );
    }
}
