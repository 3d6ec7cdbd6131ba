// SPDX-License-Identifier: GPL-2.0-only

//! A topology as the kernel sees it: order, bridges above, multi-function bits and types, each with
//! a control.

mod common;

use grouping::{Assumption, Device, device_of, model::Interface, view};
use rules::pcie::PcieType::{
    self, DownstreamPort, Endpoint, PciBridge, RcEndpoint, RootPort, UpstreamPort,
};
use topology::{Acs, Domain, Function, Hex, Topology};

use common::{bdf, express, function, groups, machine, port};

fn order(topology: &Topology) -> Vec<String> {
    let view = view(topology);
    view.functions
        .iter()
        .map(|seen| seen.function.bdf.to_string())
        .collect()
}

fn seen<'a>(topology: &'a Topology, at: &str) -> grouping::Seen<'a> {
    let view = view(topology);
    let found = view
        .functions
        .iter()
        .find(|seen| seen.function.bdf == bdf(at));
    *found.expect("it is in the list")
}

fn assumes(topology: &Topology, what: Assumption) -> bool {
    let mut assumptions = view(topology).assumptions.into_iter();
    assumptions.any(|(_, assumption)| assumption == what)
}

/// A switch below a root port; every port has ACS.
fn switch() -> Vec<Function> {
    vec![
        port("0000:00:01.0", RootPort, 1, true),
        port("0000:01:00.0", UpstreamPort, 2, false),
        port("0000:02:00.0", DownstreamPort, 3, true),
        port("0000:02:01.0", DownstreamPort, 4, true),
        express("0000:03:00.0", Endpoint),
        express("0000:04:00.0", Endpoint),
        function("0000:00:1f.0"),
    ]
}

#[test]
fn ports_with_acs_are_isolated_without_a_quirk() {
    let topology = machine(switch());
    let is_isolated = |at: &str| seen(&topology, at).facts.isolated;
    assert!(is_isolated("0000:00:01.0") && is_isolated("0000:02:01.0"));
    assert!(!is_isolated("0000:00:1f.0"), "conventional");
}

#[test]
fn the_order_is_bus_by_bus_and_depth_first() {
    let mut functions = switch();
    functions.push(express("0000:80:00.0", RcEndpoint));
    functions.push(Function {
        physfn: Some(bdf("0000:03:00.0")),
        ..function("0000:03:00.1")
    });
    functions.push(express("10000:e0:00.0", Endpoint));
    functions.reverse();
    let mut topology = machine(functions);
    topology
        .vmd
        .insert(bdf("10000:e0:00.0").domain, bdf("0000:80:00.0"));
    assert_eq!(
        order(&topology),
        [
            "0000:00:01.0",
            "0000:00:1f.0",
            "0000:01:00.0",
            "0000:02:00.0",
            "0000:02:01.0",
            "0000:03:00.0",
            "0000:04:00.0",
            "0000:80:00.0",
            "10000:e0:00.0",
            "0000:03:00.1",
        ]
    );
}

#[test]
fn a_bridge_is_above_what_is_on_its_secondary_bus() {
    let topology = machine(switch());
    assert_eq!(seen(&topology, "0000:04:00.0").facts.above, Some(4));
    assert!(seen(&topology, "0000:00:1f.0").on_root_bus());
    assert_eq!(groups(&topology).len(), 7);
    // A bridge without bus numbers leads nowhere.
    let mut topology = machine(switch());
    topology.functions[0].secondary = Some(0);
    assert!(seen(&topology, "0000:01:00.0").on_root_bus());
    // The same bus number in another domain is another bus.
    let topology = machine(vec![
        port("0000:00:01.0", RootPort, 1, true),
        function("0001:01:00.0"),
    ]);
    assert!(seen(&topology, "0001:01:00.0").on_root_bus());
}

#[test]
fn a_function_with_siblings_is_multifunction() {
    let multifunction =
        |functions: Vec<Function>, at| seen(&machine(functions), at).facts.multifunction;
    let (zero, two) = (|| function("0000:00:02.0"), || function("0000:00:02.2"));
    assert!(!multifunction(vec![zero()], "0000:00:02.0"));
    assert!(multifunction(vec![zero(), two()], "0000:00:02.0"));
    assert!(multifunction(vec![zero(), two()], "0000:00:02.2"));
    assert!(multifunction(vec![two()], "0000:00:02.2"));
    assert!(!multifunction(
        vec![zero(), function("0000:00:03.0")],
        "0000:00:02.0"
    ));
    // A known header bit counts.
    let known = |bit| Function {
        multifunction: Some(bit),
        ..zero()
    };
    assert!(multifunction(vec![known(true)], "0000:00:02.0"));
    assert!(!multifunction(vec![known(false), two()], "0000:00:02.0"));
    let bit = Function {
        multifunction: Some(false),
        ..two()
    };
    assert!(multifunction(vec![zero(), bit], "0000:00:02.2"));
    // A virtual function is no sibling and never multi-function.
    let physfn = Some(bdf("0000:00:02.0"));
    let other = Function {
        physfn,
        multifunction: Some(true),
        ..two()
    };
    assert!(!multifunction(vec![zero(), other.clone()], "0000:00:02.0"));
    assert!(!multifunction(vec![zero(), other], "0000:00:02.2"));
}

/// A port has one device below it, so higher device numbers are function numbers.
#[test]
fn below_a_port_functions_in_other_slots_are_siblings() {
    let below = |above: Function| {
        let topology = machine(vec![
            above,
            function("0000:01:00.0"),
            function("0000:01:01.0"),
        ]);
        ["0000:01:00.0", "0000:01:01.0"].map(|at| seen(&topology, at).facts.multifunction)
    };
    assert_eq!(below(port("0000:00:01.0", RootPort, 1, true)), [true, true]);
    assert_eq!(
        below(port("0000:00:01.0", UpstreamPort, 1, true)),
        [false, false]
    );
}

#[test]
fn a_virtual_function_is_below_the_bridge_of_its_physical_one() {
    let physfn = Some(bdf("0000:01:00.0"));
    let topology = machine(vec![
        port("0000:00:01.0", RootPort, 1, true),
        express("0000:01:00.0", Endpoint),
        Function {
            physfn,
            ..express("0000:02:00.0", Endpoint)
        },
    ]);
    assert_eq!(seen(&topology, "0000:02:00.0").facts.above, Some(0));
    assert_eq!(groups(&topology).len(), 3);
    let mut topology = topology;
    topology.functions[0].acs = None;
    assert_eq!(groups(&topology).len(), 1);
}

/// A bus that the kernel creates for virtual functions is below the bus of the first physical
/// function; an existing bus is not created.
#[test]
fn virtual_functions_share_a_bus_with_whoever_made_it() {
    let of = |physical, at| Function {
        physfn: Some(bdf(physical)),
        ..express(at, Endpoint)
    };
    let topology = machine(vec![
        port("0000:00:01.0", RootPort, 1, false),
        port("0000:00:02.0", RootPort, 2, true),
        express("0000:01:00.0", Endpoint),
        express("0000:02:00.0", Endpoint),
        of("0000:01:00.0", "0000:03:00.1"),
        of("0000:02:00.0", "0000:03:00.0"),
        of("0000:02:00.0", "0000:04:00.0"),
        of("0000:02:00.0", "0000:00:03.0"),
    ]);
    let above = |at| seen(&topology, at).facts.above;
    assert_eq!(above("0000:03:00.0"), Some(0));
    assert_eq!(above("0000:03:00.1"), Some(0));
    assert_eq!(above("0000:04:00.0"), Some(1));
    assert_eq!(above("0000:00:03.0"), None);
    assert_eq!(groups(&topology).len(), 5);
}

/// `set_pcie_port_type()` means to give such a port the type that it acts as.
#[test]
fn switch_ports_of_the_wrong_kind_become_endpoints() {
    let found = |kinds: [PcieType; 3]| {
        let [first, second, third] = kinds;
        let topology = machine(vec![
            port("0000:00:01.0", first, 1, true),
            port("0000:01:00.0", second, 2, true),
            port("0000:02:00.0", third, 3, true),
        ]);
        ["0000:00:01.0", "0000:01:00.0", "0000:02:00.0"]
            .map(|at| seen(&topology, at).pcie_type().expect("it has a type"))
    };
    let right = [RootPort, UpstreamPort, DownstreamPort];
    assert_eq!(found(right), right);
    assert_eq!(
        found([RootPort, DownstreamPort, UpstreamPort]),
        [RootPort, Endpoint, UpstreamPort]
    );
    assert_eq!(
        found([RootPort, DownstreamPort, DownstreamPort]),
        [RootPort, Endpoint, DownstreamPort]
    );
    assert_eq!(
        found([RootPort, UpstreamPort, UpstreamPort]),
        [RootPort, UpstreamPort, Endpoint]
    );
    assert_eq!(
        found([PciBridge, DownstreamPort, Endpoint]),
        [PciBridge, DownstreamPort, Endpoint]
    );
}

#[test]
fn what_was_not_seen_is_assumed_and_said() {
    let dark = Function {
        pcie_known: false,
        acs_known: false,
        ..function("0000:01:00.0")
    };
    let shown = Acs {
        cap: None,
        ctl: None,
        dword8: None,
    };
    let root = Function {
        acs: Some(shown),
        ..port("0000:00:01.0", RootPort, 1, true)
    };
    let adapter = Function {
        vendor: Hex::id(0x9005),
        device: Some(Hex::id(0x0285)),
        ..function("0000:00:02.0")
    };
    let topology = machine(vec![root, adapter, dark]);
    let view = view(&topology);
    assert_eq!(
        view.assumptions,
        [
            (bdf("0000:00:01.0"), Assumption::AcsOn),
            (bdf("0000:00:02.0"), Assumption::NoMoreAliases),
            (bdf("0000:01:00.0"), Assumption::PcieType),
            (bdf("0000:01:00.0"), Assumption::NoAcs),
        ]
    );
    let taken = seen(&topology, "0000:01:00.0").facts.interface;
    assert_eq!(taken, Interface::Express(Endpoint));
    assert_eq!(groups(&topology).len(), 3);
}

/// A switch may have hidden functions. Its upstream port is isolated without ACS only if it has none.
#[test]
fn the_bit_of_a_switch_is_assumed_unless_groups_show_it() {
    let assumed = |topology: &Topology| {
        let assumptions = view(topology).assumptions;
        assumptions.contains(&(bdf("0000:01:00.0"), Assumption::OneFunction))
    };
    let upstream =
        |topology: &mut Topology, change: fn(&mut Function)| change(&mut topology.functions[1]);
    assert!(assumed(&machine(switch())));
    for change in [
        |port: &mut Function| port.multifunction = Some(false),
        |port: &mut Function| port.secondary = Some(0),
        |port: &mut Function| {
            port.acs = Some(Acs {
                cap: Some(0x1d),
                ctl: Some(0x1d),
                dword8: None,
            });
        },
    ] {
        let mut topology = machine(switch());
        upstream(&mut topology, change);
        assert!(!assumed(&topology), "{:?}", topology.functions[1]);
    }
    let grouped = |groups: [u32; 7]| {
        let mut topology = machine(switch());
        for (function, group) in topology.functions.iter_mut().zip(groups) {
            function.iommu_group = Some(group);
        }
        topology
    };
    assert!(!assumed(&grouped([0, 1, 2, 3, 4, 5, 6])));
    // The groups that the kernel also makes with the bit.
    assert!(assumed(&grouped([0, 1, 1, 1, 1, 1, 6])));
    let mut overridden = grouped([0, 1, 2, 3, 4, 5, 6]);
    overridden.acs_override = Some("multifunction".to_owned());
    assert!(assumed(&overridden));
}

#[test]
fn who_takes_part_is_who_has_a_group() {
    let grouped = |iommu_group, at| Function {
        iommu_group,
        ..function(at)
    };
    let topology = machine(vec![
        grouped(Some(1), "0000:00:01.0"),
        grouped(None, "0000:00:02.0"),
    ]);
    assert_eq!(groups(&topology), ["0000:00:01.0"]);
    // Without recorded groups, every function except IOMMUs is managed.
    let iommu = Function {
        class: Some(Hex(0x08_06_00)),
        ..function("0000:00:00.2")
    };
    let topology = machine(vec![iommu, grouped(None, "0000:00:01.0")]);
    assert_eq!(groups(&topology), ["0000:00:01.0"]);
}

#[test]
fn the_only_vmd_stands_for_the_domains_that_no_firmware_has() {
    let volume = |at| Function {
        vendor: Hex::id(0x8086),
        device: Some(Hex::id(0x467f)),
        ..express(at, RcEndpoint)
    };
    // The root bus of the domain.
    let disk = || express("10000:00:00.0", Endpoint);
    let topology = machine(vec![volume("0000:00:0e.0"), disk()]);
    assert_eq!(groups(&topology), ["0000:00:0e.0 10000:00:00.0"]);
    assert_eq!(view(&topology).assumptions, []);
    // Of two, the first is taken.
    let mut topology = machine(vec![volume("0000:00:0e.0"), volume("0000:80:0e.0"), disk()]);
    let unsure: Vec<_> = topology
        .functions
        .iter()
        .map(|one| (one.bdf, Assumption::FirstVmd))
        .collect();
    assert_eq!(view(&topology).assumptions, unsure);
    assert_eq!(
        groups(&topology),
        ["0000:00:0e.0 10000:00:00.0", "0000:80:0e.0"]
    );
    // The group shows which one it is.
    for (at, group) in [(0, 1), (1, 2), (2, 2)] {
        topology.functions[at].iommu_group = Some(group);
    }
    assert_eq!(view(&topology).assumptions, []);
    assert_eq!(
        groups(&topology),
        ["0000:00:0e.0", "0000:80:0e.0 10000:00:00.0"]
    );
    for function in &mut topology.functions {
        function.iommu_group = None;
    }
    topology.vmd.insert(disk().bdf.domain, bdf("0000:80:0e.0"));
    assert_eq!(
        groups(&topology),
        ["0000:00:0e.0", "0000:80:0e.0 10000:00:00.0"]
    );
}

#[test]
fn no_vmd_hides_the_group_of_its_domain() {
    let disk = express("10000:00:00.0", Endpoint);
    let other = || express("0000:00:0e.0", RcEndpoint);
    let at = disk.bdf;
    let topology = machine(vec![other(), disk.clone()]);
    assert_eq!(view(&topology).assumptions, [(at, Assumption::NoVmd)]);
    // The control: a function without ids may be the VMD.
    let unknown = Function {
        vendor: Hex::id(0x8086),
        device: None,
        ..other()
    };
    let mut topology = machine(vec![unknown, disk]);
    let volume = topology.functions[0].bdf;
    let assumptions = view(&topology).assumptions;
    assert!(assumptions.contains(&(at, Assumption::FirstVmd)));
    assert!(assumptions.contains(&(volume, Assumption::FirstVmd)));
    // A known VMD comes first, then a RAID controller.
    let raid = Function {
        class: Some(Hex(0x01_04_00)),
        ..topology.functions[0].clone()
    };
    let raid = Function {
        bdf: bdf("0000:00:1f.0"),
        ..raid
    };
    let mut with_raid = topology.clone();
    with_raid.functions.insert(1, raid);
    assert_eq!(
        groups(&with_raid),
        ["0000:00:0e.0", "0000:00:1f.0 10000:00:00.0"]
    );
    topology.functions[0].class = Some(Hex(0x01_08_02));
    assert!(
        view(&topology)
            .assumptions
            .contains(&(at, Assumption::NoVmd))
    );
}

/// The model uses the aliases of the kernel's quirks.
#[test]
fn aliases_by_quirk_join() {
    let marvell = |device| {
        let function = express("0000:00:02.0", Endpoint);
        let (vendor, device) = (Hex::id(0x1b4b), Some(Hex::id(device)));
        // With ACS, so that only the alias joins it with its sibling.
        let acs = port("0000:00:03.0", RootPort, 1, true).acs;
        let sibling = Function {
            acs,
            ..express("0000:00:02.1", Endpoint)
        };
        machine(vec![
            Function {
                vendor,
                device,
                acs,
                ..function
            },
            sibling,
        ])
    };
    let (sends, does_not) = (marvell(0x9230), marvell(0x9231));
    assert_eq!(groups(&sends).len(), 1);
    assert_eq!(groups(&does_not).len(), 2);
    // Of a device that is one of two, what both do is certain.
    let one_of = |candidates: [u16; 2]| {
        let mut topology = sends.clone();
        topology.functions[0].device = None;
        topology.functions[0].device_candidates = candidates.map(Hex::id).to_vec();
        (
            groups(&topology).len(),
            assumes(&topology, Assumption::NoMoreAliases),
        )
    };
    assert_eq!(one_of([0x9230, 0x9220]), (1, false));
    assert_eq!(one_of([0x9230, 0x9231]), (2, true));
    assert_eq!(one_of([0x9231, 0x9232]), (2, false));
}

/// The bridges of Switchtec have aliases in their registers, their management functions have none.
#[test]
fn the_class_decides_on_aliases() {
    let at = "0000:00:02.0";
    for (class, expected) in [
        (0x06_8000, vec![(bdf(at), Assumption::NoMoreAliases)]),
        (0x05_8000, vec![]),
        (0x80_0600, vec![]),
    ] {
        let topology = machine(vec![Function {
            vendor: Hex::id(0x11f8),
            device: Some(Hex::id(0x5000)),
            class: Some(Hex(class)),
            ..function(at)
        }]);
        assert_eq!(view(&topology).assumptions, expected, "{class:06x}");
    }
}

#[test]
fn the_device_of_a_function() {
    let mut functions = switch();
    functions.push(function("0000:00:1f.3"));
    functions.push(function("0000:00:1e.3"));
    functions.push(function("0000:03:01.2"));
    functions.push(Function {
        physfn: Some(bdf("0000:03:00.0")),
        ..function("0000:05:00.1")
    });
    let topology = machine(functions);
    let view = view(&topology);
    let of = |bus, slot| Device {
        domain: bdf("0000:00:00.0").domain,
        bus,
        slot,
    };
    for (at, expected) in [
        ("0000:00:1f.0", of(0, Some(0x1f))),
        ("0000:00:1f.3", of(0, Some(0x1f))),
        ("0000:00:1e.3", of(0, Some(0x1e))),
        // A port with a link has one device below it.
        ("0000:01:00.0", of(1, None)),
        ("0000:03:00.0", of(3, None)),
        ("0000:03:01.2", of(3, None)),
        // The bus inside a switch is no link.
        ("0000:02:01.0", of(2, Some(1))),
        // A virtual function is of the device of its physical one.
        ("0000:05:00.1", of(3, None)),
    ] {
        assert_eq!(device_of(&view, &seen(&topology, at)), expected, "{at}");
    }
}

/// A VMD is not behind another one, and not one that the topology names for another domain.
#[test]
fn a_vmd_is_in_a_domain_of_firmware() {
    let volume = |at, device: Option<u16>| Function {
        vendor: Hex::id(0x8086),
        device: device.map(Hex::id),
        class: Some(Hex(0x01_0400)),
        ..express(at, RcEndpoint)
    };
    let above = |topology: &Topology| {
        let view = view(topology);
        view.unsure_vmds.into_values().next()
    };
    for device in [Some(0x201d), None] {
        let inside = machine(vec![volume("10000:e1:00.0", device)]);
        assert_eq!(above(&inside), Some(Vec::new()), "{device:?}");
        let mut outside = machine(vec![
            volume("ffff:e1:00.0", device),
            express("10000:e1:00.0", Endpoint),
        ]);
        let expected = device.is_none().then(|| vec![bdf("ffff:e1:00.0")]);
        assert_eq!(above(&outside), expected, "{device:?}");
        outside.vmd.insert(Domain(0x10001), bdf("ffff:e1:00.0"));
        assert_eq!(above(&outside), Some(Vec::new()), "{device:?}");
    }
}

/// Every VMD is a RAID controller, and one with the ids of a VMD is one.
#[test]
fn the_likeliest_vmd_has_its_ids_or_is_a_raid_controller() {
    let with = |functions: [(Option<u16>, Option<u32>); 2]| {
        let possible = ["0000:00:0e.0", "0000:00:0f.0"].into_iter().zip(functions);
        let possible = possible.map(|(at, (device, class))| Function {
            vendor: Hex::id(0x8086),
            device: device.map(Hex::id),
            class: class.map(Hex),
            ..express(at, RcEndpoint)
        });
        let disk = express("10000:e1:00.0", Endpoint);
        groups(&machine(possible.chain([disk]).collect()))
    };
    let first = ["0000:00:0e.0 10000:e1:00.0", "0000:00:0f.0"];
    let second = ["0000:00:0e.0", "0000:00:0f.0 10000:e1:00.0"];
    let (unknown, raid, vmd) = ((None, None), (None, Some(0x01_0400)), (Some(0x201d), None));
    assert_eq!(with([unknown, unknown]), first);
    assert_eq!(with([unknown, raid]), second);
    assert_eq!(with([raid, unknown]), first);
    assert_eq!(with([raid, vmd]), second);
    assert_eq!(with([vmd, raid]), first);
}
