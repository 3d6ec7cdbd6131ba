// SPDX-License-Identifier: GPL-2.0-only

//! Texts whose lines are not those that a program printed, or that another program printed: each is read right or
//! refused, with its line and what to do.

mod common;

use topology::{Function, Topology, parse, recorded};

use common::bdf;

const LIST: &str = "\
IOMMU Group 0:
\t00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)
\t01:00.0 VGA compatible controller [0300]: B [10de:1c82]
IOMMU Group 1:
\t00:02.0 Display controller [0380]: C [8086:3e92]
";

const DETAILS: &str = "\
00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)
\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0
\tCapabilities: [a0] Express (v2) Root Port (Slot+), MSI 00

01:00.0 VGA compatible controller [0300]: B [10de:1c82]
\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
\tCapabilities: [78] Express (v2) Legacy Endpoint, MSI 00

";

const LOG: &str = "\
pci 0000:00:01.0: Adding to iommu group 0
pci 0000:01:00.0: Adding to iommu group 0
pci 0000:00:02.0: Adding to iommu group 1
";

#[track_caller]
fn refused(text: &str, begin: &str, remedy: &str) {
    let error = parse("t", text).expect_err(text).to_string();
    assert!(error.starts_with(begin), "{error}\n{text}");
    assert!(error.contains(remedy), "{error}\n{text}");
}

#[track_caller]
fn read(text: &str) -> Topology {
    parse("t", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn escaped(text: &str) -> String {
    text.replace('"', "\\\"")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
}

#[test]
fn line_ends_that_are_written_out_are_refused() {
    for text in [LIST, DETAILS, LOG] {
        let one = escaped(text);
        for copy in [
            one.clone(),
            format!("$'{one}'"),
            format!("\"output\": \"{one}\","),
            one.replace("\\n", "\\\\n"),
        ] {
            let message = "t:3: has line ends that are written as \"\\n\"";
            refused(&format!("Hello\n\n{copy}\n"), message, "printf '%b'");
        }
        let lines = text.lines().fold(String::new(), |lines, line| {
            lines + &format!("  \"{}\\n\"\n", escaped(line))
        });
        refused(&lines, "t:1: has line ends", "jq -r");
    }
    // The control: a command that people copy with its output.
    let command = "$ for g in /sys/kernel/iommu_groups/*; do echo -e \"\\nIOMMU Group ${g##*/}:\"; ls $g/devices; done\n";
    assert_eq!(read(&format!("{command}{LIST}")), read(LIST));
}

#[test]
fn encoded_mails_are_refused() {
    let encoded = |text: &str| {
        let text = text.replace('=', "=3D").replace("\n\t", "\n=09");
        text.replace(" SpecCycle-", "=\n SpecCycle-")
    };
    let mail = "Content-Transfer-Encoding: quoted-printable\n\n";
    let remedy = "decode_qp";
    refused(
        &format!("{mail}{}", encoded(DETAILS)),
        "t:4: is encoded as a mail",
        remedy,
    );
    refused(&encoded(LIST), "t:2: is encoded as a mail", remedy);
    let soft = DETAILS.replace("VGASnoop- ", "VGASnoop-=\n ");
    refused(&soft, "t:2: is encoded as a mail", remedy);
    let coded = "Content-Transfer-Encoding: base64\n\n";
    refused(
        &format!("{coded}SU9NTVUgR3JvdXAgMDoK\n"),
        "t:1: is encoded as a mail",
        "mail program",
    );
    assert_eq!(read(&format!("{coded}{LIST}")), read(LIST));
    // The control: the text of a mail, saved without its encoding.
    assert_eq!(read(&format!("{mail}{DETAILS}")), read(DETAILS));
}

/// Both sides in one text are never read as one machine.
#[test]
fn differences_are_refused() {
    let remedy = "give the whole text of one side";
    let message = "is of a difference between two texts";
    let changed = "-IOMMU Group 1:\n+IOMMU Group 7:\n";
    let unified = format!(
        "--- before\n+++ after\n@@ -1,5 +1,5 @@\n {}{changed} \t00:02.0 Display controller [0380]: C [8086:3e92]\n",
        LIST.lines().take(3).collect::<Vec<_>>().join("\n ") + "\n"
    );
    refused(&unified, &format!("t:3: {message}"), remedy);
    refused(
        &unified.replace('\n', "\n> "),
        &format!("t:3: {message}"),
        remedy,
    );
    // Without the head of the part.
    refused(changed, &format!("t:1: {message}"), remedy);
    let lines = "-IOMMU Group 0 00:01.0 PCI bridge [0604]: A [8086:1901]\n\
                 +IOMMU Group 1 00:01.0 PCI bridge [0604]: A [8086:1901]\n";
    refused(lines, &format!("t:1: {message}"), remedy);
    let plain = "4c4\n< IOMMU Group 1:\n---\n> IOMMU Group 7:\n";
    refused(plain, &format!("t:2: {message}"), remedy);
    let context = "*** before\n--- after\n***************\n*** 1,5 ****\n  IOMMU Group 0:\n! IOMMU Group 1:\n\
                   --- 1,5 ----\n! IOMMU Group 7:\n";
    refused(context, &format!("t:3: {message}"), remedy);
    let words = LIST.replace("Group 1", "Group [-1-]{+7+}");
    refused(&words, &format!("t:4: {message}"), remedy);
    // A change of details alone.
    let detail = "@@ -2,2 +2,2 @@\n 00:02.0 Display controller [0380]: C [8086:3e92]\n-\tLatency: 0\n+\tLatency: 8\n";
    refused(detail, &format!("t:1: {message}"), remedy);
    // The controls: a patch of a source file beside a list, and lists with such marks.
    let patch = "@@ -47,6 +47,7 @@ static int probe(void)\n \treturn 0;\n-\ta = 1;\n+\ta = 2;\n\n";
    assert_eq!(read(&format!("{patch}{LIST}")), read(LIST));
    let levels = "- IOMMU Group 0:\n  + 00:01.0 PCI bridge [0604]: A [8086:1901]\n\
                  - IOMMU Group 1:\n  + 00:02.0 Display controller [0380]: C [8086:3e92]\n";
    assert_eq!(recorded(&read(levels)).len(), 2);
    let one_side = LIST.replace('\n', "\n+");
    assert_eq!(recorded(&read(&format!("+{one_side}"))).len(), 2);
}

#[test]
fn json_of_other_programs_is_refused() {
    let again = "lspci -D -vvvnn";
    for (text, message, remedy) in [
        (
            r#"{"id":"pc","class":"system","children":[{"id":"pci:0","businfo":"pci@0000:00:01.0"}]}"#,
            "t: is JSON, but no capture: lshw printed it",
            again,
        ),
        (
            r#"[{"slot":"00:01.0","class":"PCI bridge"}]"#,
            "t: is JSON, but no capture: no key of it is known",
            again,
        ),
        (
            r#"{"schema":"acsctl-predict-1","groups":[]}"#,
            "t: is JSON, but no capture: acsctl printed it (acsctl-predict-1)",
            "acsctl capture",
        ),
        (
            "\"businfo\" : \"pci@0000:00:01.0\",\n",
            "t: is neither a capture nor output of lspci -vvv; it looks like lshw -json",
            again,
        ),
        (
            "  *-pci\n       bus info: pci@0000:00:01.0\n",
            "t: is neither a capture nor output of lspci -vvv; it looks like lshw",
            again,
        ),
    ] {
        refused(text, message, remedy);
    }
    let strings = format!("{{\"hosts\":[{{\"stdout\":\"{}\"}}]}}", escaped(LIST));
    refused(
        &strings,
        "t: is JSON, but no capture: it has the lines",
        r#"jq -r '.["hosts"][0]["stdout"]'"#,
    );
    let lines = LIST.lines().map(|line| format!("\"{}\"", escaped(line)));
    let lines: Vec<_> = lines.collect();
    let remedy = "jq -r '.[]'";
    refused(
        &format!("[{}]", lines.join(",")),
        "t: is JSON, but no capture: it has the lines",
        remedy,
    );
    // The controls: JSON that is read, and text that begins like JSON.
    let pvesh = r#"[{"id":"0000:00:01.0","iommugroup":0}]"#;
    assert_eq!(recorded(&read(pvesh)), [[bdf("0000:00:01.0")]]);
    assert_eq!(
        read(&format!("{{noformat}}\n{LIST}{{noformat}}\n")),
        read(LIST)
    );
    let twice = r#"[{"id":"0000:00:01.0","iommugroup":0},{"id":"0000:00:01.0","iommugroup":1}]"#;
    refused(
        twice,
        "t: 0000:00:01.0: its IOMMU group differs",
        "a file of its own",
    );
}

/// Advice that cannot be followed there is not given.
#[test]
fn other_systems_are_named() {
    for (text, message) in [
        (
            "0000:00:01.0 PCI bridge Bridge: Intel Corporation A [PCIe RP[0000:00:01.0]]\n\
             0000:01:00.0 Network controller: Intel Corporation B [vmnic0]\n",
            "t:1: was printed by VMware ESXi",
        ),
        (
            "0000:01:00.0\n   Address: 0000:01:00.0\n   Bus: 0x01\n   VMkernel Name: vmnic0\n",
            "t:4: was printed by VMware ESXi",
        ),
        (
            "pcib1@pci0:0:1:0:\tclass=0x060400 rev=0x07 hdr=0x01 vendor=0x8086 device=0x1901\n",
            "t:1: was printed by FreeBSD",
        ),
        (
            "ppb0 at pci0 dev 1 function 0 \"Intel\" rev 0x07\n",
            "t:1: was printed by OpenBSD",
        ),
        (
            "InstanceId : PCI\\VEN_8086&DEV_1901&SUBSYS_0\n",
            "t:1: was printed by Windows",
        ),
        (
            "B:\n  Name: pci10de,1c82\n  Slot: Slot-1\n",
            "t:2: was printed by macOS",
        ),
    ] {
        let error = parse("t", text).expect_err(text).to_string();
        assert!(error.starts_with(message), "{error}");
        assert!(
            error.contains("only Linux makes IOMMU groups; boot Linux"),
            "{error}"
        );
    }
    // The control: a machine that also has another system.
    let both = format!("In Windows it is PCI\\VEN_10DE&DEV_1C82.\n{LIST}");
    assert_eq!(recorded(&read(&both)), recorded(&read(LIST)));
}

#[test]
fn the_column_of_the_function_is_found_beside_that_of_a_bridge() {
    let groups = |text: &str| -> Vec<String> {
        let found = recorded(&read(text)).into_iter().flatten();
        found.map(|bdf| bdf.to_string()).collect()
    };
    let table = |head: &str| {
        format!(
            "{head}\n|---|---|---|\n| 00:01.0 | 01:00.0 | 1 |\n| 00:1b.0 | 02:00.0 | 2 |\n|  | 00:1c.0 | 3 |\n"
        )
    };
    for head in [
        "| Behind | Address | IOMMU Group |",
        "| Bridge | BDF | IOMMU Group |",
        "| Root port address | Device | IOMMU Group |",
        "| Parent | PCI device address | IOMMU Group |",
        "| x | Slot | IOMMU Group |",
    ] {
        let found = groups(&table(head));
        assert_eq!(
            found,
            ["0000:00:1c.0", "0000:01:00.0", "0000:02:00.0"],
            "{head}"
        );
    }
    let swapped = "| Address | Behind | IOMMU Group |\n|---|---|---|\n| 01:00.0 | 00:01.0 | 1 |\n";
    assert_eq!(groups(swapped), ["0000:01:00.0"]);
    let words = "parent id iommugroup\n0000:00:01.0 0000:01:00.0 1\n";
    assert_eq!(groups(words), ["0000:01:00.0"]);
    for (head, row, message, remedy) in [
        (
            "| GPU | Audio | IOMMU Group |",
            "| 01:00.0 | 01:00.1 | 1 |",
            "t:3: the row has several addresses",
            "name its column Address",
        ),
        (
            "| Behind | Address | IOMMU Group |",
            "| 00:01.0 | - | 1 |",
            "t:3: by the head, the row has no address of a function",
            "name the column of the functions Address",
        ),
        (
            "| Name | Address | IOMMU Group |",
            "| A | 01:00.0 (slot 3) | 1 |",
            "t:3: the row has no address that is whole",
            "into a cell of its own",
        ),
    ] {
        refused(&format!("{head}\n|---|---|---|\n{row}\n"), message, remedy);
    }
    // A cell that several rows share.
    let shared = "| IOMMU Group | Address | Name |\n|---|---|---|\n| 1 | 00:01.0 | A |\n|   | 01:00.0 | B |\n";
    refused(
        shared,
        "t:4: 0000:01:00.0: its group is \"\"",
        "write the number of the group",
    );
    // A table without such a column, whose rows name groups.
    let rows =
        "| Number | Slot | Name |\n|---|---|---|\n| Group 1 | 00:01.0 | PCI bridge [0604]: A |\n";
    assert_eq!(groups(rows), ["0000:00:01.0"]);
    // Rows are not lost behind a line that is none.
    let text = format!("{swapped}| Graphics | x | y |\n| A | 02:00.0 | 2 |\n");
    refused(
        &text,
        "t:4: stands in a table, directly below a row",
        "an empty line between",
    );
    let text = format!("{swapped}\n| Graphics | x | y |\n| A | 02:00.0 | 2 |\n");
    refused(
        &text,
        "t:6: is a row of a table whose head is not known",
        "repeat the head",
    );
}

/// A line that is none of a table's, a row that is broken at any place, and a head that is not the first line: read with
/// each function, or refused.
#[test]
fn damage_within_a_table_loses_no_function() {
    const ROWS: [[&str; 3]; 4] = [
        ["Address", "IOMMU_Group", "Name"],
        ["0000:00:01.0", "1", "Bridge"],
        ["0000:01:00.0", "2", "Graphics"],
        ["0000:01:00.1", "2", "Audio"],
    ];
    let bordered = |cells: &[&str; 3]| format!("| {} |", cells.join(" | "));
    let joined = |mark: &'static str| move |cells: &[&str; 3]| cells.join(mark).to_lowercase();
    let quoted = |cells: &[&str; 3]| format!("\"{}\"", cells.join("\",\""));
    let tables: [Vec<String>; 5] = [
        ROWS.iter().map(bordered).collect(),
        ROWS.iter().map(joined("\t")).collect(),
        ROWS.iter().map(joined(",")).collect(),
        ROWS.iter().map(quoted).collect(),
        ROWS.iter().map(joined("  ")).collect(),
    ];
    let mut refused = 0;
    let mut check = |lines: &[String]| {
        let text = lines.join("\n") + "\n";
        match parse("t", &text) {
            Ok(topology) => assert_eq!(topology.functions.len(), 3, "{text}"),
            Err(error) => {
                assert!(error.to_string().starts_with("t:"), "{error}\n{text}");
                refused += 1;
            }
        }
    };
    for table in tables {
        assert_eq!(read(&(table.join("\n") + "\n")).functions.len(), 3);
        for other in [
            "# of my machine",
            "Page 2",
            "and so on:",
            "x, y",
            "total\t3",
        ] {
            for at in 1..table.len() {
                for around in [[false, false], [true, false], [false, true], [true, true]] {
                    let [before, after] = around.map(|is_spaced| if is_spaced { "\n" } else { "" });
                    let mut lines = table.clone();
                    lines.insert(at, format!("{before}{other}{after}"));
                    check(&lines);
                }
            }
        }
        for at in 1..table.len() {
            for cut in 1..table[at].len() {
                let (begin, end) = table[at].split_at(cut);
                let mut lines = table.clone();
                lines[at] = format!("{begin}\n{end}");
                check(&lines);
            }
            let mut lines = table.clone();
            lines[..=at].rotate_left(1);
            check(&lines);
        }
    }
    assert!(refused > 100, "{refused}");
}

/// A document of libvirt that a terminal broke, or that lacks a mark of XML, at any place.
#[test]
fn damage_of_a_document_loses_no_function() {
    const DEVICE: &str = "<device>\n<name>pci_0000_01_00_0</name>\n<capability type='pci'>\n\
         <capability type='virt_functions'>\n<address domain='0x0000' bus='0x01' slot='0x02' function='0x0'/>\n</capability>\n\
         <iommuGroup number='2'>\n<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n\
         <address domain='0x0000' bus='0x01' slot='0x00' function='0x1'/>\n</iommuGroup>\n</capability>\n</device>\n";
    let members = |text: &str| {
        let found = parse("t", text);
        let of = |one: &Function| (one.iommu_group == Some(2)).then_some(one.bdf);
        found.map(|found| found.functions.iter().filter_map(of).count())
    };
    assert_eq!(members(DEVICE), Ok(2));
    let group = DEVICE.find("<iommuGroup").expect("it has one");
    let mut refused = 0;
    let mut check = |text: &str, is_whole: bool| match members(text) {
        Ok(found) if !is_whole => assert_eq!(found, 2, "{text}"),
        Ok(_) => panic!("it is read: {text}"),
        Err(error) => {
            assert!(error.to_string().starts_with("t:"), "{error}\n{text}");
            refused += 1;
        }
    };
    for at in 1..DEVICE.len() {
        let (begin, end) = DEVICE.split_at(at);
        check(&format!("{begin}\n{end}"), false);
        if let Some(without) = end.strip_prefix(['<', '>', '/', '=', '\'']) {
            check(&format!("{begin}{without}"), false);
        }
        // A text that ends within the list.
        check(
            &format!("{begin}\n"),
            (group + 12..DEVICE.len() - 10).contains(&at),
        );
    }
    for lost in [
        "number='2'",
        "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n",
    ] {
        let (begin, end) = DEVICE.split_at(group);
        check(&format!("{begin}{}", end.replace(lost, "")), true);
    }
    assert!(refused > 300, "{refused}");
}

/// What a scanner of a picture takes for another character, and other damage of one line: read right, or refused with
/// the line.
#[test]
fn damage_of_one_line_loses_no_function() {
    const PATHS: &str = "\
/sys/kernel/iommu_groups/0/devices/0000:00:01.0
/sys/kernel/iommu_groups/0/devices/0000:01:00.0
/sys/kernel/iommu_groups/1/devices/0000:00:02.0
";
    let mut group = "";
    let lines = LIST.lines().map(str::trim_start);
    let lines = lines.filter_map(|line| {
        let heading = line.strip_suffix(':');
        if let Some(heading) = heading.filter(|line| line.starts_with("IOMMU")) {
            group = heading;
            return None;
        }
        Some(format!("{group} {line}"))
    });
    let each = lines.collect::<Vec<_>>().join("\n") + "\n";
    assert_eq!(recorded(&read(&each)), recorded(&read(LIST)));
    for (name, text) in [
        ("list", LIST),
        ("lines", &each),
        ("log", LOG),
        ("paths", PATHS),
    ] {
        let expected = recorded(&read(text));
        for (from, to) in [
            ("01:00.0", "0l:00.0"),
            ("01:00.0", "O1:00.0"),
            ("01:00.0", "01:00,0"),
            ("01:00.0", "01;00.0"),
            ("01:00.0", "01: 00.0"),
            ("01:00.0", "01:00 .0"),
            ("01:00.0", "0100.0"),
            ("01:00.0", "1:0.0"),
            ("01:00.0", "\"01:00.0\""),
            ("01:00.0", "[01:00.0]"),
            ("01:00.0", "\u{279c} 01:00.0"),
            ("01:00.0", "GPU: 01:00.0"),
            ("01:00.0", "<b>01:00.0</b>"),
            ("00:02.0", "O0:02.0"),
            ("00:01.0", "0O:01.0"),
            ("roup 0", "roup O"),
            ("roup 1", "roup l"),
            ("roup 1", "roup #1"),
            ("roup 1", "r0up 1"),
            ("IOMMU Group 1", "Grp 1"),
            ("IOMMU Group 1", "lOMMU Group 1"),
            ("IOMMU Group 1", "Groupe IOMMU 1"),
            ("groups/1/", "groups/l/"),
        ] {
            let damaged = text.replacen(from, to, 1);
            match parse("t", &damaged) {
                Ok(machine) => assert_eq!(recorded(&machine), expected, "{name}\n{damaged}"),
                Err(error) => assert!(error.line.is_some(), "{name}: {error}\n{damaged}"),
            }
        }
    }
    // The control: a device of another bus is no function.
    let other = format!("{LOG}arm-smmu a.smmu: Adding to iommu group 9\n");
    assert_eq!(recorded(&read(&other)), recorded(&read(LOG)));
}

/// Two machines, or two boots, are not taken together. A function may leave its group and be added again.
#[test]
fn logs_of_two_machines_are_refused() {
    let remedy = "file of its own";
    let added = |at: &str, group: u32| format!("pci 0000:{at}: Adding to iommu group {group}\n");
    let second = LOG.replace("01:00.0", "03:00.0");
    refused(
        &format!("{LOG}{second}"),
        "t:5: 0000:03:00.0: another list of groups names it, and lacks 0000:01:00.0",
        remedy,
    );
    refused(
        &format!("{LOG}{}", added("00:02.0", 0)),
        "t:4: 0000:00:02.0: its IOMMU group differs",
        remedy,
    );
    let paths = "/sys/kernel/iommu_groups/0/devices/0000:00:01.0\n/sys/kernel/iommu_groups/1/devices/0000:00:02.0\n";
    let path = |at: &str| format!("/sys/kernel/iommu_groups/0/devices/0000:{at}\n");
    let (first, second) = (path("01:00.0"), path("03:00.0"));
    refused(
        &format!("{paths}{first}{paths}{second}"),
        "t:6: 0000:03:00.0: another list of groups",
        remedy,
    );
    // The controls: one function that is named again, the same boot twice, and a part of it.
    assert_eq!(
        read(&format!("{paths}{}{second}", path("00:01.0")))
            .functions
            .len(),
        3
    );
    assert_eq!(
        recorded(&read(&format!("{LOG}{LOG}"))),
        recorded(&read(LOG))
    );
    assert_eq!(
        recorded(&read(&format!("{LOG}{}", added("00:02.0", 1)))),
        recorded(&read(LOG))
    );
    let left = "pci 0000:00:02.0: Removing from iommu group 1\n";
    let moved = read(&format!("{LOG}{left}{}", added("00:02.0", 0)));
    assert_eq!(moved.regrouped, [bdf("0000:00:02.0")]);
    assert_eq!(recorded(&moved).len(), 1);
}

/// A terminal or a mail program may break a line within the number.
#[test]
fn the_rest_of_a_number_is_not_lost() {
    let message = "may be the rest of the number of a group";
    let remedy = "join it with that line";
    let log = LOG.replace("group 1\n", "group 1\n2\n");
    refused(&log, &format!("t:4: {message}"), remedy);
    let list = LIST.replace("Group 1:", "Group 1\n2:");
    refused(&list, &format!("t:5: {message}"), remedy);
    // The controls: lines that begin with a digit and name a group.
    let times = "10:11:01.001 /sys/kernel/iommu_groups/0/devices/0000:00:01.0\n\
                 10:11:01.002 /sys/kernel/iommu_groups/0/devices/0000:00:02.0\n";
    assert_eq!(read(times).functions.len(), 2);
    let details = DETAILS.replace("\tBus:", "\tIOMMU group: 1\n2\n\tBus:");
    refused(&details, "t:3: 0000:00:01.0: ", "\"1 2\" is not the number");
    // The control: a function follows the number.
    let plain = LIST.replace(":\n\t", "\n");
    assert_eq!(recorded(&read(&plain)), recorded(&read(LIST)));
}

/// What stands where the heading of a group would is not skipped: its functions are not in the group before.
#[test]
fn functions_below_a_heading_that_is_not_known_are_in_no_other_group() {
    let known = |text: &str| recorded(&read(text)).concat().len();
    assert_eq!(known(LIST), 3);
    for heading in [
        "3:",
        "3)",
        "Third group:",
        "\u{7b2c}3\u{7ec4}:",
        "Gruppo IOMMU 1:",
        "\u{413}\u{440}\u{443}\u{43f}\u{43f}\u{430} 1",
    ] {
        let text = LIST.replace("IOMMU Group 1:", heading);
        refused(
            &text,
            "t:4: names a group or stands in place of one",
            "IOMMU Group 1:",
        );
        // Without indentation it may be prose, and what follows another list.
        assert_eq!(known(&text.replace('\t', "")), 2, "{heading}");
    }
    let merged = LIST.replace("\nIOMMU Group 1:", " IOMMU Group 1:");
    refused(
        &merged,
        "t:3: names a group or stands in place of one",
        "IOMMU Group 1:",
    );
    for cut in ["...", "[snip]"] {
        assert_eq!(known(&LIST.replace("IOMMU Group 1:", cut)), 2, "{cut}");
    }
    // The controls: a note in front of a heading, and a line that a mail program has broken.
    assert_eq!(
        known(&LIST.replace("IOMMU Group 1:", "^ my card\nIOMMU Group 1:")),
        3
    );
    assert_eq!(
        known(&LIST.replace("PCI bridge [0604]: A", "PCI bridge [0604]: A\nB")),
        3
    );
    assert_eq!(
        known(&LIST.replace("[8086:1901] (rev", "[8086:1901]\n(rev")),
        3
    );
    assert_eq!(
        read(&format!("{LIST}Here are the details:\n{DETAILS}"))
            .functions
            .len(),
        3
    );
}

const LINKS: &str = "/sys/kernel/iommu_groups/0/devices:
lrwxrwxrwx 1 root root 0 Jan  1 12:00 0000:00:01.0 -> ../../../../devices/pci0000:00/0000:00:01.0
lrwxrwxrwx 1 root root 0 Jan  1 12:00 0000:01:00.0 -> ../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0
";

const FOLDERS: &str = "/sys/kernel/iommu_groups/0/devices/0000:00:01.0
/sys/kernel/iommu_groups/0/devices/0000:01:00.0
";

const TREE: &str = "/sys/kernel/iommu_groups
├── 0
│   └── devices
│       ├── 0000:00:01.0 -> ../../../../devices/pci0000:00/0000:00:01.0
│       └── 0000:01:00.0 -> ../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0
";

#[test]
fn what_is_left_of_a_line_with_a_group_is_refused() {
    let of = |group: u32, bdf: &str| {
        format!("IOMMU group {group} {bdf} PCI bridge [0604]: A [8086:1901]\n")
    };
    let list = of(0, "00:01.0") + &of(1, "00:02.0") + &of(0, "01:00.0");
    assert_eq!(read(&list).functions.len(), 3);
    // The last line, cut.
    let cut = |length: usize| {
        let start = list.rfind("IOMMU").expect("it is there");
        list[..start + length].to_owned()
    };
    for text in [cut(13), cut(13) + "\n"] {
        refused(
            &text,
            "t:3: no function of group 0 follows",
            "make the list again",
        );
    }
    // A text that ends within a line.
    for (list, end, number, remedy) in [
        (list.as_str(), "IOMM", 4, "make it again"),
        (LINKS, "lrwx", 4, "make the list again"),
        (LINKS, "lr", 4, "make it again"),
        (FOLDERS, "/sys/ker", 3, "make it again"),
        (TREE, "└──", 6, "correct the line"),
        (
            TREE,
            "└── 1\n    └── devices\n        └──",
            8,
            "correct the line",
        ),
    ] {
        assert!(read(list).functions.len() > 1);
        refused(&format!("{list}{end}"), &format!("t:{number}: "), remedy);
    }
    // The controls: a group of devices that are none of PCI, and folders, which come before those in them.
    let other = format!("{list}IOMMU group 7\n");
    assert_eq!(read(&other).functions.len(), 3);
    let folders = "/sys/kernel/iommu_groups/0\n/sys/kernel/iommu_groups/0/devices\n/sys/kernel/iommu_groups/0/devices/0000:00:01.0\n";
    assert_eq!(read(folders).functions.len(), 1);
    // The same with the numbers of the lines, as "cat -n" prints them.
    let numbered = |text: &str| {
        let lines = (1..).zip(text.lines());
        let lines = lines.map(|(number, line)| format!("{number:>6}\t{line}"));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(read(&numbered(&list)).functions.len(), 3);
    refused(&numbered(&cut(9)), "t:3: names a group", "IOMMU Group 1:");
}

#[test]
fn records_and_links_without_their_function_or_group_are_refused() {
    let record = |at: &str, group: u32| {
        format!("Slot:\t{at}\nClass:\tBridge [0604]\nVendor:\tA [8086]\nIOMMUGroup:\t{group}\n\n")
    };
    let records = record("00:01.0", 0) + &record("00:02.0", 1) + &record("01:00.0", 0);
    assert_eq!(recorded(&read(&records)), recorded(&read(LIST)));
    let message = "IOMMUGroup: belongs to a function whose line \"Slot:\" is missing";
    refused(
        &records.replace("Slot:\t00:02.0\n", ""),
        &format!("t:8: {message}"),
        "Slot:",
    );
    refused(
        &records.replace("Slot:\t00:02.0", "Slot:\t0002.0"),
        "t:6: Slot: \"0002.0\" is no address",
        "correct the line",
    );
    refused(
        &format!("{records}Slot:\t0000"),
        "t:16: Slot: \"0000\" is no address",
        "correct the line",
    );
    let close = records.replace("\n\nSlot:\t00:02.0", "");
    refused(&close, "t:5: Class: belongs to a function", "Slot:");
    // The control: another program has such keys, too.
    assert_eq!(
        read(&format!("{records}Vendor: B\nDevice: C\nVendor: D\n")),
        read(&records)
    );

    let link = |at: &str| {
        format!(
            "lrwxrwxrwx 1 root root 0 Nov  1 10:00 0000:{at} -> ../../../../devices/pci0000:00/0000:{at}\n"
        )
    };
    let folder = |group: u32| format!("/sys/kernel/iommu_groups/{group}/devices:\ntotal 0\n");
    let links =
        folder(0) + &link("00:01.0") + &link("01:00.0") + "\n" + &folder(1) + &link("00:02.0");
    assert_eq!(recorded(&read(&links)), recorded(&read(LIST)));
    let lost = links.replace("/sys/kernel/iommu_groups/1/devices:\n", "");
    refused(
        &lost,
        "t:7: is a link of a group, but the name of the group",
        "write the folder above it",
    );
    let damaged = links.replacen("lrwx", "1rwx", 1);
    refused(&damaged, "t:3: is no whole link", "correct the line");
    // The control: the links of another folder.
    let other = link("00:1f.0").replace("../../../../", "../../../");
    assert_eq!(
        recorded(&read(&format!("{links}\n{other}"))),
        recorded(&read(LIST))
    );
}

#[test]
fn a_log_that_is_cut_within_a_message_is_refused() {
    for end in [
        "A",
        "Add",
        "Adding",
        "Adding to",
        "Adding to io",
        "Adding to iommu group",
    ] {
        let cut = LOG.replace("Adding to iommu group 1", end);
        refused(
            &cut,
            "t:3: ends within a message of the kernel",
            "join it with the next line",
        );
    }
    // The control: another message about a function.
    let other = LOG.replace("Adding to iommu group 1", "enabling device");
    assert_eq!(read(&other).functions.len(), 2);
}
