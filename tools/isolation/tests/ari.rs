// SPDX-License-Identifier: GPL-2.0-only

//! Rule 5 where a port forwards by ARI: the package is a chain of up to 256 functions.

mod common;

use std::collections::BTreeMap;

use common::{Device, Space};
use isolation::{
    package::{Fault, check},
    pcie::HeaderLayout,
};

fn covered(vendor: u16, device: u16) -> bool {
    (vendor, device) == (0x1077, 0x8030)
}

fn check_endpoint(device: &Device) -> Result<(), Fault> {
    check(device, HeaderLayout::Endpoint, covered)
}

fn member() -> Space {
    Space::new(0x1077, 0x8030, 0x80)
}

/// Functions of which each names the next, as the pairs say, with the capability at `at`.
fn chain(at: u16, links: &[(u8, u8)]) -> BTreeMap<u8, Space> {
    let link = |&(devfn, next)| (devfn, member().with_ari(at, next));
    links.iter().map(link).collect()
}

fn ari(bus: BTreeMap<u8, Space>, own: u8) -> Device {
    let mut device = Device::on(bus, own);
    device.is_ari = true;
    device
}

/// Links between functions, the function asked about, and what becomes of the claim.
type Case = (&'static str, &'static [(u8, u8)], u8, Result<(), Fault>);

const CASES: &[Case] = &[
    ("one function", &[(0, 0)], 0, Ok(())),
    ("adjacent", &[(0, 1), (1, 2), (2, 0)], 1, Ok(())),
    (
        "far apart",
        &[(0, 1), (1, 0x40), (0x40, 0xff), (0xff, 0)],
        0xff,
        Ok(()),
    ),
    (
        "beyond the first eight",
        &[(0, 0x10), (0x10, 0x20), (0x20, 0)],
        0x10,
        Ok(()),
    ),
    (
        "function 0 is not in the slot's first place only",
        &[(0, 0x2a), (0x2a, 0)],
        0x2a,
        Ok(()),
    ),
    (
        "a link to itself",
        &[(0, 0x10), (0x10, 0x10)],
        0,
        Err(Fault::Unreadable { devfn: 0x10 }),
    ),
    (
        "a loop",
        &[(0, 0x10), (0x10, 0x20), (0x20, 0x10)],
        0,
        Err(Fault::Unreadable { devfn: 0x10 }),
    ),
    (
        "descending",
        &[(0, 0x20), (0x20, 0x10), (0x10, 0)],
        0,
        Err(Fault::Unreadable { devfn: 0x10 }),
    ),
    (
        "a function that is not there",
        &[(0, 0x10)],
        0,
        Err(Fault::Unreadable { devfn: 0x10 }),
    ),
    (
        "own function is not in the chain",
        &[(0, 0x10), (0x10, 0), (0x20, 0)],
        0x20,
        Err(Fault::Unaccounted),
    ),
];

#[test]
fn the_chain_must_lead_from_function_0_to_its_end() {
    for &(name, links, own, expected) in CASES {
        let outcome = check_endpoint(&ari(chain(0x100, links), own));
        assert_eq!(outcome, expected, "{name}");
    }
}

#[test]
fn the_longest_chain_is_followed() {
    let links: Vec<_> = (0..=255).map(|at: u8| (at, at.wrapping_add(1))).collect();
    let mut device = ari(chain(0x100, &links), 200);
    assert_eq!(check_endpoint(&device), Ok(()));
    for stranger in [0, 1, 7, 8, 100, 255] {
        let kept = device.bus[&stranger].clone();
        device.change(stranger, |space| space.with(0x00, 0x9999_1077));
        let expected = Err(Fault::NotCovered {
            devfn: stranger,
            vendor: 0x1077,
            device: 0x9999,
        });
        assert_eq!(check_endpoint(&device), expected);
        device.bus.insert(stranger, kept);
    }
}

/// A function among the first eight that the chain leaves out is there all the same.
#[test]
fn functions_beside_the_chain_count() {
    let mut device = ari(chain(0x100, &[(0, 2), (2, 0)]), 2);
    assert_eq!(check_endpoint(&device), Ok(()));
    device.change(1, |_| Space::new(0x8086, 0x10d3, 0));
    assert!(matches!(
        check_endpoint(&device),
        Err(Fault::NotCovered { devfn: 1, .. })
    ));
}

/// The kernel follows the chain also when function 0 denies being multi-function.
#[test]
fn the_chain_counts_without_the_multi_function_bit() {
    let alone = Space::new(0x1077, 0x8030, 0).with_ari(0x100, 0x10);
    let mut device = ari([(0, alone), (0x10, member().with_ari(0x100, 0))].into(), 0);
    assert_eq!(check_endpoint(&device), Ok(()));
    device.change(0x10, |space| space.with(0x00, 0x9999_1077));
    assert!(matches!(
        check_endpoint(&device),
        Err(Fault::NotCovered { devfn: 0x10, .. })
    ));
}

/// Extended capabilities are aligned to dwords, not to more (PCI Express Base Specification,
/// section 7.6.3), so the capability may be at any of these.
#[test]
fn the_capability_is_found_wherever_it_is() {
    for at in (0x104..=0xff8).step_by(4) {
        let space = |next| member().with_capability(0x100, 0x01, at).with_ari(at, next);
        let bus = BTreeMap::from([(0, space(0x10)), (0x10, space(0))]);
        let mut device = ari(bus, 0);
        assert_eq!(check_endpoint(&device), Ok(()), "at {at:#x}");
        device.change(0x10, |space| space.with(0x00, 0x9999_1077));
        let expected = Err(Fault::NotCovered {
            devfn: 0x10,
            vendor: 0x1077,
            device: 0x9999,
        });
        assert_eq!(check_endpoint(&device), expected, "at {at:#x}");
    }
}

/// A capability whose second dword would lie behind the end of configuration space.
#[test]
fn a_capability_that_does_not_fit_ends_the_claim() {
    let space = member()
        .with_capability(0x100, 0x01, 0xffc)
        .with_capability(0xffc, 0x0e, 0);
    let outcome = check_endpoint(&ari([(0, space)].into(), 0));
    assert_eq!(outcome, Err(Fault::Unreadable { devfn: 0 }));
}

#[test]
fn a_capability_list_that_does_not_end_ends_the_claim() {
    let unreadable = Err(Fault::Unreadable { devfn: 0 });
    for (name, space) in [
        ("itself", member().with_capability(0x100, 0x01, 0x100)),
        (
            "a loop",
            member()
                .with_capability(0x100, 0x01, 0x140)
                .with_capability(0x140, 0x10, 0x100),
        ),
        ("all ones at the start", member().with(0x100, u32::MAX)),
        (
            "all ones later",
            member()
                .with_capability(0x100, 0x01, 0x140)
                .with(0x140, u32::MAX),
        ),
        (
            "all ones in the capability",
            member().with_ari(0x100, 0).with(0x104, u32::MAX),
        ),
    ] {
        let device = ari([(0, space)].into(), 0);
        assert_eq!(check_endpoint(&device), unreadable, "{name}");
    }
}

#[test]
fn a_capability_list_may_end_without_ari() {
    for (name, space) in [
        ("no list", member()),
        (
            "other capabilities",
            member().with_capability(0x100, 0x01, 0),
        ),
        (
            "a pointer into the header ends it",
            member().with_capability(0x100, 0x01, 0x40),
        ),
    ] {
        let device = ari([(0, space)].into(), 0);
        assert_eq!(check_endpoint(&device), Ok(()), "{name}");
    }
}

/// What a pointer below 100h leads to is no extended capability; the kernel ends the list there.
#[test]
fn a_pointer_into_the_header_leads_nowhere() {
    for at in (0x40..0x100).step_by(4) {
        let space = member().with_capability(0x100, 0x01, at).with_ari(at, 0x10);
        let device = ari([(0, space)].into(), 0);
        assert_eq!(check_endpoint(&device), Ok(()), "{at:#x}");
    }
}

#[test]
fn a_function_in_the_chain_that_reads_as_absent_ends_the_claim() {
    let mut device = ari(chain(0x100, &[(0, 0x10), (0x10, 0)]), 0);
    device.change(0x10, |space| space.with(0x00, 0));
    let expected = Err(Fault::Unreadable { devfn: 0x10 });
    assert_eq!(check_endpoint(&device), expected);
}

#[test]
fn any_failed_read_ends_the_claim() {
    let bus = chain(0x100, &[(0, 1), (1, 0x10), (0x10, 0x20), (0x20, 0)]);
    let mut device = ari(bus, 0x10);
    assert_eq!(check_endpoint(&device), Ok(()));
    device.fail_each_read(check_endpoint);
}

/// The bound that the interface promises: nothing that a device says makes the check run long.
#[test]
fn the_number_of_reads_is_bounded() {
    let mut random = fastrand::Rng::with_seed(256);
    for _ in 0..200 {
        let bus = (0..=255).map(|devfn: u8| {
            let mut space = member();
            let mut at = 0x100;
            for _ in 0..random.u16(0..200) {
                let next = 0x100 + random.u16(0..0x3c0) * 4;
                space = space.with_capability(at, 0x01, next);
                at = next;
            }
            (
                devfn,
                space.with_ari(at.min(0xff8) & !7, devfn.wrapping_add(1)),
            )
        });
        let device = ari(bus.collect(), random.u8(..));
        let _ = check_endpoint(&device);
        assert!(
            device.reads.get() <= 256 * 500,
            "{} reads",
            device.reads.get()
        );
    }
}
