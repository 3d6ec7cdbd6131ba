// SPDX-License-Identifier: GPL-2.0-only

//! A host with libvirt: two virtual machines each ask for one function of the adapter. `driverctl` gives its first
//! function to vfio-pci.

use std::{thread, time::Duration};

use anyhow::{Result, bail, ensure};
use boot::{scenarios::hardware::SIX_GROUPS, two_guests::ADAPTER, vm::Vm};

use super::{driver, groups_are, is_split_early, is_switched_off, put_away};

/// The virtual machines, and the functions of the adapter that they ask for.
const WANTED: [(&str, u8); 2] = [("a", 2), ("b", 3)];
const IDS: &str = "1077:8031";
/// Functions that vfio-pci has by the choice of the owner: one by driverctl, two by `options vfio-pci ids=`.
const OF_VFIO: [u8; 3] = [0, 4, 5];
/// Attempts, one a second, until something that follows udev's events must have happened.
const PATIENCE: u32 = 60;

/// The initramfs has split the adapter: both virtual machines get their function.
pub(crate) fn split(vm: &mut Vm) -> Result<()> {
    is_split_early(vm)?;
    vfio_has(vm, &OF_VFIO)?;
    libvirt_sees(vm, &[WANTED[0].1])?;
    both_run(vm)?;
    put_away(vm)
}

/// The control, without the boot integration: the second virtual machine does not get its function, until `acsctl` has
/// regrouped the adapter below the running libvirt.
pub(crate) fn shared(vm: &mut Vm) -> Result<()> {
    is_switched_off(vm)?;
    vfio_has(vm, &OF_VFIO)?;
    libvirt_sees(vm, &[0, 1, 2, 3, 4, 5])?;
    let [(first, number), (second, other)] = WANTED;
    if let Err(why) = start(vm, first, number)? {
        bail!("machine {first} is refused: {why}");
    }
    match start(vm, second, other)? {
        Ok(()) => bail!("both machines run, and their functions share a group"),
        Err(why) => {
            eprintln!("machine {second} is refused: {why}");
            let cause = format!(
                "PCI device 0000:{ADAPTER}.{number} is in use by driver QEMU, domain {first}"
            );
            ensure!(why.contains(&cause), "{why}");
        }
    }
    stop(vm, first)?;
    vm.check("udevadm settle && modprobe acs_quirks && acsctl regroup 82:00.2")?;
    groups_are(vm, SIX_GROUPS)?;
    vfio_has(vm, &OF_VFIO)?;
    libvirt_sees(vm, &[number])?;
    both_run(vm)?;
    put_away(vm)
}

/// Starts both virtual machines, and stops them. libvirt then takes the functions back from vfio-pci.
fn both_run(vm: &mut Vm) -> Result<()> {
    for (name, number) in WANTED {
        if let Err(why) = start(vm, name, number)? {
            bail!("machine {name} is refused: {why}");
        }
    }
    vfio_has(vm, &WANTED.map(|(_, number)| number))?;
    for (name, number) in WANTED {
        stop(vm, name)?;
        let driver = driver(vm, number)?;
        ensure!(driver != "vfio-pci", "{ADAPTER}.{number} still has it");
    }
    Ok(())
}

/// Has libvirt start a virtual machine without a disk, whose firmware runs, with a function of the adapter. The inner
/// result is libvirt's refusal.
fn start(vm: &mut Vm, name: &str, number: u8) -> Result<Result<(), String>> {
    let domain = format!(
        "<domain type=\"qemu\"><name>{name}</name><memory unit=\"MiB\">32</memory><vcpu>1</vcpu>\
         <os><type arch=\"x86_64\" machine=\"pc\">hvm</type></os><devices>\
         <emulator>/usr/bin/qemu-system-x86_64</emulator>\
         <controller type=\"usb\" model=\"none\"/><memballoon model=\"none\"/>\
         <hostdev mode=\"subsystem\" type=\"pci\" managed=\"yes\"><source>\
         <address domain=\"0x0000\" bus=\"0x82\" slot=\"0x00\" function=\"{number:#x}\"/>\
         </source></hostdev></devices></domain>"
    );
    let file = format!("/run/{name}.xml");
    let said = vm.run(&format!("echo '{domain}' >{file} && virsh create {file}"))?;
    if said.status != 0 {
        return Ok(Err(said.text));
    }
    let devices = vm.check(&format!("virsh qemu-monitor-command {name} --hmp info pci"))?;
    ensure!(devices.contains(IDS), "machine {name} has: {devices}");
    Ok(Ok(()))
}

fn stop(vm: &mut Vm, name: &str) -> Result<()> {
    vm.check(&format!("virsh destroy {name}")).map(drop)
}

/// Waits until vfio-pci has these functions of the adapter.
fn vfio_has(vm: &mut Vm, numbers: &[u8]) -> Result<()> {
    let mut found = Vec::new();
    for _ in 0..PATIENCE {
        found.clear();
        for number in numbers {
            found.push(driver(vm, *number)?);
        }
        if found.iter().all(|driver| driver == "vfio-pci") {
            return Ok(());
        }
        thread::sleep(Duration::from_secs(1));
    }
    bail!("functions {numbers:?} of the adapter have the drivers {found:?}")
}

/// Waits until libvirt shows the group of the first function in [`WANTED`] with these functions of the adapter.
fn libvirt_sees(vm: &mut Vm, numbers: &[u8]) -> Result<()> {
    let node = format!("pci_0000_{}_{}", ADAPTER.replace(':', "_"), WANTED[0].1);
    let mut said = String::new();
    for _ in 0..PATIENCE {
        said = vm.run(&format!("virsh nodedev-dumpxml {node}"))?.text;
        if in_group(&said) == numbers {
            return Ok(());
        }
        thread::sleep(Duration::from_secs(1));
    }
    bail!("libvirt does not show the functions {numbers:?} in the group:\n{said}")
}

/// The functions in the element `iommuGroup`, in order.
fn in_group(node: &str) -> Vec<u8> {
    let group = node.split("<iommuGroup").nth(1).unwrap_or_default();
    let group = group.split("</iommuGroup>").next().unwrap_or_default();
    let words = group.split("function='0x").skip(1);
    let mut numbers: Vec<u8> = words
        .filter_map(|word| word.split('\'').next()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}
