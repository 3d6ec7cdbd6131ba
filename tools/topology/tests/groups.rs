// SPDX-License-Identifier: GPL-2.0-only

//! Reading the forms in which people post IOMMU groups.

mod common;

use std::{fs, path::Path};

use topology::{Header, Topology, lacks_capabilities, parse, read_all, recorded};

use common::bdf;

/// The groups of each text below.
const EXPECTED: [&[&str]; 2] = [&["0000:00:01.0", "0000:01:00.0"], &["0000:00:02.0"]];

const FORMS: [(&str, &str); 38] = [
    (
        "tree",
        "/sys/kernel/iommu_groups\n├── 0\n│   ├── devices\n\
         │   │   ├── 0000:00:01.0 -> ../../../../devices/pci0000:00/0000:00:01.0\n\
         │   │   └── 0000:01:00.0 -> ../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0\n\
         │   ├── reserved_regions\n│   └── type\n└── 1\n    ├── devices\n\
         \x20   │   └── 0000:00:02.0 -> ../../../../devices/pci0000:00/0000:00:02.0\n\
         \x20   ├── reserved_regions\n    └── type\n\n6 directories, 7 files\n",
    ),
    (
        "headings in French",
        "Groupe IOMMU 0:\n\t00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)\n\
         \t01:00.0 VGA compatible controller [0300]: B [10de:1c82]\nGroupe IOMMU 1 :\n\
         \t00:02.0 Display controller [0380]: C [8086:3e92]\n",
    ),
    (
        "one line for each function, in German",
        "IOMMU-Gruppe 0 00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)\n\
         IOMMU-Gruppe 0 01:00.0 VGA compatible controller [0300]: B [10de:1c82]\n\
         IOMMU-Gruppe 1 00:02.0 Display controller [0380]: C [8086:3e92]\n",
    ),
    (
        "a table with tabs, as the Proxmox page gives it",
        "ID\tIOMMU Group\tVendor\tDevice\n0000:00:01.0\t0\tA, B\tC\n0000:01:00.0\t0\tA\tD\n0000:00:02.0\t1\tA\tE\n",
    ),
    (
        "a table with commas",
        "Group,BDF,Name\n0,0000:00:01.0,\"PCI bridge: A, Inc.\"\n0,0000:01:00.0,B\n1,0000:00:02.0,\"C, D\"\n",
    ),
    (
        "a table with marked addresses",
        "| Address | Device | IOMMU Group |\n|---|---|---|\n| [00:01.0] | A | 0 |\n\
         | \u{1f449} **01:00.0** | B | **0** |\n| 00:02.0 | C | 1 |\n",
    ),
    (
        "readlink",
        "0000:00:01.0 /sys/kernel/iommu_groups/0\n0000:01:00.0 /sys/kernel/iommu_groups/0\n\
         0000:00:02.0 /sys/kernel/iommu_groups/1\n",
    ),
    (
        "readlink, joined",
        "0000:00:01.0 /sys/kernel/iommu_groups/0 0000:01:00.0 /sys/kernel/iommu_groups/0 \
         0000:00:02.0 /sys/kernel/iommu_groups/1\n",
    ),
    (
        "folders with several functions in a line",
        "/sys/kernel/iommu_groups/0/devices: 0000:00:01.0 0000:01:00.0\n\
         /sys/kernel/iommu_groups/1/devices: 0000:00:02.0\n",
    ),
    (
        "ls -li of a folder, and one through a pipe",
        "/sys/kernel/iommu_groups/0/devices:\ntotal 0\n\
         12 lrwxrwxrwx 1 root root 0 Jun 21 19:40 0000:00:01.0 -> ../../../../devices/pci0000:00/0000:00:01.0\n\
         13 lrwxrwxrwx 1 root root 0 Jun 21 19:40 0000:01:00.0 -> ../../../../devices/pci0000:00/0000:01:00.0\n\
         $ ls -l /sys/kernel/iommu_groups/1/devices | grep pci\n\
         lrwxrwxrwx 1 root root 0 Jun 21 19:40 0000:00:02.0 -> ../../../../devices/pci0000:00/0000:00:02.0\n\
         ls -l /sys/bus/pci/devices\n\
         lrwxrwxrwx 1 root root 0 Jun 21 19:40 0000:00:1f.0 -> ../../../devices/pci0000:00/0000:00:1f.0\n",
    ),
    (
        "a table with parts, an empty line and a mark in a cell",
        "| Address | Device | IOMMU Group |\n|---|---|---|\n| **Bridges** | | |\n| 00:01.0 | A | 0 |\n\n\
         | 01:00.0 | B \\| C | 0 |\n| **Graphics** | | |\n| 00:02.0 | C | 1 |\n",
    ),
    (
        "a list, and prose with the word",
        "IOMMU Group 0 00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)\n\
         IOMMU Group 0 01:00.0 VGA compatible controller [0300]: B [10de:1c82]\n\
         IOMMU Group 1 00:02.0 Display controller [0380]: C [8086:3e92]\n\
         That is my iommu_group list.\n",
    ),
    (
        "a page that joined all lines",
        "IOMMU Group 0 00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07) \
         IOMMU Group 0 01:00.0 VGA compatible controller [0300]: B [10de:1c82] \
         IOMMU Group 1 00:02.0 Display controller [0380]: C [8086:3e92]\n",
    ),
    (
        "a log that a page joined",
        "[    0.500000] pci 0000:00:01.0: Adding to iommu group 0 [    0.500100] pci 0000:01:00.0: Adding to iommu \
         group 0 [    0.500200] pci 0000:00:02.0: Adding to iommu group 1\n",
    ),
    (
        "find, joined",
        "/sys/kernel/iommu_groups/0/devices/0000:00:01.0 /sys/kernel/iommu_groups/0/devices/0000:01:00.0 \
         /sys/kernel/iommu_groups/1/devices/0000:00:02.0\n",
    ),
    (
        "ls -l of each folder",
        "$ ls -l /sys/kernel/iommu_groups/0/devices/\ntotal 0\n\
         drwxr-xr-x 2 root root 0 Jun 21 19:40 .\n\
         lrwxrwxrwx 1 root root 0 Jun 21 19:40 0000:00:01.0 -> ../../../../devices/pci0000:00/0000:00:01.0\n\
         lrwxrwxrwx 1 root root 0 Jun 21 19:40 0000:01:00.0 -> ../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0\n\
         $ ls -l /sys/kernel/iommu_groups/1/devices/\ntotal 0\n\
         lrwxrwxrwx 1 root root 0 Jun 21 19:40 0000:00:02.0 -> ../../../../devices/pci0000:00/0000:00:02.0\n",
    ),
    (
        "Markdown with escapes",
        "IOMMU Group 0 00:01.0 PCI bridge \\[0604\\]: A \\[8086:1901\\] (rev 07)\n\
         IOMMU Group 0 01:00.0 VGA compatible controller \\[0300\\]: B \\[10de:1c82\\]\n\
         IOMMU Group 1 00:02.0 Display controller \\[0380\\]: C \\[8086:3e92\\]\n",
    ),
    (
        "ids first, behind bullets",
        "* IOMMU group 0:\n  * [8086:1901] 00:01.0 PCI bridge: A (rev 07)\n\
           * [10de:1c82] 01:00.0 VGA compatible controller: B\n\
         * IOMMU group 1:\n  * [8086:3e92] 00:02.0 Display controller: C\n",
    ),
    (
        "a table with words around the numbers",
        "| Address | Device | IOMMU Group |\n|---|---|---|\n| `00:01.0` | A | Group 0 |\n\
         | `01:00.0` | B | 0 (shared) |\n| `00:02.0` | C | 1, alone |\n\nLinks:\n\n\
         | Address | Device | Lanes |\n|---|---|---|\n| 00:1f.0 | D | 4 |\n",
    ),
    (
        "headings",
        "IOMMU Group 0:\n\t00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)\n\
         \t01:00.0 VGA compatible controller [0300]: B [10de:1c82]\nIOMMU Group 1:\n\
         \t00:02.0 Display controller [0380]: C [8086:3e92]\n",
    ),
    (
        "headings with empty lines",
        "IOMMU Group 0:\n\t00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)\n\
         \t01:00.0 VGA compatible controller [0300]: B [10de:1c82]\n\nIOMMU Group 1:\n\
         \t00:02.0 Display controller [0380]: C [8086:3e92]\n\n",
    ),
    (
        "one line for each function",
        "IOMMU Group 0 00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)\n\
         IOMMU Group 0 01:00.0 VGA compatible controller [0300]: B [10de:1c82]\n\
         IOMMU Group 1 00:02.0 Display controller [0380]: C [8086:3e92]\n",
    ),
    (
        "ids first",
        "IOMMU group 0:\t[8086:1901] 00:01.0 PCI bridge: A (rev 07)\n\
         \t\t[10de:1c82] 01:00.0 VGA compatible controller: B\n\
         IOMMU group 1:\t[8086:3e92] 00:02.0 Display controller: C\n",
    ),
    (
        "ids first, and columns",
        "Group 0:\t[8086:1901]     00:01.0  PCI bridge                               A\n\
         \t\t[10de:1c82] [R] 01:00.0  VGA compatible controller                B\n\
         Group 1:\t[8086:3e92]     00:02.0  Display controller                       C\n",
    ),
    (
        "a kernel log that a mail program has wrapped",
        "[    0.500000] pci 0000:00:01.0: Adding to iommu group 0\n\
         [    0.500100] pci 0000:01:00.0: Adding to iommu group 0\n\
         [    0.500200] pci 0000:00:02.0: Adding to iommu group 1\n\
         [    6.585949] [drm] Initialized nouveau 1.3.1 20120801 for \n0000:01:00.0 on minor 0\n",
    ),
    (
        "with drivers",
        "IOMMU Group 0:\n00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)\n\tKernel driver in use: pcieport\n\
         01:00.0 VGA compatible controller [0300]: B [10de:1c82]\n\tSubsystem: D [1462:8c96]\n\
         \tKernel driver in use: vfio-pci\nIOMMU Group 1:\n00:02.0 Display controller [0380]: C [8086:3e92]\n",
    ),
    (
        "verbose",
        "### IOMMU group 0\n00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)\n\
         \tFlags: bus master, IRQ 122, IOMMU group 0\n\n\
         01:00.0 VGA compatible controller [0300]: B [10de:1c82]\n\tFlags: bus master, IOMMU group 0\n\n\
         ### IOMMU group 1\n00:02.0 Display controller [0380]: C [8086:3e92]\n\tFlags: fast devsel, IOMMU group 1\n\n",
    ),
    (
        "find",
        "/sys/kernel/iommu_groups/0/devices/0000:00:01.0\n/sys/kernel/iommu_groups/0/devices/0000:01:00.0\n\
         /sys/kernel/iommu_groups/1/devices/0000:00:02.0\n",
    ),
    (
        "ls",
        "/sys/kernel/iommu_groups/0/devices:\n0000:00:01.0  0000:01:00.0\n\n\
         /sys/kernel/iommu_groups/1/devices:\n0000:00:02.0\n",
    ),
    (
        "ls -l",
        "lrwxrwxrwx 1 root root 0 Nov 1 10:00 /sys/kernel/iommu_groups/0/devices/0000:00:01.0 -> ../../../../devices/pci0000:00/0000:00:01.0\n\
         lrwxrwxrwx 1 root root 0 Nov 1 10:00 /sys/kernel/iommu_groups/0/devices/0000:01:00.0 -> ../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0\n\
         lrwxrwxrwx 1 root root 0 Nov 1 10:00 /sys/kernel/iommu_groups/1/devices/0000:00:02.0 -> ../../../../devices/pci0000:00/0000:00:02.0\n",
    ),
    (
        "links of functions",
        "/sys/bus/pci/devices/0000:00:01.0/iommu_group -> ../../../kernel/iommu_groups/0\n\
         /sys/bus/pci/devices/0000:01:00.0/iommu_group -> ../../../../kernel/iommu_groups/0\n\
         /sys/bus/pci/devices/0000:00:02.0/iommu_group -> ../../../kernel/iommu_groups/1\n",
    ),
    (
        "kernel log",
        "[    0.53] pci 0000:00:01.0: Adding to iommu group 0\n[    0.53] pci 0000:00:02.0: Adding to iommu group 1\n\
         Nov 01 10:00:00 host kernel: pci 0000:01:00.0: Adding to iommu group 0\n",
    ),
    (
        "old kernel log",
        "iommu: Adding device 0000:00:01.0 to group 0\niommu: Adding device 0000:00:02.0 to group 1\n\
         iommu: Adding device 0000:01:00.0 to group 0\n",
    ),
    (
        "table",
        "┌──────────┬────────┬──────────────┬────────────┬────────┐\n\
         │ class    │ device │ id           │ iommugroup │ vendor │\n\
         │ 0x060400 │ 0x1901 │ 0000:00:01.0 │          0 │ 0x8086 │\n\
         │ 0x038000 │ 0x3e92 │ 0000:00:02.0 │          1 │ 0x8086 │\n\
         │ 0x030000 │ 0x1c82 │ 0000:01:00.0 │          0 │ 0x10de │\n",
    ),
    (
        "table with rules between the rows",
        "┌──────────┬────────┬──────────────┬────────────┬────────┐\n\
         │ class    │ device │ id           │ iommugroup │ vendor │\n\
         ╞══════════╪════════╪══════════════╪════════════╪════════╡\n\
         │ 0x060400 │ 0x1901 │ 0000:00:01.0 │          0 │ 0x8086 │\n\
         ├──────────┼────────┼──────────────┼────────────┼────────┤\n\
         │ 0x038000 │ 0x3e92 │ 0000:00:02.0 │          1 │ 0x8086 │\n\
         ├──────────┼────────┼──────────────┼────────────┼────────┤\n\
         │ 0x030000 │ 0x1c82 │ 0000:01:00.0 │          0 │ 0x10de │\n\
         └──────────┴────────┴──────────────┴────────────┴────────┘\n",
    ),
    (
        "pvesh as JSON",
        "[{\"class\":\"0x060400\",\"device\":\"0x1901\",\"id\":\"0000:00:01.0\",\"iommugroup\":0,\"vendor\":\"0x8086\"},\
         {\"id\":\"0000:00:02.0\",\"iommugroup\":1},{\"id\":\"0000:01:00.0\",\"iommugroup\":0}]",
    ),
    (
        "libvirt",
        "<device>\n  <name>pci_0000_01_00_0</name>\n  <capability type='pci'>\n    <class>0x030000</class>\n\
         <product id='0x1c82'>B</product>\n<vendor id='0x10de'>D</vendor>\n<iommuGroup number='0'>\n\
         <address domain='0x0000' bus='0x00' slot='0x01' function='0x0'/>\n\
         <address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>\n</iommuGroup>\n</capability>\n</device>\n\
         <device><name>pci_0000_00_02_0</name><iommuGroup number='1'>\
         <address domain='0x0000' bus='0x00' slot='0x02' function='0x0'/></iommuGroup></device>\n",
    ),
    (
        "records",
        "Slot:\t00:01.0\nClass:\tPCI bridge [0604]\nIOMMUGroup:\t0\n\nSlot:\t00:02.0\nIOMMUGroup:\t1\n\n\
         Slot:\t01:00.0\nClass:\tVGA compatible controller [0300]\nIOMMUGroup:\t0\n",
    ),
];

fn read(name: &str, text: &str) -> Topology {
    parse("groups.txt", text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"))
}

#[test]
fn each_form_gives_the_groups() {
    let expected = EXPECTED.map(|group| group.iter().map(|one| bdf(one)).collect::<Vec<_>>());
    for (name, text) in FORMS {
        let machine = read(name, text);
        assert_eq!(recorded(&machine), expected, "{name}\n{text}");
        let quoted = format!("> {}\n", text.trim_end().replace('\n', "\n> "));
        if name != "pvesh as JSON" {
            assert_eq!(recorded(&read(name, &quoted)), expected, "{name}\n{quoted}");
        }
        if name != "verbose" {
            let (problem, remedy) = lacks_capabilities(&machine).expect("it shows none");
            assert!(
                problem.contains("group") && remedy.contains("lspci"),
                "{name}: {problem}"
            );
        }
    }
}

const DETAILS: &str = "\
00:01.0 PCI bridge [0604]: A [8086:1901] (rev 07)
\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0
\tCapabilities: [a0] Express (v2) Root Port (Slot+), MSI 00

00:02.0 Display controller [0380]: C [8086:3e92]
\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
\tCapabilities: [70] Express (v2) Root Complex Integrated Endpoint, MSI 00

01:00.0 VGA compatible controller [0300]: B [10de:1c82]
\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
\tCapabilities: [78] Express (v2) Legacy Endpoint, MSI 00

";

/// A list of groups and the details of the same host, in one file in both orders, and in two files.
#[test]
fn groups_and_details_are_merged() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let write = |name: &str, text: &str| {
        let path = folder.join(format!("merge-{name}.txt"));
        fs::write(&path, text).expect("the target folder can be written to");
        path
    };
    let alone = read("details", DETAILS);
    assert!(recorded(&alone).is_empty());
    for (name, text) in FORMS {
        // This one shows capabilities itself: none.
        if name == "verbose" {
            continue;
        }
        if matches!(name, "table" | "pvesh as JSON" | "libvirt" | "records") {
            let files = [write("groups", text), write("details", DETAILS)];
            let machine = read_all(&files).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(recorded(&machine).len(), 2, "{name}");
            assert_eq!(
                machine.functions[0].pcie_type, alone.functions[0].pcie_type,
                "{name}"
            );
            continue;
        }
        for whole in [format!("{text}\n{DETAILS}"), format!("{DETAILS}\n{text}")] {
            let machine = read(name, &whole);
            assert_eq!(recorded(&machine).len(), 2, "{name}\n{whole}");
            for (one, other) in machine.functions.iter().zip(&alone.functions) {
                assert_eq!(
                    (one.bdf, &one.pcie_type, one.secondary),
                    (other.bdf, &other.pcie_type, other.secondary)
                );
            }
        }
    }
}

/// A log or a list of another machine than the listing is not read with it.
#[test]
fn the_groups_of_another_machine_are_refused() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let log = |all: &[&str]| {
        let line = |(number, bdf): (usize, &&str)| {
            format!("pci 0000:{bdf}: Adding to iommu group {number}\n")
        };
        all.iter().enumerate().map(line).collect::<String>()
    };
    let other = log(&["00:01.0", "00:02.0", "02:00.0"]);
    let error = parse("t", &format!("{other}{DETAILS}"))
        .expect_err("two machines")
        .to_string();
    let problem = "0000:02:00.0: the groups name it, and the listing lacks it and has 0000:01:00.0";
    assert!(error.starts_with(&format!("t:3: {problem}")), "{error}");
    let path = |name: &str, text: &str| {
        let path = folder.join(format!("apart-{name}.txt"));
        fs::write(&path, text).expect("the target folder can be written to");
        path
    };
    let details = path("details", DETAILS);
    let files = [path("other", &other), details.clone()];
    let error = read_all(&files).expect_err("two machines").to_string();
    assert!(error.contains(problem), "{error}");
    // The controls: a log of all functions and of one that was removed, and one whose end is lost.
    for all in [
        &["00:01.0", "00:02.0", "01:00.0", "02:00.0"][..],
        &["00:01.0", "00:02.0"],
    ] {
        let text = log(all);
        read("one machine", &format!("{text}{DETAILS}"));
        let files = [path("same", &text), details.clone()];
        assert!(read_all(&files).is_ok(), "{text}");
    }
}

/// The functions of another listing do not get the group of the last heading.
#[test]
fn a_heading_ends_with_its_list() {
    let list = "IOMMU Group 5:\n\t00:1f.0 ISA bridge [0601]: A [8086:a305]\n\n";
    let machine = read("heading", &format!("{list}{DETAILS}"));
    let groups: Vec<_> = machine
        .functions
        .iter()
        .map(|one| one.iommu_group)
        .collect();
    assert_eq!(groups, [None, None, Some(5), None]);
}

#[test]
fn two_groups_of_one_function_are_refused_unless_a_log_shows_the_change() {
    let log = "pci 0000:00:01.0: Adding to iommu group 0\npci 0000:00:01.0: Removing from iommu group 0\n\
               pci 0000:00:01.0: Adding to iommu group 3\n";
    let machine = read("log", log);
    assert_eq!(machine.functions[0].iommu_group, Some(3));
    assert_eq!(machine.regrouped, [bdf("0000:00:01.0")]);
    let paths = "/sys/kernel/iommu_groups/0/devices/0000:00:01.0\n/sys/kernel/iommu_groups/3/devices/0000:00:01.0\n";
    let error = parse("groups.txt", paths)
        .expect_err("it has two")
        .to_string();
    assert!(
        error.starts_with("groups.txt:2: 0000:00:01.0: its IOMMU group differs"),
        "{error}"
    );
    let twice = DETAILS.replace("A [8086:1901]", "A [8086:1905]");
    let error = parse("groups.txt", &format!("{DETAILS}{twice}")).expect_err("two machines");
    assert!(
        error
            .to_string()
            .contains("the device id differs from line 1"),
        "{error}"
    );
}

#[test]
fn a_text_that_shows_too_little_is_named() {
    for (text, message) in [
        (
            "-[0000:00]-+-00.0  A\n           +-01.0-[01]--+-00.0  B\n",
            "looks like lspci -t",
        ),
        (
            "00:00.0 \"Host bridge\" \"Intel\" \"Device\" -r0a \"Dell\" \"Device\"\n",
            "is a line of lspci -mm",
        ),
        (
            "[    0.5] DMAR: IOMMU enabled\n",
            "looks like a kernel log without groups",
        ),
        (
            "00:1f.0 ISA bridge [0601]: A [8086:a305]\n",
            "is a list of functions",
        ),
        (
            "vfio 0000:0a:00.0: group 25 is not viable\n",
            "looks like a message of VFIO that a function of the group has another driver",
        ),
        ("hello\n", "no line begins with the address"),
        ("\n\n", "is empty"),
    ] {
        let error = parse("a.txt", text).expect_err("it is refused").to_string();
        assert!(
            error.contains(message) && error.contains("lspci -D -vvvnn"),
            "{error}"
        );
    }
}

#[test]
fn ids_in_front_of_an_address_are_read() {
    for (name, text) in FORMS
        .iter()
        .filter(|(name, _)| name.starts_with("ids first"))
    {
        let topology = parse(name, text).unwrap_or_else(|error| panic!("{error}"));
        let mut ids = topology
            .functions
            .iter()
            .map(|one| (one.vendor.value(), one.device.map(topology::Hex::value)));
        assert_eq!(ids.next(), Some((0x8086, Some(0x1901))), "{name}");
        assert_eq!(ids.next_back(), Some((0x10de, Some(0x1c82))), "{name}");
    }
}

#[test]
fn the_version_of_the_kernel_is_in_its_log() {
    let of = |text: &str| {
        let groups = "pci 0000:00:01.0: Adding to iommu group 0\n";
        let topology = parse("it", &format!("{text}{groups}"));
        topology.unwrap_or_else(|error| panic!("{error}")).kernel
    };
    let first = "[    0.000000] Linux version 6.8.12-4-pve (build@proxmox) (gcc 12.2.0) #1 SMP\n";
    assert_eq!(of(first).as_deref(), Some("6.8.12-4-pve"));
    assert_eq!(
        of("Linux host 5.10.0-46-amd64 #1 SMP Debian 5.10.262-1\n").as_deref(),
        Some("5.10.0-46-amd64")
    );
    assert_eq!(
        of(&format!("{first}{first}")).as_deref(),
        Some("6.8.12-4-pve")
    );
    assert_eq!(
        of(&format!("{first}Linux host 5.10.0-46-amd64 #1 SMP\n")),
        None
    );
    assert_eq!(of("I use Linux 6.8 here\n"), None);
}

#[test]
fn the_override_is_in_the_log_of_the_kernel() {
    let of = |text: &str| {
        let groups = "pci 0000:00:01.0: Adding to iommu group 0\n";
        let topology = parse("it", &format!("{text}{groups}"));
        topology
            .unwrap_or_else(|error| panic!("{error}"))
            .acs_override
    };
    let line = |options: &str| {
        format!("[    0.000000] Command line: BOOT_IMAGE=/vmlinuz {options} quiet\n")
    };
    let both = "downstream,multifunction";
    let enabled = "[    0.1] Warning: PCIe ACS overrides enabled; This may allow non-IOMMU protected peer-to-peer DMA\n";
    let set = line(&format!("pcie_acs_override={both}"));
    assert_eq!(of(&set).as_deref(), Some(both));
    assert_eq!(
        of(&set.replace("Command", "Kernel command")).as_deref(),
        Some(both)
    );
    assert_eq!(of(&format!("{enabled}{set}")).as_deref(), Some(both));
    assert_eq!(of(enabled).as_deref(), Some(""));
    // The controls: another option, and a sentence that is no command line.
    assert_eq!(of(&line("intel_iommu=on")), None);
    assert_eq!(of("I booted with pcie_acs_override=downstream\n"), None);
}

#[test]
fn a_list_of_the_width_of_a_terminal_is_no_broken_text() {
    let list = (0..6).fold(String::new(), |text, number| {
        let line = format!("IOMMU Group {number} 0000:0{number}:00.0 Ethernet controller [0200]: ");
        text + &line + &"x".repeat(80 - line.len()) + "\n"
    });
    let topology = parse("it", &list).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(recorded(&topology).len(), 6);
}

#[test]
fn what_names_a_group_and_is_not_read_is_refused() {
    let list = "IOMMU Group 0:\n\t00:01.0 PCI bridge [0604]: A [8086:1901]\n";
    for damaged in ["1. IOMMU Group 1:", "I0MMU Group 1:", "My IOMMU Group 1:"] {
        let text = format!("{list}{damaged}\n\t00:02.0 Display controller [0380]: C [8086:3e92]\n");
        let error = parse("it", &text).expect_err(damaged).to_string();
        assert!(
            error.contains("it:3: names a group or stands in place of one"),
            "{error}"
        );
    }
    let path = "/sys/kernel/iommu_groups/0/devices/0000:00:0l.0\n/sys/kernel/iommu_groups/0/devices/0000:01:00.0\n";
    let error = parse("it", path).expect_err("it is damaged").to_string();
    assert!(error.contains("it:1: the address is damaged"), "{error}");
    let timed = "10:11:01.001 /sys/kernel/iommu_groups/0/devices/0000:01:00.0\n";
    let topology = parse("it", timed).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(recorded(&topology), [[bdf("0000:01:00.0")]]);
}

/// A group that is no number is not taken for none.
#[test]
fn a_row_whose_group_cannot_be_read_is_refused() {
    let text = "| id | iommugroup | x |\n|---|---|---|\n| 0000:00:01.0 | 4 | a |\n| 0000:00:02.0 | four | a |\n";
    let error = parse("table.txt", text)
        .expect_err("it is refused")
        .to_string();
    assert!(
        error.starts_with("table.txt:4: 0000:00:02.0: its group is \"four\""),
        "{error}"
    );
    for none in ["-1", "n/a", "-", ""] {
        let text = text.replace("four", none);
        let machine = read("table.txt", &text);
        assert_eq!(machine.functions[1].iommu_group, None, "{none}");
        assert_eq!(machine.functions[0].iommu_group, Some(4));
    }
}

/// What the log says of a function is known, and a bridge does not count as a device.
#[test]
fn a_kernel_log_describes_functions() {
    let log = "[    1.1] pci 0000:00:01.0: [8086:1901] type 01 class 0x060400 PCIe Root Port\n\
               [    1.2] pci 0000:01:00.0: [10de:1c82] type 00 class 0x030000 PCIe Legacy Endpoint\n\
               [    1.3] pci 0000:00:01.0: Adding to iommu group 0\n\
               [    1.4] pci 0000:01:00.0: Adding to iommu group 0\n";
    let machine = read("log.txt", log);
    let [port, card] = &machine.functions[..] else {
        panic!("{machine:?}")
    };
    assert_eq!(port.header, Header::Bridge);
    assert_eq!(port.class.map(|class| class.0), Some(0x0006_0400));
    assert_eq!(
        (card.vendor.value(), card.header),
        (0x10de, Header::Endpoint)
    );
    assert_eq!(card.iommu_group, Some(0));
    assert!(!card.pcie_known);
}

/// The lists of a machine whose group 0 has two functions: with ids, with names, and with bare addresses.
const LISTS: [&str; 3] = [
    "IOMMU Group 0:\n\t0a:00.0 VGA compatible controller [0300]: A [10de:1c82] (rev a1)\n\
     \t0a:00.1 Audio device [0403]: B [10de:0fb9] (rev a1)\nIOMMU Group 1:\n\
     \t0b:00.0 USB controller [0c03]: C [8086:a36d]\n",
    "IOMMU Group 0:\n\t0a:00.0 VGA compatible controller: NVIDIA Corporation A\n\
     \t0a:00.1 Audio device: NVIDIA Corporation B\nIOMMU Group 1:\n\t0b:00.0 USB controller: Intel Corporation C\n",
    "IOMMU Group 0:\n\t0a:00.0\n\t0a:00.1\nIOMMU Group 1:\n\t0b:00.0\n",
];

/// People mark the line that they mean.
#[test]
fn a_marked_function_of_a_list_is_read() {
    for list in LISTS
        .into_iter()
        .flat_map(|list| [list.to_owned(), list.replace('\t', "")])
    {
        let groups = recorded(&read("list", &list));
        let line = list.lines().nth(2).expect("it has the line").trim();
        let rest = line.trim_start_matches("0a:00.1");
        for marked in [
            format!("--> {line}"),
            format!("!!! {line}"),
            format!("\u{1f816} {line}"),
            format!("**{line}**"),
            format!("**0a:00.1**{rest}"),
            format!("`0a:00.1`{rest}"),
            format!("[0a:00.1]{rest}"),
            format!("(0a:00.1){rest}"),
            format!("GPU: {line}"),
            format!("1. {line}"),
            format!("pci {line}"),
        ] {
            let text = list.replace(line, &marked);
            assert_eq!(recorded(&read(&marked, &text)), groups, "{text}");
        }
    }
}

/// The reader refuses a line below a heading whose address is damaged or cut, and never loses it.
#[test]
fn a_damaged_function_of_a_list_is_refused() {
    for list in LISTS
        .into_iter()
        .flat_map(|list| [list.to_owned(), list.replace('\t', "")])
    {
        for damaged in [
            "0a:00,1",
            "Oa:OO.1",
            "0a\u{ff1a}00.1",
            "0a:001",
            "0a:00:1",
            "0a:00.",
            "0a:0",
            "0a:",
            "0a :00.1",
            "a:00.1",
        ] {
            let text = list.replace("0a:00.1", damaged);
            let error = parse("t", &text).expect_err(&text).to_string();
            assert!(error.starts_with("t:3: "), "{damaged}: {error}");
            // The line ends within the address.
            let line = list.lines().nth(2).expect("it has the line").trim();
            let text = list.replace(line, damaged);
            let error = parse("t", &text).expect_err(&text).to_string();
            assert!(error.starts_with("t:3: "), "{damaged}: {error}");
        }
        // The controls: prose with known addresses, times and other numbers behind the list.
        let prose = "\nI want to pass 0a:00.0 and 0a:00.1, see 0000:0a:00 at 12:30.\n";
        let groups = recorded(&read("list", &list));
        assert_eq!(recorded(&read("prose", &format!("{list}{prose}"))), groups);
        // Another function is not known to the list.
        let prose = "\nI want to pass 0a:00.2 too.\n";
        let error = parse("t", &format!("{list}{prose}"))
            .expect_err(prose)
            .to_string();
        assert!(
            error.contains("0000:0a:00.2: stands in a list of groups"),
            "{error}"
        );
    }
}

/// A terminal breaks lines anywhere. Each width gives the groups of the list, or an error.
#[test]
fn a_narrow_terminal_loses_no_function() {
    let unraid = "IOMMU group 0:\t[10de:1c82] 0a:00.0 VGA compatible controller: NVIDIA Corporation A (rev a1)\n\
         \t\t\t[10de:0fb9] 0a:00.1 Audio device: NVIDIA Corporation B (rev a1)\n\
         IOMMU group 1:\t[8086:a36d] 0b:00.0 USB controller: Intel Corporation C\n";
    let link = |bdf: &str| {
        format!(
            "lrwxrwxrwx 1 root root 0 Nov 30 12:00 {bdf} -> ../../../../devices/pci0000:00/{bdf}\n"
        )
    };
    let folders = format!(
        "/sys/kernel/iommu_groups/0/devices:\ntotal 0\n{}{}\n/sys/kernel/iommu_groups/1/devices:\ntotal 0\n{}",
        link("0000:0a:00.0"),
        link("0000:0a:00.1"),
        link("0000:0b:00.0")
    );
    let braces =
        "IOMMU Group 0: 0a:00.0, 0a:00.1, 0a:00.2, 0a:00.3, 0a:00.4\nIOMMU Group 1: 0b:00.0\n";
    let lists = LISTS.into_iter().chain([unraid, folders.as_str(), braces]);
    for list in lists {
        let groups = recorded(&read("list", list));
        let mut read = 0;
        for width in 30..=100 {
            let broken = list.replace('\t', "        ");
            let broken = broken.lines().map(|line| {
                let letters: Vec<_> = line.chars().collect();
                let parts = letters.chunks(width).map(String::from_iter);
                parts.collect::<Vec<_>>().join("\n") + "\n"
            });
            let broken = broken.collect::<String>();
            match parse("t", &broken) {
                Ok(machine) => {
                    assert_eq!(recorded(&machine), groups, "{broken}");
                    read += 1;
                }
                Err(error) => assert!(error.line.is_some(), "{error}\n{broken}"),
            }
        }
        assert!(read > 20, "only {read} widths of\n{list}");
    }
}

/// What cannot be read is refused, with its line, and nothing is lost or put into another group.
#[test]
fn damaged_lists_are_refused() {
    let list = "IOMMU Group 5:\n00:04.0 USB controller [0c03]: A [8086:a36d]\n\n";
    let table = "| Address | Device | IOMMU Group |\n|---|---|---|\n| 00:01.0 | A | 0 |\n";
    let folder = "/sys/kernel/iommu_groups/5/devices:\n\
                  lrwxrwxrwx 1 root root 0 Nov  1 10:00 0000:00:04.0 -> ../../../../devices/pci0000:00/0000:00:04.0\n";
    for (text, message) in [
        (
            format!("{list}IOMMU Group 6 (shared):\n00:05.0 USB controller [0c03]: B [8086:a36d]\n"),
            "t:4: names a group or stands in place of one",
        ),
        (
            "pci 0000:00:04.0: Adding to iommu group 4\npci 0000:00:05.0: Adding to\niommu group 5\n".to_owned(),
            "t:2: ends within a message of the kernel",
        ),
        (
            "pci 0000:00:01.0: Adding to iommu group 0pci 0000:00:02.0: Adding to iommu group 1\n".to_owned(),
            "t:1: the address is damaged",
        ),
        (format!("{table}| 01:00.0 | B | C | 0 |\n"), "t:4: 0000:01:00.0: the row has 4 cells"),
        (format!("{table}| 01:0g.0 | B | 0 |\n"), "t:4: the row has no address that is whole"),
        (format!("{table}| 01:00,0 | B | 0 |\n"), "t:4: the row has no address that is whole"),
        (format!("{table}| 01:0\u{2026} | B | 0 |\n"), "t:4: the row has no address that is whole"),
        (format!("{table}| that one | B | 0 |\n"), "t:4: the row has no address that is whole"),
        (format!("{table}| 01:"), "t:4: the row has no address that is whole"),
        (format!("{table}| 0"), "t:4: the row has no address that is whole"),
        (
            "ID\tIOMMU Group\tVendor\n0000:00:01.0\t0\tA\n0000:01:00\t0\tA\n".to_owned(),
            "t:3: the row has no address that is whole",
        ),
        (
            "id name iommu_group\n0000:00:01.0 A 1\n0000:01:00.0 RTX 3080 15\n".to_owned(),
            "t:3: 0000:01:00.0: the words of the row do not fit",
        ),
        (
            "/sys/kernel/iommu_groups\n├── 0\n│   ├── devices\n│   │   ├── 0000:00:01.0 -> ../../../../devices/a\n\
             │   │   └── 0000:00:0\n"
                .to_owned(),
            "t:5: the address is damaged",
        ),
        (
            format!("{folder}lrwxrwxrwx 1 root root 0 Nov  1 10:00 0000:00:0\n"),
            "t:3: is no whole link",
        ),
        (
            "Slot:\t00:04.0\nIOMMUGroup:\t5\n\nSlot:\t00:0g.0\nIOMMUGroup:\t7\n".to_owned(),
            "t:4: Slot: \"00:0g.0\" is no address",
        ),
    ] {
        let error = parse("t", &text).expect_err(&text).to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

/// What people write below and between the groups of a list changes no group; a function that only prose names is refused.
#[test]
fn prose_in_a_list_is_no_member() {
    const LIST: &str = "\
        IOMMU Group 0:\n\t00:01.0 PCI bridge [0604]: Some Port [1022:1483]\n\
        IOMMU Group 1:\n\t01:00.0 VGA compatible controller [0300]: Some Card [10de:2204]\n";
    let read = |text: &str| parse("groups.txt", text);
    let whole = recorded(&read(LIST).expect("it is sound"));
    for prose in [
        "Edit: it is 6.8.12 now.",
        "Note: I use the card in the first slot.",
        "BIOS: F38",
        "bios: ovmf",
        "ide2: local:iso/x.iso",
        "Code: none",
        "PCIe: 4.0",
        "see https://example.org/threads/12:3.4",
        "What about 01:00.0?",
        "My GPU 01:00.0",
        "- GPU (01:00.0)",
    ] {
        for text in [format!("{LIST}\n{prose}\n"), format!("{LIST}{prose}\n")] {
            let found = read(&text).unwrap_or_else(|error| panic!("{prose}: {error}"));
            assert_eq!(recorded(&found), whole, "{prose}");
        }
    }
    let refused = read(&format!("{LIST}\nMy GPU 02:00.0\n")).expect_err("no list has it");
    assert!(refused.to_string().contains("02:00.0"), "{refused}");
}
