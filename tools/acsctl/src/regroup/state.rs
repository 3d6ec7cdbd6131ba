// SPDX-License-Identifier: GPL-2.0-only

//! The state file: what a run needs to restore everything. A killed run leaves it behind, and the
//! next run restores from it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use quirk_data::error::Error;
use rustix::{
    fs::{FlockOperation, flock},
    io::{FdFlags, fcntl_setfd},
};
use serde::{Deserialize, Serialize};
use topology::{Bdf, Topology};

use super::{Plan, plan::driver_override};
use crate::host::{HostPaths, names, text};

const SCHEMA: &str = "acsctl-regroup-state-1";
/// The number of attempts to take the lock, and the pause between them.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// A phase of a regroup.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Drivers are being unbound; autoprobe is off.
    Unbind,
    /// Functions are being removed.
    Remove,
    /// Functions are being rescanned.
    Rescan,
    /// Drivers are being bound.
    Restore,
}

/// The state of a function before the regroup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// The function's address.
    pub bdf: Bdf,
    /// Vendor, device, class, revision and subsystem, as in sysfs.
    pub identity: String,
    /// The bound driver.
    pub driver: Option<String>,
    /// The value of `driver_override`, if set.
    pub driver_override: Option<String>,
    /// The domain type of its group.
    pub domain: Option<String>,
}

/// All that a restore needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct State {
    schema: String,
    /// The boot ID. Groups and devices do not outlast a boot.
    boot: String,
    /// The function that the command named.
    pub requested: Bdf,
    /// The current phase. The key in the file is `step`.
    pub step: Phase,
    /// The former value of `drivers_autoprobe`.
    pub autoprobe: String,
    /// The sysfs file that makes the kernel rescan the functions.
    pub rescan: PathBuf,
    /// The functions, in removal order.
    pub functions: Vec<Saved>,
    /// The functions to remove with a write of their own; the kernel removes the others together
    /// with these.
    pub own: Vec<Bdf>,
    /// All functions of the host before the regroup.
    pub present: Vec<Bdf>,
    /// The former groups of the functions, with all members.
    pub before: Vec<Vec<Bdf>>,
}

impl State {
    /// The state before the first step.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when `drivers_autoprobe` cannot be read.
    pub fn new(paths: &HostPaths, topology: &Topology, plan: &Plan) -> Result<Self, Error> {
        let path = paths.pci().join("drivers_autoprobe");
        let autoprobe =
            fs::read_to_string(&path).map_err(|error| Error::io("read", &path, &error))?;
        let saved = |bdf| Saved {
            bdf,
            identity: identity(paths, bdf).unwrap_or_default(),
            driver: paths.driver(bdf),
            driver_override: driver_override(paths, bdf),
            domain: domain(paths, bdf),
        };
        Ok(Self {
            schema: SCHEMA.to_owned(),
            boot: boot(paths),
            requested: plan.requested,
            step: Phase::Unbind,
            autoprobe: autoprobe.trim().to_owned(),
            rescan: plan.rescan.clone(),
            functions: plan.device.all().map(saved).collect(),
            own: plan.device.own.clone(),
            present: topology
                .functions
                .iter()
                .map(|function| function.bdf)
                .collect(),
            before: plan.current.clone(),
        })
    }

    /// Whether a function is present.
    #[must_use]
    pub fn is_there(paths: &HostPaths, bdf: Bdf) -> bool {
        paths.function(bdf).exists()
    }

    /// Writes the state file. The next step can be undone from then on.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`]; an existing state file is unchanged.
    pub fn save(&self, paths: &HostPaths) -> Result<(), Error> {
        let path = self.path(paths);
        let temporary = path.with_extension("new");
        let failed = |error| Error::io("write", &path, &error);
        let json = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        // A run that was killed during this write may have left a draft.
        let _ = fs::remove_file(&temporary);
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary);
        let written = file.and_then(|mut file| file.write_all(&json));
        let written = written.and_then(|()| fs::rename(&temporary, &path));
        written.map_err(|error| {
            // Report the first error, not this one.
            let _ = fs::remove_file(&temporary);
            failed(error)
        })
    }

    /// Removes the state file after everything is restored.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the file cannot be removed.
    pub fn remove(&self, paths: &HostPaths) -> Result<(), Error> {
        let path = self.path(paths);
        fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))
    }

    /// The path of the state file.
    #[must_use]
    pub fn path(&self, paths: &HostPaths) -> PathBuf {
        folder(paths).join(format!("regroup-{}.json", self.requested))
    }

    /// The state files that killed runs of this boot left behind. Removes those of earlier boots,
    /// for which there is nothing to restore.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when a state file cannot be read or removed, or is malformed.
    pub fn left_behind(paths: &HostPaths) -> Result<Vec<Self>, Error> {
        let folder = folder(paths);
        let mut found = Vec::new();
        for name in names(&folder) {
            let parts = name
                .strip_prefix("regroup-")
                .and_then(|name| name.strip_suffix(".json"));
            if parts.is_none() {
                continue;
            }
            let path = folder.join(name);
            let bytes = fs::read(&path).map_err(|error| Error::io("read", &path, &error))?;
            let state: Self =
                serde_json::from_slice(&bytes).map_err(|error| malformed(&path, &error))?;
            if state.schema != SCHEMA {
                return Err(malformed(
                    &path,
                    &format!("unknown schema {}", state.schema),
                ));
            }
            if state.boot == boot(paths) {
                found.push(state);
            } else {
                fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
            }
        }
        Ok(found)
    }
}

fn malformed(path: &Path, why: &dyn std::fmt::Display) -> Error {
    let path = path.display();
    Error::CouldNotRun(format!(
        "{path}: {why}; an acsctl of another version may have been killed. Use that version. Or \
         make sure that all functions are present (echo 1 > /sys/bus/pci/rescan) with their \
         drivers and that /sys/bus/pci/drivers_autoprobe is 1, then remove the file"
    ))
}

/// The identity of a function, from sysfs.
pub(super) fn identity(paths: &HostPaths, bdf: Bdf) -> Option<String> {
    let folder = paths.function(bdf);
    let files = [
        "vendor",
        "device",
        "class",
        "revision",
        "subsystem_vendor",
        "subsystem_device",
    ];
    let found = files.map(|file| text(&folder.join(file)));
    found[0].as_ref()?;
    Some(found.map(Option::unwrap_or_default).join(" "))
}

/// The domain type of a function's group, for example `DMA` or `identity`.
pub(super) fn domain(paths: &HostPaths, bdf: Bdf) -> Option<String> {
    text(&paths.function(bdf).join("iommu_group/type"))
}

fn boot(paths: &HostPaths) -> String {
    text(&paths.proc.join("sys/kernel/random/boot_id")).unwrap_or_default()
}

/// The folder of state files.
fn folder(paths: &HostPaths) -> PathBuf {
    paths.run.join("acsctl")
}

/// The lock that allows one run at a time. The run and its writer hold it, so it is free only when
/// both have ended.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when another run has the lock, or the lock file cannot be created.
    pub fn take(paths: &HostPaths) -> Result<Self, Error> {
        let folder = folder(paths);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        made.map_err(|error| Error::io("make", &folder, &error))?;
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.mode(0o600).open(&path);
        let file = file.map_err(|error| Error::io("open", &path, &error))?;
        if let Err(error) = lock_with_retries(&file) {
            if error.kind() != io::ErrorKind::WouldBlock {
                return Err(Error::io("lock", &path, &error.into()));
            }
            let who = text(&path).filter(|who| !who.is_empty());
            return Err(Error::CouldNotRun(format!(
                "another run is active: {}; wait until it ends, then run this command again",
                who.as_deref().unwrap_or("it has not reported its state")
            )));
        }
        // The writer process inherits the lock. If the kernel blocks in a write, the lock stays
        // taken even after this process has ended.
        fcntl_setfd(&file, FdFlags::empty())
            .map_err(|error| Error::io("lock", &path, &error.into()))?;
        let lock = Self { _file: file, path };
        lock.note(&format!("process {} is regrouping", std::process::id()));
        Ok(lock)
    }

    /// Writes what this run is doing into the lock file, for runs that find the lock taken.
    pub(super) fn note(&self, what: &str) {
        // The note is optional.
        let _ = fs::write(&self.path, what);
    }
}

/// Tries several times to take the lock, because the writer of a killed run needs a moment to
/// notice.
fn lock_with_retries(file: &File) -> rustix::io::Result<()> {
    let mut tries = 0;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && tries < TRIES => {
                tries += 1;
                thread::sleep(PAUSE);
            }
            outcome => return outcome,
        }
    }
}
