// SPDX-License-Identifier: GPL-2.0-only

//! Runs a comparison over many topologies, and keeps the smallest one on which it fails.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use topology::{Topology, read, write};

use crate::topologies;

/// A comparison over many topologies.
#[derive(Clone, Debug)]
pub struct Run {
    /// Name of the comparison. Names of files begin with it.
    pub name: &'static str,
    /// Number of topologies.
    pub cases: u32,
    /// Maximum number of functions of a topology.
    pub most: usize,
    /// Seed of the topologies.
    pub seed: u64,
    /// Folder for topologies on which a comparison has failed.
    pub folder: PathBuf,
}

impl Run {
    /// A run of `cases` topologies. `ACS_QUIRKS_CASES` and `ACS_QUIRKS_SEED` override the number
    /// and the seed.
    ///
    /// # Errors
    ///
    /// When a variable is not a number.
    pub fn from_environment(
        name: &'static str,
        cases: u32,
        most: usize,
        folder: PathBuf,
    ) -> Result<Self, String> {
        Ok(Self {
            name,
            cases: number("ACS_QUIRKS_CASES")?.unwrap_or(cases),
            most,
            seed: number("ACS_QUIRKS_SEED")?.unwrap_or(1),
            folder,
        })
    }

    /// The test runner of the run.
    #[must_use]
    pub fn runner(&self) -> TestRunner {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        let config = Config {
            cases: self.cases,
            max_shrink_iters: u32::MAX,
            failure_persistence: None,
            ..Config::default()
        };
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
    }

    /// Compares every topology. The first failing one is shrunk as long as it fails, and written to
    /// the folder under the name of the run and its seed.
    ///
    /// # Errors
    ///
    /// The failure of the smallest topology, and its file.
    pub fn compare(&self, compare: impl Fn(&Topology) -> Result<(), String>) -> Result<(), String> {
        let outcome = self.runner().run(&topologies(self.most), |topology| {
            compare(&topology).map_err(TestCaseError::fail)
        });
        match outcome {
            Ok(()) => Ok(()),
            Err(TestError::Abort(reason)) => Err(reason.to_string()),
            Err(TestError::Fail(reason, topology)) => {
                let id = format!("{}-{}", self.name, self.seed);
                let path = self.folder.join(format!("{id}.json"));
                let id = Some(id);
                let kept = match keep(&path, &Topology { id, ..topology }) {
                    Ok(()) => format!("it is kept in {}", path.display()),
                    Err(error) => format!("{} could not be written: {error}", path.display()),
                };
                Err(format!("{reason}\n{kept}"))
            }
        }
    }
}

fn keep(path: &Path, topology: &Topology) -> io::Result<()> {
    let mut text = Vec::new();
    write(topology, &mut text)?;
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, text)
}

/// The topologies in a folder, with the names of their files. None if the folder does not exist.
///
/// # Errors
///
/// The first file that cannot be read, and why.
pub fn kept(folder: &Path) -> Result<Vec<(String, Topology)>, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| format!("{}: {error}", folder.display()))?
            .path();
        if path.extension().is_some_and(|ending| ending == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = name.into_owned();
        read(&path)
            .map(|topology| (name, topology))
            .map_err(|error| error.to_string())
    };
    paths.into_iter().map(read).collect()
}

/// A number from the environment, if the variable is set.
fn number<T: std::str::FromStr>(name: &str) -> Result<Option<T>, String> {
    let Some(text) = env::var_os(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let value = text.to_str().and_then(|text| text.parse().ok());
    value
        .map(Some)
        .ok_or_else(|| format!("{name}: {text:?} is not a number; write one, as in {name}=100000"))
}
