// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `evidence`: the ids and kinds that a statement must name for an entry to claim them,
//! in each notation, and texts that must not count as a name.

use proptest::prelude::*;
use quirk_data::{
    folder::{self, Scope},
    source::DataFile,
};

/// An entry of a vendor's.
struct Entry<'a> {
    status: &'a str,
    kind: &'a str,
    /// The lines of `[[match]]`.
    matches: &'a str,
    statement: &'a str,
}

const OUR: &str = "[[match]]\nvendor = \"10de\"\ndevices = ";

/// The statement rules that an entry violates, each once.
fn broken(entry: &Entry<'_>, beside: Option<&str>) -> Vec<&'static str> {
    let Entry {
        status,
        kind,
        matches,
        statement,
    } = entry;
    let text = format!(
        "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 1\nname = \"X\"\nstatus = \"{status}\"\n{}kind = {kind}\n\
         acs = [\"SV\", \"RR\", \"CR\", \"UF\"]\n{matches}\n[evidence]\nstatement = '''{statement}'''\n\
         stated-by = \"Jo\"\ndate = 2024-01-01\nsources = [\"https://example.org/x\"]\n\
         [[expect]]\ncapture = \"x.json\"\nbefore = [[\"0000:01:00.0\"]]\nafter = [[\"0000:01:00.0\"]]\n",
        match *status {
            "candidate" => "reason = \"So.\"\n",
            "mainline" => "[mainline]\nsince = \"v5.8\"\nhandler = \"pci_quirk_x\"\n",
            _ => "",
        }
    );
    // Top-level keys precede sections.
    let text = match text.split_once("[mainline]") {
        Some((head, rest)) => {
            let (section, keys) = rest.split_once("kind").expect("it is there");
            format!("{head}kind{keys}[mainline]{section}")
        }
        None => text,
    };
    let file = |number: usize, text: String| DataFile {
        path: format!("nvidia/x{number}.toml").into(),
        name: format!("nvidia/x{number}"),
        text,
        built_in: false,
    };
    let mut files = vec![file(1, text)];
    files.extend(beside.map(|text| file(2, text.to_owned())));
    let found = folder::check(&files, Scope::now(None))
        .err()
        .unwrap_or_default();
    let codes = found.iter().map(|one| {
        let code = one.rule.code();
        // The capture does not exist. It is checked only if there is no other fault.
        let is_ours = code.starts_with("statement-") || code.starts_with("capture-");
        assert!(is_ours, "{one}");
        code
    });
    let mut codes: Vec<_> = codes
        .filter(|code| code.starts_with("statement-"))
        .collect();
    codes.dedup();
    codes
}

/// The violations of a validated entry for endpoints with these devices and this statement.
fn validated(devices: &str, statement: &str) -> Vec<&'static str> {
    let matches = format!("{OUR}{devices}");
    let entry = Entry {
        status: "validated",
        kind: "\"mf-endpoint\"",
        matches: &matches,
        statement,
    };
    broken(&entry, None)
}

#[track_caller]
fn accepts(devices: &str, statement: &str) {
    assert_eq!(
        validated(devices, statement),
        [""; 0],
        "{devices}: {statement}"
    );
}

#[track_caller]
fn refuses(rule: &str, devices: &str, statement: &str) {
    let found = validated(devices, statement);
    assert!(found.contains(&rule), "{devices}: {statement}: {found:?}");
}

const IDS: &str = "statement-ids";
const EXCEPTS: &str = "statement-excepts";
const UNCLAIMED: &str = "statement-unclaimed";
const KINDS: &str = "statement-kinds";

/// Every notation of one id. Control: the same notation of another id.
#[test]
fn an_id_is_recognised_in_the_notations_of_vendors() {
    for written in [
        "The functions 10de:0a01 do",
        "The functions 10DE:0A01 do",
        "The functions [10de:0a01] do",
        "The functions `10de:0a01` do",
        "The functions (10de:0a01) do",
        "The functions \"10de:0a01\", which are new, do",
        "The functions 0x10de:0x0a01 do",
        "The functions 0X10DE:0X0A01 do",
        "The functions 10DEh:0A01h do",
        "The functions VEN_10DE&DEV_0A01 do",
        "The functions PCI\\VEN_10DE&DEV_0A01&SUBSYS_00011043&REV_A1 do",
        "The functions ven_10de&dev_0a01 do",
        "The functions DEV_0A01 do",
        "The functions VEN_10DE, DEV_0A01 do",
        "The functions with device ID 0a01 do",
        "The functions with the device-id 0A01 do",
        "The functions (device ID: 0x0a01) do",
        "The functions (Device ID = 0A01h) do",
        "The functions with the PCI device ids 0A01h do",
        "The functions with PCI IDs 0a01 do",
        "The functions with DID 0A01 do",
        "The functions 0A01h do",
        "The functions 0x0a01 do",
        "Vendor ID 10DEh, device ID 0A01h: these functions do",
        "The functions with vendor ID 0x10de and device ID 0x0a01 do",
        "Device 10de:0a01: the functions do",
        "The functions do what follows; 10de:0a01 is meant. They do",
    ] {
        let statement = format!("{written} not reach each other.");
        accepts("[\"0a01\"]", &statement);
        refuses(IDS, "[\"0a02\"]", &statement);
        refuses(IDS, "[\"0a01\", \"0a02\"]", &statement);
        refuses(IDS, "[\"0a01-0a02\"]", &statement);
    }
}

/// A token that may be something other than an id names nothing.
#[test]
fn what_may_be_something_else_is_no_id() {
    for (device, written) in [
        ("2024", "The functions (in 2024) do"),
        ("2024", "The functions, as 10de:0a01 and 2024 do, do"),
        ("1024", "The functions 10de:0a01 and 1024 others do"),
        ("8030", "The 8030 functions do"),
        ("8030", "The 8030 adapter's functions do"),
        ("8030", "The functions of the device 8030 do"),
        ("face", "The functions face others and do"),
        ("face", "The functions 10de:0a01 and face others do"),
        ("dead", "The functions are dead and do"),
        ("0a02", "The functions at 0a02 do"),
        ("0a02", "The functions with the errata ID 0a02 do"),
        ("0a02", "The functions with the requester ID 0x0a02 do"),
        (
            "0a02",
            "The functions with the value 0x0a02 at offset 0x0040 do",
        ),
        (
            "0040",
            "The functions with the value 0x0a02 at offset 0x0040 do",
        ),
        ("0a02", "The functions with the subsystem 10de:0a02 do"),
        ("0a02", "The functions with the subsystem ID 10de:0a02 do"),
        (
            "0a02",
            "The functions with the subsystem device ID 0x0a02 do",
        ),
        ("0a02", "The functions VEN_10DE&SUBSYS_0A0210DE do"),
        ("10de", "The functions of vendor ID 10de do"),
        ("0a02", "The functions 10de:0a020 do"),
        ("0a02", "The functions 110de:0a02 do"),
        ("0a02", "The functions x10de:0a02 do"),
        ("0a02", "The functions 10de:0a02:0001 do"),
        ("0a02", "The functions fe80:10de:0a02 do"),
        ("0a02", "The functions 0000:10de:0a02.0 do"),
        ("0a02", "The functions 10de:0a02.0 do"),
        ("0a02", "The functions (https://example.org/10de:0a02) do"),
        ("0a02", "The functions 10de:0aXX do"),
        ("0a02", "The functions 8086:0a02 do"),
        ("0a02", "The functions 8086:0a01 and 0a02 do"),
        ("0a02", "Vendor ID 8086, device ID 0a02: the functions do"),
        (
            "0a02",
            "The functions below 8086:340e with device ID 0a02 do",
        ),
    ] {
        let statement = format!("{written} not reach each other.");
        refuses(IDS, &format!("[\"{device}\"]"), &statement);
    }
    // Controls: the same digits as an id.
    accepts(
        "[\"2024\"]",
        "The functions 10de:2024 do not reach each other.",
    );
    accepts(
        "[\"8030\"]",
        "The functions with device ID 8030 do not reach each other.",
    );
    accepts(
        "[\"8030\", \"8031\"]",
        "The functions 10de:8030 and 8031 do not reach each other.",
    );
    accepts(
        "[\"face\"]",
        "The functions 10de:face do not reach each other.",
    );
}

#[test]
fn an_id_in_a_list_has_the_vendor_of_the_list() {
    for list in [
        "10de:0a01, 10de:0a02 and 10de:0a03",
        "10de:0a01, 0a02 and 0a03",
        "10de:0a01/0a02/0a03",
        "0x10de:0x0a01, 0x0a02 & 0x0a03",
        "with device IDs 0a01, 0a02, and 0a03",
        "with device IDs 0x0a01, 0x0a02 as well as 0x0a03",
        "with device IDs\n- 0A01h\n- 0A02h\n- 0A03h\nwhich",
        "DEV_0A01, DEV_0A02 and DEV_0A03",
    ] {
        let statement = format!("The functions {list} do not reach each other.");
        accepts("[\"0a01\", \"0a02\", \"0a03\"]", &statement);
        refuses(IDS, "[\"0a01-0a03\"]", &statement);
        refuses(IDS, "[\"0a01\", \"0a02\", \"0a03\", \"0a04\"]", &statement);
    }
}

/// For an entry with two vendors, the ids of both are compared, and an id without a vendor belongs
/// to neither.
#[test]
fn ids_of_every_vendor_are_compared() {
    let matches =
        format!("{OUR}[\"0a01\"]\n[[match]]\nvendor = \"12d2\"\ndevices = [\"0b01-0b02\"]");
    let entry = |statement| {
        let entry = Entry {
            status: "validated",
            kind: "\"mf-endpoint\"",
            matches: &matches,
            statement,
        };
        broken(&entry, None)
    };
    let both = "The functions 10de:0a01 and 12d2:0b01-0b02 are apart.";
    assert_eq!(entry(both), [""; 0]);
    for one in [
        "The functions 10de:0a01 are apart.",
        "The functions 12d2:0b01-0b02 are apart.",
        "The functions 10de:0a01 and 0b01-0b02 are apart.",
        "The functions 10de:0a01 and 10de:0b01-0b02 are apart.",
        "The functions with device IDs 0a01 and 0b01-0b02 are apart.",
    ] {
        assert!(entry(one).contains(&IDS), "{one}");
    }
}

#[test]
fn a_range_is_named_as_one() {
    for range in [
        "10de:0a10-0a12",
        "10de:0a10-10de:0a12",
        "10DE:0A10-0A12",
        "10de:0a10 - 10de:0a12",
        "10de:0a10\u{2013}0a12",
        "10de:0a10 \u{2013} 0a12",
        "10de:0a10\u{2011}0a12",
        "[10de:0a10]-[10de:0a12]",
        "10de:0a10 to 10de:0a12",
        "10de:0a10 to 0a12",
        "10de:0a10\nto 10de:0a12",
        "10de:0a10 up to 10de:0a12",
        "10de:0a10 through 10de:0a12",
        "10de:0a10 thru 0a12",
        "10de:0a10..0a12",
        "10de:0a10...10de:0a12",
        "10de:0a10~0a12",
        "from 10de:0a10 to 10de:0a12",
        "0x10de:0x0a10-0x0a12",
        "VEN_10DE&DEV_0A10 to VEN_10DE&DEV_0A12",
        "VEN_10DE&DEV_0A10 - DEV_0A12",
        "PCI\\VEN_10DE&DEV_0A10 to PCI\\VEN_10DE&DEV_0A12",
        "0A10h-0A12h",
        "0A10h to 0A12h",
        "with device IDs 0a10-0a12",
        "with device IDs 0a10 to 0a12",
        "10de:0a01 and 10de:0a10-0a12",
        "10de:0a10-0a12, 10de:0a20-0a22",
    ] {
        let statement = format!("The functions {range} do not reach each other.");
        let more = match range {
            _ if range.contains("0a01") => ", \"0a01\"",
            _ if range.contains("0a20") => ", \"0a20-0a22\"",
            _ => "",
        };
        let claim = |ids: &str| format!("[{ids}{more}]");
        accepts(&claim("\"0a10-0a12\""), &statement);
        accepts(&claim("\"0a10-0a11\""), &statement);
        accepts(&claim("\"0a11\""), &statement);
        accepts(&claim("\"0a10\", \"0a11\", \"0a12\""), &statement);
        refuses(IDS, &claim("\"0a10-0a13\""), &statement);
        refuses(IDS, &claim("\"0a0f-0a12\""), &statement);
    }
}

#[test]
fn two_ids_are_no_range_and_two_ranges_are_not_one() {
    for (claim, stated) in [
        ("0a10-0a12", "10de:0a10 and 10de:0a12"),
        ("0a10-0a12", "10de:0a10, 10de:0a12"),
        ("0a10-0a12", "10de:0a10/0a12"),
        ("0a10-0a12", "10de:0a10 10de:0a12"),
        ("0a10-0a12", "10de:0a10 and 10de:0a11 and 10de:0a12"),
        ("0a10-0a12", "with device IDs 0a10, 0a12"),
        // Not a dash between clauses, a bullet, or an ellipsis.
        ("0a10-0a12", "10de:0a10 -- 10de:0a12"),
        ("0a10-0a12", "10de:0a10 \u{2014} 10de:0a12"),
        ("0a10-0a12", "\n- 10de:0a10\n- 10de:0a12\n"),
        ("0a10-0a12", "10de:0a10, ..., 10de:0a12"),
        ("0a10-0a12", "10de:0a12 to 10de:0a10"),
        ("0a10-0a12", "10de:0a10 to 8086:0a12"),
        ("0a10-0a12", "10de:0a10 to the device 10de:0a12"),
        ("0a10-0a14", "10de:0a10-0a12-0a14"),
        (
            "0a10-0a1f",
            "10de:0a10 to 10de:0a14 and 10de:0a18 to 10de:0a1f",
        ),
        ("0a10-0a1f", "10de:0a10-0a17 and 10de:0a18-0a1f"),
        ("0a10-0a1f", "10de:0a10-0a18 and 10de:0a12-0a1f"),
        (
            "0a12-0a19",
            "10de:0a10 to 10de:0a14 and 10de:0a18 to 10de:0a1f",
        ),
        (
            "0a15-0a17",
            "10de:0a10 to 10de:0a14 and 10de:0a18 to 10de:0a1f",
        ),
        ("0a14-0a18", "10de:0a10-0a14, 10de:0a18-0a1f"),
    ] {
        let statement = format!("The functions {stated} do not reach each other.");
        refuses(IDS, &format!("[\"{claim}\"]"), &statement);
    }
    // A path from one function to another is not a range.
    for way in [
        "No requests from 10de:0a10 to 10de:0a12 go past the root complex; these functions are apart.",
        "Requests of the function 10de:0a10 to 10de:0a12 go upstream.",
        "Functions: DMA 10de:0a10 to 10de:0a12 goes upstream.",
        "Requests that come from functions 10de:0a10 to 10de:0a12 go upstream.",
        "Memory writes from the functions 10de:0a10 to 10de:0a12 go upstream.",
    ] {
        refuses(IDS, "[\"0a10-0a12\"]", way);
        accepts("[\"0a10\", \"0a12\"]", way);
    }
    let no_way = "Requests from the functions 10de:0a10-0a12 go upstream.";
    accepts("[\"0a10-0a12\"]", no_way);
}

#[test]
fn what_is_denied_is_not_claimed() {
    let claim = "We do not claim that the functions 10de:0a10-0a12 are isolated.";
    refuses(EXCEPTS, "[\"0a10-0a12\"]", claim);
    // A denial that names no id may be about each.
    let all = "The functions 10de:0a10-0a12 do not reach each other.";
    accepts("[\"0a10-0a12\"]", all);
    for denial in [
        "Revision A0 is not isolated.",
        "With firmware 1.2 there is no isolation.",
    ] {
        refuses(EXCEPTS, "[\"0a10-0a12\"]", &format!("{all} {denial}"));
    }
}

/// Checks that a statement on 10de:0a10 to 10de:0a12 takes out 10de:0a11.
#[track_caller]
fn excepts_0a11(statement: &str) {
    refuses(EXCEPTS, "[\"0a10-0a12\"]", statement);
    refuses(EXCEPTS, "[\"0a11\"]", statement);
    refuses(EXCEPTS, "[\"0a10\", \"0a11-0a12\"]", statement);
    // The remedy: an excepted id that is not claimed needs no further words.
    accepts("[\"0a10\", \"0a12\"]", statement);
}

/// A sentence may end with its denial, take something back, or say that nothing is claimed.
#[test]
fn a_sentence_that_ends_with_a_denial() {
    for statement in [
        "The functions 10de:0a10-0a12 are isolated, 0a11 is not.",
        "The functions 10de:0a10-0a12 do not reach each other; 10de:0a11 isn\u{2019}t.",
        "The functions 10de:0a10-0a12 are isolated. 10de:0a11 is, sadly, not.",
        "The functions 10de:0a10-0a12 are isolated. 10de:0a11 does not, however.",
        "The functions 10de:0a10-0a12 are isolated. For 10de:0a11 we make no statement.",
        "The functions 10de:0a10-0a12 are isolated. We withdraw what we said of 10de:0a11.",
        "The functions 10de:0a10-0a12 are isolated, in contrast to 10de:0a11.",
        "The functions 10de:0a10-0a12 are isolated. 10de:0a11 is non-isolated.",
        "The functions 10de:0a10-0a12 are isolated. This won't hold for 10de:0a11: it won't.",
    ] {
        excepts_0a11(statement);
    }
}

#[test]
fn what_is_excepted_is_not_claimed() {
    for statement in [
        "The functions 10de:0a10 to 10de:0a12, but not 10de:0a11, do not reach each other.",
        "The functions 10de:0a10 to 10de:0a12 (but not 10de:0a11) do not reach each other.",
        "The functions 10de:0a10 to 10de:0a12 but not 0a11 do not reach each other.",
        "The functions 10de:0a10-0a12, except 10de:0a11, do not reach each other.",
        "The functions 10de:0a10-0a12 (except for the 0x0a11) do not reach each other.",
        "The functions 10de:0a10-0a12, with the exception of device 0A11h, do not reach each other.",
        "The functions 10de:0a10-0a12, excluding 0a11, do not reach each other.",
        "The functions 10de:0a10-0a12, not including 0a11, do not reach each other.",
        "The functions 10de:0a10-0a12 other than 0a11 do not reach each other.",
        "The functions 10de:0a10-0a12, apart from 0a11, do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other, unlike 0a11.",
        "The functions 10de:0a10-0a12 without 10de:0a11 do not reach each other.",
        "All functions 10de:0a10-0a12 but 0a11 do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other. This does not apply to 10de:0a11.",
        "The functions 10de:0a10-0a12 do not reach each other. 10de:0a11 is excluded.",
        "The functions 10de:0a10-0a12 (10de:0a11 excepted) do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other. The 10de:0a11 is not covered.",
        "The functions 10de:0a10-0a12 do not reach each other, but 10de:0a11 isn't isolated.",
        "The functions 10de:0a10-0a12 do not reach each other (10de:0a11 not included).",
        "The functions 10de:0a10-0a12 do not reach each other. 0a11 is therefore not covered.",
        "The functions 10de:0a10-0a12 do not reach each other. 0a11 must be explicitly excluded.",
        "The functions 10de:0a10-0a12 do not reach each other. 0a11 does not belong to them.",
        "The functions 10de:0a10-0a12 do not reach each other. 0A11h is left out.",
        "The functions 10de:0a10-0a12 (0a11 reserved) do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other. This isn't guaranteed for 10de:0a11.",
        "The functions 10de:0a10-0a12 do not reach each other, unless the device ID is 0a11.",
        "The functions 10de:0a10-0a12, leaving out 0a11, do not reach each other.",
        "The functions 10de:0a10-0a12 (excl. 0a11) do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other. The following is not isolated: 0a11.",
        "We say that the functions 10de:0a10-0a12 are apart, and make no statement on 0a11.",
        "Except for 10de:0a11, the functions 10de:0a10-0a12 do not reach each other.",
        "Unlike 10de:0a11, all functions of 10de:0a10-0a12 do not reach each other.",
        "The functions 10de:0a10-0a12 do not reach each other. Excluded:\n- 10de:0a11\n",
        "The functions 10de:0a10-0a12 do not reach each other, except e.g. 10de:0a11.",
        "Functions: 10de:0a10-0a12, except 10de:0a20; 10de:0a11; and 10de:0a21.",
        "The functions 10de:0a10-0a12 do not reach each other. 10de:0a11 rev A0 is not isolated.",
        "The functions 10de:0a10-0a12 do not reach each other. 0a11 has a bug and is therefore not isolated.",
        "The functions 10de:0a10-0a12 do not reach each other. 0a11 in its first revision lacks isolation.",
    ] {
        excepts_0a11(statement);
    }
    // The list of words that except an id cannot be complete, so an id named outside its range is
    // in doubt.
    for rest in [
        "; 0a11 does",
        ", ignoring 0a11",
        ", with 0a11 as an exception",
        ". 0a11 is different",
        ". 0x0a11 cannot be vouched for",
        ". We cannot say this of the 0A11h",
        " (sans 0a11)",
        " (w/o 0a11)",
        " (0a11 being pending)",
    ] {
        let statement = format!("The functions 10de:0a10-0a12 do not reach each other{rest}.");
        refuses(EXCEPTS, "[\"0a10-0a12\"]", &statement);
        refuses(EXCEPTS, "[\"0a11\"]", &statement);
        accepts("[\"0a10\", \"0a12\"]", &statement);
        // Controls: the whole range named twice, and an id of another vendor.
        for other in ["10de:0a10-0a12", "8086:0a11"] {
            let rest = rest.replace("0x0a11", other).replace("0A11h", other);
            let rest = rest
                .replace(" 0a11", &format!(" {other}"))
                .replace("(0a11", other);
            let statement = format!("The functions 10de:0a10-0a12 are apart{rest}.");
            if rest.contains("cannot say") && other.starts_with("10de") {
                refuses(EXCEPTS, "[\"0a10-0a12\"]", &statement);
            } else {
                accepts("[\"0a10-0a12\"]", &statement);
            }
        }
    }
    // A range is excepted as a whole, and so is a possible one.
    let range = "The functions 10de:0a10-0a1f, except 0a12 to 0a14, do not reach each other.";
    refuses(EXCEPTS, "[\"0a13\"]", range);
    accepts("[\"0a10-0a11\", \"0a15-0a1f\"]", range);
    let more = "The functions 10de:0a10-0a1f, but not 0a11, the function 0a12 and 0a13, are apart.";
    for id in ["0a11", "0a12", "0a13"] {
        refuses(EXCEPTS, &format!("[\"{id}\"]"), more);
    }
    // Controls: the same words where they except nothing.
    for statement in [
        "The functions 10de:0a10-0a12 do not reach each other but through the root complex.",
        "The functions 10de:0a10-0a12 do not reach each other, other than upstream.",
        "The functions 10de:0a10-0a12 reach each other not at all, without exception.",
        "Without exception, the functions 10de:0a10-0a12 do not reach each other.",
        "Unlike those of other vendors, the functions 10de:0a10-0a12 do not reach each other.",
        "No function of the devices 10de:0a10-0a12 sends requests to another one.",
        "The functions 10de:0a10-0a12 are not able to reach each other.",
        "The functions 10de:0a10-0a12 are isolated, which is not so elsewhere.",
        "The functions 10de:0a10-0a12 are all isolated.",
        "The DMA functions 10de:0a10 to 10de:0a12 are isolated.",
        "Except for 10de:0a20, the functions 10de:0a10-0a12 do not reach each other.",
        "Unlike the 10de:0a20, the functions 10de:0a10 to 10de:0a12 do not reach each other.",
    ] {
        accepts("[\"0a10-0a12\"]", statement);
    }
}

/// An unclaimed id of the entry's vendor needs an explanation, and there is a way to give it.
#[test]
fn an_id_that_is_not_claimed_is_no_dead_end() {
    let statement = "The functions 10de:0a01 and 10de:0a20 do not reach each other.";
    refuses(UNCLAIMED, "[\"0a01\"]", statement);
    let out = "[[match.excludes]]\ndevices = [\"0a20\"]\nwhy = \"It is not sold.\"\n";
    accepts(&format!("[\"0a01\"]\n{out}"), statement);
    accepts("[\"0a01\", \"0a20\"]", statement);
    // The same statement may be for a family with its own entry.
    let matches = format!("{OUR}[\"0a01\"]");
    let entry = Entry {
        status: "validated",
        kind: "\"mf-endpoint\"",
        matches: &matches,
        statement,
    };
    let other = "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 2\nreason = \"So.\"\nstatus = \"candidate\"\n\
                 kind = \"mf-endpoint\"\nacs = [\"SV\"]\n[[match]]\nvendor = \"10de\"\ndevices = ";
    let (theirs, others) = (
        format!("{other}[\"0a20\"]\n"),
        format!("{other}[\"0a21\"]\n"),
    );
    assert_eq!(broken(&entry, Some(&theirs)), [""; 0]);
    assert_eq!(broken(&entry, Some(&others)), [UNCLAIMED]);
    // An entry for this vendor cannot claim another vendor's devices.
    accepts(
        "[\"0a01\"]",
        "The functions 10de:0a01 do not reach each other, also below 8086:340e.",
    );
    accepts(
        "[\"0a01\"]\nsubsystems = [\"10de:0a44\"]",
        "The functions 10de:0a01 on the board 10de:0a44 do not reach each other.",
    );
}

/// The violations of a validated entry of a kind that claims 10de:1000-1003.
fn of_kind(kind: &str, statement: &str) -> Vec<&'static str> {
    let matches = format!("{OUR}[\"1000-1003\"]");
    let entry = Entry {
        status: "validated",
        kind,
        matches: &matches,
        statement,
    };
    broken(&entry, None)
}

/// The kinds that a statement names for 10de:1000-1003.
const STATED: [(&str, &str); 28] = [
    (
        "mf-endpoint",
        "The functions 10de:1000-1003 send nothing to each other.",
    ),
    (
        "mf-endpoint",
        "The endpoints 10de:1000-1003 send nothing to each other.",
    ),
    (
        "mf-endpoint",
        "No function of the devices 10de:1000-1003 sends to another.",
    ),
    (
        "mf-endpoint",
        "The NICs (10de:1000-1003) send nothing to each other.",
    ),
    (
        "mf-endpoint",
        "This adapter (10de:1000-1003) has isolation.",
    ),
    (
        "mf-endpoint",
        "10de:1000-1003 are functions that send nothing to each other.",
    ),
    (
        "mf-endpoint",
        "Device IDs 10de:1000-1003. The functions are apart.",
    ),
    (
        "mf-endpoint",
        "The functions 10de:1000-1003 send all that they send to the root port, and nothing to \
             each other or to a downstream port.",
    ),
    (
        "mf-endpoint",
        "Behind root ports and below downstream ports, the functions 10de:1000-1003 are apart.",
    ),
    (
        "root-port",
        "The root ports 10de:1000-1003 pass nothing to each other.",
    ),
    (
        "root-port",
        "The Root Ports of the X9 (10de:1000-1003) pass everything upstream.",
    ),
    (
        "root-port",
        "10de:1000-1003 are PCIe root ports; they pass everything upstream.",
    ),
    (
        "root-port",
        "The root ports 10de:1000-1003 forward every request, with the requester ID of the \
             function that made it.",
    ),
    (
        "root-port",
        "Device IDs of the root ports: 10de:1000-1003. They know the function of a request.",
    ),
    (
        "root-port",
        "What is said applies to the root ports 10de:1000-1003.",
    ),
    (
        "downstream-port",
        "The switch downstream ports 10de:1000-1003 pass all upstream.",
    ),
    (
        "downstream-port",
        "The downstream switch ports 10de:1000-1003 pass all upstream.",
    ),
    (
        "root-port downstream-port",
        "The root and downstream ports 10de:1000-1003.",
    ),
    (
        "root-port downstream-port",
        "The root ports and the downstream ports 10de:1000-1003 pass all upstream.",
    ),
    (
        "rciep",
        "The root complex integrated endpoints 10de:1000-1003 send nothing.",
    ),
    (
        "rciep",
        "The RCiEPs 10de:1000-1003 send nothing to their peers.",
    ),
    (
        "rciep",
        "The Root-Complex-Integrated Endpoints 10de:1000-1003 send nothing.",
    ),
    (
        "mf-endpoint rciep",
        "The RCiEPs and endpoints 10de:1000-1003 send nothing.",
    ),
    ("", "10de:1000-1003 are isolated."),
    ("", "The ports 10de:1000-1003 are isolated."),
    ("", "The upstream ports 10de:1000-1003 are isolated."),
    ("", "10de:1000-1003 are not root ports."),
    (
        "",
        "10de:1000-1003 are isolated. The root ports know the functions.",
    ),
];

#[test]
fn a_kind_is_stated_at_the_ids() {
    const KINDS_OF_ALL: [&str; 4] = ["mf-endpoint", "root-port", "downstream-port", "rciep"];
    for (stated, statement) in STATED {
        let stated: Vec<_> = stated.split_whitespace().collect();
        for kind in KINDS_OF_ALL {
            let found = of_kind(&format!("\"{kind}\""), statement);
            let expected: &[&str] = if stated.contains(&kind) {
                &[]
            } else {
                &[KINDS]
            };
            assert_eq!(found, expected, "{kind}: {statement}");
        }
        if !stated.is_empty() {
            let all: Vec<_> = stated.iter().map(|kind| format!("\"{kind}\"")).collect();
            let all = format!("[{}]", all.join(", "));
            assert_eq!(of_kind(&all, statement), [""; 0], "{all}: {statement}");
        }
    }
}

/// A mainline entry needs no statement, because the merged change is the statement. The statement
/// of a candidate may name no id; if it names any, only those may be claimed.
#[test]
fn only_validated_entries_must_be_stated_in_full() {
    let matches = format!("{OUR}[\"0a10-0a12\"]");
    let of = |status, statement| {
        let entry = Entry {
            status,
            kind: "\"root-port\"",
            matches: &matches,
            statement,
        };
        broken(&entry, None)
    };
    let none = "They are isolated.";
    let others = "The functions 8086:0a10-0a12 are isolated.";
    let fewer = "The functions 10de:0a10 and 10de:0a12 are isolated.";
    let ports = "The root ports 10de:0a10-0a12 are isolated.";
    for statement in [none, others, fewer, ports] {
        assert_eq!(of("mainline", statement), [""; 0], "{statement}");
    }
    assert_eq!(of("candidate", none), [""; 0]);
    assert_eq!(of("candidate", others), [IDS]);
    assert_eq!(of("candidate", fewer), [IDS]);
    assert_eq!(
        of("candidate", "The functions 10de:0a10-0a12 are isolated."),
        [""; 0]
    );
    assert_eq!(of("validated", none), [IDS]);
    assert_eq!(of("validated", others), [IDS]);
    assert_eq!(of("validated", fewer), [KINDS, IDS]);
    assert_eq!(of("validated", ports), [""; 0]);
}

/// Ranges of one vendor that do not touch, ascending.
fn ranges() -> impl Strategy<Value = Vec<(u16, u16)>> {
    let gaps = prop::collection::vec((3_u16..300, 0_u16..20), 1..6);
    (0x0100_u16..0xf000, gaps).prop_map(|(mut next, gaps)| {
        let one = |(gap, length)| {
            let first = next + gap;
            next = first + length;
            (first, next)
        };
        gaps.into_iter().map(one).collect()
    })
}

fn shown((first, last): (u16, u16)) -> String {
    if first == last {
        format!("{first:04x}")
    } else {
        format!("{first:04x}-{last:04x}")
    }
}

fn claim(ranges: &[(u16, u16)]) -> String {
    let ranges: Vec<_> = ranges
        .iter()
        .map(|&one| format!("\"{}\"", shown(one)))
        .collect();
    format!("[{}]", ranges.join(", "))
}

fn statement(ranges: &[(u16, u16)]) -> String {
    let ranges: Vec<_> = ranges
        .iter()
        .map(|&one| format!("10de:{}", shown(one)))
        .collect();
    format!("The functions {} are isolated.", ranges.join(", "))
}

proptest! {
    // A failure is printed and leaves no file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The project's own notation of a claim names exactly that claim.
    #[test]
    fn the_projects_own_notation_states_exactly_what_it_shows(
        ranges in ranges(), at in any::<prop::sample::Index>(), up in any::<bool>(),
    ) {
        let stated = statement(&ranges);
        prop_assert_eq!(validated(&claim(&ranges), &stated), [""; 0]);
        let mut wider = ranges;
        let one = at.index(wider.len());
        if up {
            wider[one].1 += 1;
        } else {
            wider[one].0 -= 1;
        }
        prop_assert_eq!(validated(&claim(&wider), &stated), [IDS]);
    }

    /// An id whose digits are not in a text is never named by it, and no text causes a panic.
    #[test]
    fn nothing_states_an_id_that_is_not_there(
        words in prop::collection::vec(
            prop_oneof![
                Just("10de:0a10"), Just("0a12"), Just("0x0a14"), Just("to"), Just("-"), Just(","),
                Just("and"), Just("device ID"), Just("functions"), Just("but not"), Just("("),
                Just(")"), Just("VEN_10DE&DEV_0A16"), Just(".."), Just("The"), Just(". The"),
                Just("8086:0a10"), Just("requests from"), Just("\n- "), Just("is excluded"),
                Just("\u{e9}"), Just("\u{2013}"),
            ],
            0..24,
        ),
    ) {
        let text = format!("x {}", words.join(" "));
        for id in ["0a0f", "0a17"] {
            prop_assert!(validated(&format!("[\"{id}\"]"), &text).contains(&IDS), "{}", text);
        }
    }
}
