// SPDX-License-Identifier: GPL-2.0-only

//! The bits of standard capabilities that never change while the system runs: the PCI Express Base
//! Specification defines them as read-only or hardware-initialised. All other bits can change by
//! themselves or by a write of software.
//!
//! Section numbers refer to revision 5.0 unless noted. Offsets are those of
//! `include/uapi/linux/pci_regs.h`. Anything not listed counts as changing.

use rules::condition::Place;

use crate::register::Register;

/// A standard capability.
pub(super) struct Capability {
    pub(super) at: Place,
    pub(super) name: &'static str,
    /// The section of the specification.
    pub(super) section: &'static str,
    registers: &'static [Standard],
}

/// A register of a standard capability.
pub(super) struct Standard {
    /// Offset from the start of the capability, in bytes.
    pub(super) offset: u16,
    bytes: u16,
    /// The bits that never change, within the first 32 bits of the register.
    settled: u32,
    /// The name in the specification.
    pub(super) name: &'static str,
}

/// The nature of a condition's bits.
#[derive(Default)]
pub(super) struct Bits {
    /// Whether some bits are the capability id or the pointer to the next capability.
    pub(super) in_header: bool,
    /// The registers with some bits that may change.
    pub(super) change: Vec<(&'static Capability, &'static Standard)>,
    /// Whether some bits are in no listed register.
    pub(super) unlisted: bool,
}

/// Classifies the bits of a register.
pub(super) fn bits(register: &Register) -> Bits {
    let mut found = Bits::default();
    let capability = CAPABILITIES.iter().find(|one| one.at == register.at);
    for bit in (0..register.width).filter(|bit| (register.mask >> bit) & 1 != 0) {
        let bit = register.offset * 8 + u16::from(bit);
        match (register.at, bit) {
            (Place::Capability(_), ..16) | (Place::Extended(_), ..16 | 20..32) => {
                found.in_header = true;
                continue;
            }
            // The capability version.
            (Place::Extended(_), 16..20) => continue,
            _ => {}
        }
        let holds = |one: &&Standard| (one.offset * 8..(one.offset + one.bytes) * 8).contains(&bit);
        let standard = capability.and_then(|one| Some((one, one.registers.iter().find(holds)?)));
        let Some((capability, standard)) = standard else {
            found.unlisted = true;
            continue;
        };
        let is_settled = match bit - standard.offset * 8 {
            bit @ 0..32 => (standard.settled >> bit) & 1 != 0,
            _ => false,
        };
        let known = |(_, one): &(_, &Standard)| one.name == standard.name;
        if !is_settled && !found.change.iter().any(known) {
            found.change.push((capability, standard));
        }
    }
    found
}

/// Whether only the vendor knows the register: it is in a vendor-specific capability, or outside
/// any capability.
pub(super) const fn is_vendors_own(at: Place) -> bool {
    matches!(
        at,
        Place::Config | Place::Capability(0x09) | Place::Extended(0x000b | 0x0023)
    )
}

const fn all(offset: u16, bytes: u16, name: &'static str) -> Standard {
    some(offset, bytes, u32::MAX, name)
}

const fn none(offset: u16, bytes: u16, name: &'static str) -> Standard {
    some(offset, bytes, 0, name)
}

const fn some(offset: u16, bytes: u16, settled: u32, name: &'static str) -> Standard {
    Standard {
        offset,
        bytes,
        settled,
        name,
    }
}

/// The standard capabilities that functions of an entry can have, except those that software writes
/// completely.
pub(super) static CAPABILITIES: &[Capability] = &[
    Capability {
        at: Place::Capability(0x01),
        name: "Power Management Capability",
        section: "7.5.2",
        registers: &[
            all(0x02, 2, "Power Management Capabilities"),
            // No_Soft_Reset. Data_Scale is not here, because it follows Data_Select.
            some(0x04, 2, 0x0008, "Power Management Control/Status"),
            all(0x06, 1, "Power Management Bridge Support Extensions"),
            none(0x07, 1, "Power Management Data"),
        ],
    },
    Capability {
        at: Place::Capability(0x03),
        name: "VPD Capability",
        section: "7.9.19",
        registers: &[none(0x02, 2, "VPD Address"), none(0x04, 4, "VPD Data")],
    },
    Capability {
        at: Place::Capability(0x05),
        name: "MSI Capability",
        section: "7.7.1",
        registers: &[
            // The capability bits. The positions of the other registers depend on them.
            some(0x02, 2, 0x038e, "MSI Message Control"),
            none(0x04, 4, "MSI Message Address"),
            none(0x08, 16, "MSI Message Data"),
        ],
    },
    Capability {
        at: Place::Capability(0x0d),
        name: "Subsystem ID Capability",
        section: "7.9.24",
        registers: &[
            all(0x04, 2, "Subsystem Vendor ID"),
            all(0x06, 2, "Subsystem ID"),
        ],
    },
    Capability {
        at: Place::Capability(0x10),
        name: "PCI Express Capability",
        section: "7.5.3",
        registers: &[
            all(0x02, 2, "PCI Express Capabilities"),
            // Without the Captured Slot Power Limit, which a message sets.
            some(0x04, 4, 0xf003_ffff, "Device Capabilities"),
            none(0x08, 2, "Device Control"),
            none(0x0a, 2, "Device Status"),
            // Without the exit latencies, which depend on Common Clock Configuration.
            some(0x0c, 4, 0xfffc_0fff, "Link Capabilities"),
            none(0x10, 2, "Link Control"),
            none(0x12, 2, "Link Status"),
            all(0x14, 4, "Slot Capabilities"),
            none(0x18, 2, "Slot Control"),
            none(0x1a, 2, "Slot Status"),
            none(0x1c, 2, "Root Control"),
            all(0x1e, 2, "Root Capabilities"),
            none(0x20, 4, "Root Status"),
            all(0x24, 4, "Device Capabilities 2"),
            none(0x28, 2, "Device Control 2"),
            none(0x2a, 2, "Device Status 2"),
            all(0x2c, 4, "Link Capabilities 2"),
            none(0x30, 2, "Link Control 2"),
            none(0x32, 2, "Link Status 2"),
            all(0x34, 4, "Slot Capabilities 2"),
            none(0x38, 2, "Slot Control 2"),
            none(0x3a, 2, "Slot Status 2"),
        ],
    },
    Capability {
        at: Place::Capability(0x11),
        name: "MSI-X Capability",
        section: "7.7.2",
        registers: &[
            // The table size.
            some(0x02, 2, 0x07ff, "MSI-X Message Control"),
            all(0x04, 4, "MSI-X Table Offset"),
            all(0x08, 4, "MSI-X PBA Offset"),
        ],
    },
    Capability {
        at: Place::Capability(0x13),
        name: "Advanced Features Capability",
        section: "7.9.22",
        registers: &[
            all(0x02, 1, "AF Length"),
            all(0x03, 1, "AF Capabilities"),
            none(0x04, 1, "AF Control"),
            none(0x05, 1, "AF Status"),
        ],
    },
    Capability {
        at: Place::Capability(0x09),
        name: "Vendor-Specific Capability",
        section: "7.9.4",
        registers: &[all(0x02, 1, "Vendor-Specific Capability Length")],
    },
    Capability {
        at: Place::Extended(0x0001),
        name: "Advanced Error Reporting Extended Capability",
        section: "7.8.4",
        registers: &[
            none(0x04, 4, "Uncorrectable Error Status"),
            none(0x08, 4, "Uncorrectable Error Mask"),
            none(0x0c, 4, "Uncorrectable Error Severity"),
            none(0x10, 4, "Correctable Error Status"),
            none(0x14, 4, "Correctable Error Mask"),
            // The ECRC Generation and ECRC Check Capable bits.
            some(
                0x18,
                4,
                0x0000_00a0,
                "Advanced Error Capabilities and Control",
            ),
            none(0x1c, 16, "Header Log"),
            none(0x2c, 4, "Root Error Command"),
            none(0x30, 4, "Root Error Status"),
            none(0x34, 4, "Error Source Identification"),
            none(0x38, 16, "TLP Prefix Log"),
        ],
    },
    Capability {
        at: Place::Extended(0x0002),
        name: "Virtual Channel Extended Capability",
        section: "7.9.1",
        registers: &[
            all(0x04, 4, "Port VC Capability 1"),
            all(0x08, 4, "Port VC Capability 2"),
            none(0x0c, 2, "Port VC Control"),
            none(0x0e, 2, "Port VC Status"),
            all(0x10, 4, "VC Resource Capability"),
            none(0x14, 4, "VC Resource Control"),
            none(0x1a, 2, "VC Resource Status"),
        ],
    },
    Capability {
        at: Place::Extended(0x0003),
        name: "Device Serial Number Extended Capability",
        section: "7.9.3",
        registers: &[
            all(0x04, 4, "Serial Number (lower half)"),
            all(0x08, 4, "Serial Number (upper half)"),
        ],
    },
    Capability {
        at: Place::Extended(0x0004),
        name: "Power Budgeting Extended Capability",
        section: "7.8.1",
        registers: &[
            none(0x04, 1, "Power Budgeting Data Select"),
            none(0x08, 4, "Power Budgeting Data"),
            all(0x0c, 1, "Power Budget Capability"),
        ],
    },
    Capability {
        at: Place::Extended(0x000b),
        name: "Vendor-Specific Extended Capability",
        section: "7.9.5",
        registers: &[all(0x04, 4, "Vendor-Specific Header")],
    },
    Capability {
        at: Place::Extended(0x000d),
        name: "ACS Extended Capability",
        section: "7.7.8",
        registers: &[
            all(0x04, 2, "ACS Capability"),
            none(0x06, 2, "ACS Control"),
            none(0x08, 32, "Egress Control Vector"),
        ],
    },
    Capability {
        at: Place::Extended(0x000e),
        name: "ARI Extended Capability",
        section: "7.8.8",
        registers: &[all(0x04, 2, "ARI Capability"), none(0x06, 2, "ARI Control")],
    },
    Capability {
        at: Place::Extended(0x000f),
        name: "ATS Extended Capability",
        section: "10.5.1",
        registers: &[all(0x04, 2, "ATS Capability"), none(0x06, 2, "ATS Control")],
    },
    Capability {
        at: Place::Extended(0x0010),
        name: "SR-IOV Extended Capability",
        section: "9.3.3",
        registers: &[
            all(0x04, 4, "SR-IOV Capabilities"),
            none(0x08, 2, "SR-IOV Control"),
            none(0x0a, 2, "SR-IOV Status"),
            // With VF migration, a multi-root manager changes `InitialVFs`.
            none(0x0c, 2, "InitialVFs"),
            all(0x0e, 2, "TotalVFs"),
            none(0x10, 2, "NumVFs"),
            all(0x12, 1, "Function Dependency Link"),
            // Both depend on `NumVFs` and ARI Capable Hierarchy.
            none(0x14, 2, "First VF Offset"),
            none(0x16, 2, "VF Stride"),
            all(0x1a, 2, "VF Device ID"),
            all(0x1c, 4, "Supported Page Sizes"),
            none(0x20, 4, "System Page Size"),
            none(0x24, 24, "VF BAR"),
            none(0x3c, 4, "VF Migration State Array Offset"),
        ],
    },
    Capability {
        at: Place::Extended(0x0012),
        name: "Multicast Extended Capability",
        section: "7.9.11",
        registers: &[
            all(0x04, 2, "Multicast Capability"),
            none(0x06, 2, "Multicast Control"),
            none(0x08, 40, "Multicast Base Address"),
        ],
    },
    Capability {
        at: Place::Extended(0x0013),
        name: "Page Request Extended Capability",
        section: "10.5.2",
        registers: &[
            none(0x04, 2, "Page Request Control"),
            // PRG Response PASID Required.
            some(0x06, 2, 0x8000, "Page Request Status"),
            all(0x08, 4, "Outstanding Page Request Capacity"),
            none(0x0c, 4, "Outstanding Page Request Allocation"),
        ],
    },
    Capability {
        at: Place::Extended(0x0015),
        name: "Resizable BAR Extended Capability",
        section: "7.8.6",
        registers: &[
            all(0x04, 4, "Resizable BAR Capability"),
            // BAR Index and the number of resizable BARs.
            some(0x08, 4, 0x0000_00e7, "Resizable BAR Control"),
        ],
    },
    Capability {
        at: Place::Extended(0x0016),
        name: "Dynamic Power Allocation Extended Capability",
        section: "7.9.12",
        registers: &[
            all(0x04, 4, "DPA Capability"),
            all(0x08, 4, "DPA Latency Indicator"),
            none(0x0c, 2, "DPA Status"),
            none(0x0e, 2, "DPA Control"),
        ],
    },
    Capability {
        at: Place::Extended(0x0017),
        name: "TPH Requester Extended Capability",
        section: "7.9.13",
        registers: &[
            all(0x04, 4, "TPH Requester Capability"),
            none(0x08, 4, "TPH Requester Control"),
        ],
    },
    Capability {
        at: Place::Extended(0x0018),
        name: "Latency Tolerance Reporting Extended Capability",
        section: "7.8.2",
        registers: &[
            none(0x04, 2, "Max Snoop Latency"),
            none(0x06, 2, "Max No-Snoop Latency"),
        ],
    },
    Capability {
        at: Place::Extended(0x0019),
        name: "Secondary PCI Express Extended Capability",
        section: "7.7.3",
        registers: &[
            none(0x04, 4, "Link Control 3"),
            none(0x08, 4, "Lane Error Status"),
        ],
    },
    Capability {
        at: Place::Extended(0x001b),
        name: "PASID Extended Capability",
        section: "7.8.9",
        registers: &[
            all(0x04, 2, "PASID Capability"),
            none(0x06, 2, "PASID Control"),
        ],
    },
    Capability {
        at: Place::Extended(0x001d),
        name: "Downstream Port Containment Extended Capability",
        section: "7.9.15",
        registers: &[
            // The Interrupt Message Number depends on the vectors in use.
            some(0x04, 2, 0xffe0, "DPC Capability"),
            none(0x06, 2, "DPC Control"),
            none(0x08, 2, "DPC Status"),
            none(0x0a, 2, "DPC Error Source ID"),
            none(0x0c, 4, "RP PIO Status"),
            none(0x10, 4, "RP PIO Mask"),
            none(0x14, 4, "RP PIO Severity"),
            none(0x18, 4, "RP PIO SysError"),
            none(0x1c, 4, "RP PIO Exception"),
        ],
    },
    Capability {
        at: Place::Extended(0x001e),
        name: "L1 PM Substates Extended Capability",
        section: "7.8.3",
        registers: &[
            all(0x04, 4, "L1 PM Substates Capabilities"),
            none(0x08, 4, "L1 PM Substates Control 1"),
            none(0x0c, 4, "L1 PM Substates Control 2"),
            none(0x10, 4, "L1 PM Substates Status"),
        ],
    },
    Capability {
        at: Place::Extended(0x001f),
        name: "Precision Time Measurement Extended Capability",
        section: "7.9.16",
        registers: &[all(0x04, 4, "PTM Capability"), none(0x08, 4, "PTM Control")],
    },
    Capability {
        at: Place::Extended(0x0023),
        name: "Designated Vendor-Specific Extended Capability",
        section: "7.9.6",
        registers: &[
            all(0x04, 4, "Designated Vendor-Specific Header 1"),
            all(0x08, 2, "Designated Vendor-Specific Header 2"),
        ],
    },
    Capability {
        at: Place::Extended(0x0025),
        name: "Data Link Feature Extended Capability",
        section: "7.7.4",
        registers: &[
            // Without Data Link Feature Exchange Enable, which software writes.
            some(0x04, 4, 0x7fff_ffff, "Data Link Feature Capabilities"),
            none(0x08, 4, "Data Link Feature Status"),
        ],
    },
    Capability {
        // Defined in revision 6.0.
        at: Place::Extended(0x002e),
        name: "Data Object Exchange Extended Capability",
        section: "7.9.24",
        registers: &[
            none(0x08, 4, "DOE Control"),
            none(0x0c, 4, "DOE Status"),
            none(0x10, 4, "DOE Write Data Mailbox"),
            none(0x14, 4, "DOE Read Data Mailbox"),
        ],
    },
];
