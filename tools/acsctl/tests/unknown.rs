// SPDX-License-Identifier: GPL-2.0-only

//! Answers about machines that the input shows only in part: nothing is claimed on an
//! assumption.

mod common;

use std::fs;

use common::{
    command::{acsctl, assert_fails, path, printed},
    scratch,
};
use serde_json::Value;

const CONTROL: &str = "\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+\n";

/// A function as lspci -vvvnn prints it.
fn function(address: &str, class: &str, ids: &str, details: &str) -> String {
    format!("{address} Some class [{class}]: Some device [{ids}]\n{CONTROL}{details}\n")
}

fn bus(number: u8) -> String {
    format!("\tBus: primary=00, secondary={number:02x}, subordinate={number:02x}, sec-latency=0\n")
}

fn express(kind: &str) -> String {
    format!("\tCapabilities: [40] Express (v2) {kind}, MSI 00\n")
}

fn acs(control: char) -> String {
    format!(
        "\tCapabilities: [140 v1] Access Control Services\n\
         \t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n\
         \t\tACSCtl:\tSrcValid{control} TransBlk- ReqRedir{control} CmpltRedir{control} UpstreamFwd{control} EgressCtrl- DirectTrans-\n"
    )
}

fn group(number: u32) -> String {
    format!("\tIOMMU group: {number}\n")
}

/// A root port and what is behind it.
fn port(ids: &str, details: &str) -> String {
    function(
        "00:01.0",
        "0604",
        ids,
        &format!("{}{}{details}", bus(1), express("Root Port (Slot+)")),
    )
}

fn file(name: &str, text: &str) -> String {
    let file = scratch(&format!("unknown-{name}")).join("lspci.txt");
    fs::write(&file, text).expect("it can be written");
    path(&file)
}

fn json(arguments: &[&str]) -> Value {
    let all = [arguments, &["--format", "json"]].concat();
    serde_json::from_slice(&acsctl(&all).stdout).expect("it is JSON")
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn groups(name: &str, text: &str) -> Value {
    json(&["predict", "--topology", &file(name, text)])["groups"].clone()
}

#[test]
fn a_missing_bridge_hides_the_group() {
    let card = function("01:00.0", "0200", "8086:10d3", &express("Endpoint"));
    let alone = file("bridge", &card);
    let predicted = json(&["predict", "--topology", &alone]);
    assert_eq!(predicted["groups"], serde_json::json!([]));
    assert_eq!(
        predicted["undetermined"],
        serde_json::json!(["0000:01:00.0"])
    );
    let why = acsctl(&["why", "01:00.0", "--topology", &alone]);
    assert_fails(
        &why,
        1,
        "the input does not show which bridge leads to bus 0000:01",
    );
    assert!(!String::from_utf8_lossy(&why.stdout).contains("of its own"));
    let listed = printed(&acsctl(&["groups", "--topology", &alone]));
    assert!(listed.contains("group not known"), "{listed}");
    // The control: with the bridge, the group is known.
    let whole = file(
        "bridge-there",
        &format!("{}{card}", port("8086:2f02", &acs('+'))),
    );
    let predicted = json(&["predict", "--topology", &whole]);
    assert_eq!(predicted["undetermined"], serde_json::json!([]));
    assert_eq!(
        predicted["groups"],
        serde_json::json!([["0000:00:01.0"], ["0000:01:00.0"]])
    );
}

/// Conventional functions share the group of the bridge that leads to their bus, whatever that is.
#[test]
fn a_missing_bridge_hides_the_group_of_conventional_functions() {
    const POWER: &str = "\tCapabilities: [dc] Power Management version 2\n";
    let cards = ["05:02.0", "05:03.0"].map(|at| function(at, "0200", "8086:107c", POWER));
    let cards = cards.concat();
    let root = function(
        "00:1c.0",
        "0604",
        "8086:8c10",
        &express("Root Port (Slot+)"),
    );
    // The bus is below the port, or another bridge may lead to it.
    let up_to = |last: &str| {
        let buses = format!(
            "\tBus: primary=00, secondary=04, subordinate={last}, sec-latency=0\n\tCapabilities: [40]"
        );
        root.replacen("\tCapabilities: [40]", &buses, 1)
    };
    for (name, rest) in [
        ("in", up_to("05")),
        ("out", up_to("04")),
        ("alone", String::new()),
    ] {
        let file = file(&format!("conventional-{name}"), &format!("{rest}{cards}"));
        let predicted = json(&["predict", "--topology", &file]);
        assert_eq!(
            predicted["undetermined"],
            serde_json::json!(["0000:05:02.0", "0000:05:03.0"]),
            "{name}"
        );
        let why = acsctl(&["why", "05:02.0", "05:03.0", "--topology", &file]);
        assert_fails(&why, 1, "which bridge leads to bus 0000:05");
    }
    // The controls: a host bridge shows that the bus is a root bus, and a bridge leads to it.
    let host_bridge = function("05:00.0", "0600", "8086:3c00", POWER);
    let bridge = function(
        "04:00.0",
        "0604",
        "10b5:8112",
        &format!(
            "\tBus: primary=04, secondary=05, subordinate=05, sec-latency=0\n{}",
            express("PCI-Express to PCI/PCI-X Bridge")
        ),
    );
    for (name, text, expected) in [
        (
            "root",
            format!("{host_bridge}{cards}"),
            serde_json::json!([["0000:05:00.0"], ["0000:05:02.0"], ["0000:05:03.0"]]),
        ),
        (
            "bridge",
            format!("{}{bridge}{cards}", up_to("05")),
            serde_json::json!([
                ["0000:00:1c.0"],
                ["0000:04:00.0", "0000:05:02.0", "0000:05:03.0"]
            ]),
        ),
    ] {
        assert_eq!(
            groups(&format!("conventional-{name}"), &text),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_port_whose_buses_are_not_shown_hides_the_group() {
    let port = function(
        "00:01.0",
        "0604",
        "8086:2f02",
        &express("Root Port (Slot+)"),
    );
    let card = function("01:00.0", "0200", "8086:10d3", &express("Endpoint"));
    let file = file("buses", &format!("{port}{card}"));
    for at in ["00:01.0", "01:00.0"] {
        let why = acsctl(&["why", at, "--topology", &file]);
        assert_eq!(why.status.code(), Some(1), "{at}");
        assert!(!String::from_utf8_lossy(&why.stdout).contains("of its own"));
    }
}

#[test]
fn an_unknown_device_gets_no_statement() {
    let names = |name: &str| {
        format!(
            "{}01:00.0 Ethernet controller: {name}\n{CONTROL}{}\n01:00.1 Ethernet controller: {name}\n{CONTROL}{}\n",
            port("8086:2f02", &acs('+')),
            express("Endpoint"),
            express("Endpoint")
        )
    };
    let unknown = file("device", &names("A Vendor That No List Has Model 7"));
    let predicted = json(&["predict", "--topology", &unknown]);
    let assumed = predicted["assumptions"].to_string();
    assert!(
        assumed.contains("not known which device it is"),
        "{assumed}"
    );
    let why = line(&printed(&acsctl(&[
        "why",
        "01:00.0",
        "--topology",
        &unknown,
    ])));
    assert!(why.contains("Show the ids of 0000:01:00.0"), "{why}");
    for claim in [
        "is on record",
        "Only other hardware",
        "no quirk of this kernel",
    ] {
        assert!(!why.contains(claim), "{claim}: {why}");
    }
    // The control: a device with known ids gets one.
    let text = names("x").replace(
        "Ethernet controller: x",
        "Ethernet controller [0200]: x [1234:0001]",
    );
    let known = file("device-known", &text);
    let why = line(&printed(&acsctl(&["why", "01:00.0", "--topology", &known])));
    assert!(why.contains("no such statement is on record"), "{why}");
}

#[test]
fn a_machine_without_an_iommu_is_computed_as_with_one() {
    let card = function("01:00.0", "0200", "8086:10d3", &express("Endpoint"));
    let off = format!("{}{card}", port("8086:a340", &acs('-')));
    assert_eq!(
        groups("acs-off", &off),
        serde_json::json!([["0000:00:01.0"], ["0000:01:00.0"]])
    );
    let assumed =
        json(&["predict", "--topology", &file("acs-off-said", &off)])["assumptions"].to_string();
    assert!(
        assumed.contains("ACS is off, because no IOMMU is in use"),
        "{assumed}"
    );
    // The control: a kernel that made groups has left ACS off on purpose.
    let made = off.replace("\tBus:", "\tIOMMU group: 1\n\tBus:").replace(
        "\tCapabilities: [40] Express (v2) Endpoint",
        "\tIOMMU group: 1\n\tCapabilities: [40] Express (v2) Endpoint",
    );
    assert_eq!(
        groups("acs-off-made", &made),
        serde_json::json!([["0000:00:01.0", "0000:01:00.0"]])
    );

    let chipset = |vendor: &str| {
        let bridge = function("00:00.0", "0600", &format!("{vendor}:5a14"), "");
        let smbus = function("00:14.0", "0c05", "1002:4385", "");
        let audio = function("00:14.2", "0403", "1002:4383", "");
        format!("{bridge}{smbus}{audio}")
    };
    let apart = serde_json::json!([["0000:00:00.0"], ["0000:00:14.0"], ["0000:00:14.2"]]);
    assert_eq!(groups("amd", &chipset("1002")), apart);
    let together = serde_json::json!([["0000:00:00.0"], ["0000:00:14.0", "0000:00:14.2"]]);
    assert_eq!(groups("not-amd", &chipset("8086")), together);
}

#[test]
fn a_list_without_capabilities_is_no_machine() {
    let list = "00:01.0 PCI bridge [0604]: A [8086:1901]\n\tKernel driver in use: pcieport\n\
                01:00.0 VGA compatible controller [0300]: B [10de:1c82]\n\tSubsystem: C [1028:0871]\n";
    for command in ["groups", "predict"] {
        assert_fails(
            &acsctl(&[command, "--topology", &file("list", list)]),
            2,
            "no capabilities",
        );
    }
    let grouped = format!("IOMMU Group 1:\n{list}");
    let grouped = file("grouped", &grouped);
    assert!(printed(&acsctl(&["groups", "--topology", &grouped])).contains("group 1"));
    assert_fails(
        &acsctl(&["predict", "--topology", &grouped]),
        2,
        "is a list of groups and no capabilities",
    );
    let why = acsctl(&["why", "01:00.0", "--topology", &grouped]);
    assert_fails(&why, 1, "capabilities of this function");
    assert!(String::from_utf8_lossy(&why.stdout).contains("0000:00:01.0"));
}

/// A port without ACS, a card of one physical function with a virtual one, and an empty slot.
fn sriov() -> String {
    let capability = "\tCapabilities: [180 v1] Single Root I/O Virtualization (SR-IOV)\n\
                      \t\tInitial VFs: 1, Total VFs: 1, Number of VFs: 1, Function Dependency Link: 00\n\
                      \t\tVF offset: 2, stride: 1, Device ID: 1016\n";
    let card = function(
        "01:00.0",
        "0200",
        "15b3:1015",
        &format!("{}{}{capability}", group(1), express("Endpoint")),
    );
    let virtual_one = function(
        "01:00.2",
        "0200",
        "15b3:1016",
        &format!("{}{}", group(1), express("Endpoint")),
    );
    let free = function(
        "00:1b.0",
        "0604",
        "8086:a32c",
        &format!(
            "{}{}{}{}",
            group(5),
            bus(2),
            express("Root Port (Slot+)"),
            acs('+')
        ),
    );
    format!("{}{card}{virtual_one}{free}", port("8086:1901", &group(1)))
}

#[test]
fn a_virtual_function_needs_its_physical_function() {
    let file = file("virtual", &sriov());
    let why = line(&printed(&acsctl(&["why", "01:00.2", "--topology", &file])));
    assert!(
        why.contains("It is a virtual function of 0000:01:00.0"),
        "{why}"
    );
    assert!(!why.contains("leave them without a driver"), "{why}");
    let physical = line(&printed(&acsctl(&["why", "01:00.0", "--topology", &file])));
    assert!(
        physical.contains("Disable its virtual functions first"),
        "{physical}"
    );
}

#[test]
fn another_slot_is_named_where_the_port_is_in_the_way() {
    let file = file("slot", &sriov());
    let why = line(&printed(&acsctl(&["why", "01:00.2", "--topology", &file])));
    assert!(why.contains("0000:00:1b.0 (empty now)"), "{why}");
}

#[test]
fn an_upstream_port_is_named_and_a_quirk_of_the_kernel_is_not_excluded() {
    let at = |address: &str, kind: &str, second: Option<u8>| {
        let buses = second.map_or_else(String::new, |second| {
            let primary = &address[..2];
            format!(
                "\tBus: primary={primary}, secondary={second:02x}, subordinate=04, sec-latency=0\n"
            )
        });
        let (class, acs) = if second.is_some() {
            ("0604", acs('+'))
        } else {
            ("0200", String::new())
        };
        let acs = if kind.starts_with("Upstream") {
            String::new()
        } else {
            acs
        };
        let buses = if kind.starts_with("Downstream") {
            buses.replace(
                "subordinate=04",
                &format!("subordinate={:02x}", second.unwrap_or(0)),
            )
        } else {
            buses
        };
        function(
            address,
            class,
            "10b5:8749",
            &format!("{buses}{}{acs}", express(kind)),
        )
    };
    let text = [
        at("00:01.0", "Root Port (Slot+)", Some(1)),
        at("01:00.0", "Upstream Port", Some(2)),
        at("01:00.1", "Endpoint", None),
        at("02:08.0", "Downstream Port (Slot+)", Some(3)),
        at("02:10.0", "Downstream Port (Slot+)", Some(4)),
        at("03:00.0", "Endpoint", None),
        at("04:00.0", "Endpoint", None),
    ];
    let file = file("upstream", &text.concat());
    let why = line(&printed(&acsctl(&[
        "why",
        "03:00.0",
        "04:00.0",
        "--topology",
        &file,
    ])));
    assert!(
        why.contains("0000:01:00.0 is the upstream port of a switch"),
        "{why}"
    );
    assert!(
        why.contains("or a quirk of the kernel itself") && !why.contains("or kernel can separate"),
        "{why}"
    );
}

#[test]
fn a_port_with_hidden_acs_is_known() {
    let text = |ids| {
        format!(
            "{}{}",
            port(ids, ""),
            function("01:00.0", "0300", "1002:1638", &express("Legacy Endpoint"))
        )
    };
    let hint = "shows an ACS capability, so the firmware hides it here";
    let why = |name, ids| {
        let file = file(name, &text(ids));
        line(&printed(&acsctl(&[
            "why",
            "01:00.0",
            "00:01.0",
            "--topology",
            &file,
        ])))
    };
    assert!(why("hidden", "1022:14db").contains(hint));
    assert!(!why("not-hidden", "1022:7777").contains(hint));
}

#[test]
fn json_has_an_object_without_groups_too() {
    let text = format!(
        "{}{}",
        port("8086:2f02", &acs('+')),
        function("01:00.0", "0200", "8086:10d3", &express("Endpoint"))
    );
    let file = file("json", &text);
    let output = acsctl(&[
        "groups",
        "--shared",
        "--topology",
        &file,
        "--format",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let listing: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(listing["groups"], serde_json::json!([]));
}

#[test]
fn a_file_that_ends_within_a_function_is_noted() {
    let text = format!(
        "{}{}",
        port("8086:2f02", &acs('+')),
        function("01:00.0", "0200", "8086:10d3", &express("Endpoint"))
    );
    let note = "the input may end within this function";
    let assumed = |name, text: &str| {
        json(&["predict", "--topology", &file(name, text)])["assumptions"].to_string()
    };
    assert!(!assumed("whole", &text).contains(note));
    let cut = text
        .trim_end()
        .strip_suffix(", MSI 00")
        .expect("it ends so");
    assert!(assumed("cut", cut).contains(note));
}

/// An adapter of two functions, with the ids of a quirk. Its functions are in `group`, or in none.
fn adapter(ids: &str, group_number: Option<u32>) -> String {
    let details = group_number.map(group).unwrap_or_default() + &express("Endpoint");
    let one = |at: &str| function(at, "0200", ids, &details);
    let above = group_number
        .map(|number| group(number + 1))
        .unwrap_or_default();
    let port = port("8086:2f02", &format!("{above}{}", acs('+')));
    [port, one("01:00.0"), one("01:00.1")].concat()
}

/// Mainline has the quirk for 14e4:1760 since Linux 6.11, and that for 8086:1521 before 5.10.
#[test]
fn what_the_version_of_the_kernel_decides_is_open() {
    let both = serde_json::json!(["0000:01:00.0", "0000:01:00.1"]);
    let text = adapter("14e4:1760", None);
    let newer = file("version", &text);
    for command in ["predict", "groups"] {
        let open = &json(&[command, "--topology", &newer])["open"][0];
        assert_eq!(open["functions"], both, "{command}");
        assert_eq!(open["depends_on_kernel"], both, "{command}");
        assert_eq!(open["depends_on"], serde_json::json!([]), "{command}");
    }
    let why = printed(&acsctl(&["why", "01:00.0", "--topology", &newer]));
    assert!(
        line(&why).contains("It may share its group with 0000:01:00.1"),
        "{why}"
    );
    let plan = acsctl(&["plan", "01:00.0", "--topology", &newer]);
    assert_eq!(plan.status.code(), Some(1));
    let plan = String::from_utf8_lossy(&plan.stdout);
    assert!(line(&plan).contains("ask again with --kernel"), "{plan}");
    // The kernel's own groups are those of an older one: grouping again would not help.
    let made = file("version-made", &adapter("14e4:1760", Some(7)));
    let why = printed(&acsctl(&["why", "01:00.0", "--topology", &made]));
    assert!(
        line(&why).contains("the version of the kernel is not known"),
        "{why}"
    );
    assert!(!why.contains("acsctl regroup"), "{why}");
    // The controls: versions on both sides of the quirk, and a quirk that each kernel has.
    for (version, count) in [("6.10", 1), ("6.11", 2)] {
        let predicted = json(&["predict", "--topology", &newer, "--kernel", version]);
        assert_eq!(predicted["open"], serde_json::json!([]), "{version}");
        let groups = predicted["groups"].as_array().expect("it is a list");
        assert_eq!(groups.len(), 1 + count, "{version}");
    }
    let older = file("version-older", &adapter("8086:1521", None));
    let predicted = json(&["predict", "--topology", &older]);
    assert_eq!(predicted["open"], serde_json::json!([]));
    assert_eq!(predicted["groups"].as_array().map(Vec::len), Some(3));
}

/// Groups that are finer than isolation are no good news, whatever list shows them.
#[test]
fn groups_that_nothing_justifies_are_no_isolation() {
    let text = adapter("1234:0003", Some(7));
    let (first, second) = text.split_once("01:00.1").expect("it is there");
    let torn = format!("{first}01:00.1{}", second.replacen(&group(7), &group(9), 1));
    let unread = torn.replacen(&express("Endpoint"), "\tCapabilities: <access denied>\n", 1);
    for (name, text, is_torn) in [
        ("torn", &torn, true),
        ("torn-not", &text, false),
        // What was not read may isolate them.
        ("torn-unread", &unread, false),
    ] {
        let file = file(name, text);
        let listed = json(&["groups", "--topology", &file]);
        let expected = if is_torn {
            serde_json::json!([["0000:01:00.0", "0000:01:00.1"]])
        } else {
            serde_json::json!([])
        };
        assert_eq!(listed["torn"], expected, "{name}");
        let shared = acsctl(&["groups", "--shared", "--topology", &file]);
        let shared = String::from_utf8_lossy(&shared.stdout).into_owned();
        assert_eq!(
            shared.contains("Nothing isolates these functions"),
            is_torn,
            "{name}: {shared}"
        );
        let page = printed(&acsctl(&["groups", "--html", "-", "--topology", &file]));
        assert_eq!(
            page.contains("Nothing isolates these functions"),
            is_torn,
            "{name}"
        );
    }
}

/// Two root ports with a card each. The text does not show the capabilities of the second port, or, with
/// `second`, shows this.
fn two_ports(second: Option<&str>) -> String {
    let hidden = "\tCapabilities: <access denied>\n";
    let capabilities = second.map_or_else(
        || hidden.to_owned(),
        |acs| express("Root Port (Slot+)") + acs,
    );
    let second = format!("{}{capabilities}", bus(2));
    [
        port("1234:0001", &acs('+')),
        function("00:02.0", "0604", "1234:0002", &second),
        function("01:00.0", "0200", "1234:0003", &express("Endpoint")),
        function("02:00.0", "0200", "1234:0003", &express("Endpoint")),
    ]
    .concat()
}

#[test]
fn what_is_certain_is_told_from_what_is_open() {
    let partial = file("open", &two_ports(None));
    let open = serde_json::json!([{
        "functions": ["0000:00:02.0", "0000:02:00.0"],
        "together": [["0000:00:02.0"], ["0000:02:00.0"]],
        "depends_on": ["0000:00:02.0"],
        "depends_on_kernel": [],
    }]);
    for command in ["predict", "groups"] {
        assert_eq!(
            json(&[command, "--topology", &partial])["open"],
            open,
            "{command}"
        );
        let text = line(&printed(&acsctl(&[command, "--topology", &partial])));
        assert!(
            text.contains("depends on facts about 0000:00:02.0"),
            "{text}"
        );
    }
    let why = json(&["why", "02:00.0", "--topology", &partial]);
    assert_eq!(
        why["open"],
        serde_json::json!({
            "certainly_with": [],
            "perhaps_with": ["0000:00:02.0"],
            "depends_on": ["0000:00:02.0"],
            "depends_on_kernel": [],
        })
    );
    let why = acsctl(&["why", "02:00.0", "--topology", &partial]);
    let why = line(&String::from_utf8_lossy(&why.stdout));
    assert!(
        why.contains("It may share its group with 0000:00:02.0"),
        "{why}"
    );
    // The other card is certain, and with the missing facts both are: apart or together.
    let certain = json(&["why", "01:00.0", "--topology", &partial]);
    assert_eq!(certain["open"], Value::Null);
    for (name, second, groups_of_second) in
        [("open-acs", acs('+'), 2), ("open-no-acs", String::new(), 1)]
    {
        let whole = json(&[
            "predict",
            "--topology",
            &file(name, &two_ports(Some(&second))),
        ]);
        assert_eq!(whole["open"], serde_json::json!([]));
        let groups = whole["groups"].as_array().expect("it is a list");
        assert_eq!(groups.len(), 2 + groups_of_second, "{name}");
    }
}

/// A log shows the group of one function of a card. The group of the other one is not known.
#[test]
fn a_function_that_a_log_does_not_name_may_be_in_a_group() {
    let card = |at: &str, details: &str| {
        function(
            at,
            "0200",
            "8086:10d3",
            &format!("{details}{}", express("Endpoint")),
        )
    };
    let machine = |details: &str| {
        let (one, two) = (card("01:00.0", details), card("01:00.1", details));
        format!("{}{one}{two}", port("8086:2f02", &acs('+')))
    };
    let log = "[    0.5] pci 0000:01:00.0: Adding to iommu group 3\n";
    let partial = file("partial", &format!("{}{log}", machine("")));
    let predicted = json(&["predict", "--topology", &partial]);
    let together = serde_json::json!([["0000:00:01.0"], ["0000:01:00.0", "0000:01:00.1"]]);
    assert_eq!(predicted["groups"], together);
    assert_eq!(
        (&predicted["compared"], &predicted["differences"]),
        (&1.into(), &serde_json::json!([]))
    );
    let why = line(&printed(&acsctl(&[
        "why",
        "01:00.0",
        "--topology",
        &partial,
    ])));
    assert!(why.contains("It would share its group with"), "{why}");
    let listed = json(&["groups", "--topology", &partial]);
    let unknown = serde_json::json!(["0000:00:01.0", "0000:01:00.1"]);
    assert_eq!(listed["undetermined"], unknown);
    // The control: lspci shows the group of each function that is in one, and so the port is in none.
    let whole = file("partial-not", &machine(&group(3)));
    let predicted = json(&["predict", "--topology", &whole]);
    let card = serde_json::json!([["0000:01:00.0", "0000:01:00.1"]]);
    assert_eq!(predicted["groups"], card);
    assert_eq!(predicted["compared"], 3);
}

#[test]
fn nothing_is_compared_where_no_group_can_be_computed() {
    let card = function(
        "01:00.0",
        "0200",
        "8086:10d3",
        &format!("{}{}", group(3), express("Endpoint")),
    );
    let text = printed(&acsctl(&[
        "predict",
        "--topology",
        &file("compared", &card),
    ]));
    assert!(text.contains("nothing to compare with"), "{text}");
    assert!(!text.contains("made the same groups"), "{text}");
}

#[test]
fn power_is_not_computed() {
    let host_bridge = |ids: &str| {
        let card = function("01:00.0", "0200", "14e4:1657", &express("Endpoint"));
        format!("{}{card}", port(ids, ""))
    };
    let power = file("power", &host_bridge("1014:04c1"));
    assert_fails(
        &acsctl(&["predict", "--topology", &power]),
        2,
        "partitionable endpoints",
    );
    assert_fails(
        &acsctl(&["why", "01:00.0", "--topology", &power]),
        1,
        "partitionable endpoints",
    );
    assert_eq!(
        json(&["groups", "--topology", &power])["groups"],
        serde_json::json!([])
    );
    // The control: the same with another port.
    let other = file("power-not", &host_bridge("1014:0001"));
    assert_eq!(
        json(&["groups", "--topology", &other])["groups"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

/// Bus 0 is a root bus, and so is a bus with a host bridge. Of another bus with an endpoint, it is not known.
#[test]
fn a_bus_with_a_host_bridge_is_a_root_bus() {
    let undetermined = |text: &str| {
        let file = file("root-bus", text);
        json(&["predict", "--topology", &file])["undetermined"].clone()
    };
    let endpoint = |at: &str| function(at, "0c03", "0014:7a24", &express("Endpoint"));
    let none = serde_json::json!([]);
    assert_eq!(undetermined(&endpoint("00:04.0")), none);
    let alone = serde_json::json!(["0000:40:04.0"]);
    assert_eq!(undetermined(&endpoint("40:04.0")), alone);
    let host_bridge = function("40:00.0", "0600", "0014:7a00", "");
    assert_eq!(
        undetermined(&format!("{host_bridge}{}", endpoint("40:04.0"))),
        none
    );
}

#[test]
fn a_port_without_a_group_is_not_called_isolated() {
    let card = function(
        "01:00.0",
        "0200",
        "8086:10d3",
        &format!("{}{}", group(3), express("Endpoint")),
    );
    let why = |name: &str, details: &str| {
        let file = file(name, &format!("{}{card}", port("8086:1901", details)));
        line(&printed(&acsctl(&["why", "01:00.0", "--topology", &file])))
    };
    let text = why("port-none", "");
    assert!(
        text.contains("0000:00:01.0 above it is not isolated, but is in no IOMMU group"),
        "{text}"
    );
    assert!(
        !text.contains("every port on its path to the root"),
        "{text}"
    );
    let text = why("port-isolated", &format!("{}{}", group(2), acs('+')));
    assert!(
        text.contains("every port on its path to the root"),
        "{text}"
    );
}

#[test]
fn a_port_whose_acs_registers_were_not_seen_is_no_better_slot() {
    let free = |control: &str| {
        let capability = "\tCapabilities: [140 v1] Access Control Services\n";
        let acs = if control.is_empty() {
            capability.to_owned()
        } else {
            acs('+')
        };
        let details = format!(
            "{}{}{}{acs}",
            group(5),
            bus(2),
            express("Root Port (Slot+)")
        );
        function("00:1b.0", "0604", "1234:0001", &details)
    };
    let why = |name: &str, control: &str| {
        let card = function(
            "01:00.0",
            "0200",
            "15b3:1015",
            &format!("{}{}", group(1), express("Endpoint")),
        );
        let file = file(
            name,
            &format!("{}{card}{}", port("8086:1901", &group(1)), free(control)),
        );
        let answer = acsctl(&["why", "01:00.0", "00:01.0", "--topology", &file]);
        line(&String::from_utf8_lossy(&answer.stdout))
    };
    assert!(why("slot-seen", "+").contains("0000:00:1b.0 (empty now)"));
    assert!(!why("slot-not-seen", "").contains("0000:00:1b.0 (empty now)"));
}

/// A virtual function is in doubt as long as its physical function is.
#[test]
fn a_missing_bridge_hides_the_group_of_virtual_functions() {
    let bridge = port("8086:1901", "");
    let card = sriov()
        .replace(&port("8086:1901", &group(1)), "")
        .replace("\tIOMMU group: 1\n", "")
        .replace("\tIOMMU group: 5\n", "");
    let hidden = json(&["predict", "--topology", &file("virtual-hidden", &card)]);
    assert_eq!(
        hidden["undetermined"],
        serde_json::json!(["0000:01:00.0", "0000:01:00.2"])
    );
    let shown = json(&[
        "predict",
        "--topology",
        &file("virtual-shown", &format!("{bridge}{card}")),
    ]);
    assert_eq!(shown["undetermined"], serde_json::json!([]));
}

/// A domain above ffff is behind a VMD, also where the input does not show which function that is.
#[test]
fn a_vmd_that_is_not_shown_leaves_its_domain_open() {
    let root = |at: &str, behind: u8| {
        let details = format!(
            "{}{}{}",
            bus(behind),
            express("Root Port (Slot+)"),
            acs('+')
        );
        function(at, "0604", "8086:462d", &details)
    };
    let disk = |at: &str| function(at, "0108", "1c5c:1959", &express("Endpoint"));
    let disks = [
        root("10000:e0:01.0", 0xe1),
        root("10000:e0:06.0", 0xe2),
        disk("10000:e1:00.0"),
        disk("10000:e2:00.0"),
    ]
    .concat();
    let volume = |at: &str, ids: &str| {
        let details = express("Root Complex Integrated Endpoint");
        function(at, "0104", ids, &details)
    };
    let asked = ["why", "10000:e1:00.0", "10000:e2:00.0", "--topology"];
    let of = |name: &str, volumes: &[String]| {
        let host = function("0000:00:00.0", "0600", "8086:4637", "");
        let host = if volumes.is_empty() { "" } else { &host };
        let file = file(name, &format!("{host}{}{disks}", volumes.concat()));
        (json(&[&asked[..], &[&file]].concat()), file)
    };
    let behind = serde_json::json!([
        "10000:e0:01.0",
        "10000:e0:06.0",
        "10000:e1:00.0",
        "10000:e2:00.0"
    ]);
    let (_, alone) = of("vmd-none", &[]);
    let predicted = json(&["predict", "--topology", &alone]);
    assert_eq!(predicted["undetermined"], behind);
    let why = acsctl(&[&asked[..], &[&alone]].concat());
    assert_fails(&why, 1, "so they share a group");
    assert!(!String::from_utf8_lossy(&why.stdout).contains("different groups"));
    let plan = json(&["plan", "10000:e1:00.0", "--topology", &alone]);
    assert_eq!(plan["outcome"], "not-known");
    let two = [
        volume("0000:00:0e.0", "8086:201d"),
        volume("0000:80:05.0", "8086:201d"),
        function("0000:80:00.0", "0600", "8086:2020", ""),
    ];
    let one = [volume("0000:00:0e.0", "8086:201d")];
    for (name, volumes, perhaps) in [
        ("two", &two[..], &["0000:00:0e.0", "0000:80:05.0"][..]),
        ("one", &one[..], &[]),
    ] {
        let (why, file) = of(&format!("vmd-{name}"), volumes);
        assert_eq!(why["together"], true, "{name}");
        let plan = json(&["plan", "10000:e1:00.0", "--topology", &file]);
        if perhaps.is_empty() {
            // The control.
            assert_eq!(why["open"], Value::Null, "{name}");
            assert_ne!(plan["outcome"], "not-known", "{name}");
            continue;
        }
        assert_eq!(
            why["open"]["perhaps_with"],
            serde_json::json!(perhaps),
            "{name}"
        );
        assert_eq!(
            why["open"]["certainly_with"].as_array().map(Vec::len),
            Some(3),
            "{name}"
        );
        assert_eq!(plan["outcome"], "not-known", "{name}");
    }
}

/// Without function 0, the kernel finds no other function of a device.
#[test]
fn a_missing_function_0_hides_the_group() {
    let card = |at: &str, details: &str| {
        let details = format!("{details}{}", express("Endpoint"));
        function(at, "0403", "10de:1aef", &details)
    };
    let whole = port("8086:2f02", &acs('+'));
    let undetermined = |name: &str, text: &str| {
        let file = file(name, text);
        let value = json(&["predict", "--topology", &file])["undetermined"].clone();
        (value, file)
    };
    let audio = serde_json::json!(["0000:01:00.1"]);
    let lacking = format!("{whole}{}", card("01:00.1", ""));
    let (hidden, file_of) = undetermined("function-0", &lacking);
    assert_eq!(hidden, audio);
    let why = acsctl(&["why", "01:00.1", "--topology", &file_of]);
    assert_fails(
        &why,
        1,
        "function 0 of the device of 0000:01:00.1 is not in the input",
    );
    assert!(!String::from_utf8_lossy(&why.stdout).contains("of its own"));
    // The same with the groups that the kernel made.
    let (port, card_1) = (
        port("8086:2f02", &format!("{}{}", acs('+'), group(1))),
        card("01:00.1", &group(2)),
    );
    let (hidden, file_of) = undetermined("function-0-groups", &format!("{port}{card_1}"));
    assert_eq!(hidden, audio);
    let why = acsctl(&["why", "01:00.1", "--topology", &file_of]);
    assert!(!String::from_utf8_lossy(&why.stdout).contains("of its own"));
    let listed = json(&["groups", "--topology", &file_of]);
    assert_eq!(listed["undetermined"], audio);
    // The controls: function 0 is there, and a function that is isolated by its registers.
    let both = format!("{whole}{}{}", card("01:00.0", ""), card("01:00.1", ""));
    assert_eq!(
        undetermined("function-0-there", &both).0,
        serde_json::json!([])
    );
    let isolated = format!("{whole}{}", card("01:00.1", &acs('+')));
    assert_eq!(
        undetermined("function-0-acs", &isolated).0,
        serde_json::json!([])
    );
}

/// A mark that lines were left out stands for functions, and a text without the first function of the machine is a part of it.
#[test]
fn functions_that_may_be_left_out_are_an_assumption() {
    let host = function("00:00.0", "0600", "8086:3e1f", "");
    let ask = |name: &str, details: &str, host: &str, mark: &str| {
        let details = format!("{details}{}", express("Endpoint"));
        let card = function("01:00.0", "0300", "10de:2204", &details);
        let port = port(
            "8086:2f02",
            &format!("{details}{}", acs('+')).replace(&express("Endpoint"), ""),
        );
        let other = function("02:00.0", "0200", "8086:10d3", "");
        let file = file(name, &format!("{host}{port}{card}{mark}{other}"));
        let why = acsctl(&["why", "01:00.0", "--topology", &file]);
        let plan = json(&["plan", "01:00.0", "--topology", &file]);
        (line(&printed(&why)), plan["outcome"].clone())
    };
    let holds = "It would have a group of its own. This holds only with the assumptions below.";
    let missing = "other functions of its device may be missing";
    let marked = "<output truncated>\n\n";
    for (name, host, mark) in [("mark", host.as_str(), marked), ("part", "", "")] {
        let (why, plan) = ask(&format!("left-{name}"), "", host, mark);
        assert!(why.contains(holds) && why.contains(missing), "{why}");
        assert_eq!(plan, "not-known", "{name}");
    }
    // The kernel's own group may have more members than the text shows.
    let (why, _) = ask("left-group", &group(7), &host, marked);
    assert!(!why.contains("It has a group of its own"), "{why}");
    // The control.
    let (why, plan) = ask("left-none", "", &host, "");
    assert!(!why.contains(missing), "{why}");
    assert_eq!(plan, "possible");
}

/// The input has groups, and not that of the function.
#[test]
fn a_group_that_the_input_lacks_is_named() {
    let card = |at: &str, details: &str| {
        let details = format!("{details}{}", express("Endpoint"));
        function(at, "0403", "10de:1aef", &details)
    };
    let machine = |lost: &str| {
        let (port, one) = (port("8086:2f02", &group(1)), card("01:00.0", lost));
        format!("{port}{one}{}", card("01:00.1", &group(1)))
    };
    let why = |name: &str, at: &str, lost: &str| {
        let file = file(name, &machine(lost));
        line(&printed(&acsctl(&["why", at, "--topology", &file])))
    };
    for at in ["01:00.0", "01:00.1"] {
        let text = why("lost", at, "");
        assert!(
            text.contains("The input does not show the group of 0000:01:00.0."),
            "{text}"
        );
        assert!(!text.contains("there is no IOMMU"), "{text}");
        let text = why("not-lost", at, &group(1));
        assert!(!text.contains("does not show the group"), "{text}");
    }
}

/// A function that sleeps or hangs shows nothing to root either.
#[test]
fn a_function_that_does_not_answer_must_be_woken() {
    let card = |at: &str| function(at, "0403", "10de:1aef", &express("Endpoint"));
    let silent = |at: &str, class: &str, ids: &str| {
        format!(
            "{at} Some class [{class}]: Some device [{ids}] (rev ff) (prog-if ff)\n\
             \t!!! Unknown header type 7f\n\tKernel driver in use: vfio-pci\n\n"
        )
    };
    let ask = |name: &str, text: &str, command: &str| {
        let output = acsctl(&[command, "01:00.0", "--topology", &file(name, text)]);
        line(&String::from_utf8_lossy(&output.stdout))
    };
    let asleep = format!(
        "{}{}{}",
        port("8086:2f02", &acs('+')),
        silent("01:00.0", "0300", "10de:2204"),
        card("01:00.1")
    );
    let text = ask("asleep", &asleep, "why");
    assert!(text.contains("Wake 0000:01:00.0, or reset it"), "{text}");
    assert!(!text.contains("Capture this machine as root"), "{text}");
    let text = ask("asleep", &asleep, "plan");
    assert!(
        text.contains("wake or reset 0000:01:00.0, which did not answer"),
        "{text}"
    );
    let bridge = format!(
        "{}{}",
        silent("00:01.0", "0604", "8086:2f02"),
        card("01:00.0")
    );
    let text = ask("asleep-bridge", &bridge, "why");
    assert!(
        text.contains("Wake 0000:00:01.0, which did not answer"),
        "{text}"
    );
    // The control: all answer.
    let awake = format!(
        "{}{}{}",
        port("8086:2f02", &acs('+')),
        card("01:00.0"),
        card("01:00.1")
    );
    for command in ["why", "plan"] {
        let text = ask("awake", &awake, command);
        assert!(
            !text.contains("Wake ") && !text.contains("wake or"),
            "{text}"
        );
    }
}

/// A list of groups that ends within the line of a function may lack more functions of its group: no member of the group is alone.
#[test]
fn a_list_that_ends_within_a_line_does_not_show_its_last_group() {
    const LIST: &str = "\
        IOMMU Group 1:\n\t00:01.0 PCI bridge [0604]: Some Port [1022:1483]\n\
        IOMMU Group 2:\n\t00:02.0 PCI bridge [0604]: Some Port [1022:1483]\n\
        IOMMU Group 3:\n\t01:00.0 PCI bridge [0604]: Some Port [1022:57a4]\n\
        IOMMU Group 4:\n\t02:00.0 PCI bridge [0604]: Some Port [1022:57a4]\n\
        \t03:00.0 USB controller [0c03]: Some Controller [1022:149c]\n";
    let ask = |name: &str, text: &str, at: &str| {
        let output = acsctl(&["why", at, "--topology", &file(name, text)]);
        line(&String::from_utf8_lossy(&output.stdout))
    };
    let (cut, _) = LIST.split_once("roller [1022").expect("it is there");
    for at in ["02:00.0", "03:00.0"] {
        let text = ask("list-cut", cut, at);
        assert!(text.contains("or its group is not known"), "{text}");
        let text = ask("list-whole", LIST, at);
        assert!(
            text.contains("The kernel put it into one group with"),
            "{text}"
        );
    }
    // The group before is complete.
    let text = ask("list-cut-other", cut, "01:00.0");
    assert!(
        text.contains("The kernel put it into a group of its own"),
        "{text}"
    );
}
