// SPDX-License-Identifier: GPL-2.0-only

//! Files that processes have open or mapped: the nodes of a function's devices, its files in sysfs,
//! its VFIO group, and its VFIO device.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, makedev, statx};
use topology::Bdf;

use super::{Node, Uses, block};
use crate::host::{HostPaths, link, names, text};

/// The link target of an open VFIO device (`drivers/vfio/vfio_main.c`).
const VFIO_DEVICE: &str = "anon_inode:[vfio-device]";
/// The initial process namespace, `PROC_PID_INIT_INO`.
const FIRST_NAMESPACE: &str = "pid:[4026531836]";
/// The number of processes to name.
const NAMED: usize = 3;

/// Something in use: the function, the name of the use, and its description.
type Held = (Bdf, String, String);

/// The files to search for.
#[derive(Default)]
pub(super) struct Wanted {
    /// Nodes. Key: whether the node is a block device, and the device number.
    nodes: BTreeMap<(bool, u64), Vec<Held>>,
    /// Paths of sysfs folders and of nodes.
    paths: Vec<(PathBuf, Bdf, String)>,
    /// Functions that are bound to a VFIO driver.
    vfio: BTreeSet<Bdf>,
}

impl Wanted {
    /// Adds the files of a function.
    pub(super) fn add(&mut self, paths: &HostPaths, bdf: Bdf, folder: &Path, nodes: &[Node]) {
        self.paths
            .push((folder.to_owned(), bdf, format!("open:{bdf}")));
        for node in nodes.iter().filter(|node| node.subsystem != "input") {
            let Some(number) = node.number.as_deref().and_then(block::device) else {
                continue;
            };
            let key = (node.subsystem == "block", number);
            let name = format!("open:{}", node.shown());
            self.paths.push((node.path(paths), bdf, name.clone()));
            let list = self.nodes.entry(key).or_default();
            list.push((bdf, name, node.shown()));
        }
        if paths
            .driver(bdf)
            .is_some_and(|driver| driver.starts_with("vfio"))
        {
            self.vfio.insert(bdf);
        }
        // The node exists while a VFIO driver has any function of the group.
        let Some(group) = link(&folder.join("iommu_group")) else {
            return;
        };
        for name in [group.clone(), format!("noiommu-{group}")] {
            let number = text(&paths.sys.join("class/vfio").join(&name).join("dev"));
            if let Some(number) = number.as_deref().and_then(block::device) {
                let node = format!("/dev/vfio/{name}");
                let list = self.nodes.entry((false, number)).or_default();
                list.push((bdf, format!("vfio:{node}"), node));
            }
        }
    }

    /// Searches the open files and mappings of all processes.
    pub(super) fn search(&self, paths: &HostPaths, uses: &mut Uses) {
        if link(&paths.proc.join("self/ns/pid")).is_some_and(|own| own != FIRST_NAMESPACE) {
            let what = "processes outside this container: acsctl does not run in the host's \
                        process namespace";
            uses.unseen.insert(what.to_owned());
        }
        let mut holders: BTreeMap<Held, BTreeSet<String>> = BTreeMap::new();
        let entries = fs::read_dir(&paths.proc).into_iter().flatten().flatten();
        for entry in entries {
            let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
            let name = entry.file_name();
            let Some(number) = name.to_str().filter(|name| is_process(name)) else {
                continue;
            };
            let folder = entry.path();
            let mut found = BTreeSet::new();
            let searched = threads(&folder).iter().try_for_each(|thread| {
                self.open(thread, &mut found)
                    .and_then(|()| self.mapped(thread, &mut found))
            });
            if searched.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
                let what = "the open files of some processes: this needs root with all \
                            capabilities";
                uses.unseen.insert(what.to_owned());
            }
            if found.is_empty() || number == std::process::id().to_string() {
                continue;
            }
            let called = text(&folder.join("comm")).unwrap_or_default();
            for one in found {
                let list = holders.entry(one).or_default();
                list.insert(format!("{called} (process {number})"));
            }
        }
        for ((bdf, name, what), processes) in holders {
            let shown: Vec<_> = processes.iter().take(NAMED).map(String::as_str).collect();
            let more = processes.len().saturating_sub(NAMED);
            let more = (more > 0).then(|| format!(" and {more} more"));
            let shown = format!("{}{}", shown.join(", "), more.unwrap_or_default());
            let remedy = "end that process, or make it close the file";
            uses.add(bdf, name, format!("{what} is held by {shown}"), remedy);
        }
    }

    /// Finds wanted files among the open files of a process.
    fn open(&self, process: &Path, found: &mut BTreeSet<Held>) -> io::Result<()> {
        for entry in fs::read_dir(process.join("fd"))? {
            let entry = entry?;
            // The process may close a file during the search.
            let Ok(target) = fs::read_link(entry.path()) else {
                continue;
            };
            if target == Path::new(VFIO_DEVICE) {
                self.vfio(process, &entry.file_name().to_string_lossy(), found);
            } else if target.is_absolute() {
                self.file(&entry.path(), &target, found);
            }
        }
        Ok(())
    }

    /// Checks an open file with a path.
    fn file(&self, entry: &Path, target: &Path, found: &mut BTreeSet<Held>) {
        let is_below = |(path, _, _): &&(PathBuf, Bdf, String)| target.starts_with(path);
        for (_, bdf, name) in self.paths.iter().filter(is_below) {
            found.insert((*bdf, name.clone(), target.display().to_string()));
        }
        // Do not query the server of a network file system.
        let flags = AtFlags::STATX_DONT_SYNC;
        let Ok(file) = statx(CWD, entry, flags, StatxFlags::TYPE) else {
            return;
        };
        let kind = FileType::from_raw_mode(file.stx_mode.into());
        if matches!(kind, FileType::BlockDevice | FileType::CharacterDevice) {
            let number = makedev(file.stx_rdev_major, file.stx_rdev_minor);
            let key = (kind == FileType::BlockDevice, number);
            found.extend(self.nodes.get(&key).into_iter().flatten().cloned());
        }
    }

    /// Checks an open VFIO device. Kernels since 6.17 name the device; on older kernels, it
    /// may be any.
    fn vfio(&self, process: &Path, number: &str, found: &mut BTreeSet<Held>) {
        let info = text(&process.join("fdinfo").join(number)).unwrap_or_default();
        let mut lines = info.lines();
        let device_path = lines.find_map(|line| line.strip_prefix("vfio-device-syspath:"));
        for &bdf in &self.vfio {
            let what =
                match device_path.map(|path| path.trim().rsplit('/').next().unwrap_or_default()) {
                    Some(name) if name == bdf.to_string() => "it".to_owned(),
                    Some(_) => continue,
                    None => "it, or another VFIO device,".to_owned(),
                };
            found.insert((bdf, format!("vfio:{bdf}"), what));
        }
    }

    /// Finds wanted files among the mappings of a process.
    fn mapped(&self, process: &Path, found: &mut BTreeSet<Held>) -> io::Result<()> {
        let maps = fs::read_to_string(process.join("maps"))?;
        for path in maps
            .lines()
            .filter_map(|line| Some(&line[line.find('/')?..]))
        {
            for (wanted, bdf, name) in &self.paths {
                if Path::new(path).starts_with(wanted) {
                    found.insert((*bdf, name.clone(), path.to_owned()));
                }
            }
        }
        Ok(())
    }
}

/// The folders of a process that show its files: that of the process, or if its main thread has ended, those
/// of its other threads. The files of such a process are open although its own folder shows none
/// (`proc_fd_link()` in `fs/proc/fd.c`).
fn threads(process: &Path) -> Vec<PathBuf> {
    let stat = text(&process.join("stat")).unwrap_or_default();
    let state = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .next();
    if state != Some("Z") {
        return vec![process.to_owned()];
    }
    let tasks = process.join("task");
    let own = process.file_name();
    let others = names(&tasks)
        .into_iter()
        .filter(|name| Some(name.as_ref()) != own);
    others.map(|name| tasks.join(name)).collect()
}
