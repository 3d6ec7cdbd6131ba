// SPDX-License-Identifier: GPL-2.0-only

//! Signs that the input lacks functions, each with a control.

mod common;

use std::collections::BTreeSet;

use grouping::{Assumption, view, view_with_iommu};
use rules::pcie::PcieType::{DownstreamPort, Endpoint, RootPort};
use topology::{Acs, Function, Hex, Topology};

use common::{bdf, express, function, machine, port};

/// A machine that was read from a text, with its first function.
fn text(mut functions: Vec<Function>) -> Topology {
    functions.insert(0, function("0000:00:00.0"));
    part(functions)
}

/// As [`text`], without the first function.
fn part(functions: Vec<Function>) -> Topology {
    Topology {
        evidence: vec!["lspci".to_owned()],
        ..machine(functions)
    }
}

fn assumed(topology: &Topology, at: &str) -> Vec<Assumption> {
    let assumptions = view(topology).assumptions.into_iter();
    let of_function = assumptions.filter(|(function, _)| *function == bdf(at));
    of_function.map(|(_, assumption)| assumption).collect()
}

#[test]
fn function_0_of_a_device() {
    let (zero, one) = ("0000:00:02.0", "0000:00:02.1");
    let with = text(vec![function(zero), function(one)]);
    let mut without = text(vec![function(one)]);
    assert_eq!(assumed(&with, one), []);
    assert_eq!(assumed(&without, one), [Assumption::NoFunction0]);
    // Function 0 of another device is none of its.
    let other = text(vec![function("0000:00:03.0"), function(one)]);
    assert_eq!(assumed(&other, one), [Assumption::NoFunction0]);
    // sysfs shows all functions; so does a machine made by hand.
    for evidence in [vec![], vec!["sysfs"], vec!["lspci", "sysfs"]] {
        without.evidence = evidence.into_iter().map(str::to_owned).collect();
        assert_eq!(assumed(&without, one), []);
    }
    // A virtual function has the number that its physical one gives it.
    let physical = Function {
        physfn: Some(bdf("0000:00:03.0")),
        ..function(one)
    };
    let topology = text(vec![function("0000:00:03.0"), physical]);
    assert_eq!(assumed(&topology, one), []);
}

/// A link has one device, whatever the numbers.
#[test]
fn function_0_below_a_port() {
    let at = "0000:01:01.0";
    let root = || port("0000:00:01.0", RootPort, 1, true);
    let whole = text(vec![root(), function("0000:01:00.0"), function(at)]);
    let without = text(vec![root(), function("0000:01:00.1"), function(at)]);
    assert_eq!(assumed(&whole, at), []);
    assert_eq!(assumed(&without, at), [Assumption::NoFunction0]);
    // On the root bus, another device number is another device.
    let root_bus = text(vec![function("0000:00:02.0"), function("0000:00:03.0")]);
    assert_eq!(assumed(&root_bus, "0000:00:03.0"), []);
}

#[test]
fn other_functions_of_a_device() {
    let at = "0000:00:02.0";
    let with_bit = |bit| Function {
        multifunction: bit,
        ..function(at)
    };
    let more: &[Assumption] = &[Assumption::MoreFunctions];
    for (bit, in_part, at_gap) in [
        (None, more, more),
        (Some(false), &[], &[]),
        (Some(true), &[], more),
    ] {
        assert_eq!(assumed(&text(vec![with_bit(bit)]), at), [], "{bit:?}");
        assert_eq!(assumed(&part(vec![with_bit(bit)]), at), in_part, "{bit:?}");
        let mut gap = text(vec![with_bit(bit), function("0000:00:03.0")]);
        gap.gaps = vec![bdf(at)];
        assert_eq!(assumed(&gap, at), at_gap, "{bit:?}");
        assert_eq!(assumed(&gap, "0000:00:03.0"), []);
    }
    // The first function of another bus is not that of the machine.
    let root = Function {
        multifunction: Some(false),
        ..port("0000:00:01.0", RootPort, 1, true)
    };
    let topology = part(vec![root, function("0000:01:00.0")]);
    assert_eq!(assumed(&topology, "0000:01:00.0"), more);
}

/// What others there may be makes no difference to a function that isolates.
#[test]
fn functions_beside_one_that_isolates() {
    let at = "0000:00:02.0";
    let acs = |cap, ctl| {
        let dword8 = None;
        Some(Acs { cap, ctl, dword8 })
    };
    let with = |acs, device| {
        let mut topology = text(vec![Function {
            acs,
            vendor: Hex::id(0x1b4b),
            device: Some(Hex::id(device)),
            ..express(at, Endpoint)
        }]);
        topology.gaps = vec![bdf(at)];
        topology
    };
    let more = Assumption::MoreFunctions;
    let (on, off) = (acs(Some(0x1d), Some(0x1d)), acs(Some(0x1d), Some(0)));
    assert_eq!(assumed(&with(on, 0x9231), at), []);
    assert_eq!(assumed(&with(off, 0x9231), at), [more]);
    // It sends with the number of another one.
    assert_eq!(assumed(&with(on, 0x9230), at), [more]);
    // Its registers were not seen.
    let unseen = with(acs(None, None), 0x9231);
    assert_eq!(assumed(&unseen, at), [Assumption::AcsOn, more]);
    // The kernel enables it at boot.
    let assumptions = view_with_iommu(&with(off, 0x9231)).assumptions.into_iter();
    let of_function: Vec<_> = assumptions.filter(|(one, _)| *one == bdf(at)).collect();
    assert_eq!(of_function, [(bdf(at), Assumption::AcsAtBoot)]);
}

#[test]
fn the_bridge_above_a_bus() {
    let at = "0000:80:01.0";
    let beside = |class| Function {
        class: Some(Hex(class)),
        ..function("0000:80:00.0")
    };
    let topology = |class| machine(vec![beside(class), function(at)]);
    assert_eq!(assumed(&topology(0x06_0000), at), []);
    for other in [0x06_0100, 0x01_0600, 0x02_0000] {
        assert_eq!(assumed(&topology(other), at), [Assumption::NoBridge]);
    }
    let below = machine(vec![
        port("0000:00:01.0", DownstreamPort, 1, true),
        function("0000:01:00.0"),
    ]);
    let view = view(&below);
    assert!(view.functions[0].on_root_bus());
    assert!(!view.functions[1].on_root_bus());
}

#[test]
fn what_is_assumed_is_said() {
    use Assumption::{
        AcsAtBoot, AcsOn, FirstVmd, MoreFunctions, NoAcs, NoBridge, NoBuses, NoFunction0,
        NoMoreAliases, NoVmd, OneFunction, PcieType, Rest,
    };
    let hides = [NoBridge, NoBuses, NoFunction0, NoVmd];
    let shows = [
        PcieType,
        NoAcs,
        AcsOn,
        NoMoreAliases,
        MoreFunctions,
        FirstVmd,
        AcsAtBoot,
        OneFunction,
        Rest,
    ];
    assert!(hides.into_iter().all(Assumption::hides_group));
    assert!(!shows.into_iter().any(Assumption::hides_group));
    let all = hides.into_iter().chain(shows);
    let said: BTreeSet<String> = all.map(|one| one.to_string()).collect();
    assert_eq!(said.len(), hides.len() + shows.len());
    assert!(said.iter().all(|text| text.len() > 20));
}
