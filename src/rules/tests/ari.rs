// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `whole` under ARI: the device is a chain of up to 256 functions.

mod common;

use std::collections::BTreeMap;

use common::{check_adapter, member, not_covered, senseless_extended_lists, Device, Space};
use rules::{config::MAX_READS, device::Record, whole::Fault};

/// Functions with an ARI capability at `at`. Each pair is a function and the next one that it
/// names.
fn chain(at: u16, links: &[(u8, u8)]) -> BTreeMap<u8, Space> {
    let link = |&(devfn, next)| (devfn, member().with_ari(at, next));
    links.iter().map(link).collect()
}

fn ari(bus: BTreeMap<u8, Space>, own: u8) -> Device {
    Device::on(bus, own).under_ari()
}

/// Name, links between functions, the function that the kernel asks about, and the result.
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
        let outcome = check_adapter(&ari(chain(0x100, links), own));
        assert_eq!(outcome, expected, "{name}");
    }
}

#[test]
fn a_chain_of_128_functions_is_followed() {
    let links: Vec<_> = (0..128).map(|at| (at, (at + 1) % 128)).collect();
    let mut device = ari(chain(0x100, &links), 100).all_known();
    assert_eq!(check_adapter(&device), Ok(()));
    for stranger in [0, 1, 7, 8, 101, 127] {
        let kept = device.bus[&stranger].clone();
        device.change(stranger, |space| space.with(0x00, 0x9999_1077));
        device.reads.set(0);
        let expected = Err(not_covered(stranger, 0x1077, 0x9999));
        assert_eq!(check_adapter(&device), expected);
        device.bus.insert(stranger, kept);
    }
}

/// The longest possible chain needs more reads than the budget has.
#[test]
fn a_chain_that_the_budget_does_not_reach_the_end_of_ends_the_claim() {
    let links: Vec<_> = (0..=255).map(|at: u8| (at, at.wrapping_add(1))).collect();
    let device = ari(chain(0x100, &links), 0);
    let outcome = check_adapter(&device);
    assert!(matches!(outcome, Err(Fault::Unreadable { .. })));
    assert_eq!(device.reads.get(), usize::from(MAX_READS));
}

/// A function among the first eight that the chain omits counts nevertheless.
#[test]
fn functions_beside_the_chain_count() {
    let mut device = ari(chain(0x100, &[(0, 2), (2, 0)]), 2);
    assert_eq!(check_adapter(&device), Ok(()));
    device.change(1, |_| Space::new(0x8086, 0x10d3, 0));
    assert!(matches!(
        check_adapter(&device),
        Err(Fault::NotCovered { devfn: 1, .. })
    ));
}

/// The kernel follows the chain even if function 0 has no multi-function bit.
#[test]
fn the_chain_counts_without_the_multi_function_bit() {
    let alone = Space::new(0x1077, 0x8031, 0).with_ari(0x100, 0x10);
    let mut device = ari([(0, alone), (0x10, member().with_ari(0x100, 0))].into(), 0);
    assert_eq!(check_adapter(&device), Ok(()));
    device.change(0x10, |space| space.with(0x00, 0x9999_1077));
    assert!(matches!(
        check_adapter(&device),
        Err(Fault::NotCovered { devfn: 0x10, .. })
    ));
}

/// Extended capabilities are aligned to 4 bytes only (PCI Express Base Specification 6.0, section
/// 7.6.3), so the capability may be at any of these offsets.
#[test]
fn the_capability_is_found_wherever_it_is() {
    for at in (0x104..=0xff8).step_by(4) {
        let space = |next| member().with_extended(0x100, 0x01, at).with_ari(at, next);
        let bus = BTreeMap::from([(0, space(0x10)), (0x10, space(0))]);
        let mut device = ari(bus, 0);
        assert_eq!(check_adapter(&device), Ok(()), "at {at:#x}");
        device.change(0x10, |space| space.with(0x00, 0x9999_1077));
        let expected = Err(not_covered(0x10, 0x1077, 0x9999));
        assert_eq!(check_adapter(&device), expected, "at {at:#x}");
    }
}

/// The second dword of the capability would lie beyond configuration space.
#[test]
fn a_capability_that_does_not_fit_ends_the_claim() {
    let space = member()
        .with_extended(0x100, 0x01, 0xffc)
        .with_extended(0xffc, 0x0e, 0);
    let outcome = check_adapter(&ari([(0, space)].into(), 0));
    assert_eq!(outcome, Err(Fault::Unreadable { devfn: 0 }));
}

#[test]
fn a_capability_list_that_does_not_end_ends_the_claim() {
    let unreadable = Err(Fault::Unreadable { devfn: 0 });
    let in_capability = (
        "all ones in the capability",
        member().with_ari(0x100, 0).with(0x104, u32::MAX),
    );
    let lists = senseless_extended_lists(&member());
    for (name, space) in lists.into_iter().chain([in_capability]) {
        let device = ari([(0, space)].into(), 0);
        assert_eq!(check_adapter(&device), unreadable, "{name}");
    }
}

#[test]
fn a_capability_list_may_end_without_ari() {
    for (name, space) in [
        ("no list", member()),
        ("other capabilities", member().with_extended(0x100, 0x01, 0)),
        (
            "a pointer into the header ends it",
            member().with_extended(0x100, 0x01, 0x40),
        ),
    ] {
        let device = ari([(0, space)].into(), 0);
        assert_eq!(check_adapter(&device), Ok(()), "{name}");
    }
}

/// A pointer below 100h leads to no extended capability; the kernel ends the list there.
#[test]
fn a_pointer_into_the_header_leads_nowhere() {
    for at in (0x40..0x100).step_by(4) {
        // Keep the PCI Express capability away from the pointer's target.
        let pcie = if at < 0x80 { 0xf0 } else { 0x40 };
        let space = member()
            .with(0x34, u32::from(pcie))
            .with_pcie(pcie, 0x0, 0)
            .with_extended(0x100, 0x01, at)
            .with_ari(at, 0x10);
        let device = ari([(0, space)].into(), 0);
        assert_eq!(check_adapter(&device), Ok(()), "{at:#x}");
    }
}

#[test]
fn a_function_in_the_chain_that_reads_as_absent_ends_the_claim() {
    let mut device = ari(chain(0x100, &[(0, 0x10), (0x10, 0)]), 0);
    device.change(0x10, |space| space.with(0x00, 0));
    let expected = Err(Fault::Unreadable { devfn: 0x10 });
    assert_eq!(check_adapter(&device), expected);
}

#[test]
fn any_failed_read_ends_the_claim() {
    let bus = chain(0x100, &[(0, 1), (1, 0x10), (0x10, 0x20), (0x20, 0)]);
    let mut device = ari(bus, 0x10);
    assert_eq!(check_adapter(&device), Ok(()));
    device.fail_each_read(check_adapter).unwrap();
}

/// A function of the chain that falls silent ends the claim even if the kernel does not know it.
#[test]
fn functions_that_fall_silent_end_the_claim() {
    let bus = chain(0x100, &[(0, 1), (1, 0x10), (0x10, 0x20), (0x20, 0)]);
    let mut device = ari(bus, 0x10);
    assert_eq!(check_adapter(&device), Ok(()));
    device.fall_silent_at_each_read(check_adapter).unwrap();
    let mut known = ari(device.bus.clone(), 0x10).all_known();
    assert_eq!(check_adapter(&known), Ok(()));
    known.fall_silent_at_each_read(check_adapter).unwrap();
}

/// A function in the chain, unchanged and with one property changed.
#[test]
fn every_function_in_the_chain_must_be_one_that_the_entry_speaks_for() {
    let at_fault = |change: fn(Space) -> Space| {
        let mut device = ari(chain(0x140, &[(0, 0x10), (0x10, 0)]), 0);
        for devfn in [0, 0x10] {
            device.change(devfn, |space| space.with_extended(0x100, 0x01, 0x140));
        }
        device.change(0x10, change);
        check_adapter(&device)
    };
    let uncovered = Err(not_covered(0x10, 0x1077, 0x8031));
    assert_eq!(at_fault(|space| space), Ok(()));
    assert_eq!(at_fault(|space| space.with_type(0x5)), uncovered);
    assert_eq!(at_fault(|space| space.with(0x04, 0)), uncovered);
    assert_eq!(at_fault(|space| space.with(0x0c, 0x0001_0000)), uncovered);
    assert_eq!(
        at_fault(|space| space.with_extended(0x100, 0x0d, 0x140)),
        Err(Fault::HasAcs { devfn: 0x10 })
    );
}

/// A record beyond the first eight functions, outside the chain, with different configuration
/// spaces.
#[test]
fn functions_on_record_beside_the_chain_count() {
    let stranger = || Space::new(0x8086, 0x10d3, 0);
    let unreadable = |devfn| Err(Fault::Unreadable { devfn });
    for devfn in [0x08, 0x20, 0x81, 0xff] {
        for (record, space, expected) in [
            (Record::None, None, Ok(())),
            (Record::None, Some(stranger()), Ok(())),
            (Record::Known, Some(member()), Ok(())),
            (Record::Known, None, unreadable(devfn)),
            (
                Record::Known,
                Some(stranger()),
                Err(not_covered(devfn, 0x8086, 0x10d3)),
            ),
            (
                Record::Known,
                Some(member().with_acs(0x100)),
                Err(Fault::HasAcs { devfn }),
            ),
            (
                Record::Exposed,
                Some(member()),
                Err(Fault::Exposed { devfn }),
            ),
            (Record::Incomplete, Some(member()), unreadable(devfn)),
        ] {
            let mut device = ari(chain(0x100, &[(0, 0x10), (0x10, 0)]), 0x10);
            device.bus.extend(space.clone().map(|space| (devfn, space)));
            device.records = [(devfn, record)].into();
            assert_eq!(
                check_adapter(&device),
                expected,
                "{devfn:#x} {record:?} {space:?}"
            );
        }
    }
}

/// The record alone does not make a function part of a chain that omits it.
#[test]
fn the_record_does_not_account_for_the_function_that_is_asked_about() {
    let links = [(0, 0x10), (0x10, 0), (0x20, 0)];
    let device = ari(chain(0x100, &links), 0x20).all_known();
    assert_eq!(check_adapter(&device), Err(Fault::Unaccounted));
    assert_eq!(check_adapter(&device.seen_from(0x10)), Ok(()));
}

/// Virtual functions read as absent and are not in the record.
#[test]
fn virtual_functions_do_not_matter() {
    let mut device = ari(chain(0x100, &[(0, 1), (1, 0)]), 1).all_known();
    for devfn in [2, 7, 8, 0x80, 0xff] {
        device.change(devfn, |_| Space::new(0xffff, 0xffff, 0).with_acs(0x100));
    }
    assert_eq!(check_adapter(&device), Ok(()));
    for devfn in [2, 7, 8, 0x80, 0xff] {
        let mut known = device.clone();
        known.records.insert(devfn, Record::Known);
        assert_eq!(check_adapter(&known), Err(Fault::Unreadable { devfn }));
    }
}
