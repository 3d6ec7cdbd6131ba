// SPDX-License-Identifier: GPL-2.0-only

//! Another slot for a card: each port that `acsctl why` names is tried, by computing the groups with the card below it.

mod common;

use acsctl::{host::HostView, why::explain};
use serde_json::Value;
use topology::{Acs, Bdf, Header, Hex, Port, Topology, names::Names};

use common::{
    facts::{adapter, bdf, function, own, recorded},
    root,
};

const ON: Acs = Acs {
    cap: Some(0x1d),
    ctl: Some(0x1d),
    dword8: None,
};

/// A card below a port without ACS whose sibling has a card, too; below a port with ACS, an empty slot.
fn machine() -> Topology {
    let mut machine = adapter();
    let (port, card) = (machine.functions[0].clone(), machine.functions[1].clone());
    machine.functions.clear();
    for (at, bus, acs) in [
        ("0000:00:10.0", 1, None),
        ("0000:00:10.1", 2, None),
        ("0000:00:11.0", 3, Some(ON)),
    ] {
        let mut port = port.clone();
        (port.bdf, port.acs, port.device) = (bdf(at), acs, Some(Hex::id(0x7777)));
        (port.secondary, port.subordinate) = (Some(bus), Some(bus));
        port.multifunction = Some(acs.is_none());
        machine.functions.push(port);
    }
    for at in ["0000:01:00.0", "0000:02:00.0"] {
        let mut card = card.clone();
        (card.bdf, card.multifunction) = (bdf(at), Some(false));
        machine.functions.push(card);
    }
    machine
}

/// The ports that the answer for a function names.
fn named(machine: &HostView<'_>, at: Bdf) -> Vec<Bdf> {
    let answer = explain(machine, at, None, &Names::default()).expect("the function is there");
    let answer: Value =
        serde_json::from_str(&answer.json().expect("it has a JSON form")).expect("it is JSON");
    let changes = answer["changes"].as_array().into_iter().flatten();
    let alternatives = changes.filter_map(|change| change["alternatives"].as_array().cloned());
    let slots = alternatives.flatten().filter(|one| one["what"] == "slot");
    let text: String = slots.map(|one| one["text"].to_string()).collect();
    text.split(' ')
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// The functions that share the computed group of a function when what is below two ports has changed places.
fn after(machine: &Topology, (one, two): (Bdf, Bdf), at: Bdf) -> Vec<Bdf> {
    let mut machine = machine.clone();
    let buses = |bdf: Bdf| {
        let mut functions = machine.functions.iter();
        let port = functions.find(|function| function.bdf == bdf);
        port.map(|port| (port.secondary, port.subordinate))
            .expect("it is there")
    };
    let (of_one, of_two) = (buses(one), buses(two));
    for function in &mut machine.functions {
        if function.bdf == one {
            (function.secondary, function.subordinate) = of_two;
        } else if function.bdf == two {
            (function.secondary, function.subordinate) = of_one;
        }
    }
    let entries = own();
    let host = HostView::of(&machine, &entries, None);
    let groups = host
        .grouping(&[])
        .expect("it is possible")
        .partition(&host.view);
    groups
        .into_iter()
        .find(|group| group.contains(&at))
        .unwrap_or_default()
}

#[test]
fn a_port_in_another_domain_is_not_named() {
    let entries = own();
    let (at, free) = (bdf("0000:01:00.0"), "0000:00:11.0");
    let mut machine = machine();
    assert_eq!(
        named(&HostView::of(&machine, &entries, None), at),
        [bdf(free)]
    );
    // Bus numbers are those of a domain, so the groups after the move cannot be computed.
    function(&mut machine, free).bdf = bdf("0001:00:11.0");
    assert!(named(&HostView::of(&machine, &entries, None), at).is_empty());
}

/// A bridge on a card moves with the card.
#[test]
fn a_function_below_a_conventional_bridge_does_not_leave_it() {
    let entries = own();
    let mut machine = machine();
    let mut card = function(&mut machine, "0000:01:00.0").clone();
    let bridge = function(&mut machine, "0000:01:00.0");
    bridge.header = Header::Bridge;
    bridge.pcie_type = Some(Port::Known(rules::pcie::PcieType::PciBridge));
    (bridge.secondary, bridge.subordinate) = (Some(9), Some(9));
    function(&mut machine, "0000:00:10.0").subordinate = Some(9);
    card.pcie_type = None;
    for at in ["0000:09:00.0", "0000:09:01.0"] {
        card.bdf = bdf(at);
        machine.functions.push(card.clone());
    }
    let host = HostView::of(&machine, &entries, None);
    assert!(named(&host, bdf("0000:09:00.0")).is_empty());
}

/// On recorded machines, each function shares no group with another device below each port that is named for it.
#[test]
fn every_named_port_separates() {
    let folder = root().join("tests/topologies");
    let entries = own();
    let mut tried = 0;
    for file in std::fs::read_dir(folder).expect("it is there") {
        let path = file.expect("it can be read").path();
        let Some(name) = path
            .file_stem()
            .filter(|_| path.extension().is_some_and(|end| end == "json"))
        else {
            continue;
        };
        let machine = recorded(&name.to_string_lossy());
        let host = HostView::of(&machine, &entries, None);
        for seen in &host.view.functions {
            let at = seen.function.bdf;
            if seen.function.header != Header::Endpoint || at.function() != 0 {
                continue;
            }
            let above = host.view.above(seen).map(|above| above.function.bdf);
            for port in named(&host, at) {
                let slot = above.expect("a card is below a port");
                let shares = after(&machine, (slot, port), at);
                let is_other = |other: &&Bdf| {
                    let found = machine.functions.iter().find(|one| one.bdf == **other);
                    let is_endpoint = found.is_some_and(|one| one.header == Header::Endpoint);
                    is_endpoint && (other.bus(), other.slot()) != (at.bus(), at.slot())
                };
                let others: Vec<_> = shares.iter().filter(is_other).collect();
                assert!(
                    others.is_empty(),
                    "{}: {at} below {port}: {others:?}",
                    path.display()
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 20, "only {tried}");
}
