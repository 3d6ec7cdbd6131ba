// SPDX-License-Identifier: GPL-2.0-only

//! Reading lspci output as a topology.

mod common;

use std::fmt::Write as _;

use rules::acs::AcsFlags;
use topology::{Acs, Function, Header, Hex, Port, Topology, parse};

use common::{bdf, groups, recorded};

const VERBOSE: &str = include_str!("lspci/verbose.txt");

fn read(text: &str) -> Topology {
    parse("lspci.txt", text).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let error = parse("lspci.txt", text)
        .expect_err("it is refused")
        .to_string();
    assert!(error.contains(message), "{error}");
    assert!(error.starts_with("lspci.txt"), "{error}");
}

fn at<'t>(topology: &'t Topology, place: &str) -> &'t Function {
    let mut functions = topology.functions.iter();
    functions
        .find(|one| one.bdf == bdf(place))
        .expect("it is there")
}

#[test]
fn details_are_read() {
    let machine = read(VERBOSE);
    assert_eq!(machine.functions.len(), 8);
    assert_eq!(machine.evidence, ["lspci"]);
    let root = at(&machine, "0000:00:01.0");
    assert_eq!((root.vendor, root.device), (Hex(0x8086), Some(Hex(0x1901))));
    assert_eq!(
        (root.class, root.revision),
        (Some(Hex(0x0006_0400)), Some(Hex(5)))
    );
    assert_eq!(root.header, Header::Bridge);
    assert_eq!((root.secondary, root.subordinate), (Some(1), Some(2)));
    assert_eq!(
        root.pcie_type.as_ref().map(Port::to_string).as_deref(),
        Some("Root Port")
    );
    assert_eq!((root.slot, root.iommu_group), (Some(true), Some(1)));
    assert_eq!((root.acs_known, root.acs), (true, None));
    let conventional = at(&machine, "0000:00:00.0");
    assert_eq!(
        (conventional.pcie_known, &conventional.pcie_type),
        (true, &None)
    );
    let subsystem = conventional.subsystem.expect("it was shown");
    assert_eq!((subsystem.vendor, subsystem.device), (0x1028, 0x085a));
    // A line that a mail program has broken.
    let acs = Acs {
        cap: Some(0x0f),
        ctl: Some(0x0d),
        dword8: None,
    };
    assert_eq!(at(&machine, "0000:00:1c.0").acs, Some(acs));
    assert_eq!(at(&machine, "0000:03:00.0").class, Some(Hex(0x0001_0802)));
}

#[test]
fn what_was_not_shown_is_not_known() {
    let machine = read(VERBOSE);
    let denied = at(&machine, "0000:03:00.0");
    assert!(!denied.pcie_known && !denied.acs_known && !denied.unreadable);
    let silent = at(&machine, "0000:03:00.1");
    assert!(silent.unreadable && !silent.pcie_known);
    // The capability without its registers, as printed by lspci -v.
    let start = VERBOSE.find("\t\tACSCap").expect("it is there");
    let end = VERBOSE.find("\n0000:01:00.0").expect("it is there");
    let without = format!("{}{}", &VERBOSE[..start], &VERBOSE[end..]);
    let acs = at(&read(&without), "0000:00:1c.0").acs.expect("it has one");
    assert_eq!((acs.cap, acs.ctl), (None, None));
}

#[test]
fn virtual_functions_are_found_by_the_places_that_they_have() {
    let machine = read(VERBOSE);
    let physical = Some(bdf("0000:01:00.0"));
    assert_eq!(at(&machine, "0000:01:02.0").physfn, physical);
    assert_eq!(at(&machine, "0000:01:02.2").physfn, physical);
    assert_eq!(at(&machine, "0000:01:00.0").physfn, None);
    let sriov = at(&machine, "0000:01:00.0").sriov.expect("it has it");
    assert_eq!(
        (sriov.total_vfs, sriov.num_vfs, sriov.offset, sriov.stride),
        (8, 2, 16, 2)
    );
    // Control: a function with disabled virtual functions has none.
    let text = VERBOSE.replace("Number of VFs: 2", "Number of VFs: 0");
    assert_eq!(at(&read(&text), "0000:01:02.0").physfn, None);
}

#[test]
fn the_domain_may_be_missing_and_numbers_may_stand_alone() {
    let short = VERBOSE.replace("\n0000:", "\n");
    assert_eq!(read(&short), read(VERBOSE));
    let numbers = "00:1f.3 0403: 8086:a170 (rev 31)\n\tSubsystem: 1043:8712\n\tControl: I/O-\n";
    let machine = read(numbers);
    let audio = at(&machine, "0000:00:1f.3");
    assert_eq!(
        (audio.device, audio.class),
        (Some(Hex(0xa170)), Some(Hex(0x0004_0300)))
    );
    assert_eq!(audio.subsystem.expect("it was shown").device, 0x8712);
}

/// A hex dump of these bytes.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (number, line) in bytes.chunks(16).enumerate() {
        let _ = write!(text, "{:02x}:", number * 16);
        for byte in line {
            let _ = write!(text, " {byte:02x}");
        }
        text.push('\n');
    }
    text
}

/// Configuration space of a root port with ACS at 100h.
fn space() -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    bytes[..4].copy_from_slice(&[0x34, 0x12, 0x01, 0x00]);
    bytes[6] = 0x10;
    bytes[8..12].copy_from_slice(&[0xf1, 0x00, 0x04, 0x06]);
    bytes[0x0e] = 0x81;
    bytes[0x18..0x1b].copy_from_slice(&[0, 3, 3]);
    bytes[0x34] = 0x40;
    bytes[0x40..0x44].copy_from_slice(&[0x10, 0x00, 0x42, 0x01]);
    bytes[0x100..0x108].copy_from_slice(&[0x0d, 0x00, 0x01, 0x00, 0x0f, 0x00, 0x0d, 0x00]);
    bytes
}

#[test]
fn a_hex_dump_tells_all() {
    let header = "00:1c.0 PCI bridge: Some port that no list of names has\n";
    let whole = format!("{header}{}", dump(&space()));
    let machine = read(&whole);
    let port = at(&machine, "0000:00:1c.0");
    assert_eq!((port.vendor, port.device), (Hex(0x1234), Some(Hex(1))));
    assert_eq!(
        (port.class, port.multifunction),
        (Some(Hex(0x0006_0400)), Some(true))
    );
    assert_eq!((port.header, port.secondary), (Header::Bridge, Some(3)));
    assert_eq!(port.acs.expect("it has one").cap, Some(0x0f));
    // As lspci -xxx prints it: bytes beyond 256 were not seen.
    let short = format!("{header}{}", dump(&space()[..256]));
    let short = read(&short);
    let port = at(&short, "0000:00:1c.0");
    assert!(port.pcie_type.is_some() && !port.acs_known);
    // Unless the text contains it.
    let both = format!(
        "{header}\tFlags: fast devsel\n\tCapabilities: [40] Express Root Port (Slot+), MSI 00\n{}",
        dump(&space()[..256])
    );
    let both = read(&both);
    assert!(at(&both, "0000:00:1c.0").acs_known);
}

#[test]
fn what_lspci_never_prints_is_refused_with_the_place() {
    refused(
        "00:1f.3 0403: 8086:a170 (rev 31)\n",
        "is a list of functions and no capabilities",
    );
    // A name that pci.ids does not list leaves the ids of that function unknown.
    let named =
        read("00:1f.3 Audio device: No Vendor Has This Name At All 5000\n\tControl: I/O-\n");
    let function = at(&named, "0000:00:1f.3");
    assert_eq!((function.vendor, function.device), (Hex(0xffff), None));
    let text = VERBOSE.replace("ACSCtl:\tSrcValid+", "ACSCtl:\tSrcValid");
    refused(
        &text,
        "0000:00:1c.0: ACSCtl: does not say whether SrcValid is there",
    );
    let text = VERBOSE.replace("secondary=01", "secondary=zz");
    refused(&text, "0000:00:01.0: \"primary=00, secondary=zz");
    let text = VERBOSE.replace("IOMMU group: 2", "IOMMU group: two");
    refused(&text, "\"two\" is not the number of an IOMMU group");
    let text = VERBOSE.replace("IOMMU group: 2", "IOMMU group: \u{1b}[2Jtwo\u{7}");
    let error = parse("lspci.txt", &text);
    let error = error.expect_err("it is refused").to_string();
    assert!(!error.contains('\u{1b}'), "a file steers the terminal");
    let missing = dump(&space()).replace("40: 10", "x");
    refused(
        &format!("00:1c.0 PCI bridge: Some port\n{missing}"),
        "the dump goes on at 50, but 40 bytes came before",
    );
    // The same listing twice is one machine; a listing with other facts is another one.
    assert_eq!(read(&format!("{VERBOSE}\n{VERBOSE}")), read(VERBOSE));
    let other = VERBOSE.replace("IOMMU group: 2", "IOMMU group: 12");
    refused(
        &format!("{VERBOSE}\n{other}"),
        "the IOMMU group differs from line",
    );
    // Only a text that begins like JSON gets an error about JSON.
    refused("{", "the end is missing");
    refused("hello", "no line begins with the address");
}

/// A machine as lspci -D -vvvnn prints it, as far as grouping needs.
fn printed(machine: &Topology) -> String {
    let mut text = String::new();
    for one in &machine.functions {
        let class = one.class.map_or(0, |class| class.0);
        let device = one
            .device
            .map_or_else(|| "ffff".to_owned(), |device| device.to_string());
        let revision = one.revision.map_or(0, |revision| revision.0);
        let _ = writeln!(
            text,
            "{} Some class [{:04x}]: Some device [{}:{device}] (rev {revision:02x}) (prog-if {:02x})",
            one.bdf,
            class >> 8,
            one.vendor,
            class & 0xff
        );
        if one.unreadable {
            text += "\t!!! Unknown header type 7f\n";
        }
        text += "\tControl: I/O- Mem+\n";
        if let (Some(primary), Some(secondary), Some(last)) =
            (one.primary, one.secondary, one.subordinate)
        {
            let _ = writeln!(
                text,
                "\tBus: primary={primary:02x}, secondary={secondary:02x}, subordinate={last:02x}, \
                 sec-latency=0"
            );
        }
        if let Some(group) = one.iommu_group {
            let _ = writeln!(text, "\tIOMMU group: {group}");
        }
        if !one.pcie_known {
            text += "\tCapabilities: <access denied>\n";
        }
        if let Some(kind) = &one.pcie_type {
            let kind = kind.to_string();
            let kind = kind.trim_start_matches("unknown: ");
            let _ = writeln!(
                text,
                "\tCapabilities: [40] Express (v2) {kind} (Slot+), MSI 00"
            );
        }
        if let Some(acs) = one.acs {
            text += "\tCapabilities: [100 v1] Access Control Services\n";
            for (name, bits) in [("ACSCap", acs.cap), ("ACSCtl", acs.ctl)] {
                let Some(bits) = bits else { continue };
                let names = [
                    "SrcValid",
                    "TransBlk",
                    "ReqRedir",
                    "CmpltRedir",
                    "UpstreamFwd",
                    "EgressCtrl",
                    "DirectTrans",
                ];
                let flags = names.iter().zip(AcsFlags::NAMED).map(|(name, (_, flag))| {
                    let on = AcsFlags::from_bits(bits).contains(flag);
                    format!("{name}{}", if on { '+' } else { '-' })
                });
                let flags: Vec<_> = flags.collect();
                let _ = writeln!(text, "\t\t{name}:\t{}", flags.join(" "));
            }
        }
        text.push('\n');
    }
    text
}

/// A machine has the same groups when read from its file and from the lspci output for it.
#[test]
fn recorded_machines_survive_being_printed() {
    let mut count = 0;
    for (path, text) in recorded() {
        let machine = parse("recorded", &text).expect("it is sound");
        // Properties that lspci does not print.
        let mut shown = machine.clone();
        shown.vmd.clear();
        for one in &mut shown.functions {
            one.multifunction = None;
        }
        let again = read(&printed(&machine));
        assert_eq!(topology::recorded(&again), topology::recorded(&machine));
        if !machine.functions.iter().any(|one| one.device.is_none()) {
            assert_eq!(groups(&again), groups(&shown), "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 4, "{count}");
}

/// A port with an ACS capability whose lines are broken at `at`.
fn wrapped_flags(at: &str) -> String {
    let flags = "SrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd- EgressCtrl- DirectTrans-";
    let flags = flags.replacen(at, &format!("{}\n", at.trim_end()), 1);
    format!(
        "00:1c.0 PCI bridge [0604]: A [8086:9d10]\n\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n\
         \tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00\n\
         \tCapabilities: [140 v1] Access Control Services\n\t\tACSCap:\t{flags}\n\t\tACSCtl:\t{flags}\n"
    )
}

#[test]
fn a_flag_that_is_off_ends_no_word() {
    let sound = read(&wrapped_flags("none"));
    assert_eq!(
        at(&sound, "0000:00:1c.0").acs.and_then(|acs| acs.cap),
        Some(0x0d)
    );
    for wrapped in ["SrcValid+ ", "TransBlk- ", "UpstreamFwd- ", "EgressCtrl- "] {
        assert_eq!(read(&wrapped_flags(wrapped)), sound, "{wrapped}");
    }
}

#[test]
fn a_message_of_lspci_ends_no_function() {
    let sound = wrapped_flags("none");
    let message = "pcilib: sysfs_read_vpd: read failed: No such device\n";
    let with = sound.replace(
        "\tCapabilities: [140",
        &format!("{message}\tCapabilities: [140"),
    );
    assert_ne!(with, sound);
    assert_eq!(read(&with), read(&sound));
}

#[test]
fn a_host_bridge_with_the_type_of_a_root_port_has_no_buses() {
    let text = |class: &str| {
        format!(
            "00:00.0 A bridge [{class}]: B [8086:2f00]\n\tCapabilities: [90] Express (v2) Root Port (Slot-), MSI 00\n"
        )
    };
    assert_eq!(
        at(&read(&text("0600")), "0000:00:00.0").header,
        Header::Endpoint
    );
    assert_eq!(
        at(&read(&text("0604")), "0000:00:00.0").header,
        Header::Bridge
    );
}

const PORT: &str = "00:1b.0 PCI bridge [0604]: A [1234:0001]\n\
    \tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n\
    \tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00\n\
    \tCapabilities: [140 v1] Access Control Services\n\
    \t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n\
    \t\tACSCtl:\tSrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-\n\n\
    01:00.0 Ethernet controller [0200]: B [1234:0002]\n\tCapabilities: [40] Express (v2) Endpoint, MSI 00\n\n";

#[test]
fn what_is_damaged_or_left_out_is_not_known() {
    let whole = read(PORT);
    let sound = at(&whole, "0000:00:1b.0");
    assert!(sound.pcie_known && sound.acs_known && sound.acs.is_some());
    let acs = PORT.find("\tCapabilities: [140").expect("it is there");
    let end = PORT.find("\n01:00.0").expect("it is there");
    for (what, text, type_known) in [
        (
            "a cut mark",
            format!("{}[...]\n{}", &PORT[..acs], &PORT[end..]),
            true,
        ),
        (
            "words",
            format!("{}--- snip ---\n{}", &PORT[..acs], &PORT[end..]),
            true,
        ),
        ("a type", PORT.replacen("Root Port", "Root Prot", 1), false),
        (
            "a tag",
            PORT.replacen("[40] Express (v2) Root Port (Slot+), MSI 00", "", 1),
            false,
        ),
    ] {
        let machine = read(&text);
        let port = at(&machine, "0000:00:1b.0");
        assert_eq!(port.pcie_known, type_known, "{what}");
        assert!(!type_known || !port.acs_known, "{what}");
        assert!(at(&machine, "0000:01:00.0").pcie_known, "{what}");
    }
}

#[test]
fn other_ends_of_lines_are_ends_of_lines() {
    let sound = read(PORT);
    for end in ["\r", "\r\n", "<br>\n", "\u{2028}", "\u{85}"] {
        assert_eq!(read(&PORT.replace('\n', end)), sound, "{end:?}");
    }
    // Of several systems in one text.
    let mixed = PORT
        .replacen("\n\t\tACS", "\r\t\tACS", 1)
        .replacen("\n\tBus", "\r\tBus", 1);
    assert_eq!(read(&mixed), sound);
}

#[test]
fn what_is_more_or_less_than_an_address_is_refused() {
    for damaged in ["1:00:1b.0", "0:1b.0", "00:b.0", "10:00:1b.0"] {
        refused(&PORT.replacen("00:1b.0", damaged, 1), "is no address");
    }
    let columns = PORT.replacen(
        "A [1234:0001]",
        "A [1234:0001]   02:00.0 Ethernet controller [0200]: C [1234:0003]",
        1,
    );
    refused(&columns, "begins two functions");
    let joined = PORT.replacen(
        "\n\tCapabilities: [40] Express (v2) Root",
        " Capabilities: [40] Express (v2) Root",
        1,
    );
    refused(&joined, "with other text before it");
}

#[test]
fn a_lost_group_line_is_not_no_group() {
    let with = |group: &str| {
        let two = "01:00.1 Ethernet controller [0200]: B [1234:0002]\n\tIOMMU group: 3\n\tCapabilities: [40] Express (v2) Endpoint, MSI 00\n";
        let one = PORT.replacen(
            "\tCapabilities: [40] Express (v2) Endpoint",
            &format!("{group}\tCapabilities: [40] Express (v2) Endpoint"),
            1,
        );
        read(&format!("{one}{two}"))
    };
    let lost = with("");
    let known = |machine: &Topology, place: &str| at(machine, place).group_known;
    assert!(!known(&lost, "0000:01:00.0") && known(&lost, "0000:01:00.1"));
    // No function of the port's bus is in a group, so this one may be in none.
    assert!(known(&lost, "0000:00:1b.0"));
    assert!(known(&with("\tIOMMU group: 3\n"), "0000:01:00.0"));
    // What is below a port in a group is in one.
    let port = PORT.replace("\tBus:", "\tIOMMU group: 3\n\tBus:");
    assert!(!known(&read(&port), "0000:01:00.0"));
}

#[test]
fn a_table_and_a_listing_in_one_text_are_taken_together() {
    let table = "<device>\n  <name>pci_0000_01_00_0</name>\n  <capability type='pci'>\n\
         <iommuGroup number='7'>\n<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n</iommuGroup>\n\
         </capability>\n</device>\n";
    for text in [format!("{PORT}{table}"), format!("{table}\n{PORT}")] {
        let machine = read(&text);
        assert_eq!(machine.functions.len(), 2);
        let card = at(&machine, "0000:01:00.0");
        assert_eq!((card.iommu_group, card.pcie_known), (Some(7), true));
    }
}

#[test]
fn lines_of_two_functions_are_refused() {
    let driver = "\tKernel driver in use: pcieport\n";
    let acs = PORT.find("\tCapabilities: [140").expect("it is there");
    // The controls: the same lines, where lspci prints them.
    read(&PORT.replacen("\n\n", &format!("\n{driver}\n"), 1));
    let power = "\tCapabilities: [50] Power Management version 3\n\
        \t\tFlags: PMEClk- DSI- D1- D2- AuxCurrent=0mA PME(D0+,D1-,D2-,D3hot+,D3cold+)\n";
    read(&PORT.replace(
        "\tCapabilities: [40]",
        &format!("{power}\tCapabilities: [40]"),
    ));
    let class = PORT.replace("[0604]", "[0b20]");
    read(&class.replace(
        "\tBus:",
        "\t!!! Invalid class 0b20 for header type 01\n\tBus:",
    ));
    let host = PORT.replace("PCI bridge [0604]", "Host bridge [0600]");
    let host = host.replace(
        "\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n",
        "\tFlags: fast devsel\n",
    );
    read(&host);
    for (text, message) in [
        (
            format!("{}{driver}{}", &PORT[..acs], &PORT[acs..]),
            "lspci.txt:5: 0000:00:1b.0: lspci prints this line before line 4",
        ),
        (
            PORT.replacen("\n\n", &format!("\n{driver}{driver}\n"), 1),
            "lspci.txt:8: 0000:00:1b.0: \"Kernel driver in use\" comes a second time, first in line 7",
        ),
        (
            PORT.replace("Root Port (Slot+)", "Root Complex Integrated Endpoint"),
            "lspci.txt:3: 0000:00:1b.0: the type is that of an endpoint",
        ),
        (
            PORT.replacen(
                "Express (v2) Endpoint",
                "Express (v2) Downstream Port (Slot-)",
                1,
            ),
            "lspci.txt:9: 0000:01:00.0: the type is that of a port",
        ),
        (
            class,
            "lspci.txt:2: 0000:00:1b.0: the line has the buses of a bridge",
        ),
        (
            PORT.replace("primary=00", "primary=02"),
            "lspci.txt:2: 0000:00:1b.0: the primary bus is 02, and the function is on bus 00",
        ),
        (
            PORT.replace("TransBlk-", "TransBlk+")
                .replacen("TransBlk+", "TransBlk-", 1),
            "lspci.txt:6: 0000:00:1b.0: a control is on, and ACSCap does not have it",
        ),
    ] {
        refused(&text, message);
    }
}
