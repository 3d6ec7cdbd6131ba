// SPDX-License-Identifier: GPL-2.0-only

//! Where packages stand in a machine: each takes one slot of the first root bus, for itself or for the
//! port above it.

use rules::entry::Kind;

use super::device::EmulatedDevice;

/// The first slot for us: those before are the host bridge's and the IOMMU's.
const FIRST: usize = 0x02;
/// How many slots there are: the last ones are the chipset's.
pub(super) const SLOTS: usize = 0x1d - FIRST;

/// The place of a package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Slot {
    /// The bus, as QEMU knows it.
    pub bus: String,
    /// Bus and slot as the guest sees them.
    pub address: String,
}

/// The ports of a machine, and places for devices.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Slots {
    /// Ports, each a `-device` of QEMU, upper ones first.
    pub bridges: Vec<String>,
    /// A place for each package, in the order given.
    pub places: Vec<Slot>,
}

impl Slots {
    /// Makes room for devices, [`SLOTS`] at most.
    #[must_use]
    pub(super) fn of(devices: &[&EmulatedDevice]) -> Self {
        // Firmware numbers buses by slot. The ports that are emulated have buses too, of numbers that
        // the kernel gives anew; so they come last.
        let mut order: Vec<usize> = (0..devices.len()).collect();
        order.sort_by_key(|&at| match devices[at].kind {
            Kind::MfEndpoint => 0,
            Kind::DownstreamPort => 1,
            Kind::RootPort | Kind::RcEndpoint => 2,
        });
        let mut bridges = Vec::new();
        let mut places = vec![None; devices.len()];
        let mut bus = 0;
        for (slot, at) in (FIRST..).zip(order) {
            let device = devices[at];
            let port =
                format!("pcie-root-port,id=port{slot},chassis={slot},slot={slot},addr={slot:x}.0");
            places[at] = Some(match device.kind {
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
                    // Below the root port, in the switch, and below each port of it.
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
