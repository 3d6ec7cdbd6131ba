// SPDX-License-Identifier: GPL-2.0-only

//! A simulated host: folders that look like its sysfs and procfs.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use acsctl::host::HostPaths;

use super::scratch;

/// A module's table, as in debugfs, with an entry for the functions of [`FakeHost::pair`].
pub(crate) const TABLE: &str =
    "table 0123456789ab\n1 test/pair mf-endpoint active acs=SV TB RR CR UF DT 1234:0a01\n";

/// The same with an entry that mainline has since 6.11.
pub(crate) const BCM5760X: &str = "table 0123456789ab\n\
    41 broadcom/bcm5760x mf-endpoint active mainline=6.11 acs=SV TB RR CR UF DT 14e4:1760-1763\n";

/// A host with a root port at 00:01.0, which has ACS, and whatever a test adds.
pub(crate) struct FakeHost(PathBuf);

impl FakeHost {
    pub(crate) fn new(test: &str) -> Self {
        let host = Self(scratch(&format!("host-{test}")));
        host.file("proc/sys/kernel/osrelease", "7.3.4+deb13-amd64\n");
        host.file("proc/sys/kernel/random/boot_id", "this\n");
        host.file("sys/bus/pci/drivers_autoprobe", "1\n");
        host.file("sys/class/iommu/dmar0/name", "");
        host.file("sys/module/kernel/parameters/panic", "0\n");
        host.file(
            "proc/interrupts",
            " 24: 0 IR-PCI-MSI-0000:00:01.0 0-edge pcieport\n",
        );
        host.link("proc/self/ns/pid", "pid:[4026531836]");
        let mut port = config(0x8086, 0x1901, 0x81, 0x4);
        port[0x18..0x1b].copy_from_slice(&[0, 1, 1]);
        port[0x100..0x104].copy_from_slice(&0x0001_000d_u32.to_le_bytes());
        port[0x104..0x108].copy_from_slice(&[0x1f, 0, 0x1d, 0]);
        host.function("pci0000:00/0000:00:01.0", &port, 1);
        host
    }

    /// Adds two functions of one device below the port, with these groups and header types.
    pub(crate) fn pair(self, groups: [u32; 2], headers: [u8; 2]) -> Self {
        self.pair_of((0x1234, 0x0a01), groups, headers)
    }

    /// The same with this vendor and device id.
    pub(crate) fn pair_of(
        self,
        (vendor, device): (u16, u16),
        groups: [u32; 2],
        headers: [u8; 2],
    ) -> Self {
        for (number, (group, header)) in groups.into_iter().zip(headers).enumerate() {
            let path = format!("pci0000:00/0000:00:01.0/0000:01:00.{number}");
            self.function(&path, &config(vendor, device, header, 0), group);
        }
        self
    }

    /// Adds a function at 00:02.0, beside the port, with this group.
    pub(crate) fn beside(self, group: u32) -> Self {
        let path = "pci0000:00/0000:00:02.0";
        self.function(path, &config(0x1234, 0x0b02, 0, 0), group);
        self
    }

    /// Takes the ACS capability from the port.
    pub(crate) fn port_without_acs(self) -> Self {
        let path = "sys/devices/pci0000:00/0000:00:01.0/config";
        let mut port = fs::read(self.path(path)).expect("it is there");
        port[0x100..0x108].fill(0);
        self.file(path, port);
        self
    }

    /// Adds a loaded module with a table.
    pub(crate) fn module(self, name: &str, table: &str) -> Self {
        self.file(&format!("sys/module/{name}/coresize"), "1\n");
        self.file(&format!("sys/kernel/debug/{name}/table"), table);
        self.file(&format!("sys/kernel/debug/{name}/decisions"), "");
        self.hook(name, "effective");
        self
    }

    /// Sets the state that the module reports for its hook. The module measured nothing.
    pub(crate) fn hook(&self, name: &str, state: &str) {
        let text = format!("state: {state}\nreason: the test's\ncalls: 3\n");
        self.file(&format!("sys/kernel/debug/{name}/hook"), &text);
    }

    /// Sets the lines that the module writes on what the kernel has of its entries. The hook is
    /// effective.
    pub(crate) fn measured(&self, name: &str, lines: &str) {
        self.hook(name, "effective");
        let path = format!("sys/kernel/debug/{name}/hook");
        let state = fs::read_to_string(self.path(&path)).expect("it is there");
        self.file(
            &path,
            format!("{state}missed: 0\nbuilt with: headers\n{lines}"),
        );
    }

    pub(crate) fn paths(&self) -> HostPaths {
        HostPaths {
            sys: self.0.join("sys"),
            proc: self.0.join("proc"),
            dev: self.0.join("dev"),
            run: self.0.join("run"),
            lib: self.0.join("var/lib"),
            debug: self.0.join("sys/kernel/debug"),
        }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.folder_of(path);
        fs::write(path, content).expect("it can be written");
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        symlink(target, self.folder_of(path)).expect("it can be made");
    }

    fn folder_of(&self, path: &str) -> PathBuf {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        path
    }

    /// The path of a file of function 01:00.`number`.
    pub(crate) fn of(number: u8, file: &str) -> String {
        format!("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.{number}/{file}")
    }

    /// Adds a device of a class below function 01:00.`number`, with the device number of its node.
    pub(crate) fn device(&self, number: u8, path: &str, class: &str, node: Option<&str>) {
        let folder = Self::of(number, path);
        self.link(&format!("{folder}/subsystem"), &format!("/class/{class}"));
        if let Some(node) = node {
            self.file(&format!("{folder}/dev"), node);
        }
        let name = Path::new(path).file_name().and_then(|name| name.to_str());
        let name = name.expect("it has a name");
        self.file(&format!("{folder}/uevent"), format!("DEVNAME={name}\n"));
    }

    fn function(&self, path: &str, config: &[u8], group: u32) {
        let folder = format!("sys/devices/{path}");
        let word = |at: usize| u16::from_le_bytes([config[at], config[at + 1]]);
        self.file(&format!("{folder}/vendor"), format!("{:#06x}\n", word(0)));
        self.file(&format!("{folder}/device"), format!("{:#06x}\n", word(2)));
        self.file(&format!("{folder}/class"), "0x020000\n");
        self.file(&format!("{folder}/revision"), "0x01\n");
        self.file(&format!("{folder}/subsystem_vendor"), "0x0000\n");
        self.file(&format!("{folder}/subsystem_device"), "0x0000\n");
        self.file(&format!("{folder}/driver_override"), "(null)\n");
        self.file(&format!("{folder}/config"), config);
        let name = path.rsplit('/').next().expect("it has a name");
        self.link(
            &format!("sys/bus/pci/devices/{name}"),
            &format!("../../../devices/{path}"),
        );
        let groups = format!("kernel/iommu_groups/{group}");
        self.link(&format!("sys/{groups}/devices/{name}"), "/");
        self.file(&format!("sys/{groups}/type"), "DMA\n");
        let up = "../".repeat(path.matches('/').count() + 2);
        self.link(&format!("{folder}/iommu_group"), &format!("{up}{groups}"));
    }
}

/// Configuration space with a PCI Express capability.
fn config(vendor: u16, device: u16, header: u8, kind: u8) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    bytes[0..2].copy_from_slice(&vendor.to_le_bytes());
    bytes[2..4].copy_from_slice(&device.to_le_bytes());
    bytes[0x06] = 0x10;
    // The revision and class that sysfs shows.
    bytes[0x08..0x0c].copy_from_slice(&[0x01, 0x00, 0x00, 0x02]);
    bytes[0x0e] = header;
    bytes[0x34] = 0x40;
    bytes[0x40..0x44].copy_from_slice(&[0x10, 0x00, (kind << 4) | 2, 0x00]);
    bytes
}
