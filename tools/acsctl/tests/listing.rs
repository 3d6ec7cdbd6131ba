// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl groups`: filters, the tree, the diagram and drivers.

mod common;

use std::fs;

use serde_json::Value;

use common::{
    command::{acsctl, alone, assert_fails, host, machine, path, printed, recorded},
    scratch,
};

#[test]
fn groups_are_filtered_as_by_lspci() {
    let machine = machine("lambda-lambda-vector-0d658f");
    let count = |more: &[&str]| -> usize {
        let arguments = [
            &["groups", "--format", "json", "--topology", &machine],
            more,
        ]
        .concat();
        let listing: Value =
            serde_json::from_str(&printed(&acsctl(&arguments))).expect("it is JSON");
        listing["groups"].as_array().map_or(0, Vec::len)
    };
    let all = count(&[]);
    assert_eq!(all, 74);
    assert_eq!(count(&["-s", "2c:00.1"]), 1);
    assert_eq!(count(&["-s", "0000:2c:"]), 1);
    assert_eq!(
        count(&["-d", "1022:149c"]),
        count(&["-d", "1022:149c:0c03"])
    );
    assert!(count(&["-d", "1022:"]) < all);
    assert_eq!(count(&["-d", "::0300"]), count(&["-c", "0300"]));
    assert!(count(&["-c", "03"]) >= count(&["-c", "0300"]));
    let none = acsctl(&["groups", "--topology", &machine, "-s", "99:"]);
    assert_fails(&none, 1, "no function matches");
    for (option, value) in [
        ("-s", "zz:00.0"),
        ("-d", "8086"),
        ("-c", "3"),
        ("-s", "00:20.0"),
    ] {
        let wrong = acsctl(&["groups", "--topology", &machine, option, value]);
        assert_fails(&wrong, 2, "write");
    }
}

#[test]
fn shared_groups_have_several_functions() {
    let shared = |name: &str, more: &[&str]| {
        let machine = machine(name);
        acsctl(&[&["groups", "--topology", &machine, "--shared"], more].concat())
    };
    let text = printed(&shared("acer-predator-helios-neo-16-2f04d2", &[]));
    assert!(
        text.contains("0000:00:0e.0") && text.contains("10000:e1:00.0"),
        "{text}"
    );
    assert_eq!(text.matches("4 devices").count(), 1, "{text}");
    assert!(!text.contains('\u{1b}'), "colours are for terminals");
    // A group with functions of only one device: USB behind a port of the chipset, which the host
    // keeps.
    let desktop = "lambda-lambda-vector-0d658f";
    let text = printed(&shared(desktop, &["-s", "2c:00.1"]));
    assert!(text.contains("group 46\n"), "{text}");
    // The controls: functions that have groups of their own, and bridges.
    for slot in ["25:00.1", "22:07.1"] {
        let none = shared(desktop, &["-s", slot]);
        assert_fails(&none, 1, "no matching function shares its group");
    }
    let none = acsctl(&[
        "groups",
        "--shared",
        "--topology",
        &alone(&scratch("listing-alone")),
    ]);
    assert_fails(&none, 1, "no group has more than one function");
}

#[test]
fn the_tree_shows_each_function_once_below_its_bridge() {
    for machine in recorded() {
        let text = printed(&acsctl(&["groups", "--tree", "--topology", &machine]));
        let json = fs::read_to_string(&machine).expect("it is there");
        let json: Value = serde_json::from_str(&json).expect("it is JSON");
        let functions = json["functions"].as_array().expect("it is a list");
        for function in functions {
            let bdf = function["bdf"].as_str().expect("it is text");
            let lines = text
                .lines()
                .filter(|line| line.contains(&format!("\u{2500} {bdf} ")));
            assert_eq!(lines.count(), 1, "{machine}: {bdf}");
        }
    }
}

#[test]
fn the_diagram_is_xml_with_each_function() {
    let folder = scratch("svg");
    let file = folder.join("groups.svg");
    for machine in recorded() {
        printed(&acsctl(&[
            "groups",
            "--topology",
            &machine,
            "--svg",
            &path(&file),
        ]));
        let svg = fs::read_to_string(&file).expect("it is written");
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
        // Device names contain ampersands and angle brackets.
        let bare = svg.split('&').skip(1);
        for rest in bare {
            let entity = rest.split(';').next().unwrap_or_default();
            assert!(
                matches!(entity, "amp" | "lt" | "gt" | "quot" | "apos" | "#39"),
                "&{entity}"
            );
        }
        let json = fs::read_to_string(&machine).expect("it is there");
        let json: Value = serde_json::from_str(&json).expect("it is JSON");
        for function in json["functions"].as_array().expect("it is a list") {
            let bdf = function["bdf"].as_str().expect("it is text");
            assert!(svg.contains(bdf), "{machine}: {bdf}");
        }
    }
}

#[test]
fn drivers_and_vfio_are_shown_for_a_host() {
    let root = host("host");
    let of = path(&root);
    let text = printed(&acsctl(&["groups", "--root", &of]));
    assert!(
        text.contains("group 7  not viable for VFIO: the host drives 0000:01:00.1"),
        "{text}"
    );
    assert!(text.contains("driver vfio-pci"), "{text}");
    // With the other function unbound, nothing blocks the group, because ports do not.
    let driver = root.join("sys/devices/0000:01:00.1/driver");
    fs::remove_file(driver).expect("it is there");
    let text = printed(&acsctl(&["groups", "--root", &of]));
    assert!(text.contains("group 7  ready for VFIO"), "{text}");
}
