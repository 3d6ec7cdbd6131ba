// SPDX-License-Identifier: GPL-2.0-only

//! Which ids a statement names, in the notations of vendors, and texts that name none.

use super::{EXCEPTS, Entry, IDS, OUR, UNCLAIMED, accepts, broken, refuses, validated};

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
        "The functions (0x0a01) do",
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
        ("0a02", "VEN_8086: the functions DEV_0A02 do"),
        ("0a02", "The functions with SSID 0x0a02 do"),
        ("0a02", "The functions with vendor ID 0x0a02 do"),
        ("8030", "The functions 10de:8031 and 8030-based ones do"),
        ("8030", "The functions 10de:8031 and 8030+ do"),
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
    for two in [
        "The functions 10de:8030 and 8031 do",
        "The functions with device IDs 8030 and 8031 do",
    ] {
        let statement = format!("{two} not reach each other.");
        accepts("[\"8030\", \"8031\"]", &statement);
    }
    accepts(
        "[\"face\"]",
        "The functions with device ID face do not reach each other.",
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
        "Memory requests from the functions 10de:0a10 to 10de:0a12 go upstream.",
    ] {
        refuses(IDS, "[\"0a10-0a12\"]", way);
        accepts("[\"0a10\", \"0a12\"]", way);
    }
    // "Between" has its two ends before the range.
    let between = "There is no peer-to-peer traffic between the functions 10de:0a01 and 10de:0a10 to 10de:0a12.";
    accepts("[\"0a01\", \"0a10-0a12\"]", between);
    refuses(IDS, "[\"0a01\", \"0a10-0a13\"]", between);
    let ends = "There is no peer-to-peer traffic between the functions 10de:0a10 to 10de:0a12.";
    refuses(IDS, "[\"0a10-0a12\"]", ends);
    let from = "Requests from the functions 10de:0a01 and 10de:0a10 to 10de:0a12 go upstream.";
    refuses(IDS, "[\"0a01\", \"0a10-0a12\"]", from);
    let no_way = "Requests from the functions 10de:0a10-0a12 go upstream.";
    accepts("[\"0a10-0a12\"]", no_way);
}

/// Words between two ids that make no range of them, and a vendor that is no mention of a device.
#[test]
fn words_that_join_no_range() {
    let both = "The functions 10de:0a10 and to 10de:0a12 do not reach each other.";
    accepts("[\"0a10\", \"0a12\"]", both);
    refuses(IDS, "[\"0a10-0a12\"]", both);
    let vendor = "The functions 10de:0a10-0a12 of vendor 0x0a11 do not reach each other.";
    accepts("[\"0a10-0a12\"]", vendor);
}

/// A sentence without an id may be about each, also where it has a year or a word of hexadecimal digits.
#[test]
fn a_year_and_a_word_name_nothing() {
    let isolated = "The functions 10de:0a10-0a12 do not reach each other.";
    let excepts = |denial: &str| {
        let found = validated("[\"0a10-0a12\"]", &format!("{isolated} {denial}"));
        found.contains(&EXCEPTS)
    };
    assert!(excepts("On the face of it, they are not isolated."));
    for (number, is_year) in [
        ("1899", false),
        ("1900", true),
        ("2099", true),
        ("2100", false),
    ] {
        let denial = format!("From {number} on, there is no isolation.");
        assert_eq!(excepts(&denial), is_year, "{denial}");
    }
}

/// An unclaimed id of the entry's vendor needs an explanation, and there is a way to give it.
#[test]
fn an_id_that_is_not_claimed_is_no_dead_end() {
    let statement = "The functions 10de:0a01 and 10de:0a20 do not reach each other.";
    refuses(UNCLAIMED, "[\"0a01\"]", statement);
    let out = "[[match.excludes]]\ndevices = [\"0a20\"]\nwhy = \"It is not sold.\"\n";
    accepts(&format!("[\"0a01\"]\n{out}"), statement);
    for other in ["0a1f", "0a21"] {
        let out = out.replace("0a20", other);
        refuses(UNCLAIMED, &format!("[\"0a01\"]\n{out}"), statement);
    }
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
    // The id of a claimed subsystem is no other device, also without such a word.
    let bare = "The functions 10de:0a01 of 10de:0a44 do not reach each other.";
    accepts("[\"0a01\"]\nsubsystems = [\"10de:0a44\"]", bare);
    refuses(UNCLAIMED, "[\"0a01\"]", bare);
    refuses(UNCLAIMED, "[\"0a01\"]\nsubsystems = [\"10de:0a45\"]", bare);
    // That an id is taken out explains no other id.
    for other in ["0a05", "0a20"] {
        let statement = format!(
            "The functions 10de:0a01 and 10de:{other} do not reach each other. 10de:0a11 is not isolated."
        );
        refuses(UNCLAIMED, "[\"0a01\"]", &statement);
        accepts(&format!("[\"0a01\", \"{other}\"]"), &statement);
    }
}

/// A statement on some revisions makes no claim for all of them.
#[test]
fn revisions_in_the_statement_are_limits_of_the_claim() {
    for words in [
        "The functions 10de:0a01 from revision B0 on do",
        "The functions 10de:0a01 (rev 02) do",
        "The functions 10de:0a01, stepping B1, do",
        "It holds for newer steppings. The functions 10de:0a01 do",
    ] {
        let statement = format!("{words} not reach each other.");
        refuses("statement-revisions", "[\"0a01\"]", &statement);
    }
    for words in [
        "All revisions of the functions 10de:0a01 do",
        "Regardless of the stepping, the functions 10de:0a01 do",
        "The functions 10de:0a01 do",
    ] {
        accepts("[\"0a01\"]", &format!("{words} not reach each other."));
    }
    // A candidate needs no statement in full.
    let candidate = Entry {
        status: "candidate",
        kind: "\"mf-endpoint\"",
        matches: &format!("{OUR}[\"0a01\"]"),
        statement: "The functions 10de:0a01 (rev 02) do not reach each other.",
    };
    assert_eq!(broken(&candidate, None), [""; 0]);
}
