// SPDX-License-Identifier: GPL-2.0-only

//! The trust rules on one function. Each rule refuses a claim that would be granted but for one
//! property.

use kernel::prelude::*;

use crate::{
    bus::{
        Device,
        Space, //
    },
    rules::{
        acs::AcsFlags,
        condition::{
            Condition,
            Place, //
        },
        decision::{
            decide,
            Decision,
            KernelVerdict,
            Refusal, //
        },
        entry::{
            CatchAll,
            Entry,
            Kinds, //
        },
        limits::{
            Excess,
            Limits, //
        },
        package::Fault,
        pcie::PcieType,
        release::Release,
        table::{
            IdRange,
            Table, //
        },
        withdraw::Withdrawn, //
    }, //
};

/// The six-function adapter.
const ADAPTER: [Space; 6] = [
    Space::endpoint(0x1077, 0x8030),
    Space::endpoint(0x1077, 0x8030),
    Space::endpoint(0x1077, 0x8031),
    Space::endpoint(0x1077, 0x8031),
    Space::endpoint(0x1077, 0x8032),
    Space::endpoint(0x1077, 0x8032),
];

const ENTRY: Entry = Entry {
    number: 2,
    name: "acme/adapter",
    kinds: Kinds::MF_ENDPOINT,
    grants: AcsFlags::GROUPING,
    supersedes: None,
    mainline_since: None,
    conditions: &[],
};

const ROW: IdRange = IdRange {
    vendor: 0x1077,
    first: 0x8030,
    last: 0x8032,
    entry: 1,
    limits: &Limits::NONE,
};

/// A table in which the entry has a neighbour.
const fn table(entries: &'static [Entry], index: &'static [IdRange]) -> Table {
    Table {
        version: "",
        entries,
        index,
        issued: &[1, 2],
    }
}

const OTHER: Entry = Entry { number: 1, ..ENTRY };
static PLAIN: Table = table(&[OTHER, ENTRY], &[ROW]);
static FEWER_FLAGS: Table = table(
    &[
        OTHER,
        Entry {
            grants: AcsFlags::RR.union(AcsFlags::CR),
            ..ENTRY
        },
    ],
    &[ROW],
);
static NEXT_REVISION: Table = table(
    &[OTHER, ENTRY],
    &[IdRange {
        limits: &Limits {
            first_revision: 2,
            ..Limits::NONE
        },
        ..ROW
    }],
);
static SWITCHED_ON: Table = table(
    &[
        OTHER,
        Entry {
            conditions: &[Condition {
                at: Place::Config,
                offset: 0x60,
                mask: 0x10,
                value: 0x10,
            }],
            ..ENTRY
        },
    ],
    &[ROW],
);
/// The last functions of the adapter belong to the other entry.
static TWO_ENTRIES: Table = table(
    &[OTHER, ENTRY],
    &[
        IdRange {
            last: 0x8031,
            ..ROW
        },
        IdRange {
            first: 0x8032,
            entry: 0,
            ..ROW
        },
    ],
);
/// Mainline has the entry since the running release.
static MERGED: Table = table(
    &[
        OTHER,
        Entry {
            mainline_since: Some(RUNNING),
            ..ENTRY
        },
    ],
    &[ROW],
);
const RUNNING: Release = Release::new(7, 3);
static SUPERSEDES: Table = table(
    &[
        OTHER,
        Entry {
            supersedes: Some(CatchAll::Wangxun),
            ..ENTRY
        },
    ],
    &[IdRange {
        vendor: 0x8088,
        ..ROW
    }],
);
static NOT_SUPERSEDES: Table = table(
    &[OTHER, ENTRY],
    &[IdRange {
        vendor: 0x8088,
        ..ROW
    }],
);

/// All inputs of a decision.
struct Question {
    table: &'static Table,
    withdrawn: Withdrawn,
    kernel: KernelVerdict,
    asked: AcsFlags,
    device: Device,
}

impl Question {
    /// A function of the adapter that is granted.
    fn granted(devfn: u8) -> Self {
        Self {
            table: &PLAIN,
            withdrawn: Withdrawn::NONE,
            kernel: KernelVerdict::NoOpinion,
            asked: AcsFlags::GROUPING,
            device: Device::of(&ADAPTER, devfn),
        }
    }

    fn decide(&self) -> Decision {
        decide(
            self.table,
            &self.withdrawn,
            RUNNING,
            self.kernel,
            self.asked,
            &self.device,
        )
    }
}

/// A property that prevents the claim, and the expected refusal.
struct Objection {
    what: &'static str,
    raise: fn(&mut Question),
    refusal: Refusal,
}

/// Number of objections to the function itself.
const ALONE: usize = 10;

/// The first ones are objections to the function itself, one for each refusal, in the order in
/// which the rules are checked. The others concern the whole device.
const OBJECTIONS: [Objection; ALONE + 3] = [
    Objection {
        what: "withdrawn by the owner",
        raise: |question| question.withdrawn = Withdrawn::ALL,
        refusal: Refusal::Withdrawn,
    },
    Objection {
        what: "mainline has it in this release",
        raise: |question| question.table = &MERGED,
        refusal: Refusal::Mainline(RUNNING),
    },
    Objection {
        what: "the kernel says: not isolated",
        raise: |question| question.kernel = KernelVerdict::NotIsolated,
        refusal: Refusal::KernelVerdict,
    },
    Objection {
        what: "a flag that is not granted",
        raise: |question| question.table = &FEWER_FLAGS,
        refusal: Refusal::FlagsNotGranted(AcsFlags::GROUPING),
    },
    Objection {
        what: "another type",
        raise: |question| question.device.pcie_type = Some(PcieType::RcEndpoint),
        refusal: Refusal::WrongType,
    },
    Objection {
        what: "an ACS capability",
        raise: |question| question.device.has_acs = true,
        refusal: Refusal::OwnAcs,
    },
    Objection {
        what: "below a port that faces outside",
        raise: |question| question.device.is_exposed = true,
        refusal: Refusal::Exposed,
    },
    Objection {
        what: "a virtual function",
        raise: |question| question.device.is_virtual = true,
        refusal: Refusal::Virtual,
    },
    Objection {
        what: "a failed link",
        raise: |question| question.device.is_gone = true,
        refusal: Refusal::Gone,
    },
    Objection {
        what: "nowhere to record it",
        raise: |question| question.device.is_recordable = false,
        refusal: Refusal::Unrecorded,
    },
    Objection {
        what: "a stranger in the package",
        raise: |question| question.device.put(6, Space::endpoint(0x1077, 0x8033)),
        refusal: Refusal::Package(Fault::NotCovered {
            devfn: 6,
            vendor: 0x1077,
            device: 0x8033,
        }),
    },
    Objection {
        what: "an earlier revision",
        raise: |question| question.table = &NEXT_REVISION,
        refusal: Refusal::Package(Fault::Limits {
            devfn: 0,
            excess: Excess::Revision(1),
        }),
    },
    Objection {
        what: "a bit that is not set",
        raise: |question| question.table = &SWITCHED_ON,
        refusal: Refusal::Package(Fault::Condition {
            devfn: 0,
            number: 1,
        }),
    },
];

#[kunit_tests(acs_quirks_decision)]
mod suite {
    use super::*;
    use crate::check::equal;

    #[test]
    fn without_an_objection_every_function_is_granted() -> Result {
        for devfn in 0..6 {
            equal(
                format_args!("function {devfn}"),
                Question::granted(devfn).decide(),
                Decision::Granted(1),
            )?;
        }
        Ok(())
    }

    #[test]
    fn each_objection_has_its_refusal() -> Result {
        for (code, objection) in (0..).zip(&OBJECTIONS) {
            equal(objection.what, objection.refusal.code(), code)?;
            for devfn in 0..6 {
                let mut question = Question::granted(devfn);
                (objection.raise)(&mut question);
                let expected = Decision::Refused(1, objection.refusal);
                equal(
                    format_args!("{}, function {devfn}", objection.what),
                    question.decide(),
                    expected,
                )?;
            }
        }
        Ok(())
    }

    /// Of two objections to the function itself, the rule that is checked first refuses.
    #[test]
    fn the_rules_are_asked_in_their_order() -> Result {
        let on_function = OBJECTIONS.get(..ALONE).unwrap_or_default();
        for (position, first) in on_function.iter().enumerate() {
            for second in on_function.iter().skip(position + 1) {
                let mut question = Question::granted(2);
                (second.raise)(&mut question);
                (first.raise)(&mut question);
                let expected = Decision::Refused(1, first.refusal);
                equal(
                    format_args!("{} and {}", first.what, second.what),
                    question.decide(),
                    expected,
                )?;
            }
        }
        Ok(())
    }

    #[test]
    fn what_no_entry_lists_is_left_to_the_kernel() -> Result {
        let mut question = Question::granted(2);
        question.device.ids = (0x1077, 0x8033);
        equal("device", question.decide(), Decision::NotListed)?;
        question.device.ids = (0x1078, 0x8031);
        equal("vendor", question.decide(), Decision::NotListed)
    }

    #[test]
    fn fewer_flags_can_be_asked_for_and_not_more() -> Result {
        for bits in 0..0x80 {
            let asked = AcsFlags::from_bits(bits);
            let question = Question {
                asked,
                ..Question::granted(2)
            };
            let expected = if AcsFlags::GROUPING.contains(asked) {
                Decision::Granted(1)
            } else {
                Decision::Refused(1, Refusal::FlagsNotGranted(asked))
            };
            equal(asked, question.decide(), expected)?;
        }
        Ok(())
    }

    /// The kernel's "isolated" needs no entry, and an unknown verdict is not replaced.
    #[test]
    fn no_verdict_of_the_kernel_is_replaced() -> Result {
        for raw in [0, 1, 7, -1, -19, i32::MIN, i32::MAX] {
            let question = Question {
                kernel: KernelVerdict::from_raw(raw),
                ..Question::granted(2)
            };
            let expected = Decision::Refused(1, Refusal::KernelVerdict);
            equal(raw, question.decide(), expected)?;
        }
        let none = KernelVerdict::from_raw(-25);
        equal("-ENOTTY", none, KernelVerdict::NoOpinion)
    }

    #[test]
    fn a_catch_all_is_replaced_where_the_entry_names_it() -> Result {
        let functions = [Space::endpoint(0x8088, 0x8030); 2];
        let mut question = Question {
            table: &SUPERSEDES,
            kernel: KernelVerdict::NotIsolated,
            device: Device::of(&functions, 1),
            ..Question::granted(0)
        };
        equal("named", question.decide(), Decision::Granted(1))?;
        question.table = &NOT_SUPERSEDES;
        let expected = Decision::Refused(1, Refusal::KernelVerdict);
        equal("not named", question.decide(), expected)
    }

    /// Two entries that cover one function each do not isolate a device.
    #[test]
    fn a_package_is_of_one_entry() -> Result {
        for (devfn, position, stranger) in [(0, 1, (4, 0x8032)), (5, 0, (0, 0x8030))] {
            let question = Question {
                table: &TWO_ENTRIES,
                ..Question::granted(devfn)
            };
            let (other, device) = stranger;
            let fault = Fault::NotCovered {
                devfn: other,
                vendor: 0x1077,
                device,
            };
            let expected = Decision::Refused(position, Refusal::Package(fault));
            equal(devfn, question.decide(), expected)?;
        }
        Ok(())
    }
}
