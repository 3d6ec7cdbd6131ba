// SPDX-License-Identifier: GPL-2.0-only

//! The trust rules: each refuses for its own reason. Control: the same function without that one
//! property is granted.

mod common;

use std::collections::BTreeSet;

use common::{
    adapter, every_set_of_kinds, member, raw_type,
    tables::{row, single, table},
    Device, Space,
};
use rules::{
    acs::AcsFlags,
    condition::{Condition, Place},
    decision::{decide, Decision, KernelVerdict, Refusal},
    device::Record,
    entry::{CatchAll, Entry, Kind, Kinds},
    limits::{Class, Excess, Limits},
    package::Fault,
    pcie::PcieType,
    release::Release,
    table::IdRange,
    withdraw::Withdrawn,
};

const ADAPTER: Entry = Entry {
    number: 7,
    name: "test/adapter",
    kinds: Kinds::MF_ENDPOINT,
    grants: AcsFlags::GROUPING,
    supersedes: None,
    mainline_since: None,
    conditions: &[],
};

/// The release of the running kernel in most tests.
const RUNNING: Release = Release::new(7, 3);

/// One question, with every input of the decision.
struct Question {
    entry: Entry,
    withdrawn: Withdrawn,
    running: Release,
    kernel: KernelVerdict,
    asked: AcsFlags,
    limits: &'static Limits,
    device: Device,
}

impl Question {
    /// Function 2 of the adapter, which is granted.
    fn granted() -> Self {
        Self {
            entry: ADAPTER,
            withdrawn: Withdrawn::NONE,
            running: RUNNING,
            kernel: KernelVerdict::NoOpinion,
            asked: AcsFlags::GROUPING,
            limits: &Limits::NONE,
            device: Device::on(adapter(), 2),
        }
    }

    /// A device with a single function, of the entry's vendor.
    fn about(entry: Entry, vendor: u16, pcie_type: PcieType) -> Self {
        let is_port = matches!(pcie_type, PcieType::RootPort | PcieType::DownstreamPort);
        let space = Space::new(vendor, 0x8030, u8::from(is_port)).with_type(raw_type(pcie_type));
        let mut device = Device::on([(0, space)].into(), 0).all_known();
        device.pcie_type = Some(pcie_type);
        Self {
            entry,
            device,
            ..Self::granted()
        }
    }

    fn decide(&self) -> Decision {
        // The entry is not at position 0, and its neighbours cover nothing here.
        let entries = vec![
            Entry {
                number: 1,
                ..ADAPTER
            },
            self.entry,
            Entry {
                number: 9,
                ..ADAPTER
            },
        ];
        let vendor = self.device.ids.0;
        let index = vec![
            row(vendor, 0x8000, 0x8000, 0),
            IdRange {
                limits: self.limits,
                ..row(vendor, 0x8030, 0x8032, 1)
            },
        ];
        let table = table(entries, index);
        decide(
            &table,
            &self.withdrawn,
            self.running,
            self.kernel,
            self.asked,
            &self.device,
        )
    }
}

/// A change that makes an entry not count.
#[derive(Clone, Copy)]
struct Objection {
    name: &'static str,
    raise: fn(&mut Question),
    refusal: Refusal,
}

/// The number of objections that concern the function alone.
const ALONE: usize = 10;

/// One objection for each refusal that concerns the function alone, in the order of the checks, and
/// then some that concern the whole device.
const OBJECTIONS: [Objection; ALONE + 3] = [
    Objection {
        name: "withdrawn by the owner",
        raise: |question| question.withdrawn = Withdrawn::ALL,
        refusal: Refusal::Withdrawn,
    },
    Objection {
        name: "the kernel is of the release that brought the entry",
        raise: |question| question.entry.mainline_since = Some(RUNNING),
        refusal: Refusal::Mainline(RUNNING),
    },
    Objection {
        name: "the kernel says: not isolated",
        raise: |question| question.kernel = KernelVerdict::NotIsolated,
        refusal: Refusal::KernelVerdict,
    },
    Objection {
        name: "one flag is not granted",
        raise: |question| question.entry.grants = AcsFlags::from_bits(0x1c),
        refusal: Refusal::FlagsNotGranted(AcsFlags::GROUPING),
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
        name: "uncovered function in the package",
        raise: |question| {
            let stranger = Space::new(0x1077, 0x8033, 0x80);
            question.device.bus.insert(6, stranger);
        },
        refusal: Refusal::Package(Fault::NotCovered {
            devfn: 6,
            vendor: 0x1077,
            device: 0x8033,
        }),
    },
    Objection {
        name: "a function of another revision",
        raise: |question| {
            question.limits = &Limits {
                last_revision: 0,
                ..Limits::NONE
            };
            let seventh = question.device.bus.entry(7).or_insert_with(member);
            *seventh = seventh.clone().with(0x08, 1);
        },
        refusal: Refusal::Package(Fault::Limits {
            devfn: 7,
            excess: Excess::Revision(1),
        }),
    },
    Objection {
        name: "a function without the bit that must be set",
        raise: |question| {
            question.entry.conditions = &[Condition {
                at: Place::Capability(0x10),
                offset: 0x08,
                mask: 0x10,
                value: 0x00,
            }];
            let seventh = question.device.bus.entry(7).or_insert_with(member);
            *seventh = seventh.clone().with(0x48, 0x10);
        },
        refusal: Refusal::Package(Fault::Condition {
            devfn: 7,
            number: 1,
        }),
    },
];

/// One objection for each fault of an endpoint device; `ports.rs` has those of ports.
const FAULTS: [Objection; 9] = [
    Objection {
        name: "a function on record does not answer",
        raise: |question| {
            question.device.records.insert(7, Record::Known);
        },
        refusal: Refusal::Package(Fault::Unreadable { devfn: 7 }),
    },
    Objection {
        name: "the function is another",
        raise: |question| {
            question
                .device
                .change(2, |space| space.with(0x00, 0x8032_1077));
        },
        refusal: Refusal::Package(Fault::Changed {
            vendor: 0x1077,
            device: 0x8032,
        }),
    },
    Objection {
        name: "function 0 denies the others",
        raise: |question| question.device.change(0, |space| space.with(0x0c, 0)),
        refusal: Refusal::Package(Fault::Unaccounted),
    },
    Objection {
        name: "a function of another type",
        raise: |question| {
            let integrated = member().with_type(raw_type(PcieType::RcEndpoint));
            question.device.bus.insert(7, integrated);
        },
        refusal: Refusal::Package(Fault::NotCovered {
            devfn: 7,
            vendor: 0x1077,
            device: 0x8031,
        }),
    },
    Objection {
        name: "a function with an ACS capability",
        raise: |question| question.device.change(4, |space| space.with_acs(0x100)),
        refusal: Refusal::Package(Fault::HasAcs { devfn: 4 }),
    },
    Objection {
        name: "a function on record that faces outside",
        raise: |question| {
            question.device.records.insert(5, Record::Exposed);
        },
        refusal: Refusal::Package(Fault::Exposed { devfn: 5 }),
    },
    OBJECTIONS[ALONE + 1],
    OBJECTIONS[ALONE + 2],
    Objection {
        name: "a function that sends under another requester ID",
        raise: |question| question.device.aliases = vec![(2, 9)],
        refusal: Refusal::Package(Fault::Aliased { devfn: 2 }),
    },
];

#[test]
fn without_an_objection_every_function_of_the_package_is_granted() {
    for devfn in 0..6 {
        let mut question = Question::granted();
        question.device = question.device.seen_from(devfn);
        assert_eq!(question.decide(), Decision::Granted(1), "function {devfn}");
    }
}

#[test]
fn each_objection_alone_refuses_for_its_own_reason() {
    for objection in OBJECTIONS.iter().chain(&FAULTS) {
        let mut question = Question::granted();
        (objection.raise)(&mut question);
        let expected = Decision::Refused(1, objection.refusal);
        assert_eq!(question.decide(), expected, "{}", objection.name);
    }
}

#[test]
fn of_two_objections_the_earlier_rule_speaks() {
    for (at, earlier) in OBJECTIONS.iter().enumerate() {
        for later in &OBJECTIONS[at + 1..] {
            let mut question = Question::granted();
            (earlier.raise)(&mut question);
            (later.raise)(&mut question);
            let expected = Decision::Refused(1, earlier.refusal);
            assert_eq!(
                question.decide(),
                expected,
                "{}, {}",
                earlier.name,
                later.name
            );
        }
    }
}

#[test]
fn configuration_space_is_read_only_when_all_else_speaks_for_the_entry() {
    for objection in &OBJECTIONS {
        let mut question = Question::granted();
        (objection.raise)(&mut question);
        question.decide();
        let reads = question.device.reads.get();
        let is_package = matches!(objection.refusal, Refusal::Package(_));
        assert_eq!(reads > 0, is_package, "{}: {reads} reads", objection.name);
    }
}

#[test]
fn every_refusal_has_a_code_a_name_and_a_text_of_its_own() {
    let off = Refusal::Package(Fault::AcsOff { devfn: 8 });
    let all = OBJECTIONS.iter().chain(&FAULTS).map(|one| one.refusal);
    let all: Vec<_> = all.chain([off]).collect();
    let codes: BTreeSet<_> = all
        .iter()
        .map(|refusal| usize::from(refusal.code()))
        .collect();
    assert_eq!(codes, (0..Refusal::COUNT).collect());
    let names: BTreeSet<_> = all.iter().map(|refusal| refusal.name()).collect();
    assert_eq!(names, BTreeSet::from(Refusal::NAMES));
    let texts: BTreeSet<_> = all.iter().map(Refusal::to_string).collect();
    // Two faults are in both lists, and a stranger occurs with two reasons.
    assert_eq!(texts.len(), all.len() - 2);
    assert!(texts.contains("the entry does not grant all of SV RR CR UF"));
    assert!(texts.contains("mainline decides on this entry since Linux 7.3"));
}

#[test]
fn every_fault_has_a_text_of_its_own() {
    let faults = FAULTS.iter().map(|one| match one.refusal {
        Refusal::Package(fault) => fault,
        _ => unreachable!("{} is no fault of the package", one.name),
    });
    let texts: Vec<_> = faults.map(|fault| fault.to_string()).collect();
    let refusals = FAULTS.iter().map(|one| one.refusal.to_string());
    assert_eq!(texts, refusals.collect::<Vec<_>>());
    assert_eq!(
        texts,
        [
            "configuration space of 00.7 cannot be read",
            "the function now identifies as 1077:8032",
            "function 0 does not account for this function (multi-function bit, ARI chain)",
            "the entry does not cover 00.7 [1077:8031] of the same device or switch",
            "00.4 of the same device has an ACS capability, which the kernel goes by",
            "00.5 of the same device or switch is untrusted or faces outside",
            "the entry does not speak for revision 01, which 00.7 has",
            "condition 1 of the entry does not hold for 00.7",
            "requests go in or out under the requester ID of another function (00.2)",
        ]
    );
}

#[test]
fn a_device_that_is_not_in_the_table_is_not_listed() {
    for ids in [
        (0x1077, 0x8033),
        (0x1077, 0x802f),
        (0x1078, 0x8030),
        (0xffff, 0xffff),
    ] {
        let mut device = Question::granted().device;
        device.ids = ids;
        let table = single(ADAPTER, 0x1077, 0x8030, 0x8032);
        let kernel = KernelVerdict::NoOpinion;
        let decision = decide(
            &table,
            &Withdrawn::NONE,
            RUNNING,
            kernel,
            AcsFlags::GROUPING,
            &device,
        );
        assert_eq!(decision, Decision::NotListed, "{ids:x?}");
        assert_eq!(device.reads.get(), 0);
    }
}

#[test]
fn every_flag_asked_for_must_be_granted() {
    for grants in 0..=0x7f {
        for asked in 0..=0xff {
            let mut question = Question::granted();
            question.entry.grants = AcsFlags::from_bits(grants);
            question.asked = AcsFlags::from_bits(asked);
            let expected = if asked & !grants == 0 {
                Decision::Granted(1)
            } else {
                Decision::Refused(1, Refusal::FlagsNotGranted(question.asked))
            };
            assert_eq!(question.decide(), expected, "{grants:#x}, asked {asked:#x}");
        }
    }
}

#[test]
fn kinds_speak_for_their_types_alone() {
    let speaks_for = |kind, found| match found {
        PcieType::Endpoint | PcieType::LegacyEndpoint => kind == Kind::MfEndpoint,
        PcieType::RootPort => kind == Kind::RootPort,
        PcieType::DownstreamPort => kind == Kind::DownstreamPort,
        PcieType::RcEndpoint => kind == Kind::RcEndpoint,
        _ => false,
    };
    for kinds in every_set_of_kinds() {
        for found in (0..=u8::MAX).filter_map(PcieType::from_raw) {
            let question = Question::about(Entry { kinds, ..ADAPTER }, 0x1077, found);
            let expected = if kinds.iter().any(|kind| speaks_for(kind, found)) {
                Decision::Granted(1)
            } else {
                Decision::Refused(1, Refusal::WrongType)
            };
            assert_eq!(question.decide(), expected, "{kinds:?} on {found:?}");
        }
        let mut conventional = Question::granted();
        conventional.entry.kinds = kinds;
        conventional.device.pcie_type = None;
        assert_eq!(
            conventional.decide(),
            Decision::Refused(1, Refusal::WrongType)
        );
    }
}

/// The values of `PCI_EXP_TYPE_*` in `include/uapi/linux/pci_regs.h`; all others are reserved.
#[test]
fn types_have_the_values_of_the_specification() {
    let types = [
        (0x0, PcieType::Endpoint),
        (0x1, PcieType::LegacyEndpoint),
        (0x4, PcieType::RootPort),
        (0x5, PcieType::UpstreamPort),
        (0x6, PcieType::DownstreamPort),
        (0x7, PcieType::PciBridge),
        (0x8, PcieType::PcieBridge),
        (0x9, PcieType::RcEndpoint),
        (0xa, PcieType::RcEventCollector),
    ];
    for raw in 0..=u8::MAX {
        let listed = types.iter().find(|(value, _)| *value == raw);
        assert_eq!(PcieType::from_raw(raw), listed.map(|&(_, found)| found));
    }
}

/// Trust rule `whole` requires this entry: another entry may speak for another device only.
#[test]
fn a_function_of_another_entry_spoils_the_package() {
    let mut question = Question::granted();
    let other = Space::new(0x1077, 0x8000, 0x80);
    question.device.bus.insert(1, other);
    let fault = Fault::NotCovered {
        devfn: 1,
        vendor: 0x1077,
        device: 0x8000,
    };
    let expected = Decision::Refused(1, Refusal::Package(fault));
    assert_eq!(question.decide(), expected);
    question.device = question.device.seen_from(1);
    assert!(matches!(
        question.decide(),
        Decision::Refused(0, Refusal::Package(_))
    ));
}

#[test]
fn verdicts_are_read_as_the_kernel_means_them() {
    for (raw, verdict) in [
        (-25, KernelVerdict::NoOpinion),
        (0, KernelVerdict::NotIsolated),
        (1, KernelVerdict::Isolated),
        (2, KernelVerdict::Isolated),
        (i32::MAX, KernelVerdict::Isolated),
        (-19, KernelVerdict::Unknown),
        (-1, KernelVerdict::Unknown),
        (-24, KernelVerdict::Unknown),
        (-26, KernelVerdict::Unknown),
        (i32::MIN, KernelVerdict::Unknown),
    ] {
        assert_eq!(KernelVerdict::from_raw(raw), verdict, "{raw}");
    }
}

/// Trust rule `kernel-first`, in full: only -ENOTTY allows a grant, or a 0 from the catch-all
/// handler that the entry names.
#[test]
fn the_kernels_verdict_wins() {
    let endpoint = (Kind::MfEndpoint, PcieType::Endpoint);
    let legacy = (Kind::MfEndpoint, PcieType::LegacyEndpoint);
    let root_port = (Kind::RootPort, PcieType::RootPort);
    let downstream = (Kind::DownstreamPort, PcieType::DownstreamPort);
    let rciep = (Kind::RcEndpoint, PcieType::RcEndpoint);
    let wangxun = Some(CatchAll::Wangxun);
    let zhaoxin = Some(CatchAll::ZhaoxinPort);
    // Entry supersedes, vendor, kind and type, whether the kernel's 0 may be replaced.
    for (supersedes, vendor, (kind, found), replaces_zero) in [
        (None, 0x1077, endpoint, false),
        (None, 0x8088, endpoint, false),
        (None, 0x1d17, root_port, false),
        (wangxun, 0x8088, endpoint, true),
        (wangxun, 0x8088, legacy, true),
        (wangxun, 0x8088, root_port, true),
        (wangxun, 0x1077, endpoint, false),
        (wangxun, 0x1d17, root_port, false),
        (zhaoxin, 0x1d17, root_port, true),
        (zhaoxin, 0x1d17, downstream, true),
        // The Zhaoxin handler does not answer for these, so the 0 comes from another handler.
        (zhaoxin, 0x1d17, endpoint, false),
        (zhaoxin, 0x1d17, legacy, false),
        (zhaoxin, 0x1d17, rciep, false),
        (zhaoxin, 0x8088, root_port, false),
    ] {
        let entry = Entry {
            kinds: Kinds::of(kind),
            supersedes,
            ..ADAPTER
        };
        for (raw, may_speak) in [
            (-25, true),
            (0, replaces_zero),
            (1, false),
            (5, false),
            (-19, false),
        ] {
            let mut question = Question::about(entry, vendor, found);
            question.kernel = KernelVerdict::from_raw(raw);
            let expected = if may_speak {
                Decision::Granted(1)
            } else {
                Decision::Refused(1, Refusal::KernelVerdict)
            };
            let case = format!("{supersedes:?} {vendor:04x} {found:?}: kernel says {raw}");
            assert_eq!(question.decide(), expected, "{case}");
        }
    }
}

#[test]
fn a_superseding_entry_keeps_to_every_other_rule() {
    for objection in &OBJECTIONS[3..ALONE] {
        let entry = Entry {
            supersedes: Some(CatchAll::Wangxun),
            ..ADAPTER
        };
        let mut question = Question::about(entry, 0x8088, PcieType::Endpoint);
        question.kernel = KernelVerdict::NotIsolated;
        (objection.raise)(&mut question);
        let expected = Decision::Refused(1, objection.refusal);
        assert_eq!(question.decide(), expected, "{}", objection.name);
    }
}

/// A mainline entry makes no claim from its `since` release on, whatever the kernel answers. On
/// older kernels it counts like any other entry.
#[test]
fn mainline_decides_on_its_own_entries() {
    let since = Release::new(6, 13);
    for (major, minor, speaks) in [
        (4, 19, true),
        (6, 1, true),
        (6, 12, true),
        (6, 13, false),
        (6, 14, false),
        (7, 0, false),
        (u16::MAX, 0, false),
    ] {
        let mut question = Question::granted();
        question.running = Release::new(major, minor);
        assert_eq!(question.decide(), Decision::Granted(1), "{major}.{minor}");
        question.entry.mainline_since = Some(since);
        let expected = if speaks {
            Decision::Granted(1)
        } else {
            Decision::Refused(1, Refusal::Mainline(since))
        };
        assert_eq!(question.decide(), expected, "{major}.{minor}");
    }
}

#[test]
fn releases_are_read_from_version_codes() {
    assert_eq!(Release::from_version_code(0x0007_0304), Release::new(7, 3));
    assert_eq!(Release::from_version_code(0x0005_0aff), Release::new(5, 10));
    assert!(Release::new(5, 15).is_before(Release::new(6, 1)));
    assert!(!Release::new(6, 1).is_before(Release::new(6, 1)));
    assert!(!Release::new(6, 1).is_before(Release::new(5, 15)));
}

#[test]
fn a_catch_all_sees_one_vendor() {
    for handler in CatchAll::ALL {
        for vendor in [0x0000, 0x1077, 0x1d17, 0x8088, 0xffff] {
            let answered = handler.answered(vendor, PcieType::RootPort);
            assert_eq!(answered, vendor == handler.vendor());
        }
    }
}

#[test]
fn what_a_function_is_outside_of_is_named() {
    for (excess, text) in [
        (Excess::Class(0x02_0001), "class 020001"),
        (Excess::Revision(0x0a), "revision 0a"),
        (Excess::Subsystem(0x1028, 0x000f), "subsystem 1028:000f"),
    ] {
        assert_eq!(excess.to_string(), text);
    }
    assert_eq!(Place::Config.to_string(), "config");
    assert_eq!(Place::Capability(0x05).to_string(), "capability:05");
    assert_eq!(Place::Extended(0x0b).to_string(), "extended:000b");
    assert_eq!(Class::Subclass(0x0108).to_string(), "0108");
    assert_eq!(Class::Interface(0x01_0802).to_string(), "010802");
}
