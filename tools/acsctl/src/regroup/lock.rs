// SPDX-License-Identifier: GPL-2.0-only

//! The lock that allows one run at a time on a host.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::PathBuf,
    thread,
    time::Duration,
};

use quirk_data::error::Error;
use rustix::{
    fs::{FlockOperation, flock},
    io::{FdFlags, fcntl_setfd},
};

use super::state::{folder, make_folder};
use crate::host::{HostPaths, link, text};

/// The number of attempts to take a lock, and the pause between them.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// The lock that allows one run at a time. The run and its writer hold it, so it is free only when
/// both have ended.
///
/// A container can have another `/run`, in which no other run would find this lock or the state of a killed
/// run. So a run begins only outside of containers.
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
    /// [`Error::CouldNotRun`] when another run has the lock, the lock file cannot be created, or this
    /// process runs in a container.
    pub fn take(paths: &HostPaths) -> Result<Self, Error> {
        if !is_in_first_namespaces(paths) {
            return Err(Error::CouldNotRun(
                "acsctl does not share the mounts and processes of the host's first process, as in a container; \
                 run it on the host itself"
                    .to_owned(),
            ));
        }
        let folder = folder(paths);
        make_folder(&folder)?;
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

/// Whether this process shares the mounts and processes of the host's first process.
fn is_in_first_namespaces(paths: &HostPaths) -> bool {
    let namespace = |process: &str, kind| link(&paths.proc.join(process).join("ns").join(kind));
    // A kernel without CONFIG_PID_NS has no `pid`. Every kernel has `mnt`.
    let is_same = |kind| namespace("self", kind) == namespace("1", kind);
    namespace("self", "mnt").is_some() && is_same("mnt") && is_same("pid") && !is_in_chroot(paths)
}

/// Whether the root folder of this process is not that of the host's first process. Another root folder has
/// another `/run`.
fn is_in_chroot(paths: &HostPaths) -> bool {
    let root = |process: &str| fs::metadata(paths.proc.join(process).join("root/"));
    match (root("self"), root("1")) {
        (Ok(own), Ok(first)) => (own.dev(), own.ino()) != (first.dev(), first.ino()),
        // Without the right to see it, or on a host that is not this one.
        _ => false,
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
