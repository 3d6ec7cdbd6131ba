// SPDX-License-Identifier: GPL-2.0-only

//! The drawn topologies: the kernel would find all of them, they include all odd cases, and they
//! shrink when a comparison fails.

use std::{fs, path::Path};

use grouping::{Assumption, view};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use random_topologies::{Run, check, kept, topologies, topology};
use rules::pcie::PcieType;
use topology::{Function, Header, Topology, parse, write};

const MOST: usize = 400;

fn every(cases: u64) -> impl Iterator<Item = (u64, Topology)> {
    (0..cases).map(|seed| (seed, topology(seed, MOST)))
}

#[test]
fn the_kernel_would_find_every_one() {
    for (seed, topology) in every(10_000) {
        assert_eq!(check(&topology), Ok(()), "seed {seed}: {topology:#?}");
        let assumed = view(&topology).assumptions;
        for (bdf, assumption) in assumed {
            let function = topology
                .functions
                .iter()
                .find(|function| function.bdf == bdf);
            let function = function.expect("it is in the list");
            let is_known = match assumption {
                // A reserved type counts as recorded.
                Assumption::PcieType => function.pcie_type.is_some(),
                // Bridges have no subsystem.
                Assumption::NoMoreAliases => function.header != Header::Endpoint,
                // The generator also puts these types on root buses, and leaves bridges unconfigured.
                Assumption::NoBridge | Assumption::NoBuses => true,
                _ => false,
            };
            assert!(is_known, "seed {seed}: {bdf}: {assumption}");
        }
    }
}

#[test]
fn each_is_a_sound_file() {
    for (seed, topology) in every(500) {
        let mut text = Vec::new();
        write(&topology, &mut text).expect("memory can be written to");
        let text = String::from_utf8(text).expect("it is text");
        assert_eq!(parse("it", &text), Ok(topology), "seed {seed}");
    }
}

#[test]
fn a_seed_stands_for_one_topology() {
    let draw = || {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let mut draw = || {
            topologies(MOST)
                .new_tree(&mut runner)
                .map(|tree| tree.current())
        };
        [draw(), draw(), draw()]
    };
    assert_eq!(draw(), draw());
    let [one, other, _] = draw();
    assert_ne!(one, other);
    assert_eq!(topology(7, MOST), topology(7, MOST));
    assert_ne!(topology(7, MOST), topology(8, MOST));
}

#[test]
fn what_is_odd_is_among_them() {
    let drawn: Vec<_> = every(10_000).map(|(_, topology)| topology).collect();
    // The number of topologies with such a function.
    let have = |what: &dyn Fn(&Topology, &Function) -> bool| {
        let has = |topology: &&Topology| {
            topology
                .functions
                .iter()
                .any(|function| what(topology, function))
        };
        drawn.iter().filter(has).count()
    };
    let kind = |function: &Function| function.pcie_type.as_ref().and_then(topology::Port::kind);
    let depth = |topology: &Topology, function: &Function| {
        let leads = |to: &Function| {
            let above = topology.functions.iter();
            let mut above = above.filter(|bridge| bridge.secondary == Some(to.bdf.bus));
            above.find(|bridge| bridge.bdf.domain == to.bdf.domain)
        };
        std::iter::successors(Some(function), |function| leads(function)).count()
    };
    let at = |topology: &Topology, function: &Function, devfn: u8| {
        let bdf = topology::Bdf {
            devfn,
            ..function.bdf
        };
        topology.functions.iter().any(|other| other.bdf == bdf)
    };
    let counts = [
        (
            "a function 0 is not there",
            have(&|topology, function| function.bdf.devfn < 8 && !at(topology, function, 0)),
        ),
        (
            "several quirks in a slot",
            have(&|topology, function| {
                let mates = topology.functions.iter().filter(|other| {
                    other.bdf.bus() == function.bdf.bus() && other.bdf.slot() == function.bdf.slot()
                });
                let mut ids: Vec<_> = mates.map(|mate| (mate.vendor, mate.device)).collect();
                ids.sort();
                ids.dedup();
                ids.len() > 3
            }),
        ),
        (
            "a path of 20 bridges",
            have(&|topology, function| depth(topology, function) > 20),
        ),
        ("a VMD", have(&|_, function| function.bdf.domain.0 > 0xffff)),
        (
            "a reserved type",
            have(&|_, function| function.pcie_type.is_some() && kind(function).is_none()),
        ),
        (
            "CardBus",
            have(&|_, function| function.header == Header::Cardbus),
        ),
        (
            "from conventional PCI to PCIe",
            have(&|topology, function| {
                kind(function) == Some(PcieType::PcieBridge) && depth(topology, function) > 2
            }),
        ),
        (
            "left out",
            have(&|_, function| function.class.is_some_and(|class| class.0 == 0x08_0600)),
        ),
        (
            "an event collector",
            have(&|_, function| kind(function) == Some(PcieType::RcEventCollector)),
        ),
        (
            "ACS where the kernel looks elsewhere",
            have(&|_, function| function.acs.is_some_and(|acs| acs.dword8.is_some())),
        ),
        (
            "without a bit by ARI",
            have(&|topology, function| {
                function.multifunction == Some(false)
                    && function.bdf.devfn == 0
                    && at(topology, function, 8)
                    && depth(topology, function) > 1
            }),
        ),
    ];
    for (what, count) in counts {
        println!("{what}: {count}");
        assert!(count >= 20, "{what}: in {count} of 10000");
    }
    let sizes: Vec<_> = drawn
        .iter()
        .map(|topology| topology.functions.len())
        .collect();
    let (all, most) = (sizes.iter().sum::<usize>(), sizes.iter().max().copied());
    println!(
        "functions: {} on average, {most:?} at most",
        all / sizes.len()
    );
    assert!(most > Some(200));
}

/// Runs a comparison that fails if `fails` returns true, and returns the topology that it has kept.
fn smallest(name: &'static str, fails: impl Fn(&Topology) -> bool) -> Topology {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("it is the test's own");
    }
    let run = Run {
        name,
        cases: 10_000,
        most: MOST,
        seed: 3,
        folder: folder.clone(),
    };
    let outcome = run.compare(|topology| {
        assert_eq!(check(topology), Ok(()));
        if fails(topology) {
            return Err(format!("{} functions", topology.functions.len()));
        }
        Ok(())
    });
    let mut kept = kept(&folder).expect("it can be read");
    let (file, topology) = kept.pop().expect("there is one");
    assert!(kept.is_empty());
    assert_eq!(file, format!("{name}-3"));
    let text = outcome.expect_err("it fails");
    let first = format!("{} functions\n", topology.functions.len());
    assert!(text.starts_with(&first), "{text}");
    assert!(text.ends_with(&format!("{file}.json")), "{text}");
    topology
}

/// Every topology during the shrinking is one that the kernel would find, too.
#[test]
fn a_topology_gets_as_small_as_it_can_be() {
    let found = smallest("one", |topology| !topology.functions.is_empty());
    assert_eq!(found.functions.len(), 1, "{found:#?}");
    let function = &found.functions[0];
    assert_eq!(function.bdf.to_string(), "0000:00:00.0");
    assert_eq!((function.acs, function.multifunction), (None, Some(false)));
    assert_eq!(found.iommu, None);

    let found = smallest("many", |topology| {
        topology
            .functions
            .iter()
            .any(|function| function.bdf.devfn == 0x40)
    });
    assert!(found.functions.len() <= 3, "{found:#?}");

    let is_below_two = |topology: &Topology| {
        let bridges = topology
            .functions
            .iter()
            .filter(|function| function.acs.is_some());
        let mut bridges = bridges.filter(|bridge| bridge.header == Header::Bridge);
        bridges.any(|bridge| {
            topology.functions.iter().any(|other| {
                Some(other.bdf.bus) == bridge.secondary && other.bdf.domain == bridge.bdf.domain
            }) && bridge.bdf.bus > 1
        })
    };
    let found = smallest("below", is_below_two);
    assert!(found.functions.len() <= 4, "{found:#?}");
    let acs = found
        .functions
        .iter()
        .filter(|function| function.acs.is_some())
        .count();
    assert_eq!(acs, 1, "{found:#?}");
}

/// The kernel's stack limits how many bridges can be above each other.
#[test]
fn the_kernel_does_not_find_all_bridges_of_a_long_chain() {
    let chain = |bridges: u8| {
        let is_plain =
            |function: &Function| function.header == Header::Bridge && function.pcie_type.is_none();
        let mut machines = every(3000).map(|(_, sound)| sound);
        let found = machines.find_map(|mut sound| {
            let bridge = sound.functions.iter().find(|one| is_plain(one))?.clone();
            sound.functions = vec![bridge];
            Some(sound)
        });
        let mut topology = found.expect("some machine has a conventional bridge");
        topology.vmd.clear();
        let first = topology.functions.remove(0);
        topology.functions.extend((0..bridges).map(|bus| {
            let mut bridge = first.clone();
            bridge.bdf = topology::Bdf {
                domain: topology::Domain(0),
                bus,
                devfn: 0,
            };
            (bridge.primary, bridge.secondary) = (Some(bus), Some(bus + 1));
            bridge.subordinate = Some(bridges);
            bridge
        }));
        check(&topology)
    };
    assert_eq!(chain(33), Ok(()), "32 bridges are above the last one");
    let problem = chain(34).expect_err("33 are above the last one");
    assert!(problem.contains("above each other"), "{problem}");
}

/// When a topology is changed to violate a rule of [`check`], the rule detects it.
#[test]
fn what_the_kernel_would_not_find_is_told() {
    type Change = fn(&mut Function);
    let broken: [(&str, Change); 10] = [
        ("bus numbers", |function| {
            function.primary = function.primary.map(|bus| bus ^ 1);
        }),
        ("bus numbers", |function| {
            function.secondary = function.secondary.map(|_| function.bdf.bus);
        }),
        ("within its own", |function| {
            function.subordinate = function.secondary;
        }),
        ("no bridge leads to it", |function| {
            function.header = Header::Endpoint;
            function.pcie_type = None;
            function.acs = None;
            (function.primary, function.secondary, function.subordinate) = (None, None, None);
            function.subsystem = topology::Subsystem {
                vendor: 0,
                device: 0,
            }
            .into();
            function.class = topology::Hex(0x02_0000).into();
        }),
        ("its header says", |function| {
            function.multifunction = Some(false);
        }),
        ("cannot be reached", |function| {
            function.acs = topology::Acs {
                cap: Some(0),
                ctl: Some(0),
                dword8: None,
            }
            .into();
        }),
        ("by ARI", |function| {
            function.pcie_type = None;
            function.acs = None;
        }),
        ("something behind it", |function| {
            if function.pcie_type == Some(topology::Port::Known(PcieType::RootPort)) {
                function.pcie_type = Some(topology::Port::Known(PcieType::DownstreamPort));
            }
        }),
        ("not known", |function| function.multifunction = None),
        ("does not go with its header", |function| {
            function.class = topology::Hex(0x06_0400).into();
        }),
    ];
    for (problem, change) in broken {
        let found = every(3000).any(|(_, sound)| {
            (0..sound.functions.len()).any(|index| {
                let mut topology = sound.clone();
                change(&mut topology.functions[index]);
                check(&topology).is_err_and(|found| found.contains(problem))
            })
        });
        assert!(found, "{problem}");
    }
}
