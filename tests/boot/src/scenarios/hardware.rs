// SPDX-License-Identifier: GPL-2.0-only

//! Devices and ports that several tests use.

use crate::{
    function::Function,
    machine::{Device, GuestHardware, Iommu, Model},
    scenario::Expected,
};

/// A root port with ACS in slot 10h of the first root bus. The guest's bus 01 is below it.
pub const PORT_1: &str = "pcie-root-port,id=port1,chassis=1,slot=1,addr=10.0";
/// A second root port with ACS, in slot 11h. The guest's bus 02 is below it.
pub const PORT_2: &str = "pcie-root-port,id=port2,chassis=2,slot=2,addr=11.0";

/// Two root ports without ACS in one slot, 12h of the first root bus. The guest's buses 01 and 02 are below them.
pub(super) const PORT_PAIR: &[&str] = &[
    "ioh3420,id=a,chassis=1,slot=1,addr=12.0,multifunction=on",
    "ioh3420,id=b,chassis=2,slot=2,addr=12.1,multifunction=on",
];

/// The ACS controls that isolate a function: Source Validation, Request Redirect, Completion Redirect, Upstream
/// Forwarding.
pub(crate) const ACS: u16 = 0x1d;

/// An ACPI table that marks a port as external-facing. The argument is the port's name in the
/// firmware's tables: `S80` is in slot 10h, `S90` in slot 12h.
macro_rules! external_facing {
    ($port:literal) => {
        concat!(
            r#"DefinitionBlock ("", "SSDT", 2, "ACSQ", "OUTSIDE", 1)
            {
                External (\_SB.PCI0."#,
            $port,
            r#", DeviceObj)
                Scope (\_SB.PCI0."#,
            $port,
            r#")
                {
                    Name (_DSD, Package ()
                    {
                        ToUUID ("efcc06cc-73ac-4bc3-bff0-76143807c389"),
                        Package () { Package () { "ExternalFacingPort", 1 } }
                    })
                }
            }
            "#
        )
    };
}
pub(super) use external_facing;

const ETHERNET: u32 = 0x02_0000;
const FIBRE_CHANNEL: u32 = 0x0c_0400;
const NETWORK: u32 = 0x02_8000;

/// The six functions of a converged network adapter: two network interfaces, two Fibre Channel over
/// Ethernet adapters and two iSCSI adapters.
pub const ADAPTER: &[Model] = &[
    emulated(0x1077, 0x8030, ETHERNET),
    emulated(0x1077, 0x8030, ETHERNET),
    emulated(0x1077, 0x8031, FIBRE_CHANNEL),
    emulated(0x1077, 0x8031, FIBRE_CHANNEL),
    emulated(0x1077, 0x8032, NETWORK),
    emulated(0x1077, 0x8032, NETWORK),
];

/// A machine with the adapter at 82:00, below the second root port of a second root bus.
pub const ADAPTER_MACHINE: GuestHardware = GuestHardware {
    bridges: &[
        "pxb-pcie,id=root80,bus_nr=0x80,bus=pcie.0",
        "pcie-root-port,id=port81,bus=root80,chassis=1,slot=1,addr=1.0",
        "pcie-root-port,id=port82,bus=root80,chassis=2,slot=2,addr=2.0",
    ],
    devices: &[device("port82", "82:00", ADAPTER)],
    ..GuestHardware::bare(1, Iommu::Usual)
};

/// All functions of the adapter in one group.
pub const ONE_GROUP: Expected = &[&[
    "82:00.0", "82:00.1", "82:00.2", "82:00.3", "82:00.4", "82:00.5",
]];
/// Each function of the adapter in its own group.
pub const SIX_GROUPS: Expected = &[
    &["82:00.0"],
    &["82:00.1"],
    &["82:00.2"],
    &["82:00.3"],
    &["82:00.4"],
    &["82:00.5"],
];

/// With an AMD IOMMU, the kernel enables interrupt remapping only if it finds the southbridge of an
/// AMD board. VFIO requires interrupt remapping.
const SOUTHBRIDGE: &[Model] = &[emulated(0x1022, 0x790b, 0x0c_0500)];

const ON_BOARD: &[Device] = &[
    ADAPTER_MACHINE.devices[0],
    device("pcie.0", "00:14", SOUTHBRIDGE),
];

/// The adapter on a host with this IOMMU, and with everything that VFIO requires.
#[must_use]
pub const fn on_board(iommu: Iommu) -> GuestHardware<'static> {
    GuestHardware {
        iommu,
        devices: ON_BOARD,
        ..ADAPTER_MACHINE
    }
}

/// An emulated endpoint without ACS.
#[must_use]
pub const fn emulated(vendor: u16, device: u16, class: u32) -> Model<'static> {
    Model::Emulated(Function::new(vendor, device, class))
}

/// Two functions with the same ids.
#[must_use]
pub const fn pair(vendor: u16, device: u16) -> [Model<'static>; 2] {
    [
        emulated(vendor, device, ETHERNET),
        emulated(vendor, device, ETHERNET),
    ]
}

/// A machine with a device below each of two root ports: at 01:00 and at 02:00.
#[must_use]
pub const fn two(devices: &'static [Device<'static>; 2]) -> GuestHardware<'static> {
    GuestHardware {
        bridges: &[PORT_1, PORT_2],
        devices,
        ..GuestHardware::bare(1, Iommu::Usual)
    }
}

/// The device below the first port.
#[must_use]
pub const fn first(functions: &'static [Model<'static>]) -> Device<'static> {
    device("port1", "01:00", functions)
}

/// The device below the second port.
#[must_use]
pub const fn second(functions: &'static [Model<'static>]) -> Device<'static> {
    device("port2", "02:00", functions)
}

/// A device with these functions, plugged in at boot.
#[must_use]
pub const fn device(
    bus: &'static str,
    address: &'static str,
    functions: &'static [Model<'static>],
) -> Device<'static> {
    Device {
        bus,
        address,
        functions,
        plugged: true,
    }
}

/// Two devices with an entry. The first has a third function that no entry covers.
pub const WITH_STRANGER: GuestHardware = two(&[
    first(&[
        emulated(0x1077, 0x8030, ETHERNET),
        emulated(0x1077, 0x8030, ETHERNET),
        emulated(0x1234, 0x0bad, ETHERNET),
    ]),
    second(&pair(0x1077, 0x8030)),
]);
