// SPDX-License-Identifier: GPL-2.0-only

//! Runs `acsctl` on captures and on a simulated host.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::{root, scratch, tests};

pub(crate) fn acsctl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_acsctl"))
        .args(arguments)
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("the command starts")
}

pub(crate) fn path(path: &Path) -> String {
    path.to_str().expect("it is text").to_owned()
}

pub(crate) fn machine(name: &str) -> String {
    path(
        &root()
            .join("tests/topologies")
            .join(name)
            .with_extension("json"),
    )
}

pub(crate) fn acme() -> String {
    path(&tests().join("accepted/acme/nic.capture.json"))
}

pub(crate) fn printed(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout.clone()).expect("it is text")
}

#[track_caller]
pub(crate) fn assert_fails(output: &Output, status: i32, message: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(text.contains(message), "{text}");
}

/// The recorded machines of the source tree.
pub(crate) fn recorded() -> Vec<String> {
    let folder = fs::read_dir(root().join("tests/topologies")).expect("it is there");
    let paths = folder.map(|entry| entry.expect("it can be read").path());
    let is_json = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    paths.filter(is_json).map(|found| path(&found)).collect()
}

/// A machine on which each function has its own group, as a file in a test's own folder.
pub(crate) fn alone(folder: &Path) -> String {
    let file = folder.join("alone.txt");
    let text = "0000:00:01.0 Ethernet controller [0200]: Intel Corporation 82574L [8086:10d3]\n\
                \tCapabilities: [e0] Express (v1) Root Complex Integrated Endpoint, MSI 00\n";
    fs::write(&file, text).expect("it can be written");
    path(&file)
}

/// A host with two functions behind a port, one of them bound to VFIO.
pub(crate) fn host(name: &str) -> PathBuf {
    let root = scratch(name);
    let write = |file: &str, content: &[u8]| {
        let file = root.join(file);
        fs::create_dir_all(file.parent().expect("it has one")).expect("it can be made");
        fs::write(file, content).expect("it can be written");
    };
    write("proc/sys/kernel/osrelease", b"7.3.4+deb13-amd64\n");
    write("proc/cmdline", b"quiet\n");
    fs::create_dir_all(root.join("sys/bus/pci/devices")).expect("it can be made");
    let port: [u8; 64] = {
        let mut bytes = [0; 64];
        bytes[..4].copy_from_slice(&[0x34, 0x12, 0x01, 0x00]);
        bytes[0x0e] = 1;
        bytes[0x18..0x1b].copy_from_slice(&[0, 1, 1]);
        bytes
    };
    let mut card = [0; 64];
    card[..4].copy_from_slice(&[0x34, 0x12, 0x02, 0x00]);
    card[0x0e] = 0x80;
    for (bdf, config, driver) in [
        ("0000:00:01.0", port, "pcieport"),
        ("0000:01:00.0", card, "vfio-pci"),
        ("0000:01:00.1", card, "e1000e"),
    ] {
        let folder = format!("sys/devices/{bdf}");
        write(&format!("{folder}/vendor"), b"0x1234\n");
        write(&format!("{folder}/device"), b"0x0001\n");
        write(&format!("{folder}/class"), b"0x020000\n");
        write(&format!("{folder}/revision"), b"0x01\n");
        write(&format!("{folder}/config"), &config);
        let link = |target: &str, name: &str| {
            symlink(target, root.join(&folder).join(name)).expect("it can be made");
        };
        link("../../kernel/iommu_groups/7", "iommu_group");
        link(&format!("../../bus/pci/drivers/{driver}"), "driver");
        let place = root.join("sys/bus/pci/devices").join(bdf);
        symlink(format!("../../../devices/{bdf}"), place).expect("it can be made");
    }
    root
}
