// SPDX-License-Identifier: GPL-2.0-only

//! Disks in use: file systems, swap, and devices stacked on disks.

use std::{
    collections::BTreeSet,
    fs::{File, Metadata, metadata},
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::fs::{OFlags, makedev};
use topology::Bdf;

use super::{Node, Uses};
use crate::host::{HostPaths, names, text};

/// Claims those of a function's disks that nothing has claimed. Nothing can mount or stack on them as long as the
/// files are open. A claim on a disk includes its partitions (`bd_may_claim()` in `block/bdev.c`).
pub(super) fn claim(paths: &HostPaths, nodes: &[Node]) -> Vec<(String, File)> {
    let mut disks = disks(nodes);
    disks.retain(|disk| !disk.folder.join("partition").exists());
    let claim = |disk: &Node| Some((disk.shown(), open_alone(&disk.path(paths)).ok()?));
    disks.into_iter().filter_map(claim).collect()
}

/// A function's disks and their partitions.
fn disks(nodes: &[Node]) -> Vec<&Node> {
    let disks = nodes.iter().filter(|node| node.subsystem == "block");
    disks.collect()
}

/// Finds uses of a function's disks.
pub(super) fn find(paths: &HostPaths, bdf: Bdf, nodes: &[Node], uses: &mut Uses) {
    let disks = disks(nodes);
    if disks.is_empty() {
        return;
    }
    let lists = Lists::read(paths);
    let mut listed = BTreeSet::new();
    for &disk in &disks {
        let openers = lists.find(paths, bdf, disk, uses);
        uses.count(bdf, &disk.shown(), openers, disk.counted);
        if openers > 0 {
            listed.insert(disk.folder.as_path());
        }
    }
    let is_listed = |disk: &Node| listed.contains(disk.folder.as_path());
    for &disk in disks.iter().filter(|disk| !disk.is_partition()) {
        let is_part = |part: &&&Node| part.is_partition() && part.folder.starts_with(&disk.folder);
        let parts: Vec<_> = disks.iter().filter(is_part).copied().collect();
        for claimed in unlisted(disk, &parts, is_listed, |one| is_claimed(paths, one, uses)) {
            let shown = claimed.shown();
            let what = format!(
                "{shown} is claimed: by a file system in another mount namespace, by ZFS, or similar"
            );
            let remedy = "find out what claimed it (lsblk, zpool status), and stop that";
            uses.add(bdf, format!("claimed:{shown}"), what, remedy);
            let openers = if claimed.is_partition() {
                // It may be claimed only by the known user of its disk.
                usize::from(!is_listed(disk))
            } else {
                // All of its partitions are busy: most likely each is claimed by itself.
                parts.len().max(1)
            };
            uses.count(bdf, &shown, openers, claimed.counted);
        }
    }
}

/// The lists that show what uses a disk.
struct Lists {
    mounts: String,
    swaps: String,
    backings: Vec<Backing>,
}

impl Lists {
    fn read(paths: &HostPaths) -> Self {
        Self {
            mounts: text(&paths.proc.join("self/mountinfo")).unwrap_or_default(),
            swaps: text(&paths.proc.join("swaps")).unwrap_or_default(),
            backings: backings(paths),
        }
    }

    /// Finds uses of a disk or partition. Returns how many openers of it these are.
    fn find(&self, paths: &HostPaths, bdf: Bdf, disk: &Node, uses: &mut Uses) -> usize {
        let Self {
            mounts,
            swaps,
            backings,
        } = self;
        let shown = disk.shown();
        let mut openers = 0;
        for backing in backings.iter().filter(|it| is_node(paths, disk, &it.path)) {
            openers += 1;
            let what = format!("{shown} is the storage of {}", backing.by);
            uses.add(bdf, format!("backing:{shown}"), what, &backing.remedy);
        }
        // All mounts of a file system have one opener.
        let points = mounts.lines().filter_map(|line| mount(paths, disk, line));
        let points: Vec<_> = points.collect();
        openers += points.len().min(1);
        for point in points {
            let what = format!("{shown} is mounted on {point}");
            let remedy = if point == "/" {
                "the host runs from this disk: choose another device".to_owned()
            } else {
                format!("umount {point}")
            };
            uses.add(bdf, format!("mounted:{shown}"), what, &remedy);
        }
        if swaps.lines().skip(1).any(|line| is_swap(paths, disk, line)) {
            openers += 1;
            let what = format!("{shown} is used for swapping");
            let remedy = format!("swapoff {shown}");
            uses.add(bdf, format!("swap:{shown}"), what, &remedy);
        }
        let holders = names(&disk.folder.join("holders"));
        openers += stacked(&holders);
        for holder in holders {
            let called = text(&paths.sys.join("class/block").join(&holder).join("dm/name"));
            let called = called.map_or(String::new(), |called| format!(" ({called})"));
            let what = format!("{shown} is part of {holder}{called}");
            let remedy = "stop it, for example with vgchange -an, cryptsetup close or mdadm --stop";
            uses.add(bdf, format!("held:{shown}"), what, remedy);
        }
        openers
    }
}

/// How often these devices, which are stacked on a disk, have it open: once each (`open_table_device()` in
/// `drivers/md/dm.c`, `md_import_device()` in `drivers/md/md.c`), but a cache of bcache is open once for all devices
/// that it is linked with (`bcache_device_link()` in `drivers/md/bcache/super.c`).
fn stacked(holders: &[String]) -> usize {
    let (cached, others): (Vec<_>, Vec<_>) =
        holders.iter().partition(|name| name.starts_with("bcache"));
    others.len() + cached.len().min(1)
}

/// The disk, or the partitions of it, that something has claimed and no list shows. A claim on a disk also makes its
/// partitions busy, and a claim on a partition its disk (`bd_may_claim()` in `block/bdev.c`). If all are busy, the disk
/// stands for one claim on it.
fn unlisted<T: Copy>(
    disk: T,
    partitions: &[T],
    is_listed: impl Fn(T) -> bool,
    mut is_busy: impl FnMut(T) -> bool,
) -> Vec<T> {
    let mut busy = partitions.to_vec();
    busy.retain(|&one| !is_listed(one) && is_busy(one));
    let is_one = busy.is_empty() || busy.len() == partitions.len();
    let is_explained = partitions.iter().chain([&disk]).any(|&one| is_listed(one));
    if is_one && !is_explained && is_busy(disk) {
        vec![disk]
    } else {
        busy
    }
}

/// A path that the kernel has open as storage for something else, without claiming it.
struct Backing {
    path: String,
    /// Who uses it.
    by: String,
    remedy: String,
}

/// The storage of loop devices (`drivers/block/loop.c`), of exported NVMe namespaces
/// (`drivers/nvme/target/io-cmd-bdev.c`), of SCSI targets (`drivers/target/target_core_file.c`) and of emulated USB
/// disks (`drivers/usb/gadget/function/storage_common.c`). They do not claim a disk that they use, so opening the
/// disk exclusively does not show them. Each has the disk open by itself.
fn backings(paths: &HostPaths) -> Vec<Backing> {
    let mut found = Vec::new();
    let class = paths.sys.join("class/block");
    for name in names(&class)
        .into_iter()
        .filter(|name| name.starts_with("loop"))
    {
        if let Some(path) = text(&class.join(&name).join("loop/backing_file")) {
            found.push(Backing {
                path,
                remedy: format!("unmount /dev/{name}, then losetup -d /dev/{name}"),
                by: format!("/dev/{name}"),
            });
        }
    }
    let subsystems = paths.sys.join("kernel/config/nvmet/subsystems");
    for subsystem in names(&subsystems) {
        let namespaces = subsystems.join(&subsystem).join("namespaces");
        for number in names(&namespaces) {
            let folder = namespaces.join(&number);
            let enable = folder.join("enable");
            let path = text(&folder.join("device_path"));
            let path = path.filter(|_| text(&enable).as_deref() == Some("1"));
            found.extend(path.map(|path| Backing {
                path,
                by: format!("namespace {number} of the exported NVMe subsystem {subsystem}"),
                remedy: format!("echo 0 > {}", shown_in_sys(paths, &enable)),
            }));
        }
    }
    let target = paths.sys.join("kernel/config/target/core");
    for adapter in names(&target) {
        for name in names(&target.join(&adapter)) {
            let path = text(&target.join(&adapter).join(&name).join("udev_path"));
            found.extend(path.map(|path| Backing {
                path,
                by: format!("the SCSI target's storage object {name}"),
                remedy: format!("delete {name} with targetcli"),
            }));
        }
    }
    let gadgets = paths.sys.join("kernel/config/usb_gadget");
    for gadget in names(&gadgets) {
        let functions = gadgets.join(&gadget).join("functions");
        for function in names(&functions) {
            let units = functions.join(&function);
            for unit in names(&units) {
                let file = units.join(&unit).join("file");
                found.extend(text(&file).map(|path| Backing {
                    path,
                    by: format!("{unit} of the emulated USB disk {function}"),
                    remedy: format!("echo > {}", shown_in_sys(paths, &file)),
                }));
            }
        }
    }
    found
}

/// The usual path of a file in sysfs.
fn shown_in_sys(paths: &HostPaths, path: &Path) -> String {
    let below = path.strip_prefix(&paths.sys).unwrap_or(path);
    Path::new("/sys").join(below).display().to_string()
}

/// The mount point in a line of `mountinfo` if the line mounts the disk. Compares the device number
/// and the source, because some file systems have device numbers of their own.
fn mount(paths: &HostPaths, disk: &Node, line: &str) -> Option<String> {
    let words: Vec<_> = line.split(' ').collect();
    let (number, point) = (words.get(2)?, words.get(4)?);
    let source = words.iter().skip_while(|word| **word != "-").nth(2)?;
    let is_it = disk.number.as_deref() == Some(number) || is_node(paths, disk, &unescape(source));
    is_it.then(|| unescape(point))
}

fn is_swap(paths: &HostPaths, disk: &Node, line: &str) -> bool {
    let path = line.split_whitespace().next();
    path.is_some_and(|path| is_node(paths, disk, &unescape(path)))
}

/// Whether a path names the disk's node, which may be outside of `/dev`, as in a container.
fn is_node(paths: &HostPaths, disk: &Node, path: &str) -> bool {
    let place = match path.strip_prefix("/dev/") {
        Some(below) => paths.dev.join(below),
        None if path.starts_with('/') => path.into(),
        None => return false,
    };
    let is_number = |found: Metadata| {
        let number = disk.number.as_deref().and_then(device);
        found.file_type().is_block_device() && Some(found.rdev()) == number
    };
    path == disk.shown() || metadata(place).is_ok_and(is_number)
}

/// Converts a number such as `8:1` to a `dev_t`.
pub(super) fn device(number: &str) -> Option<u64> {
    let (major, minor) = number.split_once(':')?;
    Some(makedev(major.parse().ok()?, minor.parse().ok()?))
}

/// Decodes the octal escapes of white space in procfs.
pub(super) fn unescape(text: &str) -> String {
    let codes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    codes.iter().fold(text.to_owned(), |text, (code, char)| {
        text.replace(code, char)
    })
}

/// Whether a disk is opened exclusively. This finds file systems of other mount namespaces, ZFS, and anything else that
/// no list shows.
fn is_claimed(paths: &HostPaths, disk: &Node, uses: &mut Uses) -> bool {
    let path = disk.path(paths);
    let is_disk = metadata(&path).is_ok_and(|found| found.file_type().is_block_device());
    // A disk that has no medium or is hidden cannot be claimed.
    let is_hidden = text(&disk.folder.join("hidden")).as_deref() == Some("1");
    if !is_disk || is_hidden || text(&disk.folder.join("size")).as_deref() == Some("0") {
        return false;
    }
    // Other errors mean that the disk has no medium or is gone.
    let error = open_alone(&path).err();
    if (error.as_ref()).is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
        let _ = uses.unseen.insert(format!(
            "whether the kernel has claimed {}: only root may open it",
            disk.shown()
        ));
    }
    let number = error.and_then(|error| error.raw_os_error());
    number == Some(rustix::io::Errno::BUSY.raw_os_error())
}

fn open_alone(path: &Path) -> io::Result<File> {
    let flags = OFlags::EXCL | OFlags::NONBLOCK | OFlags::CLOEXEC;
    File::options()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::{stacked, unlisted};

    #[test]
    fn each_holder_has_a_disk_open_and_a_cache_has_it_open_once() {
        let count = |names: &[&str]| {
            stacked(
                &names
                    .iter()
                    .map(|&name| name.to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&["dm-0", "dm-1", "md127"]), 3);
        assert_eq!(count(&["bcache0", "bcache1"]), 1);
        assert_eq!(count(&["bcache0", "bcache1", "dm-0"]), 2);
    }

    #[test]
    fn a_claim_is_on_the_disk_or_on_some_partitions() {
        let found = |listed: &[&str], busy: &[&str]| {
            let parts = ["a1", "a2"];
            unlisted(
                "a",
                &parts,
                |one| listed.contains(&one),
                |one| busy.contains(&one),
            )
        };
        assert_eq!(found(&[], &[]), <[&str; 0]>::default());
        assert_eq!(found(&[], &["a", "a1"]), ["a1"]);
        assert_eq!(found(&[], &["a", "a1", "a2"]), ["a"]);
        // The partitions could not be opened for another reason.
        assert_eq!(found(&[], &["a"]), ["a"]);
        // A mounted partition explains that the disk is busy.
        assert_eq!(found(&["a1"], &["a", "a1"]), <[&str; 0]>::default());
        assert_eq!(found(&["a1"], &["a", "a1", "a2"]), ["a2"]);
        // A known user of the disk may have claimed it, and so its partitions.
        assert_eq!(found(&["a"], &["a", "a1", "a2"]), ["a1", "a2"]);
        assert_eq!(unlisted("a", &[], |_| false, |_| true), ["a"]);
        assert_eq!(
            unlisted("a", &[], |_| true, |_| true),
            <[&str; 0]>::default()
        );
    }
}
