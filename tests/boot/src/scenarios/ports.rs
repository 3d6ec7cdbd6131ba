// SPDX-License-Identifier: GPL-2.0-only

//! Entries for root ports and switch ports.

use super::hardware::{PORT_1, PORT_PAIR, device};
use crate::{
    machine::{GuestHardware, Iommu, Model},
    scenario::{
        LIMIT, Scenario,
        Step::{Counted, Groups, Load, ReaddAt, Unload},
    },
};

pub(super) const ALL: &[Scenario] = &[
    ROOT_PORTS,
    SWITCH,
    ROOT_PORTS.on(Iommu::SmmuV3),
    SWITCH.on(Iommu::SmmuV3),
];

const NETWORK_CARD: &[Model] = &[Model::Stock("e1000e,romfile=")];

/// Two root ports without ACS as functions of one slot, and a device below each. All four share a
/// group until an entry vouches for the ports.
const ROOT_PORTS: Scenario = Scenario {
    name: "root-ports",
    machine: GuestHardware {
        bridges: PORT_PAIR,
        devices: &[
            device("a", "01:00", NETWORK_CARD),
            device("b", "02:00", NETWORK_CARD),
        ],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Groups(&[&["00:12.0", "00:12.1", "01:00.0", "02:00.0"]]),
        ReaddAt("00:12"),
        Groups(&[&["00:12.0", "00:12.1", "01:00.0", "02:00.0"]]),
        Load("acs_quirks_test withdraw=6"),
        ReaddAt("00:12"),
        Groups(&[&["00:12.0", "00:12.1", "01:00.0", "02:00.0"]]),
        Unload("acs_quirks_test"),
        Load("acs_quirks_test"),
        ReaddAt("00:12"),
        Groups(&[&["00:12.0"], &["00:12.1"], &["01:00.0"], &["02:00.0"]]),
        Counted(6, "granted"),
    ],
    limit: LIMIT,
};

/// A switch whose downstream ports have no ACS.
const SWITCH: Scenario = Scenario {
    name: "switch",
    machine: GuestHardware {
        bridges: &[
            PORT_1,
            "x3130-upstream,id=up,bus=port1",
            "xio3130-downstream,id=down,bus=up,chassis=8,slot=8,addr=0.0,multifunction=on",
        ],
        devices: &[device("down", "03:00", NETWORK_CARD)],
        ..GuestHardware::bare(1, Iommu::Usual)
    },
    steps: &[
        Groups(&[&["02:00.0", "03:00.0"]]),
        ReaddAt("02:00"),
        Groups(&[&["02:00.0", "03:00.0"]]),
        Load("acs_quirks_test"),
        ReaddAt("02:00"),
        Groups(&[&["02:00.0"], &["03:00.0"]]),
        Counted(7, "granted"),
    ],
    limit: LIMIT,
};
