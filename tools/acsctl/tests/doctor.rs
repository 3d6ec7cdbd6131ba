// SPDX-License-Identifier: GPL-2.0-only

//! The findings of `doctor` on simulated hosts, and the parser for a module's table.

mod common;

use std::fs;

use acsctl::{
    doctor::{self, Level, ModuleEntries},
    host::{Measured, parse_table},
};

use common::host::{BCM5760X, FakeHost, TABLE};

/// Asserts that a finding of a check has this level and contains this text.
#[track_caller]
fn assert_says(host: &FakeHost, check: &str, level: Level, text: &str) {
    let all = doctor::examine(&host.paths()).expect("it can be examined");
    let mut lines = all.iter().filter(|one| one.check == check);
    let found = lines.any(|one| {
        let remedy = one.remedy.as_deref().unwrap_or_default();
        one.level == level && format!("{}\n{remedy}", one.finding).contains(text)
    });
    assert!(found, "{all:#?}");
    // Every finding that is not a pass has a remedy.
    let remedies = all
        .iter()
        .all(|one| (one.level == Level::Pass) == one.remedy.is_none());
    assert!(remedies, "{all:#?}");
}

#[test]
fn groups_are_compared_with_the_prediction() {
    let together = |test| FakeHost::new(test).pair([2, 2], [0x80, 0x80]);
    let apart = |test, header| FakeHost::new(test).pair([2, 3], [0x80, header]);
    assert_says(&together("right"), "groups", Level::Pass, "as predicted");
    let host = together("unsplit").module("acs_quirks_test", TABLE);
    assert_says(&host, "groups", Level::Warn, "acsctl regroup 0000:01:00.0");
    let host = apart("split", 0x80).module("acs_quirks_test", TABLE);
    assert_says(&host, "groups", Level::Pass, "as predicted");
    assert_says(
        &apart("gone", 0x80),
        "groups",
        Level::Fail,
        "withdrawn or unloaded",
    );
    assert_says(
        &apart("trap", 0),
        "groups",
        Level::Fail,
        "0000:01:00.1 was added by a rescan",
    );
    let host = apart("override", 0x80);
    host.file(
        "proc/cmdline",
        "quiet pcie_acs_override=downstream,multifunction\n",
    );
    assert_says(
        &host,
        "groups",
        Level::Fail,
        "\"ACS override\" patch, and its command line enables it",
    );
    let host = together("override-idle");
    host.file("proc/cmdline", "pcie_acs_override=downstream quiet\n");
    assert_says(&host, "groups", Level::Warn, "has no effect");
    let host = apart("source", 0x80);
    host.file("proc/sys/kernel/osrelease", "5.10.0-46-amd64\n");
    let known = "acsctl knows only from its source how this kernel makes groups";
    assert_says(&host, "groups", Level::Warn, known);
    let host = apart("newer", 0x80);
    host.file("proc/sys/kernel/osrelease", "9.1.0\n");
    assert_says(
        &host,
        "groups",
        Level::Warn,
        "does not know how this kernel makes groups",
    );
    assert_says(
        &host,
        "kernel",
        Level::Warn,
        "9.1.0 is of a series that no test boots",
    );
    // All of these findings depend on registers that only root can read.
    let host = apart("user", 0x80);
    for number in [0, 1] {
        let path = host.path(&FakeHost::of(number, "config"));
        let whole = fs::read(&path).expect("it is there");
        fs::write(&path, &whole[..64]).expect("it can be written");
    }
    assert_says(&host, "groups", Level::Warn, "run acsctl doctor as root");
}

#[test]
fn the_iommu_is_checked_by_its_effects() {
    let host = FakeHost::new("iommu").pair([2, 2], [0x80, 0x80]);
    host.file("proc/cmdline", "iommu=off\n");
    assert_says(&host, "iommu", Level::Pass, "Intel VT-d, units 1, groups 2");
    assert_says(&host, "translation", Level::Pass, "DMA 2");
    assert_says(&host, "interrupts", Level::Pass, "remapped");
    host.file("sys/kernel/iommu_groups/2/type", "identity\n");
    assert_says(
        &host,
        "translation",
        Level::Warn,
        "does not translate for host drivers in 1 groups",
    );
    host.file(
        "proc/interrupts",
        " 24: 0 PCI-MSI-0000:00:01.0 0-edge pcieport\n",
    );
    assert_says(&host, "interrupts", Level::Warn, "not remapped");
    host.file(
        "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
        "Y\n",
    );
    assert_says(&host, "interrupts", Level::Fail, "configured to accept");
    fs::remove_dir_all(host.path("sys/class/iommu")).expect("it is there");
    assert_says(&host, "iommu", Level::Fail, "no-IOMMU");
}

/// The module's recorded decisions count: the module knows of an external-facing port that sysfs
/// does not show, and of a claim that made a group and no longer applies.
#[test]
fn recorded_decisions_are_compared() {
    let host = FakeHost::new("decided").pair([2, 3], [0x80, 0x80]);
    let host = host.module("acs_quirks_test", TABLE);
    let decisions = "sys/kernel/debug/acs_quirks_test/decisions";
    let granted = "0000:01:00.0 first 1 granted\n0000:01:00.0 latest 1 granted\n";
    host.file(decisions, granted);
    assert_says(&host, "groups", Level::Pass, "as predicted");
    let exposed = "0000:00:01.0 exposed\n0000:01:00.0 exposed\n0000:01:00.1 exposed\n";
    host.file(decisions, format!("{granted}{exposed}"));
    assert_says(
        &host,
        "groups",
        Level::Fail,
        "entry 1 of acs_quirks_test isolated 0000:01:00.0 when the kernel grouped it, but no longer does: it is untrusted",
    );
    assert_says(&host, "groups", Level::Fail, "acsctl regroup 0000:01:00.0");
    assert_says(
        &host,
        "groups",
        Level::Fail,
        "finer than isolation justifies",
    );
    host.file(decisions, "nonsense\n");
    assert_says(
        &host,
        "groups",
        Level::Warn,
        "line 1: \"nonsense\" is not a decision",
    );
}

#[test]
fn a_module_counts_when_it_has_an_effect() {
    let host = FakeHost::new("module").pair([2, 2], [0x80, 0x80]);
    assert_says(&host, "module", Level::Pass, "has nothing to add");
    // The controls: ids of an entry, on kernels before and with the quirk.
    for (name, kernel, level) in [
        ("lacks", "6.1.0-56-amd64", Level::Warn),
        ("has", "7.3.4+deb13-amd64", Level::Pass),
    ] {
        let host = FakeHost::new(name).pair_of((0x14e4, 0x1760), [2, 2], [0x80, 0x80]);
        host.file("proc/sys/kernel/osrelease", format!("{kernel}\n"));
        assert_says(&host, "module", level, "acs_quirks is not loaded");
    }
    let host = host.module("acs_quirks", TABLE);
    assert_says(&host, "module", Level::Pass, "is loaded and effective");
    assert_says(
        &host,
        "table",
        Level::Pass,
        "for devices of this host: test/pair",
    );
    host.hook("acs_quirks", "ineffective");
    assert_says(&host, "module", Level::Fail, "has no effect: the test's");
    assert_says(&host, "groups", Level::Pass, "as predicted");
    host.hook("acs_quirks", "unproven");
    assert_says(&host, "module", Level::Warn, "could not find out");
    host.file("sys/kernel/debug/kprobes/enabled", "0\n");
    assert_says(&host, "kprobes", Level::Fail, "echo 1 >");
    host.file("sys/kernel/debug/acs_quirks/table", "table x\nnonsense\n");
    assert_says(&host, "table", Level::Warn, "line 2: too short");
    assert_says(
        &host,
        "groups",
        Level::Warn,
        "cannot compute the expected groups",
    );
    fs::remove_dir_all(host.path("sys/kernel/debug")).expect("it is there");
    assert_says(&host, "module", Level::Warn, "was not checked");
}

/// A table with an entry for devices that the host lacks, the entry of [`TABLE`], a withdrawn one,
/// and one that is left to mainline.
const FOUR: &str = "table 0123456789ab\n\
    1 test/absent mf-endpoint active acs=SV TB RR CR UF DT 1234:0a02\n\
    2 test/pair mf-endpoint active acs=SV TB RR CR UF DT 1234:0a01\n\
    3 test/gone mf-endpoint withdrawn acs=SV 1234:0a03\n\
    4 test/merged mf-endpoint in-mainline mainline=6.1 acs=SV 1234:0a04\n";

/// A host with the module `acs_quirks`, its table [`FOUR`], and these lines on what the kernel has.
fn measuring(test: &str, lines: &str) -> FakeHost {
    let host = FakeHost::new(test).pair([2, 2], [0x80, 0x80]);
    let host = host.module("acs_quirks", FOUR);
    host.measured("acs_quirks", lines);
    host
}

/// The structured part of the finding on the entries of the only loaded module.
#[track_caller]
fn entries(host: &FakeHost) -> ModuleEntries {
    let all = doctor::examine(&host.paths()).expect("it can be examined");
    let mut entries = all.into_iter().filter_map(|one| one.entries);
    entries.next().expect("there is one")
}

#[test]
fn entries_that_the_kernel_lacks_are_named() {
    let host = measuring(
        "lacks",
        "kernel lacks: 1,3\nkernel has: 4\nkernel has part of: 2\n",
    );
    let finding = "acs_quirks: on this kernel: 2 entries that it lacks; \
                   lacking, for devices of this host: test/pair (in part); \
                   lacking, for other devices: test/absent; \
                   lacking, but withdrawn or left to mainline: test/gone; \
                   the kernel itself answers for: test/merged\n";
    assert_says(&host, "entries", Level::Pass, finding);
    let found = entries(&host);
    assert_eq!((found.module, found.lacking), ("acs_quirks", 2));
    let rows: Vec<_> = found
        .entries
        .iter()
        .map(|entry| (entry.number, entry.kernel, entry.active, entry.on_host))
        .collect();
    assert_eq!(
        rows,
        [
            (2, Measured::HasPart, true, true),
            (1, Measured::Lacks, true, false),
            (3, Measured::Lacks, false, false),
            (4, Measured::Has, false, false),
        ]
    );
}

#[test]
fn a_module_that_adds_nothing_is_reported() {
    let nothing = "0 entries that it lacks: the module grants nothing on this kernel that the kernel \
                   does not grant itself";
    let host = measuring("has-all", "kernel lacks: 3\nkernel has: 1,2,4\n");
    assert_says(&host, "entries", Level::Pass, nothing);
    assert_says(
        &host,
        "entries",
        Level::Pass,
        "the kernel itself answers for: test/absent, test/pair, test/merged",
    );
    // An empty table has nothing to measure.
    let host = FakeHost::new("empty").module("acs_quirks", "table 0123456789ab\n");
    assert_says(&host, "entries", Level::Pass, nothing);
}

/// An unknown entry is no entry that the kernel has.
#[test]
fn an_entry_without_a_measurement_is_unknown() {
    let host = measuring("some", "kernel has: 1,4\nkernel unknown: 2,3\n");
    assert_says(
        &host,
        "entries",
        Level::Warn,
        "on this kernel: 0 entries that it is known to lack; the kernel itself answers for: \
         test/absent, test/merged; unknown: test/pair\n",
    );
    // The module left entry 2 out.
    let host = measuring("left-out", "kernel has: 1,4\nkernel lacks: 3\n");
    assert_says(&host, "entries", Level::Warn, "; unknown: test/pair\n");
    // An older module.
    let host = measuring("older", "");
    assert_says(
        &host,
        "entries",
        Level::Warn,
        "acs_quirks: it is unknown which entries this kernel lacks: the module does not report it; \
         unknown: test/absent, test/pair\n",
    );
    assert_says(&host, "module", Level::Pass, "is loaded and effective");
    let kernels = entries(&host).entries.into_iter().map(|one| one.kernel);
    assert_eq!(kernels.collect::<Vec<_>>(), [Measured::Unknown; 4]);
}

#[test]
fn a_damaged_line_is_reported_with_its_place() {
    for (line, problem) in [
        ("kernel lacks: 1,x", "\"x\" is not a number"),
        ("kernel lakcs: 1", "\"kernel lakcs: 1\" is unknown"),
        ("kernel lacks: 77", "entry 77 is not in the module's file"),
    ] {
        let host = measuring("damaged", &format!("kernel has: 2,3,4\n{line}\n"));
        let place = "/sys/kernel/debug/acs_quirks/hook: line 7: ";
        assert_says(&host, "entries", Level::Warn, &format!("{place}{problem}"));
        assert_says(
            &host,
            "entries",
            Level::Warn,
            "from one version of acs-quirks",
        );
        // The rest of the file is read.
        assert_says(&host, "module", Level::Pass, "is loaded and effective");
    }
    // The control.
    let host = measuring("sound", "kernel has: 2,3,4\nkernel lacks: 1\n");
    assert_says(&host, "entries", Level::Pass, "1 entries that it lacks");
}

#[test]
fn lockdown_and_leftovers() {
    let host = FakeHost::new("lockdown").pair([2, 2], [0x80, 0x80]);
    assert_says(&host, "lockdown", Level::Pass, "not reported by the kernel");
    host.file(
        "sys/kernel/security/lockdown",
        "none [integrity] confidentiality\n",
    );
    assert_says(&host, "lockdown", Level::Warn, "sign acs_quirks.ko");
    host.file("sys/bus/pci/drivers_autoprobe", "0\n");
    assert_says(&host, "regroup", Level::Warn, "drivers_autoprobe is off");
    host.file("run/acsctl/regroup-0000:01:00.0.json", "{}");
    assert_says(
        &host,
        "regroup",
        Level::Fail,
        "acsctl regroup 0000:01:00.0, which restores everything",
    );
}

#[test]
fn withheld_devices_are_named() {
    let host = FakeHost::new("withheld").pair([2, 2], [0x80, 0x80]);
    assert!(
        doctor::examine(&host.paths())
            .is_ok_and(|all| all.iter().all(|one| one.check != "regroup"))
    );
    let record = |boot| {
        format!(
            "{{\"schema\": \"acsctl-withheld-2\", \"boot\": \"{boot}\", \"requested\": \"0000:01:00.0\", \
             \"functions\": [\"0000:01:00.0\"], \"identities\": [\"another\"], \"places\": [\"0000:00:01.0/00.0\"], \"why\": \"of the test\"}}"
        )
    };
    let path = "var/lib/acsctl/withheld-0000:01:00.0.json";
    host.file(path, record("this"));
    assert_says(
        &host,
        "regroup",
        Level::Fail,
        "because of the test; it is removed",
    );
    host.file(
        path,
        record("this").replace("another", "0x1234 0x0a01 0x020000 0x01 0x0000 0x0000"),
    );
    assert_says(&host, "regroup", Level::Fail, "a rescan brought it back");
    // After a reboot, the kernel has grouped the device correctly.
    host.file(path, record("earlier"));
    assert_says(
        &host,
        "regroup",
        Level::Warn,
        "acsctl regroup --release 0000:01:00.0",
    );
    for damaged in [
        "",
        "{}",
        &record("this").replace("withheld-2", "withheld-1"),
    ] {
        host.file(path, damaged);
        assert_says(
            &host,
            "regroup",
            Level::Warn,
            "withheld-0000:01:00.0.json: ",
        );
    }
}

#[test]
fn functions_that_drivers_are_held_off_are_named() {
    let host = FakeHost::new("held-off").pair([2, 2], [0x80, 0x80]);
    let path = "sys/bus/pci/devices/0000:01:00.1/driver_override";
    host.file(path, "of-somebody-else\n");
    assert!(
        doctor::examine(&host.paths())
            .is_ok_and(|all| all.iter().all(|one| one.check != "regroup"))
    );
    host.file(path, "withheld-by-acsctl\n");
    assert_says(
        &host,
        "regroup",
        Level::Fail,
        "acsctl regroup --release 0000:01:00.1",
    );
}

#[test]
fn tables_are_read_as_the_module_writes_them() {
    let text = "table 0123456789ab\n\
        1 acme/nic mf-endpoint,rciep active acs=SV RR CR UF if=capability:10+8&0000ffff=00000001 \
        1234:0001-0003[class=0200][revisions=01-02][subsystem=1234:0001][subsystem=1234:0002] 1234:0007\n\
        2 acme/gone mf-endpoint withdrawn acs=SV 1234:0008\n\
        7 acme/port root-port active supersedes=zhaoxin-port acs=SV RR CR UF 1d17:0001\n";
    let table = parse_table(text).expect("it is sound");
    let numbers: Vec<_> = table.entries.iter().map(|entry| entry.number).collect();
    assert_eq!((table.version, &numbers[..]), ("0123456789ab", &[1, 7][..]));
    assert_eq!(table.index.len(), 3);
    assert!(table.find(0x1234, 0x0002).is_some() && table.find(0x1234, 0x0008).is_none());
    for (text, problem) in [
        ("", "line 1"),
        ("tables 1\n", "line 1"),
        (
            "table 1\nx a mf-endpoint active acs=SV 1234:0001\n",
            "\"x\" is not a number",
        ),
        (
            "table 1\n1 a endpoint active acs=SV 1234:0001\n",
            "\"endpoint\" is not a kind",
        ),
        (
            "table 1\n1 a mf-endpoint active acs=XX 1234:0001\n",
            "\"acs=XX\" is unknown",
        ),
        (
            "table 1\n1 a mf-endpoint active acs=SV if=x+0&1=1 1234:0001\n",
            "is unknown",
        ),
        (
            "table 1\n1 a mf-endpoint active acs=SV 1234:0002-0001\n",
            "are inconsistent",
        ),
        (
            "table 1\n1 a mf-endpoint active acs=SV 1234:0001[speed=3]\n",
            "is unknown",
        ),
    ] {
        let error = parse_table(text).expect_err("it is not sound");
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn no_text_ends_in_a_panic() {
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..20_000 {
        let mut bytes = TABLE.as_bytes().to_vec();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        // The parser must not panic; the result does not matter.
        let _ = parse_table(&String::from_utf8_lossy(&bytes));
    }
}

/// Stable updates take quirks from later releases: a kernel may make finer groups than its release
/// has reason for, if a later release has the quirk.
#[test]
fn a_quirk_of_a_later_release_justifies_groups() {
    // Broadcom's ids, in mainline since 6.11.
    let on = |test, device, kernel: &str| {
        let host = FakeHost::new(test).pair_of((0x14e4, device), [2, 3], [0x80, 0x80]);
        host.file("proc/sys/kernel/osrelease", kernel);
        host
    };
    let taken = "quirks that mainline has since a later release: 0000:01:00.0 0000:01:00.1";
    let host = on("taken", 0x1760, "6.1.0-56-amd64\n");
    assert_says(&host, "groups", Level::Pass, taken);
    let host = on("own", 0x1760, "7.3.4+deb13-amd64\n");
    assert_says(&host, "groups", Level::Pass, "the loaded modules");
    let host = on("nobodys", 0x1764, "6.1.0-56-amd64\n");
    assert_says(
        &host,
        "groups",
        Level::Fail,
        "finer than isolation justifies",
    );
}

/// What a loaded module has measured counts for more than what stable updates may have taken.
#[test]
fn a_quirk_that_the_kernel_lacks_justifies_no_groups() {
    let with = |test, module, state: &str| {
        let host = FakeHost::new(test).pair_of((0x14e4, 0x1760), [2, 3], [0x80, 0x80]);
        host.file("proc/sys/kernel/osrelease", "6.1.0-56-amd64\n");
        host.module(module, &BCM5760X.replace("active", state))
    };
    let taken = "quirks that mainline has since a later release: 0000:01:00.0 0000:01:00.1";
    let nothing = "finer than isolation justifies";
    let host = with("measured", "acs_quirks", "withdrawn");
    assert_says(&host, "groups", Level::Pass, taken);
    host.measured("acs_quirks", "kernel has: 41\n");
    assert_says(&host, "groups", Level::Pass, taken);
    host.measured("acs_quirks", "kernel lacks: 41\n");
    assert_says(&host, "groups", Level::Fail, nothing);
    // The entry is not withdrawn, and the module refused it.
    let host = with("refused", "acs_quirks", "active");
    host.measured("acs_quirks", "kernel lacks: 41\n");
    assert_says(&host, "groups", Level::Pass, "the loaded modules");
    let refusal = "0000:01:00.0 latest 41 refused whole: of the test\n0000:01:00.1 latest 41 refused whole: of the test\n";
    host.file("sys/kernel/debug/acs_quirks/decisions", refusal);
    assert_says(&host, "groups", Level::Fail, nothing);
    host.measured("acs_quirks", "kernel has: 41\n");
    assert_says(&host, "groups", Level::Pass, "the loaded modules");
    // Entries of the test edition have the numbers of others.
    let host = with("other", "acs_quirks_test", "withdrawn");
    host.measured("acs_quirks_test", "kernel lacks: 41\n");
    assert_says(&host, "groups", Level::Pass, taken);
}
