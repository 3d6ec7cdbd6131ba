// SPDX-License-Identifier: GPL-2.0-only

//! What a kernel answers, before and after a patch, held against the decision that the module takes
//! by the entry.
//!
//! The kernel's function is compiled for the host, with the little that it needs of a kernel. It and
//! the decision look at the same bytes of configuration space.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod mutants;
pub(crate) mod probes;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use quirk_data::{built, quirk::Quirk};
use rules::{
    acs::AcsFlags,
    decision::{Decision, KernelVerdict, decide},
    release::Release,
    table::Table,
    withdraw::Withdrawn,
};

use probes::Probe;

const HARNESS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tools/quirk-data/tests/export/verdicts/verdicts.c"
);

/// The kernel's function, compiled for the host.
pub(crate) struct Kernel(PathBuf);

impl Kernel {
    /// Compiles it from the text of a `quirks.c` and the ids of a kernel's source; `name` is that of
    /// its files in `folder`.
    pub(crate) fn compile(quirks: &str, source: &Path, folder: &Path, name: &str) -> Self {
        let start = quirks
            .find("static int pci_acs_ctrl_enabled(")
            .expect("there is pci_acs_ctrl_enabled()");
        let last = quirks
            .find("\nint pci_dev_specific_acs_enabled(")
            .expect("there is pci_dev_specific_acs_enabled()");
        let length = quirks[last..].find("\n}\n").expect("it has an end") + 3;
        let part = folder.join(format!("{name}.c"));
        fs::write(&part, &quirks[start..last + length]).expect("written");
        let define = |name: &str, file: &Path| format!("-D{name}=\"{}\"", file.display());
        let program = folder.join(name);
        let mut gcc = Command::new("gcc");
        gcc.args(["-std=gnu11", "-w", "-o"]).arg(&program);
        gcc.arg(define("QUIRKS", &part));
        gcc.arg(define("PCI_IDS", &source.join("include/linux/pci_ids.h")));
        let output = gcc.arg(HARNESS).output().expect("gcc is there");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        Self(program)
    }

    /// The verdict on each function.
    pub(crate) fn of(&self, probes: &[Probe]) -> Vec<i32> {
        let mut program = Command::new(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be run");
        let words = probes.iter().flat_map(Probe::words);
        let bytes: Vec<u8> = words.flat_map(u32::to_ne_bytes).collect();
        let mut input = program.stdin.take().expect("it is piped");
        let writer = std::thread::spawn(move || input.write_all(&bytes));
        let output = program.wait_with_output().expect("it ends");
        writer.join().expect("no panic").expect("it reads all");
        assert!(output.status.success());
        let verdicts: Vec<_> = output
            .stdout
            .chunks_exact(4)
            .map(|bytes| i32::from_ne_bytes(bytes.try_into().expect("four bytes")))
            .collect();
        assert_eq!(verdicts.len(), probes.len());
        verdicts
    }
}

/// A file after a patch, for which a patch without fault is enough; git takes it elsewhere.
pub(crate) fn applied(mail: &str, old: &str) -> String {
    let (_, diff) = mail.split_once("\n+++ ").expect("there is a diff");
    let mut old = old.lines();
    let mut new = Vec::new();
    let mut at = 0;
    for line in diff.lines().skip(1).take_while(|line| *line != "-- ") {
        if let Some(place) = line.strip_prefix("@@ -") {
            let first = place.split_once(',').expect("a place").0;
            let first: usize = first.parse().expect("a line");
            while at + 1 < first {
                new.push(old.next().expect("there is such a line"));
                at += 1;
            }
        } else if let Some(added) = line.strip_prefix('+') {
            new.push(added);
        } else {
            let same = old.next().expect("there is such a line");
            assert_eq!(line.get(1..), Some(same), "it does not apply");
            at += 1;
            if !line.starts_with('-') {
                new.push(same);
            }
        }
    }
    new.extend(old);
    new.join("\n") + "\n"
}

/// Any release: a patch is for one that lacks the entry.
const RUNNING: Release = Release::new(7, 3);

/// What the kernel must answer with a patch, where it answers `before` without.
///
/// That is what becomes of the verdict with the module. But for one thing: asked of a function that
/// it knows for more than it grants, a handler in mainline's form that grants all that grouping asks
/// says "no".
fn expected(quirk: &Quirk, table: &Table, probe: &Probe, before: i32) -> i32 {
    let kernel = KernelVerdict::from_raw(before);
    let is_granted = |asked| {
        let decision = decide(table, &Withdrawn::NONE, RUNNING, kernel, asked, probe);
        matches!(decision, Decision::Granted(_))
    };
    if is_granted(probe.asked) {
        1
    } else if quirk.acs.contains(AcsFlags::GROUPING) && is_granted(quirk.acs) {
        0
    } else {
        before
    }
}

/// Functions, and what a kernel must answer on each with the patch for an entry.
pub(crate) struct Expectation {
    probes: Vec<Probe>,
    verdicts: Vec<i32>,
}

impl Expectation {
    /// By the entry, and by the kernel without the patch.
    pub(crate) fn new(quirk: &Quirk, unpatched: &Kernel, probes: Vec<Probe>) -> Self {
        let table = built::before_mainline(&[quirk]);
        let before = unpatched.of(&probes);
        let verdicts: Vec<_> = probes
            .iter()
            .zip(&before)
            .map(|(probe, &before)| expected(quirk, &table, probe, before))
            .collect();
        let changes = verdicts.iter().zip(&before).filter(|(new, old)| new != old);
        let granted = changes.filter(|(new, _)| **new == 1).count();
        assert!(granted > 0, "{}: nothing is granted", quirk.name);
        assert!(granted < probes.len(), "{}: nothing is not", quirk.name);
        Self { probes, verdicts }
    }

    /// The first function on which a kernel answers something else.
    pub(crate) fn mismatch(&self, patched: &Kernel) -> Option<String> {
        let found = patched.of(&self.probes);
        let mut all = self.probes.iter().zip(&self.verdicts).zip(found);
        all.find(|((_, expected), found)| *expected != found)
            .map(|((probe, expected), found)| {
                format!("{probe}: {found}, and it must be {expected}")
            })
    }
}
