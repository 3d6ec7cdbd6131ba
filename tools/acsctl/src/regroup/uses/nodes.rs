// SPDX-License-Identifier: GPL-2.0-only

//! The devices that the kernel created for a function: those below its folder in sysfs, and those that reach
//! their storage through it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rules::release::Release;
use topology::Bdf;

use crate::{
    host::{HostPaths, link, names, text},
    regroup::obstacles::release,
};

/// How deep to search below a function. A disk behind a USB hub is 12 levels deep.
const DEPTH: usize = 32;

/// The first release whose drivers count each opener of a partition.
const OPENERS_COUNT_SINCE: Release = Release::new(6, 5);

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
    /// How many users of the device the module of the function's driver counts at most.
    pub(super) counted: usize,
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
            counted: usize::MAX,
        })
    }

    /// Whether the device is a partition of a disk.
    pub(super) fn is_partition(&self) -> bool {
        self.subsystem == "block" && self.folder.join("partition").exists()
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

/// All devices that a function carries: those below its folder, the multipath disks of its NVMe controllers, and
/// the NVMe controllers that are reached through its Fibre Channel ports, with their disks. The latter are below
/// `/sys/devices/virtual`, and the function's driver does not count their users (`nvme_ns_head_open()` in
/// `drivers/nvme/host/multipath.c`, `nvme_fc_init_ctrl()` in `drivers/nvme/host/fc.c`).
pub(super) fn of(paths: &HostPaths, folder: &Path) -> Vec<Node> {
    let mut nodes = below(folder);
    if counts_first_opener(paths) {
        let partitions = nodes.iter_mut().filter(|node| node.is_partition());
        partitions.for_each(|node| node.counted = 1);
    }
    let mut elsewhere = over_fibre_channel(paths, &nodes);
    let controllers = nodes.iter().chain(&elsewhere);
    let controllers = controllers.filter(|node| node.subsystem == "nvme");
    let heads: Vec<_> = controllers
        .flat_map(|node| heads(paths, &node.name))
        .collect();
    elsewhere.extend(heads);
    nodes.extend(
        elsewhere
            .into_iter()
            .map(|node| Node { counted: 0, ..node }),
    );
    nodes
}

/// Whether the drivers of disks count only the first opener of a partition (`blkdev_get_part()` in `block/bdev.c`);
/// assumed of an unknown kernel.
fn counts_first_opener(paths: &HostPaths) -> bool {
    release(paths).is_none_or(|release| release.is_before(OPENERS_COUNT_SINCE))
}

/// The NVMe controllers whose host port is one of these Fibre Channel ports, and the devices below them.
fn over_fibre_channel(paths: &HostPaths, nodes: &[Node]) -> Vec<Node> {
    let ports = nodes.iter().filter(|node| node.subsystem == "fc_host");
    let ports: Vec<_> = ports
        .filter_map(|port| text(&port.folder.join("port_name")))
        .collect();
    let mut found = Vec::new();
    if ports.is_empty() {
        return found;
    }
    let class = paths.sys.join("class/nvme");
    for name in names(&class) {
        // "traddr=nn-0x..:pn-0x..,host_traddr=nn-0x..:pn-0x.." (`nvmf_get_address()` in
        // `drivers/nvme/host/fabrics.c`).
        let address = text(&class.join(&name).join("address")).unwrap_or_default();
        let port = address
            .split(',')
            .find_map(|part| part.strip_prefix("host_traddr="))
            .and_then(|host| host.split(':').find_map(|part| part.strip_prefix("pn-")));
        let is_ours =
            port.is_some_and(|port| ports.iter().any(|own| own.eq_ignore_ascii_case(port)));
        if let (true, Ok(folder)) = (is_ours, class.join(&name).canonicalize()) {
            found.extend(Node::of(&folder));
            found.extend(below(&folder));
        }
    }
    found
}

/// The multipath disks that an NVMe controller is a path to, and their character devices. They are below the
/// subsystem, not below the controller.
fn heads(paths: &HostPaths, controller: &str) -> Vec<Node> {
    let class = paths.sys.join("class/nvme-subsystem");
    let subsystems = names(&class).into_iter().map(|name| class.join(name));
    let own = subsystems.filter(|folder| folder.join(controller).exists());
    let folders = own.filter_map(|folder| folder.canonicalize().ok());
    folders.flat_map(|folder| below(&folder)).collect()
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
