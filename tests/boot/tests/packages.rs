// SPDX-License-Identifier: GPL-2.0-only

//! Debian systems on which `scripts/package-test.sh` has installed, upgraded or removed the packages. Their root
//! disks are in the folder `ACS_QUIRKS_HOSTS`, one for each stage. The hosts are set up as owners do who pass devices
//! through: `vfio-pci` is in the initramfs, and takes two functions of the adapter by their ids.

#[path = "packages/libvirt.rs"]
mod libvirt;

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use boot::{
    arch::Arch,
    kernel::{self, Kernel},
    machine::Iommu,
    scenario::{Expected, in_guest},
    scenarios::hardware::{ONE_GROUP, SIX_GROUPS, on_board},
    setup::{Accelerator, Setup},
    trials::{self, trial},
    two_guests::ADAPTER,
    vm::Vm,
};

/// Time limit for a boot and its checks. A host that builds the module under emulation needs a third of it on an idle
/// machine.
const LIMIT: Duration = Duration::from_secs(2700);
/// A Debian system needs more than the guests of other tests: libvirt and two virtual machines, or an initramfs for
/// any hardware.
const MEMORY: u32 = 2048;

const ROOT: &str = "root=/dev/vda rw";
const SWITCHED_OFF: &str = "root=/dev/vda rw acsctl.early=no acsctl.late=no";

/// A stage, and the boots of its system, one after the other from the same disk: kernel options and check.
type Stage = (&'static str, &'static [(&'static str, Check)]);
type Check = fn(&mut Vm) -> Result<()>;

const STAGES: [Stage; 9] = [
    (
        "installed",
        &[
            (ROOT, split_early),
            (SWITCHED_OFF, switched_off),
            (ROOT, split_early),
        ],
    ),
    (
        "faults",
        &[
            ("root=/dev/vda rw acsctl.early=perhaps", broken_setting),
            ("root=/dev/vda rw acs_quirks.withdraw=9999", unknown_entry),
            (ROOT, read_only_var),
        ],
    ),
    ("upgrade", &[(ROOT, upgrade)]),
    ("upgraded", &[(ROOT, is_upgraded)]),
    ("another-kernel", &[(ROOT, split_early)]),
    ("removed", &[(ROOT, removed)]),
    ("killed", &[(ROOT, build), (ROOT, build_was_killed)]),
    (
        "libvirt",
        &[(ROOT, libvirt::split), (SWITCHED_OFF, libvirt::shared)],
    ),
    (
        "dracut",
        &[(ROOT, split_early), (SWITCHED_OFF, switched_off)],
    ),
];

fn main() -> ExitCode {
    let all = STAGES.map(|(stage, boots)| trial(stage, move || run(stage, boots)));
    trials::run("tests of the packages", |_| Ok((all.into(), ())))
}

fn run(stage: &str, boots: &[(&'static str, Check)]) -> Result<()> {
    let hosts = env::var_os("ACS_QUIRKS_HOSTS").map(PathBuf::from);
    let hosts = hosts.context("ACS_QUIRKS_HOSTS is not set; run: make package-test")?;
    let hosts = hosts.join(stage);
    let mut times = String::new();
    for (number, (options, check)) in (1..).zip(boots) {
        let setup = setup(&hosts, options)?;
        let name = format!("{stage}-{number}");
        let measured = in_guest(&setup, &on_board(Iommu::Usual), &name, LIMIT, |vm| {
            check(vm)?;
            let stages = [took(vm, "early")?, took(vm, "late")?];
            Ok((stages, time(vm, DISK)?))
        });
        let ([early, late], disk) =
            measured.with_context(|| format!("boot {number} with {options}"))?;
        eprintln!("{name}: early: {early} s, late: {late} s, disk at {disk:.2} s");
        writeln!(times, "{early} {late} {disk:.2}")?;
    }
    // for scripts/package-test.sh
    Ok(fs::write(hosts.join("times"), times)?)
}

/// The seconds that a stage of the boot integration took, from its first file to its result. `-` if it has none.
fn took(vm: &mut Vm, stage: &str) -> Result<String> {
    let times = vm.run(&format!(
        "cd /run/acs-quirks && stat -c %.3W {stage}.log && stat -c %.3Y {stage}"
    ))?;
    let times: Vec<f64> = times.text.lines().flat_map(str::parse).collect();
    Ok(match times[..] {
        // the first is 0 on a file system that does not have it
        [begun, ended] if begun > 0.0 => format!("{:.2}", ended - begun),
        _ => "-".to_owned(),
    })
}

/// The message of the driver of the root disk.
const DISK: &str = "[vda]";

/// The seconds from the start of the kernel to its first message with this text.
fn time(vm: &mut Vm, text: &str) -> Result<f64> {
    let lines = vm.logged(text)?;
    let line = lines
        .first()
        .with_context(|| format!("no line with {text}"))?;
    let time = line.trim_start_matches('[').split(']').next();
    Ok(time.unwrap_or_default().trim().parse()?)
}

fn setup(folder: &Path, options: &'static str) -> Result<Setup> {
    let release = fs::read_to_string(folder.join("release"))
        .with_context(|| format!("there is no system in {}", folder.display()))?;
    let release = release.trim().to_owned();
    Ok(Setup {
        kernel: Kernel {
            arch: Arch::from_env()?,
            name: release.clone(),
            image: folder.join("vmlinuz"),
            modules: PathBuf::new(),
            programs: PathBuf::new(),
            logs: kernel::cache()?.join("logs/guests").join(&release),
            release,
            core_only: false,
        },
        initramfs: folder.join("initrd"),
        accelerator: Accelerator::Tcg,
        options,
        memory: MEMORY,
        firmware: None,
        disk: Some(folder.join("disk")),
    })
}

fn groups_are(vm: &mut Vm, expected: Expected) -> Result<()> {
    match vm.groups()?.differ(expected) {
        Some(difference) => bail!(difference),
        None => Ok(()),
    }
}

/// The result of a stage of the boot integration.
fn result(vm: &mut Vm, stage: &str) -> Result<String> {
    vm.check(&format!("cat /run/acs-quirks/{stage}"))
}

/// The driver of a function of the adapter; empty if it has none.
fn driver(vm: &mut Vm, number: u8) -> Result<String> {
    let link = format!("/sys/bus/pci/devices/0000:{ADAPTER}.{number}/driver");
    let path = vm.run(&format!("readlink {link}"))?.text;
    Ok(path.rsplit('/').next().unwrap_or_default().to_owned())
}

fn split_early(vm: &mut Vm) -> Result<()> {
    is_split_early(vm)?;
    put_away(vm)
}

/// The initramfs has split the adapter before a PCI device had a driver, which the disk gets first, and before vfio-pci
/// was loaded: before Linux 7.2, it would be in the way.
fn is_split_early(vm: &mut Vm) -> Result<()> {
    let early = result(vm, "early")?;
    let log = vm.run("cat /run/acs-quirks/early.log")?.text;
    ensure!(
        early.starts_with("done devices regrouped: 1"),
        "{early}\n{log}"
    );
    groups_are(vm, SIX_GROUPS)?;
    let split = time(vm, "acs-quirks: early: done")?;
    for driver in [DISK, "VFIO - User Level meta-driver"] {
        let there = time(vm, driver)?;
        ensure!(
            split < there,
            "split at {split} s, and the driver of {driver} was there at {there} s"
        );
    }
    // by their ids
    for number in [4, 5] {
        let driver = driver(vm, number)?;
        ensure!(driver == "vfio-pci", "{ADAPTER}.{number} has {driver:?}");
    }
    let late = result(vm, "late")?;
    let log = vm.run("cat /run/acs-quirks/late.log")?.text;
    ensure!(
        late.starts_with("done devices regrouped: 0"),
        "{late}\n{log}"
    );
    let doctor = vm.run("acsctl doctor")?.text;
    ensure!(
        doctor.contains("boot: in the initramfs: devices regrouped: 1"),
        "{doctor}"
    );
    let failed = vm.run("systemctl --failed --no-legend")?.text;
    ensure!(failed.is_empty(), "{failed}");
    Ok(())
}

/// Ends all writes to the disk, which the next boot uses again. Services have files open, so a remount is
/// refused.
fn put_away(vm: &mut Vm) -> Result<()> {
    vm.check("fsfreeze --freeze /").map(drop)
}

/// The control: the same system without the boot integration.
fn switched_off(vm: &mut Vm) -> Result<()> {
    is_switched_off(vm)?;
    put_away(vm)
}

fn is_switched_off(vm: &mut Vm) -> Result<()> {
    for stage in ["early", "late"] {
        let result = result(vm, stage)?;
        ensure!(result.starts_with("off "), "{result}");
    }
    groups_are(vm, ONE_GROUP)
}

/// A stage that regroups nothing gives the reason, as `acsctl doctor` does, and the rest of the system starts.
fn regroups_nothing(vm: &mut Vm, reason: &str) -> Result<()> {
    for stage in ["early", "late"] {
        let result = result(vm, stage)?;
        ensure!(
            result.starts_with("failed ") && result.contains(reason),
            "{stage}: {result}"
        );
    }
    let doctor = vm.run("acsctl doctor")?.text;
    ensure!(doctor.contains(reason), "{doctor}");
    groups_are(vm, ONE_GROUP)?;
    let failed = vm
        .run("systemctl --failed --no-legend --plain | cut -d ' ' -f 1")?
        .text;
    ensure!(failed.trim() == "acs-quirks.service", "{failed}");
    Ok(())
}

fn broken_setting(vm: &mut Vm) -> Result<()> {
    regroups_nothing(vm, "EARLY=perhaps: the value is neither yes nor no")?;
    put_away(vm)
}

/// A number that no entry ever had. The next boot has a read-only `/var`.
fn unknown_entry(vm: &mut Vm) -> Result<()> {
    regroups_nothing(vm, "the module acs_quirks did not load")?;
    let logged = vm.logged("withdraw=9999: no entry ever had the number 9999")?;
    ensure!(
        !logged.is_empty(),
        "the kernel log does not name the number"
    );
    vm.check("echo '/var /var none bind,ro 0 0' >>/etc/fstab")?;
    put_away(vm)
}

/// The adapter is split all the same. The record of a withheld device, which could not be kept, is named.
fn read_only_var(vm: &mut Vm) -> Result<()> {
    ensure!(
        vm.run("touch /var/lib/file")?.status != 0,
        "/var is writable"
    );
    let early = result(vm, "early")?;
    ensure!(early.starts_with("done devices regrouped: 1"), "{early}");
    let late = result(vm, "late")?;
    ensure!(late.starts_with("done devices regrouped: 0"), "{late}");
    groups_are(vm, SIX_GROUPS)?;
    let active = vm.run("systemctl is-active acs-quirks.service")?.text;
    ensure!(active.trim() == "active", "{active}");
    vm.check(
        "touch /run/acsctl/withheld-0000:05:00.0.json; /usr/lib/acs-quirks/acs-quirks-boot late; \
         grep 'the next boot does not know that this device is withheld' /run/acs-quirks/late.log",
    )?;
    put_away(vm)
}

/// The table of the module that is loaded.
const TABLE: &str = "grep ^table /sys/kernel/debug/acs_quirks/table";

/// An upgrade while the module is loaded changes neither the module nor the groups. The next module has another table.
fn upgrade(vm: &mut Vm) -> Result<()> {
    is_split_early(vm)?;
    let before = vm.check(TABLE)?;
    vm.check(r#"sed -i 's/version: "[^"]*"/version: "next"/' /test/table.rs"#)?;
    vm.check(
        "dpkg -i /next/*.deb >/var/log/upgrade 2>&1 || { tail -20 /var/log/upgrade; exit 1; }",
    )?;
    let after = vm.check(TABLE)?;
    ensure!(before == after, "before: {before}\nafter: {after}");
    groups_are(vm, SIX_GROUPS)?;
    put_away(vm)
}

/// The next boot splits with the module of the upgrade.
fn is_upgraded(vm: &mut Vm) -> Result<()> {
    is_split_early(vm)?;
    let table = vm.check(TABLE)?;
    ensure!(table.trim() == "table next", "{table}");
    Ok(())
}

fn removed(vm: &mut Vm) -> Result<()> {
    groups_are(vm, ONE_GROUP)?;
    let left =
        vm.run("ls -d /run/acs-quirks; lsmod | grep acs_quirks; command -v acs-quirks-boot")?;
    ensure!(
        left.status != 0 && !left.text.contains("acs_quirks "),
        "{}",
        left.text
    );
    Ok(())
}

/// The system loses its power while dkms builds the module: the guest ends when this returns.
fn build(vm: &mut Vm) -> Result<()> {
    vm.check("dpkg --configure -a >/var/log/configure 2>&1 & echo started")?;
    vm.check(
        "for i in $(seq 600); do grep -qsx rustc /proc/[0-9]*/comm && { sync; sleep 5; exit 0; }; sleep 1; done; \
         tail -5 /var/log/configure; exit 1",
    )
    .map(drop)
}

/// The next boot is sound, without the module and without half of one, and dpkg names what is unfinished.
fn build_was_killed(vm: &mut Vm) -> Result<()> {
    groups_are(vm, ONE_GROUP)?;
    let found = vm.check("find /lib/modules -name 'acs_quirks*'")?;
    ensure!(found.is_empty(), "there is a module: {found}");
    let audit = vm.check("dpkg --audit")?;
    ensure!(audit.contains("acs-quirks-dkms"), "{audit}");
    let failed = vm.run("systemctl --failed --no-legend")?.text;
    ensure!(failed.is_empty(), "{failed}");
    Ok(())
}
