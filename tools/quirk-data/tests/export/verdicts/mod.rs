// SPDX-License-Identifier: GPL-2.0-only

//! Compares a kernel's answers, without and with a patch, with the module's decision for the entry.
//!
//! The kernel's function is compiled for the host with a minimal environment. It reads the same
//! configuration space as the decision.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod mutants;
pub(crate) mod probes;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use quirk_data::{built, entry::Entry};
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
    /// Compiles the text of a `quirks.c` with the ids of a kernel's source; `name` names its files
    /// in `folder`.
    pub(crate) fn compile(entries: &str, source: &Path, folder: &Path, name: &str) -> Self {
        let start = entries
            .find("static int pci_acs_ctrl_enabled(")
            .expect("there is pci_acs_ctrl_enabled()");
        let last = entries
            .find("\nint pci_dev_specific_acs_enabled(")
            .expect("there is pci_dev_specific_acs_enabled()");
        let length = entries[last..].find("\n}\n").expect("it has an end") + 3;
        let part = folder.join(format!("{name}.c"));
        fs::write(&part, &entries[start..last + length]).expect("written");
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

    /// The answer for each function.
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

/// The file after a patch. This accepts valid patches only; git applies patches elsewhere.
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

/// Any release: the patch is for a kernel without the entry.
const RUNNING: Release = Release::new(7, 3);

/// The expected answer of a patched kernel, if the answer is `before` without the patch.
///
/// This is the module's answer, with one exception: a handler in mainline's form that grants every
/// flag that grouping asks for returns 0 for a listed function if more flags are requested than it
/// grants.
fn expected(entry: &Entry, table: &Table, probe: &Probe, before: i32) -> i32 {
    let kernel = KernelVerdict::from_raw(before);
    let is_granted = |asked| {
        let decision = decide(table, &Withdrawn::NONE, RUNNING, kernel, asked, probe);
        matches!(decision, Decision::Granted(_))
    };
    if is_granted(probe.asked) {
        1
    } else if entry.acs.contains(AcsFlags::GROUPING) && is_granted(entry.acs) {
        0
    } else {
        before
    }
}

/// Functions with the expected answer of a kernel with the patch for an entry.
pub(crate) struct Expectation {
    probes: Vec<Probe>,
    verdicts: Vec<i32>,
}

impl Expectation {
    /// The expectation from the entry and the unpatched kernel.
    pub(crate) fn new(entry: &Entry, unpatched: &Kernel, probes: Vec<Probe>) -> Self {
        let table = built::before_mainline(&[entry]);
        let before = unpatched.of(&probes);
        let verdicts: Vec<_> = probes
            .iter()
            .zip(&before)
            .map(|(probe, &before)| expected(entry, &table, probe, before))
            .collect();
        let changes = verdicts.iter().zip(&before).filter(|(new, old)| new != old);
        let granted = changes.filter(|(new, _)| **new == 1).count();
        assert!(granted > 0, "{}: nothing is granted", entry.name);
        assert!(granted < probes.len(), "{}: nothing is not", entry.name);
        Self { probes, verdicts }
    }

    /// The first function for which a kernel gives another answer.
    pub(crate) fn mismatch(&self, patched: &Kernel) -> Option<String> {
        let found = patched.of(&self.probes);
        let mut all = self.probes.iter().zip(&self.verdicts).zip(found);
        all.find(|((_, expected), found)| *expected != found)
            .map(|((probe, expected), found)| {
                format!("{probe}: {found}, and it must be {expected}")
            })
    }
}
