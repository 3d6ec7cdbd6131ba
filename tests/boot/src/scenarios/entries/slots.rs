// SPDX-License-Identifier: GPL-2.0-only

//! The slots of devices in a machine. Each device takes one slot of the first root bus, for itself
//! or for the port above it.

use rules::entry::Kind;

use super::device::EmulatedDevice;

/// The first usable slot. The host bridge and the IOMMU are in the slots before it.
const FIRST: usize = 0x02;
/// Number of usable slots. The chipset is in the last ones.
pub(super) const SLOTS: usize = 0x1d - FIRST;

/// The slot of a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Slot {
    /// QEMU's id of the bus.
    pub bus: String,
    /// Bus and slot as the guest sees them.
    pub address: String,
}

/// The ports of a machine, and slots for its devices.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Slots {
    /// Ports, each as an argument of `-device`, parents first.
    pub bridges: Vec<String>,
    /// A slot for each device, in the order given.
    pub places: Vec<Slot>,
}

impl Slots {
    /// Assigns slots to at most [`SLOTS`] devices.
    #[must_use]
    pub(super) fn of(devices: &[&EmulatedDevice]) -> Self {
        // Firmware numbers buses in the order of slots. Emulated ports come last: the kernel
        // assigns new numbers to the buses below them.
        let mut order: Vec<usize> = (0..devices.len()).collect();
        order.sort_by_key(|&index| match devices[index].kind {
            Kind::MfEndpoint => 0,
            Kind::DownstreamPort => 1,
            Kind::RootPort | Kind::RcEndpoint => 2,
        });
        let mut bridges = Vec::new();
        let mut places = vec![None; devices.len()];
        let mut bus = 0;
        for (slot, index) in (FIRST..).zip(order) {
            let device = devices[index];
            let port =
                format!("pcie-root-port,id=port{slot},chassis={slot},slot={slot},addr={slot:x}.0");
            places[index] = Some(match device.kind {
                Kind::RootPort | Kind::RcEndpoint => Slot {
                    bus: "pcie.0".to_owned(),
                    address: format!("00:{slot:02x}"),
                },
                Kind::MfEndpoint => {
                    bridges.push(port);
                    bus += 1;
                    Slot {
                        bus: format!("port{slot}"),
                        address: format!("{bus:02x}:00"),
                    }
                }
                Kind::DownstreamPort => {
                    bridges.push(port);
                    bridges.push(format!("x3130-upstream,id=switch{slot},bus=port{slot}"));
                    let address = format!("{:02x}:00", bus + 2);
                    // One bus below the root port, one in the switch, and one below each downstream
                    // port.
                    bus += 2 + device.functions.len();
                    Slot {
                        bus: format!("switch{slot}"),
                        address,
                    }
                }
            });
        }
        let places = places.into_iter().flatten().collect();
        Self { bridges, places }
    }
}
