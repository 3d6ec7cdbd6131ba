// SPDX-License-Identifier: GPL-2.0-only

//! Devices in use. `acsctl regroup` refuses to remove them until the use has ended, or until
//! `--even-if` accepts it.

use super::{APART, CARDS, TOGETHER};
use crate::{
    machine::Model,
    scenario::{
        LIMIT, Scenario,
        Step::{Ends, Groups, Load, Run, Says, Unload},
    },
    scenarios::hardware::{first, pair, second, two},
};

pub(super) const ALL: &[Scenario] = &[ADDRESS, DISK, USERS, VFIO, VFIO_OTHERS, VFIO_PENDING, OPEN];

const OTHER: &[Model] = &pair(0x1234, 0x0bad);

/// A network card with an address.
const ADDRESS: Scenario = Scenario {
    name: "regroup-address",
    machine: two(&[first(CARDS), second(OTHER)]),
    steps: &[
        Run("/sbin/modprobe e1000e"),
        Load("acs_quirks_test"),
        Run("ip addr add 192.0.2.1/24 dev eth0"),
        Ends(
            1,
            "acsctl regroup 01:00.1",
            "0000:01:00.0: eth0 has the address 192.0.2.1",
        ),
        Says(
            "acsctl regroup 01:00.1 --dry-run; true",
            "in use: eth0 has the address 192.0.2.1 (network:eth0)",
        ),
        Groups(TOGETHER),
        Run("ip addr show dev eth0 | grep 192.0.2.1"),
        Run("test ! -e /run/acsctl/regroup-0000:01:00.1.json"),
        // `--even-if` names another use.
        Ends(
            1,
            "acsctl regroup 01:00.1 --even-if network:eth1",
            "network:eth0",
        ),
        Groups(TOGETHER),
        // Only a route.
        Run("ip addr flush dev eth0; ip link set eth0 up; ip route add 198.51.100.0/24 dev eth0"),
        Ends(1, "acsctl regroup 01:00.1", "network:eth0"),
        Run("ip link set eth0 down"),
        Says("acsctl regroup 01:00.1", "regrouped, as predicted"),
        Groups(APART),
        // `--even-if` names this use.
        Unload("acs_quirks_test"),
        Run("ip addr add 192.0.2.1/24 dev eth0"),
        Says(
            "acsctl regroup 01:00.1 --even-if network:eth0",
            "regrouped, as predicted",
        ),
        Groups(TOGETHER),
        Run("! ip addr show dev eth0 | grep 192.0.2.1"),
    ],
    limit: LIMIT,
};

const DISKS: &[Model] = &[
    Model::Stock("virtio-blk-pci,drive=disk0"),
    Model::Stock("virtio-blk-pci,drive=disk1"),
];

/// A disk with a file system, and one with swap space.
const DISK: Scenario = Scenario {
    name: "regroup-disk",
    machine: two(&[first(DISKS), second(OTHER)]),
    steps: &[
        Run(
            "/sbin/modprobe -a virtio_pci virtio_blk msdos && mkdosfs /dev/vda >/dev/null && mkdir -p /mnt",
        ),
        Load("acs_quirks_test"),
        Run("mount -t msdos /dev/vda /mnt && echo kept >/mnt/file"),
        Ends(
            1,
            "acsctl regroup 01:00.1",
            "0000:01:00.0: /dev/vda is mounted on /mnt\n      umount /mnt",
        ),
        Ends(1, "acsctl regroup 01:00.1", "--even-if=mounted:/dev/vda"),
        Groups(TOGETHER),
        Run("grep kept /mnt/file"),
        // A mount in another mount namespace: only the exclusive opener of the disk is visible.
        Run("umount /mnt; mkfifo /tmp/hold; \
             (unshare -m sh -c 'mount -t msdos /dev/vda /mnt && touch /tmp/mounted && cat /tmp/hold' &) >/dev/null 2>&1; \
             while [ ! -e /tmp/mounted ]; do usleep 10000; done; ! grep /mnt /proc/self/mountinfo"),
        Ends(1, "acsctl regroup 01:00.1", "--even-if=claimed:/dev/vda"),
        Run(
            "echo >/tmp/hold; while ! acsctl regroup 01:00.1 --dry-run >/tmp/plan 2>&1; do usleep 100000; done",
        ),
        // A loop device does not claim its storage.
        Run("/sbin/modprobe loop && losetup /dev/loop0 /dev/vda && mount -t msdos /dev/loop0 /mnt"),
        Ends(
            1,
            "acsctl regroup 01:00.1",
            "/dev/vda is the storage of /dev/loop0",
        ),
        Run("umount /mnt && losetup -d /dev/loop0"),
        Run("mkswap /dev/vdb >/dev/null && swapon /dev/vdb"),
        Ends(1, "acsctl regroup 01:00.1", "--even-if=swap:/dev/vdb"),
        Run("swapoff /dev/vdb"),
        Says("acsctl regroup 01:00.1", "regrouped, as predicted"),
        Groups(APART),
        Run("mount -t msdos /dev/vda /mnt && grep kept /mnt/file"),
        // From the last look on, nothing else can take the disk. The control is the mount below.
        Unload("acs_quirks_test"),
        Run(
            "umount /mnt; rm -f /tmp/status; (at 01:00.0/driver/unbind /tmp/halt acsctl regroup 01:00.0 >/tmp/out 2>&1; \
             echo $? >/tmp/status) & while [ ! -e /tmp/halt ]; do usleep 50000; done; \
             ! mount -t msdos /dev/vda /mnt || exit 1; \
             while [ ! -e /tmp/status ]; do rm -f /tmp/halt; usleep 50000; done; cat /tmp/out; test $(cat /tmp/status) = 0",
        ),
        Groups(TOGETHER),
        Run("mount -t msdos /dev/vda /mnt && grep kept /mnt/file"),
    ],
    limit: LIMIT,
};

const NVME: &[Model] = &[Model::Stock("nvme,drive=disk0,serial=a"), CARDS[0]];

/// A disk whose driver counts its users, with several of them on one partition.
const USERS: Scenario = Scenario {
    name: "regroup-users",
    machine: two(&[first(NVME), second(OTHER)]),
    steps: &[
        // With multipath, the driver counts nobody. The partition begins at sector 2048, and has 63 MB.
        Run(
            "/sbin/modprobe nvme_core multipath=N && /sbin/modprobe -a nvme msdos loop && mkdir -p /mnt; \
             until test -b /dev/nvme0n1; do usleep 20000; done; \
             printf '\\0\\0\\0\\0\\203\\0\\0\\0\\0\\10\\0\\0\\0\\370\\1\\0' | \
             dd of=/dev/nvme0n1 bs=1 seek=446 conv=notrunc 2>/dev/null && \
             printf '\\125\\252' | dd of=/dev/nvme0n1 bs=1 seek=510 conv=notrunc 2>/dev/null && \
             /sbin/rmmod nvme && /sbin/modprobe nvme; until test -b /dev/nvme0n1p1; do usleep 20000; done; \
             mkdosfs /dev/nvme0n1p1 >/dev/null && mount -t msdos /dev/nvme0n1p1 /mnt && \
             losetup -r /dev/loop0 /dev/nvme0n1p1 && losetup -r /dev/loop1 /dev/nvme0n1p1",
        ),
        // Since Linux 6.5, the driver counts each opener of a partition.
        Run("n=$(cat /sys/module/nvme/refcnt); echo $n; \
             case $(uname -r) in 5.*|6.1.*) test $n = 1;; *) test $n = 3;; esac"),
        Says(
            "acsctl regroup 01:00.1 --dry-run 2>&1 | tee /tmp/plan",
            "in use: /dev/nvme0n1p1 is the storage of /dev/loop1 (backing:/dev/nvme0n1p1)",
        ),
        Run("! grep -e 'the kernel counts' -e claimed: /tmp/plan"),
        // The control: acsctl does not look at its own files.
        Says(
            "sh -c 'exec 3</dev/nvme0n1; exec acsctl regroup 01:00.1 --dry-run'; true",
            "users of the driver nvme, and acsctl found ",
        ),
        // Two processes share one open file, which explains one user and no other.
        Says(
            "sh -c 'exec 3</dev/nvme0n1; sleep 60 & sleep 60 & exec 3</dev/nvme0n1; exec acsctl regroup 01:00.1 --dry-run'; \
             killall sleep",
            "users of the driver nvme, and acsctl found ",
        ),
        // A mount in another mount namespace claims the partition, and not the disk.
        Run(
            "losetup -d /dev/loop0; losetup -d /dev/loop1; umount /mnt; mkfifo /tmp/hold; \
             (unshare -m sh -c 'mount -t msdos /dev/nvme0n1p1 /mnt && touch /tmp/mounted && cat /tmp/hold' &) >/dev/null 2>&1; \
             while [ ! -e /tmp/mounted ]; do usleep 10000; done; \
             until test $(cat /sys/module/nvme/refcnt) = 1; do usleep 10000; done",
        ),
        Says(
            "acsctl regroup 01:00.1 --dry-run 2>&1 | tee /tmp/plan",
            "(claimed:/dev/nvme0n1",
        ),
        Run("! grep 'the kernel counts' /tmp/plan && echo >/tmp/hold"),
    ],
    limit: LIMIT,
};

/// Binds both functions to vfio-pci.
const TO_VFIO: &str = "to-vfio 01:00.0 01:00.1";

/// A process that holds the group, and one that holds a function.
const VFIO: Scenario = Scenario {
    name: "regroup-vfio",
    machine: two(&[first(CARDS), second(OTHER)]),
    steps: &[
        Run(TO_VFIO),
        Load("acs_quirks_test"),
        Run(
            "g=$(basename $(readlink /sys/bus/pci/devices/0000:01:00.0/iommu_group)); touch /tmp/held; \
             (exec 3<>/dev/vfio/$g; while [ -e /tmp/held ]; do usleep 50000; done; rm /dev/null/x) >/dev/null 2>&1 & \
             usleep 300000",
        ),
        Ends(1, "acsctl regroup 01:00.0", "--even-if=vfio:/dev/vfio/"),
        Groups(TOGETHER),
        Run("rm /tmp/held; usleep 500000"),
        // The kernel itself reports who holds the function.
        Run("hold 01:00.1"),
        Ends(
            1,
            "acsctl regroup 01:00.0",
            "0000:01:00.1: it is held by hold-vfio (process ",
        ),
        Groups(TOGETHER),
        Run("release 01:00.1"),
        // No process shows the open files, but the kernel counts a user of the driver.
        Run("hold 01:00.1 in-flight"),
        Ends(
            1,
            "acsctl regroup 01:00.0",
            "the kernel counts 1 users of the driver vfio_pci, and acsctl found 0",
        ),
        Groups(TOGETHER),
        Run("release 01:00.1"),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(APART),
        Run("test $(basename $(readlink /sys/bus/pci/devices/0000:01:00.1/driver)) = vfio-pci"),
    ],
    limit: LIMIT,
};

/// A process holds a function of another group through the same driver.
const VFIO_OTHERS: Scenario = Scenario {
    name: "regroup-other-holder",
    machine: two(&[first(CARDS), second(OTHER)]),
    steps: &[
        Run(TO_VFIO),
        Run("to-vfio 02:00.0 02:00.1"),
        Load("acs_quirks_test"),
        Run("hold 02:00.0"),
        Says("acsctl regroup 02:00.0", "held by hold-vfio (process "),
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(&[&["01:00.0"], &["01:00.1"], &["02:00.0", "02:00.1"]]),
        Run("release 02:00.0"),
        Says(
            "acsctl regroup 02:00.0 --dry-run",
            "nothing to do: the kernel would make the same groups now",
        ),
    ],
    limit: LIMIT,
};

/// The kernel blocks while it removes a function in use. `acsctl` reports it, starts nothing else
/// meanwhile, and restores everything afterwards.
const VFIO_PENDING: Scenario = Scenario {
    name: "regroup-pending",
    machine: two(&[first(CARDS), second(OTHER)]),
    steps: &[
        Run(TO_VFIO),
        Load("acs_quirks_test"),
        Run(
            "hold 01:00.0 && basename $(readlink /sys/bus/pci/devices/0000:01:00.0/iommu_group) >/tmp/group",
        ),
        Ends(
            2,
            "acsctl regroup 01:00.0 --timeout 2 --even-if vfio:0000:01:00.0 --even-if vfio:/dev/vfio/$(cat /tmp/group)",
            "the kernel is blocked in a write to /sys/bus/pci/devices/0000:01:00.0/driver/unbind",
        ),
        Run("test $(cat /sys/bus/pci/drivers_autoprobe) = 1"),
        Ends(
            2,
            "acsctl regroup 01:00.0",
            "another run is active: the kernel is blocked in a write",
        ),
        Ends(
            2,
            "acsctl regroup 02:00.0",
            "another run is active: the kernel is blocked in a write",
        ),
        Run("release 01:00.0; usleep 500000"),
        // This run restores what the first run changed, and starts again.
        Says(
            "acsctl regroup 01:00.0",
            "an earlier run ended while it unbound drivers",
        ),
        Groups(APART),
        Run(
            "cd /sys/bus/pci/devices; for f in 0000:01:00.0 0000:01:00.1; do \
             test $(basename $(readlink $f/driver)) = vfio-pci || exit 1; done",
        ),
        Run("test \"$(ls /run/acsctl)\" = lock"),
    ],
    limit: LIMIT,
};

/// Files of a function that a process has open.
const OPEN: Scenario = Scenario {
    name: "regroup-open",
    machine: two(&[first(CARDS), second(DISKS)]),
    steps: &[
        Run("/sbin/modprobe -a virtio_pci virtio_blk"),
        Load("acs_quirks_test"),
        Run(
            "touch /tmp/held; (exec 3<>/sys/bus/pci/devices/0000:01:00.0/resource0; \
             while [ -e /tmp/held ]; do usleep 50000; done) >/dev/null 2>&1 & usleep 300000",
        ),
        Ends(1, "acsctl regroup 01:00.0", "--even-if=open:0000:01:00.0"),
        // Another device node of the same disk, under another name.
        Run("mknod /tmp/disk b $(tr : ' ' </sys/class/block/vda/dev); \
             (exec 3</tmp/disk; while [ -e /tmp/held ]; do usleep 50000; done) >/dev/null 2>&1 & usleep 300000"),
        Ends(1, "acsctl regroup 02:00.0", "--even-if=open:/dev/vda"),
        Run("rm /tmp/held; usleep 500000"),
        // A file that a ring has, and no descriptor.
        Run(
            "mkfifo /tmp/ring; (hold-ring /dev/vda </tmp/ring >/tmp/registered; touch /tmp/ended) & exec 4>/tmp/ring; \
             until grep held /tmp/registered; do usleep 20000; done; \
             acsctl regroup 02:00.0 >/tmp/out 2>&1; echo $? >>/tmp/out; cat /tmp/out; exec 4>&-; \
             until test -e /tmp/ended; do usleep 20000; done; \
             grep -e --even-if=open:/dev/vda /tmp/out && test $(tail -n 1 /tmp/out) = 1",
        ),
        Says(
            "acsctl regroup --all",
            "0000:02:00.0: regrouped, as predicted",
        ),
        Groups(&[&["01:00.0"], &["01:00.1"], &["02:00.0"], &["02:00.1"]]),
    ],
    limit: LIMIT,
};
