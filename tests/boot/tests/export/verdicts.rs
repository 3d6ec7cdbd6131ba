// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel answers with a patch, for every device of the vendors in question: what the entry
//! claims, and for all else what it answers without.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use acsctl::quirk::Quirk;
use anyhow::{Context, Result, ensure};
use isolation::{acs::AcsFlags, pcie::PcieType};
use tempfile::TempDir;

use crate::{Repository, entries, patch, run, sources};

const HARNESS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/export/verdicts.c");

/// `-ENOTTY`, as a byte.
const NO_OPINION: u8 = 25_u8.wrapping_neg();

/// The types that are asked for, all that there are: what is no PCIe device is -1.
const TYPES: std::ops::RangeInclusive<i8> = -1..=10;

/// The sets of flags that are asked for: what callers in the kernel ask, and what some grant and
/// others do not.
const REQUESTS: [AcsFlags; 5] = [
    AcsFlags::GROUPING,
    AcsFlags::RR.union(AcsFlags::UF),
    AcsFlags::RR.union(AcsFlags::CR),
    AcsFlags::DT,
    AcsFlags::EC,
];

/// The kernel's function, compiled for the host.
struct Verdicts {
    folder: TempDir,
}

impl Verdicts {
    /// Compiles it from the text of a `quirks.c`.
    fn new(tree: &Path, quirks: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let start = quirks
            .find("static int pci_acs_ctrl_enabled(")
            .context("there is no pci_acs_ctrl_enabled()")?;
        let last = quirks
            .find("\nint pci_dev_specific_acs_enabled(")
            .context("there is no pci_dev_specific_acs_enabled()")?;
        let end = quirks[last..].find("\n}\n").context("it has no end")? + last + 3;
        let part = folder.path().join("quirks.c");
        fs::write(&part, &quirks[start..end])?;
        let define = |name: &str, file: PathBuf| format!("-D{name}=\"{}\"", file.display());
        let mut gcc = Command::new("gcc");
        gcc.args(["-O2", "-std=gnu11", "-o"])
            .arg(folder.path().join("verdicts"));
        gcc.arg(define("QUIRKS", part));
        gcc.arg(define("PCI_IDS", tree.join("include/linux/pci_ids.h")));
        gcc.arg(define(
            "PCI_REGS",
            tree.join("include/uapi/linux/pci_regs.h"),
        ));
        run(gcc.arg(HARNESS))?;
        Ok(Self { folder })
    }

    /// A verdict for each device, type and request.
    fn of(&self, vendor: u16) -> Result<Vec<u8>> {
        let flags = REQUESTS
            .into_iter()
            .map(|flags| format!("{:x}", flags.bits()));
        let mut verdicts = Command::new(self.folder.path().join("verdicts"));
        let output = verdicts.arg(format!("{vendor:x}")).args(flags).output()?;
        let expected = 0x10000 * TYPES.count() * REQUESTS.len();
        ensure!(output.status.success() && output.stdout.len() == expected);
        Ok(output.stdout)
    }
}

/// Whether a patch for this entry is to speak for functions of a type. In mainline's own form, that
/// is more than the module speaks for: two handlers there do not look at the type, and one answers
/// for two types.
fn is_claimed(quirk: &Quirk, found: i8) -> bool {
    const DOWNSTREAM_PORT: i8 = 6;
    let any_type = ["broadcom/next", "wangxun/next", "wangxun/fewer-flags"];
    any_type.contains(&quirk.name.as_str())
        || (quirk.name == "zhaoxin/next" && found == DOWNSTREAM_PORT)
        || u8::try_from(found)
            .ok()
            .and_then(PcieType::from_raw)
            .is_some_and(|found| quirk.kinds().any(|kind| kind.applies_to(found)))
}

#[test]
fn kernels_answer_as_the_entry_says() -> Result<()> {
    for (tree, _) in sources()? {
        let repository = Repository::new(&tree)?;
        let text = fs::read_to_string(tree.join("drivers/pci/quirks.c"))?;
        let kernel = Verdicts::new(&tree, &text)?;
        let mut before: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
        for quirk in entries()? {
            let after = Verdicts::new(&tree, &repository.am(&patch(&quirk, &tree)?)?)?;
            repository.back()?;
            let vendors: BTreeSet<_> = quirk.ids().map(|ids| ids.vendor).collect();
            for vendor in vendors {
                if let Entry::Vacant(unknown) = before.entry(vendor) {
                    unknown.insert(kernel.of(vendor)?);
                }
                compare(&quirk, vendor, &before[&vendor], &after.of(vendor)?)?;
            }
        }
    }
    Ok(())
}

/// Compares the verdicts on all devices of a vendor.
fn compare(quirk: &Quirk, vendor: u16, before: &[u8], after: &[u8]) -> Result<()> {
    let each = TYPES.count() * REQUESTS.len();
    let verdicts = before.chunks(each).zip(after.chunks(each));
    let mut granted = 0_u32;
    for (device, (before, after)) in (0..=u16::MAX).zip(verdicts) {
        let mut ids = quirk.ids();
        if !ids.any(|ids| ids.vendor == vendor && (ids.first..=ids.last).contains(&device)) {
            ensure!(
                before == after,
                "{}: {vendor:04x}:{device:04x} changes",
                quirk.name
            );
            continue;
        }
        let questions = TYPES.flat_map(|found| REQUESTS.iter().map(move |asked| (found, *asked)));
        for ((found, asked), (&old, &new)) in questions.zip(before.iter().zip(after)) {
            let right = if !is_claimed(quirk, found) {
                new == old
            } else if quirk.acs.contains(asked) {
                granted += 1;
                new == 1 && old != 1
            } else {
                // Less than grouping takes must leave grouping to what decides it now: the kernel's
                // own check, or a handler that says no to all that it does not list.
                let may_refuse = quirk.acs.contains(AcsFlags::GROUPING);
                let undecided = old == NO_OPINION || old == 0;
                (undecided && new == old) || (may_refuse && new == 0)
            };
            ensure!(
                right,
                "{}: {vendor:04x}:{device:04x} of type {found}, asked for {asked}: {old} becomes {new}",
                quirk.name
            );
        }
    }
    ensure!(granted > 0, "{}: nothing is granted", quirk.name);
    Ok(())
}
