// SPDX-License-Identifier: GPL-2.0-only

//! What a run must know to put everything back, in a file: a run that was killed left it behind, and
//! the next one goes by it.

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
/// How often the lock is tried for, and how long it is waited in between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// What is being done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Drivers are unbound, with autoprobe held.
    Unbind,
    /// Functions are removed.
    Remove,
    /// They are looked for.
    Rescan,
    /// Drivers are bound again.
    Restore,
}

/// What a function was like.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// Its address.
    pub bdf: Bdf,
    /// What it is: vendor, device, class, revision and subsystem, as sysfs has them.
    pub identity: String,
    /// The driver that it had.
    pub driver: Option<String>,
    /// The one driver that it was allowed.
    pub driver_override: Option<String>,
    /// The type of its group's domain.
    pub domain: Option<String>,
}

/// All that is needed to put things back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct State {
    schema: String,
    /// The boot that it was in; groups and devices do not outlast it.
    boot: String,
    /// The function that was requested for.
    pub requested: Bdf,
    /// What was being done.
    pub step: Step,
    /// What `drivers_autoprobe` held.
    pub autoprobe: String,
    /// The file that has the kernel look for the functions.
    pub rescan: PathBuf,
    /// The functions, in the order in which they are removed.
    pub functions: Vec<Saved>,
    /// Those of them that are removed by themselves; the others go along.
    pub own: Vec<Bdf>,
    /// All functions that there were.
    pub present: Vec<Bdf>,
    /// The groups before, of which at least one function was a member.
    pub before: Vec<Vec<Bdf>>,
}

impl State {
    /// The state before anything is done.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the kernel does not tell whether it probes by itself.
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
            step: Step::Unbind,
            autoprobe: autoprobe.trim().to_owned(),
            rescan: plan.rescan.clone(),
            functions: plan.package.all().map(saved).collect(),
            own: plan.package.own.clone(),
            present: topology.functions.iter().map(|it| it.bdf).collect(),
            before: plan.current.clone(),
        })
    }

    /// Whether a function is there.
    #[must_use]
    pub fn is_there(paths: &HostPaths, bdf: Bdf) -> bool {
        paths.function(bdf).exists()
    }

    /// Writes it: after this, what comes next can be undone.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`]; what was there before is there still.
    pub fn save(&self, paths: &HostPaths) -> Result<(), Error> {
        let path = self.path(paths);
        let draft = path.with_extension("new");
        let failed = |error| Error::io("write", &path, &error);
        let json = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        // One that was killed while it wrote may have left its draft.
        let _ = fs::remove_file(&draft);
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft);
        let written = file.and_then(|mut file| file.write_all(&json));
        let written = written.and_then(|()| fs::rename(&draft, &path));
        written.map_err(|error| {
            // The error that counts is the first.
            let _ = fs::remove_file(&draft);
            failed(error)
        })
    }

    /// Removes it: everything is back.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`].
    pub fn remove(&self, paths: &HostPaths) -> Result<(), Error> {
        let path = self.path(paths);
        fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))
    }

    /// Where it is kept.
    #[must_use]
    pub fn path(&self, paths: &HostPaths) -> PathBuf {
        folder(paths).join(format!("regroup-{}.json", self.requested))
    }

    /// Those that runs of this boot have left behind. Of an earlier boot there is nothing to put
    /// back, so those are removed.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] for one that makes no sense.
    pub fn left_behind(paths: &HostPaths) -> Result<Vec<Self>, Error> {
        let folder = folder(paths);
        let mut found = Vec::new();
        for name in names(&folder) {
            let parts = name
                .strip_prefix("regroup-")
                .and_then(|it| it.strip_suffix(".json"));
            if parts.is_none() {
                continue;
            }
            let path = folder.join(name);
            let bytes = fs::read(&path).map_err(|error| Error::io("read", &path, &error))?;
            let state: Self =
                serde_json::from_slice(&bytes).map_err(|error| unclear(&path, &error))?;
            if state.schema != SCHEMA {
                return Err(unclear(&path, &format!("its schema is {}", state.schema)));
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

fn unclear(path: &Path, why: &dyn std::fmt::Display) -> Error {
    let path = path.display();
    Error::CouldNotRun(format!(
        "{path}: {why}; an acsctl of another version may have been killed. Use that version, or see to it \
         that all functions are there (echo 1 > /sys/bus/pci/rescan) with their drivers and that \
         /sys/bus/pci/drivers_autoprobe is 1, and remove the file"
    ))
}

/// What a function is, as sysfs has it.
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

/// The type of the domain of a function's group: `DMA`, `identity`.
pub(super) fn domain(paths: &HostPaths, bdf: Bdf) -> Option<String> {
    text(&paths.function(bdf).join("iommu_group/type"))
}

fn boot(paths: &HostPaths) -> String {
    text(&paths.proc.join("sys/kernel/random/boot_id")).unwrap_or_default()
}

/// Where states are kept.
fn folder(paths: &HostPaths) -> PathBuf {
    paths.run.join("acsctl")
}

/// Held by the one that changes something, and by what it has the kernel do, until that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when another has it, or it cannot be made.
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
        if let Err(error) = patiently(&file) {
            if error.kind() != io::ErrorKind::WouldBlock {
                return Err(Error::io("lock", &path, &error.into()));
            }
            let who = text(&path).filter(|who| !who.is_empty());
            return Err(Error::CouldNotRun(format!(
                "another run is not over: {}; wait for it, then run this again",
                who.as_deref().unwrap_or("it has not said what it does")
            )));
        }
        // The process that writes into sysfs has it too: when the kernel does not come back from a
        // write, the lock stays held though this process has ended.
        fcntl_setfd(&file, FdFlags::empty())
            .map_err(|error| Error::io("lock", &path, &error.into()))?;
        let lock = Self { _file: file, path };
        lock.note(&format!("process {} regroups", std::process::id()));
        Ok(lock)
    }

    /// Notes what is being done, for those who find it taken.
    pub(super) fn note(&self, what: &str) {
        // No more than a help.
        let _ = fs::write(&self.path, what);
    }
}

/// Takes the lock. That of a run that was killed is free as soon as its writer has noticed.
fn patiently(file: &File) -> rustix::io::Result<()> {
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
