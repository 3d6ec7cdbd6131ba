// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `whole`: the functions that configuration space shows, and the record.

use super::{
    prelude::*,
    rules::{device::Record, whole::Fault},
};

/// A change to the adapter, seen from function 2, and the result.
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
        change: |device| {
            device.bus.insert(6, member());
            device.bus.insert(7, member());
        },
        expected: Ok(()),
    },
    Case {
        name: "functions absent in between",
        change: |device| {
            for devfn in [1, 3, 4] {
                device.bus.remove(&devfn);
            }
        },
        expected: Ok(()),
    },
    Case {
        name: "the next slot is another device",
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
        change: |device| {
            device.bus.remove(&2);
        },
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
        name: "own function is another, which is not covered",
        change: |device| device.change(2, |_| Space::new(0x1077, 0x8033, 0x80)),
        expected: Err(Fault::Changed {
            vendor: 0x1077,
            device: 0x8033,
        }),
    },
    Case {
        name: "function 0 gone",
        change: |device| {
            device.bus.remove(&0);
        },
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
    Case {
        name: "a legacy endpoint among endpoints",
        change: |device| device.change(4, |space| space.with_type(0x1)),
        expected: Ok(()),
    },
    Case {
        name: "a member that is an integrated endpoint",
        change: |device| device.change(4, |space| space.with_type(0x9)),
        expected: Err(not_covered(4, 0x1077, 0x8032)),
    },
    Case {
        name: "a member of a reserved type",
        change: |device| device.change(4, |space| space.with_type(0xf)),
        expected: Err(not_covered(4, 0x1077, 0x8032)),
    },
    Case {
        name: "a member without a capability list",
        change: |device| device.change(4, |space| space.with(0x04, 0)),
        expected: Err(not_covered(4, 0x1077, 0x8032)),
    },
    Case {
        name: "a member with other capabilities only",
        change: |device| device.change(4, |space| space.with_capability(0x40, 0x05, 0)),
        expected: Err(not_covered(4, 0x1077, 0x8032)),
    },
    Case {
        name: "own function of another type than the kernel has read",
        change: |device| device.change(2, |space| space.with_type(0x9)),
        expected: Err(not_covered(2, 0x1077, 0x8031)),
    },
    Case {
        name: "a member with an extended capability other than ACS",
        change: |device| device.change(4, |space| space.with_extended(0x100, 0x0b, 0)),
        expected: Ok(()),
    },
    Case {
        name: "a member with an ACS capability",
        change: |device| device.change(4, |space| space.with_acs(0x100)),
        expected: Err(Fault::HasAcs { devfn: 4 }),
    },
    Case {
        name: "own function with an ACS capability",
        change: |device| device.change(2, |space| space.with_acs(0x100)),
        expected: Err(Fault::HasAcs { devfn: 2 }),
    },
    Case {
        name: "an uncovered function with an ACS capability",
        change: |device| {
            device.change(7, |_| Space::new(0x8086, 0x10d3, 0x80).with_acs(0x100));
        },
        expected: Err(not_covered(7, 0x8086, 0x10d3)),
    },
    Case {
        name: "extended capabilities that read as all ones",
        change: |device| device.change(4, |space| space.with(0x100, u32::MAX)),
        expected: Err(Fault::Unreadable { devfn: 4 }),
    },
    Case {
        name: "extended capabilities without an end",
        change: |device| device.change(4, |space| space.with_extended(0x100, 0x01, 0x100)),
        expected: Err(Fault::Unreadable { devfn: 4 }),
    },
    Case {
        name: "a status register of all ones",
        change: |device| device.change(4, |space| space.with(0x04, u32::MAX)),
        expected: Err(Fault::Unreadable { devfn: 4 }),
    },
    Case {
        name: "a capability list without an end",
        change: |device| device.change(4, |space| space.with_capability(0x40, 0x05, 0x40)),
        expected: Err(Fault::Unreadable { devfn: 4 }),
    },
    Case {
        name: "an ACS capability in the next slot",
        change: |device| device.change(8, |_| member().with_acs(0x100)),
        expected: Ok(()),
    },
    Case {
        name: "the kernel knows a function of the next slot",
        change: |device| {
            device.records.insert(8, Record::Known);
        },
        expected: Ok(()),
    },
    Case {
        name: "the record of function 0 may lack something",
        change: |device| {
            device.records.insert(0, Record::Incomplete);
        },
        expected: Err(Fault::Unreadable { devfn: 0 }),
    },
    Case {
        name: "under ARI the next slot is the same device",
        change: |device| {
            device.is_ari = true;
            device.change(0, |space| space.with_ari(0x100, 2));
            device.change(2, |space| space.with_ari(0x100, 8));
            device.change(8, |_| Space::new(0x8086, 0x10d3, 0x80));
        },
        expected: Err(not_covered(8, 0x8086, 0x10d3)),
    },
    Case {
        name: "a chain of functions that does not ascend",
        change: |device| {
            device.is_ari = true;
            device.change(0, |space| space.with_ari(0x100, 1));
            device.change(1, |space| space.with_ari(0x100, 1));
        },
        expected: Err(Fault::Unreadable { devfn: 1 }),
    },
];

pub(crate) fn a_device_counts_only_as_a_whole() -> Outcome {
    for case in CASES {
        let mut device = Device::on(adapter(), 2);
        (case.change)(&mut device);
        equal(case.name, check_adapter(&device), case.expected)?;
    }
    Ok(())
}

pub(crate) fn any_failed_read_ends_the_claim() -> Outcome {
    let mut device = Device::on(adapter(), 2);
    equal("unknown to the kernel", check_adapter(&device), Ok(()))?;
    device.fail_each_read(check_adapter)?;
    let mut known = device.seen_from(2).all_known();
    equal("known to the kernel", check_adapter(&known), Ok(()))?;
    known.fail_each_read(check_adapter)
}

/// Configuration space and record of the adapter's function 7, and the result for function 2.
struct Seventh {
    name: &'static str,
    space: fn() -> Option<Space>,
    record: Record,
    expected: Result<(), Fault>,
}

const SILENT: fn() -> Option<Space> = || None;
const PRESENT: fn() -> Option<Space> = || Some(member());
const STRANGER: fn() -> Option<Space> = || Some(Space::new(0x8086, 0x10d3, 0x80));

pub(crate) const UNREADABLE: Result<(), Fault> = Err(Fault::Unreadable { devfn: 7 });
const EXPOSED: Result<(), Fault> = Err(Fault::Exposed { devfn: 7 });
const UNCOVERED: Result<(), Fault> = Err(not_covered(7, 0x8086, 0x10d3));

const RECORDS: &[Seventh] = &[
    Seventh {
        name: "nobody knows of it",
        space: SILENT,
        record: Record::None,
        expected: Ok(()),
    },
    Seventh {
        name: "not found by the kernel yet, or forgotten",
        space: PRESENT,
        record: Record::None,
        expected: Ok(()),
    },
    Seventh {
        name: "known to both",
        space: PRESENT,
        record: Record::Known,
        expected: Ok(()),
    },
    Seventh {
        name: "known to the kernel, does not answer",
        space: SILENT,
        record: Record::Known,
        expected: UNREADABLE,
    },
    Seventh {
        name: "known to the kernel, reads as zeros",
        space: || Some(Space::default()),
        record: Record::Known,
        expected: UNREADABLE,
    },
    Seventh {
        name: "not known to the kernel, reads as zeros",
        space: || Some(Space::default()),
        record: Record::None,
        expected: Ok(()),
    },
    Seventh {
        name: "known to the kernel, not ready",
        space: || Some(Space::new(0x0001, 0xffff, 0x80)),
        record: Record::Known,
        expected: UNREADABLE,
    },
    Seventh {
        name: "known to both, not covered",
        space: STRANGER,
        record: Record::Known,
        expected: UNCOVERED,
    },
    Seventh {
        name: "known to both, with an ACS capability",
        space: || Some(member().with_acs(0x100)),
        record: Record::Known,
        expected: Err(Fault::HasAcs { devfn: 7 }),
    },
    Seventh {
        name: "known to both, of another type",
        space: || Some(member().with_type(0x9)),
        record: Record::Known,
        expected: Err(not_covered(7, 0x1077, 0x8031)),
    },
    Seventh {
        name: "exposed",
        space: PRESENT,
        record: Record::Exposed,
        expected: EXPOSED,
    },
    Seventh {
        name: "exposed, does not answer",
        space: SILENT,
        record: Record::Exposed,
        expected: EXPOSED,
    },
    Seventh {
        name: "the record may lack something",
        space: PRESENT,
        record: Record::Incomplete,
        expected: UNREADABLE,
    },
    Seventh {
        name: "the record may lack something, nothing answers",
        space: SILENT,
        record: Record::Incomplete,
        expected: UNREADABLE,
    },
];

/// The adapter with this function 7, seen from function 2.
pub(crate) fn with_function_7(space: Option<Space>, record: Record) -> Device {
    let mut device = Device::on(adapter(), 2).all_known();
    if let Some(space) = space {
        device.bus.insert(7, space);
    }
    device.records.insert(7, record);
    device
}

pub(crate) fn what_the_kernel_knows_must_answer_and_be_covered() -> Outcome {
    for case in RECORDS {
        let device = with_function_7((case.space)(), case.record);
        equal(case.name, check_adapter(&device), case.expected)?;
        // Without a chain, function 2 is still one of the first eight.
        equal(
            format_args!("{}, under ARI", case.name),
            check_adapter(&device.under_ari()),
            case.expected,
        )?;
    }
    Ok(())
}
