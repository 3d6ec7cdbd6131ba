// SPDX-License-Identifier: GPL-2.0-only

//! The extent of a device, and claims about a device that gains functions later.

use super::hardware::{
    ACS, ADAPTER_MACHINE, SIX_GROUPS, device, emulated, external_facing, first, pair, second, two,
};
use crate::{
    function::{Function, Register},
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{
            Counted, Decided, Ends, Groups, Load, Logged, LoggedTimes, NotCounted, Readd, ReaddAt,
            Run, Says, Silence, Unload, Wake,
        },
    },
};

pub(super) const ALL: &[Scenario] = &[
    SWITCH,
    SWITCH_WITH_ACS,
    BETWEEN,
    ROOT_COMPLEX,
    OUTSIDE,
    REQUESTER_ID,
    LATER,
    OTHER_IDS,
    RECORD,
];

const ETHERNET: u32 = 0x02_0000;
const NETWORK_CARD: &[Model] = &[Model::Stock("e1000e,romfile=")];
/// A switch downstream port that no entry covers, with nothing below it.
const UNKNOWN_PORT: &[Model] = &[Model::Emulated(
    Function::new(0x1234, 0x0bad, ETHERNET).downstream(),
)];

/// Two switches, each with a covered downstream port and a device below it. In the first switch, a
/// port without ACS that no entry covers can send to that device. So the device stays in the group
/// of its port. In the second switch, the neighbouring port is covered as well.
const SWITCH: Scenario = Scenario {
    name: "switch-whole",
    machine: GuestHardware {
        bridges: &[
            "pcie-root-port,id=port1,chassis=1,slot=1,addr=10.0",
            "x3130-upstream,id=up1,bus=port1",
            "xio3130-downstream,id=down1,bus=up1,chassis=8,slot=8,addr=0.0,multifunction=on",
            "pcie-root-port,id=port2,chassis=2,slot=2,addr=11.0",
            "x3130-upstream,id=up2,bus=port2",
            "xio3130-downstream,id=down2,bus=up2,chassis=9,slot=9,addr=0.0,multifunction=on",
            "xio3130-downstream,id=down3,bus=up2,chassis=10,slot=10,addr=1.0,multifunction=on",
        ],
        devices: &[
            device("down1", "03:00", NETWORK_CARD),
            device("up1", "02:01", UNKNOWN_PORT),
            device("down2", "07:00", NETWORK_CARD),
            device("down3", "08:00", NETWORK_CARD),
        ],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Run("ls -l /sys/bus/pci/devices"),
        Groups(SWITCHES),
        Load("acs_quirks_test"),
        ReaddAt("03:00"),
        ReaddAt("07:00"),
        ReaddAt("08:00"),
        Groups(SWITCHES_SPLIT),
        Counted(7, "granted"),
        Counted(7, "whole"),
        Logged(
            "02:00.0: acs_quirks: entry 7 (test/downstream-port) does not count: the entry does not cover 01.0 [1234:0bad]",
        ),
        Run("! acsctl doctor | grep -e 'finer than' -e 'but no longer does'"),
    ],
    limit: LIMIT,
};
const SWITCHES: Expected = &[
    &["02:00.0", "03:00.0"],
    &["06:00.0", "07:00.0"],
    &["06:01.0", "08:00.0"],
];
const SWITCHES_SPLIT: Expected = &[
    &["02:00.0", "03:00.0"],
    &["06:00.0"],
    &["06:01.0"],
    &["07:00.0"],
    &["08:00.0"],
];

/// A downstream port with ACS.
const PORT_WITH_ACS: &[Model] = &[Model::Emulated(
    Function::new(0x1234, 0x0bad, ETHERNET)
        .downstream()
        .with_acs(ACS),
)];

/// A neighbouring port with ACS, which the kernel enables when it adds the port. If a port is added
/// before its neighbour, the module refuses the claim for the port at that moment. The kernel asks
/// about a device below the port later, and the entry counts then. A neighbour whose ACS cannot be
/// enabled always prevents the claim.
const SWITCH_WITH_ACS: Scenario = Scenario {
    name: "switch-acs",
    machine: GuestHardware {
        bridges: &[
            "pcie-root-port,id=port1,chassis=1,slot=1,addr=10.0",
            "x3130-upstream,id=up1,bus=port1",
            "xio3130-downstream,id=down1,bus=up1,chassis=8,slot=8,addr=0.0,multifunction=on",
            "pcie-root-port,id=port2,chassis=2,slot=2,addr=11.0",
            "x3130-upstream,id=up2,bus=port2",
            "xio3130-downstream,id=down2,bus=up2,chassis=9,slot=9,addr=0.0,multifunction=on",
        ],
        devices: &[
            device("down1", "03:00", NETWORK_CARD),
            device("up1", "02:01", PORT_WITH_ACS),
            device("down2", "07:00", NETWORK_CARD),
            device(
                "up2",
                "06:01",
                &[Model::Emulated(
                    Function::new(0x1234, 0x0bad, ETHERNET)
                        .downstream()
                        .with_acs(ACS)
                        .stuck(),
                )],
            ),
        ],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Run("ls -l /sys/bus/pci/devices"),
        Groups(&[&["02:00.0", "03:00.0"], &["06:00.0", "07:00.0"]]),
        // At boot, all of them existed before the module.
        Load("acs_quirks_test"),
        ReaddAt("03:00"),
        ReaddAt("07:00"),
        Groups(&[&["02:00.0"], &["03:00.0"], &["06:00.0", "07:00.0"]]),
        Logged(
            "06:00.0: acs_quirks: entry 7 (test/downstream-port) does not count: port 01.0 of the same switch or root complex has an ACS capability that does not isolate it",
        ),
        Decided(
            "0000:06:00.0 latest 7 refused port: port 01.0 of the same switch or root complex has an ACS capability that does not isolate it",
        ),
    ],
    limit: LIMIT,
};

/// The record tells a grant that is neither the first decision nor the latest: the kernel asks about a port for the
/// device below, while the neighbouring port does not answer, answers, and does not answer again.
const BETWEEN: Scenario = Scenario {
    name: "granted-between",
    machine: GuestHardware {
        bridges: &[
            "pcie-root-port,id=port1,chassis=1,slot=1,addr=10.0",
            "x3130-upstream,id=up1,bus=port1",
            "xio3130-downstream,id=down1,bus=up1,chassis=8,slot=8,addr=0.0,multifunction=on",
        ],
        devices: &[
            device("down1", "03:00", NETWORK_CARD),
            device("up1", "02:01", PORT_WITH_ACS),
        ],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Load("acs_quirks_test"),
        Silence(1, 0),
        Run(ADD_BELOW),
        Decided(
            "0000:02:00.0 first 7 refused unreadable: configuration space of 01.0 cannot be read",
        ),
        Wake(1, 0),
        Run(ADD_BELOW),
        Decided("0000:02:00.0 latest 7 granted"),
        Run("! grep between /sys/kernel/debug/acs_quirks_test/decisions"),
        Silence(1, 0),
        Run(ADD_BELOW),
        Decided("0000:02:00.0 between 7 granted"),
        Decided("0000:02:00.0 latest 7 refused unreadable"),
        Wake(1, 0),
    ],
    limit: LIMIT,
};
/// Adds the device again and scans only its bus: the kernel would read the bus numbers of a silent port as ones.
const ADD_BELOW: &str = "echo 1 >/sys/bus/pci/devices/0000:03:00.0/remove && echo 1 >/sys/class/pci_bus/0000:03/rescan && \
     test -e /sys/bus/pci/devices/0000:03:00.0/iommu_group";

/// Two root complexes, each with two covered root ports in one slot. The first has a bridge of
/// another type in another slot. It counts as a root port without ACS: no vendor has stated whether
/// the root complex lets it send to the other ports. In the second root complex, the other port is
/// a root port with ACS.
const ROOT_COMPLEX: Scenario = Scenario {
    name: "root-complex-whole",
    machine: GuestHardware {
        bridges: &[
            "ioh3420,id=a,chassis=1,slot=1,addr=12.0,multifunction=on",
            "ioh3420,id=b,chassis=2,slot=2,addr=12.1,multifunction=on",
            "pci-bridge,id=other,chassis_nr=3,addr=13.0",
            "pxb-pcie,id=root80,bus_nr=0x80,bus=pcie.0",
            "ioh3420,id=c,bus=root80,chassis=4,slot=4,addr=2.0,multifunction=on",
            "ioh3420,id=d,bus=root80,chassis=5,slot=5,addr=2.1,multifunction=on",
            "pcie-root-port,id=e,bus=root80,chassis=6,slot=6,addr=3.0",
        ],
        devices: &[
            device("a", "01:00", NETWORK_CARD),
            device("b", "02:00", NETWORK_CARD),
            device("c", "81:00", NETWORK_CARD),
            device("d", "82:00", NETWORK_CARD),
        ],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Run("ls -l /sys/bus/pci/devices"),
        Groups(&[
            &["00:12.0", "00:12.1", "01:00.0", "02:00.0"],
            &["80:02.0", "80:02.1", "81:00.0", "82:00.0"],
        ]),
        Load("acs_quirks_test"),
        ReaddAt("00:12"),
        ReaddAt("80:02"),
        Groups(&[
            &["00:12.0", "00:12.1", "01:00.0", "02:00.0"],
            &["80:02.0"],
            &["80:02.1"],
            &["81:00.0"],
            &["82:00.0"],
        ]),
        // A port that the kernel has not found yet prevents a claim, even if the entry covers it.
        // The kernel asks about the first port before it finds the second.
        Logged(
            "80:02.0: acs_quirks: entry 6 (test/root-port) does not count: the kernel has not found port 02.1",
        ),
        Logged("80:02.0: acs_quirks: isolated by entry 6"),
        Run("! acsctl doctor | grep -e 'finer than' -e 'but no longer does'"),
    ],
    limit: LIMIT,
};

/// Two pairs of root ports with an entry. The firmware marks the first port of the first pair as
/// external-facing, so the entry makes no claim about it. Its second port lacks the multi-function
/// bit, so a rescan would give that port its own group. `acsctl` cannot see exposure itself, so it
/// must use the module's record, and not assume a claim. The second pair is the control.
const OUTSIDE: Scenario = Scenario {
    name: "outside-port",
    machine: GuestHardware {
        bridges: &[
            "ioh3420,id=a,chassis=1,slot=1,addr=12.0,multifunction=on",
            "ioh3420,id=b,chassis=2,slot=2,addr=12.1",
            "pxb-pcie,id=root80,bus_nr=0x80,bus=pcie.0",
            "ioh3420,id=c,bus=root80,chassis=4,slot=4,addr=2.0,multifunction=on",
            "ioh3420,id=d,bus=root80,chassis=5,slot=5,addr=2.1",
        ],
        devices: &[
            device("a", "01:00", NETWORK_CARD),
            device("b", "02:00", NETWORK_CARD),
            device("c", "81:00", NETWORK_CARD),
            device("d", "82:00", NETWORK_CARD),
        ],
        acpi: Some(external_facing!("S90")),
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Groups(&[
            &["00:12.0", "00:12.1", "01:00.0", "02:00.0"],
            &["80:02.0", "80:02.1", "81:00.0", "82:00.0"],
        ]),
        Load("acs_quirks_test"),
        Decided("0000:00:12.0 exposed"),
        Run("! grep 80:02 /sys/kernel/debug/acs_quirks_test/decisions"),
        // If `acsctl` assumed the claim, it would regroup the ports. The second port would get its
        // own group without a justification.
        Says(
            "acsctl regroup 00:12.0",
            "nothing to do: the kernel would make the same groups now",
        ),
        Groups(&[
            &["00:12.0", "00:12.1", "01:00.0", "02:00.0"],
            &["80:02.0", "80:02.1", "81:00.0", "82:00.0"],
        ]),
        Says("acsctl regroup 80:02.0", "regrouped, as predicted"),
        Groups(&[
            &["00:12.0", "00:12.1", "01:00.0", "02:00.0"],
            &["80:02.0"],
            &["80:02.1"],
            &["81:00.0"],
            &["82:00.0"],
        ]),
        // The second port of each pair is not exposed itself. The kernel asks about it for the device below.
        ReaddAt("02:00"),
        ReaddAt("82:00"),
        Decided(
            "0000:00:12.1 latest 6 refused whole: 12.0 of the same device or switch is untrusted or faces outside",
        ),
        Decided("0000:80:02.1 latest 6 granted"),
    ],
    limit: LIMIT,
};

/// Integrated endpoints with an entry. Another function of the bus uses the requester IDs of some
/// of them, according to an alias quirk of the kernel. Without that function, the entry counts.
const REQUESTER_ID: Scenario = Scenario {
    name: "requester-id",
    machine: GuestHardware {
        devices: &[
            device("pcie.0", "00:15", &[emulated(0x1234, 0x0a05, ETHERNET); 6]),
            device("pcie.0", "00:16", &[emulated(0x8086, 0x2954, ETHERNET)]),
        ],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Load("acs_quirks_test"),
        // The control: the function does not answer during the scan.
        Run(
            "for f in 16.0 15.5 15.4 15.3 15.2 15.1 15.0; do echo 1 >/sys/bus/pci/devices/0000:00:$f/remove; done",
        ),
        Silence(1, 0),
        Run("echo 1 >/sys/bus/pci/rescan"),
        Groups(&[
            &["00:15.0"],
            &["00:15.1"],
            &["00:15.2"],
            &["00:15.3"],
            &["00:15.4"],
            &["00:15.5"],
        ]),
        NotCounted(10, "requester-id"),
        // The kernel finds the function after the six, so the test rescans these six once more. The
        // function has the requester IDs of the first five. The kernel groups these five with the
        // function by itself, and asks only about the sixth.
        Wake(1, 0),
        Run("echo 1 >/sys/bus/pci/rescan"),
        ReaddAt("00:15"),
        Decided(
            "0000:00:15.5 latest 10 refused requester-id: requests go in or out under the requester ID",
        ),
        Counted(10, "requester-id"),
    ],
    limit: LIMIT,
};

const THREE: &[Model] = &[
    emulated(0x1077, 0x8030, ETHERNET),
    emulated(0x1077, 0x8030, ETHERNET),
    emulated(0x1234, 0x0bad, ETHERNET),
];

/// A function that did not answer during the grouping of its device appears later, beside two that
/// were split. No entry covers it. The kernel does not regroup the two. The module logs their
/// names, and `acsctl` reports them with a remedy.
const LATER: Scenario = Scenario {
    name: "appears-later",
    machine: two(&[first(THREE), second(&pair(0x1077, 0x8030))]),
    steps: &[
        Groups(&[&["01:00.0", "01:00.1", "01:00.2"]]),
        Load("acs_quirks_test"),
        Readd,
        Groups(&[
            &["01:00.0", "01:00.1", "01:00.2"],
            &["02:00.0"],
            &["02:00.1"],
        ]),
        Run("for f in 2 1 0; do echo 1 >/sys/bus/pci/devices/0000:01:00.$f/remove; done"),
        Silence(0, 2),
        Run("echo 1 >/sys/bus/pci/rescan"),
        Groups(&[&["01:00.0"], &["01:00.1"], &["02:00.0"], &["02:00.1"]]),
        Run("! acsctl doctor | grep 'but no longer does'"),
        Wake(0, 2),
        Run("echo 1 >/sys/bus/pci/rescan"),
        Logged(
            "01:00.2: acs_quirks: entry 1 (test/adapter) does not count for 0000:01:00.0 any more: the entry does not cover 00.2 [1234:0bad]",
        ),
        Logged(
            "01:00.2: acs_quirks: entry 1 (test/adapter) does not count for 0000:01:00.1 any more",
        ),
        Ends(
            1,
            "acsctl doctor",
            "entry 1 of acs_quirks_test isolated 0000:01:00.0 when the kernel grouped it, but no longer does: the entry does not cover 00.2 [1234:0bad]",
        ),
        Says(
            "acsctl doctor; true",
            "run acsctl regroup 0000:01:00.0, or reboot",
        ),
        // The remedy that both name.
        Says("acsctl regroup 01:00.0", "regrouped, as predicted"),
        Groups(&[
            &["01:00.0", "01:00.1", "01:00.2"],
            &["02:00.0"],
            &["02:00.1"],
        ]),
        Run("! acsctl doctor | grep 'but no longer does'"),
    ],
    limit: LIMIT,
};

/// A function whose device id can be written, as if another device had taken its place unnoticed.
const CHANGING: Model =
    Model::Emulated(
        Function::new(0x1077, 0x8030, ETHERNET).with_registers(&[Register {
            offset: 0x00,
            value: 0x8030_1077,
            writable: 0xffff_0000,
        }]),
    );

/// The ids of a function are no longer those that the kernel enumerated, although the entry has them too. When the
/// function beside it is added again, the claim ends. The second device differs only in that its id is not written.
const OTHER_IDS: Scenario = Scenario {
    name: "other-ids",
    machine: two(&[
        first(&[CHANGING, emulated(0x1077, 0x8030, ETHERNET)]),
        second(&[CHANGING, emulated(0x1077, 0x8030, ETHERNET)]),
    ]),
    steps: &[
        Load("acs_quirks_test"),
        Readd,
        Groups(&[&["01:00.0"], &["01:00.1"], &["02:00.0"], &["02:00.1"]]),
        Run(
            "printf '\\061' | dd of=/sys/bus/pci/devices/0000:01:00.0/config bs=1 seek=2 conv=notrunc",
        ),
        Run(
            "test $(head -c 4 /sys/bus/pci/devices/0000:01:00.0/config | hexdump -v -e '/4 \"%08x\"') = 80311077",
        ),
        ReaddAt("01:00.1"),
        ReaddAt("02:00.1"),
        Logged(
            "01:00.1: acs_quirks: entry 1 (test/adapter) does not count for 0000:01:00.0 any more: the function now identifies as 1077:8031",
        ),
        Decided("0000:01:00.0 latest 1 refused whole: the function now identifies as 1077:8031"),
        LoggedTimes(0, "does not count for 0000:02:00.0"),
        Decided("0000:02:00.0 latest 1 granted"),
    ],
    limit: LIMIT,
};

/// The record of a function begins with its discovery, keeps the first and the latest decision
/// about the grouping flags, and ends with the function.
const RECORD: Scenario = Scenario {
    name: "record",
    machine: ADAPTER_MACHINE,
    steps: &[
        Load("acs_quirks_test"),
        Run("test -z \"$(cat /sys/kernel/debug/acs_quirks_test/decisions)\""),
        Readd,
        Groups(SIX_GROUPS),
        Run("test $(grep -c ' first 1 granted$' /sys/kernel/debug/acs_quirks_test/decisions) = 6"),
        Run("test $(grep -c ' latest 1 granted$' /sys/kernel/debug/acs_quirks_test/decisions) = 6"),
        Run(
            "for d in /sys/bus/pci/devices/0000:82:00.*; do echo 1 >$d/remove; done; \
             test -z \"$(cat /sys/kernel/debug/acs_quirks_test/decisions)\"",
        ),
        Unload("acs_quirks_test"),
        Run("echo 1 >/sys/bus/pci/rescan"),
        Load("acs_quirks_test withdraw=1"),
        Readd,
        Decided("0000:82:00.5 first 1 refused withdrawn: the entry is withdrawn by parameter"),
        // Functions come and go while the record is read, and while the module starts and stops
        // recording.
        Run(
            "(until test -e /tmp/stop; do cat /sys/kernel/debug/acs_quirks_test/decisions; done >/dev/null 2>&1; touch /tmp/end) & \
             (until test -e /tmp/stop; do /sbin/rmmod acs_quirks_test; /sbin/modprobe acs_quirks_test; done >/dev/null 2>&1; touch /tmp/end2) & \
             n=0; while [ $n -lt 20 ]; do for d in /sys/bus/pci/devices/0000:82:00.*; do echo 1 >$d/remove; done; \
             echo 1 >/sys/bus/pci/rescan; n=$((n+1)); done; touch /tmp/stop; \
             while [ ! -e /tmp/end ] || [ ! -e /tmp/end2 ]; do usleep 50000; done",
        ),
    ],
    limit: LIMIT,
};
