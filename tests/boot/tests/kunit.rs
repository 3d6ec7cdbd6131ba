// SPDX-License-Identifier: GPL-2.0-only

//! The KUnit suite, on the first kernel in `ACS_QUIRKS_KERNELS`. Each of its tests is a test here. Every test in its source must
//! have run, with every edition of the module and with none.

use std::{
    collections::BTreeSet,
    path::Path,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use anyhow::{Context, Result, bail};
use boot::{
    kernel::Kernel,
    kunit::{self, EDITIONS, Name, Run},
    setup::Setup,
    trials,
};
use libtest_mimic::{Failed, Trial};

/// Folder of the suite's source.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../kernel/kunit");

fn main() -> ExitCode {
    trials::run("the KUnit suite", |_| Ok((all()?, ())))
}

/// The boot that all tests share. The first test runs it and reports its failure.
#[derive(Default)]
struct Boot(OnceLock<Option<Run>>);

impl Boot {
    fn run(&self) -> Result<&Run, Failed> {
        let mut why = None;
        let run = self.0.get_or_init(|| {
            let boot = || -> Result<Run> {
                let folder = tempfile::tempdir()?;
                let kernel = Kernel::from_env()?;
                let kernel = kernel.into_iter().next().context("there is no kernel")?;
                kunit::run(&Setup::new(kernel, folder.path())?)
            };
            boot()
                .map_err(|error| why = Some(format!("{error:#}")))
                .ok()
        });
        let elsewhere = || "the suite could not be run; another test says why".to_owned();
        run.as_ref()
            .ok_or_else(|| why.unwrap_or_else(elsewhere).into())
    }
}

fn all() -> Result<Vec<Trial>> {
    let boot = Arc::new(Boot::default());
    let names = kunit::tests(Path::new(SOURCE))?;
    let known: BTreeSet<Name> = names.iter().cloned().collect();
    let mut trials: Vec<Trial> = names
        .into_iter()
        .map(|name| {
            let boot = Arc::clone(&boot);
            Trial::test(format!("kunit::{name}"), move || {
                Ok(has_passed(boot.run()?, &name)?)
            })
        })
        .collect();
    let shared = Arc::clone(&boot);
    trials.push(Trial::test("kunit::nothing-else-has-run", move || {
        Ok(all_known(shared.run()?, &known)?)
    }));
    trials.extend(kunit::checks().map(|name| {
        let boot = Arc::clone(&boot);
        Trial::test(format!("kunit::{name}"), move || {
            let checks = &boot.run()?.checks;
            let found = checks.iter().find(|(known, _)| *known == name);
            match found {
                Some((_, Ok(()))) => Ok(()),
                Some((_, Err(error))) => Err(format!("{error:#}").into()),
                None => Err("it was not looked at".into()),
            }
        })
    }));
    Ok(trials)
}

/// Fails unless the test has passed with every edition.
fn has_passed(run: &Run, name: &Name) -> Result<()> {
    for edition in EDITIONS.into_iter().filter(|edition| edition.has(name)) {
        let outcome = run.outcomes.get(&(edition, name.clone()));
        let outcome = outcome.with_context(|| format!("it was not run with {}", edition.name()))?;
        if !outcome.passed {
            bail!("with {}: {}", edition.name(), outcome.said);
        }
    }
    Ok(())
}

/// Fails when there are results of tests that the source does not have.
fn all_known(run: &Run, known: &BTreeSet<Name>) -> Result<()> {
    let strangers: BTreeSet<String> = run
        .outcomes
        .keys()
        .filter(|(_, name)| !known.contains(name))
        .map(|(_, name)| name.to_string())
        .collect();
    if !strangers.is_empty() {
        bail!("the source does not have: {strangers:?}");
    }
    Ok(())
}
