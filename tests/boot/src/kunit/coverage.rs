// SPDX-License-Identifier: GPL-2.0-only

//! The branches of the kernel's grouping code that were taken, as gcov counts them in the guest.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::vm::Vm;

/// The functions that make groups. Each has its source file and object file, without the ending.
const FUNCTIONS: [(&str, &str); 7] = [
    ("pci_device_group", "drivers/iommu/iommu"),
    ("get_pci_alias_group", "drivers/iommu/iommu"),
    ("get_pci_function_alias_group", "drivers/iommu/iommu"),
    ("pci_for_each_dma_alias", "drivers/pci/search"),
    ("pci_acs_enabled", "drivers/pci/pci"),
    ("pci_acs_path_enabled", "drivers/pci/pci"),
    ("pci_dev_specific_acs_enabled", "drivers/pci/quirks"),
];
/// Folder of the counts in the guest.
const COUNTS: &str = "/sys/kernel/debug/gcov";

/// The counts of each object file: its path in the kernel's tree, without the ending, and the
/// counts.
pub type Counts = Vec<(String, Vec<u8>)>;

/// A branch of a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch {
    /// Line in the source file.
    pub line: u32,
    /// How often the branch was taken.
    pub count: u64,
}

/// The coverage of a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reached {
    /// Name of the function.
    pub function: String,
    /// Path of the source file in the kernel's tree.
    pub source: String,
    /// The branches. Branches of one line are in the compiler's order.
    pub branches: Vec<Branch>,
}

/// Resets the counts.
pub(super) fn reset(vm: &mut Vm) -> Result<()> {
    vm.check(&format!("echo 1 >{COUNTS}/reset")).map(drop)
}

/// Reads the counts. `tree` is the kernel's tree.
pub(super) fn counts(vm: &mut Vm, tree: &Path) -> Result<Counts> {
    let mut counts = Counts::new();
    for (_, object) in FUNCTIONS {
        if counts.iter().any(|(known, _)| known == object) {
            continue;
        }
        let file = format!("{COUNTS}{}/{object}.gcda", tree.display());
        let text = vm.check(&format!("xxd -p {file}"))?;
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let bytes = digits.chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair)?;
            Ok(u8::from_str_radix(pair, 16)?)
        });
        counts.push((object.to_owned(), bytes.collect::<Result<_>>()?));
    }
    Ok(counts)
}

/// gcov's report on one object file.
#[derive(Deserialize)]
struct Report {
    files: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    file: PathBuf,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "line_number")]
    number: u32,
    #[serde(default)]
    function_name: String,
    branches: Vec<Taken>,
}

#[derive(Deserialize)]
struct Taken {
    count: u64,
}

/// The coverage of each of [`FUNCTIONS`]. `tree` is where the kernel was built.
///
/// # Errors
///
/// When gcov rejects the counts, or does not know one of the functions.
pub fn reached(tree: &Path, counts: &Counts) -> Result<Vec<Reached>> {
    let mut all = Vec::new();
    for (object, bytes) in counts {
        let report = report(&tree.join(object), bytes)?;
        let source = format!("{object}.c");
        for (function, _) in FUNCTIONS.iter().filter(|(_, of)| of == object) {
            let mut files = report.files.iter();
            let file = files.find(|candidate| candidate.file.ends_with(&source));
            let file = file.with_context(|| format!("gcov knows no {source} in {object}"))?;
            let lines = || {
                file.lines
                    .iter()
                    .filter(|line| line.function_name == *function)
            };
            if lines().next().is_none() {
                bail!("gcov knows no {function} in {object}");
            }
            let branches = lines().flat_map(|line| {
                line.branches.iter().map(|branch| Branch {
                    line: line.number,
                    count: branch.count,
                })
            });
            all.push(Reached {
                function: (*function).to_owned(),
                source: source.clone(),
                branches: branches.collect(),
            });
        }
    }
    Ok(all)
}

/// Runs gcov on an object file. `object` is its path without the ending.
fn report(object: &Path, counts: &[u8]) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let notes = object.with_extension("gcno");
    fs::copy(&notes, folder.path().join("object.gcno")).with_context(|| {
        format!(
            "{} is missing; run: make kernel-kunit@rust-for-linux",
            notes.display()
        )
    })?;
    fs::write(folder.path().join("object.gcda"), counts)?;
    let output = Command::new("gcov")
        .args([
            "--json-format",
            "--stdout",
            "--branch-probabilities",
            "object.gcda",
        ])
        .current_dir(folder.path())
        .output()
        .context("cannot run gcov; run: make root")?;
    if !output.status.success() {
        bail!("gcov: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("what gcov prints")
}
