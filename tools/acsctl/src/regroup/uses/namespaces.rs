// SPDX-License-Identifier: GPL-2.0-only

//! Network interfaces in other network namespaces. sysfs shows only the interfaces of the namespace in which it was
//! mounted (`net_current_may_mount()` in `net/core/net-sysfs.c`), so this mounts it once in each.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use topology::Bdf;

use super::{Uses, block::unescape, process::Process};
use crate::host::{HostPaths, mounted_at, names, own_mount, text};

/// A network interface in another network namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Elsewhere {
    pub(super) function: Bdf,
    /// The interface.
    pub(super) name: String,
    /// A process in the namespace, or the file that keeps it.
    pub(super) namespace: String,
}

/// The interfaces of PCI functions in other network namespaces. Empty for a copy of a host's files.
pub(super) fn interfaces(paths: &HostPaths, uses: &mut Uses) -> Vec<Elsewhere> {
    if paths.proc != Path::new("/proc") {
        return Vec::new();
    }
    let all = others(paths);
    if all.is_empty() {
        return Vec::new();
    }
    // A namespace is entered by a thread of its own, so that the others stay where they are.
    let found = thread::spawn(move || {
        let mut found = Vec::new();
        for (namespace, file) in all.into_values() {
            found.extend(inside(&namespace, &file)?);
        }
        Ok::<_, io::Error>(found)
    });
    let found = found.join().unwrap_or_else(|_| Ok(Vec::new()));
    found.unwrap_or_else(|error| {
        uses.unseen.insert(format!(
            "network interfaces in other network namespaces: {error}"
        ));
        Vec::new()
    })
}

/// The network namespaces other than this process's, by inode: those of threads, open files and mounts.
fn others(paths: &HostPaths) -> BTreeMap<u64, (String, File)> {
    let mut found = BTreeMap::new();
    let own = paths.proc.join("self/ns/net");
    let Ok(own) = fs::metadata(own) else {
        return found;
    };
    let mut add = |namespace: &dyn Fn() -> String, path: &Path| {
        // The process may have ended.
        let Ok(metadata) = fs::metadata(path) else {
            return;
        };
        let is_new = metadata.ino() != own.ino() && !found.contains_key(&metadata.ino());
        if let Some(file) = is_new.then(|| File::open(path).ok()).flatten() {
            found.insert(metadata.ino(), (namespace(), file));
        }
    };
    let mounts = text(&paths.proc.join("self/mountinfo")).unwrap_or_default();
    for line in mounts.lines().filter(|line| line.contains(" net:[")) {
        let point = unescape(line.split(' ').nth(4).unwrap_or_default());
        add(&|| point.clone(), Path::new(&point));
    }
    for process in Process::all(paths) {
        let shown = || process.shown();
        for thread in process.threads() {
            add(&shown, &thread.join("ns/net"));
        }
        for table in process.file_tables() {
            let files = table.join("fd");
            for file in names(&files) {
                let path = files.join(file);
                let target: PathBuf = fs::read_link(&path).unwrap_or_default();
                if target.to_string_lossy().starts_with("net:[") {
                    add(&shown, &path);
                }
            }
        }
    }
    found
}

/// The interfaces in a namespace. Moves this thread there.
fn inside(namespace: &str, file: &File) -> io::Result<Vec<Elsewhere>> {
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
    let mount = own_mount("sysfs")?;
    let class = mounted_at(&mount).join("class/net");
    let mut found = Vec::new();
    for name in names(&class) {
        let folder = fs::read_link(class.join(&name)).unwrap_or_default();
        let mut parts = folder.iter().rev();
        let function = parts.find_map(|part| part.to_str()?.parse().ok());
        found.extend(function.map(|function| Elsewhere {
            function,
            name,
            namespace: namespace.to_owned(),
        }));
    }
    Ok(found)
}
