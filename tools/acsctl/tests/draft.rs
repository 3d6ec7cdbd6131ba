// SPDX-License-Identifier: GPL-2.0-only

//! Drafts of entries: their content, the devices that cannot have one, and how answering the
//! questions turns a draft into an entry.

mod common;

use std::{fs, path::Path, process::Command};

use quirk_data::{
    draft::{self, Draft, Refused},
    entry::{Entry, Status},
    folder::{self, Scope},
    limits::Limits,
    source::{self, DataFile, Sources},
};
use rules::limits::Class;
use topology::{Acs, Bdf, Function, Header, Hex, Port, Sriov, Subsystem, Topology};

use common::{
    facts::{adapter, bdf, function, sound},
    machines, root, scratch, tests,
};

/// As the command, with the name that the capture gets where no file exists.
fn draft(
    machine: &Topology,
    at: Bdf,
    name: Option<&str>,
    entries: &[Entry],
) -> Result<(String, Draft), Refused> {
    let used = entries.iter().map(|entry| entry.number).max();
    let free = used.unwrap_or(0) + 1;
    draft::draft(machine, at, name, entries, free, |name| {
        let family = name.rsplit('/').next().unwrap_or_default();
        format!("{family}.capture.json")
    })
}

/// The text of a draft for a device that no entry lists.
#[track_caller]
fn text(draft: &Draft) -> &str {
    draft.data.as_deref().expect("no entry lists the device")
}

fn data() -> Vec<Entry> {
    folder::load(&root().join("quirks"), Scope::now(None)).expect("the data has no fault")
}

#[track_caller]
fn assert_refused(machine: &Topology, at: &str, why: &str) {
    let refused = draft(machine, bdf(at), None, &data()).expect_err("no draft");
    assert!(refused.to_string().contains(why), "{refused}");
}

/// A vendor's answers to the questions of a draft for this machine.
fn answered(text: &str) -> String {
    let value = |line: &str, key: &str| {
        let value = line.strip_prefix(key)?.strip_prefix(" = ")?;
        Some(value.replace(['"', '[', ']'], ""))
    };
    let (mut nouns, mut vendor, mut ids) = (Vec::new(), String::new(), Vec::new());
    for line in text.lines() {
        let kinds = value(line, "kind");
        nouns.extend(
            kinds
                .iter()
                .flat_map(|kinds| kinds.split(", "))
                .map(|kind| match kind {
                    "root-port" => "root ports",
                    "downstream-port" => "downstream ports",
                    "rciep" => "root complex integrated endpoints",
                    _ => "endpoints",
                }),
        );
        vendor = value(line, "vendor").unwrap_or(vendor);
        let devices = value(line, "devices");
        let devices = devices.iter().flat_map(|devices| devices.split(", "));
        ids.extend(devices.map(|device| format!("{vendor}:{device}")));
    }
    let (nouns, ids) = (nouns.join(" and the "), ids.join(", "));
    let statement = format!("statement = \"The {nouns} {ids} cannot reach each other.\"");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        *line = match line.split(" = ").next().unwrap_or_default() {
            "name" => "name = \"Acme X1\"".to_owned(),
            "about" => "about = \"the functions of an adapter\"".to_owned(),
            "acs" => "acs = [\"SV\", \"RR\", \"CR\", \"UF\"]".to_owned(),
            "statement" => statement.clone(),
            "stated-by" => "stated-by = \"Jo Acme, Acme\"".to_owned(),
            "# date" => "date = 2026-01-31".to_owned(),
            "sources" => "sources = [\"https://example.org/x1\"]".to_owned(),
            _ => continue,
        };
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_draft_becomes_an_entry_by_its_answers_and_not_without() {
    let folder = scratch("draft");
    let (name, draft) =
        draft(&adapter(), bdf("0000:01:00.1"), Some("acme/x1"), &data()).expect("a draft");
    fs::create_dir(folder.join("acme")).expect("the folder is the test's own");
    let mut capture = fs::File::create(folder.join("acme/x1.capture.json")).expect("it is new");
    topology::write(&draft.capture, &mut capture).expect("it can be written");
    let check = |text: String| {
        let path = folder.join("acme/x1.toml");
        let file = DataFile {
            path,
            name: name.clone(),
            text,
            built_in: false,
        };
        let sources = Sources {
            files: vec![file],
            findings: vec![],
            ..Sources::default()
        };
        folder::check_all(sources, Scope::now(None))
    };
    let found = check(text(&draft).to_owned()).expect_err("its questions are not answered");
    let codes: Vec<_> = found.iter().map(|finding| finding.rule.code()).collect();
    assert_eq!(
        codes.iter().filter(|code| **code == "unanswered").count(),
        4,
        "{codes:?}"
    );
    // A question is not read as a statement.
    assert!(
        !codes.iter().any(|code| code.starts_with("statement-")),
        "{codes:?}"
    );

    let entries = check(answered(text(&draft))).expect("every question is answered");
    assert_eq!(entries.len(), 1);
    let ids: Vec<_> = entries[0].ids().map(ToString::to_string).collect();
    assert_eq!(ids, ["acee:0100", "acee:0120"]);

    // Controls: with an id or a flag missing, the entry splits nothing.
    for (from, to) in [
        ("\"0100\", \"0120\"", "\"0100\""),
        ("\"SV\", \"RR\", \"CR\", \"UF\"", "\"SV\", \"RR\", \"CR\""),
    ] {
        assert!(answered(text(&draft)).contains(from));
        let fewer = answered(&text(&draft).replace(from, to)).replace(from, to);
        let found = check(fewer).expect_err("it splits nothing");
        let codes: Vec<_> = found.iter().map(|one| one.rule.code()).collect();
        assert!(codes.contains(&"expect-groups"), "{codes:?}");
    }
}

/// Devices below ports do not stay together. A port with the same id in another slot is also one of
/// the entry's functions.
#[test]
fn the_groups_of_a_draft_are_those_that_the_check_computes() {
    let (mut tried, known) = (0, data());
    for machine in machines(&root().join("tests/topologies")) {
        for function in &machine.functions {
            let named = draft(&machine, function.bdf, None, &known);
            let Ok((name, draft)) = named else {
                continue;
            };
            let Some(data) = draft.data else { continue };
            tried += 1;
            let folder = scratch("groups");
            let path = folder.join(name).with_extension("toml");
            fs::create_dir(path.parent().expect("a vendor's folder"))
                .expect("it is the test's own");
            fs::write(&path, answered(&data)).expect("it is the test's own");
            let mut capture = Vec::new();
            topology::write(&draft.capture, &mut capture).expect("it can be written");
            let beside = path.with_extension("capture.json");
            fs::write(beside, capture).expect("it is the test's own");
            let mut sources = source::read(&root().join("quirks")).expect("it can be read");
            sources.add(&path).expect("it can be read");
            let found = folder::check_all(sources, Scope::now(None)).err();
            // A statement against the isolation of such functions may be on record. The draft says so.
            let (against, found): (Vec<_>, Vec<_>) = found
                .into_iter()
                .flatten()
                .partition(|one| one.rule.code() == "refused");
            let is_stated = data.contains("a statement against the");
            assert_eq!(!against.is_empty(), is_stated, "{against:?}: {data}");
            assert_eq!(found, [], "{}: {data}", function.bdf);
        }
    }
    assert!(tried > 3, "{tried}");
}

#[test]
fn ids_are_gathered_into_ranges_and_kinds_into_a_list() {
    let mut machine = adapter();
    function(&mut machine, "0000:01:00.0").device = Some(Hex::id(0x0121));
    function(&mut machine, "0000:01:00.1").pcie_type = Some(Port::from_raw(0x1));
    let (name, draft) = draft(&machine, bdf("0000:01:00.0"), None, &data()).expect("a draft");
    assert_eq!(name, "acee/0121");
    let data = text(&draft);
    assert!(data.contains("devices = [\"0120-0121\"]"), "{data}");
    assert!(data.contains("kind = \"mf-endpoint\""), "{data}");
}

/// An entry for a physical function has an effect on what its virtual functions reach. Control: a device without them.
#[test]
fn a_draft_asks_whether_the_statement_covers_virtual_functions() {
    let asked = |machine: &Topology| {
        let (_, draft) = draft(machine, bdf("0000:01:00.0"), None, &data()).expect("a draft");
        let data = text(&draft);
        for text in [
            "# - Can a function reach the registers",
            "as endpoints, and no others?",
        ] {
            assert!(data.contains(text), "{data}");
        }
        assert!(!data.contains("port forward"), "{data}");
        data.contains("# - Does the statement hold for the virtual functions (acee:0a02) too")
    };
    let mut machine = adapter();
    assert!(!asked(&machine));
    function(&mut machine, "0000:01:00.1").sriov = Some(Sriov {
        total_vfs: 8,
        num_vfs: 0,
        offset: 128,
        stride: 2,
        vf_device: Hex::id(0x0a02),
    });
    assert!(asked(&machine));
}

#[test]
fn the_folder_is_named_after_the_vendor() {
    let mut machine = adapter();
    for at in ["0000:01:00.0", "0000:01:00.1"] {
        function(&mut machine, at).vendor = Hex::id(0x14e4);
    }
    let (name, _) = draft(&machine, bdf("0000:01:00.0"), None, &data()).expect("a draft");
    assert_eq!(name, "broadcom/0100");
}

#[test]
fn a_draft_supersedes_the_catch_all_that_rejects_it() {
    let mut machine = adapter();
    for at in ["0000:01:00.0", "0000:01:00.1"] {
        function(&mut machine, at).vendor = Hex::id(0x8088);
        function(&mut machine, at).device = Some(Hex::id(0x0a99));
    }
    let (_, draft) = draft(&machine, bdf("0000:01:00.0"), None, &data()).expect("a draft");
    let data = text(&draft);
    assert!(data.contains("supersedes = \"wangxun\""), "{data}");
}

#[test]
fn the_capture_contains_only_the_device() {
    let mut machine = adapter();
    machine.model = Some("Somebody's host".to_owned());
    let mut other = Function::new(bdf("0000:05:00.0"), 0x1234, 0x5678);
    other.iommu_group = Some(9);
    machine.functions.push(other);
    let (_, draft) = draft(&machine, bdf("0000:01:00.0"), None, &data()).expect("a draft");
    assert_eq!(draft.capture.model, None);
    let kept: Vec<_> = draft
        .capture
        .functions
        .iter()
        .map(|one| one.bdf.to_string())
        .collect();
    assert_eq!(kept, ["0000:00:10.0", "0000:01:00.0", "0000:01:00.1"]);
}

/// Root ports of several slots, each with another id: the draft has them all, because an entry for one splits
/// nothing.
#[test]
fn a_draft_of_a_port_has_the_other_ports_of_its_bus() {
    let port = |slot: u8, device: u16| {
        let mut port = Function::new(bdf(&format!("0000:00:{slot:02x}.0")), 0x1f0a, device);
        port.header = Header::Bridge;
        port.pcie_type = Some(Port::from_raw(0x4));
        (port.primary, port.secondary, port.subordinate) = (Some(0), Some(slot), Some(slot));
        port
    };
    let below = |bus: u8| {
        let mut below = Function::new(bdf(&format!("0000:{bus:02x}:00.0")), 0x1234, 0x5678);
        below.pcie_type = Some(Port::from_raw(0x0));
        below
    };
    let mut machine = Topology {
        functions: vec![port(1, 0x0300), port(2, 0x0305), below(1), below(2)],
        ..adapter()
    };
    let (_, of_both) = draft(&machine, bdf("0000:00:01.0"), None, &data()).expect("a draft");
    let data = text(&of_both);
    assert!(data.contains("devices = [\"0300\", \"0305\"]"), "{data}");
    // Its questions are those on ports.
    for (text, is_asked) in [
        ("# - Can a request or completion from below one port", true),
        ("# - Does a port turn a request from below around", true),
        (
            "# - Does a port pass a request from below whose requester ID",
            true,
        ),
        (
            "QUESTION: in the vendor's words: does each port forward",
            true,
        ),
        ("as root ports, and no others?", true),
        ("between the functions", false),
        ("virtual functions", false),
    ] {
        assert_eq!(data.contains(text), is_asked, "{data}");
    }
    // Control: a port of another vendor is no part of it, and then nothing would be split.
    function(&mut machine, "0000:00:02.0").vendor = Hex::id(0x1f0b);
    assert_refused(&machine, "0000:00:01.0", "0000:00:02.0");
}

#[test]
fn devices_that_an_entry_cannot_help_are_refused_with_the_reason() {
    let sound = adapter();
    assert_refused(&sound, "0000:01:00.7", "there is no such function");
    assert_refused(&sound, "0000:00:10.0", "has an ACS capability");

    let mut machine = sound.clone();
    function(&mut machine, "0000:01:00.1").acs = Some(Acs {
        cap: Some(0),
        ctl: Some(0),
        dword8: None,
    });
    assert_refused(
        &machine,
        "0000:01:00.0",
        "0000:01:00.1: it has an ACS capability",
    );

    let mut machine = sound.clone();
    function(&mut machine, "0000:01:00.1").acs_known = false;
    assert_refused(&machine, "0000:01:00.0", "as root");

    let mut machine = sound.clone();
    function(&mut machine, "0000:01:00.1").pcie_type = None;
    assert_refused(&machine, "0000:01:00.0", "conventional PCI");

    let mut machine = sound.clone();
    function(&mut machine, "0000:01:00.1").pcie_type = Some(Port::from_raw(0x7));
    function(&mut machine, "0000:01:00.1").header = Header::Bridge;
    function(&mut machine, "0000:01:00.1").secondary = Some(2);
    assert_refused(
        &machine,
        "0000:01:00.0",
        "no kind of entry for its PCIe type",
    );

    let mut machine = sound.clone();
    machine.functions.pop();
    function(&mut machine, "0000:01:00.0").multifunction = Some(false);
    assert_refused(&machine, "0000:01:00.0", "alone in its slot; if it shares");
    function(&mut machine, "0000:00:10.0").acs = None;
    assert_refused(
        &machine,
        "0000:01:00.0",
        "alone in its slot; it shares its group because 0000:00:10.0 above it is not isolated",
    );

    let mut machine = sound.clone();
    function(&mut machine, "0000:01:00.1").physfn = Some(bdf("0000:01:00.0"));
    assert_refused(&machine, "0000:01:00.1", "a virtual function");

    let mut machine = sound.clone();
    function(&mut machine, "0000:01:00.0").device = None;
    assert_refused(&machine, "0000:01:00.0", "lspci -D -vvvnn");

    // A device of a mainline entry.
    let machine = with_ids(&sound, 0x8086, 0x10fb);
    assert_refused(&machine, "0000:01:00.0", "intel/82599, which is mainline");
}

/// What the check of the entry would refuse after all questions are answered. Control: the whole capture.
#[test]
fn a_capture_that_no_answer_can_mend_gets_no_draft() {
    let sound = adapter();
    assert!(draft(&sound, bdf("0000:01:00.0"), None, &[]).is_ok());

    let mut machine = sound.clone();
    machine.functions.remove(0);
    assert_refused(
        &machine,
        "0000:01:00.0",
        "the bridge that leads to bus 0000:01 is not in it, so the group of 0000:01:00.0 and 1 more",
    );

    let mut machine = sound.clone();
    machine.incomplete = Some(bdf("0000:01:00.1"));
    function(&mut machine, "0000:01:00.1").pcie_type = None;
    assert_refused(&machine, "0000:01:00.0", "ends within 0000:01:00.1");

    let mut machine = sound;
    let acs = function(&mut machine, "0000:00:10.0").acs.as_mut();
    let acs = acs.expect("it has ACS");
    (acs.cap, acs.ctl) = (None, None);
    assert_refused(
        &machine,
        "0000:01:00.0",
        "0000:00:10.0 has an ACS capability, and was captured without its registers",
    );
}

/// The machine with these ids for both functions of the adapter.
fn with_ids(machine: &Topology, vendor: u16, device: u16) -> Topology {
    let mut machine = machine.clone();
    for at in ["0000:01:00.0", "0000:01:00.1"] {
        function(&mut machine, at).vendor = Hex::id(vendor);
        function(&mut machine, at).device = Some(Hex::id(device));
    }
    machine
}

/// The entry of a device, with these limits.
fn limited(status: Status, limits: Limits) -> Vec<Entry> {
    let mut entries = sound();
    let nic = entries.iter_mut().find(|entry| entry.name == "acme/nic");
    let nic = nic.expect("it is accepted");
    nic.status = status;
    nic.devices[0].limits = limits;
    entries
}

/// Without a change of its limits, the entry splits nothing. Control: limits that the device is within.
#[test]
fn a_device_beyond_the_limits_of_its_entry_stays_together() {
    let machine = adapter();
    let together = "[[\"0000:01:00.0\", \"0000:01:00.1\"]]";
    let class = Limits {
        class: Some(Class::Subclass(0x0403)),
        ..Limits::default()
    };
    let revisions = |first, last| Limits {
        revisions: Some((first, last)),
        ..Limits::default()
    };
    let subsystems = Limits {
        subsystems: vec![(0x1028, 0x0010)],
        ..Limits::default()
    };
    for (limits, is_beyond) in [
        (class, true),
        (revisions(2, 15), true),
        (subsystems, true),
        (revisions(1, 15), false),
    ] {
        for status in [Status::Candidate, Status::Rejected] {
            let entries = limited(status, limits.clone());
            let made = draft(&machine, bdf("0000:01:00.0"), None, &entries);
            let (name, made) = made.unwrap_or_else(|refused| panic!("{refused}"));
            assert_eq!(name, "acme/nic");
            assert_eq!(made.data, None);
            let stays = made.expect.contains(&format!("after = {together}"));
            assert_eq!(stays, is_beyond, "{}", made.expect);
            let notice = made.notices.iter().any(|one| {
                one.contains(" 0000:01:00.0 is beyond the limits of the entry acme/nic (")
            });
            assert_eq!(notice, is_beyond, "{:?}", made.notices);
        }
    }
    // As the check computes it with the limits of the entry.
    for limits in [revisions(2, 15), revisions(1, 15)] {
        let entries = limited(Status::Candidate, limits.clone());
        let (_, made) = draft(&machine, bdf("0000:01:00.0"), None, &entries).expect("a draft");
        let sound = tests().join("accepted/acme/nic.toml");
        let sound = fs::read_to_string(sound).expect("it is there");
        let (entry, _) = sound.split_once("[[expect]]").expect("it has one");
        let limit = format!("\"0120\"]\nrevisions = \"{}\"", &limits.to_string()[10..]);
        let entry = entry.replace("\"0120\"]", &limit);
        let entry = entry.replace("\"validated\"", "\"candidate\"\nreason = \"So.\"");
        let found = checked("beyond", &[("nic", &(entry + &made.expect))], &made);
        assert_eq!(found, [""; 0], "{limits}");
    }
}

/// What the check finds in these data files of the folder `acme`, beside the capture of a draft.
fn checked(scratched: &str, files: &[(&str, &str)], made: &Draft) -> Vec<String> {
    let folder = scratch(scratched);
    fs::create_dir(folder.join("acme")).expect("it is the test's own");
    for (name, text) in files {
        let path = folder.join("acme").join(name).with_extension("toml");
        fs::write(path, text).expect("it is the test's own");
    }
    let (_, name) = made.expect.split_once("capture = \"").expect("it has one");
    let (name, _) = name.split_once('"').expect("it ends");
    let mut capture = fs::File::create(folder.join("acme").join(name)).expect("it is new");
    topology::write(&made.capture, &mut capture).expect("it can be written");
    let sources = source::read(&folder).expect("it is there");
    let found = folder::check_all(sources, Scope::now(None)).err();
    let found = found.into_iter().flatten();
    found.map(|one| one.rule.code().to_owned()).collect()
}

/// A claim that leaves out what a statement against isolation is about may stand beside it: the draft has
/// the limits for that. Controls: the same claim without them; a statement about this very device.
#[test]
fn a_draft_leaves_out_what_a_statement_is_about() {
    const STATEMENT: &str = "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nname = \"Acme silicon\"\n\
        status = \"not-isolated\"\nkind = \"mf-endpoint\"\nacs = [\"RR\"]\n[[match]]\nvendor = \"acee\"\n\
        devices = [\"0100-010f\"]\n[evidence]\nstatement = \"They reach each other.\"\nstated-by = \"Jo\"\n\
        date = 2024-01-01\nsources = [\"https://example.org/acme/against\"]\n";
    let limits = |class, revisions, subsystems: &[(u16, u16)]| Limits {
        class,
        revisions,
        subsystems: subsystems.to_vec(),
    };
    let mut machine = adapter();
    function(&mut machine, "0000:01:00.0").subsystem = Some(Subsystem {
        vendor: 0x1028,
        device: 0x0001,
    });
    for (against, own) in [
        (
            limits(Some(Class::Subclass(0x0403)), None, &[]),
            "class = \"0200\"",
        ),
        (
            limits(Some(Class::Interface(0x02_0001)), None, &[]),
            "class = \"020000\"",
        ),
        (limits(None, Some((2, 15)), &[]), "revisions = \"01-01\""),
        (
            limits(None, None, &[(0x1028, 0x0010)]),
            "subsystems = [\"1028:0001\"]",
        ),
    ] {
        let mut entries = limited(Status::NotIsolated, against.clone());
        entries.retain(|entry| entry.name == "acme/nic");
        entries[0].devices[0].ids.truncate(1);
        let made = draft(&machine, bdf("0000:01:00.0"), Some("acme/x1"), &entries);
        let (_, made) = made.unwrap_or_else(|refused| panic!("{against}: {refused}"));
        let data = text(&made);
        let section = format!("devices = [\"0100\"]\n{own}\n");
        assert!(data.contains(&section), "{section}: {data}");
        // Only the ids of the statement are limited.
        assert!(data.contains("devices = [\"0120\"]\nabout"), "{data}");
        let notice = made.notices.iter().any(|one| {
            one.starts_with(
                "The entry acme/nic has a statement against the isolation of other functions",
            ) && one.contains(&format!("({against})"))
                && one.contains("The limits of this draft leave them out")
        });
        assert!(notice, "{:?}", made.notices);

        let line = {
            let limits = serde_json::to_value(&against).expect("it is JSON");
            let limits = limits.as_object().expect("it has keys").clone();
            let mut keys = limits.iter().filter(|(_, value)| {
                !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty())
            });
            let (key, value) = keys.next().expect("it has one");
            format!("\"0100-010f\"]\n{key} = {value}")
        };
        let statement = STATEMENT.replace("\"0100-010f\"]", &line);
        let claim = answered(data);
        let files = [("against", statement.as_str()), ("x1", &claim)];
        assert_eq!(checked("against", &files, &made), [""; 0], "{claim}");
        let unlimited = claim.replace(&format!("{own}\n"), "");
        let files = [("against", statement.as_str()), ("x1", &unlimited)];
        assert_eq!(checked("against-all", &files, &made), ["refused"], "{own}");
    }
    let entries = limited(Status::NotIsolated, limits(None, Some((1, 15)), &[]));
    let refused = draft(&machine, bdf("0000:01:00.0"), None, &entries);
    let refused = refused
        .expect_err("it is stated of this revision")
        .to_string();
    assert!(refused.contains("not-isolated"), "{refused}");
}

/// Ports and an endpoint of one device have one entry. Each id is claimed for its kind alone, by the class.
#[test]
fn a_draft_of_ports_and_endpoints_tells_them_apart_by_class() {
    let mut machine = adapter();
    machine.functions.clear();
    for (number, device) in [(0, 0x0300), (1, 0x0301)] {
        let mut port = Function::new(bdf(&format!("0000:00:1c.{number}")), 0x1f0a, device);
        port.header = Header::Bridge;
        port.class = Some("060400".parse().expect("a class"));
        port.revision = Some("01".parse().expect("a revision"));
        port.pcie_type = Some(Port::from_raw(0x4));
        let bus = number + 1;
        (port.primary, port.secondary, port.subordinate) = (Some(0), Some(bus), Some(bus));
        let mut below = Function::new(bdf(&format!("0000:{bus:02x}:00.0")), 0x1234, 0x5678);
        below.pcie_type = Some(Port::from_raw(0x0));
        machine.functions.extend([port, below]);
    }
    let mut beside = Function::new(bdf("0000:00:1c.2"), 0x1f0a, 0x0310);
    beside.class = Some("0c0330".parse().expect("a class"));
    beside.revision = Some("01".parse().expect("a revision"));
    beside.pcie_type = Some(Port::from_raw(0x9));
    machine.functions.push(beside);
    machine.functions.sort_by_key(|one| one.bdf);
    let (_, made) = draft(&machine, bdf("0000:00:1c.0"), Some("acme/x1"), &[]).expect("a draft");
    let data = text(&made);
    for section in [
        "devices = [\"0300-0301\"]\nclass = \"0604\"\n",
        "devices = [\"0310\"]\nclass = \"0c03\"\n",
    ] {
        assert!(data.contains(section), "{section}: {data}");
    }
    let both = "The root ports and the root complex integrated endpoints 1f0a:0300-0301, 1f0a:0310 cannot reach";
    let claim = answered(data);
    assert!(claim.contains(both), "{claim}");
    let own = "The root ports 1f0a:0300-0301 and the root complex integrated endpoints 1f0a:0310 cannot reach";
    let claim = claim.replace(both, own);
    assert_eq!(
        checked("mixed", &[("x1", &claim)], &made),
        [""; 0],
        "{claim}"
    );
    // Control: without the classes, what is stated of the ports is claimed of the endpoint too.
    let wide = claim
        .replace("class = \"0604\"\n", "")
        .replace("class = \"0c03\"\n", "");
    let found = checked("mixed-wide", &[("x1", &wide)], &made);
    assert_eq!(found, ["statement-kinds", "statement-kinds"], "{wide}");
}

/// A refused entry or a candidate may get evidence. It keeps its name, and there is no draft that would lose
/// what it has.
#[test]
fn a_device_of_a_refused_entry_gets_no_draft() {
    let machine = with_ids(&adapter(), 0x1077, 0x8030);
    let (name, made) = draft(&machine, bdf("0000:01:00.0"), None, &data()).expect("a capture");
    assert_eq!(name, "qlogic/8030-cna");
    assert_eq!(made.data, None);
    let existing = made.existing.expect("the entry exists");
    assert_eq!((existing.number, existing.status.name()), (2, "rejected"));
    let refused = draft(&machine, bdf("0000:01:00.0"), Some("acme/x1"), &data());
    let refused = refused.expect_err("it has a name").to_string();
    assert!(refused.contains("leave out --name acme/x1"), "{refused}");
}

/// Where the file of the entry is not there, the command writes it as the database has it, with the groups:
/// nothing of it is lost. The check takes it for the newer text of that entry.
#[test]
fn the_command_writes_the_entry_that_lists_the_device() {
    let folder = scratch("listed");
    let machine = with_ids(&adapter(), 0x1077, 0x8030);
    let mut file = fs::File::create(folder.join("host.json")).expect("it is new");
    topology::write(&machine, &mut file).expect("it can be written");
    let new = ["quirk", "new", "01:00.0", "--topology", "host.json"];
    let (status, out, error) = acsctl(&folder, &new);
    assert_eq!(status, Some(0), "{error}");
    assert!(
        out.contains("qlogic/8030-cna.toml: the entry that the database has, number 2,"),
        "{out}"
    );
    let written = fs::read_to_string(folder.join("qlogic/8030-cna.toml")).expect("it is written");
    let entry =
        fs::read_to_string(root().join("quirks/qlogic/8030-cna.toml")).expect("it is there");
    let rest = written
        .strip_prefix(&entry)
        .expect("it begins with the entry");
    assert!(
        rest.starts_with("\n[[expect]]\ncapture = \"8030-cna.capture.json\""),
        "{rest}"
    );
    let check = ["quirk", "check", "qlogic/8030-cna.toml"];
    let (status, out, error) = acsctl(&folder, &check);
    assert_eq!(
        (status, out.as_str()),
        (Some(0), "1 checked, no findings\n"),
        "{error}"
    );
    // Control: under another name, it is another entry for these ids.
    fs::rename(
        folder.join("qlogic/8030-cna.toml"),
        folder.join("qlogic/8030.toml"),
    )
    .expect("both are here");
    let (status, _, error) = acsctl(&folder, &["quirk", "check", "qlogic/8030.toml"]);
    assert_eq!(status, Some(1), "{error}");
    assert!(error.contains("2 was given to qlogic/8030-cna"), "{error}");
}

/// A kernel enables ACS only with an IOMMU.
#[test]
fn the_iommu_of_the_captured_machine_may_be_off() {
    let mut off = adapter();
    for function in &mut off.functions {
        function.iommu_group = None;
    }
    let at = bdf("0000:01:00.0");
    let (_, on) = draft(&off, at, Some("acme/x1"), &data()).expect("a draft");
    assert_eq!(on.notices, [""; 0]);
    function(&mut off, "0000:00:10.0")
        .acs
        .as_mut()
        .expect("it has ACS")
        .ctl = Some(0);
    let (_, made) = draft(&off, at, Some("acme/x1"), &data()).expect("a draft");
    assert_eq!(made.expect, on.expect);
    assert!(
        made.notices[0].contains("its IOMMU was off"),
        "{:?}",
        made.notices
    );
    // The kernel enables what grouping asks for, and no more: SV RR CR UF of SV TB RR CR UF DT.
    let port = made.capture.functions.first().and_then(|port| port.acs);
    assert_eq!(
        port.map(|acs| (acs.cap, acs.ctl)),
        Some((Some(0x5f), Some(0x1d)))
    );
    // Control: with groups, the IOMMU was on, and what is off stays off.
    let mut grouped = off.clone();
    for function in &mut grouped.functions {
        function.iommu_group = Some(1);
    }
    let refused = draft(&grouped, at, Some("acme/x1"), &data()).expect_err("ACS is off above");
    assert!(
        refused
            .to_string()
            .contains("0000:00:10.0 above it is not isolated"),
        "{refused}"
    );
}

/// Groups that only a patched kernel makes are no expectation.
#[test]
fn groups_of_another_kernel_stay_out_of_the_capture() {
    let mut machine = adapter();
    machine.acs_override = Some("multifunction".to_owned());
    for (number, function) in (1..).zip(&mut machine.functions) {
        function.iommu_group = Some(number);
    }
    let (_, made) = draft(&machine, bdf("0000:01:00.0"), None, &data()).expect("a draft");
    let mut groups = made.capture.functions.iter().map(|one| one.iommu_group);
    assert!(groups.all(|group| group.is_none()));
    assert!(
        made.notices[0].contains("pcie_acs_override=multifunction"),
        "{:?}",
        made.notices
    );
}

fn acsctl(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_acsctl"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the command starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Without the source tree, the command uses the built-in entries.
#[test]
fn the_command_writes_both_files_once() {
    let folder = scratch("new");
    let capture = tests().join("accepted/acme/nic.capture.json");
    let capture = capture.to_str().expect("the path is text");
    let arguments = [
        "quirk",
        "new",
        "01:00.0",
        "--topology",
        capture,
        "--name",
        "acme/x1",
    ];
    let (status, out, error) = acsctl(&folder, &arguments);
    assert_eq!(status, Some(0), "{error}");
    assert!(out.contains("acme/x1.toml: the draft"), "{out}");
    let draft = fs::read_to_string(folder.join("acme/x1.toml")).expect("it is there");
    let used = data()
        .iter()
        .map(|entry| entry.number)
        .max()
        .expect("there is data");
    assert!(
        draft.contains(&format!("number = {}\n", used + 1)),
        "{draft}"
    );
    assert!(folder.join("acme/x1.capture.json").is_file());

    // The file that exists is not changed: the capture gets another name, and its section is printed.
    let (status, out, error) = acsctl(&folder, &arguments);
    assert_eq!(status, Some(0), "{error}");
    assert!(
        out.contains("acme/x1.toml: exists, and is unchanged"),
        "{out}"
    );
    assert!(out.contains("capture = \"x1.capture-2.json\""), "{out}");
    fs::remove_file(folder.join("acme/x1.capture-2.json")).expect("the command has written it");
    let again = fs::read_to_string(folder.join("acme/x1.toml")).expect("it is there");
    assert_eq!(again, draft);

    // Check the draft there too, with the built-in entries.
    let (status, _, error) = acsctl(&folder, &["quirk", "check", "acme/x1.toml"]);
    assert_eq!(status, Some(1), "{error}");
    assert!(error.contains("error[unanswered]"), "{error}");
    fs::write(folder.join("acme/x1.toml"), answered(&draft)).expect("it is writable");
    let (status, out, error) = acsctl(&folder, &["quirk", "check", "acme/x1.toml"]);
    assert_eq!(
        (status, out.as_str()),
        (Some(0), "1 checked, no findings\n"),
        "{error}"
    );

    // Another draft gets the next number.
    let another = [&arguments[..6], &["acme/x2"]].concat();
    let (status, _, error) = acsctl(&folder, &another);
    assert_eq!(status, Some(0), "{error}");
    let second = fs::read_to_string(folder.join("acme/x2.toml")).expect("it is there");
    assert!(
        second.contains(&format!("number = {}\n", used + 2)),
        "{second}"
    );

    let (status, _, error) = acsctl(&folder, &["quirk", "new", "82.0"]);
    assert_eq!(status, Some(2), "{error}");
    assert!(error.contains("is not an address"), "{error}");
}

/// An unfinished draft does not prevent another one.
#[test]
fn a_draft_can_be_made_beside_another() {
    let folder = scratch("beside");
    fs::create_dir_all(folder.join("quirks/acme")).expect("it is the test's own");
    let sound = tests().join("accepted/acme/refused.toml");
    fs::copy(sound, folder.join("quirks/acme/refused.toml")).expect("it is the test's own");
    let capture = tests().join("accepted/acme/nic.capture.json");
    let capture = capture.to_str().expect("the path is text");
    for (name, notices) in [("acme/x1", 0), ("acme/x2", 1)] {
        let arguments = [
            "quirk",
            "new",
            "01:00.0",
            "--topology",
            capture,
            "--name",
            name,
        ];
        let (status, out, error) = acsctl(&folder, &arguments);
        assert_eq!(status, Some(0), "{error}");
        assert!(
            out.contains(&format!("quirks/{name}.toml: the draft")),
            "{out}"
        );
        let draft = fs::read_to_string(folder.join(format!("quirks/{name}.toml")));
        let number = format!("number = {}\n", if name == "acme/x1" { 13 } else { 14 });
        let draft = draft.expect("it is there");
        assert!(draft.contains(&number), "{number}: {draft}");
        let notice = "notice: quirks/acme/x1.toml has findings";
        assert_eq!(error.matches(notice).count(), notices, "{error}");
        assert_eq!(error.lines().count(), notices, "{error}");
    }
}
