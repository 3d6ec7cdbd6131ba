// SPDX-License-Identifier: GPL-2.0-only

//! The patches for Linux in `upstream/`: git and `checkpatch.pl` accept them, and each one corrects
//! what it is about. `ACS_QUIRKS_KERNELS` names four kernels: a stock kernel with its source, to
//! which the patches apply; the kernel with all patches; the same in user mode, which groups many more
//! machines in a minute; and the control, which has only the patches' KUnit tests. On the control, the same tests show the faults.

#[path = "upstream/debugfs.rs"]
mod debugfs;
#[path = "upstream/groups.rs"]
mod groups;
#[path = "upstream/mails.rs"]
mod mails;
#[path = "upstream/search.rs"]
mod search;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use boot::{
    kernel::Kernel,
    scenarios::upstream::{CORRECTED, FAULT, NAME_FREED, NAME_LOST},
    setup::Setup,
    trials::{self, trial},
};
use libtest_mimic::Trial;

fn main() -> ExitCode {
    trials::run("tests of the patches for Linux", |_| all())
}

/// The kernel with all patches, the one with the KUnit tests alone, and one with all patches in user mode.
struct Pair {
    patched: Setup,
    control: Setup,
    in_user_mode: Setup,
}

/// A test of the kernels, and one of the mails.
type OfPair = fn(&Pair) -> Result<()>;
type OfMails = fn() -> Result<()>;

/// The tests, and a folder that must outlive them.
fn all() -> Result<(Vec<Trial>, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let kernels = Kernel::from_env()?;
    let find = |suffix: &str| -> Result<Setup> {
        let kernel = kernels.iter().find(|one| one.release.ends_with(suffix));
        let kernel = kernel.with_context(|| {
            format!("ACS_QUIRKS_KERNELS has no kernel whose name ends in {suffix}")
        })?;
        Setup::new(kernel.clone(), folder.path())
    };
    let pair = Arc::new(Pair {
        patched: find("-upstream")?,
        control: find("-upstream-control")?,
        in_user_mode: find("-upstream-user-mode")?,
    });
    let of_pair: [(&str, OfPair); 6] = [
        ("groups", |pair| {
            groups::corrected(&pair.patched, &pair.control)
        }),
        ("rescan", |pair| {
            CORRECTED.run(&pair.patched)?;
            FAULT.run(&pair.control)
        }),
        ("name-freed", |pair| {
            NAME_FREED.run(&pair.patched)?;
            NAME_LOST.run(&pair.control)
        }),
        ("debugfs-owner", |pair| {
            debugfs::owned(&pair.patched, &pair.control)
        }),
        ("search-time", |pair| {
            search::faster(&pair.patched, &pair.control)
        }),
        ("search-partition", |pair| search::same(&pair.in_user_mode)),
    ];
    let of_mails: [(&str, OfMails); 2] = [
        ("mails-apply", mails::apply),
        ("mails-pass-checkpatch", mails::pass_checkpatch),
    ];
    let mut trials = Vec::new();
    for (name, test) in of_pair {
        let pair = Arc::clone(&pair);
        trials.push(trial(format!("upstream::{name}"), move || test(&pair)));
    }
    for (name, test) in of_mails {
        trials.push(trial(format!("upstream::{name}"), test));
    }
    Ok((trials, folder))
}
