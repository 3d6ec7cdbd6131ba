// SPDX-License-Identifier: GPL-2.0-only

//! The script of the boot integration, `packaging/boot/acs-quirks-boot`: it runs with a configuration and
//! programs of this test, and `doctor` reads its results.

mod common;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use acsctl::doctor::{self, Level};
use common::host::FakeHost;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../packaging/boot/acs-quirks-boot"
);
const DEFAULTS: &str = include_str!("../../../packaging/boot/acs-quirks.default");
/// An `acsctl` that writes its arguments and reports one device.
const REGROUPS: &str = "echo \"$*\"; echo '0000:82:00.0: regrouped, as predicted'";

/// A host with the boot integration.
struct Host {
    host: FakeHost,
    root: PathBuf,
}

impl Host {
    fn new(test: &str) -> Self {
        let host = FakeHost::new(&format!("boot-{test}")).pair([2, 2], [0x80, 0x80]);
        let root = host.paths().run.parent().expect("a root").to_owned();
        let this = Self { host, root };
        this.program(
            "modprobe",
            "[ \"$1\" != --showconfig ] || { cat \"$0.options\" 2>/dev/null; \
             echo '# End of configuration files. Dumping indexes now:'; yes 'alias pci:v* driver'; }",
        );
        this.program("acsctl", REGROUPS);
        this.program("findmnt", "exit 1");
        this.host.file("dev/kmsg", "");
        this.host.file("proc/cmdline", "quiet\n");
        this.host.file("run/acsctl/lock", "");
        this.host.file("etc/default/acs-quirks", DEFAULTS);
        this.host.file(
            "usr/lib/acs-quirks/root-devices",
            "0000:00:01.0,0000:03:00.0\n",
        );
        this
    }

    fn program(&self, name: &str, line: &str) {
        let file = format!("bin/{name}");
        self.host.file(&file, format!("#!/bin/sh\n{line}\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.root.join(file), mode).expect("it can be set");
    }

    /// Runs a stage. Returns whether it succeeded, its result and its log.
    fn run(&self, stage: &str) -> (bool, String, String) {
        let path = format!("{}/bin:/usr/bin:/bin", self.root.display());
        let output = Command::new("sh")
            .args([SCRIPT, stage])
            .env("ACS_QUIRKS_TEST_ROOT", &self.root)
            .env("PATH", path)
            .output()
            .expect("there is a shell");
        let read = |name: &str| {
            fs::read_to_string(self.root.join("run/acs-quirks").join(name)).unwrap_or_default()
        };
        let result = read(stage);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{result}");
        (
            output.status.success(),
            result,
            read(&format!("{stage}.log")),
        )
    }

    /// Runs a stage that regroups nothing, and asserts what its result says.
    #[track_caller]
    fn regroups_nothing(&self, stage: &str, result: &str) {
        let (success, said, log) = self.run(stage);
        assert!(said.contains(result), "{said}");
        assert!(!log.contains("regroup --all"), "{log}");
        // A boot never fails.
        assert!(success || stage == "late", "{said}");
    }

    fn doctor(&self) -> Vec<(Level, String)> {
        let all = doctor::examine(&self.host.paths()).expect("it can be examined");
        let boot = all.into_iter().filter(|one| one.check == "boot");
        boot.map(|one| (one.level, one.finding)).collect()
    }
}

fn set(host: &Host, line: &str) {
    let changed = format!("{DEFAULTS}{line}\n");
    host.host.file("etc/default/acs-quirks", &changed);
}

#[test]
fn each_stage_regroups_and_doctor_reports_it() {
    let host = Host::new("usual");
    assert_eq!(host.doctor(), []);
    let (success, result, log) = host.run("early");
    assert!(
        success && result.starts_with("done devices regrouped: 1"),
        "{result}"
    );
    assert!(
        log.starts_with("regroup --all --leave 0000:00:01.0,0000:03:00.0\n"),
        "{log}"
    );
    let (success, result, log) = host.run("late");
    assert!(success && result.starts_with("done"), "{result}");
    // Here the root file system is on no PCI function; what is in use is refused anyway.
    assert!(log.starts_with("regroup --all\n"), "{log}");
    let levels: Vec<_> = host.doctor().into_iter().map(|(level, _)| level).collect();
    assert_eq!(levels, [Level::Pass, Level::Pass]);
}

#[test]
fn a_device_of_the_root_file_system_is_known_or_nothing_is_regrouped() {
    let host = Host::new("root");
    host.host.file("usr/lib/acs-quirks/root-devices", "");
    host.regroups_nothing("early", "not known which PCI functions");
    fs::remove_file(host.root.join("usr/lib/acs-quirks/root-devices")).expect("it exists");
    host.regroups_nothing("early", "not known which PCI functions");
    let doctor = host.doctor();
    assert!(
        matches!(&doctor[..], [(Level::Warn, text)] if text.contains("LEAVE=")),
        "{doctor:?}"
    );
    set(&host, "LEAVE=none");
    assert_eq!(host.run("early").2.lines().next(), Some("regroup --all"));
    set(&host, "LEAVE=0000:05:00.1");
    for stage in ["early", "late"] {
        let log = host.run(stage).2;
        assert!(
            log.starts_with("regroup --all --leave 0000:05:00.1"),
            "{stage}: {log}"
        );
    }
}

#[test]
fn the_root_file_system_is_found_by_its_device_path() {
    let host = Host::new("root-devices");
    host.program(
        "findmnt",
        "case $* in *SOURCE*) echo /dev/nvme0n1p2 ;; *) echo ext4 ;; esac",
    );
    host.program("lsblk", "echo nvme0n1p2 part; echo nvme0n1 disk");
    let controller = "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.1/nvme/nvme0";
    host.host.file(&format!("{controller}/cntlid"), "1\n");
    let class = host.root.join("sys/class/block/nvme0n1");
    fs::create_dir_all(&class).expect("it can be made");
    let link = class.join("device");
    std::os::unix::fs::symlink(host.root.join(controller), link).expect("it can be made");
    let log = host.run("late").2;
    assert!(
        log.starts_with(
            "regroup --all --leave 0000:00:01.0=8086:1901,0000:00:01.0/00.1=1234:0a01\n"
        ),
        "{log}"
    );
}

#[test]
fn each_stage_can_be_switched_off() {
    let host = Host::new("off");
    set(&host, "EARLY=no");
    host.regroups_nothing("early", "off ");
    assert!(host.run("late").1.starts_with("done"));
    host.host
        .file("proc/cmdline", "quiet acsctl.early=yes acsctl.late=no\n");
    assert!(host.run("early").1.starts_with("done"));
    host.regroups_nothing("late", "off ");
    assert_eq!(host.doctor()[1].0, Level::Pass);
}

#[test]
fn a_fault_of_the_configuration_is_named_and_nothing_is_regrouped() {
    let host = Host::new("faults");
    let number = DEFAULTS.lines().count() + 1;
    for (line, why) in [
        ("EARLY=maybe", "neither yes nor no"),
        ("LATE=", "neither yes nor no"),
        ("TIME_LIMIT=0", "from 1 to 600"),
        ("TIME_LIMIT=601", "from 1 to 600"),
        ("TIME_LIMIT=1s", "from 1 to 600"),
        ("TIME_LIMIT=", "from 1 to 600"),
        ("LEAVE=", "write auto, none, or addresses"),
        ("LEAVE=03:00.0", "write auto, none, or addresses"),
        ("LEAVE=0000:00:1c.4/0", "or device paths"),
        ("LEAVE=0000:00:1c.4/00.0=144d", "or device paths"),
        (
            "LEAVE=0000:03:00.0, 0000:04:00.0",
            "write auto, none, or addresses",
        ),
        ("EARLY = no", "unknown setting"),
        ("EARLIER=no", "unknown setting"),
        ("$(reboot)", "unknown setting"),
    ] {
        set(&host, line);
        let place = format!("etc/default/acs-quirks:{number}: {line}: ");
        for stage in ["early", "late"] {
            host.regroups_nothing(stage, &place);
            host.regroups_nothing(stage, why);
        }
    }
    set(&host, "");
    host.host.file("proc/cmdline", "acsctl.early=off\n");
    host.regroups_nothing("early", "kernel parameter acsctl.early=off");
}

#[test]
fn a_failure_is_reported() {
    let host = Host::new("failures");
    host.program("acsctl", "echo '0000:82:00.0: in use' >&2; exit 1");
    let (success, result, log) = host.run("early");
    assert!(
        success && result.contains("ended with status 1"),
        "{result}"
    );
    assert!(log.contains("in use"), "{log}");
    assert!(!host.run("late").0, "the unit fails");
    host.program(
        "modprobe",
        "echo 'modprobe: FATAL: Module acs_quirks not found' >&2; exit 1",
    );
    host.regroups_nothing("early", "not found");
}

#[test]
fn the_time_limit_stops_acsctl_by_a_signal_and_waits_for_a_begun_regroup() {
    let host = Host::new("limit");
    set(&host, "TIME_LIMIT=1");
    // After the signal, the regroup that it has begun takes longer than the grace of 5 seconds.
    let state = host.root.join("run/acsctl/regroup-0000:82:00.0.json");
    let state = state.display();
    host.program(
        "acsctl",
        &format!(
            "trap 'touch {state}; sleep 7; rm {state}; echo completed; exit 1' TERM\n\
             while :; do sleep 0.1; done"
        ),
    );
    let (success, result, log) = host.run("early");
    assert!(success && log.contains("completed"), "{result}{log}");
    assert!(result.contains("status 1"), "{result}");
}

/// While drivers are held off, nobody else could restore them: the root file system may not be there. Control: what
/// ends by itself, or dies before it has begun, is not run again.
#[test]
fn an_acsctl_that_dies_within_a_regroup_is_run_again() {
    for (begins, end, runs) in [
        (true, "kill -KILL $$", 2),
        (true, "exit 1", 1),
        (false, "kill -KILL $$", 1),
    ] {
        let host = Host::new("died");
        let once = host.root.join("once");
        let once = once.display();
        let state = host.root.join("run/acsctl/regroup-0000:82:00.0.json");
        let begin = if begins {
            format!(": >{}", state.display())
        } else {
            ":".to_owned()
        };
        host.program(
            "acsctl",
            &format!("echo run; [ ! -e {once} ] || exit 0; : >{once}; {begin}; {end}"),
        );
        let (success, result, log) = host.run("early");
        assert!(success, "{result}");
        let count = log.lines().filter(|line| *line == "run").count();
        assert_eq!(count, runs, "{log}");
        assert_eq!(result.starts_with("done"), runs == 2, "{result}");
        assert_eq!(
            log.contains("acsctl died with status 137"),
            runs == 2,
            "{log}"
        );
    }
}

#[test]
fn a_withheld_device_stays_withheld_after_the_initramfs() {
    let host = Host::new("withheld");
    let record = |folder: &str| {
        let name = "withheld-0000:82:00.0.json";
        host.root.join(folder).join("acsctl").join(name)
    };
    let file = record("var/lib").display().to_string();
    // A record of an earlier boot, also if a new one has replaced it.
    host.host.file(
        "var/lib/acsctl/withheld-0000:01:00.0.json",
        "of a boot before",
    );
    host.host.file(
        "var/lib/acsctl/withheld-0000:82:00.0.json",
        "of a boot before",
    );
    host.program("acsctl", &format!("echo 'of this boot' >{file}; exit 1"));
    host.run("early");
    assert!(record("run").exists(), "the initramfs does not last");
    let old = host.root.join("run/acsctl/withheld-0000:01:00.0.json");
    assert!(!old.exists(), "the system has the record");
    fs::remove_file(record("var/lib")).expect("it exists");
    host.program("acsctl", REGROUPS);
    // Also when the stage is switched off.
    host.host.file("proc/cmdline", "quiet acsctl.late=no\n");
    let (_, result, _) = host.run("late");
    assert!(result.starts_with("off"), "{result}");
    assert!(record("var/lib").exists() && !record("run").exists());
}

#[test]
fn other_options_than_those_of_the_initramfs_are_reported() {
    let host = Host::new("options");
    host.run("early");
    host.host
        .file("bin/modprobe.options", "options acs_quirks withdraw=1\n");
    host.regroups_nothing("late", "other options");
}
