// SPDX-License-Identifier: GPL-2.0-only

//! Paths of a host's file systems, and helpers that read small files.

use std::{
    collections::BTreeSet,
    fs,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    path::{Component, Path, PathBuf},
    sync::OnceLock,
};

use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use topology::{Bdf, Host};

/// The mount points of a host's file systems.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPaths {
    /// `/sys`.
    pub sys: PathBuf,
    /// `/proc`.
    pub proc: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
    /// `/run`: files that last until the next boot.
    pub run: PathBuf,
    /// `/var/lib`: files that last.
    pub lib: PathBuf,
    /// The root folder of debugfs.
    pub debug: PathBuf,
}

impl Default for HostPaths {
    /// The paths of the host that this program runs on. Root reads debugfs by a mount of its own, which no
    /// other process sees: debugfs may not be mounted, as in an initramfs, or be unmounted meanwhile.
    fn default() -> Self {
        let paths = Self::below(Path::new("/"));
        match own_debugfs() {
            Some(debug) => Self { debug, ..paths },
            None => paths,
        }
    }
}

impl HostPaths {
    /// The file systems of a host whose root folder is `root`.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self {
            sys: root.join("sys"),
            proc: root.join("proc"),
            dev: root.join("dev"),
            run: root.join("run"),
            lib: root.join("var/lib"),
            debug: root.join("sys/kernel/debug"),
        }
    }

    /// The paths of the host whose root folder is `root`, which is `/` for the host that this program
    /// runs on.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        if root == Path::new("/") {
            Self::default()
        } else {
            Self::below(root)
        }
    }

    /// The input of a capture. With `model`, the capture includes the name of the machine's model.
    #[must_use]
    pub fn to_capture(&self, model: bool) -> Host {
        Host {
            sysfs: self.sys.clone(),
            release: self.proc.join("sys/kernel/osrelease"),
            command_line: self.proc.join("cmdline"),
            model,
        }
    }

    /// The folder of the PCI bus type in sysfs.
    #[must_use]
    pub fn pci(&self) -> PathBuf {
        self.sys.join("bus/pci")
    }

    /// The link to a function's folder, below `bus/pci/devices`.
    #[must_use]
    pub fn function(&self, bdf: Bdf) -> PathBuf {
        self.pci().join("devices").join(bdf.to_string())
    }

    /// The resolved folder of a function, in which the folders of devices below the function are
    /// subfolders; `None` if the function does not exist.
    #[must_use]
    pub fn device(&self, bdf: Bdf) -> Option<PathBuf> {
        let link = self.function(bdf);
        let Ok(target) = fs::read_link(&link) else {
            // In a copy of sysfs, it may be a folder.
            return fs::canonicalize(link).ok();
        };
        // sysfs has no further links on this path, and to look for them at each part would take ten times as long.
        let mut folder = self.pci().join("devices");
        for part in target.components() {
            if part == Component::ParentDir {
                folder.pop();
            } else {
                folder.push(part);
            }
        }
        Some(folder)
    }

    /// All functions of the host.
    #[must_use]
    pub fn functions(&self) -> Vec<Bdf> {
        let all = names(&self.pci().join("devices"));
        all.iter().filter_map(|name| name.parse().ok()).collect()
    }

    /// These functions, and all functions below them now.
    #[must_use]
    pub fn with_below(&self, functions: &[Bdf]) -> BTreeSet<Bdf> {
        let folders: Vec<_> = functions
            .iter()
            .filter_map(|&bdf| self.device(bdf))
            .collect();
        let is_below = |bdf: &Bdf| {
            let own = self.device(*bdf);
            own.is_some_and(|own| folders.iter().any(|folder| own.starts_with(folder)))
        };
        self.functions().into_iter().filter(is_below).collect()
    }

    /// The driver that is bound to a function; `None` if there is none.
    #[must_use]
    pub fn driver(&self, bdf: Bdf) -> Option<String> {
        link(&self.function(bdf).join("driver"))
    }
}

/// The path of debugfs in a mount that is attached to no folder and lasts as long as this process. `None`
/// if this process may not mount.
fn own_debugfs() -> Option<PathBuf> {
    static MOUNT: OnceLock<Option<OwnedFd>> = OnceLock::new();
    let mount = MOUNT.get_or_init(|| own_mount("debugfs").ok()).as_ref()?;
    Some(mounted_at(mount))
}

/// Mounts a file system of this type, attached to no folder. It lasts until the descriptor is closed.
pub(crate) fn own_mount(kind: &str) -> rustix::io::Result<OwnedFd> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOEXEC | MountAttrFlags::MOUNT_ATTR_NOSUID;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// The path of a mount that is attached to no folder.
pub(crate) fn mounted_at(mount: &OwnedFd) -> PathBuf {
    format!("/proc/self/fd/{}", mount.as_raw_fd()).into()
}

/// The text of a small file, trimmed; `None` if the file cannot be read.
pub(crate) fn text(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The last part of a symbolic link's target.
pub(crate) fn link(path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    Some(target.file_name()?.to_str()?.to_owned())
}

/// The sorted names in a folder; empty if the folder cannot be read.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
