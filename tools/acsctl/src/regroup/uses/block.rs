// SPDX-License-Identifier: GPL-2.0-only

//! Disks in use: file systems, swap, and devices stacked on disks.

use std::{
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
    let mounts = text(&paths.proc.join("self/mountinfo")).unwrap_or_default();
    let swaps = text(&paths.proc.join("swaps")).unwrap_or_default();
    let backings = backings(paths);
    for disk in disks {
        let before = uses.list.len();
        for backing in backings.iter().filter(|it| is_node(paths, disk, &it.path)) {
            let what = format!("{} is the storage of {}", disk.shown(), backing.by);
            let name = format!("backing:{}", disk.shown());
            uses.add_user_of(disk, bdf, name, what, &backing.remedy);
        }
        for point in mounts.lines().filter_map(|line| mount(paths, disk, line)) {
            let what = format!("{} is mounted on {point}", disk.shown());
            let name = format!("mounted:{}", disk.shown());
            let remedy = if point == "/" {
                "the host runs from this disk: choose another device".to_owned()
            } else {
                format!("umount {point}")
            };
            uses.add_user_of(disk, bdf, name, what, &remedy);
        }
        if swaps.lines().skip(1).any(|line| is_swap(paths, disk, line)) {
            let shown = disk.shown();
            let what = format!("{shown} is used for swapping");
            let remedy = format!("swapoff {shown}");
            uses.add_user_of(disk, bdf, format!("swap:{shown}"), what, &remedy);
        }
        for holder in names(&disk.folder.join("holders")) {
            let called = text(&paths.sys.join("class/block").join(&holder).join("dm/name"));
            let called = called.map_or(String::new(), |called| format!(" ({called})"));
            let what = format!("{} is part of {holder}{called}", disk.shown());
            let name = format!("held:{}", disk.shown());
            let remedy = "stop it, for example with vgchange -an, cryptsetup close or mdadm --stop";
            uses.add_user_of(disk, bdf, name, what, remedy);
        }
        if uses.list.len() == before {
            claimed(paths, bdf, disk, uses);
        }
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
/// disk exclusively does not show them.
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

/// Adds a use if a disk is opened exclusively. This finds file systems of other mount namespaces,
/// ZFS, bcache, and anything else that no list shows.
fn claimed(paths: &HostPaths, bdf: Bdf, disk: &Node, uses: &mut Uses) {
    let path = disk.path(paths);
    let is_disk = metadata(&path).is_ok_and(|found| found.file_type().is_block_device());
    // A disk that has no medium or is hidden cannot be claimed.
    let is_hidden = text(&disk.folder.join("hidden")).as_deref() == Some("1");
    if !is_disk || is_hidden || text(&disk.folder.join("size")).as_deref() == Some("0") {
        return;
    }
    // Other errors mean that the disk has no medium or is gone.
    match open_alone(&path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let _ = uses.unseen.insert(format!(
                "whether the kernel has claimed {}: only root may open it",
                disk.shown()
            ));
        }
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::BUSY.raw_os_error()) => {
            let what = format!(
                "{} is claimed: by a file system in another mount namespace, by ZFS, or similar",
                disk.shown()
            );
            let name = format!("claimed:{}", disk.shown());
            let remedy = "find out what claimed it (lsblk, zpool status), and stop that";
            uses.add_user_of(disk, bdf, name, what, remedy);
        }
        _ => {}
    }
}

fn open_alone(path: &Path) -> io::Result<File> {
    let flags = OFlags::EXCL | OFlags::NONBLOCK | OFlags::CLOEXEC;
    File::options()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(path)
}
