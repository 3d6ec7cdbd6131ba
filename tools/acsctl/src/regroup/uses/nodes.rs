// SPDX-License-Identifier: GPL-2.0-only

//! The devices that the kernel created for a function: those below its folder in sysfs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use topology::Bdf;

use crate::host::{HostPaths, link, text};

/// How deep to search below a function. A disk behind a USB hub is 12 levels deep.
const DEPTH: usize = 32;

/// A device that is not a PCI function.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The device's folder in sysfs.
    pub(super) folder: PathBuf,
    /// The device's name, for example `sda1` or `eth0`.
    pub(super) name: String,
    /// The device's class or bus, for example `block` or `net`.
    pub(super) subsystem: String,
    /// The device number of its node, for example `8:1`.
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

    /// The path of the node below the host's `dev` folder.
    pub(super) fn path(&self, paths: &HostPaths) -> PathBuf {
        paths.dev.join(self.file.as_ref().unwrap_or(&self.name))
    }

    /// The path of the node for messages.
    pub(super) fn shown(&self) -> String {
        format!("/dev/{}", self.file.as_ref().unwrap_or(&self.name))
    }
}

/// All devices below a folder, except PCI functions and devices below them.
pub(super) fn below(folder: &Path) -> Vec<Node> {
    let mut found = Vec::new();
    walk(folder, DEPTH, &mut found);
    found
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<Node>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        // Do not follow links: they lead outside the function's folder.
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
