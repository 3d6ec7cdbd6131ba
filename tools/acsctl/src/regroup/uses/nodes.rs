// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel has made of a function: the devices below its folder in sysfs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use topology::Bdf;

use crate::host::{HostPaths, link, text};

/// How deep below a function devices are looked for: a disk behind a USB hub is 12 deep.
const DEPTH: usize = 32;

/// A device that is not a PCI function.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// Its name: `sda1`, `eth0`.
    pub(super) name: String,
    /// Its class or bus: `block`, `net`.
    pub(super) subsystem: String,
    /// The numbers of its node, as `8:1`.
    pub(super) number: Option<String>,
    /// The name of its node below `/dev`.
    pub(super) file: Option<String>,
}

impl Node {
    /// A device by its folder; `None` for a folder that is no device.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let subsystem = link(&folder.join("subsystem"))?;
        let event = text(&folder.join("uevent")).unwrap_or_default();
        let mut lines = event.lines();
        let file = lines.find_map(|line| line.strip_prefix("DEVNAME="));
        Some(Self {
            name: folder.file_name()?.to_str()?.to_owned(),
            subsystem,
            number: text(&folder.join("dev")),
            file: file.map(str::to_owned),
            folder: folder.to_owned(),
        })
    }

    /// The path of its node.
    pub(super) fn path(&self, paths: &HostPaths) -> PathBuf {
        paths.dev.join(self.file.as_ref().unwrap_or(&self.name))
    }

    /// The path of its node, as people see it.
    pub(super) fn shown(&self) -> String {
        format!("/dev/{}", self.file.as_ref().unwrap_or(&self.name))
    }
}

/// All devices below a folder, but for PCI functions and what is below those.
pub(super) fn below(folder: &Path) -> Vec<Node> {
    let mut found = Vec::new();
    walk(folder, DEPTH, &mut found);
    found
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<Node>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        // Links lead elsewhere, and are not followed.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        let is_function = name
            .to_str()
            .is_some_and(|name| name.parse::<Bdf>().is_ok());
        if !is_folder || is_function || depth == 0 {
            continue;
        }
        let path = entry.path();
        found.extend(Node::of(&path));
        walk(&path, depth - 1, found);
    }
}
