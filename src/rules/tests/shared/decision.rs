// SPDX-License-Identifier: GPL-2.0-only

//! The trust rules: each refuses for its own reason. Control: the same function without that one
//! property is granted.

use super::{
    prelude::*,
    rules::{
        acs::AcsFlags,
        condition::{Condition, Place},
        decision::{self, Decision, KernelVerdict, Refusal},
        device::Record,
        entry::{CatchAll, Entry, Kinds},
        limits::{Excess, Limits},
        pcie::PcieType,
        release::Release,
        table::{IdRange, Table},
        whole::Fault,
        withdraw::Withdrawn,
    },
};

/// The running kernel, and the release from which on mainline decides.
const RUNNING: Release = Release::new(7, 2);
const SINCE: Release = Release::new(7, 3);

/// The flags that the entry grants, and one more.
const ONE_MORE: AcsFlags = AcsFlags::GROUPING.union(AcsFlags::TB);

/// The entry of the adapter. The adapter itself meets its limits and its condition.
pub(crate) const ADAPTER: Entry = Entry {
    number: 7,
    mainline_since: Some(SINCE),
    conditions: &[Condition {
        at: Place::Capability(0x10),
        offset: 0x08,
        mask: 0x10,
        value: 0x00,
    }],
    ..ENTRY
};

/// A table with an entry for the ids of [`ROW`] and this vendor. The entry is not at position 0, and
/// its neighbours cover nothing of the adapter.
macro_rules! table_of {
    ($vendor:expr, $entry:expr) => {
        Table {
            version: "",
            entries: &[ENTRY, $entry, Entry { number: 9, ..ENTRY }],
            index: &[
                IdRange {
                    vendor: $vendor,
                    first: 0x8000,
                    last: 0x8000,
                    ..ROW
                },
                IdRange {
                    vendor: $vendor,
                    entry: 1,
                    limits: &Limits {
                        last_revision: 0,
                        ..Limits::NONE
                    },
                    ..ROW
                },
            ],
            issued: &[1, 7, 9],
        }
    };
}

static TABLE: Table = table_of!(0x1077, ADAPTER);

/// One question, with every input of the decision.
pub(crate) struct Question {
    pub(crate) table: &'static Table,
    pub(crate) withdrawn: &'static Withdrawn,
    pub(crate) running: Release,
    pub(crate) kernel: KernelVerdict,
    pub(crate) asked: AcsFlags,
    pub(crate) device: Device,
}

impl Question {
    /// A function of the adapter, which is granted.
    pub(crate) fn granted(devfn: u8) -> Self {
        Self {
            table: &TABLE,
            withdrawn: &Withdrawn::NONE,
            running: RUNNING,
            kernel: KernelVerdict::NoOpinion,
            asked: AcsFlags::GROUPING,
            device: Device::on(adapter(), devfn),
        }
    }

    /// A device with a single function, of this vendor.
    pub(crate) fn about(table: &'static Table, vendor: u16, pcie_type: PcieType) -> Self {
        let header = u8::from(pcie_type.is_claimable_port());
        let space = Space::new(vendor, 0x8030, header).with_type(raw_type(pcie_type));
        let mut device = Device::on([(0, space)].into(), 0).all_known();
        device.pcie_type = Some(pcie_type);
        Self {
            table,
            device,
            ..Self::granted(0)
        }
    }

    pub(crate) fn decide(&self) -> Decision {
        decision::decide(
            self.table,
            self.withdrawn,
            self.running,
            self.kernel,
            self.asked,
            &self.device,
        )
    }
}

/// Changes function 7 of the device, and adds it first if the adapter lacks it.
fn change_seventh(question: &mut Question, change: fn(Space) -> Space) {
    let seventh = question.device.bus.get(&7).cloned();
    let seventh = change(seventh.unwrap_or_else(member));
    question.device.bus.insert(7, seventh);
}

/// A change that makes an entry not count.
#[derive(Clone, Copy)]
pub(crate) struct Objection {
    pub(crate) name: &'static str,
    pub(crate) raise: fn(&mut Question),
    pub(crate) refusal: Refusal,
}

/// The number of objections that concern the function alone.
pub(crate) const ALONE: usize = 10;

/// One objection for each refusal that concerns the function alone, in the order of the checks, and
/// then some that concern the whole device.
pub(crate) const OBJECTIONS: [Objection; ALONE + 3] = [
    Objection {
        name: "withdrawn by the owner",
        raise: |question| question.withdrawn = &Withdrawn::ALL,
        refusal: Refusal::Withdrawn,
    },
    Objection {
        name: "the kernel is of the release that brought the entry",
        raise: |question| question.running = SINCE,
        refusal: Refusal::Mainline(SINCE),
    },
    Objection {
        name: "the kernel says: not isolated",
        raise: |question| question.kernel = KernelVerdict::NotIsolated,
        refusal: Refusal::KernelVerdict,
    },
    Objection {
        name: "one flag is not granted",
        raise: |question| question.asked = ONE_MORE,
        refusal: Refusal::FlagsNotGranted(ONE_MORE),
    },
    Objection {
        name: "not an endpoint",
        raise: |question| question.device.pcie_type = Some(PcieType::UpstreamPort),
        refusal: Refusal::WrongType,
    },
    Objection {
        name: "ACS capability of its own",
        raise: |question| question.device.has_acs = true,
        refusal: Refusal::OwnAcs,
    },
    Objection {
        name: "untrusted",
        raise: |question| question.device.is_exposed = true,
        refusal: Refusal::Exposed,
    },
    Objection {
        name: "virtual function",
        raise: |question| question.device.is_virtual = true,
        refusal: Refusal::Virtual,
    },
    Objection {
        name: "link failed",
        raise: |question| question.device.is_gone = true,
        refusal: Refusal::Gone,
    },
    Objection {
        name: "nowhere to record it",
        raise: |question| question.device.is_recordable = false,
        refusal: Refusal::Unrecorded,
    },
    Objection {
        name: "uncovered function in the device",
        raise: |question| {
            let stranger = Space::new(0x1077, 0x8033, 0x80);
            question.device.bus.insert(6, stranger);
        },
        refusal: Refusal::Whole(Fault::NotCovered {
            devfn: 6,
            vendor: 0x1077,
            device: 0x8033,
        }),
    },
    Objection {
        name: "a function of another revision",
        raise: |question| change_seventh(question, |space| space.with(0x08, 1)),
        refusal: Refusal::Whole(Fault::Limits {
            devfn: 7,
            excess: Excess::Revision(1),
        }),
    },
    Objection {
        name: "a function without the bit that must be set",
        raise: |question| change_seventh(question, |space| space.with(0x48, 0x10)),
        refusal: Refusal::Whole(Fault::Condition {
            devfn: 7,
            number: 1,
        }),
    },
];

/// One objection for each fault of an endpoint device, seen from function 2; `ports.rs` has those of
/// ports.
pub(crate) const FAULTS: [Objection; 9] = [
    Objection {
        name: "a function on record does not answer",
        raise: |question| {
            question.device.records.insert(7, Record::Known);
        },
        refusal: Refusal::Whole(Fault::Unreadable { devfn: 7 }),
    },
    Objection {
        name: "the function is another",
        raise: |question| {
            question
                .device
                .change(2, |space| space.with(0x00, 0x8032_1077));
        },
        refusal: Refusal::Whole(Fault::Changed {
            vendor: 0x1077,
            device: 0x8032,
        }),
    },
    Objection {
        name: "function 0 denies the others",
        raise: |question| question.device.change(0, |space| space.with(0x0c, 0)),
        refusal: Refusal::Whole(Fault::Unaccounted),
    },
    Objection {
        name: "a function of another type",
        raise: |question| {
            let integrated = member().with_type(raw_type(PcieType::RcEndpoint));
            question.device.bus.insert(7, integrated);
        },
        refusal: Refusal::Whole(Fault::NotCovered {
            devfn: 7,
            vendor: 0x1077,
            device: 0x8031,
        }),
    },
    Objection {
        name: "a function with an ACS capability",
        raise: |question| question.device.change(4, |space| space.with_acs(0x100)),
        refusal: Refusal::Whole(Fault::HasAcs { devfn: 4 }),
    },
    Objection {
        name: "a function on record that faces outside",
        raise: |question| {
            question.device.records.insert(5, Record::Exposed);
        },
        refusal: Refusal::Whole(Fault::Exposed { devfn: 5 }),
    },
    OBJECTIONS[ALONE + 1],
    OBJECTIONS[ALONE + 2],
    Objection {
        name: "a function that sends under another requester ID",
        raise: |question| {
            question.device.aliases.insert(2, 9);
        },
        refusal: Refusal::Whole(Fault::Aliased { devfn: 2 }),
    },
];

pub(crate) fn without_an_objection_every_function_of_the_device_is_granted() -> Outcome {
    for devfn in 0..6 {
        let found = Question::granted(devfn).decide();
        equal(
            format_args!("function {devfn}"),
            found,
            Decision::Granted(1),
        )?;
    }
    Ok(())
}

pub(crate) fn each_objection_alone_refuses_for_its_own_reason() -> Outcome {
    for (code, objection) in (0..).zip(&OBJECTIONS) {
        equal(objection.name, objection.refusal.code(), code)?;
        for devfn in 0..6 {
            refuses(objection, devfn)?;
        }
    }
    FAULTS.iter().try_for_each(|fault| refuses(fault, 2))
}

fn refuses(objection: &Objection, devfn: u8) -> Outcome {
    let mut question = Question::granted(devfn);
    (objection.raise)(&mut question);
    let expected = Decision::Refused(1, objection.refusal);
    equal(
        format_args!("{}, function {devfn}", objection.name),
        question.decide(),
        expected,
    )
}

pub(crate) fn of_two_objections_the_earlier_rule_speaks() -> Outcome {
    for (at, earlier) in OBJECTIONS.iter().enumerate() {
        for later in OBJECTIONS.iter().skip(at + 1) {
            let mut question = Question::granted(2);
            (earlier.raise)(&mut question);
            (later.raise)(&mut question);
            let expected = Decision::Refused(1, earlier.refusal);
            equal(
                format_args!("{}, {}", earlier.name, later.name),
                question.decide(),
                expected,
            )?;
        }
    }
    Ok(())
}

pub(crate) fn a_device_that_is_not_in_the_table_is_not_listed() -> Outcome {
    for ids in [
        (0x1077, 0x8033),
        (0x1077, 0x802f),
        (0x1078, 0x8030),
        (0x1078, 0x8031),
        (0xffff, 0xffff),
    ] {
        let mut question = Question::granted(2);
        question.device.ids = ids;
        equal(
            format_args!("{ids:x?}"),
            question.decide(),
            Decision::NotListed,
        )?;
        equal("reads", question.device.reads.get(), 0)?;
    }
    Ok(())
}

pub(crate) fn every_flag_asked_for_must_be_granted() -> Outcome {
    flags_asked_for(&TABLE, ADAPTER.grants)
}

/// Asks for every set of flags, of a table whose entry for the adapter grants `grants`.
pub(crate) fn flags_asked_for(table: &'static Table, grants: AcsFlags) -> Outcome {
    let mut question = Question::granted(2);
    question.table = table;
    for bits in 0x00..=0xff {
        question.asked = AcsFlags::from_bits(bits);
        let expected = if bits & !grants.bits() == 0 {
            Decision::Granted(1)
        } else {
            Decision::Refused(1, Refusal::FlagsNotGranted(question.asked))
        };
        equal(
            format_args!("{grants}, asked {}", question.asked),
            question.decide(),
            expected,
        )?;
    }
    Ok(())
}

/// Only -ENOTTY leaves the decision to an entry.
pub(crate) fn verdicts_are_read_as_the_kernel_means_them() -> Outcome {
    for (raw, verdict) in [
        (-25, KernelVerdict::NoOpinion),
        (0, KernelVerdict::NotIsolated),
        (1, KernelVerdict::Isolated),
        (2, KernelVerdict::Isolated),
        (7, KernelVerdict::Isolated),
        (i32::MAX, KernelVerdict::Isolated),
        (-19, KernelVerdict::Unknown),
        (-1, KernelVerdict::Unknown),
        (-24, KernelVerdict::Unknown),
        (-26, KernelVerdict::Unknown),
        (i32::MIN, KernelVerdict::Unknown),
    ] {
        let mut question = Question::granted(2);
        question.kernel = KernelVerdict::from_raw(raw);
        equal(raw, question.kernel, verdict)?;
        let expected = match verdict {
            KernelVerdict::NoOpinion => Decision::Granted(1),
            _ => Decision::Refused(1, Refusal::KernelVerdict),
        };
        equal(raw, question.decide(), expected)?;
    }
    Ok(())
}

const WANGXUN: Option<CatchAll> = Some(CatchAll::Wangxun);
const ZHAOXIN: Option<CatchAll> = Some(CatchAll::ZhaoxinPort);

/// A function of a vendor and type, and an entry for it.
macro_rules! superseding {
    ($supersedes:expr, $vendor:expr, $kinds:ident, $found:ident, $replaces_zero:expr) => {
        (
            &table_of!(
                $vendor,
                Entry {
                    kinds: Kinds::$kinds,
                    supersedes: $supersedes,
                    ..ADAPTER
                }
            ),
            $vendor,
            PcieType::$found,
            $replaces_zero,
        )
    };
}

/// A table, the vendor and the type of a function, and whether the entry may replace a 0 of the
/// kernel.
type Superseding = (&'static Table, u16, PcieType, bool);

const SUPERSEDING: &[Superseding] = &[
    superseding!(None, 0x1077, MF_ENDPOINT, Endpoint, false),
    superseding!(None, 0x8088, MF_ENDPOINT, Endpoint, false),
    superseding!(None, 0x1d17, ROOT_PORT, RootPort, false),
    superseding!(WANGXUN, 0x8088, MF_ENDPOINT, Endpoint, true),
    superseding!(WANGXUN, 0x8088, MF_ENDPOINT, LegacyEndpoint, true),
    superseding!(WANGXUN, 0x8088, ROOT_PORT, RootPort, true),
    superseding!(WANGXUN, 0x1077, MF_ENDPOINT, Endpoint, false),
    superseding!(WANGXUN, 0x1d17, ROOT_PORT, RootPort, false),
    superseding!(ZHAOXIN, 0x1d17, ROOT_PORT, RootPort, true),
    superseding!(ZHAOXIN, 0x1d17, DOWNSTREAM_PORT, DownstreamPort, true),
    // The Zhaoxin handler does not answer for these, so the 0 comes from another handler.
    superseding!(ZHAOXIN, 0x1d17, MF_ENDPOINT, Endpoint, false),
    superseding!(ZHAOXIN, 0x1d17, MF_ENDPOINT, LegacyEndpoint, false),
    superseding!(ZHAOXIN, 0x1d17, RC_ENDPOINT, RcEndpoint, false),
    superseding!(ZHAOXIN, 0x8088, ROOT_PORT, RootPort, false),
];

/// Trust rule `kernel-first`, in full: only -ENOTTY allows a grant, or a 0 from the catch-all
/// handler that the entry names.
pub(crate) fn the_kernels_verdict_wins() -> Outcome {
    for &(table, vendor, found, replaces_zero) in SUPERSEDING {
        for (raw, may_speak) in [
            (-25, true),
            (0, replaces_zero),
            (1, false),
            (5, false),
            (-19, false),
        ] {
            let mut question = Question::about(table, vendor, found);
            question.kernel = KernelVerdict::from_raw(raw);
            let expected = if may_speak {
                Decision::Granted(1)
            } else {
                Decision::Refused(1, Refusal::KernelVerdict)
            };
            let named = table.entries.get(1).and_then(|entry| entry.supersedes);
            equal(
                format_args!("{named:?} {vendor:04x} {found:?}: kernel says {raw}"),
                question.decide(),
                expected,
            )?;
        }
    }
    Ok(())
}

/// Trust rule `whole` requires one entry for all functions of the device. A function of another
/// entry ends the claim.
pub(crate) fn a_function_of_another_entry_spoils_the_device() -> Outcome {
    let mut question = Question::granted(2);
    let other = Space::new(0x1077, 0x8000, 0x80);
    question.device.bus.insert(1, other);
    for (own, position, stranger, device) in [(2, 1, 1, 0x8000), (1, 0, 0, 0x8030)] {
        question.device = question.device.seen_from(own);
        let fault = Fault::NotCovered {
            devfn: stranger,
            vendor: 0x1077,
            device,
        };
        let expected = Decision::Refused(position, Refusal::Whole(fault));
        equal(own, question.decide(), expected)?;
    }
    Ok(())
}
