// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `whole`: the members of a device, and the requirements on each.

use kernel::prelude::*;

use crate::{
    bus::{
        Device,
        Space,
        ACS, //
    },
    rules::{
        acs::AcsFlags,
        device::Record,
        entry::{
            Entry,
            Kinds, //
        },
        limits::Limits,
        package::{
            check,
            Fault, //
        }, //
    }, //
};

const ENTRY: Entry = Entry {
    number: 1,
    name: "acme/adapter",
    kinds: Kinds::MF_ENDPOINT,
    grants: AcsFlags::GROUPING,
    supersedes: None,
    mainline_since: None,
    conditions: &[],
};
const MEMBER: Space = Space::endpoint(0x1234, 0x0001);
const STRANGER: Space = Space::endpoint(0x1234, 0x0002);

/// Function 1 of a device with three functions.
fn package() -> Device {
    Device::of(&[MEMBER; 3], 1)
}

fn ask(device: &Device) -> Result<(), Fault> {
    check(device, &ENTRY, AcsFlags::GROUPING, |vendor, device| {
        ((vendor, device) == MEMBER.ids).then_some(&Limits::NONE)
    })
}

const fn not_covered(devfn: u8, space: &Space) -> Fault {
    Fault::NotCovered {
        devfn,
        vendor: space.ids.0,
        device: space.ids.1,
    }
}

/// A change of a device, and the expected fault. `None` if the device may still be claimed.
struct Case {
    what: &'static str,
    change: fn(&mut Device),
    fault: Option<Fault>,
}

const CASES: &[Case] = &[
    Case {
        what: "as it is",
        change: |_| {},
        fault: None,
    },
    Case {
        what: "the kernel knows one that configuration space has",
        change: |device| device.record_as(2, Record::Known),
        fault: None,
    },
    Case {
        what: "the kernel knows one that does not answer",
        change: |device| device.record_as(7, Record::Known),
        fault: Some(Fault::Unreadable { devfn: 7 }),
    },
    Case {
        what: "the kernel knows one of another slot",
        change: |device| device.record_as(8, Record::Known),
        fault: None,
    },
    Case {
        what: "the record is incomplete",
        change: |device| device.record_as(0, Record::Incomplete),
        fault: Some(Fault::Unreadable { devfn: 0 }),
    },
    Case {
        what: "the kernel has one on record as exposed",
        change: |device| device.record_as(2, Record::Exposed),
        fault: Some(Fault::Exposed { devfn: 2 }),
    },
    Case {
        what: "a stranger beyond a gap",
        change: |device| device.put(7, STRANGER),
        fault: Some(not_covered(7, &STRANGER)),
    },
    Case {
        what: "a stranger in another slot",
        change: |device| device.put(8, STRANGER),
        fault: None,
    },
    Case {
        what: "under ARI there is no other slot",
        change: |device| {
            device.is_ari = true;
            device.change(2, |space| {
                space.dwords = &[(0x100, 0x0001_000e), (0x104, 0x0000_0800)];
            });
            device.change(0, |space| {
                space.dwords = &[(0x100, 0x0001_000e), (0x104, 0x0000_0200)];
            });
            device.put(8, STRANGER);
        },
        fault: Some(not_covered(8, &STRANGER)),
    },
    Case {
        what: "a chain of functions that goes back",
        change: |device| {
            device.is_ari = true;
            device.change(0, |space| {
                space.dwords = &[(0x100, 0x0001_000e), (0x104, 0x0000_0100)];
            });
            device.change(1, |space| {
                space.dwords = &[(0x100, 0x0001_000e), (0x104, 0x0000_0100)];
            });
        },
        fault: Some(Fault::Unreadable { devfn: 1 }),
    },
    Case {
        what: "function 0 says that it is alone",
        change: |device| device.change(0, |space| space.header = 0x00),
        fault: Some(Fault::Unaccounted),
    },
    Case {
        what: "function 0 is not there",
        change: |device| device.bus[0] = None,
        fault: Some(Fault::Unreadable { devfn: 0 }),
    },
    Case {
        what: "another function has taken its place",
        change: |device| device.put(1, STRANGER),
        fault: Some(Fault::Changed {
            vendor: 0x1234,
            device: 0x0002,
        }),
    },
    Case {
        what: "an ACS capability next to it",
        change: |device| device.change(2, |space| space.dwords = &[ACS]),
        fault: Some(Fault::HasAcs { devfn: 2 }),
    },
    Case {
        what: "a conventional function",
        change: |device| device.change(2, |space| space.pcie_type = None),
        fault: Some(not_covered(2, &MEMBER)),
    },
    Case {
        what: "a root complex integrated endpoint",
        change: |device| device.change(2, |space| space.pcie_type = Some(0x9)),
        fault: Some(not_covered(2, &MEMBER)),
    },
    Case {
        what: "a reserved type",
        change: |device| device.change(2, |space| space.pcie_type = Some(0xf)),
        fault: Some(not_covered(2, &MEMBER)),
    },
    Case {
        what: "the header of a bridge",
        change: |device| device.change(2, |space| space.header = 0x81),
        fault: Some(not_covered(2, &MEMBER)),
    },
    Case {
        what: "a list of capabilities that is a loop",
        change: |device| device.change(2, |space| space.dwords = &[(0x50, 0x0003_5001)]),
        fault: Some(Fault::Unreadable { devfn: 2 }),
    },
    Case {
        what: "a list of extended capabilities that is a loop",
        change: |device| device.change(2, |space| space.dwords = &[(0x100, 0x1001_0001)]),
        fault: Some(Fault::Unreadable { devfn: 2 }),
    },
    Case {
        what: "all ones where capabilities are",
        change: |device| device.change(2, |space| space.dwords = &[(0x100, u32::MAX)]),
        fault: Some(Fault::Unreadable { devfn: 2 }),
    },
    Case {
        what: "a function that is not ready",
        change: |device| device.change(2, |space| space.dwords = &[(0x00, 0xffff_0001)]),
        fault: Some(Fault::Unreadable { devfn: 2 }),
    },
];

#[kunit_tests(acs_quirks_package)]
mod suite {
    use super::*;
    use crate::check::equal;

    #[test]
    fn each_case_has_its_outcome() -> Result {
        for case in CASES {
            let mut device = package();
            (case.change)(&mut device);
            equal(case.what, ask(&device), case.fault.map_or(Ok(()), Err))?;
        }
        Ok(())
    }

    /// Any failing read prevents the claim.
    #[test]
    fn each_read_can_fail() -> Result {
        let mut device = package();
        for devfn in 0..3 {
            device.record_as(devfn, Record::Known);
        }
        equal("as it is", ask(&device), Ok(()))?;
        let reads = device.reads.take();
        ensure!(reads > 0, "nothing is read");
        for failing in 0..reads {
            device.failing_read = Some(failing);
            device.reads.set(0);
            let outcome = ask(&device);
            ensure!(
                matches!(outcome, Err(Fault::Unreadable { .. })),
                "read {failing} of {reads} fails: {outcome:?}"
            );
        }
        Ok(())
    }
}
