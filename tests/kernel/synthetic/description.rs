// SPDX-License-Identifier: GPL-2.0-only

//! The description of a machine for a synthetic bus, in the form in which the host sends it to the
//! kernel. Little-endian. Both sides compile this file, so it uses `core` only.
//!
//! A machine is a [`Header`], followed by its [`Function`]s and its [`Patch`]es.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "one side reads it, the other writes it"
)]

/// Reads fields from the front of a slice.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take::<2>().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take::<4>().map(u32::from_le_bytes)
    }
}

/// Writes fields one after the other into an array.
struct Writer<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Writer<N> {
    const fn new() -> Self {
        Self {
            bytes: [0; N],
            at: 0,
        }
    }

    fn put<const M: usize>(mut self, field: [u8; M]) -> Self {
        for (to, from) in self.bytes.iter_mut().skip(self.at).zip(field) {
            *to = from;
        }
        self.at += M;
        self
    }
}

/// The header of a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// Number of functions.
    pub functions: u32,
    /// Number of patches.
    pub patches: u32,
    /// What the answer has in addition to the groups.
    pub questions: Questions,
}

/// What the answer has in addition to the groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Questions {
    /// The answer of the kernel's quirks about each function, for every set of flags.
    pub verdicts: bool,
    /// Whether the model, run in the kernel on the kernel's own facts, gives the same groups, and
    /// how long both take.
    pub model: bool,
}

impl Questions {
    const VERDICTS: u32 = 1 << 0;
    const MODEL: u32 = 1 << 1;

    fn from_bits(bits: u32) -> Option<Self> {
        let verdicts = bits & Self::VERDICTS != 0;
        let model = bits & Self::MODEL != 0;
        let found = Self { verdicts, model };
        (found.bits() == bits).then_some(found)
    }

    fn bits(self) -> u32 {
        let verdicts = if self.verdicts { Self::VERDICTS } else { 0 };
        let model = if self.model { Self::MODEL } else { 0 };
        verdicts | model
    }
}

impl Header {
    /// Size in bytes.
    pub const SIZE: usize = 16;
    /// Identifies the format and its version.
    const MAGIC: [u8; 4] = *b"acs1";

    /// Parses a header. `None` if the bytes are not one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.take()? != Self::MAGIC {
            return None;
        }
        Some(Self {
            functions: reader.u32()?,
            patches: reader.u32()?,
            questions: Questions::from_bits(reader.u32()?)?,
        })
    }

    /// Serializes the header.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        Writer::new()
            .put(Self::MAGIC)
            .put(self.functions.to_le_bytes())
            .put(self.patches.to_le_bytes())
            .put(self.questions.bits().to_le_bytes())
            .bytes
    }

    /// Size of the whole machine in bytes. `None` on overflow.
    pub fn machine_size(&self) -> Option<usize> {
        let functions = usize::try_from(self.functions).ok()?;
        let patches = usize::try_from(self.patches).ok()?;
        let functions = functions.checked_mul(Function::SIZE)?;
        let patches = patches.checked_mul(Patch::SIZE)?;
        Self::SIZE.checked_add(functions)?.checked_add(patches)
    }
}

/// Flags of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traits(pub u16);

impl Traits {
    /// The IOMMU driver puts the function into a group.
    pub const TAKES_PART: u16 = 1 << 0;
    /// After the scan and before the grouping, the function is removed, as through sysfs.
    pub const REMOVED: u16 = 1 << 1;
    /// The function has an ACS capability.
    pub const ACS: u16 = 1 << 2;
    /// The function has an ARI capability.
    pub const ARI: u16 = 1 << 3;
    /// The port supports ARI Forwarding.
    pub const ARI_FORWARDING: u16 = 1 << 4;
    /// The kernel has set up the port so that it isolates, and has recorded that
    /// (`PCI_DEV_FLAGS_ACS_ENABLED_QUIRK`).
    pub const SET_UP: u16 = 1 << 5;
    /// The port is external-facing (`pci_dev.external_facing`).
    pub const EXTERNAL_FACING: u16 = 1 << 6;

    /// Whether one of the flags in `which` is set.
    pub const fn has(self, which: u16) -> bool {
        self.0 & which != 0
    }
}

/// A function: the registers that the kernel reads, and facts that it cannot read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Function {
    /// PCI domain (segment), counted from 0 in each description.
    pub domain: u32,
    /// Bus number.
    pub bus: u8,
    /// Device and function number on the bus.
    pub devfn: u8,
    /// Header Type register, including the multi-function bit.
    pub header_type: u8,
    /// Device/Port Type, 0 to 15. [`Function::CONVENTIONAL`] for a function without a PCI Express
    /// capability.
    pub pcie_type: u8,
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Class Code in the upper 24 bits, Revision ID in the lower 8.
    pub class_revision: u32,
    /// Subsystem vendor id.
    pub subsystem_vendor: u16,
    /// Subsystem id.
    pub subsystem: u16,
    /// Primary, secondary and subordinate bus number of a bridge.
    pub buses: [u8; 3],
    /// The number of the next function of an ARI device. 0 after the last.
    pub ari_next: u8,
    /// Flags.
    pub traits: Traits,
    /// The ACS Capability register.
    pub acs_capability: u16,
    /// The ACS Control register.
    pub acs_control: u16,
    /// The dword at offset 8 of the ACS capability.
    pub acs_dword8: u32,
    /// Index of the VMD that the function is behind, in the description. [`Function::NOT_BEHIND`]
    /// if no VMD is above the function.
    pub vmd: u32,
}

impl Function {
    /// Size in bytes.
    pub const SIZE: usize = 40;
    /// There is no PCI Express capability.
    pub const CONVENTIONAL: u8 = 0xff;
    /// The function is not behind a VMD.
    pub const NOT_BEHIND: u32 = u32::MAX;

    /// Parses a function. `None` if there are too few bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        Some(Self {
            domain: reader.u32()?,
            bus: reader.u8()?,
            devfn: reader.u8()?,
            header_type: reader.u8()?,
            pcie_type: reader.u8()?,
            vendor: reader.u16()?,
            device: reader.u16()?,
            class_revision: reader.u32()?,
            subsystem_vendor: reader.u16()?,
            subsystem: reader.u16()?,
            buses: reader.take()?,
            ari_next: reader.u8()?,
            traits: Traits(reader.u16()?),
            acs_capability: reader.u16()?,
            acs_control: reader.u16()?,
            acs_dword8: {
                reader.u16()?;
                reader.u32()?
            },
            vmd: reader.u32()?,
        })
    }

    /// Serializes the function.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        Writer::new()
            .put(self.domain.to_le_bytes())
            .put([self.bus, self.devfn, self.header_type, self.pcie_type])
            .put(self.vendor.to_le_bytes())
            .put(self.device.to_le_bytes())
            .put(self.class_revision.to_le_bytes())
            .put(self.subsystem_vendor.to_le_bytes())
            .put(self.subsystem.to_le_bytes())
            .put(self.buses)
            .put([self.ari_next])
            .put(self.traits.0.to_le_bytes())
            .put(self.acs_capability.to_le_bytes())
            .put(self.acs_control.to_le_bytes())
            .put([0; 2])
            .put(self.acs_dword8.to_le_bytes())
            .put(self.vmd.to_le_bytes())
            .bytes
    }

    /// Whether the function is a bridge, and its secondary bus is this bus.
    pub fn leads_to(&self, domain: u32, bus: u8) -> bool {
        let [_, secondary, _] = self.buses;
        let is_bridge = matches!(self.header_type & 0x7f, 1 | 2);
        is_bridge && self.domain == domain && secondary == bus && secondary != 0
    }
}

/// Configuration space that no sound device has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patch {
    /// The dword at this offset reads as this value.
    Dword {
        /// Index of the function in the description.
        function: u32,
        /// Offset of the dword.
        offset: u16,
        /// Value of the dword.
        value: u32,
    },
    /// From a read on, every read returns ones.
    Silent {
        /// Index of the function in the description.
        function: u32,
        /// Number of the first read that returns ones, counted from 0.
        from: u32,
    },
}

impl Patch {
    /// Size in bytes.
    pub const SIZE: usize = 12;
    /// Takes the place of an offset, for [`Patch::Silent`].
    const SILENT: u32 = u32::MAX;

    /// Parses a patch. `None` if the bytes are not one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (function, offset, value) = (reader.u32()?, reader.u32()?, reader.u32()?);
        Some(match offset {
            Self::SILENT => Self::Silent {
                function,
                from: value,
            },
            _ => Self::Dword {
                function,
                offset: u16::try_from(offset).ok()?,
                value,
            },
        })
    }

    /// Serializes the patch.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let (function, offset, value) = match self {
            Self::Dword {
                function,
                offset,
                value,
            } => (function, u32::from(offset), value),
            Self::Silent { function, from } => (function, Self::SILENT, from),
        };
        Writer::new()
            .put(function.to_le_bytes())
            .put(offset.to_le_bytes())
            .put(value.to_le_bytes())
            .bytes
    }
}
