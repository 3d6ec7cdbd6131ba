// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `whole`: the functions that configuration space shows. `shared/whole.rs` has more.

mod common;

use common::{
    adapter, check_adapter, covered, every_set_of_kinds, member, not_covered, tables::entry,
    Device, Space,
};
use rules::{
    acs::AcsFlags,
    entry::{Entry, Kind, Kinds},
    pcie::{HeaderLayout, PcieType},
    whole::{check, Fault},
};

/// One function at fault, seen from each of the others. Control: without the fault each of them is
/// granted.
#[test]
fn a_function_at_fault_spoils_the_device_for_every_other() {
    for at_fault in 0..8 {
        let uncovered = not_covered(at_fault, 0x1077, 0x8031);
        let has_acs = Fault::HasAcs { devfn: at_fault };
        for (space, fault) in [
            (
                Space::new(0x8086, 0x10d3, 0x80),
                not_covered(at_fault, 0x8086, 0x10d3),
            ),
            (Space::new(0x1077, 0x8031, 0x81), uncovered),
            (member().with_type(0x5), uncovered),
            (member().with(0x04, 0), uncovered),
            (member().with_acs(0x100), has_acs),
        ] {
            let mut view = Device::on(adapter(), 0);
            view.bus.insert(at_fault, member());
            for own in view.bus.clone().into_keys().filter(|&own| own != at_fault) {
                let mut device = view.seen_from(own);
                assert_eq!(check_adapter(&device), Ok(()), "{own}, {at_fault}");
                device.bus.insert(at_fault, space.clone());
                assert_eq!(check_adapter(&device), Err(fault), "{own}, {space:?}");
            }
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
        assert_eq!(check_adapter(&device), Ok(()));
        device.change(slot | 6, |_| Space::new(0x1077, 0x9999, 0));
        let expected = Err(not_covered(slot | 6, 0x1077, 0x9999));
        assert_eq!(check_adapter(&device), expected);
    }
}

/// A function 0 without the multi-function bit may answer at the other function numbers too, so
/// these numbers do not count.
#[test]
fn a_single_function_is_its_own_device() {
    let alone = Space::new(0x1077, 0x8030, 0x00);
    let mut device = Device::on([(0, alone.clone())].into(), 0);
    assert_eq!(check_adapter(&device), Ok(()));
    device
        .bus
        .extend((1..8).map(|devfn| (devfn, alone.clone())));
    assert_eq!(check_adapter(&device), Ok(()));
}

/// Each kind with the register values of its types, and its header layout.
const KINDS: [(Kind, &[u8], u8); 4] = [
    (Kind::MfEndpoint, &[0x0, 0x1], 0),
    (Kind::RootPort, &[0x4], 1),
    (Kind::DownstreamPort, &[0x6], 1),
    (Kind::RcEndpoint, &[0x9], 0),
];

const fn speaking_for(kinds: Kinds) -> Entry {
    Entry { kinds, ..entry(1) }
}

#[test]
fn every_function_must_have_a_type_of_the_kind() {
    for (kind, types, layout) in KINDS {
        let function = |raw| Space::new(0x1077, 0x8030, 0x80 | layout).with_type(raw);
        for raw in 0x0..=0xf {
            for other in 0..8 {
                let mut bus = adapter();
                bus.extend((0..8).map(|devfn| (devfn, function(types[0]))));
                bus.insert(other, function(raw));
                let device = Device::on(bus, 3).of_type(types[0]).all_known();
                let expected = if types.contains(&raw) {
                    Ok(())
                } else {
                    Err(not_covered(other, 0x1077, 0x8030))
                };
                let outcome = check(
                    &device,
                    &speaking_for(Kinds::of(kind)),
                    AcsFlags::GROUPING,
                    covered,
                );
                assert_eq!(outcome, expected, "{kind:?}: {other} is of type {raw:#x}");
            }
        }
    }
}

#[test]
fn every_function_must_have_the_header_of_the_kind() {
    for (kind, types, layout) in KINDS {
        assert_eq!(HeaderLayout::from_raw(layout), Some(kind.layout()));
        for header in 0x00..=0x7f {
            let sibling = Space::new(0x1077, 0x8030, header).with_type(types[0]);
            let own = Space::new(0x1077, 0x8030, 0x80 | layout).with_type(types[0]);
            let device = Device::on([(0, own), (1, sibling)].into(), 0);
            let device = device.of_type(types[0]).all_known();
            let expected = if header == layout {
                Ok(())
            } else {
                Err(not_covered(1, 0x1077, 0x8030))
            };
            let outcome = check(
                &device,
                &speaking_for(Kinds::of(kind)),
                AcsFlags::GROUPING,
                covered,
            );
            assert_eq!(outcome, expected, "{kind:?}: header {header:#x}");
        }
    }
}

/// A device with functions of several types, for an entry of several kinds: each function must have
/// a type of one of the kinds and the header layout of that kind. A port beside an endpoint ends
/// the claim, because the functions behind the port belong to no endpoint's device.
#[test]
fn kinds_speak_for_a_device_of_their_types() {
    for kinds in every_set_of_kinds() {
        for raw in 0x0..=0xf {
            for layout in 0..=2 {
                let own = KINDS.iter().find(|(kind, ..)| kinds.contains(*kind));
                let Some((_, own_types, own_layout)) = own else {
                    continue;
                };
                let own = Space::new(0x1077, 0x8030, 0x80 | own_layout).with_type(own_types[0]);
                let other = Space::new(0x1077, 0x8031, layout).with_type(raw);
                let device = Device::on([(0, own), (1, other)].into(), 0);
                let device = device.of_type(own_types[0]).all_known();
                let is_port = |raw| matches!(raw, 0x4 | 0x6);
                let speaks = |&(kind, types, header): &(Kind, &[u8], u8)| {
                    kinds.contains(kind) && types.contains(&raw) && header == layout
                };
                let stays = is_port(own_types[0]) || !is_port(raw);
                let expected = if stays && KINDS.iter().any(speaks) {
                    Ok(())
                } else {
                    Err(not_covered(1, 0x1077, 0x8031))
                };
                let outcome = check(&device, &speaking_for(kinds), AcsFlags::GROUPING, covered);
                assert_eq!(outcome, expected, "{kinds:?}: {raw:#x}, header {layout}");
            }
        }
    }
}

/// This check uses the type in configuration space. Another check compares the kernel's type.
#[test]
fn the_type_is_that_of_configuration_space() {
    let uncovered = Err(not_covered(0, 0x1077, 0x8031));
    for (raw, expected) in [(0x0, Ok(())), (0x9, uncovered)] {
        for said in [None, Some(PcieType::Endpoint), Some(PcieType::RcEndpoint)] {
            let mut device = Device::on([(0, member().with_type(raw))].into(), 0);
            device.pcie_type = said;
            assert_eq!(check_adapter(&device), expected, "{raw:#x}, {said:?}");
        }
    }
}

#[test]
fn a_bus_that_answers_at_random_is_never_granted_and_never_a_panic() {
    let mut random = fastrand::Rng::with_seed(1077);
    for _ in 0..20_000 {
        let mut device = Device::on(adapter(), random.u8(0..6));
        device.is_ari = random.bool();
        let (own, spoiled) = (device.devfn, random.u8(0..8));
        // Never the value of a present member or of an absent function.
        let ids = random.u32(..) | 0x2000;
        device.change(spoiled, |space| {
            space
                .with(0x00, ids)
                .with(0x04, random.u32(..))
                .with(0x0c, random.u32(..))
                .with(0x34, random.u32(..))
                .with(0x40, random.u32(..))
                .with(0x100, random.u32(..))
        });
        assert!(
            check_adapter(&device).is_err(),
            "{own}: {spoiled} is {ids:08x}"
        );
    }
}
