// SPDX-License-Identifier: GPL-2.0-only

//! Files that processes have open, mapped, or registered in an `io_uring`: the nodes of a function's devices, its files
//! in sysfs, its VFIO group, and its VFIO device.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, makedev, statx};
use topology::Bdf;

use super::{
    Node, Uses, block, is_vfio,
    process::{Descriptor, Process},
};
use crate::host::{HostPaths, link, text};

/// The link target of an open VFIO device (`drivers/vfio/vfio_main.c`).
const VFIO_DEVICE: &str = "anon_inode:[vfio-device]";
/// The link target of an `io_uring` (`io_uring/io_uring.c`).
const RING: &str = "anon_inode:[io_uring]";
/// The initial process namespace, `PROC_PID_INIT_INO`.
const FIRST_NAMESPACE: &str = "pid:[4026531836]";
/// The number of processes to name.
const NAMED: usize = 3;

/// Something in use: the function, the name of the use, and its description.
type Held = (Bdf, String, String);
/// What a process holds, and how.
type Found = BTreeMap<Held, Openers>;

/// How something is held.
#[derive(Default)]
struct Openers {
    /// The descriptors of open files that the driver's module counts.
    files: Vec<Descriptor>,
    /// Whether a file that the driver's module counts is registered in an `io_uring`. It may also have a descriptor.
    in_ring: bool,
    /// How many openers the driver's module counts at most.
    counted: usize,
}

impl Openers {
    /// How many open files these surely are.
    fn open_files(&self) -> usize {
        Descriptor::open_files(&self.files).max(self.in_ring.into())
    }

    /// Adds other openers of the same.
    fn extend(&mut self, other: Self) {
        self.files.extend(other.files);
        self.in_ring |= other.in_ring;
        self.counted = self.counted.max(other.counted);
    }
}

/// The files to search for.
#[derive(Default)]
pub(super) struct Wanted {
    /// Nodes. Key: whether the node is a block device, and the device number. Value: also how many openers of the
    /// node the function's driver counts at most.
    nodes: BTreeMap<(bool, u64), Vec<(Held, usize)>>,
    /// Paths of sysfs folders and of nodes.
    paths: Vec<(PathBuf, Bdf, String)>,
    /// Functions that are bound to a VFIO driver, and the name of the node of their group.
    vfio: BTreeMap<Bdf, Option<String>>,
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
            list.push(((bdf, name, node.shown()), node.counted));
        }
        let driver = paths.driver(bdf).unwrap_or_default();
        if is_vfio(&driver) {
            let group = link(&folder.join("iommu_group"));
            self.vfio.insert(bdf, group);
        }
        // NVIDIA's driver makes nodes that sysfs does not show, for the desktop and CUDA alike.
        let gpu = paths.proc.join("driver/nvidia/gpus").join(bdf.to_string());
        let gpu = text(&gpu.join("information")).unwrap_or_default();
        if let Some(minor) = gpu
            .lines()
            .find_map(|line| line.strip_prefix("Device Minor:"))
        {
            let node = format!("nvidia{}", minor.trim());
            self.paths
                .push((paths.dev.join(&node), bdf, format!("open:/dev/{node}")));
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
                list.push(((bdf, format!("vfio:{node}"), node), 0));
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
        let mut holders: BTreeMap<Held, (BTreeSet<String>, Openers)> = BTreeMap::new();
        for process in Process::all(paths).filter(|process| !process.is_of_kernel()) {
            let mut found = Found::new();
            for table in process.file_tables() {
                let searched = self
                    .open(&table, &mut found)
                    .and_then(|()| self.mapped(&table, &mut found));
                if searched.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
                    let what = "the open files of some processes: this needs root with all \
                                capabilities";
                    uses.unseen.insert(what.to_owned());
                }
            }
            if found.is_empty() || process.id == std::process::id().to_string() {
                continue;
            }
            for (held, openers) in found {
                let (processes, all) = holders.entry(held).or_default();
                processes.insert(process.shown());
                all.extend(openers);
            }
        }
        for ((bdf, name, what), (processes, openers)) in holders {
            uses.count(bdf, &what, openers.open_files(), openers.counted);
            let shown: Vec<_> = processes.iter().take(NAMED).map(String::as_str).collect();
            let more = processes.len().saturating_sub(NAMED);
            let more = (more > 0).then(|| format!(" and {more} more"));
            let shown = format!("{}{}", shown.join(", "), more.unwrap_or_default());
            let remedy = "end that process, or make it close the file";
            uses.add(bdf, name, format!("{what} is held by {shown}"), remedy);
        }
    }

    /// Finds wanted files among the open files of a process.
    fn open(&self, process: &Path, all: &mut Found) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(process.join("fd"))? {
            let entry = entry?;
            // The process may close a file during the search.
            files.extend(fs::read_link(entry.path()).map(|target| (entry, target)));
        }
        let groups = files.iter().filter_map(|(_, target)| group_of(target));
        let groups: BTreeSet<_> = groups.collect();
        for (entry, target) in &files {
            let mut found = BTreeMap::new();
            let in_ring = *target == Path::new(RING);
            let info = || {
                let info = process.join("fdinfo").join(entry.file_name());
                text(&info).unwrap_or_default()
            };
            if *target == Path::new(VFIO_DEVICE) {
                self.vfio(&info(), &groups, &mut found);
            } else if in_ring {
                for file in registered(&info()) {
                    if file.starts_with('/') {
                        let path = Path::new(&file);
                        self.file(path, path, &mut found);
                    } else {
                        self.named(&file, &mut found);
                    }
                }
            } else if target.is_absolute() {
                self.file(&entry.path(), target, &mut found);
            }
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.parse().ok());
            for (held, counted) in found {
                let openers = all.entry(held).or_default();
                openers.counted = openers.counted.max(counted);
                if counted > 0 && in_ring {
                    openers.in_ring = true;
                } else if counted > 0 {
                    let thread = process.to_owned();
                    openers
                        .files
                        .extend(number.map(|number| Descriptor { thread, number }));
                }
            }
        }
        Ok(())
    }

    /// Checks an open file with a path. `found` also has how many such files the function's driver counts at most.
    fn file(&self, entry: &Path, target: &Path, found: &mut BTreeMap<Held, usize>) {
        let is_below = |(path, _, _): &&(PathBuf, Bdf, String)| target.starts_with(path);
        for (_, bdf, name) in self.paths.iter().filter(is_below) {
            found.insert((*bdf, name.clone(), target.display().to_string()), 0);
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
            let held = self.nodes.get(&key).into_iter().flatten();
            found.extend(held.cloned());
        }
    }

    /// Checks a file by its name alone: nodes with this name may be it.
    fn named(&self, file: &str, found: &mut BTreeMap<Held, usize>) {
        let nodes = self.nodes.values().flatten();
        let is_it = |((_, _, node), _): &&(Held, usize)| node.rsplit('/').next() == Some(file);
        found.extend(nodes.filter(is_it).cloned());
    }

    /// Checks an open VFIO device of a process that has the nodes of these groups open. Kernels since 6.17
    /// name the device. On older kernels it may be any of these groups, or of any group if the process has
    /// closed their nodes: the file is a user of one driver all the same. A driver counts one opener of each device
    /// (`vfio_df_device_first_open()` in `drivers/vfio/vfio_main.c`; before Linux 6.3, each).
    fn vfio(&self, info: &str, groups: &BTreeSet<&str>, found: &mut BTreeMap<Held, usize>) {
        let mut lines = info.lines();
        let device_path = lines.find_map(|line| line.strip_prefix("vfio-device-syspath:"));
        for (&bdf, group) in &self.vfio {
            let is_its = || {
                group
                    .as_ref()
                    .is_some_and(|group| groups.contains(group.as_str()))
            };
            let what =
                match device_path.map(|path| path.trim().rsplit('/').next().unwrap_or_default()) {
                    Some(name) if name == bdf.to_string() => "it",
                    None if is_its() => "it, or another function of its group,",
                    None if groups.is_empty() => "it, or another VFIO device,",
                    _ => continue,
                };
            let counted = found.is_empty().into();
            found.insert((bdf, format!("vfio:{bdf}"), what.to_owned()), counted);
        }
    }

    /// Finds wanted files among the mappings of a process.
    fn mapped(&self, process: &Path, all: &mut Found) -> io::Result<()> {
        let maps = fs::read_to_string(process.join("maps"))?;
        for path in maps
            .lines()
            .filter_map(|line| Some(&line[line.find('/')?..]))
        {
            for (wanted, bdf, name) in &self.paths {
                if Path::new(path).starts_with(wanted) {
                    all.entry((*bdf, name.clone(), path.to_owned()))
                        .or_default();
                }
            }
        }
        Ok(())
    }
}

/// The number of the group whose VFIO node a path is.
fn group_of(path: &Path) -> Option<&str> {
    let name = path.strip_prefix("/dev/vfio").ok()?.to_str()?;
    let number = name.strip_prefix("noiommu-").unwrap_or(name);
    number
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(number)
}

/// The files that are registered in an `io_uring`, by its `fdinfo` (`io_uring/fdinfo.c`): their paths, or on older kernels
/// (6.12 among them) their names. The process may have closed them.
fn registered(info: &str) -> Vec<String> {
    let lines = info
        .lines()
        .skip_while(|line| !line.starts_with("UserFiles:"));
    let files = lines.skip(1).map_while(|line| {
        let (number, file) = line.split_once(": ")?;
        number.trim().parse::<u32>().ok()?;
        Some(block::unescape(file.trim()))
    });
    files.collect()
}
