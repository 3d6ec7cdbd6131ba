// SPDX-License-Identifier: GPL-2.0-only

//! Findings on captured machines that take a machine of their own, or several files. `rejected/` has the others.

mod common;

use std::{fs, path::Path};

use quirk_data::{
    folder::{self, Scope},
    source::DataFile,
};
use topology::{Acs, Bdf, Function, Hex, Port, Subsystem, Topology};

use common::{scratch, tests};

const TOGETHER: &str = r#"[["0000:01:00.0", "0000:01:00.1"]]"#;
const APART: &str = r#"[["0000:01:00.0"], ["0000:01:00.1"]]"#;
const CANDIDATE: &str = "status = \"candidate\"\nreason = \"So.\"\nkind = \"mf-endpoint\"";
const VALIDATED: &str = "status = \"validated\"\nkind = \"mf-endpoint\"";

/// A root port with ACS, and below it the two functions acee:0900 and acee:0901, in one group.
fn machine() -> Topology {
    let capture = tests().join("accepted/acme/nic.capture.json");
    let mut machine = topology::read(&capture).expect("it is a capture");
    for (function, device) in machine.functions[1..].iter_mut().zip([0x0900, 0x0901]) {
        function.device = Some(Hex::id(device));
    }
    machine
}

/// The machine with a change.
fn with(change: impl FnOnce(&mut Topology)) -> Topology {
    let mut machine = machine();
    change(&mut machine);
    machine
}

fn bdf(text: &str) -> Bdf {
    text.parse().expect("it is an address")
}

/// The file of an entry with this status and kind for both functions, with more keys of its `[[match]]` and sections
/// after it.
fn file(folder: &Path, name: &str, number: u16, head: &str, rest: &str) -> DataFile {
    let text = format!(
        "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = {number}\nname = \"Acme X1\"\n{head}\n\
         acs = [\"SV\", \"RR\", \"CR\", \"UF\"]\n[[match]]\nvendor = \"acee\"\ndevices = [\"0900\", \"0901\"]\n{rest}"
    );
    let evidence = "[evidence]\nstatement = \"The endpoints acee:0900 and acee:0901 cannot reach each other.\"\n\
                    stated-by = \"Jo Acme, Acme\"\ndate = 2026-01-31\nsources = [\"https://example.org/x\"]\n";
    DataFile {
        path: folder.join(name).with_extension("toml"),
        name: name.to_owned(),
        text: if head.contains("reason") {
            text
        } else {
            text + evidence
        },
        built_in: false,
    }
}

/// The sections for captured machines, with the groups before and after. Writes the captures.
fn expect(folder: &Path, machines: &[(&Topology, &str, &str)]) -> String {
    let _ = fs::create_dir(folder.join("acme"));
    let sections = machines
        .iter()
        .enumerate()
        .map(|(at, (machine, before, after))| {
            let name = format!("e20.capture-{at}.json");
            let mut capture =
                fs::File::create(folder.join("acme").join(&name)).expect("a new file");
            topology::write(machine, &mut capture).expect("it can be written");
            format!("[[expect]]\ncapture = \"{name}\"\nbefore = {before}\nafter = {after}\n")
        });
    sections.collect()
}

/// The findings on these files: rule, field, problem and help.
fn findings(files: &[DataFile]) -> Vec<String> {
    let found = folder::check(files, Scope::now(None)).err();
    let found = found.into_iter().flatten();
    found
        .map(|one| format!("{}: {}: {}; {}", one.rule, one.field, one.problem, one.help))
        .collect()
}

/// The findings on an entry with these machines alone.
fn of(test: &str, head: &str, more: &str, machines: &[(&Topology, &str, &str)]) -> Vec<String> {
    let folder = scratch(test);
    let rest = format!("{more}{}", expect(&folder, machines));
    findings(&[file(&folder, "acme/e20", 20, head, &rest)])
}

fn has(found: &[String], part: &str) -> bool {
    found.iter().any(|one| one.contains(part))
}

/// Controls: only another function was removed, and nothing was.
#[test]
fn groups_after_a_rescan_are_told_from_wrong_groups() {
    for (regrouped, is_said) in [
        (&["0000:01:00.0", "0000:01:00.1"][..], true),
        (&["0000:00:10.0"], false),
        (&[], false),
    ] {
        let machine = with(|machine| {
            machine.functions[2].iommu_group = Some(2);
            machine.regrouped = regrouped.iter().map(|at| bdf(at)).collect();
        });
        let found = of(
            "replay-rescan",
            CANDIDATE,
            "",
            &[(&machine, TOGETHER, APART)],
        );
        let groups = "the kernel of the captured machine made other groups";
        assert!(has(&found, groups), "{found:?}");
        let cause = format!("{groups}, after functions were removed and rescanned: {APART}");
        assert_eq!(has(&found, &cause), is_said, "{regrouped:?}: {found:?}");
    }
}

/// No entry applies to a virtual function, so its ACS capability does not contradict the entry. Control: a physical one.
#[test]
fn a_virtual_function_may_have_acs() {
    let capability = Acs {
        cap: Some(0),
        ctl: Some(0),
        dword8: None,
    };
    for (physfn, is_found) in [(Some(bdf("0000:01:00.0")), false), (None, true)] {
        let machine = with(|machine| {
            let mut third = machine.functions[2].clone();
            third.bdf = bdf("0000:01:00.2");
            third.acs = Some(capability);
            third.physfn = physfn;
            third.iommu_group = Some(2);
            machine.functions.push(third);
        });
        let found = of(
            "replay-virtual",
            CANDIDATE,
            "",
            &[(&machine, TOGETHER, APART)],
        );
        let finding = "0000:01:00.2 has an ACS capability";
        assert_eq!(has(&found, finding), is_found, "{found:?}");
    }
}

/// Unknown ACS is neither none nor isolation, so groups are not compared. Controls: ACS that is off, and none.
#[test]
fn a_port_above_whose_acs_was_not_read_is_named() {
    let registers = |cap: Option<u16>| Acs {
        cap,
        ctl: cap.and(Some(0)),
        dword8: None,
    };
    let unread = "capture-acs: expect.capture: 0000:00:10.0 was captured without the right to see whether it has ACS";
    let empty = "capture-acs: expect.capture: 0000:00:10.0 has an ACS capability, and was captured without its registers";
    for (acs, acs_known, finding) in [
        (None, false, Some(unread)),
        (Some(registers(None)), true, Some(empty)),
        (Some(registers(Some(0x1f))), true, None),
        (None, true, None),
    ] {
        let machine = with(|machine| {
            machine.functions[0].acs = acs;
            machine.functions[0].acs_known = acs_known;
        });
        let found = of(
            "replay-unread",
            VALIDATED,
            "",
            &[(&machine, TOGETHER, APART)],
        );
        match finding {
            Some(finding) => assert!(found.len() == 1 && has(&found, finding), "{found:?}"),
            None => assert!(
                has(&found, "expect-groups") && !has(&found, "capture-acs"),
                "{found:?}"
            ),
        }
    }
}

/// Groups of a part of the device say nothing of the rest. Controls: the list does not show the rest, and the port
/// alone has none.
#[test]
fn a_device_has_groups_as_a_whole_or_not_at_all() {
    let alone = "[[\"0000:01:00.0\"]]";
    for (at, group_known, groups, is_found) in [
        (2, true, (alone, alone), true),
        (2, false, (TOGETHER, APART), false),
        (0, true, (TOGETHER, APART), false),
    ] {
        let machine = with(|machine| {
            machine.functions[at].iommu_group = None;
            machine.functions[at].group_known = group_known;
        });
        let (before, after) = groups;
        let found = of("replay-part", CANDIDATE, "", &[(&machine, before, after)]);
        let finding = "capture-acs: expect.capture: it has the IOMMU groups of other functions, and none of 0000:01:00.1,";
        assert_eq!(has(&found, finding), is_found, "{at}: {found:?}");
    }
}

/// What keeps the device together whatever the entry says. Controls: a port with ACS that is off gets no entry, and
/// functions alone in their groups are kept together by nothing.
#[test]
fn what_is_above_the_device_is_named_with_its_remedy() {
    let all = "[[\"0000:00:10.0\", \"0000:01:00.0\", \"0000:01:00.1\"]]";
    let alone = "[[\"0000:01:00.0\"]]";
    let mut without = machine();
    without.functions[0].acs = None;
    let mut off = machine();
    off.functions[0].acs.as_mut().expect("it has ACS").ctl = Some(0);
    for machine in [&mut without, &mut off] {
        for function in &mut machine.functions {
            function.iommu_group = Some(0);
        }
    }
    let single = with(|machine| machine.functions.truncate(2));
    let named = "splits no group of any captured machine: 0000:01:00.0: 0000:00:10.0 above it is not isolated, and keeps its \
                 functions together; ";
    let draft = "draft an entry for 0000:00:10.0 first, or ";
    let elsewhere = "capture the device in another slot or machine";
    for (machine, groups, help) in [
        (&without, all, format!("{named}{draft}{elsewhere}")),
        (&off, all, format!("{named}{elsewhere}")),
        (
            &single,
            alone,
            "splits no group of any captured machine; add a capture".to_owned(),
        ),
    ] {
        let found = of("replay-above", VALIDATED, "", &[(machine, groups, groups)]);
        assert!(found.len() == 1 && has(&found, &help), "{found:?}");
    }
}

/// What an entry must split has the flags as its remedy, and not the groups that it is refused with. Control: a candidate
/// may expect them.
#[test]
fn the_missing_flags_are_the_remedy() {
    for (head, may_stay) in [(VALIDATED, false), (CANDIDATE, true)] {
        let folder = scratch("replay-flags");
        let rest = expect(&folder, &[(&machine(), TOGETHER, APART)]);
        let mut claim = file(&folder, "acme/e20", 20, head, &rest);
        claim.text = claim.text.replace("\"SV\", \"RR\", ", "");
        let found = findings(&[claim]);
        let remedy = "; add SV RR to acs, if the statement covers that";
        assert!(has(&found, remedy), "{found:?}");
        assert_eq!(has(&found, "or write what it makes"), may_stay, "{found:?}");
    }
}

/// Controls: the subsystem is another one, and the entry has no such limit.
#[test]
fn a_property_that_the_capture_does_not_show_is_named() {
    let without = machine();
    let other = with(|machine| {
        for function in &mut machine.functions[1..] {
            function.subsystem = Some(Subsystem {
                vendor: 0x1028,
                device: 2,
            });
        }
    });
    let limits = "subsystems = [\"1028:0001\"]\n";
    for (machine, limits, is_unseen, is_refused) in [
        (&without, limits, true, true),
        (&other, limits, false, true),
        (&without, "", false, false),
    ] {
        let found = of(
            "replay-subsystem",
            CANDIDATE,
            limits,
            &[(machine, TOGETHER, APART)],
        );
        let unseen = "the capture does not show the subsystem of 0000:01:00.0, by which the entry is limited";
        assert_eq!(has(&found, unseen), is_unseen, "{found:?}");
        assert_eq!(has(&found, "expect-groups"), is_refused, "{found:?}");
    }
}

/// Each difference of the groups has its words; the reason why functions stay together is none for one that is missing.
#[test]
fn the_difference_of_the_groups_is_named() {
    let first = "[[\"0000:01:00.0\"]]";
    let port = "[[\"0000:00:10.0\"], [\"0000:01:00.0\"], [\"0000:01:00.1\"]]";
    for (before, after, words) in [
        (
            TOGETHER,
            first,
            "expect.after: the kernel makes other groups: the list lacks 0000:01:00.1; ",
        ),
        (
            TOGETHER,
            port,
            "expect.after: the kernel makes other groups: no function of the entry shares a group with 0000:00:10.0; ",
        ),
        (
            TOGETHER,
            TOGETHER,
            "expect.after: the kernel makes other groups: 0000:01:00.0 and 0000:01:00.1 are in two groups; ",
        ),
        (
            APART,
            APART,
            "expect.before: the kernel makes other groups: 0000:01:00.0 and 0000:01:00.1 are in one group; ",
        ),
    ] {
        let found = of(
            "replay-difference",
            CANDIDATE,
            "",
            &[(&machine(), before, after)],
        );
        assert!(found.len() == 1 && has(&found, words), "{found:?}");
    }
}

/// A statement without ids, on audio functions of the vendor. It stands against claims for endpoints alone, and for
/// functions of the entry alone; against exact ids there is a finding without a capture.
#[test]
fn a_statement_against_isolation_is_for_claims_of_its_functions() {
    let against = |ids: &str| DataFile {
        path: "acme/against.toml".into(),
        name: "acme/against".to_owned(),
        text: format!(
            "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nname = \"Acme audio\"\nstatus = \"not-isolated\"\n\
             kind = \"mf-endpoint\"\nacs = [\"RR\"]\n[[match]]\nvendor = \"acee\"\ndevices = [\"{ids}\"]\nclass = \"0403\"\n\
             [evidence]\nstatement = \"The audio function reads the others.\"\nstated-by = \"B. Reporter\"\n\
             date = 2026-01-15\nsources = [\"https://example.org/report\"]\n"
        ),
        built_in: false,
    };
    let audio = with(|machine| machine.functions[2].class = Some(Hex(0x04_0300)));
    let beside = with(|machine| {
        let mut audio = Function::new(bdf("0000:00:11.0"), 0xacee, 0x0999);
        audio.class = Some(Hex(0x04_0300));
        audio.pcie_type = Some(Port::from_raw(0x9));
        machine.functions.push(audio);
    });
    let integrated = CANDIDATE.replace("mf-endpoint", "rciep");
    let refused = CANDIDATE.replace("candidate", "rejected");
    for (machine, head, ids, count) in [
        (&audio, CANDIDATE, "any", 1),
        (&audio, &*integrated, "any", 0),
        (&audio, &*refused, "any", 0),
        (&beside, CANDIDATE, "any", 0),
        (&audio, CANDIDATE, "0901", 1),
    ] {
        let folder = scratch("replay-against");
        let rest = expect(&folder, &[(machine, TOGETHER, APART)]);
        let claim = file(&folder, "acme/e20", 20, head, &rest);
        let found = findings(&[claim, against(ids)]);
        let found: Vec<_> = found
            .iter()
            .filter(|one| one.starts_with("refused: "))
            .collect();
        assert_eq!(found.len(), count, "{head}, {ids}: {found:?}");
    }
}

/// The captures of built-in files are not in the program. Control: the same file in a folder.
#[test]
fn a_built_in_entry_is_checked_without_its_captures() {
    let folder = scratch("replay-built-in");
    let sections = "[[expect]]\ncapture = \"absent.json\"\nbefore = [[\"0000:01:00.0\"]]\nafter = [[\"0000:01:00.0\"]]\n";
    let mut claim = file(&folder, "acme/e20", 20, CANDIDATE, sections);
    let found = findings(std::slice::from_ref(&claim));
    assert!(has(&found, "capture-read"), "{found:?}");
    claim.built_in = true;
    assert_eq!(findings(&[claim]), [""; 0]);
}

/// What mainline has merged must split a captured machine too. Control: a candidate need not.
#[test]
fn a_mainline_entry_splits_a_captured_machine() {
    let apart = with(|machine| machine.functions.truncate(2));
    let alone = "[[\"0000:01:00.0\"]]";
    let mainline = VALIDATED.replace("validated", "mainline");
    let section = "[mainline]\nsince = \"v5.8\"\nhandler = \"pci_quirk_acme_acs\"\n";
    for (head, more, is_found) in [(&*mainline, section, true), (CANDIDATE, "", false)] {
        let found = of("replay-mainline", head, more, &[(&apart, alone, alone)]);
        assert_eq!(has(&found, "expect-split"), is_found, "{head}: {found:?}");
    }
}

/// One machine that the entry splits suffices, wherever it stands. Control: none.
#[test]
fn another_machine_may_be_beyond_the_limits() {
    let within = machine();
    let beyond = with(|machine| {
        for function in &mut machine.functions[1..] {
            function.revision = Some(Hex(0x07));
        }
    });
    let limits = "revisions = \"01-03\"\n";
    let (splits, stays) = ((&within, TOGETHER, APART), (&beyond, TOGETHER, TOGETHER));
    for machines in [[splits, stays], [stays, splits]] {
        assert_eq!(of("replay-beyond", VALIDATED, limits, &machines), [""; 0]);
    }
    let found = of("replay-beyond-alone", VALIDATED, limits, &[stays]);
    let cause =
        "expect-split: expect: the entry splits no group of any captured machine: 0000:01:00.0: ";
    assert!(has(&found, cause), "{found:?}");
}

/// What is below a port is not of the entry and leaves the port's group.
#[test]
fn the_groups_after_are_those_of_all_functions_of_the_groups_before() {
    let machine = with(|machine| {
        machine.functions.truncate(2);
        let [port, below] = &mut machine.functions[..] else {
            panic!("two functions");
        };
        port.vendor = Hex::id(0xacee);
        port.device = Some(Hex::id(0x0900));
        port.acs = None;
        below.device = Some(Hex::id(0x0777));
        below.multifunction = Some(false);
        (port.iommu_group, below.iommu_group) = (Some(0), Some(0));
    });
    let ports = CANDIDATE.replace("mf-endpoint", "root-port");
    let before = "[[\"0000:00:10.0\", \"0000:01:00.0\"]]";
    let after = "[[\"0000:00:10.0\"], [\"0000:01:00.0\"]]";
    assert_eq!(
        of("replay-port", &ports, "", &[(&machine, before, after)]),
        [""; 0]
    );
}

/// Without groups, the kernel had no IOMMU and enabled no ACS. Control: with groups, what is off stays off.
#[test]
fn a_capture_without_groups_counts_as_one_with_an_iommu() {
    let off = |has_groups: bool| {
        with(|machine| {
            machine.functions[0].acs.as_mut().expect("it has ACS").ctl = Some(0);
            for function in &mut machine.functions {
                function.iommu_group = function.iommu_group.filter(|_| has_groups);
            }
        })
    };
    let found = |has_groups| {
        of(
            "replay-off",
            CANDIDATE,
            "",
            &[(&off(has_groups), TOGETHER, APART)],
        )
    };
    assert_eq!(found(false), [""; 0]);
    assert!(has(&found(true), "expect-groups"), "{:?}", found(true));
}

/// The help on the groups of an entry that replaces another one: while mainline has the old quirk, nothing else can help.
/// Controls: mainline has removed it, or never had it.
#[test]
fn the_quirk_of_a_replaced_entry_is_named_while_mainline_has_it() {
    let section = "[mainline]\nsince = \"v5.8\"\nhandler = \"pci_quirk_acme_acs\"\n";
    let removed = section.replace("\nhandler", "\nuntil = \"v5.9\"\nhandler");
    for (mainline, is_held) in [(section, true), (&*removed, false), ("", false)] {
        let folder = scratch("replay-replaced");
        // With the quirk, they are apart before; without it, the entry splits them.
        let rest = expect(&folder, &[(&machine(), TOGETHER, TOGETHER)]);
        let new = file(&folder, "acme/e20", 20, CANDIDATE, &rest);
        let head = "status = \"withdrawn\"\nreason = \"So.\"\nreplaced-by = \"acme/e20\"\nkind = \"mf-endpoint\"";
        let old = file(&folder, "acme/e21", 21, head, mainline);
        let found = findings(&[new, old]);
        let help = "; when mainline has removed the quirk of acme/e21, add until";
        assert_eq!(has(&found, help), is_held, "{found:?}");
        let other = "; correct the entry, or write what it makes: ";
        assert_eq!(has(&found, other), !is_held, "{found:?}");
        let cause = "expect.before: the kernel makes other groups: 0000:01:00.0: the kernel's pci_quirk_acme_acs (acme/e21) answers \
                     \"isolated\" for it";
        assert_eq!(has(&found, cause), is_held, "{found:?}");
    }
}

/// With ARI, a function of the same device may have another slot number. It decides, so it belongs into the capture,
/// although the groups before are the same without it. Control: on another bus, it is beyond the device.
#[test]
fn a_function_that_decides_after_alone_belongs_into_the_capture() {
    for (at, groups, is_beyond) in [
        ("0000:01:01.0", TOGETHER, false),
        ("0000:00:11.0", APART, true),
    ] {
        let machine = with(|machine| {
            let mut other = machine.functions[2].clone();
            other.bdf = bdf(at);
            other.device = Some(Hex::id(0x0999));
            other.iommu_group = Some(2);
            machine.functions.push(other);
        });
        let found = of("replay-ari", CANDIDATE, "", &[(&machine, TOGETHER, groups)]);
        assert_eq!(has(&found, "capture-beyond"), is_beyond, "{found:?}");
        assert!(!has(&found, "expect-groups"), "{found:?}");
    }
}

/// JSON may begin with blanks, and not with a mark of UTF-16.
#[test]
fn the_first_bytes_of_a_capture_tell_what_it_is() {
    let utf16 = |text: &str, of: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let marked = std::iter::once(0xfeff).chain(text.encode_utf16());
        marked.flat_map(of).collect()
    };
    let folder = scratch("replay-bytes");
    let claim = file(
        &folder,
        "acme/e20",
        20,
        CANDIDATE,
        &expect(&folder, &[(&machine(), TOGETHER, APART)]),
    );
    let capture = folder.join("acme/e20.capture-0.json");
    let text = fs::read_to_string(&capture).expect("it was written");
    for (bytes, finding) in [
        (
            utf16(&text, u16::to_le_bytes),
            Some("begins with a byte order mark"),
        ),
        (
            utf16(&text, u16::to_be_bytes),
            Some("begins with a byte order mark"),
        ),
        (format!("\n {text}").into_bytes(), None),
    ] {
        fs::write(&capture, bytes).expect("it is the test's own");
        let found = findings(std::slice::from_ref(&claim));
        match finding {
            Some(finding) => assert!(has(&found, finding), "{found:?}"),
            None => assert_eq!(found, [""; 0]),
        }
    }
}
