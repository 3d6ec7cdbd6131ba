// SPDX-License-Identifier: GPL-2.0-only

//! Capture of a host from trees that look like sysfs.

mod common;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use grouping::view;
use rules::pcie::PcieType;
use topology::{Acs, Header, Host, Port, Removable, Topology};

use common::{bdf, groups};

/// A fake sysfs.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("sysfs")
            .join(name);
        if root.exists() {
            fs::remove_dir_all(&root).expect("it is the test's own");
        }
        fs::create_dir_all(root.join("bus/pci/devices")).expect("the folder can be written to");
        fs::write(root.join("release"), "7.3.4+deb13-amd64-for-jane\n").expect("it can be written");
        Self(root)
    }

    fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        fs::write(path, content).expect("it can be written");
    }

    /// Adds a function below `devices/`, with its link in the list of the bus.
    fn function(&self, path: &str, config: &Config, group: Option<u32>) {
        let folder = format!("devices/{path}");
        let word = |at: usize| u16::from_le_bytes([config.0[at], config.0[at + 1]]);
        self.file(&format!("{folder}/vendor"), format!("{:#06x}\n", word(0)));
        self.file(&format!("{folder}/device"), format!("{:#06x}\n", word(2)));
        self.file(&format!("{folder}/class"), "0x020000\n");
        self.file(&format!("{folder}/revision"), "0x01\n");
        self.file(&format!("{folder}/subsystem_vendor"), "0x1043\n");
        self.file(&format!("{folder}/subsystem_device"), "0x8712\n");
        self.file(&format!("{folder}/config"), &config.0);
        let name = path.rsplit('/').next().expect("it has a name");
        let link = self.0.join("bus/pci/devices").join(name);
        symlink(Path::new("../../../devices").join(path), link).expect("it can be made");
        if let Some(group) = group {
            let target = format!("../kernel/iommu_groups/{group}");
            symlink(target, self.0.join(folder).join("iommu_group")).expect("it can be made");
        }
    }

    fn host(&self) -> Host {
        Host {
            sysfs: self.0.clone(),
            release: self.0.join("release"),
            command_line: self.0.join("cmdline"),
            model: false,
        }
    }

    fn capture(&self) -> Topology {
        self.host()
            .capture()
            .unwrap_or_else(|error| panic!("{error}"))
    }
}

#[derive(Clone)]
struct Config(Vec<u8>);

impl Config {
    /// Configuration space of a conventional function, 4096 bytes.
    fn new(vendor: u16, device: u16, header: u8) -> Self {
        let mut bytes = vec![0; 4096];
        bytes[0..2].copy_from_slice(&vendor.to_le_bytes());
        bytes[2..4].copy_from_slice(&device.to_le_bytes());
        bytes[0x0e] = header;
        Self(bytes)
    }

    /// Adds a PCI Express capability at 80h, after another one at 40h.
    fn express(mut self, kind: u8) -> Self {
        self.0[0x06] = 0x10;
        self.0[0x34] = 0x40;
        self.0[0x40..0x42].copy_from_slice(&[0x01, 0x80]);
        self.0[0x80..0x84].copy_from_slice(&[0x10, 0x00, (kind << 4) | 2, 0x01]);
        self
    }

    /// Adds an ACS capability at 148h, after another one at 100h.
    fn acs(mut self, cap: u16, ctl: u16) -> Self {
        self.0[0x100..0x104].copy_from_slice(&0x1481_0001_u32.to_le_bytes());
        self.0[0x148..0x14c].copy_from_slice(&0x0001_000d_u32.to_le_bytes());
        self.0[0x14c..0x14e].copy_from_slice(&cap.to_le_bytes());
        self.0[0x14e..0x150].copy_from_slice(&ctl.to_le_bytes());
        self
    }

    fn buses(mut self, buses: [u8; 3]) -> Self {
        self.0[0x18..0x1b].copy_from_slice(&buses);
        self
    }

    /// The first `len` bytes.
    fn cut(&self, len: usize) -> Self {
        Self(self.0[..len].to_vec())
    }
}

fn root_port() -> Config {
    Config::new(0x8086, 0x1234, 0x81)
        .express(0x4)
        .acs(0x1f, 0x1d)
        .buses([0, 1, 1])
}

#[test]
fn all_is_read_where_all_may_be_read() {
    let tree = Tree::new("all");
    tree.function("pci0000:00/0000:00:01.0", &root_port(), Some(3));
    let below = "pci0000:00/0000:00:01.0/0000:01:00.0";
    tree.function(below, &Config::new(0x10de, 0x0a01, 0).express(0x0), Some(4));
    tree.file(&format!("devices/{below}/removable"), "removable\n");
    tree.file(&format!("devices/{below}/sriov_totalvfs"), "8\n");
    tree.file(&format!("devices/{below}/virtfn0"), "");
    tree.file(&format!("devices/{below}/sriov_offset"), "128\n");
    tree.file(&format!("devices/{below}/sriov_stride"), "2\n");
    tree.file(&format!("devices/{below}/sriov_vf_device"), "a02\n");
    tree.file("class/iommu/dmar0/name", "dmar0\n");
    let topology = tree.capture();
    assert_eq!(topology.kernel.as_deref(), Some("7.3.4"));
    assert_eq!(topology.iommu.as_deref(), Some("Intel VT-d"));
    assert_eq!(topology.evidence, ["sysfs"]);
    assert_eq!(topology.model, None);
    let [port, endpoint] = &topology.functions[..] else {
        panic!("there are two")
    };
    assert_eq!(port.bdf, bdf("0000:00:01.0"));
    assert_eq!(
        (port.header, port.multifunction),
        (Header::Bridge, Some(true))
    );
    assert_eq!(
        (port.primary, port.secondary, port.subordinate),
        (Some(0), Some(1), Some(1))
    );
    assert_eq!(port.pcie_type, Some(Port::Known(PcieType::RootPort)));
    assert_eq!((port.pcie_version, port.slot), (Some(2), Some(true)));
    assert_eq!(
        port.acs,
        Some(Acs {
            cap: Some(0x1f),
            ctl: Some(0x1d),
            dword8: Some(0)
        })
    );
    assert_eq!(port.iommu_group, Some(3));
    assert_eq!((endpoint.acs, endpoint.acs_known), (None, true));
    assert_eq!(endpoint.removable, Some(Removable::Removable));
    let sriov = endpoint.sriov.expect("it has SR-IOV");
    assert_eq!(
        (sriov.total_vfs, sriov.num_vfs, sriov.offset, sriov.stride),
        (8, 1, 128, 2)
    );
    assert_eq!(sriov.vf_device.value(), 0x0a02);
    let subsystem = endpoint.subsystem.expect("it has one");
    assert_eq!((subsystem.vendor, subsystem.device), (0x1043, 0x8712));
    assert_eq!(groups(&topology), ["0000:00:01.0", "0000:01:00.0"]);
}

#[test]
fn without_the_right_to_read_more_capabilities_are_not_known() {
    let tree = Tree::new("header");
    tree.function("pci0000:00/0000:00:01.0", &root_port().cut(64), Some(3));
    tree.function(
        "pci0000:00/0000:00:02.0",
        &Config::new(0x8086, 1, 0).cut(64),
        None,
    );
    let silent = "pci0000:00/0000:00:03.0";
    tree.function(silent, &Config::new(0x8086, 2, 0), None);
    tree.file(&format!("devices/{silent}/config"), "");
    let topology = tree.capture();
    let [port, plain, silent] = &topology.functions[..] else {
        panic!("there are three")
    };
    assert_eq!((port.pcie_known, port.acs_known), (false, false));
    assert_eq!((port.secondary, port.multifunction), (Some(1), Some(true)));
    // The first 64 bytes show that there is no capability list, so there is no capability.
    assert_eq!((plain.pcie_known, plain.acs_known), (true, true));
    assert_eq!((silent.pcie_known, silent.multifunction), (false, None));
    assert_eq!(view(&topology).assumptions.len(), 4);
}

#[test]
fn where_the_kernel_cannot_reach_extended_capabilities_there_are_none() {
    let tree = Tree::new("no-extended");
    tree.function("pci0000:00/0000:00:01.0", &root_port().cut(256), None);
    let port = &tree.capture().functions[0];
    assert_eq!(
        (port.pcie_known, port.acs_known, port.acs),
        (true, true, None)
    );
}

#[test]
fn lists_of_capabilities_that_make_no_sense_are_not_known() {
    let tree = Tree::new("senseless");
    let mut circle = root_port();
    circle.0[0x41] = 0x40;
    tree.function("pci0000:00/0000:00:01.0", &circle, None);
    let mut extended = Config::new(0x8086, 2, 0).express(0x0);
    extended.0[0x100..0x104].copy_from_slice(&0x1001_0001_u32.to_le_bytes());
    tree.function("pci0000:00/0000:00:02.0", &extended, None);
    let mut ones = Config::new(0x8086, 3, 0).express(0x0);
    ones.0[0x100..].fill(0xff);
    tree.function("pci0000:00/0000:00:03.0", &ones, None);
    let mut gone = Config::new(0xffff, 0xffff, 0xff);
    gone.0.fill(0xff);
    tree.function("pci0000:00/0000:00:04.0", &gone, None);
    let topology = tree.capture();
    let known: Vec<_> = topology
        .functions
        .iter()
        .map(|it| (it.pcie_known, it.acs_known, it.unreadable))
        .collect();
    assert_eq!(
        known,
        [
            (false, false, false),
            (true, false, false),
            (true, false, false),
            (false, false, true)
        ]
    );
}

#[test]
fn a_virtual_function_names_its_physical_one() {
    let tree = Tree::new("virtual");
    tree.function(
        "pci0000:00/0000:00:01.0",
        &Config::new(0x8086, 1, 0).express(0x0),
        None,
    );
    let path = "pci0000:00/0000:00:02.0";
    tree.function(path, &Config::new(0xffff, 0xffff, 0).express(0x0), None);
    tree.file(&format!("devices/{path}/vendor"), "0x8086\n");
    tree.file(&format!("devices/{path}/device"), "0x0002\n");
    symlink(
        "../0000:00:01.0",
        tree.0.join("devices").join(path).join("physfn"),
    )
    .expect("it can be made");
    let topology = tree.capture();
    assert_eq!(topology.functions[1].physfn, Some(bdf("0000:00:01.0")));
    assert_eq!(
        topology.functions[1].device.map(topology::Hex::value),
        Some(2)
    );
}

#[test]
fn a_vmd_is_found_by_where_its_domain_hangs() {
    let tree = Tree::new("vmd");
    let volume = "pci0000:00/0000:00:0e.0";
    tree.function(volume, &Config::new(0x8086, 1, 0).express(0x9), Some(1));
    let port = format!("{volume}/pci10000:e0/10000:e0:06.0");
    let bridge = Config::new(0x8086, 2, 1)
        .express(0x4)
        .buses([0xe0, 0xe1, 0xe1]);
    tree.function(&port, &bridge, Some(1));
    tree.function(
        &format!("{port}/10000:e1:00.0"),
        &Config::new(0x144d, 3, 0).express(0x0),
        Some(1),
    );
    let topology = tree.capture();
    let found: Vec<_> = topology
        .vmd
        .iter()
        .map(|(domain, vmd)| (domain.0, *vmd))
        .collect();
    assert_eq!(found, [(0x10000, bdf("0000:00:0e.0"))]);
    assert_eq!(groups(&topology).len(), 1);
}

#[test]
fn the_model_is_told_when_asked_for_and_nothing_else() {
    let tree = Tree::new("model");
    tree.function("pci0000:00/0000:00:01.0", &root_port(), None);
    for (file, content) in [
        ("sys_vendor", "Acme"),
        ("product_name", "Anvil 3"),
        ("product_serial", "S3R1AL"),
        ("board_serial", "S3R1AL"),
    ] {
        tree.file(&format!("class/dmi/id/{file}"), format!("{content}\n"));
    }
    assert_eq!(tree.capture().model, None);
    let host = Host {
        model: true,
        ..tree.host()
    };
    let topology = host.capture().expect("it can be read");
    assert_eq!(topology.model.as_deref(), Some("Acme Anvil 3"));
    let mut text = Vec::new();
    topology::write(&topology, &mut text).expect("memory can be written to");
    let text = String::from_utf8(text).expect("it is text");
    assert!(!text.contains("S3R1AL") && !text.contains("jane"), "{text}");
}

#[test]
fn what_is_no_sysfs_is_refused() {
    let tree = Tree::new("empty");
    let complaint = |host: Host| host.capture().expect_err("there is nothing").to_string();
    assert!(complaint(tree.host()).contains("functions: the input has no PCI function"));
    let nowhere = Host {
        sysfs: tree.0.join("nowhere"),
        ..tree.host()
    };
    assert!(complaint(nowhere).contains("cannot be read"));
    tree.file("bus/pci/devices/here/vendor", "0x8086\n");
    assert!(complaint(tree.host()).contains("\"here\" is not an address"));
    let tree = Tree::new("no-vendor");
    tree.function("pci0000:00/0000:00:01.0", &root_port(), None);
    tree.file("devices/pci0000:00/0000:00:01.0/vendor", "Intel\n");
    assert!(complaint(tree.host()).contains("has no sensible vendor"));
}

/// A function that leaves while it is read is left out. While its link in the list stays, the missing id is an
/// error: a copy of sysfs may lack files.
#[test]
fn a_function_that_leaves_is_left_out() {
    for leaves in [true, false] {
        let tree = Tree::new("leaves");
        tree.function("pci0000:00/0000:00:01.0", &root_port(), None);
        tree.function("pci0000:00/0000:00:02.0", &root_port(), None);
        // Whoever reads it waits for a writer.
        let vendor = tree.0.join("devices/pci0000:00/0000:00:02.0/vendor");
        fs::remove_file(&vendor).expect("it is there");
        let made = Command::new("mkfifo").arg(&vendor).status();
        assert!(made.expect("it can be started").success());
        let host = tree.host();
        let reader = thread::spawn(move || host.capture());
        let writer = fs::OpenOptions::new().write(true).open(&vendor);
        if leaves {
            fs::remove_file(tree.0.join("bus/pci/devices/0000:00:02.0")).expect("it is there");
        }
        drop(writer);
        let captured = reader.join().expect("it does not panic");
        if leaves {
            let topology = captured.unwrap_or_else(|error| panic!("{error}"));
            let found: Vec<_> = topology.functions.iter().map(|one| one.bdf).collect();
            assert_eq!(found, [bdf("0000:00:01.0")]);
        } else {
            let error = captured.expect_err("it has no vendor").to_string();
            assert!(
                error.contains("0000:00:02.0") && error.contains("vendor"),
                "{error}"
            );
        }
    }
}

/// The host of the test is captured or refused, and its capture can be read back.
#[test]
fn the_host_of_the_test_can_be_captured() {
    if let Ok(topology) = Host::default().capture() {
        assert!(!groups(&topology).is_empty());
    }
}

#[test]
fn of_the_command_line_only_the_override_is_told() {
    let tree = Tree::new("override");
    tree.function(
        "pci0000:00/0000:00:00.0",
        &Config::new(0x8086, 0x1234, 0),
        None,
    );
    assert_eq!(tree.capture().acs_override, None);
    let line = "root=UUID=0fa1 quiet pcie_acs_override=downstream,id:8086:10ed,jane splash\n";
    tree.file("cmdline", line);
    let found = tree.capture().acs_override;
    assert_eq!(found.as_deref(), Some("downstream,id:8086:10ed"));
}
