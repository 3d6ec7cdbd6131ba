// SPDX-License-Identifier: GPL-2.0-only

//! The trust rules: each refuses for its own reason. Control: the same function without that one
//! property is granted. `shared/decision.rs` has the objections, and more tests.

mod common;

use std::collections::BTreeSet;

use common::{
    check::Outcome,
    every_set_of_kinds,
    shared::decision::{self, Question, ADAPTER, ALONE, FAULTS, OBJECTIONS},
    tables::{row, table},
};
use rules::{
    acs::AcsFlags,
    condition::Place,
    decision::{Decision, KernelVerdict, Refusal},
    entry::{CatchAll, Entry, Kind},
    limits::{Class, Excess},
    pcie::PcieType,
    release::Release,
    table::Table,
    whole::Fault,
};

/// A leaked table in which this entry, at position 1, has the ids of the adapter and this vendor.
fn table_of(entry: Entry, vendor: u16) -> &'static Table {
    let neighbour = |number| Entry { number, ..ADAPTER };
    let index = vec![
        row(vendor, 0x8000, 0x8000, 0),
        row(vendor, 0x8030, 0x8032, 1),
    ];
    Box::leak(Box::new(table(
        vec![neighbour(1), entry, neighbour(9)],
        index,
    )))
}

#[test]
fn configuration_space_is_read_only_when_all_else_speaks_for_the_entry() {
    for objection in &OBJECTIONS {
        let mut question = Question::granted(2);
        (objection.raise)(&mut question);
        question.decide();
        let reads = question.device.reads.get();
        let is_whole = matches!(objection.refusal, Refusal::Whole(_));
        assert_eq!(reads > 0, is_whole, "{}: {reads} reads", objection.name);
    }
}

#[test]
fn every_refusal_has_a_code_a_name_and_a_text_of_its_own() {
    let off = Refusal::Whole(Fault::AcsOff { devfn: 8 });
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
    assert!(texts.contains("the entry does not grant all of SV TB RR CR UF"));
    assert!(texts.contains("mainline decides on this entry since Linux 7.3"));
}

#[test]
fn every_fault_has_a_text_of_its_own() {
    let faults = FAULTS.iter().map(|one| match one.refusal {
        Refusal::Whole(fault) => fault,
        _ => unreachable!("{} is no fault of the device", one.name),
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
fn every_flag_asked_for_must_be_granted() -> Outcome {
    for bits in 0..=0x7f {
        let grants = AcsFlags::from_bits(bits);
        decision::flags_asked_for(table_of(Entry { grants, ..ADAPTER }, 0x1077), grants)?;
    }
    Ok(())
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
        let table = table_of(Entry { kinds, ..ADAPTER }, 0x1077);
        for found in (0..=u8::MAX).filter_map(PcieType::from_raw) {
            let question = Question::about(table, 0x1077, found);
            let expected = if kinds.iter().any(|kind| speaks_for(kind, found)) {
                Decision::Granted(1)
            } else {
                Decision::Refused(1, Refusal::WrongType)
            };
            assert_eq!(question.decide(), expected, "{kinds:?} on {found:?}");
        }
        let mut conventional = Question::granted(2);
        conventional.table = table;
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

#[test]
fn a_superseding_entry_keeps_to_every_other_rule() {
    let entry = Entry {
        supersedes: Some(CatchAll::Wangxun),
        ..ADAPTER
    };
    for objection in &OBJECTIONS[3..ALONE] {
        let mut question = Question::about(table_of(entry, 0x8088), 0x8088, PcieType::Endpoint);
        question.kernel = KernelVerdict::NotIsolated;
        (objection.raise)(&mut question);
        let expected = Decision::Refused(1, objection.refusal);
        assert_eq!(question.decide(), expected, "{}", objection.name);
    }
}

/// A mainline entry makes no claim from its `since` release on, regardless of the kernel's answer.
/// On older kernels it counts like any other entry.
#[test]
fn mainline_decides_on_its_own_entries() {
    let since = Release::new(6, 13);
    let table_since = |mainline_since| {
        let entry = Entry {
            mainline_since,
            ..ADAPTER
        };
        table_of(entry, 0x1077)
    };
    for (major, minor, speaks) in [
        (4, 19, true),
        (6, 1, true),
        (6, 12, true),
        (6, 13, false),
        (6, 14, false),
        (7, 0, false),
        (u16::MAX, 0, false),
    ] {
        let mut question = Question::granted(2);
        question.running = Release::new(major, minor);
        question.table = table_since(None);
        assert_eq!(question.decide(), Decision::Granted(1), "{major}.{minor}");
        question.table = table_since(Some(since));
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
