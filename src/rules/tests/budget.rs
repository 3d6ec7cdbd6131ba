// SPDX-License-Identifier: GPL-2.0-only

//! The budget of reads: no device can prolong the check, and real devices fit into the budget.

mod common;

use std::collections::BTreeMap;

use common::{check_adapter, member, Device, Space};
use rules::{config::MAX_READS, whole::Fault};

/// Eight copies of this function, all known to the kernel.
fn eight(function: &Space) -> Device {
    let bus: BTreeMap<_, _> = (0..8).map(|devfn| (devfn, function.clone())).collect();
    Device::on(bus, 2).all_known()
}

fn budget() -> usize {
    usize::from(MAX_READS)
}

/// Twenty capabilities, in every split between the two lists.
#[test]
fn a_device_with_many_capabilities_passes() {
    for capabilities in 1..20 {
        let function = member()
            .with_capabilities(capabilities)
            .with_extended_capabilities(20 - u16::from(capabilities));
        let device = eight(&function);
        assert_eq!(check_adapter(&device), Ok(()), "{capabilities}");
        let reads = device.reads.get();
        assert!(reads <= budget() / 5, "{capabilities}: {reads} reads");
    }
}

/// Likewise under ARI, where the check also follows the chain.
#[test]
fn a_chain_with_many_capabilities_passes() {
    let bus = (0..8).map(|devfn| {
        let next = (devfn + 1) % 8;
        let function = member()
            .with_capabilities(10)
            .with_extended_capabilities(9)
            .with_extended(0x120, 0x0b, 0x124)
            .with_ari(0x124, next);
        (devfn, function)
    });
    let device = Device::on(bus.collect(), 2).under_ari().all_known();
    assert_eq!(check_adapter(&device), Ok(()));
    let reads = device.reads.get();
    assert!(reads <= budget() / 2, "{reads} reads");
}

/// Lists without an end.
#[test]
fn endless_lists_end() {
    for (name, function) in [
        ("capabilities", member().with_capability(0x40, 0x05, 0x40)),
        (
            "extended capabilities",
            member().with_extended(0x100, 0x0b, 0x100),
        ),
        (
            "both",
            member()
                .with_capability(0x40, 0x05, 0x40)
                .with_extended(0x100, 0x0b, 0x100),
        ),
    ] {
        for is_ari in [false, true] {
            let mut device = eight(&function);
            device.is_ari = is_ari;
            let outcome = check_adapter(&device);
            let expected = Err(Fault::Unreadable { devfn: 0 });
            assert_eq!(outcome, expected, "{name}, ARI: {is_ari}");
            let reads = device.reads.get();
            assert!(reads <= budget(), "{name}: {reads} reads");
        }
    }
}

/// Lists of the greatest length in every function. Each one is well formed; together they exceed
/// the budget.
#[test]
fn a_device_that_takes_too_many_reads_ends_the_claim() {
    let longest = member()
        .with_capabilities(48)
        .with_extended_capabilities(480);
    let alone = Device::on([(0, longest.clone())].into(), 0).all_known();
    assert_eq!(check_adapter(&alone), Ok(()));
    let device = eight(&longest);
    let outcome = check_adapter(&device);
    assert!(matches!(outcome, Err(Fault::Unreadable { .. })));
    assert_eq!(device.reads.get(), budget());
}

/// One device for each length of the last function's list: the claim ends exactly when the reads
/// exceed the budget.
#[test]
fn the_last_read_of_the_budget_counts() {
    let with_last = |count| {
        let mut device = eight(&member().with_extended_capabilities(250));
        device.records.clear();
        device.change(7, |_| member().with_extended_capabilities(count));
        let outcome = check_adapter(&device);
        (outcome, device.reads.get())
    };
    let (outcome, reads) = with_last(250);
    assert_eq!(outcome, Ok(()));
    let left = u16::try_from(budget() - reads).expect("within the budget");
    assert_eq!(with_last(250 + left), (Ok(()), budget()));
    let unreadable = Err(Fault::Unreadable { devfn: 7 });
    assert_eq!(with_last(251 + left), (unreadable, budget()));
}

/// Each question has its own budget.
#[test]
fn a_question_takes_nothing_from_the_next() {
    let device = eight(&member().with_extended_capabilities(100));
    for _ in 0..10 {
        assert_eq!(check_adapter(&device), Ok(()));
    }
    assert!(device.reads.get() > budget());
}

/// Random lists on a full bus, with and without ARI.
#[test]
fn no_device_takes_more_reads_than_the_budget() {
    let mut random = fastrand::Rng::with_seed(256);
    for _ in 0..300 {
        let bus = (0..=255).map(|devfn: u8| {
            let mut function = member();
            let mut at = 0x40;
            for _ in 0..random.u8(0..60) {
                let next = random.u8(0x40..);
                function = function.with_capability(at & 0xfc, 0x01, next);
                at = next;
            }
            function = function.with_pcie(at & 0xfc, 0x0, 0);
            let mut at = 0x100;
            for _ in 0..random.u16(0..40) {
                let next = 0x100 + random.u16(0..0x3c0) * 4;
                function = function.with_extended(at, 0x0b, next);
                at = next;
            }
            (
                devfn,
                function.with_ari(at.min(0xff8), devfn.wrapping_add(1)),
            )
        });
        let mut device = Device::on(bus.collect(), random.u8(..));
        device.is_ari = random.bool();
        if random.bool() {
            device = device.all_known();
        }
        let outcome = check_adapter(&device);
        let reads = device.reads.get();
        assert!(reads <= budget(), "{reads} reads: {outcome:?}");
    }
}
