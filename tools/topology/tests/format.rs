// SPDX-License-Identifier: GPL-2.0-only

//! Files: reading returns what was written, and a fault is reported with its position.

mod common;

use rules::pcie::PcieType;
use topology::{Bdf, Function, MAX_BYTES, Port, Topology, parse, read, write};

use common::{bdf, express, function, machine, port, recorded};

fn text(topology: &Topology) -> String {
    let mut text = Vec::new();
    write(topology, &mut text).expect("memory can be written to");
    String::from_utf8(text).expect("it is text")
}

/// The error for a text.
#[track_caller]
fn complaint(text: &str) -> String {
    parse("f.json", text)
        .expect_err("it has a fault")
        .to_string()
}

/// The error for a machine with these functions.
#[track_caller]
fn complaint_on(functions: Vec<Function>) -> String {
    complaint(&text(&machine(functions)))
}

#[test]
fn recorded_machines_are_written_as_they_are() {
    let files = recorded();
    assert!(!files.is_empty());
    for (path, text) in files {
        let topology = read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(self::text(&topology), text, "{}", path.display());
        let name = path.file_stem().and_then(|name| name.to_str());
        assert_eq!(topology.id.as_deref(), name);
        assert!(
            topology.source.is_some(),
            "{} does not say where it is from",
            path.display()
        );
    }
}

#[test]
fn addresses_are_read_as_they_are_written() {
    for address in [
        "0000:00:00.0",
        "0000:82:1f.7",
        "10000:e0:06.0",
        "ffffffff:ff:1f.7",
    ] {
        assert_eq!(bdf(address).to_string(), address);
    }
    for wrong in [
        "",
        "00:00.0",
        "0000:00:00",
        "0000:00:20.0",
        "0000:00:00.8",
        "000:00:00.0",
        "0000:0:00.0",
        "0000:00:0.0",
        "0000:00:00.00",
        "0000:AA:00.0",
        "0000:+1:00.0",
        "100000000:00:00.0",
        "0000:00:00.0 ",
        "0000:ü0:00.0",
    ] {
        assert!(wrong.parse::<Bdf>().is_err(), "{wrong}");
    }
}

/// The first function of a machine, with `what` replaced by `other`.
#[track_caller]
fn with(what: &str, other: &str) -> String {
    let text = text(&machine(vec![express("0000:82:00.5", PcieType::Endpoint)]));
    assert!(text.contains(what), "{text}");
    complaint(&text.replacen(what, other, 1))
}

#[test]
fn what_is_wrong_with_a_value_is_said_with_its_place() {
    let see = "see Documentation/topology.md for what may stand there";
    assert_eq!(
        with("\"vendor\":\"1234\"", "\"vendor\":\"123G\""),
        format!(
            "f.json:7: functions[0].vendor (0000:82:00.5): \"123G\" is not a number of 4 lowercase hexadecimal digits; {see}"
        )
    );
    assert!(with("0000:82:00.5", "0000:82:00.9").starts_with(
        "f.json:7: functions[0].bdf (0000:82:00.9): \"0000:82:00.9\" is not an address; write it as"
    ));
    assert!(
        with("\"Endpoint\"", "\"Endpiont\"").contains("is not a PCIe type; write one of Endpoint,")
    );
    assert_eq!(
        with("\"header\"", "\"haeder\""),
        "f.json:7: functions[0].haeder (0000:82:00.5): a capture has no such key; take it out; \
         Documentation/topology.md has all keys, and there is none for serial numbers or VPD"
    );
    assert!(with("\"header\":\"endpoint\",", "").contains("missing field `header`"));
    assert!(
        with("pci-topology-1", "pci-topology-2").starts_with("f.json:2: schema: unknown variant")
    );
    assert!(with("]\n}", "]\n} x").contains("trailing characters"));
    assert!(with("]\n}", "").contains("the end is missing"));
    assert!(with("\"schema\"", "schema").contains("write it as JSON"));
    assert!(complaint("").contains("is empty"));
}

#[test]
fn a_type_that_was_not_made_out_is_tolerated() {
    let text = text(&machine(vec![express("0000:82:00.5", PcieType::Endpoint)]));
    let kind = |shown: &str| {
        let text = text.replacen("\"Endpoint\"", &format!("\"unknown: {shown}\""), 1);
        let topology = parse("f.json", &text).expect("it is sound");
        topology.functions[0]
            .pcie_type
            .as_ref()
            .and_then(Port::kind)
    };
    assert_eq!(kind("#13"), None);
    assert_eq!(kind(""), None);
    assert_eq!(kind("Root Complex"), None);
    assert_eq!(kind("Root Complex Integrated "), Some(PcieType::RcEndpoint));
}

#[test]
fn the_register_value_of_a_type_is_kept() {
    for raw in 0x0..=0xf {
        let written = Port::from_raw(raw).to_string();
        let read = Port::try_from(written.clone()).expect("it was written so");
        assert_eq!(read.raw(), Some(raw), "{written}");
    }
    let shown = |shown: &str| Port::Unknown(shown.to_owned()).raw();
    assert_eq!(shown("Root Complex Integrated "), Some(0x9));
    assert_eq!(shown("#13"), None);
    assert_eq!(shown("reserved type 4h"), None);
}

#[test]
fn what_no_machine_has_is_refused() {
    let twice = || function("0000:00:01.0");
    assert_eq!(
        complaint_on(vec![twice(), twice()]),
        "f.json: 0000:00:01.0: two functions have this address; capture the machine again, or correct the file"
    );
    assert!(
        complaint_on(Vec::new()).starts_with("f.json: functions: the input has no PCI function")
    );
    let root = |at, to| port(at, PcieType::RootPort, to, true);
    assert!(
        complaint_on(vec![root("0000:00:01.0", 1), root("0000:00:02.0", 1)])
            .contains("0000:00:02.0: leads to bus 01, and so does 0000:00:01.0")
    );
    // A loop of bridges.
    assert!(
        complaint_on(vec![root("0000:01:01.0", 2), root("0000:02:02.0", 1)])
            .contains("0000:02:02.0: is on bus 02 and leads to bus 01, which is not a later one")
    );
    let own = root("0000:03:00.0", 3);
    assert!(complaint_on(vec![own]).contains("leads to bus 03, which is not a later one"));
    let last = Function {
        subordinate: Some(4),
        ..root("0000:00:01.0", 5)
    };
    assert!(complaint_on(vec![last]).contains("its last bus is 04"));
    let endpoint = Function {
        secondary: Some(4),
        ..twice()
    };
    assert!(complaint_on(vec![endpoint]).contains("not the header of a bridge"));
    let hidden = Function {
        pcie_known: false,
        ..express("0000:00:01.0", PcieType::Endpoint)
    };
    assert!(complaint_on(vec![hidden]).contains("pcie_known is false"));
    let hidden = Function {
        acs_known: false,
        ..root("0000:00:01.0", 1)
    };
    assert!(complaint_on(vec![hidden]).contains("acs_known is false"));
    let mut half = root("0000:00:01.0", 1);
    half.acs.as_mut().expect("it has one").ctl = None;
    assert!(complaint_on(vec![half]).contains("must both be known"));
    let absent = bdf("0000:00:09.0");
    let orphan = Function {
        physfn: Some(absent),
        ..twice()
    };
    assert!(complaint_on(vec![orphan]).contains("its physfn 0000:00:09.0 is not in the list"));
    let own = Function {
        physfn: Some(twice().bdf),
        ..twice()
    };
    assert!(complaint_on(vec![own]).contains("is a virtual function itself"));
    let virtual_bridge = Function {
        physfn: Some(twice().bdf),
        ..root("0000:00:02.0", 1)
    };
    assert!(complaint_on(vec![twice(), virtual_bridge]).contains("has the header of a bridge"));
    let mut volume = machine(vec![twice()]);
    volume.vmd.insert(bdf("10000:00:00.0").domain, absent);
    assert!(complaint(&text(&volume)).contains("vmd.10000: 0000:00:09.0 is not in the list"));
    volume.vmd.insert(bdf("10000:00:00.0").domain, twice().bdf);
    volume.vmd.insert(twice().bdf.domain, twice().bdf);
    assert!(complaint(&text(&volume)).contains("is behind a VMD itself"));
}

#[test]
fn a_file_has_a_largest_size() {
    let large = " ".repeat(MAX_BYTES + 1);
    assert!(complaint(&large).contains("is larger than 16 MiB"));
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("large.json");
    std::fs::write(&path, large).expect("the target folder can be written to");
    assert!(
        read(&path)
            .expect_err("too large")
            .to_string()
            .contains("is larger than 16 MiB")
    );
    std::fs::write(&path, b"\0\0").expect("the target folder can be written to");
    assert!(
        read(&path)
            .expect_err("no text")
            .to_string()
            .contains("is not text")
    );
    let missing = read(&path.with_extension("gone"))
        .expect_err("it is not there")
        .to_string();
    assert!(missing.contains("cannot be read") && missing.contains("check that it is there"));
}

/// Every damaged file is read or refused, without a panic.
#[test]
fn damaged_files_are_refused() {
    let files = recorded();
    let mut random = fastrand::Rng::with_seed(7);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..1000 {
        let (_, text) = random.choice(&files).expect("there are some");
        let mut bytes = text.clone().into_bytes();
        for _ in 0..random.usize(1..3) {
            let at = random.usize(..bytes.len());
            match random.u8(..4) {
                0 => bytes.truncate(at),
                1 => bytes[at] = random.u8(..),
                2 => bytes[at] = *random.choice(b"0123456789abcdef\",:{}").expect("one"),
                _ => {
                    let end = bytes.len().min(at + random.usize(..200));
                    bytes.drain(at..end);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        match parse("damaged", &String::from_utf8_lossy(&bytes)) {
            Ok(topology) => {
                read += 1;
                let _ = common::groups(&topology);
            }
            Err(_) => refused += 1,
        }
    }
    assert!(read > 10 && refused > 10, "{read} read, {refused} refused");
}
