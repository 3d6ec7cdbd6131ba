// SPDX-License-Identifier: GPL-2.0-only

//! The answers of the kernel's quirks for one function: for each property that a handler reads, a function that has it and one
//! that does not. `quirk-data` compares the handlers of all entries with the kernel's C code.

mod common;

use grouping::{
    Seen,
    handlers::{Acs, Facts, Grant, Handler, Handlers, Ids, Limits, Requirement, Silicon, Verdict},
    view,
};
use rules::{
    acs::AcsFlags,
    decision::KernelVerdict::{self, Isolated, NoOpinion, NotIsolated},
    entry::{Kind, Kinds},
    limits::Class,
    pcie::PcieType,
};
use topology::{Function, Hex, Subsystem, UNKNOWN_VENDOR};

use common::{express, machine};

const VENDOR: u16 = 0x10de;
const ALL: AcsFlags = AcsFlags::GROUPING;

/// A function that [`handler`] answers for.
const FACTS: Facts = Facts {
    vendor: VENDOR,
    device: Some(0x0a10),
    pcie_type: Some(PcieType::Endpoint),
    multifunction: true,
    root_bus: false,
    amd_iommu: false,
    acs: None,
    silicon: Silicon {
        class: Some(0x02_0001),
        revision: Some(2),
        subsystem: Some((0x103c, 0x1234)),
    },
};

const fn ids(first: u16, last: u16) -> Ids {
    Ids {
        vendor: VENDOR,
        first,
        last,
    }
}

/// Grants everything for endpoints with the ids 10de:0a10-0a12.
fn handler(entry: u16) -> Handler {
    Handler {
        entry,
        name: "pci_quirk_mf_endpoint_acs".to_owned(),
        ids: vec![ids(0x0a10, 0x0a12)],
        kinds: Some(Kinds::of(Kind::MfEndpoint)),
        requires: Vec::new(),
        limits: Limits::default(),
        is_conditional: false,
        grant: Grant::Flags(ALL),
    }
}

fn verdict(handlers: &[Handler], facts: &Facts) -> Verdict {
    let handlers: Handlers = handlers.iter().cloned().collect();
    handlers.verdict(facts, ALL)
}

fn of(handler: &Handler, facts: &Facts) -> KernelVerdict {
    let found = verdict(std::slice::from_ref(handler), facts);
    let answered = found.kernel != NoOpinion;
    assert_eq!(found.by, answered.then_some(handler.entry), "{facts:?}");
    found.kernel
}

#[test]
fn ids_have_a_first_and_a_last() {
    let range = ids(0x0a10, 0x0a12);
    let contained = [0x0a0f, 0x0a10, 0x0a12, 0x0a13].map(|id| range.contains(VENDOR, id));
    assert_eq!(contained, [false, true, true, false]);
    assert!(!range.contains(VENDOR + 1, 0x0a10));
    assert_eq!((range.count(), ids(5, 5).count()), (3, 1));
    assert_eq!(ids(0, 0xffff).count(), 0x1_0000);
    let any = [(0, 0xffff), (0, 1), (1, 0xffff)].map(|(first, last)| ids(first, last).is_any());
    assert_eq!(any, [true, false, false]);
    let shown = [range, ids(5, 5), ids(0, 0xffff)].map(|range| range.to_string());
    assert_eq!(shown, ["10de:0a10-0a12", "10de:0005", "10de:any"]);
}

#[test]
fn each_property_decides() {
    let plain = handler(1);
    assert_eq!(of(&plain, &FACTS), Isolated);
    let with = |change: fn(&mut Facts)| {
        let mut facts = FACTS;
        change(&mut facts);
        facts
    };
    let beyond = [
        with(|facts| facts.vendor = VENDOR + 1),
        with(|facts| facts.device = Some(0x0a13)),
        with(|facts| facts.device = None),
        with(|facts| facts.pcie_type = Some(PcieType::RootPort)),
        with(|facts| facts.pcie_type = None),
    ];
    for facts in &beyond {
        assert_eq!(of(&plain, facts), NoOpinion, "{facts:?}");
    }
    let any_type = Handler {
        kinds: None,
        ..handler(1)
    };
    assert_eq!(of(&any_type, &beyond[4]), Isolated);
    let every_device = Handler {
        ids: vec![ids(0, 0xffff)],
        ..handler(1)
    };
    assert_eq!(of(&every_device, &beyond[2]), Isolated);
    assert_eq!(of(&every_device, &beyond[0]), NoOpinion);
    for (requirement, change) in [
        (
            Requirement::Multifunction,
            (|facts| facts.multifunction ^= true) as fn(&mut Facts),
        ),
        (Requirement::RootBus, |facts| facts.root_bus ^= true),
        (Requirement::AmdIommu, |facts| facts.amd_iommu ^= true),
        (Requirement::NoAcsCapability, |facts| {
            facts.acs = Some(Acs {
                capability: AcsFlags::from_bits(0),
                dword8: None,
            });
        }),
    ] {
        let bound = Handler {
            requires: vec![requirement],
            ..handler(1)
        };
        let mut answers = [FACTS, with(change)].map(|facts| of(&bound, &facts));
        answers.sort_by_key(|answer| *answer == Isolated);
        assert_eq!(answers, [NoOpinion, Isolated], "{requirement:?}");
    }
    let names = Requirement::ALL.map(Requirement::name);
    assert_eq!(
        names,
        [
            "multifunction",
            "root-bus",
            "amd-iommu",
            "no-acs-capability"
        ]
    );
}

/// For each limit: silicon within, beyond, and not seen.
#[test]
fn limits_decide_and_what_was_not_seen_grants_nothing() {
    let class = |class| Limits {
        class: Some(class),
        ..Limits::default()
    };
    let revisions = |first, last| Limits {
        revisions: Some((first, last)),
        ..Limits::default()
    };
    let subsystems = |all: &[(u16, u16)]| Limits {
        subsystems: all.to_vec(),
        ..Limits::default()
    };
    let cases = [
        (
            class(Class::Subclass(0x0200)),
            class(Class::Subclass(0x0201)),
        ),
        (
            class(Class::Interface(0x02_0001)),
            class(Class::Interface(0x02_0000)),
        ),
        (revisions(2, 2), revisions(3, 5)),
        (revisions(1, 2), revisions(0, 1)),
        (
            subsystems(&[(0x103c, 1), (0x103c, 0x1234)]),
            subsystems(&[(0x103c, 1)]),
        ),
    ];
    let unseen = Facts {
        silicon: Silicon::default(),
        ..FACTS
    };
    for (within, beyond) in cases {
        let with = |limits: &Limits| Handler {
            limits: limits.clone(),
            ..handler(1)
        };
        assert_eq!(within.include(&FACTS.silicon), Some(true), "{within:?}");
        assert_eq!(beyond.include(&FACTS.silicon), Some(false), "{beyond:?}");
        assert_eq!(within.include(&unseen.silicon), None, "{within:?}");
        assert_eq!(of(&with(&within), &FACTS), Isolated);
        assert_eq!(of(&with(&beyond), &FACTS), NoOpinion);
        let found = verdict(&[with(&within)], &unseen);
        assert_eq!((found.kernel, found.assumed), (NotIsolated, true));
        // One limit that is not met suffices.
        let both = Limits {
            revisions: Some((9, 9)),
            ..within.clone()
        };
        let revision_only = Silicon {
            revision: Some(2),
            ..Silicon::default()
        };
        assert_eq!(both.include(&revision_only), Some(false), "{both:?}");
    }
    assert_eq!(Limits::default().include(&unseen.silicon), Some(true));
}

#[test]
fn an_answer_can_depend_on_registers() {
    let with = |grant| Handler {
        grant,
        ..handler(1)
    };
    let answer = |handler: &Handler, facts: &Facts| {
        let found = verdict(std::slice::from_ref(handler), facts);
        (found.kernel, found.assumed)
    };
    let less = AcsFlags::SV;
    assert_eq!(
        answer(&with(Grant::Flags(less)), &FACTS),
        (NotIsolated, false)
    );
    assert_eq!(answer(&with(Grant::IfSetUp(ALL)), &FACTS), (Isolated, true));
    assert_eq!(
        answer(&with(Grant::IfSetUp(less)), &FACTS),
        (NotIsolated, true)
    );
    let conditional = Handler {
        is_conditional: true,
        ..handler(1)
    };
    assert_eq!(answer(&conditional, &FACTS), (NotIsolated, true));

    let dwords = with(Grant::Dwords);
    let acs = |dword8| Facts {
        acs: Some(Acs {
            capability: ALL,
            dword8,
        }),
        ..FACTS
    };
    let on = u32::from(ALL.bits());
    assert_eq!(answer(&dwords, &FACTS), (NoOpinion, false));
    assert_eq!(answer(&dwords, &acs(None)), (Isolated, true));
    assert_eq!(answer(&dwords, &acs(Some(on))), (Isolated, false));
    assert_eq!(answer(&dwords, &acs(Some(on << 16))), (NotIsolated, false));
}

#[test]
fn a_handler_that_grants_wins() {
    let less = |entry| Handler {
        grant: Grant::Flags(AcsFlags::SV),
        ..handler(entry)
    };
    for order in [[less(1), handler(2)], [handler(2), less(1)]] {
        let found = verdict(&order, &FACTS);
        assert_eq!((found.kernel, found.by), (Isolated, Some(2)));
    }
    let handlers: Handlers = [less(1), handler(2)].into_iter().collect();
    let without = handlers.without(2);
    assert_eq!(without.verdict(&FACTS, ALL).by, Some(1));
    let entries = [1, 2].map(|entry| without.by_entry(entry).map(|found| found.entry));
    assert_eq!(entries, [Some(1), None]);
}

/// Catch-all handlers answer 0 for what they do not list, if the kernel has them.
#[test]
fn a_catch_all_answers_for_what_it_does_not_list() {
    let of = |vendor, name: &str, pcie_type| {
        let listed = Handler {
            name: name.to_owned(),
            ids: vec![Ids {
                vendor,
                first: 1,
                last: 1,
            }],
            ..handler(1)
        };
        let facts = Facts {
            vendor,
            pcie_type,
            ..FACTS
        };
        let found = verdict(&[listed], &facts);
        assert_eq!((found.by, found.assumed), (None, false));
        found.kernel
    };
    let endpoint = Some(PcieType::Endpoint);
    let (wangxun, zhaoxin) = (
        "pci_quirk_wangxun_nic_acs",
        "pci_quirk_zhaoxin_pcie_ports_acs",
    );
    assert_eq!(of(0x8088, wangxun, endpoint), NotIsolated);
    assert_eq!(of(0x8088, wangxun, None), NotIsolated);
    assert_eq!(of(0x8088, zhaoxin, endpoint), NoOpinion);
    assert_eq!(of(0x8088, "another", None), NoOpinion);
    assert_eq!(of(0x1d17, zhaoxin, Some(PcieType::RootPort)), NotIsolated);
    assert_eq!(of(0x1d17, zhaoxin, endpoint), NoOpinion);
    assert_eq!(of(0x1d17, zhaoxin, None), NoOpinion);
    assert_eq!(of(0x1d17, wangxun, Some(PcieType::RootPort)), NoOpinion);
}

/// What `read` finds for a function of a topology.
fn seen<T>(change: fn(&mut Function), read: impl Fn(&Seen<'_>) -> T) -> T {
    let mut function = Function {
        vendor: Hex(VENDOR.into()),
        device: Some(Hex(0x0a10)),
        class: Some(Hex(0x02_0001)),
        revision: Some(Hex(2)),
        subsystem: Some(Subsystem {
            vendor: 0x103c,
            device: 0x1234,
        }),
        multifunction: Some(true),
        ..express("0000:01:00.0", PcieType::Endpoint)
    };
    change(&mut function);
    let topology = machine(vec![function]);
    let view = view(&topology);
    read(&view.functions[0])
}

/// What a topology has, the answer, whether the ids tell it, and the possible answers.
type Case = (
    fn(&mut Function),
    KernelVerdict,
    bool,
    &'static [KernelVerdict],
);

#[test]
fn functions_of_a_topology() {
    let silicon = seen(|_| {}, |seen| Facts::of(seen).silicon);
    assert_eq!(silicon, FACTS.silicon);
    let handlers: Handlers = [
        handler(1),
        Handler {
            ids: vec![ids(0x0a14, 0x0a14)],
            grant: Grant::Flags(AcsFlags::SV),
            ..handler(2)
        },
        Handler {
            ids: vec![Ids {
                vendor: 0x8086,
                first: 7,
                last: 7,
            }],
            ..handler(3)
        },
    ]
    .into_iter()
    .collect();
    let cases: [Case; 6] = [
        (|_| {}, Isolated, true, &[Isolated]),
        (
            |one| (one.device, one.device_candidates) = (None, vec![Hex(0x0a10), Hex(0x0a11)]),
            Isolated,
            true,
            &[Isolated],
        ),
        (
            |one| (one.device, one.device_candidates) = (None, vec![Hex(0x0a10), Hex(0x0a14)]),
            NoOpinion,
            false,
            &[Isolated, NotIsolated],
        ),
        (
            |one| (one.device, one.device_candidates) = (None, vec![Hex(0x0a14), Hex(0x0a10)]),
            NoOpinion,
            false,
            &[NotIsolated, Isolated],
        ),
        (
            |one| one.device = None,
            NoOpinion,
            false,
            &[NoOpinion, Isolated, NotIsolated],
        ),
        (
            |one| (one.vendor, one.device) = (Hex(UNKNOWN_VENDOR.into()), None),
            NoOpinion,
            false,
            &[NoOpinion, Isolated, NotIsolated],
        ),
    ];
    for (number, (change, kernel, is_identified, possible)) in cases.into_iter().enumerate() {
        let found = seen(change, |seen| {
            (
                handlers.of_seen(seen, ALL).kernel,
                handlers.identifies(seen, ALL),
                handlers.possible(seen, ALL),
            )
        });
        assert_eq!(
            found,
            (kernel, is_identified, possible.to_vec()),
            "{number}"
        );
    }
    // What was not seen can be either.
    let limited: Handlers = [Handler {
        limits: Limits {
            revisions: Some((2, 2)),
            ..Limits::default()
        },
        ..handler(1)
    }]
    .into_iter()
    .collect();
    let possible = seen(
        |one| one.revision = None,
        |seen| limited.possible(seen, ALL),
    );
    assert_eq!(possible, [Isolated, NotIsolated]);
}
