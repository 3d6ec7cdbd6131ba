// SPDX-License-Identifier: GPL-2.0-only

//! Limits: each bounds the claim, each function is checked with the row of its own id, and a
//! function outside its limits ends the claim for the whole device.

mod common;

use common::{
    adapter, member,
    tables::{entry, row, table},
    Device, Space,
};
use rules::{
    acs::AcsFlags,
    decision::{decide, Decision, KernelVerdict, Refusal},
    entry::{Entry, Kinds},
    limits::{Class, Excess, Limits},
    release::Release,
    table::{IdRange, Table},
    whole::{check, Fault},
    withdraw::Withdrawn,
};

const NONE: Limits = Limits::NONE;

/// Checks the device for an entry with these limits on every id of the adapter.
fn check_within(device: &Device, limits: &'static Limits) -> Result<(), Fault> {
    check(device, &entry(1), AcsFlags::GROUPING, |vendor, _| {
        (vendor == 0x1077).then_some(limits)
    })
}

/// A device with a single function and these registers.
fn alone(class_and_revision: u32, subsystem: u32) -> Device {
    let space = Space::new(0x1077, 0x8030, 0x00)
        .with(0x08, class_and_revision)
        .with(0x2c, subsystem);
    Device::on([(0, space)].into(), 0)
}

const fn outside(excess: Excess) -> Result<(), Fault> {
    Err(Fault::Limits { devfn: 0, excess })
}

#[test]
fn revisions_are_those_of_the_range() {
    const RANGES: [&Limits; 4] = [
        &Limits {
            first_revision: 3,
            last_revision: 7,
            ..NONE
        },
        &Limits {
            first_revision: 3,
            ..NONE
        },
        &Limits {
            last_revision: 7,
            ..NONE
        },
        &Limits {
            first_revision: 5,
            last_revision: 5,
            ..NONE
        },
    ];
    for limits in RANGES {
        for revision in 0..=u8::MAX {
            let device = alone(0x0200_0000 | u32::from(revision), 0);
            let expected = if (limits.first_revision..=limits.last_revision).contains(&revision) {
                Ok(())
            } else {
                outside(Excess::Revision(revision))
            };
            assert_eq!(check_within(&device, limits), expected, "{limits:?}");
            assert_eq!(check_within(&device, &NONE), Ok(()));
        }
    }
}

#[test]
fn a_class_is_that_of_the_function() {
    const SUBCLASS: &Limits = &Limits {
        class: Some(Class::Subclass(0x0108)),
        ..NONE
    };
    const INTERFACE: &Limits = &Limits {
        class: Some(Class::Interface(0x01_0802)),
        ..NONE
    };
    for (class, subclass, interface) in [
        (0x01_0802, true, true),
        (0x01_0801, true, false),
        (0x01_0800, true, false),
        (0x01_0702, false, false),
        (0x02_0802, false, false),
        (0x00_0000, false, false),
        (0x08_0200, false, false),
    ] {
        for revision in [0x00, 0x01, 0xff] {
            let device = alone((class << 8) | revision, 0);
            for (limits, is_within) in [(SUBCLASS, subclass), (INTERFACE, interface)] {
                let expected = if is_within {
                    Ok(())
                } else {
                    outside(Excess::Class(class))
                };
                assert_eq!(check_within(&device, limits), expected, "{class:06x}");
            }
        }
    }
}

#[test]
fn a_subsystem_is_one_of_the_list() {
    const LISTED: &Limits = &Limits {
        subsystems: &[(0x1028, 0x0010), (0x1077, 0x0001), (0x1077, 0x0005)],
        ..NONE
    };
    for (vendor, device, is_listed) in [
        (0x1028, 0x0010, true),
        (0x1077, 0x0001, true),
        (0x1077, 0x0005, true),
        (0x1077, 0x0003, false),
        (0x1077, 0x0010, false),
        (0x1028, 0x0001, false),
        (0x0010, 0x1028, false),
        (0x0000, 0x0000, false),
        (0xffff, 0x0001, false),
    ] {
        let expected = if is_listed {
            Ok(())
        } else {
            outside(Excess::Subsystem(vendor, device))
        };
        let device = alone(0, (u32::from(device) << 16) | u32::from(vendor));
        assert_eq!(check_within(&device, LISTED), expected, "{vendor:04x}");
    }
}

const ALL: &Limits = &Limits {
    class: Some(Class::Subclass(0x0200)),
    first_revision: 2,
    last_revision: 4,
    subsystems: &[(0x1077, 0x0007)],
};

/// A function that satisfies [`ALL`].
fn within(space: Space) -> Space {
    space.with(0x08, 0x0200_0003).with(0x2c, 0x0007_1077)
}

/// The adapter, whose functions satisfy [`ALL`].
fn adapter_within() -> Device {
    let bus = adapter()
        .into_iter()
        .map(|(devfn, space)| (devfn, within(space)));
    Device::on(bus.collect(), 2)
}

#[test]
fn a_function_outside_spoils_the_device_for_every_other() {
    for at_fault in 0..8 {
        for (register, dword, excess) in [
            (0x08, 0x0200_0001, Excess::Revision(1)),
            (0x08, 0x0200_0005, Excess::Revision(5)),
            (0x08, 0x0201_0003, Excess::Class(0x02_0100)),
            (0x2c, 0x0008_1077, Excess::Subsystem(0x1077, 0x0008)),
        ] {
            let mut view = adapter_within();
            view.bus.insert(at_fault, within(member()));
            for own in view.bus.clone().into_keys() {
                let mut device = view.seen_from(own);
                assert_eq!(check_within(&device, ALL), Ok(()), "{own}, {at_fault}");
                device.change(at_fault, |space| space.with(register, dword));
                let devfn = at_fault;
                let expected = Err(Fault::Limits { devfn, excess });
                assert_eq!(check_within(&device, ALL), expected, "{own}");
                let known = device.all_known();
                assert_eq!(check_within(&known, ALL), expected, "{own}");
            }
        }
    }
}

#[test]
fn registers_that_read_as_all_ones_or_not_at_all_end_the_claim() {
    for register in [0x08, 0x2c] {
        let mut device = adapter_within();
        device.change(5, |space| space.with(register, u32::MAX));
        let unreadable = Err(Fault::Unreadable { devfn: 5 });
        assert_eq!(check_within(&device, ALL), unreadable, "{register:#x}");
        assert_eq!(check_within(&device, &NONE), Ok(()), "{register:#x}");
    }
    let mut device = adapter_within();
    assert_eq!(check_within(&device, ALL), Ok(()));
    device
        .fail_each_read(|device| check_within(device, ALL))
        .unwrap();
    // With all eight functions present, no read of an absent function is legitimate.
    let mut full = adapter_within();
    full.bus
        .extend([6, 7].map(|devfn| (devfn, within(member()))));
    let mut known = full.all_known();
    assert_eq!(check_within(&known, ALL), Ok(()));
    known
        .fall_silent_at_each_read(|device| check_within(device, ALL))
        .unwrap();
}

/// A row without limits costs no read, and each limit costs the dword that it needs.
#[test]
fn only_what_is_limited_is_read() {
    const CLASS: &Limits = &Limits {
        class: ALL.class,
        ..NONE
    };
    const REVISIONS: &Limits = &Limits {
        first_revision: 2,
        last_revision: 4,
        ..NONE
    };
    const SUBSYSTEMS: &Limits = &Limits {
        subsystems: ALL.subsystems,
        ..NONE
    };
    let reads = |limits| {
        let device = adapter_within();
        assert_eq!(check_within(&device, limits), Ok(()));
        device.reads.get()
    };
    let without = reads(&NONE);
    for (limits, each) in [(CLASS, 1), (REVISIONS, 1), (SUBSYSTEMS, 1), (ALL, 2)] {
        assert_eq!(reads(limits), without + 6 * each, "{limits:?}");
    }
}

/// No sound table contains this row. If one did, a bridge would satisfy no subsystem limit.
#[test]
fn a_bridge_is_of_no_subsystem() {
    let port = within(Space::new(0x1077, 0x8030, 0x01).with_type(0x4));
    let device = Device::on([(0, port)].into(), 0).of_type(0x4).all_known();
    let entry = Entry {
        kinds: Kinds::ROOT_PORT,
        ..entry(1)
    };
    let unreadable = Err(Fault::Unreadable { devfn: 0 });
    assert_eq!(
        check(&device, &entry, AcsFlags::GROUPING, |_, _| Some(ALL)),
        unreadable
    );
    assert_eq!(
        check(&device, &entry, AcsFlags::GROUPING, |_, _| Some(&NONE)),
        Ok(())
    );
}

/// A table with one entry and a row for each id of the adapter, each with its own limits.
fn three_rows() -> Table {
    const FIRST: &Limits = &Limits {
        last_revision: 1,
        ..NONE
    };
    const SECOND: &Limits = &Limits {
        first_revision: 2,
        ..NONE
    };
    let row = |device, limits| IdRange {
        limits,
        ..row(0x1077, device, device, 0)
    };
    let rows = vec![row(0x8030, FIRST), row(0x8031, SECOND), row(0x8032, &NONE)];
    table(vec![entry(1)], rows)
}

#[test]
fn each_function_is_judged_by_the_row_of_its_id() {
    let table = three_rows();
    assert!(table.is_sound());
    // Two functions with each id, in the order of the rows.
    for revisions in [[1, 2, 0], [0, 9, 7], [2, 2, 0], [1, 1, 0], [2, 1, 0]] {
        let mut device = Device::on(adapter(), 0);
        for devfn in 0..6_u8 {
            let revision = revisions[usize::from(devfn / 2)];
            device.change(devfn, |space| space.with(0x08, revision));
        }
        let outside = if revisions[0] > 1 {
            Some((0, revisions[0]))
        } else if revisions[1] < 2 {
            Some((2, revisions[1]))
        } else {
            None
        };
        let expected = match outside {
            None => Decision::Granted(0),
            Some((devfn, revision)) => {
                let revision = u8::try_from(revision).expect("it is small");
                let excess = Excess::Revision(revision);
                Decision::Refused(0, Refusal::Whole(Fault::Limits { devfn, excess }))
            }
        };
        for own in 0..6 {
            let decision = decide(
                &table,
                &Withdrawn::NONE,
                Release::new(7, 3),
                KernelVerdict::NoOpinion,
                AcsFlags::GROUPING,
                &device.seen_from(own),
            );
            assert_eq!(decision, expected, "{revisions:?} from {own}");
        }
    }
}
