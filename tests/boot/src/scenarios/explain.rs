// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl groups`, `why`, `predict` and `capture` on a running kernel, with many topologies in one
//! machine: before a module is loaded, with the module, and after a regroup.

use std::time::Duration;

use super::hardware::{ACS, ADAPTER, ONE_GROUP, device, emulated, pair};
use crate::{
    explain::Because::{Apart, Behind, Together},
    function::Function,
    machine::{Device, GuestHardware, Iommu, Model},
    scenario::{
        Expected, Scenario,
        Step::{
            Agrees, Captured, Differs, Explains, Groups, HotAdd, HotRemove, Load, Run, Says, Unload,
        },
    },
};

pub(super) const ALL: &[Scenario] = &[
    OWNER,
    Scenario {
        machine: GuestHardware {
            iommu: Iommu::Amd,
            ..MACHINE
        },
        ..OWNER
    },
];

const ETHERNET: u32 = 0x02_0000;
/// No entry and no quirk covers these ids.
const STRANGER: Model = emulated(0x1234, 0x0bad, ETHERNET);
const STRANGERS: &[Model] = &[STRANGER, STRANGER];
const WITH_ACS: Model = Model::Emulated(Function::new(0x1234, 0x0bad, ETHERNET).with_acs(ACS));
const ACS_OFF: Model = Model::Emulated(
    Function::new(0x1234, 0x0bad, ETHERNET)
        .with_acs(ACS)
        .stuck(),
);
/// Switch downstream ports.
const PORT_WITH_ACS: Model =
    Model::Emulated(Function::new(0x1234, 0x0bae, 0).with_acs(ACS).downstream());
const PORT_WITHOUT: Model = Model::Emulated(Function::new(0x1234, 0x0bae, 0).downstream());
/// An in-tree quirk covers these.
const IGB_0: Model = Model::Stock("igb,romfile=,x-pcie-ari-nextfn-1=on");
const IGB_1: Model = Model::Stock("igb,romfile=");
/// The test module has an entry for these on a card. If they are integrated, an in-tree quirk
/// covers them.
const CARD: Model = Model::Stock("e1000e,romfile=");
const CONVENTIONAL: Model = Model::Stock("e1000,romfile=");

/// Firmware numbers the buses in the order of the slots above them.
const MACHINE: GuestHardware = GuestHardware {
    bridges: &[
        "pxb-pcie,id=root80,bus_nr=0x80,bus=pcie.0,addr=15.0",
        "pcie-root-port,id=port81,bus=root80,chassis=81,slot=1,addr=1.0",
        "pcie-root-port,id=port82,bus=root80,chassis=82,slot=2,addr=2.0",
        // On the second root bus: beside a bridge of another type, claims about root ports do not
        // count.
        "pci-bridge,bus=root80,id=old,chassis_nr=15,addr=3.0",
        "pcie-root-port,bus=pcie.0,id=strangers,chassis=1,slot=1,addr=2.0",
        "pcie-root-port,bus=pcie.0,id=one,chassis=2,slot=2,addr=3.0",
        "pcie-root-port,bus=pcie.0,id=acs,chassis=4,slot=4,addr=4.0",
        "pcie-root-port,bus=pcie.0,id=off,chassis=5,slot=5,addr=5.0",
        "pcie-root-port,bus=pcie.0,id=igb,chassis=6,slot=6,addr=6.0",
        "pcie-root-port,bus=pcie.0,id=cards,chassis=7,slot=7,addr=7.0",
        // Root ports without ACS: two in one slot, and a single one.
        "ioh3420,bus=pcie.0,id=two-a,chassis=8,slot=8,addr=8.0,multifunction=on",
        "ioh3420,bus=pcie.0,id=two-b,chassis=9,slot=9,addr=8.1,multifunction=on",
        "ioh3420,bus=pcie.0,id=bare,chassis=10,slot=10,addr=9.0",
        // A switch.
        "pcie-root-port,bus=pcie.0,id=above-bare,chassis=11,slot=11,addr=a.0",
        "x3130-upstream,id=up-bare,bus=above-bare",
        "xio3130-downstream,id=down-a,bus=up-bare,chassis=12,slot=12,addr=0.0,multifunction=on",
        "xio3130-downstream,id=down-b,bus=up-bare,chassis=13,slot=13,addr=0.1,multifunction=on",
        // A bridge to conventional PCI.
        "pcie-root-port,bus=pcie.0,id=above-bridge,chassis=14,slot=14,addr=b.0",
        "pcie-pci-bridge,id=bridge,bus=above-bridge",
        // Root ports with ACS in one slot.
        "pcie-root-port,bus=pcie.0,id=both-a,chassis=16,slot=16,addr=d.0,multifunction=on",
        "pcie-root-port,bus=pcie.0,id=both-b,chassis=17,slot=17,addr=d.1,multifunction=on",
        "pcie-root-port,bus=pcie.0,id=empty,chassis=18,slot=18,addr=e.0",
        // The kernel assigns new bus numbers below the ports of this switch, so they come last.
        "pcie-root-port,bus=pcie.0,id=above-acs,chassis=19,slot=19,addr=13.0",
        "x3130-upstream,id=up-acs,bus=above-acs",
    ],
    devices: &[
        device("strangers", "01:00", STRANGERS),
        device("one", "02:00", &[STRANGER]),
        device("acs", "03:00", &[WITH_ACS, WITH_ACS]),
        device("off", "04:00", &[ACS_OFF, STRANGER]),
        device("igb", "05:00", &[IGB_0, IGB_1]),
        device("cards", "06:00", &[CARD, CARD]),
        device("two-a", "07:00", &[CARD]),
        device("two-b", "08:00", &[CARD]),
        device("bare", "09:00", STRANGERS),
        device("down-a", "0c:00", &[CARD]),
        device("down-b", "0d:00", &[CARD]),
        device("bridge", "0f:01", &[CONVENTIONAL]),
        device("bridge", "0f:02", &[CONVENTIONAL]),
        device("old", "83:01", &[CONVENTIONAL]),
        device("both-a", "10:00", &[STRANGER]),
        device("both-b", "11:00", &[STRANGER]),
        device("pcie.0", "00:0f", STRANGERS),
        device("pcie.0", "00:10", &pair(0x1234, 0x0a05)),
        device("pcie.0", "00:11", &[CARD, CARD]),
        device("pcie.0", "00:12", &[CONVENTIONAL, CONVENTIONAL]),
        device("up-acs", "14:00", &[PORT_WITH_ACS, PORT_WITH_ACS]),
        device("up-acs", "14:01", &[PORT_WITHOUT, PORT_WITHOUT]),
        device("port82", "82:00", ADAPTER),
        Device {
            plugged: false,
            ..device("empty", "12:00", &pair(0x1077, 0x8030))
        },
    ],
    ..GuestHardware::bare(1, Iommu::Intel)
};
/// Index of the device that is not plugged in at boot.
const PLUGGED: usize = 23;

/// The groups without a module.
const ALONE: Expected = &[
    // Functions of one device, single cards, functions with ACS, without it, and with ACS disabled.
    &["01:00.0", "01:00.1"],
    &["02:00.0"],
    &["03:00.0"],
    &["03:00.1"],
    &["04:00.0", "04:00.1"],
    &["05:00.0"],
    &["05:00.1"],
    &["06:00.0", "06:00.1"],
    // Below root ports without ACS.
    &["00:08.0", "00:08.1", "07:00.0", "08:00.0"],
    &["00:09.0", "09:00.0", "09:00.1"],
    // In switches without ACS and with it.
    &["0b:00.0", "0b:00.1", "0c:00.0", "0d:00.0"],
    &["14:00.0"],
    &["14:00.1"],
    &["14:01.0", "14:01.1"],
    // Behind bridges to conventional PCI, and conventional functions of one slot.
    &["0e:00.0", "0f:01.0", "0f:02.0"],
    &["80:03.0", "83:01.0"],
    &["00:12.0", "00:12.1"],
    // Below root ports with ACS in one slot.
    &["00:0d.0"],
    &["00:0d.1"],
    &["10:00.0"],
    &["11:00.0"],
    // Integrated into the root complex, without a quirk and with one.
    &["00:0f.0", "00:0f.1"],
    &["00:10.0", "00:10.1"],
    &["00:11.0"],
    &["00:11.1"],
    // Below a second root bus.
    ONE_GROUP[0],
];

/// The groups that the test module splits, after the split.
const SPLIT: Expected = &[
    &["06:00.0"],
    &["06:00.1"],
    &["00:08.0"],
    &["00:08.1"],
    &["07:00.0"],
    &["08:00.0"],
    &["00:09.0"],
    &["09:00.0", "09:00.1"],
    &["0b:00.0"],
    &["0b:00.1"],
    &["0c:00.0"],
    &["0d:00.0"],
    &["00:10.0"],
    &["00:10.1"],
    &["82:00.0"],
    &["82:00.1"],
    &["82:00.2"],
    &["82:00.3"],
    &["82:00.4"],
    &["82:00.5"],
];

/// The same functions without the module.
const MERGED: Expected = &[
    &["06:00.0", "06:00.1"],
    &["00:08.0", "00:08.1", "07:00.0", "08:00.0"],
    &["00:09.0", "09:00.0", "09:00.1"],
    &["0b:00.0", "0b:00.1", "0c:00.0", "0d:00.0"],
    &["00:10.0", "00:10.1"],
    ONE_GROUP[0],
];

/// The same functions, while the entry for root ports is still in effect.
const WITHDRAWN: Expected = &[
    &["06:00.0", "06:00.1"],
    &["0b:00.0", "0b:00.1", "0c:00.0", "0d:00.0"],
    &["00:10.0", "00:10.1"],
    ONE_GROUP[0],
];

/// Creates two virtual functions of the card with the in-tree quirk.
const VIRTUAL: &str = "/sbin/modprobe pci-pf-stub && cd /sys/bus/pci/devices/0000:05:00.0 && \
     echo pci-pf-stub >driver_override && echo 0000:05:00.0 >/sys/bus/pci/drivers_probe && \
     echo 2 >sriov_numvfs";

const OWNER: Scenario = Scenario {
    name: "owner",
    machine: MACHINE,
    steps: &[
        Groups(ALONE),
        Agrees,
        Captured(false),
        // Each reason has a counterpart that differs in a single property.
        Explains(
            "01:00.0",
            "01:00.1",
            Together("same-slot", ("01:00.0", "no-capability")),
        ),
        Explains("03:00.0", "03:00.1", Apart(("03:00.0", "registers"))),
        Explains(
            "04:00.0",
            "04:00.1",
            Together("same-slot", ("04:00.0", "registers")),
        ),
        Explains("05:00.0", "05:00.1", Apart(("05:00.1", "quirk"))),
        Explains("01:00.0", "02:00.0", Apart(("00:02.0", "registers"))),
        Explains(
            "07:00.0",
            "08:00.0",
            Together("path-not-isolated", ("00:08.0", "no-capability")),
        ),
        Explains("10:00.0", "11:00.0", Apart(("00:0d.1", "registers"))),
        Explains(
            "0c:00.0",
            "0d:00.0",
            Together("path-not-isolated", ("0b:00.1", "no-capability")),
        ),
        Explains("14:00.0", "14:00.1", Apart(("14:00.0", "registers"))),
        Explains(
            "14:01.0",
            "14:01.1",
            Together("same-slot", ("14:01.0", "no-capability")),
        ),
        Explains("0f:01.0", "0f:02.0", Behind("0e:00.0")),
        Explains(
            "00:0f.0",
            "00:0f.1",
            Together("same-slot", ("00:0f.0", "no-capability")),
        ),
        Explains("00:11.0", "00:11.1", Apart(("00:11.0", "quirk"))),
        Explains(
            "00:12.0",
            "00:12.1",
            Together("same-slot", ("00:12.0", "type")),
        ),
        Explains(
            "82:00.2",
            "82:00.3",
            Together("same-slot", ("82:00.2", "no-capability")),
        ),
        Run(VIRTUAL),
        Groups(&[&["05:00.0"], &["05:10.0"], &["05:10.2"]]),
        Agrees,
        Captured(false),
        Explains("05:10.0", "05:10.2", Apart(("05:10.0", "alone"))),
        // With the module, `predict` reports the difference. The groups change only at the regroup.
        Load("acs_quirks_test"),
        Differs(SPLIT),
        Groups(ALONE),
        Says("acsctl regroup --all", "regrouped, as predicted"),
        Groups(SPLIT),
        Agrees,
        Captured(true),
        Explains("82:00.2", "82:00.3", Apart(("82:00.2", "entry"))),
        Explains("07:00.0", "08:00.0", Apart(("00:08.0", "entry"))),
        Explains(
            "01:00.0",
            "01:00.1",
            Together("same-slot", ("01:00.0", "no-capability")),
        ),
        HotAdd(PLUGGED),
        Groups(&[&["12:00.0"], &["12:00.1"]]),
        Agrees,
        Captured(true),
        Explains("12:00.0", "12:00.1", Apart(("12:00.0", "entry"))),
        HotRemove(PLUGGED),
        // Without the module, and with an ineffective module, `predict` reports the groups of the
        // kernel alone.
        Unload("acs_quirks_test"),
        HotAdd(PLUGGED),
        Explains(
            "12:00.0",
            "12:00.1",
            Together("same-slot", ("12:00.0", "no-capability")),
        ),
        Differs(MERGED),
        Run("echo 0 >/sys/kernel/debug/kprobes/enabled"),
        Load("acs_quirks_test"),
        Differs(MERGED),
        Says("acsctl predict", "loaded without effect: acs_quirks_test: "),
        Unload("acs_quirks_test"),
        Run("echo 1 >/sys/kernel/debug/kprobes/enabled"),
        // Withdrawn entries split nothing.
        Load("acs_quirks_test withdraw=1,2,7,10"),
        Differs(WITHDRAWN),
        // Where debugfs is not mounted, root reads it all the same. Others are told what is assumed.
        Run("umount /sys/kernel/debug"),
        Differs(WITHDRAWN),
        Says(
            "unshare -U -r acsctl predict",
            "is debugfs mounted?: its entries are ignored here",
        ),
    ],
    limit: Duration::from_secs(300),
};
