// SPDX-License-Identifier: GPL-2.0-only

//! The module's decision on captured functions, and the groups that follow from it. Each refusal has a control: the same machine
//! without its cause.

mod common;

use std::{collections::BTreeSet, fs, slice};

use grouping::{
    handlers::Handlers,
    predict::{Prediction, Spaces},
    view,
};
use rules::{
    acs::AcsFlags,
    condition::{Condition, Place},
    decision::{Decision, KernelVerdict, Refusal},
    entry::{Entry, Kinds},
    limits::{Class, Excess, Limits},
    pcie::PcieType::{
        DownstreamPort, Endpoint, LegacyEndpoint, PciBridge, PcieBridge, RcEndpoint,
        RcEventCollector, RootPort, UpstreamPort,
    },
    release::Release,
    table::Table,
    whole::Fault,
};
use topology::{Acs, ConfigSpace, Function, Header, Hex, Port, Removable, Subsystem, Topology};

use common::{
    adapter::{ACS, ADAPTER, IDS, ONE, ZERO, adapter, endpoint, entry, handler, row, table},
    bdf, express, machine, port,
};

/// The ids that [`ADAPTER`] and [`SWITCH`] list.
const VENDOR: u16 = IDS.vendor;
const DEVICE: u16 = IDS.first;
const GRANTED: Decision = Decision::Granted(0);

/// The downstream ports of a switch are isolated.
const SWITCH: Table = table(&[entry(Kinds::DOWNSTREAM_PORT)], &[row(&Limits::NONE)]);

/// An entry that grants no flag.
const FLAGLESS: Table = table(
    &[Entry {
        grants: AcsFlags::NONE,
        ..entry(Kinds::MF_ENDPOINT)
    }],
    &[row(&Limits::NONE)],
);

/// A change of a function.
type Change<'a> = &'a dyn Fn(&mut Function);

/// What a question about a machine returns, with these quirks of the kernel.
fn ask_with<T>(
    handlers: &Handlers,
    topology: &Topology,
    question: impl FnOnce(&Prediction<'_>) -> T,
) -> T {
    let view = view(topology);
    question(&Prediction::of(topology, &view, handlers))
}

fn ask<T>(topology: &Topology, question: impl FnOnce(&Prediction<'_>) -> T) -> T {
    ask_with(&Handlers::default(), topology, question)
}

fn decision_of(
    prediction: &Prediction<'_>,
    topology: &Topology,
    tables: &[Table],
    at: &str,
) -> Decision {
    let view = view(topology);
    let seen = view
        .functions
        .iter()
        .find(|seen| seen.function.bdf == bdf(at));
    prediction.decision(tables, seen.expect("the function is there"))
}

/// The decision on a function of a machine whose kernel has no quirks.
fn decision(topology: &Topology, table: &Table, at: &str) -> Decision {
    ask(topology, |prediction| {
        decision_of(prediction, topology, slice::from_ref(table), at)
    })
}

const fn refused(refusal: Refusal) -> Decision {
    Decision::Refused(0, refusal)
}

const fn not_whole(fault: Fault) -> Decision {
    refused(Refusal::Whole(fault))
}

/// The adapter whose function 1 is changed.
fn with_one(change: impl FnOnce(&mut Function)) -> Topology {
    let mut topology = adapter();
    change(&mut topology.functions[2]);
    topology
}

/// The adapter with another function on its bus.
fn with_another(other: Function) -> Topology {
    let mut topology = adapter();
    topology.functions.push(other);
    topology
}

/// A switch with two downstream ports that lack ACS. The other functions have ids that no entry lists.
fn switch() -> Topology {
    let stranger = |function| Function {
        device: Some(Hex::id(1)),
        ..function
    };
    machine(vec![
        stranger(port("0000:00:01.0", RootPort, 1, true)),
        stranger(port(ZERO, UpstreamPort, 2, false)),
        port("0000:02:00.0", DownstreamPort, 3, false),
        port("0000:02:01.0", DownstreamPort, 4, false),
    ])
}

fn together(topology: &Topology, table: Option<&Table>) -> bool {
    let groups = ask(topology, |prediction| match table {
        Some(table) => prediction.with_table(table),
        None => prediction.without_table(),
    });
    let groups = groups.expect("it is sound");
    let has = |at: &str| groups.iter().position(|group| group.contains(&bdf(at)));
    has(ZERO) == has(ONE)
}

#[test]
fn an_entry_splits_the_functions_that_it_lists() {
    let topology = adapter();
    for at in [ZERO, ONE] {
        assert_eq!(decision(&topology, &ADAPTER, at), GRANTED);
    }
    assert!(together(&topology, None));
    assert!(!together(&topology, Some(&ADAPTER)));
    // An entry for ports lists the id, and nobody lists another one.
    assert_eq!(
        decision(&topology, &SWITCH, ONE),
        refused(Refusal::WrongType)
    );
    for device in [Some(Hex::id(1)), None] {
        let topology = with_one(|one| one.device = device);
        assert_eq!(decision(&topology, &ADAPTER, ONE), Decision::NotListed);
        assert!(
            together(&topology, Some(&ADAPTER)),
            "the device as a whole or not at all"
        );
    }
}

#[test]
fn every_question_gives_the_decisions_that_the_groups_need() {
    let topology = adapter();
    ask(&topology, |prediction| {
        let tables = [SWITCH, ADAPTER];
        // The root port has an id that the table lists.
        let of_table = [refused(Refusal::WrongType), GRANTED, GRANTED];
        assert_eq!(prediction.decisions(&ADAPTER, AcsFlags::GROUPING), of_table);
        assert_eq!(prediction.in_grouping(&ADAPTER), of_table);
        let asked = AcsFlags::GROUPING.union(AcsFlags::TB);
        let flags = refused(Refusal::FlagsNotGranted(asked));
        assert_eq!(prediction.decisions(&ADAPTER, asked), [flags; 3]);

        let view = view(&topology);
        for (seen, decision) in view.functions.iter().zip(of_table) {
            let is_granted = decision == GRANTED;
            assert_eq!(
                prediction.granted(&tables, seen),
                is_granted.then_some((1, 0))
            );
        }
        let claims = prediction.claims(&tables);
        let found: Vec<_> = claims
            .iter()
            .map(|claim| (claim.bdf, claim.granted, claim.verdict, claim.isolated))
            .collect();
        let isolated = |at| (bdf(at), Some((1, 0)), KernelVerdict::Isolated, true);
        let by_acs = (bdf("0000:00:01.0"), None, KernelVerdict::NoOpinion, true);
        assert_eq!(found, [by_acs, isolated(ZERO), isolated(ONE)]);
        assert_eq!(
            prediction.with_claims(&claims).expect("it is sound"),
            prediction.with_table(&ADAPTER).expect("it is sound")
        );
        assert_eq!(
            prediction.with_claims(&[]).expect("it is sound"),
            prediction.without_table().expect("it is sound")
        );
    });
}

/// A quirk of the kernel that answers "not isolated" for the functions of the adapter.
#[test]
fn the_answer_of_the_kernels_own_quirk_stands() {
    let handlers = handler(IDS, None, Vec::new(), AcsFlags::NONE);
    let topology = adapter();
    ask_with(&handlers, &topology, |prediction| {
        let kernel = refused(Refusal::KernelVerdict);
        assert_eq!(decision_of(prediction, &topology, &[ADAPTER], ONE), kernel);
        assert_eq!(prediction.in_grouping(&ADAPTER)[2], kernel);
        assert_eq!(
            prediction.decisions(&ADAPTER, AcsFlags::GROUPING)[2],
            GRANTED,
            "as if it had none"
        );
        assert_eq!(
            prediction.claims(&[ADAPTER])[2].verdict,
            KernelVerdict::NotIsolated
        );
        let supposed = prediction
            .supposing(&[], |_| Some(KernelVerdict::Isolated))
            .expect("it is sound");
        let groups = supposed.partition(&view(&topology));
        assert_eq!(groups.len(), 3, "{groups:?}");
    });
}

#[test]
fn the_first_grant_of_several_tables_counts_and_else_the_first_refusal() {
    let topology = adapter();
    let empty = table(&[], &[]);
    let flags = refused(Refusal::FlagsNotGranted(AcsFlags::GROUPING));
    let wrong = refused(Refusal::WrongType);
    ask(&topology, |prediction| {
        let of = |tables: &[Table]| decision_of(prediction, &topology, tables, ONE);
        assert_eq!(of(&[empty, FLAGLESS, SWITCH]), flags);
        assert_eq!(of(&[empty, SWITCH, FLAGLESS]), wrong);
        assert_eq!(of(&[SWITCH, ADAPTER, FLAGLESS]), GRANTED);
        assert_eq!(of(&[empty]), Decision::NotListed);
    });
}

#[test]
fn an_entry_of_mainline_is_silent_where_the_kernel_has_it_or_is_unknown() {
    const MERGED: Table = table(
        &[Entry {
            mainline_since: Some(Release::new(6, 1)),
            ..entry(Kinds::MF_ENDPOINT)
        }],
        &[row(&Limits::NONE)],
    );
    let mainline = refused(Refusal::Mainline(Release::new(6, 1)));
    for (kernel, expected) in [
        (Some("6.0.19"), GRANTED),
        (Some("6.1.0"), mainline),
        (None, mainline),
    ] {
        let topology = Topology {
            kernel: kernel.map(str::to_owned),
            ..adapter()
        };
        assert_eq!(decision(&topology, &MERGED, ONE), expected, "{kernel:?}");
    }
}

#[test]
fn a_function_that_may_have_acs_or_does_not_answer_gets_nothing() {
    let causes: [(Change<'_>, Refusal, Fault); 4] = [
        (
            &|one| one.acs = Some(ACS),
            Refusal::OwnAcs,
            Fault::HasAcs { devfn: 1 },
        ),
        (
            &|one| one.acs_known = false,
            Refusal::OwnAcs,
            Fault::HasAcs { devfn: 1 },
        ),
        (
            &|one| one.unreadable = true,
            Refusal::Gone,
            Fault::Unreadable { devfn: 1 },
        ),
        (
            &|one| one.removable = Some(Removable::Removable),
            Refusal::Exposed,
            Fault::Exposed { devfn: 1 },
        ),
    ];
    for (cause, own, sibling) in causes {
        let topology = with_one(cause);
        assert_eq!(decision(&topology, &ADAPTER, ONE), refused(own));
        assert_eq!(decision(&topology, &ADAPTER, ZERO), not_whole(sibling));
    }
    let fixed = with_one(|one| one.removable = Some(Removable::Fixed));
    assert_eq!(decision(&fixed, &ADAPTER, ONE), GRANTED);
}

#[test]
fn what_is_below_an_exposed_port_is_exposed() {
    let mut topology = adapter();
    topology.functions[0].removable = Some(Removable::Removable);
    assert_eq!(
        decision(&topology, &ADAPTER, ONE),
        refused(Refusal::Exposed)
    );
    // A module that reports the exposed functions knows more than sysfs.
    let exposing = |exposed: &[&str], at| {
        let exposed: BTreeSet<_> = exposed.iter().copied().map(bdf).collect();
        let view = view(&topology);
        let handlers = Handlers::default();
        let prediction = Prediction::of(&topology, &view, &handlers).exposing(Some(&exposed));
        decision_of(&prediction, &topology, &[ADAPTER], at)
    };
    assert_eq!(exposing(&[], ONE), GRANTED);
    assert_eq!(exposing(&[ONE], ONE), refused(Refusal::Exposed));
    assert_eq!(
        exposing(&[ONE], ZERO),
        not_whole(Fault::Exposed { devfn: 1 })
    );
}

/// A virtual function reads as absent, and the kernel has no record of it in the slot.
#[test]
fn virtual_functions_are_not_part_of_the_device() {
    let of_zero = Function {
        device: Some(Hex::id(1)),
        physfn: Some(bdf(ZERO)),
        ..express("0000:01:00.2", Endpoint)
    };
    assert_eq!(
        decision(&with_another(of_zero.clone()), &ADAPTER, ONE),
        GRANTED
    );
    let listed = Function {
        device: Some(Hex::id(DEVICE)),
        ..of_zero.clone()
    };
    let topology = with_another(listed);
    assert_eq!(
        decision(&topology, &ADAPTER, "0000:01:00.2"),
        refused(Refusal::Virtual)
    );
    let physical = Function {
        physfn: None,
        ..of_zero
    };
    let stranger = Fault::NotCovered {
        devfn: 2,
        vendor: VENDOR,
        device: 1,
    };
    assert_eq!(
        decision(&with_another(physical), &ADAPTER, ONE),
        not_whole(stranger)
    );
}

#[test]
fn each_function_of_the_device_has_a_type_and_a_layout_that_the_entry_covers() {
    let stranger = not_whole(Fault::NotCovered {
        devfn: 1,
        vendor: VENDOR,
        device: DEVICE,
    });
    let of_zero = |change: Change<'_>| decision(&with_one(change), &ADAPTER, ZERO);
    // A downstream port below a root port has another type for the kernel: `set_pcie_port_type()`. Configuration space shows it.
    for other in [
        RootPort,
        UpstreamPort,
        DownstreamPort,
        PciBridge,
        PcieBridge,
        RcEndpoint,
        RcEventCollector,
    ] {
        assert_eq!(
            of_zero(&|one| one.pcie_type = Some(Port::Known(other))),
            stranger,
            "{other:?}"
        );
    }
    assert_eq!(of_zero(&|one| one.pcie_type = None), stranger);
    assert_eq!(
        of_zero(&|one| one.pcie_type = Some(Port::Known(LegacyEndpoint))),
        GRANTED
    );
    for header in [Header::Bridge, Header::Cardbus] {
        assert_eq!(of_zero(&|one| one.header = header), stranger, "{header:?}");
    }
}

#[test]
fn function_0_leads_to_the_others_by_its_multi_function_bit() {
    let mut topology = adapter();
    topology.functions[1].multifunction = Some(false);
    assert_eq!(
        decision(&topology, &ADAPTER, ONE),
        not_whole(Fault::Unaccounted)
    );
    // Without function 0, nothing leads to the device.
    topology.functions.remove(1);
    assert_eq!(
        decision(&topology, &ADAPTER, ONE),
        not_whole(Fault::Unreadable { devfn: 0 })
    );
}

#[test]
fn limits_hold_for_each_function() {
    const LIMITS: Limits = Limits {
        class: Some(Class::Interface(0x02_0301)),
        first_revision: 0x15,
        last_revision: 0x15,
        subsystems: &[(0x103c, 0x0b21)],
    };
    const LIMITED: Table = table(&[entry(Kinds::MF_ENDPOINT)], &[row(&LIMITS)]);
    let of = |change: Change<'_>| {
        let mut topology = adapter();
        for one in &mut topology.functions[1..] {
            one.class = Some(Hex(0x02_0301));
            one.revision = Some(Hex(0x15));
            one.subsystem = Some(Subsystem {
                vendor: 0x103c,
                device: 0x0b21,
            });
        }
        change(&mut topology.functions[2]);
        decision(&topology, &LIMITED, ONE)
    };
    let excess = |excess| not_whole(Fault::Limits { devfn: 1, excess });
    assert_eq!(of(&|_| ()), GRANTED);
    assert_eq!(
        of(&|one| one.class = Some(Hex(0x02_0300))),
        excess(Excess::Class(0x02_0300))
    );
    assert_eq!(
        of(&|one| one.revision = Some(Hex(0x16))),
        excess(Excess::Revision(0x16))
    );
    let swapped = Subsystem {
        vendor: 0x0b21,
        device: 0x103c,
    };
    assert_eq!(
        of(&|one| one.subsystem = Some(swapped)),
        excess(Excess::Subsystem(0x0b21, 0x103c))
    );
    let unknown = not_whole(Fault::Unreadable { devfn: 1 });
    assert_eq!(of(&|one| one.class = None), unknown);
    assert_eq!(of(&|one| one.revision = None), unknown);
    assert_eq!(of(&|one| one.subsystem = None), unknown);
}

/// 9005:0285 sends with the requester ID of function 01.0, whatever its own number: `quirk_fixed_dma_alias()`.
#[test]
fn a_device_that_sends_or_is_sent_for_under_another_number_gets_nothing() {
    let sender = |at: &str| Function {
        vendor: Hex::id(0x9005),
        device: Some(Hex::id(0x0285)),
        subsystem: Some(Subsystem {
            vendor: 0x9005,
            device: 0x02bb,
        }),
        ..endpoint(at)
    };
    // On a root bus, each device number is a device.
    let with = |device: &str, sender_at: &str| {
        let zero = format!("0000:00:{device}.0");
        let topology = machine(vec![
            endpoint(&zero),
            endpoint(&format!("0000:00:{device}.1")),
            sender(sender_at),
        ]);
        decision(&topology, &ADAPTER, &zero)
    };
    let aliased = |devfn| not_whole(Fault::Aliased { devfn });
    assert_eq!(
        with("01", "0000:00:05.0"),
        aliased(0x08),
        "another one sends as its function 0"
    );
    assert_eq!(
        with("05", "0000:00:05.2"),
        aliased(0x28),
        "its function sends as another one"
    );
    assert_eq!(with("02", "0000:00:05.0"), GRANTED, "neither");
    // Its own number is no other one: it is not covered for its ids alone.
    assert_eq!(with("01", "0000:00:01.2"), aliased(0x08));
}

#[test]
fn the_functions_of_an_ari_device_are_one_chain() {
    let (nine, last) = ("0000:01:01.1", "0000:01:02.0");
    let mut topology = with_another(endpoint(nine));
    topology.functions.push(endpoint(last));
    for at in [ZERO, ONE, nine, last] {
        assert_eq!(decision(&topology, &ADAPTER, at), GRANTED, "{at}");
    }
    // Far from the asked function, and in another device number.
    topology.functions[4].device = Some(Hex::id(1));
    let stranger = not_whole(Fault::NotCovered {
        devfn: 0x10,
        vendor: VENDOR,
        device: 1,
    });
    assert_eq!(decision(&topology, &ADAPTER, ZERO), stranger);
    // Without a link above, each device number is a device.
    let on_root_bus = |device| {
        let mut other = endpoint("0000:00:02.0");
        other.device = Some(Hex::id(device));
        let topology = machine(vec![
            endpoint("0000:00:01.0"),
            endpoint("0000:00:01.1"),
            other,
        ]);
        decision(&topology, &ADAPTER, "0000:00:01.1")
    };
    assert_eq!(on_root_bus(1), GRANTED);
    // A sibling far away may have ACS.
    topology.functions[4] = Function {
        acs_known: false,
        ..endpoint(last)
    };
    assert_eq!(
        decision(&topology, &ADAPTER, ZERO),
        not_whole(Fault::HasAcs { devfn: 0x10 })
    );
}

/// The functions of a bus below something other than a port with a link are no ARI device.
#[test]
fn a_bus_below_a_bridge_has_devices() {
    for (above, expected) in [
        (PciBridge, GRANTED),
        (
            RootPort,
            not_whole(Fault::NotCovered {
                devfn: 8,
                vendor: VENDOR,
                device: 1,
            }),
        ),
        (
            DownstreamPort,
            not_whole(Fault::NotCovered {
                devfn: 8,
                vendor: VENDOR,
                device: 1,
            }),
        ),
    ] {
        let mut topology = adapter();
        topology.functions[0] = port("0000:00:01.0", above, 1, true);
        topology.functions.push(Function {
            device: Some(Hex::id(1)),
            ..endpoint("0000:01:01.0")
        });
        assert_eq!(decision(&topology, &ADAPTER, ZERO), expected, "{above:?}");
    }
}

#[test]
fn the_ports_of_a_switch_are_one_claim() {
    let (zero, one) = ("0000:02:00.0", "0000:02:01.0");
    let topology = switch();
    assert_eq!(decision(&topology, &SWITCH, zero), GRANTED);
    assert_eq!(decision(&topology, &SWITCH, one), GRANTED);
    let with = |acs: Option<Acs>, acs_known| {
        let mut topology = switch();
        topology.functions[3].acs = acs;
        topology.functions[3].acs_known = acs_known;
        decision(&topology, &SWITCH, zero)
    };
    let acs = |ctl| {
        Some(Acs {
            cap: Some(0x5f),
            ctl,
            dword8: None,
        })
    };
    // A sibling that redirects is no part of the claim; one that may not redirect ends it.
    assert_eq!(with(acs(Some(0x1d)), true), GRANTED);
    let off = not_whole(Fault::AcsOff { devfn: 8 });
    assert_eq!(with(acs(Some(0)), true), off);
    assert_eq!(with(acs(None), true), off);
    assert_eq!(with(None, false), off);
    // A stranger on the bus.
    let mut topology = switch();
    topology.functions.push(Function {
        device: Some(Hex::id(1)),
        ..express("0000:02:02.0", Endpoint)
    });
    assert!(matches!(
        decision(&topology, &SWITCH, zero),
        Decision::Refused(0, Refusal::Whole(Fault::NotCovered { devfn: 0x10, .. }))
    ));
}

/// A condition on the ARI capability, by its id and by its place.
#[test]
fn only_functions_of_an_ari_device_have_the_ari_capability() {
    const fn conditional(conditions: &'static [Condition]) -> Entry {
        Entry {
            conditions,
            ..entry(Kinds::MF_ENDPOINT)
        }
    }
    const BY_ID: Table = table(
        &[conditional(&[Condition {
            at: Place::Extended(0x0e),
            offset: 0,
            mask: 0xffff,
            value: 0x0e,
        }])],
        &[row(&Limits::NONE)],
    );
    const BY_PLACE: Table = table(
        &[conditional(&[Condition {
            at: Place::Config,
            offset: 0x104,
            mask: 0xff,
            value: 0,
        }])],
        &[row(&Limits::NONE)],
    );
    let ari = with_another(endpoint("0000:01:01.1"));
    let without = Fault::Condition {
        devfn: 0,
        number: 1,
    };
    for (table, fault) in [(BY_ID, without), (BY_PLACE, Fault::Unreadable { devfn: 0 })] {
        assert_eq!(decision(&ari, &table, ONE), GRANTED);
        assert_eq!(decision(&adapter(), &table, ONE), not_whole(fault));
    }
}

#[test]
fn a_condition_needs_configuration_space() {
    const CONDITION: Condition = Condition {
        at: Place::Config,
        offset: 0x48,
        mask: 0xff,
        value: 0x2a,
    };
    const CONDITIONAL: Table = table(
        &[Entry {
            conditions: &[CONDITION],
            ..entry(Kinds::MF_ENDPOINT)
        }],
        &[row(&Limits::NONE)],
    );
    let topology = adapter();
    assert_eq!(
        decision(&topology, &CONDITIONAL, ONE),
        not_whole(Fault::Unreadable { devfn: 0 })
    );
    let folders = tempfile::tempdir().expect("it can be made");
    // The first 76 bytes of a function: ids, a list of capabilities with PCI Express in it, and the register.
    let dump = |device: u16, register: u8| {
        let mut bytes = [0; 0x4c];
        bytes[..2].copy_from_slice(&VENDOR.to_le_bytes());
        bytes[2..4].copy_from_slice(&device.to_le_bytes());
        bytes[6] = 0x10;
        bytes[0xe] = 0x80;
        bytes[0x34] = 0x40;
        bytes[0x40] = 0x10;
        bytes[0x48] = register;
        let folder = folders.path().join(format!("{device:x}-{register:x}"));
        fs::create_dir_all(&folder).expect("it can be made");
        fs::write(folder.join("config"), bytes).expect("it can be written");
        ConfigSpace::open(&folder).expect("it can be read")
    };
    let with = |spaces: Spaces| {
        let view = view(&topology);
        let handlers = Handlers::default();
        let prediction = Prediction::of(&topology, &view, &handlers).reading(&spaces);
        decision_of(&prediction, &topology, &[CONDITIONAL], ONE)
    };
    let both = |zero, one| with([(bdf(ZERO), zero), (bdf(ONE), one)].into());
    assert_eq!(both(dump(DEVICE, 0x2a), dump(DEVICE, 0x2a)), GRANTED);
    let failed = Fault::Condition {
        devfn: 1,
        number: 1,
    };
    assert_eq!(
        both(dump(DEVICE, 0x2a), dump(DEVICE, 0x2b)),
        not_whole(failed)
    );
    let changed = Fault::Changed {
        vendor: VENDOR,
        device: 1,
    };
    assert_eq!(both(dump(DEVICE, 0x2a), dump(1, 0x2a)), not_whole(changed));
    // The dump of one function says nothing about the other.
    let alone = with([(bdf(ZERO), dump(DEVICE, 0x2a))].into());
    assert_eq!(alone, not_whole(Fault::Unreadable { devfn: 1 }));
}
