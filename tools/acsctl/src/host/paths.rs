// SPDX-License-Identifier: GPL-2.0-only

//! The file systems of a host, and small files in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use topology::{Bdf, Host};

/// The file systems of a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPaths {
    /// sysfs.
    pub sys: PathBuf,
    /// procfs.
    pub proc: PathBuf,
    /// The device nodes.
    pub dev: PathBuf,
    /// Files that last until the next boot.
    pub run: PathBuf,
}

impl Default for HostPaths {
    /// The host that this program runs on.
    fn default() -> Self {
        Self::below(Path::new("/"))
    }
}

impl HostPaths {
    /// The file systems of a host below a folder.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self {
            sys: root.join("sys"),
            proc: root.join("proc"),
            dev: root.join("dev"),
            run: root.join("run"),
        }
    }

    /// What to capture, and whether with the model of the machine.
    #[must_use]
    pub fn to_capture(&self, model: bool) -> Host {
        Host {
            sysfs: self.sys.clone(),
            release: self.proc.join("sys/kernel/osrelease"),
            command_line: self.proc.join("cmdline"),
            model,
        }
    }

    /// The folder of the PCI bus type.
    #[must_use]
    pub fn pci(&self) -> PathBuf {
        self.sys.join("bus/pci")
    }

    /// The folder of a function, by its address.
    #[must_use]
    pub fn function(&self, bdf: Bdf) -> PathBuf {
        self.pci().join("devices").join(bdf.to_string())
    }

    /// The folder of a function among the devices, where what is below it is below it; `None` where
    /// there is no such function.
    #[must_use]
    pub fn device(&self, bdf: Bdf) -> Option<PathBuf> {
        fs::canonicalize(self.function(bdf)).ok()
    }

    /// The driver that is bound to a function.
    #[must_use]
    pub fn driver(&self, bdf: Bdf) -> Option<String> {
        link(&self.function(bdf).join("driver"))
    }
}

/// The text of a small file, without the white space around it; `None` where it cannot be read.
pub(crate) fn text(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The last part of what a link leads to.
pub(crate) fn link(path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    Some(target.file_name()?.to_str()?.to_owned())
}

/// The names in a folder, sorted; none where it cannot be read.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
