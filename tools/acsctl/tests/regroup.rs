// SPDX-License-Identifier: GPL-2.0-only

//! The plan of a regroup, the uses that it finds, and the state file that a killed run leaves. The
//! boot tests cover carrying out a plan.

mod common;

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _};

use acsctl::{
    database::Database,
    host::{DevicePath, Snapshot},
    regroup::{Plan, State},
};
use topology::Bdf;

use common::{
    facts::bdf,
    host::{BCM5760X, FakeHost, TABLE},
};

fn plan_with(host: &FakeHost, even_if: &[&str]) -> Plan {
    let (places, entries) = (
        host.paths(),
        Database::default().entries().expect("they are sound"),
    );
    let snapshot = Snapshot::of_host(&places).expect("it can be captured");
    let host_view = snapshot.view(&entries);
    let accepted = even_if.iter().map(|&name| name.to_owned()).collect();
    Plan::make(&places, &host_view, bdf("0000:01:00.0"), &accepted)
        .expect("there is such a function")
}

fn plan(host: &FakeHost) -> Plan {
    plan_with(host, &[])
}

/// A host with a device in one group, which the module's entry would split.
fn usual(test: &str) -> FakeHost {
    FakeHost::new(test)
        .pair([2, 2], [0x80, 0x80])
        .module("acs_quirks_test", TABLE)
}

#[track_caller]
fn assert_uses(host: &FakeHost, wanted: &[&str]) {
    let plan = plan(host);
    let names: Vec<_> = plan.uses.list.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, wanted);
    assert_eq!(plan.obstacles.len(), wanted.len(), "{:?}", plan.obstacles);
    assert_eq!(plan.refusal().is_some(), !wanted.is_empty());
    // Each obstacle is accepted by its own name only.
    assert_eq!(plan_with(host, wanted).refusal(), None);
    if let [first, ..] = wanted {
        assert!(plan_with(host, &[&format!("{first}x")]).refusal().is_some());
    }
}

#[test]
fn a_plan_splits_a_device_that_an_entry_isolates() {
    let host = usual("plan");
    let plan = plan(&host);
    let names = |groups: &[Vec<Bdf>]| groups.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(
        (names(&plan.current), names(&plan.planned)),
        (vec![2], vec![1, 1])
    );
    assert!(
        !plan.up_to_date && plan.obstacles.is_empty(),
        "{:?}",
        plan.obstacles
    );
    let order: Vec<_> = plan.device.all().collect();
    assert_eq!(
        order,
        [bdf("0000:01:00.1"), bdf("0000:01:00.0")],
        "function 0 goes last"
    );
    assert!(plan.rescan.ends_with("devices/0000:00:01.0/rescan"));
    assert!(
        plan.to_string()
            .contains("isolated by test/pair of acs_quirks_test")
    );
}

#[test]
fn without_an_entry_that_works_there_is_nothing_to_do() {
    assert!(plan(&FakeHost::new("bare").pair([2, 2], [0x80, 0x80])).up_to_date);
    let withdrawn = TABLE.replace("active", "withdrawn");
    let host = FakeHost::new("withdrawn").pair([2, 2], [0x80, 0x80]);
    assert!(plan(&host.module("acs_quirks_test", &withdrawn)).up_to_date);
    let host = usual("ineffective");
    host.hook("acs_quirks_test", "ineffective");
    assert!(plan(&host).up_to_date);
}

/// A device is regrouped if that would make coarser groups: the entry that split it may be withdrawn, or its module
/// unloaded.
#[test]
fn a_device_is_regrouped_to_take_a_split_back() {
    let on = |test, groups, kernel: &str| {
        let host = FakeHost::new(test).pair_of((0x14e4, 0x1760), groups, [0x80, 0x80]);
        host.file("proc/sys/kernel/osrelease", kernel);
        host
    };
    let assert_coarser = |host: &FakeHost| {
        let plan = plan(host);
        assert!(!plan.up_to_date);
        assert_eq!((plan.current.len(), plan.planned.len()), (2, 1));
        assert_eq!(plan.obstacles, []);
    };
    let host = on("split", [2, 3], "6.1.0-56-amd64\n");
    // A stable update may have brought the quirk, or an unloaded module made the groups.
    assert_coarser(&host);
    let host = host.module("acs_quirks", &BCM5760X.replace("active", "withdrawn"));
    host.measured("acs_quirks", "kernel lacks: 41\n");
    assert_coarser(&host);
    // The controls.
    assert!(plan(&on("one-group", [2, 2], "6.1.0-56-amd64\n")).up_to_date);
    assert!(plan(&on("own-quirk", [2, 3], "7.3.4+deb13-amd64\n")).up_to_date);
    let host = on("granted", [2, 3], "6.1.0-56-amd64\n").module("acs_quirks", BCM5760X);
    assert!(plan(&host).up_to_date);
}

#[test]
fn conditions_of_an_entry_are_looked_up_in_the_device() {
    let table =
        |value: &str| TABLE.replace(" 1234:", &format!(" if=config+50&000000ff={value} 1234:"));
    let host = FakeHost::new("condition").pair([2, 2], [0x80, 0x80]);
    let host = host.module("acs_quirks_test", &table("00000000"));
    assert!(!plan(&host).up_to_date, "the register is 0");
    let host = FakeHost::new("condition").pair([2, 2], [0x80, 0x80]);
    assert!(plan(&host.module("acs_quirks_test", &table("00000001"))).up_to_date);
}

#[test]
fn a_function_that_would_fall_apart_is_not_removed() {
    // No entry, and groups that differ from those at boot: a rescan would make the same groups
    // again.
    let host = FakeHost::new("trap").pair([2, 3], [0x80, 0x00]);
    let refused = plan_with(&host, &["unseen"]);
    let [obstacle] = &refused.obstacles[..] else {
        panic!("{:?}", refused.obstacles);
    };
    assert_eq!(obstacle.even_if, None);
    assert!(obstacle.what.contains("lacks the multi-function bit"));
    // The control: with the multi-function bit, a rescan makes the correct groups.
    let host = FakeHost::new("trap").pair([2, 3], [0x80, 0x80]);
    assert!(plan(&host).obstacles.is_empty());
    // If an entry isolates the function anyway, its own group is correct.
    let host = FakeHost::new("trap").pair([2, 2], [0x80, 0x00]);
    assert!(
        plan(&host.module("acs_quirks_test", TABLE))
            .obstacles
            .is_empty()
    );
}

#[test]
fn unreadable_sources_are_obstacles() {
    let host = usual("kernel");
    host.file("proc/sys/kernel/osrelease", "6.11.1\n");
    assert_eq!(
        plan(&host).obstacles[0].even_if.as_deref(),
        Some("kernel:6.11.1")
    );
    // Where the rescan binds drivers, no driver may be loaded that gives functions to programs.
    host.file("proc/sys/kernel/osrelease", "6.12.1\n");
    assert_eq!(plan(&host).obstacles, []);
    fs::create_dir_all(host.path("sys/bus/pci/drivers/vfio-pci")).expect("it can be made");
    assert_eq!(
        plan(&host).obstacles[0].even_if.as_deref(),
        Some("driver:vfio-pci")
    );
    host.file("proc/sys/kernel/osrelease", "7.2.1\n");
    assert_eq!(plan(&host).obstacles, []);
    // The kernel's obstacle hides none of these, and its name accepts none of them.
    host.file("proc/sys/kernel/osrelease", "6.8.12-pve\n");
    let left = |even_if: &[&str]| {
        let obstacles = plan_with(&host, even_if).obstacles.into_iter();
        obstacles.filter_map(|one| one.even_if).collect::<Vec<_>>()
    };
    let both = ["kernel:6.8.12", "driver:vfio-pci"];
    assert_eq!(left(&[]), both);
    assert_eq!(left(&both[..1]), both[1..]);
    assert_eq!(left(&both[1..]), both[..1]);
    assert_eq!(left(&both), [""; 0]);
    // Such a rescan also forgets overrides. One for the driver that the function has anyway is no obstacle.
    host.file(&FakeHost::of(1, "driver_override"), "pci-stub\n");
    let override_of_1 = "override:0000:01:00.1";
    assert_eq!(left(&both), [override_of_1]);
    host.file("proc/sys/kernel/osrelease", "7.2.1\n");
    assert_eq!(left(&[]), [""; 0]);
    host.file("proc/sys/kernel/osrelease", "6.12.1\n");
    host.link(
        &FakeHost::of(1, "driver"),
        "../../../../bus/pci/drivers/pci-stub",
    );
    assert_eq!(left(&both), [override_of_1]);
    host.file(&FakeHost::of(1, "driver_override"), "e1000e\n");
    assert_eq!(left(&both), [override_of_1]);
    fs::remove_file(host.path(&FakeHost::of(1, "driver"))).expect("it is there");
    host.link(
        &FakeHost::of(1, "driver"),
        "../../../../bus/pci/drivers/e1000e",
    );
    assert!(!left(&both).contains(&override_of_1.to_owned()));
    let host = usual("unseen");
    fs::remove_file(host.path("proc/self/ns/pid")).expect("it is there");
    host.link("proc/self/ns/pid", "pid:[4026532000]");
    assert_eq!(plan(&host).obstacles[0].even_if.as_deref(), Some("unseen"));
    let host = usual("silent");
    host.file(&FakeHost::of(1, "config"), vec![0xff; 4096]);
    let refusal = plan(&host).refusal().expect("it is in the way");
    assert!(
        refusal.contains("0000:01:00.1 does not answer"),
        "{refusal}"
    );
    let host = usual("no-group");
    fs::remove_file(host.path(&FakeHost::of(0, "iommu_group"))).expect("it is there");
    assert!(
        plan(&host)
            .refusal()
            .is_some_and(|it| it.contains("is in no IOMMU group"))
    );
}

#[test]
fn disks_in_use() {
    let host = usual("disks");
    host.device(0, "ata1/block/sda", "block", Some("8:0"));
    host.device(0, "ata1/block/sda/sda1", "block", Some("8:1"));
    host.device(0, "ata1/block/sda/sda2", "block", Some("8:2"));
    assert_uses(&host, &[]);
    host.file(
        "proc/self/mountinfo",
        "30 1 8:1 / /srv/a\\040b rw - ext4 /dev/sda1 rw\n",
    );
    assert_uses(&host, &["mounted:/dev/sda1"]);
    assert!(
        plan(&host)
            .refusal()
            .is_some_and(|it| it.contains("is mounted on /srv/a b"))
    );
    // A file system with a device number of its own is recognized by its source.
    host.file(
        "proc/self/mountinfo",
        "30 1 0:40 / /srv rw shared:1 - btrfs /dev/sda2 rw\n",
    );
    assert_uses(&host, &["mounted:/dev/sda2"]);
    host.file(
        "proc/self/mountinfo",
        "30 1 8:17 / /srv rw - ext4 /dev/sdb1 rw\n",
    );
    assert_uses(&host, &[]);
    // A loop device and an exported namespace do not claim their storage.
    host.file("sys/class/block/loop3/loop/backing_file", "/dev/sda2\n");
    assert_uses(&host, &["backing:/dev/sda2"]);
    host.file("sys/class/block/loop3/loop/backing_file", "/dev/sdb2\n");
    let namespace = "sys/kernel/config/nvmet/subsystems/disks/namespaces/1";
    host.file(&format!("{namespace}/device_path"), "/dev/sda2\n");
    host.file(&format!("{namespace}/enable"), "1\n");
    assert_uses(&host, &["backing:/dev/sda2"]);
    host.file(&format!("{namespace}/enable"), "0\n");
    assert_uses(&host, &[]);
    let object = "sys/kernel/config/target/core/fileio_0/disk/udev_path";
    host.file(object, "/dev/sda1\n");
    assert_uses(&host, &["backing:/dev/sda1"]);
    host.file(object, "/dev/sdb1\n");
    let unit = "sys/kernel/config/usb_gadget/g1/functions/mass_storage.0/lun.0/file";
    host.file(unit, "/dev/sda1\n");
    assert_uses(&host, &["backing:/dev/sda1"]);
    host.file(unit, "\n");
    assert_uses(&host, &[]);
    host.file("proc/swaps", "Filename\tType\n/dev/sda2 partition 1 0 -2\n");
    assert_uses(&host, &["swap:/dev/sda2"]);
    fs::remove_file(host.path("proc/swaps")).expect("it is there");
    host.file(&FakeHost::of(0, "ata1/block/sda/sda1/holders/dm-0"), "");
    host.file("sys/class/block/dm-0/dm/name", "vg-root\n");
    assert_uses(&host, &["held:/dev/sda1"]);
    assert!(
        plan(&host)
            .refusal()
            .is_some_and(|it| it.contains("dm-0 (vg-root)"))
    );
}

#[test]
fn a_disk_behind_several_nvme_controllers() {
    let host = usual("nvme");
    host.device(1, "nvme/nvme0", "nvme", Some("240:0"));
    let subsystem = "sys/class/nvme-subsystem/nvme-subsys0";
    host.file(&format!("{subsystem}/nvme0"), "");
    host.link(&format!("{subsystem}/nvme0n1/subsystem"), "/class/block");
    host.file(&format!("{subsystem}/nvme0n1/dev"), "259:0\n");
    host.file(
        "proc/self/mountinfo",
        "30 1 259:0 / /srv rw - xfs /dev/nvme0n1 rw\n",
    );
    assert_uses(&host, &["mounted:/dev/nvme0n1"]);
    // A process has the character device of the disk open.
    host.file("proc/self/mountinfo", "");
    host.link(
        &format!("{subsystem}/ng0n1/subsystem"),
        "/class/nvme-generic",
    );
    host.file(&format!("{subsystem}/ng0n1/dev"), "1:3\n");
    host.file("proc/1234/maps", "");
    assert_uses(&host, &[]);
    host.link("proc/1234/fd/4", "/dev/null");
    assert_uses(&host, &["open:/dev/ng0n1"]);
}

#[test]
fn a_disk_that_is_reached_over_fibre_channel() {
    let host = usual("nvme-fc");
    host.device(0, "host3/fc_host/host3", "fc_host", None);
    let port = FakeHost::of(0, "host3/fc_host/host3/port_name");
    host.file(&port, "0x10000090FA945C2C\n");
    let controller = "sys/class/nvme/nvme1";
    host.link(&format!("{controller}/subsystem"), "/class/nvme");
    host.file(
        &format!("{controller}/address"),
        "traddr=nn-0x20:pn-0x21,host_traddr=nn-0x20000090fa945c2c:pn-0x10000090fa945c2c\n",
    );
    host.link(&format!("{controller}/nvme1n1/subsystem"), "/class/block");
    host.file(&format!("{controller}/nvme1n1/dev"), "259:7\n");
    let mounted = "30 1 259:7 / / rw - xfs /dev/nvme1n1 rw\n";
    host.file("proc/self/mountinfo", mounted);
    assert_uses(&host, &["mounted:/dev/nvme1n1"]);
    // Control: another port leads to it.
    host.file(&port, "0x10000090fa945c2d\n");
    assert_uses(&host, &[]);
}

#[test]
fn network_interfaces_in_use() {
    let host = usual("network");
    host.device(0, "net/quirk0", "net", None);
    host.file(&FakeHost::of(0, "net/quirk0/ifindex"), "77\n");
    assert_uses(&host, &[]);
    // Without an address or a route, as for CAN or AF_XDP.
    let flags = FakeHost::of(0, "net/quirk0/flags");
    host.file(&flags, "0x1003\n");
    assert_uses(&host, &["network:quirk0"]);
    host.file(&flags, "0x1002\n");
    assert_uses(&host, &[]);
    host.file("proc/net/route", "Iface Destination\nquirk0 00000000\n");
    assert_uses(&host, &["network:quirk0"]);
    host.file("proc/net/route", "Iface Destination\nquirk00 00000000\n");
    host.file(
        "proc/net/packet",
        "sk RefCnt Type Proto Iface R\n0 3 3 0003 77 1\n",
    );
    assert_uses(&host, &["packets:quirk0"]);
    host.file(
        "proc/net/packet",
        "sk RefCnt Type Proto Iface R\n0 3 3 0003 7 1\n",
    );
    host.link(&FakeHost::of(0, "net/quirk0/master"), "../../br0");
    host.link(&FakeHost::of(0, "net/quirk0/upper_br0"), "../../br0");
    assert_uses(&host, &["member:quirk0"]);
}

#[test]
fn an_interface_that_cannot_be_seen() {
    let host = usual("elsewhere");
    host.link(&FakeHost::of(1, "driver"), "../../bus/pci/drivers/e1000e");
    assert_uses(&host, &["elsewhere:0000:01:00.1"]);
    fs::remove_file(host.path(&FakeHost::of(1, "driver"))).expect("it is there");
    for driver in ["vfio-pci", "mlx5_vfio_pci", "igb_uio", "pci-stub"] {
        let _ = fs::remove_file(host.path(&FakeHost::of(1, "driver")));
        host.link(
            &FakeHost::of(1, "driver"),
            &format!("../../bus/pci/drivers/{driver}"),
        );
        assert_uses(&host, &[]);
    }
}

#[test]
fn what_a_process_holds() {
    let host = usual("processes");
    host.file("proc/1234/comm", "qemu\n");
    host.file("proc/1234/maps", "7f00-7f01 rw-s 0 00:00 0 anon\n");
    // This node does not belong to a function.
    host.link("proc/1234/fd/3", "/dev/zero");
    assert_uses(&host, &[]);
    // The node of the group is recognized by its number, whatever its name.
    host.file("sys/class/vfio/2/dev", "1:3\n");
    host.link("proc/1234/fd/4", "/dev/null");
    assert_uses(&host, &["vfio:/dev/vfio/2", "vfio:/dev/vfio/2"]);
    assert!(
        plan(&host)
            .refusal()
            .is_some_and(|it| it.contains("qemu (process 1234)"))
    );
    fs::remove_dir_all(host.path("sys/class/vfio")).expect("it is there");
    // The kernel names the function of an open VFIO device.
    host.link("proc/1234/fd/5", "anon_inode:[vfio-device]");
    host.link(&FakeHost::of(0, "driver"), "../../bus/pci/drivers/vfio-pci");
    host.link(&FakeHost::of(1, "driver"), "../../bus/pci/drivers/vfio-pci");
    host.file(
        "proc/1234/fdinfo/5",
        "vfio-device-syspath: /sys/devices/x/0000:01:00.1\n",
    );
    assert_uses(&host, &["vfio:0000:01:00.1"]);
    fs::remove_file(host.path(&FakeHost::of(1, "driver"))).expect("it is there");
    host.link(
        &FakeHost::of(1, "driver"),
        "../../bus/pci/drivers/mlx5_vfio_pci",
    );
    assert_uses(&host, &["vfio:0000:01:00.1"]);
    // An older kernel does not name the function.
    host.file("proc/1234/fdinfo/5", "pos: 0\n");
    assert_uses(&host, &["vfio:0000:01:00.0", "vfio:0000:01:00.1"]);
    // The process has the node of another group open: its device is of that group.
    host.link("proc/1234/fd/6", "/dev/vfio/9");
    assert_uses(&host, &[]);
    host.link("proc/1234/fd/7", "/dev/vfio/2");
    assert_uses(&host, &["vfio:0000:01:00.0", "vfio:0000:01:00.1"]);
    fs::remove_file(host.path("proc/1234/fd/6")).expect("it is there");
    fs::remove_file(host.path("proc/1234/fd/7")).expect("it is there");
    fs::remove_file(host.path("proc/1234/fd/5")).expect("it is there");
    assert_uses(&host, &[]);
    // Another thread has the file open, in a table of its own or after the main thread has ended.
    host.file("proc/1234/task/1235/maps", "");
    host.link(
        "proc/1234/task/1235/fd/5",
        &host
            .path(&FakeHost::of(1, "resource0"))
            .display()
            .to_string(),
    );
    assert_uses(&host, &["open:0000:01:00.1"]);
    fs::remove_dir_all(host.path("proc/1234/task")).expect("it is there");
    // A file of the function, open or mapped.
    let resource = host.path(&FakeHost::of(0, "resource0"));
    host.link("proc/1234/fd/6", &resource.display().to_string());
    assert_uses(&host, &["open:0000:01:00.0"]);
    fs::remove_file(host.path("proc/1234/fd/6")).expect("it is there");
    host.file(
        "proc/1234/maps",
        format!("7f00-7f01 rw-s 0 00:00 9 {}\n", resource.display()),
    );
    assert_uses(&host, &["open:0000:01:00.0"]);
}

#[test]
fn files_that_sysfs_or_the_process_does_not_show() {
    let host = usual("hidden-files");
    host.device(0, "ata1/block/sda", "block", Some("8:0"));
    // The process has registered the disk and closed it.
    host.file("proc/1234/maps", "");
    host.link("proc/1234/fd/3", "anon_inode:[io_uring]");
    let ring = |files: &str| {
        let info = format!("SqMask:\t0x3\nUserFiles:\t2\n{files}UserBufs:\t0\n");
        host.file("proc/1234/fdinfo/3", info);
    };
    ring("    0: <none>\n    1: /dev/sdb\n");
    assert_uses(&host, &[]);
    let disk = host.path("dev/sda").display().to_string();
    ring(&format!("    0: <none>\n    1: {disk}\n"));
    assert_uses(&host, &["open:/dev/sda"]);
    // Older kernels show the name alone.
    ring("    0: sdb\n");
    assert_uses(&host, &[]);
    ring("    0: sda\n");
    assert_uses(&host, &["open:/dev/sda"]);
    ring("");
    // No folder of sysfs has the node of NVIDIA's driver.
    host.link(
        "proc/1234/fd/4",
        &host.path("dev/nvidia7").display().to_string(),
    );
    assert_uses(&host, &[]);
    let information = "proc/driver/nvidia/gpus/0000:01:00.1/information";
    host.file(information, "Model: \t\t GPU\nDevice Minor: \t 7\n");
    assert_uses(&host, &["open:/dev/nvidia7"]);
    host.file(information, "Device Minor: \t 6\n");
    assert_uses(&host, &[]);
}

#[test]
fn users_of_a_driver_that_nothing_explains() {
    let host = usual("counts");
    for number in [0, 1] {
        host.link(
            &FakeHost::of(number, "driver"),
            "../../../../bus/pci/drivers/nvme",
        );
    }
    host.link("sys/bus/pci/drivers/nvme/module", "../../../../module/nvme");
    host.device(0, "nvme/nvme0", "nvme", Some("240:0"));
    host.device(1, "nvme/nvme1", "nvme", Some("240:1"));
    let users = |count: &str| host.file("sys/module/nvme/refcnt", count);
    let unseen = || plan(&host).uses.unseen.into_iter().next();
    users("0\n");
    assert_eq!(unseen(), None);
    users("1\n");
    let what = unseen().expect("nothing explains the user");
    assert!(
        what.contains("counts 1 users of the driver nvme, and acsctl found 0"),
        "{what}"
    );
    assert_eq!(plan(&host).obstacles[0].even_if.as_deref(), Some("unseen"));
    // A module that depends on it, and a process that has its node open, are explanations.
    host.file("sys/module/nvme/holders/nvme_fc", "");
    assert_eq!(unseen(), None);
    users("2\n");
    assert!(unseen().is_some());
    host.file("proc/1234/maps", "");
    host.link(
        "proc/1234/fd/3",
        &host.path("dev/nvme0").display().to_string(),
    );
    assert!(unseen().is_some(), "a path alone is no open node");
    host.file("sys/class/vfio/2/dev", "1:3\n");
    host.link("proc/1234/fd/4", "/dev/null");
    assert!(
        unseen().is_some(),
        "the group's node belongs to another driver"
    );
    fs::remove_dir_all(host.path("sys/class/vfio")).expect("it is there");
    host.file(&FakeHost::of(1, "nvme/nvme1/dev"), "1:3\n");
    assert_eq!(unseen(), None);
    users("3\n");
    assert!(unseen().is_some());
}

/// A host whose functions have the driver nvme, and the disk nvme0n1 with two partitions.
fn with_nvme(test: &str) -> FakeHost {
    let host = usual(test);
    for number in [0, 1] {
        host.link(
            &FakeHost::of(number, "driver"),
            "../../../../bus/pci/drivers/nvme",
        );
        host.device(number, "net/x0", "net", None);
    }
    host.link("sys/bus/pci/drivers/nvme/module", "../../../../module/nvme");
    host.device(0, "nvme/nvme0/nvme0n1", "block", Some("259:0"));
    for part in [1, 2] {
        let path = format!("nvme/nvme0/nvme0n1/nvme0n1p{part}");
        host.device(0, &path, "block", Some(&format!("259:{part}")));
        host.file(&FakeHost::of(0, &format!("{path}/partition")), "1\n");
    }
    host
}

/// Checks that acsctl finds exactly so many of the users that the kernel counts.
#[track_caller]
fn assert_users(host: &FakeHost, wanted: usize) {
    let is_explained = |users: usize| {
        host.file("sys/module/nvme/refcnt", format!("{users}\n"));
        plan(host).uses.unseen.is_empty()
    };
    assert!(is_explained(wanted), "{wanted} users are not explained");
    assert!(!is_explained(wanted + 1), "more than {wanted} users");
}

#[test]
fn each_device_on_a_disk_is_a_user_of_the_driver() {
    let host = with_nvme("volumes");
    let disk = FakeHost::of(0, "nvme/nvme0/nvme0n1");
    let kernel = |release: &str| host.file("proc/sys/kernel/osrelease", release);
    assert_users(&host, 0);
    // Two bind mounts have one opener.
    let mounts = "30 1 259:1 / /boot rw - ext4 /dev/nvme0n1p1 rw\n\
                  31 1 259:1 /x /x rw - ext4 /dev/nvme0n1p1 rw\n";
    host.file("proc/self/mountinfo", mounts);
    assert_users(&host, 1);
    for volume in 0..4 {
        host.file(&format!("{disk}/nvme0n1p2/holders/dm-{volume}"), "");
    }
    let names = ["mounted:/dev/nvme0n1p1", "held:/dev/nvme0n1p2"];
    assert!(
        (plan(&host).uses.list.iter()).all(|one| names.contains(&one.name.as_str())),
        "the names of the uses stay"
    );
    assert_users(&host, 5);
    // Before Linux 6.5, the driver counts one opener of each partition, and each opener of the disk.
    kernel("6.4.0\n");
    assert_users(&host, 2);
    kernel("6.5.0\n");
    assert_users(&host, 5);
    kernel("unknown\n");
    assert_users(&host, 2);
    kernel("6.1.0-57-amd64\n");
    for volume in 4..6 {
        host.file(&format!("{disk}/holders/dm-{volume}"), "");
    }
    assert_users(&host, 4);
    // Each loop device has its storage open.
    for number in [0, 1] {
        let backing = format!("sys/class/block/loop{number}/loop/backing_file");
        host.file(&backing, "/dev/nvme0n1\n");
    }
    assert_users(&host, 6);
    // Each client of a DMA channel counts.
    host.device(1, "dma/dma0chan0", "dma", None);
    host.file(&FakeHost::of(1, "dma/dma0chan0/in_use"), "3\n");
    assert_users(&host, 9);
}

#[test]
fn a_sound_card_on_the_outputs_of_a_gpu_is_a_user_of_its_driver() {
    let host = usual("sound");
    let driver = FakeHost::of(1, "driver");
    let unseen = |name: &str| {
        let _ = fs::remove_file(host.path(&driver));
        host.link(&driver, &format!("../../../../bus/pci/drivers/{name}"));
        let _ = fs::remove_file(host.path(&format!("sys/bus/pci/drivers/{name}/module")));
        let module = format!("sys/bus/pci/drivers/{name}/module");
        host.link(&module, &format!("../../../../module/{name}"));
        host.file(&format!("sys/module/{name}/refcnt"), "1\n");
        !plan(&host).uses.unseen.is_empty()
    };
    assert!(unseen("i915"));
    let link = "sys/devices/virtual/devlink/pci:0000:01:00.1--pci:0000:00:1f.3";
    let sound = "sys/devices/pci0000:00/0000:00:1f.3";
    host.file(&format!("{sound}/class"), "0x040380\n");
    let target = |path: &str| host.path(path).display().to_string();
    host.link(&format!("{link}/consumer"), &target(sound));
    host.file(&format!("{link}/status"), "not tracked\n");
    host.link(&FakeHost::of(1, "consumer:pci:0000:00:1f.3"), &target(link));
    assert!(!unseen("i915"));
    assert!(!unseen("xe"));
    // A quirk of the PCI core makes the same link for other GPUs, whose drivers are not held.
    assert!(unseen("amdgpu"));
    host.file(&format!("{sound}/class"), "0x0c0330\n");
    assert!(unseen("i915"));
}

#[test]
fn uses_that_no_guest_has() {
    let host = usual("untested");
    host.device(0, "cxl/mem0", "cxl", None);
    assert_uses(&host, &[]);
    host.file("sys/bus/cxl/devices/region0", "");
    assert_uses(&host, &["cxl:mem0"]);
    let host = usual("mdev");
    host.device(1, "b1a2", "mdev", None);
    assert_uses(&host, &["mdev:b1a2"]);
    let host = usual("sev");
    host.link(
        &FakeHost::of(1, "driver"),
        "../../../../bus/pci/drivers/ccp",
    );
    host.device(1, "net/x0", "net", None);
    host.file("sys/module/kvm_amd/parameters/sev", "N\n");
    assert_uses(&host, &[]);
    host.file("sys/module/kvm_amd/parameters/sev", "Y\n");
    assert_uses(&host, &["sev:0000:01:00.1"]);
}

#[test]
fn devices_elsewhere_that_depend_on_a_function() {
    let host = usual("thunderbolt");
    let router = |path: &str, kind: &str| {
        host.device(0, path, "thunderbolt", None);
        let event = format!("DEVTYPE=thunderbolt_{kind}\n");
        host.file(&FakeHost::of(0, &format!("{path}/uevent")), event);
    };
    // The host's own router, a retimer in a cable, and another host.
    router("domain0", "domain");
    router("domain0/0-0", "device");
    router("domain0/0-0/0-0:1.1", "retimer");
    router("domain0/0-0/0-3", "xdomain");
    router("domain0/0-0/0-3/0-3.0", "service");
    assert_uses(&host, &[]);
    router("domain0/0-0/0-1", "device");
    assert_uses(&host, &["tunnel:0-1"]);
    let dock = FakeHost::of(0, "domain0/0-0/0-1");
    host.file(&format!("{dock}/vendor_name"), "Vendor\n");
    host.file(&format!("{dock}/device_name"), "Dock\n");
    router("domain0/0-0/0-1/0-301", "device");
    assert_uses(&host, &["tunnel:0-1", "tunnel:0-301"]);
    assert!(
        plan(&host)
            .refusal()
            .is_some_and(|it| it.contains("device 0-1 (Vendor Dock) is"))
    );

    let host = usual("links");
    let links = "sys/devices/virtual/devlink";
    let link = |supplier: &str, consumer: &str, status: &str| {
        let name = consumer.rsplit('/').next().expect("it has a name");
        let link = host.path(&format!("{links}/{name}"));
        let target = link.display().to_string();
        host.link(
            &FakeHost::of(0, &format!("{supplier}consumer:pci:{name}")),
            &target,
        );
        let device = host.path(consumer).display().to_string();
        host.link(&format!("{links}/{name}/consumer"), &device);
        host.file(&format!("{links}/{name}/status"), format!("{status}\n"));
    };
    let port = "sys/devices/pci0000:00/0000:00:01.0";
    link("", port, "not tracked");
    // These are removed together with their supplier.
    host.device(0, "host0/target0/0:0:0:0", "scsi", None);
    link("", &FakeHost::of(0, "host0/target0/0:0:0:0"), "active");
    link("", FakeHost::of(1, "").trim_end_matches('/'), "active");
    assert_uses(&host, &[]);
    for status in ["dormant", "available"] {
        host.file(
            &format!("{links}/0000:00:01.0/status"),
            format!("{status}\n"),
        );
        assert_uses(&host, &[]);
    }
    host.file(&format!("{links}/0000:00:01.0/status"), "active\n");
    assert_uses(&host, &["depends:0000:00:01.0"]);
    // A device below the function has a consumer.
    host.file("sys/devices/platform/csi/uevent", "");
    link(
        "host0/target0/0:0:0:0/",
        "sys/devices/platform/csi",
        "active",
    );
    assert_uses(&host, &["depends:0000:00:01.0", "depends:csi"]);

    let host = usual("iommu");
    host.device(1, "iommu/ivhd0", "iommu", None);
    assert_uses(&host, &["iommu:ivhd0"]);
}

#[test]
fn other_uses() {
    let host = usual("other");
    host.link(&FakeHost::of(0, "virtfn0"), "../0000:01:10.0");
    // A boot display without a driver is no use, unless the framebuffer of the firmware is used.
    host.file(&FakeHost::of(1, "boot_vga"), "1\n");
    assert_uses(&host, &["virtual-functions:0000:01:00.0"]);
    let driver = FakeHost::of(1, "driver");
    for (name, is_display) in [
        ("amdgpu", true),
        ("vfio-pci", false),
        ("nvgrace_gpu_vfio_pci", false),
        ("uio_pci_generic", false),
        ("pci-stub", false),
    ] {
        host.link(&driver, &format!("../../bus/pci/drivers/{name}"));
        host.device(1, "net/x0", "net", None);
        let wanted = ["virtual-functions:0000:01:00.0", "display:0000:01:00.1"];
        assert_uses(&host, &wanted[..=usize::from(is_display)]);
        fs::remove_file(host.path(&driver)).expect("it is there");
        fs::remove_dir_all(host.path(&FakeHost::of(1, "net"))).expect("it is there");
    }
    host.link(&driver, "../../bus/pci/drivers/vfio-pci");
    host.file(
        "sys/bus/platform/drivers/simple-framebuffer/simple-framebuffer.0",
        "",
    );
    host.device(1, "tty/ttyS4", "tty", Some("4:68"));
    host.file(
        "proc/consoles",
        "tty0 -WU (EC) 4:7\nttyS4 -W- (EC a) 4:68\n",
    );
    host.device(1, "dma/dma0chan0", "dma", None);
    host.file(&FakeHost::of(1, "dma/dma0chan0/in_use"), "1\n");
    let wanted = [
        "virtual-functions:0000:01:00.0",
        "console:/dev/ttyS4",
        "display:0000:01:00.1",
        "dma:dma0chan0",
    ];
    assert_uses(&host, &wanted);
}

/// The kernel puts a device into the present group of the port above, whatever it has become.
#[test]
fn a_stale_group_above_is_regrouped_first() {
    let port = "0000:00:01.0";
    let on = |test, beside| {
        let host = FakeHost::new(test).pair([1, 1], [0x80, 0x80]);
        host.port_without_acs().beside(beside)
    };
    let stale = plan(&on("stale", 1));
    assert_eq!(
        stale.stale.map(|bdf| bdf.to_string()).as_deref(),
        Some(port)
    );
    let refusal = stale.refusal().expect("it is in the way");
    assert!(
        refusal.contains("first: acsctl regroup 0000:00:01.0"),
        "{refusal}"
    );
    // The controls: the port's group is right, and a group of the device's own.
    assert_eq!(plan(&on("not-stale", 2)).stale, None);
    let host = FakeHost::new("own-group")
        .pair([2, 2], [0x80, 0x80])
        .beside(1);
    assert_eq!(plan(&host).stale, None);
}

#[test]
fn a_withheld_device_is_left_alone() {
    let host = usual("withheld");
    assert_eq!(plan(&host).obstacles, []);
    let record = |address: &str, place: &str, identity: &str| {
        let record = format!(
            "{{\"schema\": \"acsctl-withheld-2\", \"boot\": \"earlier\", \"requested\": \"0000:01:00.1\", \
             \"functions\": [\"{address}\"], \"identities\": [\"{identity}\"], \"places\": [\"{place}\"], \
             \"why\": \"it is a test\"}}"
        );
        host.file("var/lib/acsctl/withheld-0000:01:00.1.json", record);
    };
    let (identity, other) = (
        "0x1234 0x0a01 0x020000 0x01 0x0000 0x0000",
        "0x8086 0x1521 0x020000 0x01 0x0000 0x0000",
    );
    // Another device is there.
    record("0000:01:00.1", "0000:00:01.0/00.1", other);
    assert_eq!(plan(&host).obstacles, []);
    // A like device has the address now, and the device is elsewhere: here, or below another port.
    record(
        "0000:01:00.1",
        "0000:00:01.0",
        "0x8086 0x1901 0x020000 0x01 0x0000 0x0000",
    );
    assert_eq!(plan(&host).obstacles, []);
    record("0000:05:00.1", "0000:00:01.0/00.1", identity);
    assert_eq!(plan(&host).obstacles.len(), 1);
    record("0000:05:00.1", "0000:00:07.0/00.1", identity);
    assert_eq!(plan(&host).obstacles.len(), 1);
    record("0000:01:00.1", "0000:00:01.0/00.1", identity);
    let refused = plan(&host);
    let [obstacle] = &refused.obstacles[..] else {
        panic!("{:?}", refused.obstacles);
    };
    assert_eq!(obstacle.even_if, None);
    assert!(
        obstacle.remedy.contains("--release 0000:01:00.1"),
        "{}",
        obstacle.remedy
    );
}

#[test]
fn a_device_path_names_a_function_whatever_its_bus() {
    let host = usual("device-path");
    let paths = host.paths();
    let found = |text: &str| {
        text.parse::<DevicePath>()
            .and_then(|path| path.find(&paths))
    };
    let port: Bdf = "0000:00:01.0".parse().expect("an address");
    let below: Bdf = "0000:01:00.1".parse().expect("an address");
    assert_eq!(found("0000:00:01.0"), Ok(port));
    assert_eq!(found("0000:00:01.0/00.1"), Ok(below));
    assert_eq!(found("0000:00:01.0/00.1=1234:0A01"), Ok(below));
    assert_eq!(found("0000:01:00.1=1234:0a01"), Ok(below));
    let shown = DevicePath::of(&paths, below).to_string();
    assert_eq!(shown, "0000:00:01.0/00.1");
    assert_eq!(found("/sys/bus/pci/devices/0000:01:00.1"), Ok(below));
    for (text, why) in [
        (
            "0000:00:01.0/00.1=1234:0a02",
            "0000:01:00.1 has the ids 1234:0a01",
        ),
        ("0000:00:01.0/00.2", "no such function below 0000:00:01.0"),
        (
            "0000:00:01.0/00.1/00.0",
            "no such function below 0000:01:00.1",
        ),
        ("0000:00:07.0", "there is no such function"),
        ("0000:00:01.0/1", "\"1\" is not device.function"),
        ("0000:00:01.0/20.0", "\"20.0\" is not device.function"),
        ("0000:00:01.0/00.1=1234", "is not device.function"),
    ] {
        let error = found(text).expect_err(text);
        assert!(error.contains(why), "{text}: {error}");
    }
}

/// On kernels that bind drivers within the rescan, a device that was withheld in this boot would get one.
#[test]
fn a_rescan_brings_no_withheld_device_back() {
    let host = usual("withheld-elsewhere");
    let record = |boot: &str| {
        let record = format!(
            "{{\"schema\": \"acsctl-withheld-2\", \"boot\": \"{boot}\", \"requested\": \"0000:02:00.0\", \
             \"functions\": [\"0000:02:00.0\"], \"identities\": [\"a\"], \"places\": [\"0000:00:07.0/00.0\"], \"why\": \"it is a test\"}}"
        );
        host.file("var/lib/acsctl/withheld-0000:02:00.0.json", record);
    };
    let is_refused = || {
        let plan = plan(&host);
        let what = "would bring back the device of 0000:02:00.0";
        let refusal = plan.refusal().unwrap_or_default();
        assert_eq!(refusal.contains(what), !plan.obstacles.is_empty());
        assert!(!refusal.contains("--even-if"));
        !plan.obstacles.is_empty()
    };
    let kernel = |version: &str| host.file("proc/sys/kernel/osrelease", version);
    let bus = |folder: &str| {
        let link = "sys/class/pci_bus/0000:02";
        let _ = fs::remove_file(host.path(link));
        host.file(&format!("sys/devices/{folder}/pci_bus/0000:02/uevent"), "");
        host.link(link, &format!("../../devices/{folder}/pci_bus/0000:02"));
    };
    record("this");
    assert!(!is_refused(), "drivers wait on 7.3");
    kernel("6.12.1\n");
    // The bus is gone with the port above.
    assert!(is_refused());
    // The bus is below another port of the same root bus, which the rescan scans too.
    bus("pci0000:00/0000:00:02.0");
    assert!(is_refused());
    bus("pci0000:80/0000:80:02.0");
    assert!(!is_refused(), "the rescan does not reach that root bus");
    bus("pci0000:00/0000:00:01.0/0000:01:03.0");
    assert!(is_refused());
    // Somebody brought it back already.
    let link = "sys/bus/pci/devices/0000:02:00.0";
    host.link(link, "0000:01:00.1");
    assert!(!is_refused());
    fs::remove_file(host.path(link)).expect("it is there");
    assert!(is_refused());
    record("earlier");
    assert!(!is_refused(), "the boot brought it back");
}

#[test]
fn a_command_line_that_sets_acs_is_a_warning() {
    let host = usual("config-acs");
    host.file("proc/cmdline", "quiet pci=noaer,nommconf\n");
    assert!(plan(&host).warnings.is_empty());
    host.file(
        "proc/cmdline",
        "quiet pci=noaer,config_acs=000000@pci:0:0 single\n",
    );
    let warnings = plan(&host).warnings;
    assert!(
        warnings[0].contains("pci=noaer,config_acs=000000@pci:0:0"),
        "{warnings:?}"
    );
}

/// A function that shares its group with others of the host is not as planned, also if they are not the device's.
#[test]
fn a_group_with_others_is_coarser_than_planned() {
    let host = usual("coarser");
    let (places, entries) = (
        host.paths(),
        Database::default().entries().expect("they are sound"),
    );
    let snapshot = Snapshot::of_host(&places).expect("it can be captured");
    let state = State::new(&places, snapshot.view(&entries).topology, &plan(&host));
    let [port, first, second] = ["0000:00:01.0", "0000:01:00.0", "0000:01:00.1"].map(bdf);
    let came = bdf("0000:03:00.0");
    let coarser = |groups: &[&[Bdf]]| {
        let groups = groups.iter().map(|group| group.to_vec()).collect();
        state.coarser(&places, &groups)
    };
    assert_eq!(coarser(&[&[port], &[first], &[second]]), [[]; 0]);
    assert_eq!(coarser(&[&[port], &[first, second]]), [[first, second]]);
    assert_eq!(coarser(&[&[port, first], &[second]]), [[port, first]]);
    // The plan has no word on a function that went, that came, or that is another one now.
    assert_eq!(coarser(&[&[first], &[second]]), [[]; 0]);
    assert_eq!(coarser(&[&[port], &[first], &[second, came]]), [[]; 0]);
    assert_eq!(coarser(&[&[first, second, came]]), [[first, second, came]]);
    host.file("sys/devices/pci0000:00/0000:00:01.0/device", "0x1902\n");
    assert_eq!(coarser(&[&[port, first], &[second]]), [[]; 0]);
    // Groups of others are not this regroup's.
    assert_eq!(coarser(&[&[port, came], &[first], &[second]]), [[]; 0]);
}

#[test]
fn the_state_outlasts_a_kill_and_no_boot() {
    let host = usual("state");
    let (places, entries) = (
        host.paths(),
        Database::default().entries().expect("they are sound"),
    );
    fs::create_dir_all(host.path("run/acsctl")).expect("it can be made");
    let snapshot = Snapshot::of_host(&places).expect("it can be captured");
    let host_view = snapshot.view(&entries);
    let state = State::new(&places, host_view.topology, &plan(&host));
    state.save(&places).expect("it can be written");
    state.save(&places).expect("it can be written again");
    let path = state.path(&places);
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let left = State::left_behind(&places).expect("it makes sense");
    assert_eq!(left, [state]);
    // After another boot, there is nothing to restore.
    host.file("proc/sys/kernel/random/boot_id", "another\n");
    assert_eq!(State::left_behind(&places).expect("it makes sense"), []);
    assert!(!path.exists());
    // A malformed state file is an error.
    for text in ["", "{}", "{\"schema\": \"acsctl-regroup-state-1\"}"] {
        fs::write(&path, text).expect("it can be written");
        let error = State::left_behind(&places).expect_err("it makes no sense");
        assert!(
            error.to_string().contains("acsctl regroup --release 0000:"),
            "{error}"
        );
    }
    let names: BTreeSet<_> = acsctl::regroup::WRITER.chars().collect();
    assert!(
        !names.contains(&' '),
        "the writer is one word of the command line"
    );
}
