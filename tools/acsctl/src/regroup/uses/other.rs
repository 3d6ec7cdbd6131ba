// SPDX-License-Identifier: GPL-2.0-only

//! Other uses: displays, consoles, virtual functions, mediated devices, DMA engines, CXL memory, and encrypted
//! guests.

use topology::Bdf;

use super::{Node, Uses, keeps_for_programs};
use crate::host::{HostPaths, link, names, text};

/// Finds other uses of a function.
pub(super) fn find(paths: &HostPaths, bdf: Bdf, nodes: &[Node], uses: &mut Uses) {
    let count = topology::enabled_vfs(&paths.function(bdf));
    if count > 0 {
        let what = format!("{count} of its virtual functions are enabled and would be lost");
        let remedy = format!("echo 0 > /sys/bus/pci/devices/{bdf}/sriov_numvfs");
        uses.add(bdf, format!("virtual-functions:{bdf}"), what, &remedy);
    }
    untested(paths, bdf, nodes, uses);
    host_folders(paths, bdf, nodes, uses);
    for what in displays(paths, bdf, nodes) {
        let remedy = "stop the desktop or console on it, or use another display";
        uses.add(bdf, format!("display:{bdf}"), what, remedy);
        uses.count(bdf, "display", 1, 1);
    }
    let consoles = text(&paths.proc.join("consoles")).unwrap_or_default();
    for node in nodes.iter().filter(|node| node.number.is_some()) {
        let is_it = |line: &str| line.split_whitespace().last() == node.number.as_deref();
        if node.subsystem == "tty" && consoles.lines().any(is_it) {
            let what = format!("the kernel writes its messages to {}", node.shown());
            let remedy = "remove its console= from the kernel command line";
            uses.add(bdf, format!("console:{}", node.shown()), what, remedy);
        }
    }
    for channel in nodes.iter().filter(|node| node.subsystem == "dma") {
        // Each client counts (`dma_chan_get()` in `drivers/dma/dmaengine.c`).
        let clients = text(&channel.folder.join("in_use"));
        let clients = clients.and_then(|clients| clients.parse().ok());
        if let Some(clients @ 1..) = clients {
            let name = &channel.name;
            let what = format!("the kernel uses its DMA channel {name}");
            let remedy = "unload the kernel module that uses it (async_tx, ntb, idxd)";
            uses.add(bdf, format!("dma:{name}"), what, remedy);
            uses.count(bdf, name, clients, channel.counted);
        }
    }
}

/// Finds uses of a function that the kernel's source shows, and that no test runs: mediated devices
/// (`drivers/vfio/mdev`), CXL memory (`drivers/cxl/core/region.c`), and the secure processor of AMD, which guests with
/// encrypted memory need (`drivers/crypto/ccp`, `arch/x86/kvm/svm/sev.c`).
fn untested(paths: &HostPaths, bdf: Bdf, nodes: &[Node], uses: &mut Uses) {
    for device in nodes.iter().filter(|node| node.subsystem == "mdev") {
        let name = &device.name;
        let what = format!("the mediated device {name} is made of it");
        let remedy = format!("echo 1 > /sys/bus/mdev/devices/{name}/remove");
        uses.add(bdf, format!("mdev:{name}"), what, &remedy);
    }
    let regions = names(&paths.sys.join("bus/cxl/devices"));
    let region = regions.iter().find(|name| name.starts_with("region"));
    let memory = nodes.iter().find(|node| node.subsystem == "cxl");
    if let (Some(region), Some(memory)) = (region, memory) {
        let name = &memory.name;
        let what = format!("{region} may be memory of {name}, which the host may use");
        let remedy = "cxl list --regions shows it; cxl destroy-region ends it";
        uses.add(bdf, format!("cxl:{name}"), what, remedy);
    }
    let kvm = paths.sys.join("module/kvm_amd/parameters/sev");
    let is_on = text(&kvm).is_some_and(|value| value == "Y" || value == "1");
    if is_on && paths.driver(bdf).as_deref() == Some("ccp") {
        let what = "KVM uses it for guests with encrypted memory (SEV)".to_owned();
        let remedy = "stop all guests, then modprobe -r kvm_amd";
        uses.add(bdf, format!("sev:{bdf}"), what, remedy);
    }
}

/// Finds folders of a virtual machine's host that may be mounted by this function. The mounts name a tag, not the
/// function, and no driver counts them (`virtio_fs_get_tree()` in `fs/fuse/virtio_fs.c`, `net/9p/trans_virtio.c`).
fn host_folders(paths: &HostPaths, bdf: Bdf, nodes: &[Node], uses: &mut Uses) {
    for node in nodes.iter().filter(|node| node.subsystem == "virtio") {
        let kind = match link(&node.folder.join("driver")).as_deref() {
            Some("virtiofs") => "virtiofs",
            Some("9pnet_virtio") => "9p",
            _ => continue,
        };
        let mounts = text(&paths.proc.join("self/mountinfo")).unwrap_or_default();
        // ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD...] - TYPE SOURCE OPTIONS
        if mounts.contains(&format!(" - {kind} ")) {
            let what =
                format!("a folder of the virtual machine's host ({kind}) may be mounted by it");
            let remedy = format!("unmount it: findmnt -t {kind}");
            uses.add(bdf, format!("mounted:{kind}"), what, &remedy);
        }
    }
}

/// Describes the active displays of a function.
fn displays(paths: &HostPaths, bdf: Bdf, nodes: &[Node]) -> Vec<String> {
    let mut found = Vec::new();
    let is_boot_display = text(&paths.function(bdf).join("boot_vga")).as_deref() == Some("1");
    let driver = paths.driver(bdf);
    let has_display_driver = driver.is_some_and(|driver| !keeps_for_programs(&driver));
    // Without such a driver, only a framebuffer of the firmware could use it, which is a platform device.
    if is_boot_display && (has_display_driver || has_firmware_framebuffer(paths)) {
        found.push("it is the boot display".to_owned());
    }
    for node in nodes {
        let is = |file, value| text(&node.folder.join(file)).as_deref() == Some(value);
        if node.subsystem == "drm" && is("enabled", "enabled") {
            found.push(format!("the display at {} is on", node.name));
        }
        if node.subsystem == "graphics" && node.name.starts_with("fb") && has_console(paths) {
            found.push(format!("the console is on {}", node.shown()));
        }
    }
    found
}

/// Whether a driver uses the framebuffer of the firmware (simpledrm, efifb, simplefb, vesafb).
fn has_firmware_framebuffer(paths: &HostPaths) -> bool {
    let drivers = paths.sys.join("bus/platform/drivers");
    let has_device = |driver: &&str| {
        let entries = names(&drivers.join(driver));
        entries.iter().any(|name| name.contains("framebuffer"))
    };
    let drivers = ["simple-framebuffer", "efi-framebuffer", "vesa-framebuffer"];
    drivers.iter().any(has_device)
}

/// Whether a text console uses a frame buffer.
fn has_console(paths: &HostPaths) -> bool {
    let class = paths.sys.join("class/vtconsole");
    names(&class).iter().any(|name| {
        let folder = class.join(name);
        let is_frame = text(&folder.join("name")).is_some_and(|name| name.contains("frame buffer"));
        is_frame && text(&folder.join("bind")).as_deref() == Some("1")
    })
}
