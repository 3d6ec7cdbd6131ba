// SPDX-License-Identifier: GPL-2.0-only

//! Devices elsewhere in the tree that depend on a function. The kernel's source shows these uses, and no test runs them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use topology::Bdf;

use super::{Node, Uses};
use crate::host::{HostPaths, names, text};

/// Finds devices that lose their connection or their driver when a function's driver is unbound, and are not among
/// `functions`.
pub(super) fn find(
    paths: &HostPaths,
    functions: &BTreeSet<Bdf>,
    bdf: Bdf,
    nodes: &[Node],
    uses: &mut Uses,
) {
    for node in nodes {
        match node.subsystem.as_str() {
            "thunderbolt" if is_router(node) => {
                let name = &node.name;
                let what = format!(
                    "the Thunderbolt or USB4 device {name}{} is connected through it, and with it disks, displays and \
                     network cards elsewhere in the tree",
                    model(node)
                );
                let remedy = "end the use of everything behind that device, and unplug it";
                uses.add(bdf, format!("tunnel:{name}"), what, remedy);
            }
            "iommu" => {
                let name = &node.name;
                let what = format!("it is {name}, an IOMMU of this host");
                let remedy = "the devices behind it need it: choose another device";
                uses.add(bdf, format!("iommu:{name}"), what, remedy);
            }
            _ => {}
        }
    }
    for consumer in consumers(paths, functions, bdf, nodes) {
        let what = format!("{consumer} depends on it, and would lose its driver");
        let remedy = "end the use of that device, and unbind its driver";
        uses.add(bdf, format!("depends:{consumer}"), what, remedy);
    }
    uses.count(bdf, "sound", sound_cards(paths, bdf), usize::MAX);
}

/// Whether a device of the Thunderbolt bus is a router that was plugged in: not the host's own, `N-0`, whose route is
/// 0 (`tb_switch_alloc()` in `drivers/thunderbolt/switch.c`), no retimer, and no other host. The tunnels through it
/// end when the driver of the host interface is bound again (`tb_start()` in `drivers/thunderbolt/tb.c`).
fn is_router(node: &Node) -> bool {
    let event = text(&node.folder.join("uevent")).unwrap_or_default();
    let is_own = node.name.ends_with("-0");
    !is_own
        && event
            .lines()
            .any(|line| line == "DEVTYPE=thunderbolt_device")
}

/// The vendor and the name of a Thunderbolt device.
fn model(router: &Node) -> String {
    let part = |file| text(&router.folder.join(file)).filter(|part| !part.is_empty());
    let parts: Vec<_> = ["vendor_name", "device_name"]
        .into_iter()
        .filter_map(part)
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(" "))
    }
}

/// The names of the devices that the kernel unbinds from their drivers before it unbinds that of the function or of a
/// device below it (`device_links_unbind_consumers()` in `drivers/base/core.c`): for example the ports that a
/// Thunderbolt controller tunnels to (`drivers/thunderbolt/acpi.c`).
fn consumers(
    paths: &HostPaths,
    functions: &BTreeSet<Bdf>,
    bdf: Bdf,
    nodes: &[Node],
) -> BTreeSet<String> {
    let suppliers = paths.device(bdf).into_iter();
    let suppliers = suppliers.chain(nodes.iter().map(|node| node.folder.clone()));
    let devices: Vec<_> = suppliers
        .flat_map(|folder| linked(&folder, "active"))
        .collect();
    if devices.is_empty() {
        return BTreeSet::new();
    }
    let folders = functions.iter().filter_map(|&one| paths.device(one));
    let removed: Vec<PathBuf> = folders
        .filter_map(|folder| folder.canonicalize().ok())
        .collect();
    let others = (devices.into_iter())
        .filter(|device| !removed.iter().any(|folder| device.starts_with(folder)));
    let name = |device: PathBuf| Some(device.file_name()?.to_str()?.to_owned());
    others.filter_map(name).collect()
}

/// How many drivers of sound cards hold the driver of a GPU, to play sound over its outputs. The module counts them
/// (`hdac_component_master_bind()` in `sound/hda`), if it is one of those that say so (`intel_audio_component_ops`), and
/// the link shows them (`intel_audio_component_bind()` in `drivers/gpu/drm/i915/display/intel_audio.c`).
fn sound_cards(paths: &HostPaths, bdf: Bdf) -> usize {
    let driver = paths.driver(bdf);
    let is_counted = driver.is_some_and(|driver| ["i915", "xe"].contains(&driver.as_str()));
    let Some(folder) = paths.device(bdf).filter(|_| is_counted) else {
        return 0;
    };
    let is_sound = |device: &PathBuf| {
        let class = text(&device.join("class"));
        class.is_some_and(|class| class.starts_with("0x04"))
    };
    linked(&folder, "not tracked")
        .into_iter()
        .filter(is_sound)
        .count()
}

/// The devices that are consumers of one by device links of this state.
fn linked(supplier: &Path, state: &str) -> Vec<PathBuf> {
    let names = names(supplier).into_iter();
    let links = names.filter(|name| name.starts_with("consumer:"));
    let links = links.map(|name| supplier.join(name));
    let links = links.filter(|link| text(&link.join("status")).as_deref() == Some(state));
    let devices = links.filter_map(|link| fs::canonicalize(link.join("consumer")).ok());
    devices.collect()
}
