// SPDX-License-Identifier: GPL-2.0-only

//! The path above a device, and splits without an entry. An entry for the functions of a device
//! does not vouch for the path above. If the kernel splits functions for another reason, no entry
//! counts for them.

use super::hardware::{ADAPTER_MACHINE, PORT_1, device, first, pair};
use crate::{
    machine::{GuestHardware, Model},
    scenario::{
        Expected, LIMIT, Scenario,
        Step::{Groups, Load, NotCounted, Readd, ReaddAt, Run, Says, Unload},
    },
};

pub(super) const ALL: &[Scenario] = &[CONVENTIONAL, PORT_WITHOUT_ACS, INTEGRATED, VIRTUAL];

const CARDS: &[Model] = &[
    Model::Stock("e1000e,romfile="),
    Model::Stock("e1000e,romfile="),
];

/// A conventional bridge forwards requests under its own requester ID, so the IOMMU cannot
/// distinguish the functions below it. The same cards below a port are split.
const CONVENTIONAL: Scenario = Scenario {
    name: "conventional-bridge",
    machine: GuestHardware {
        bridges: &[
            PORT_1,
            "pcie-pci-bridge,id=bridge,bus=port1",
            "pcie-root-port,id=port2,chassis=2,slot=2,addr=11.0",
        ],
        devices: &[
            device("bridge", "02:01", CARDS),
            device("port2", "03:00", CARDS),
        ],
        ..ADAPTER_MACHINE
    },
    steps: &[
        Groups(&[&["01:00.0", "02:01.0", "02:01.1"], &["03:00.0", "03:00.1"]]),
        Load("acs_quirks_test"),
        Readd,
        Groups(&[
            &["01:00.0", "02:01.0", "02:01.1"],
            &["03:00.0"],
            &["03:00.1"],
        ]),
        Says(
            "acsctl why 02:01.0 02:01.1",
            "0000:01:00.0 is a bridge to conventional PCI",
        ),
    ],
    limit: LIMIT,
};

/// A port without ACS may redirect requests from one function to the other. An entry for the
/// functions does not change that.
const PORT_WITHOUT_ACS: Scenario = Scenario {
    name: "port-without-acs",
    machine: GuestHardware {
        bridges: &["ioh3420,id=port1,chassis=1,slot=1,addr=12.0"],
        devices: &[first(&pair(0x1077, 0x8030))],
        ..ADAPTER_MACHINE
    },
    steps: &[
        Groups(BELOW_PORT),
        Load("acs_quirks_test withdraw=6"),
        ReaddAt("00:12"),
        Groups(BELOW_PORT),
        // The kernel's search ends at the port, before it asks about the functions.
        NotCounted(1, "granted"),
        Unload("acs_quirks_test"),
        // Now the port has an entry too.
        Load("acs_quirks_test"),
        ReaddAt("00:12"),
        Groups(&[&["00:12.0"], &["01:00.0"], &["01:00.1"]]),
    ],
    limit: LIMIT,
};

const BELOW_PORT: Expected = &[&["00:12.0", "01:00.0", "01:00.1"]];

/// Endpoints that Intel integrates into the root complex: an in-tree quirk covers all of them. The
/// entry for these ids is for endpoints elsewhere.
const INTEGRATED: Scenario = Scenario {
    name: "integrated-in-tree",
    machine: GuestHardware {
        bridges: &[],
        devices: &[device("pcie.0", "00:15", CARDS)],
        ..ADAPTER_MACHINE
    },
    steps: &[
        Groups(&[&["00:15.0"], &["00:15.1"]]),
        Load("acs_quirks_test"),
        Readd,
        Groups(&[&["00:15.0"], &["00:15.1"]]),
        NotCounted(2, "granted"),
    ],
    limit: LIMIT,
};

/// Virtual functions have their own groups if the port above isolates, with and without the module.
const VIRTUAL: Scenario = Scenario {
    name: "virtual-functions",
    machine: GuestHardware {
        bridges: &[PORT_1],
        devices: &[first(&[Model::Stock("igb,romfile=")])],
        ..ADAPTER_MACHINE
    },
    steps: &[
        Run(VFS),
        Groups(THREE),
        Run("echo 0 >/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs"),
        Load("acs_quirks_test"),
        Readd,
        Run(VFS),
        Groups(THREE),
        NotCounted(4, "granted"),
    ],
    limit: LIMIT,
};

const VFS: &str = "/sbin/modprobe pci-pf-stub && cd /sys/bus/pci/devices/0000:01:00.0 && \
     echo pci-pf-stub >driver_override && echo 0000:01:00.0 >/sys/bus/pci/drivers_probe && echo 2 >sriov_numvfs";
const THREE: Expected = &[&["01:00.0"], &["01:10.0"], &["01:10.2"]];
