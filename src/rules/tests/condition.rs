// SPDX-License-Identifier: GPL-2.0-only

//! Conditions: the register must have the value in every function of the device.

mod common;

use common::{adapter, covered, member, senseless_extended_lists, tables::entry, Device, Space};
use rules::{
    acs::AcsFlags,
    condition::{Condition, Place},
    config::MAX_READS,
    entry::Entry,
    whole::{check, Fault},
};

/// Checks the device for an entry for the adapter with these conditions.
fn check_if(device: &Device, conditions: &'static [Condition]) -> Result<(), Fault> {
    let entry = Entry {
        conditions,
        ..entry(1)
    };
    check(device, &entry, AcsFlags::GROUPING, covered)
}

const fn fails(devfn: u8, number: u8) -> Result<(), Fault> {
    Err(Fault::Condition { devfn, number })
}

/// Bits 7:4 of the dword at offset 8 are 5.
const fn five(at: Place) -> Condition {
    Condition {
        at,
        offset: 0x08,
        mask: 0xf0,
        value: 0x50,
    }
}

const IN_CONFIG: &[Condition] = &[five(Place::Config)];
const IN_CAPABILITY: &[Condition] = &[five(Place::Capability(0x09))];
const IN_EXTENDED: &[Condition] = &[five(Place::Extended(0x000b))];

/// A function with PCI Express at 40h, another capability at 80h, and extended ones at 100h and
/// 140h.
fn function() -> Space {
    Space::new(0x1077, 0x8030, 0x00)
        .with_pcie(0x40, 0x0, 0x80)
        .with_capability(0x80, 0x09, 0)
        .with_extended(0x100, 0x01, 0x140)
        .with_extended(0x140, 0x000b, 0)
}

fn alone(space: Space) -> Device {
    Device::on([(0, space)].into(), 0)
}

#[test]
fn the_bits_of_the_mask_must_have_the_value() {
    for (conditions, register) in [
        (IN_CONFIG, 0x08),
        (IN_CAPABILITY, 0x88),
        (IN_EXTENDED, 0x148),
    ] {
        for byte in 0..=u8::MAX {
            for others in [0x0000_0000, 0xffff_ff00, 0x1234_5600] {
                let dword = others | u32::from(byte);
                let device = alone(function().with(register, dword));
                let expected = match dword {
                    u32::MAX => Err(Fault::Unreadable { devfn: 0 }),
                    _ if byte >> 4 == 5 => Ok(()),
                    _ => fails(0, 1),
                };
                let outcome = check_if(&device, conditions);
                assert_eq!(outcome, expected, "{register:#x} is {dword:08x}");
            }
        }
        // The same value at another offset does not count.
        for elsewhere in [0x48, 0x84, 0x8c, 0x108, 0x144, 0x14c] {
            let device = alone(function().with(elsewhere, 0x50));
            assert_eq!(check_if(&device, conditions), fails(0, 1), "{elsewhere:#x}");
        }
    }
}

/// A function without the capability is not the silicon of the statement.
#[test]
fn a_capability_that_is_absent_ends_the_claim() {
    let with = |conditions: &'static [Condition], space| check_if(&alone(space), conditions);
    let set = |space: Space| space.with(0x88, 0x50).with(0x148, 0x50);
    assert_eq!(with(IN_CAPABILITY, set(function())), Ok(()));
    assert_eq!(with(IN_EXTENDED, set(function())), Ok(()));
    let without = set(function()).with_capability(0x80, 0x05, 0);
    assert_eq!(with(IN_CAPABILITY, without), fails(0, 1));
    let without = set(function()).with_pcie(0x40, 0x0, 0);
    assert_eq!(with(IN_CAPABILITY, without), fails(0, 1));
    let without = set(function()).with_extended(0x140, 0x0010, 0);
    assert_eq!(with(IN_EXTENDED, without), fails(0, 1));
    let without = set(function()).with(0x100, 0);
    assert_eq!(with(IN_EXTENDED, without), fails(0, 1));
    // A capability and an extended capability with the same id are different.
    let without = set(function()).with_extended(0x140, 0x0009, 0);
    assert_eq!(with(IN_EXTENDED, without), fails(0, 1));
}

#[test]
fn of_several_capabilities_the_first_counts() {
    let twice = function()
        .with_capability(0x80, 0x09, 0xa0)
        .with_capability(0xa0, 0x09, 0)
        .with_extended(0x140, 0x000b, 0x180)
        .with_extended(0x180, 0x000b, 0);
    for (conditions, first, second) in [(IN_CAPABILITY, 0x88, 0xa8), (IN_EXTENDED, 0x148, 0x188)] {
        let in_first = alone(twice.clone().with(first, 0x50));
        assert_eq!(check_if(&in_first, conditions), Ok(()));
        let in_second = alone(twice.clone().with(second, 0x50));
        assert_eq!(check_if(&in_second, conditions), fails(0, 1));
    }
}

/// A capability whose register would lie beyond its space: nothing is read.
#[test]
fn a_register_beyond_the_space_ends_the_claim() {
    const FAR: &[Condition] = &[Condition {
        offset: 0xefc,
        ..IN_EXTENDED[0]
    }];
    const FAR_IN_CAPABILITY: &[Condition] = &[Condition {
        offset: 0xbc,
        ..IN_CAPABILITY[0]
    }];
    const BEYOND_NUMBERS: &[Condition] = &[Condition {
        offset: 0xfffc,
        ..IN_EXTENDED[0]
    }];
    for (at, is_within) in [(0xf0, true), (0xf4, true), (0xf8, false), (0xfc, false)] {
        let device = alone(
            function()
                .with_pcie(0x40, 0x0, at)
                .with_capability(at, 0x09, 0)
                .with(u16::from(at) + 8, 0x0001_0050),
        );
        let expected = if is_within { Ok(()) } else { fails(0, 1) };
        assert_eq!(check_if(&device, IN_CAPABILITY), expected, "{at:#x}");
    }
    // The test's reader panics beyond offset 4096.
    for at in (0x140..=0xffc).step_by(4) {
        let late = function()
            .with_extended(0x100, 0x01, at)
            .with_extended(at, 0x000b, 0);
        assert_eq!(check_if(&alone(late.clone()), FAR), fails(0, 1));
        let is_within = at + 8 <= 0xffc;
        let late = if is_within {
            late.with(at + 8, 0x50)
        } else {
            late
        };
        let expected = if is_within { Ok(()) } else { fails(0, 1) };
        assert_eq!(check_if(&alone(late), IN_EXTENDED), expected, "{at:#x}");
    }
    assert_eq!(check_if(&alone(function()), FAR_IN_CAPABILITY), fails(0, 1));
    assert_eq!(check_if(&alone(function()), BEYOND_NUMBERS), fails(0, 1));
}

/// Registers at both ends of each space.
#[test]
fn the_whole_space_can_be_asked() {
    for (at, offset, register) in [
        (Place::Config, 0x000, 0x000),
        (Place::Config, 0xffc, 0xffc),
        (Place::Capability(0x10), 0x00, 0x40),
        (Place::Capability(0x10), 0xbc, 0xfc),
        (Place::Extended(0x01), 0x000, 0x100),
        (Place::Extended(0x01), 0xefc, 0xffc),
    ] {
        let function = function();
        let function = match offset {
            0 => function,
            _ => function.with(register, 0x1122_3344),
        };
        let device = alone(function.clone());
        let value = if offset == 0 {
            dword(&device, register)
        } else {
            0x1122_3344
        };
        let condition = |value| Condition {
            at,
            offset,
            mask: u32::MAX,
            value,
        };
        let leaked = |value| -> &'static [Condition] { vec![condition(value)].leak() };
        assert_eq!(check_if(&device, leaked(value)), Ok(()), "{at}");
        assert_eq!(check_if(&device, leaked(value ^ 1)), fails(0, 1), "{at}");
    }
}

fn dword(device: &Device, offset: u16) -> u32 {
    use rules::device::Function as _;
    device.read_config(0, offset).expect("it can be read")
}

const FOUR: &[Condition] = &[
    five(Place::Config),
    five(Place::Capability(0x10)),
    five(Place::Capability(0x09)),
    five(Place::Extended(0x000b)),
];

/// The offsets in [`ready`] that the conditions of [`FOUR`] read.
const REGISTERS: [u16; 4] = [0x08, 0x48, 0x88, 0x148];

/// The adapter, which satisfies [`FOUR`].
fn ready() -> Device {
    let bus = adapter()
        .into_iter()
        .map(|(devfn, space)| (devfn, fulfilling(space)));
    Device::on(bus.collect(), 2)
}

/// A function with the capabilities and bits of [`FOUR`].
fn fulfilling(space: Space) -> Space {
    let space = space
        .with_pcie(0x40, 0x0, 0x80)
        .with_capability(0x80, 0x09, 0)
        .with_extended(0x100, 0x01, 0x140)
        .with_extended(0x140, 0x000b, 0);
    REGISTERS
        .into_iter()
        .fold(space, |space, at| space.with(at, 0x50))
}

#[test]
fn each_condition_must_hold_for_each_function() {
    for own in 0..6 {
        let view = ready().seen_from(own);
        assert_eq!(check_if(&view, FOUR), Ok(()));
        for at_fault in 0..6 {
            for (number, register) in (1..).zip(REGISTERS) {
                let mut device = view.seen_from(own);
                device.change(at_fault, |space| space.with(register, 0x40));
                assert_eq!(check_if(&device, FOUR), fails(at_fault, number), "{own}");
                assert_eq!(check_if(&device, &[]), Ok(()));
                let known = device.all_known();
                assert_eq!(check_if(&known, FOUR), fails(at_fault, number), "{own}");
            }
        }
    }
}

/// The condition applies also to a function that only the record or only configuration space shows.
#[test]
fn a_function_that_only_one_witness_knows_must_fulfil_it_too() {
    let mut device = ready();
    device.bus.insert(6, member());
    assert_eq!(check_if(&device, FOUR), fails(6, 1));
    let mut device = ready().under_ari();
    assert_eq!(check_if(&device, FOUR), Ok(()));
    device.bus.insert(0x20, member());
    assert_eq!(check_if(&device, FOUR), Ok(()), "nobody knows of it");
    let known = device.all_known();
    assert_eq!(check_if(&known, FOUR), fails(0x20, 1));
}

#[test]
fn any_failed_read_ends_the_claim() {
    let mut device = ready();
    assert_eq!(check_if(&device, FOUR), Ok(()));
    device
        .fail_each_read(|device| check_if(device, FOUR))
        .unwrap();
    // With all eight functions present, no read of an absent function is legitimate.
    let mut full = ready();
    full.bus
        .extend([6, 7].map(|devfn| (devfn, fulfilling(member()))));
    let mut known = full.all_known();
    assert_eq!(check_if(&known, FOUR), Ok(()));
    known
        .fall_silent_at_each_read(|device| check_if(device, FOUR))
        .unwrap();
    for register in REGISTERS {
        let mut device = ready();
        device.change(4, |space| space.with(register, u32::MAX));
        let unreadable = Err(Fault::Unreadable { devfn: 4 });
        assert_eq!(check_if(&device, FOUR), unreadable, "{register:#x}");
    }
}

#[test]
fn lists_that_make_no_sense_end_the_claim() {
    for (name, space) in senseless_extended_lists(&Space::new(0x1077, 0x8030, 0x00)) {
        let outcome = check_if(&alone(space), IN_EXTENDED);
        assert_eq!(outcome, Err(Fault::Unreadable { devfn: 0 }), "{name}");
    }
}

/// Four conditions, each at the end of a list of twenty capabilities, in a device of eight
/// functions, fit into the budget. Longer lists than any device has exhaust it, and there is no
/// claim.
#[test]
fn conditions_are_within_the_budget() {
    const LAST: &[Condition] = &[five(Place::Extended(0x0007)); 4];
    let device_of = |count: u16| {
        let last = 0x100 + 4 * count;
        let space = member()
            .with_extended_capabilities(count)
            .with_extended(last - 4, 0x0b, last)
            .with_extended(last, 0x0007, 0)
            .with(last + 8, 0x50);
        let bus = (0..8).map(|devfn| (devfn, space.clone()));
        Device::on(bus.collect(), 2).all_known()
    };
    let device = device_of(20);
    assert_eq!(check_if(&device, LAST), Ok(()));
    assert!(device.reads.get() <= usize::from(MAX_READS) / 2);
    let device = device_of(60);
    let outcome = check_if(&device, LAST);
    assert!(matches!(outcome, Err(Fault::Unreadable { .. })));
    assert_eq!(device.reads.get(), usize::from(MAX_READS));
    assert_eq!(check_if(&device_of(60), &[]), Ok(()));
}
