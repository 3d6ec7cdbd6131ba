// SPDX-License-Identifier: GPL-2.0-only

//! Damages texts as mail programs, forums, terminals and people do. The answer is that of the
//! undamaged text, or an error with a line; never another machine.
//!
//! `PASTED_CASES` sets the number of damaged texts.

mod common;

use std::{env, fs, path::Path};

use fastrand::Rng;
use topology::{Error, Topology, parse, read};

use common::{bdf, groups};

/// A machine as lspci -vvvnn prints it.
const WHOLE: &str = "\
00:00.0 Host bridge [0600]: Intel Corporation Device [8086:3e1f] (rev 08)
\tSubsystem: Some Board Vendor Device [1462:7b61]
\tControl: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-
\tStatus: Cap+ 66MHz- UDF- FastB2B+ ParErr- DEVSEL=fast >TAbort- <TAbort- <MAbort+ >SERR- <PERR- INTx-
\tIOMMU group: 0
\tKernel driver in use: skl_uncore

00:01.0 PCI bridge [0604]: Intel Corporation 6th-10th Gen Core Processor PCIe Controller (x16) [8086:1901] (rev 07) (prog-if 00 [Normal decode])
\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
\tInterrupt: pin A routed to IRQ 122
\tIOMMU group: 1
\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0
\tCapabilities: [a0] Express (v2) Root Port (Slot+), MSI 00
\t\tDevCap:\tMaxPayload 256 bytes, PhantFunc 0
\t\t\tExtTag- RBE+
\tKernel driver in use: pcieport

00:1c.0 PCI bridge [0604]: Intel Corporation Device [8086:a33c] (rev f0) (prog-if 00 [Normal decode])
\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
\tIOMMU group: 2
\tBus: primary=00, secondary=02, subordinate=02, sec-latency=0
\tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00
\tCapabilities: [140 v1] Access Control Services
\t\tACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-
\t\tACSCtl:\tSrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-
\tKernel driver in use: pcieport

00:1f.0 ISA bridge [0601]: Intel Corporation Device [8086:a305] (rev 10)
\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-
\tIOMMU group: 3

00:1f.3 Audio device [0403]: Intel Corporation Cannon Lake PCH cAVS [8086:a348] (rev 10)
\tControl: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
\tIOMMU group: 3
\tKernel driver in use: snd_hda_intel

01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GP107 [GeForce GTX 1050 Ti] [10de:1c82] (rev a1) (prog-if 00 [VGA controller])
\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx+
\tIOMMU group: 1
\tCapabilities: [78] Express (v2) Legacy Endpoint, MSI 00

01:00.1 Audio device [0403]: NVIDIA Corporation GP107GL High Definition Audio Controller [10de:0fb9] (rev a1)
\tControl: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-
\tIOMMU group: 1
\tCapabilities: [78] Express (v2) Endpoint, MSI 00

02:00.0 Non-Volatile memory controller [0108]: Samsung Electronics Co Ltd NVMe SSD Controller SM981/PM981/PM983 [144d:a808] (prog-if 02 [NVM Express])
\tControl: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-
\tIOMMU group: 4
\tCapabilities: [70] Express (v2) Endpoint, MSI 00

";

type Damage = (&'static str, fn(&mut Rng, &str) -> String);

fn each(text: &str, change: impl FnMut(&str) -> String) -> String {
    let lines: Vec<_> = text.lines().map(change).collect();
    lines.join("\n") + "\n"
}

/// Changes the lines from a random one on, or all.
fn part(rng: &mut Rng, text: &str, change: impl Fn(&str) -> String) -> String {
    let from = if rng.bool() {
        0
    } else {
        rng.usize(..text.lines().count())
    };
    let mut at = 0;
    each(text, |line| {
        at += 1;
        if at > from {
            change(line)
        } else {
            line.to_owned()
        }
    })
}

/// Breaks lines at spaces, as a mail program does.
fn wrapped(rng: &mut Rng, text: &str) -> String {
    let width = rng.usize(45..100);
    each(text, |line| {
        let mut out = String::new();
        let mut column = 0;
        for word in line.split(' ') {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > width {
                out.push('\n');
                column = 0;
            } else if !out.is_empty() {
                out.push(' ');
                column += 1;
            }
            out += word;
            column += length;
        }
        out
    })
}

const DAMAGES: [Damage; 18] = [
    ("quoted", |rng, text| {
        let mark = ["> ", ">", ">> ", "> > ", "| ", "  > "][rng.usize(..6)];
        part(rng, text, |line| format!("{mark}{line}"))
    }),
    ("indented", |rng, text| {
        let by = " ".repeat(rng.usize(1..9));
        each(text, |line| format!("{by}{line}"))
    }),
    ("some lines indented", |rng, text| {
        let which = rng.usize(2..6);
        let mut at = 0;
        each(text, |line| {
            at += 1;
            let is_one = at % which == 0 && !line.is_empty();
            if is_one {
                format!("  {line}")
            } else {
                line.to_owned()
            }
        })
    }),
    ("not indented", |_, text| {
        each(text, |line| line.trim().to_owned())
    }),
    ("tabs as spaces", |rng, text| {
        let by = " ".repeat(rng.usize(1..9));
        text.replace('\t', &by)
    }),
    ("coloured", |rng, text| {
        let escape = if rng.bool() { "\u{1b}" } else { "" };
        each(text, |line| match line.split_once(' ') {
            Some((first, rest)) => format!("{escape}[1;32m{first}{escape}[0m {rest}{escape}[m"),
            None => line.to_owned(),
        })
    }),
    ("in capitals", |_, text| text.to_uppercase()),
    ("with a mark", |_, text| format!("\u{feff}{text}")),
    ("carriage returns", |_, text| text.replace('\n', "\r\n")),
    ("no-break spaces", |_, text| text.replace(' ', "\u{a0}")),
    ("paths", |_, text| {
        text.replace("\n01:00.", "\n00:01.0/01:00.")
            .replace("\n02:00.0", "\n00:1c.0/02:00.0")
    }),
    ("short paths", |_, text| {
        text.replace("\n01:00.", "\n00:01.0/00.")
            .replace("\n02:00.0", "\n00:1c.0/00.0")
    }),
    ("wrapped", wrapped),
    ("in a block", |rng, text| {
        let (before, after) = [
            ("```\n", "```\n"),
            ("[code]", "[/code]"),
            ("<pre>\n", "</pre>"),
            ("~~~text\n", "~~~\n"),
        ][rng.usize(..4)];
        format!("Hello,\n\nhere it is:\n{before}{text}{after}\nThank you!\n")
    }),
    ("escaped", |_, text| {
        text.replace('>', "&gt;").replace('<', "&lt;")
    }),
    ("twice", |_, text| format!("{text}\n{text}")),
    ("after a list", |_, text| {
        let headers = text
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        let list: Vec<_> = headers.collect();
        format!("$ lspci -nn\n{}\n$ lspci -vvvnn\n{text}", list.join("\n"))
    }),
    ("with a line lost", |rng, text| {
        let lost = rng.usize(..text.lines().count());
        let kept = text.lines().enumerate().filter(|(at, _)| *at != lost);
        let kept: Vec<_> = kept.map(|(_, line)| line).collect();
        // Only the first line of a function leaves a trace.
        let is_header = text
            .lines()
            .nth(lost)
            .is_some_and(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        if is_header {
            kept.join("\n") + "\n"
        } else {
            text.to_owned()
        }
    }),
];

fn read_text(text: &str) -> Result<Topology, Error> {
    parse("pasted.txt", text)
}

/// What decides on the groups.
fn facts(machine: &Topology) -> Vec<String> {
    let functions = machine.functions.iter();
    functions
        .map(|one| {
            format!(
                "{} {} {:?} {:?} {:?} {:?} {:?} {:?}",
                one.bdf,
                one.vendor,
                one.device,
                one.pcie_type,
                one.acs,
                one.secondary,
                one.iommu_group,
                one.header
            )
        })
        .collect()
}

#[track_caller]
fn check(names: &[&str], damaged: &str, whole: &Topology) -> bool {
    match read_text(damaged) {
        Ok(machine) => {
            assert_eq!(facts(&machine), facts(whole), "{names:?}\n{damaged}");
            assert_eq!(groups(&machine), groups(whole), "{names:?}\n{damaged}");
            true
        }
        Err(error) => {
            assert!(error.line.is_some(), "{names:?}: {error}\n{damaged}");
            false
        }
    }
}

#[test]
fn one_damage_is_read_through() {
    let whole = read_text(WHOLE).expect("it is sound");
    assert_eq!(whole.functions.len(), 8);
    let mut rng = Rng::with_seed(1);
    for (name, damage) in DAMAGES {
        for _ in 0..20 {
            let damaged = damage(&mut rng, WHOLE);
            let is_read = check(&[name], &damaged, &whole);
            let may_refuse = matches!(name, "with a line lost" | "wrapped");
            assert!(
                is_read || may_refuse,
                "{name}: {}\n{damaged}",
                read_text(&damaged).unwrap_err()
            );
        }
    }
}

#[test]
fn several_damages_never_change_the_machine() {
    let whole = read_text(WHOLE).expect("it is sound");
    let cases = env::var("PASTED_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let mut read = 0;
    let cases: u64 = cases.unwrap_or(400);
    for seed in 0..cases {
        let mut rng = Rng::with_seed(seed);
        let mut text = WHOLE.to_owned();
        let mut names = Vec::new();
        for _ in 0..rng.usize(1..=3) {
            let (name, damage) = DAMAGES[rng.usize(..DAMAGES.len())];
            text = damage(&mut rng, &text);
            names.push(name);
        }
        read += u64::from(check(&names, &text, &whole));
    }
    assert!(read * 2 > cases, "only {read} of {cases} were read");
}

/// A text that is cut within a function is marked, refused, or shows that the way to a function is
/// missing. No function that is left changes its group otherwise.
#[test]
fn a_cut_within_a_function_is_noticed() {
    let whole = read_text(WHOLE).expect("it is sound");
    for cut in (0..WHOLE.len()).step_by(7) {
        let text = &WHOLE[..cut];
        let Ok(machine) = read_text(text) else {
            continue;
        };
        let begins: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        assert_eq!(begins.len(), machine.functions.len(), "{text}");
        let is_between = text.ends_with("\n\n")
            || text
                .trim_end()
                .lines()
                .last()
                .is_some_and(|line| line.contains("Kernel driver"));
        let last = machine.functions.last().expect("there is one");
        let is_header = !text
            .trim_end()
            .lines()
            .last()
            .is_some_and(|line| line.starts_with('\t'));
        if !is_between && !is_header {
            assert_eq!(machine.incomplete, Some(last.bdf), "{text}");
        }
        for (function, expected) in machine
            .functions
            .iter()
            .zip(&whole.functions)
            .take(machine.functions.len() - 1)
        {
            assert_eq!(function, expected);
        }
    }
}

/// Marks in place of functions.
#[test]
fn lines_left_out_between_functions_are_noticed() {
    let (before, after) = WHOLE.split_once("\n\n00:01.0").expect("it is there");
    let gaps = |mark: &str| {
        let text = format!("{before}\n\n{mark}\n\n00:01.0{after}");
        read_text(&text).expect("it is sound").gaps
    };
    for mark in [
        "[...]",
        "...",
        "[snip]",
        "[cut]",
        "[truncated]",
        "<output truncated>",
        "(rest omitted)",
        "--- cut ---",
        "=== 20 lines cut ===",
        "\u{2026}",
        ". . .",
        "[Truncated, 4523 chars]",
        "[4 lines removed]",
        "[skipped]",
        "<skip>",
        "(some lines are missing)",
        "8<----",
        "--->8---",
        "[gek\u{fc}rzt]",
    ] {
        assert_eq!(gaps(mark), [bdf("0000:00:00.0")], "{mark}");
    }
    for other in ["", "and here is the port:", "--- port ---"] {
        assert_eq!(gaps(other), [], "{other}");
    }
}

#[test]
fn other_encodings_and_files_are_read() {
    let whole = facts(&read_text(WHOLE).expect("it is sound"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let le: Vec<u8> = WHOLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let be: Vec<u8> = WHOLE.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (name, bytes) in [
        ("le", [b"\xff\xfe", &le[..]].concat()),
        ("be", [b"\xfe\xff", &be[..]].concat()),
        ("without-mark", le),
        ("utf8", [b"\xef\xbb\xbf", WHOLE.as_bytes()].concat()),
        (
            "latin1",
            WHOLE
                .replace("Board", "B_ard")
                .bytes()
                .map(|byte| if byte == b'_' { 0xf6 } else { byte })
                .collect(),
        ),
    ] {
        let path = folder.join(format!("pasted-{name}.txt"));
        fs::write(&path, bytes).expect("the target folder can be written to");
        assert_eq!(facts(&read(&path).expect("it is sound")), whole, "{name}");
    }
    let path = folder.join("pasted.gz");
    fs::write(&path, b"\x1f\x8b\x08").expect("the target folder can be written to");
    let error = read(&path).expect_err("it is compressed").to_string();
    assert!(error.contains("is compressed; unpack it"), "{error}");
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let error = read_text(text).expect_err("it is refused").to_string();
    assert!(error.contains(message), "{error}");
}

#[test]
fn lines_that_belong_to_no_function_are_refused() {
    refused(
        &WHOLE.replace("00:1c.0 PCI", "00:3c.0 PCI"),
        "pasted.txt:18: begins like a function",
    );
    refused(
        &WHOLE.replace("00:1c.0 PCI", "PCI"),
        "pasted.txt:18: looks like a function without its address",
    );
    refused(
        &WHOLE.replace("01:00.1 Audio", "1.1 Audio"),
        "looks like a function without its address",
    );
    refused(&WHOLE.replace("\n\n00:1c.0 PCI bridge [0604]: Intel Corporation Device [8086:a33c] (rev f0) (prog-if 00 [Normal decode])", ""), "comes a second time");
    refused(
        &WHOLE[WHOLE.find("\tControl").expect("it is there")..],
        "no first line of a function is above it",
    );
    let other = WHOLE.replace("8086:a33c", "8086:a33d");
    refused(
        &format!("{WHOLE}{other}"),
        "the device id differs from line 18",
    );
    let other = WHOLE.replace("\n02:00.0", "\n03:00.0").replace(
        "secondary=02, subordinate=02",
        "secondary=03, subordinate=03",
    );
    refused(
        &format!("{WHOLE}{other}"),
        "another listing begins here, which has 0000:03:00.0 and lacks 0000:02:00.0",
    );
}

#[test]
fn text_around_the_output_does_not_matter() {
    let whole = read_text(WHOLE).expect("it is sound");
    let prose = "I have a problem with my card.\nSee below: it is the second one.\n\n".repeat(200);
    assert_eq!(
        read_text(&format!("{prose}{WHOLE}\nThe end.\n")),
        Ok(whole.clone())
    );
    let prompt = WHOLE.replace(
        "\n\n00:1f.3",
        "\npcilib: sysfs_read_vpd: read failed: No such device\n\n00:1f.3",
    );
    assert_eq!(
        read_text(&format!(
            "root@host:~# lspci -vvvnn\n{prompt}root@host:~# \n"
        )),
        Ok(whole)
    );
    assert_eq!(bdf("0000:02:00.0").to_string(), "0000:02:00.0");
}
