// SPDX-License-Identifier: GPL-2.0-only

//! Boots the KUnit kernel and runs the suite.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    Name, Outcome, Report, accounts,
    coverage::{self, Counts},
    faults,
};
use crate::{
    machine::{GuestHardware, Iommu},
    setup::Setup,
    vm::Vm,
};

/// An edition of the module that is loaded while the suite runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Edition {
    /// Name of the module. `None` runs the suite without a hook.
    pub module: Option<&'static str>,
    /// Parameter of the suite: the position of the edition's table in `tests/kernel/kunit/main.rs`,
    /// from 1. 0 means no edition.
    pub number: u8,
}

/// All editions, and none.
pub const EDITIONS: [Edition; 4] = [
    Edition {
        module: None,
        number: 0,
    },
    Edition {
        module: Some("acs_quirks"),
        number: 1,
    },
    Edition {
        module: Some("acs_quirks_candidates"),
        number: 2,
    },
    Edition {
        module: Some("acs_quirks_test"),
        number: 3,
    },
];

/// Prefix of the suites that compare groups. They run with each edition. The other suites run with
/// none.
const GROUPING: &str = "acs_quirks_grouping_";

impl Edition {
    /// Whether a test runs with this edition.
    #[must_use]
    pub fn has(&self, name: &Name) -> bool {
        self.module.is_none() || name.suite.starts_with(GROUPING)
    }

    /// The name in messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.module.unwrap_or("no edition")
    }
}

/// The results of all tests with all editions, and of the checks of the kernel.
#[derive(Debug)]
pub struct Run {
    /// Results by edition and test.
    pub outcomes: BTreeMap<(Edition, Name), Outcome>,
    /// gcov's counts of all runs.
    pub counts: Counts,
    /// Results of the checks of the kernel, by name.
    pub checks: Vec<(&'static str, Result<()>)>,
}

/// A check of the kernel after the suite. The order matters: leaks of added and removed machines,
/// loading the module while memory runs out, leaked memory after both, warnings in the kernel log, and the control of the
/// search for leaked memory, whose module makes other faults too.
type Check = fn(&mut Vm) -> Result<()>;
const CHECKS: [(&str, Check); 5] = [
    ("machines-leave-nothing-behind", with_suite),
    ("no-memory-to-load", faults::survive),
    ("no-memory-is-lost", |vm| vm.check_leaks()),
    ("kernel-is-content", |vm| vm.check_log()),
    ("lost-memory-is-found", accounts::lose),
];

/// The names of the checks, in order.
pub fn checks() -> impl Iterator<Item = &'static str> {
    CHECKS.into_iter().map(|(name, _)| name)
}

/// Time limit for the guest, on a slow host.
const LIMIT: Duration = Duration::from_secs(900);
/// Folder of the results in the guest.
const RESULTS: &str = "/sys/kernel/debug/kunit";
const SUITE: &str = "acs_quirks_kunit";

/// Boots the kernel and runs the suite.
///
/// # Errors
///
/// When the guest does not boot, ends, or gives invalid results.
pub fn run(setup: &Setup) -> Result<Run> {
    let setup = Setup {
        // ASPM requires a port above each switch. Warnings go to the console, whose log survives a
        // panic. They do not end the guest, because the control makes some.
        options: "pcie_aspm=off loglevel=5 panic_on_warn=0 kasan.fault=report",
        ..setup.clone()
    };
    let log = setup.kernel.logs.join("suite.log");
    // Some quirks of the kernel apply only to hosts with this IOMMU.
    let machine = GuestHardware::bare(2, Iommu::Amd);
    let mut vm = Vm::boot(
        &setup,
        &machine,
        Instant::now() + LIMIT * setup.kernel.slowness(),
        &log,
    )
    .with_context(|| format!("cannot boot; log: {}", log.display()))?;
    let tree = tree(&setup)?;
    let outcomes = coverage::reset(&mut vm)
        .and_then(|()| suite(&mut vm))
        .and_then(|outcomes| Ok((outcomes, coverage::counts(&mut vm, &tree)?)));
    let context = || format!("guest's log: {}", log.display());
    let mut checks = Vec::new();
    if outcomes.is_ok() {
        for (name, check) in CHECKS {
            checks.push((name, check(&mut vm).with_context(context)));
        }
    }
    vm.save_log(&log)?;
    let (outcomes, counts) = outcomes.with_context(context)?;
    Ok(Run {
        outcomes,
        counts,
        checks,
    })
}

/// The tree in which the kernel of `setup` was built.
///
/// # Errors
///
/// When the tree no longer exists.
pub fn tree(setup: &Setup) -> Result<PathBuf> {
    let tree = setup.kernel.image.with_file_name("tree");
    let found = tree.canonicalize();
    found.with_context(|| {
        format!(
            "{} is missing; run: make kernel-kunit@rust-for-linux",
            tree.display()
        )
    })
}

/// Runs the suite once with each edition.
fn suite(vm: &mut Vm) -> Result<BTreeMap<(Edition, Name), Outcome>> {
    let mut outcomes = BTreeMap::new();
    for edition in EDITIONS {
        if let Some(module) = edition.module {
            vm.check(&format!("/sbin/modprobe {module}"))?;
        }
        let filter = if edition.module.is_none() {
            ""
        } else {
            GROUPING
        };
        vm.check(&format!(
            "printf '{filter}*' >/sys/module/kunit/parameters/filter_glob"
        ))?;
        vm.check(&format!(
            "/sbin/modprobe {SUITE} edition={}",
            edition.number
        ))?;
        for suite in vm
            .check(&format!("cd {RESULTS}; ls -d acs_quirks_*"))?
            .split_whitespace()
        {
            let text = vm.check(&format!("cat {RESULTS}/{suite}/results"))?;
            let report = Report::parse(&text)
                .with_context(|| format!("results of {suite}, {}:\n{text}", edition.name()))?;
            if report.suite != suite {
                bail!("{suite} has the results of {}", report.suite);
            }
            outcomes.extend(report.tests.into_iter().map(|(test, outcome)| {
                let suite = report.suite.clone();
                ((edition, Name { suite, test }), outcome)
            }));
        }
        vm.check(&format!("/sbin/rmmod {SUITE}"))?;
        if let Some(module) = edition.module {
            vm.check(&format!("/sbin/rmmod {module}"))?;
        }
    }
    Ok(outcomes)
}

/// Loads the suite, and checks the accounts.
fn with_suite(vm: &mut Vm) -> Result<()> {
    vm.check("printf '*' >/sys/module/kunit/parameters/filter_glob")?;
    vm.check(&format!("/sbin/modprobe {SUITE}"))?;
    let balance = accounts::balance(vm);
    vm.check(&format!("/sbin/rmmod {SUITE}"))?;
    balance
}
