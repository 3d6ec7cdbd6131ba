// SPDX-License-Identifier: GPL-2.0-only

//! Reads configuration space of the functions on one bus, with a bounded number of reads.

use core::cell::Cell;

use super::{acs::AcsFlags, device::Function};

/// The largest number of reads for one question of the kernel. The bound keeps a device with
/// endless capability lists from stalling the kernel. A device of eight functions with twenty
/// capabilities each needs at most half of it.
pub const MAX_READS: u16 = 2048;
/// The largest number of capabilities in the first 256 bytes: the kernel's `PCI_FIND_CAP_TTL`.
const MAX_CAPS: usize = 48;
/// The largest number of extended capabilities: the kernel's bound in
/// `pci_find_next_ext_capability()`.
const MAX_EXT_CAPS: usize = (4096 - 256) / 8;
const LAST_DWORD: u16 = 0xffc;
/// Capability id of PCI Express, `PCI_CAP_ID_EXP`.
const CAP_ID_EXP: u8 = 0x10;
/// Extended capability id of ACS, `PCI_EXT_CAP_ID_ACS`.
const EXT_CAP_ID_ACS: u16 = 0x0d;
/// Extended capability id of ARI, `PCI_EXT_CAP_ID_ARI`.
const EXT_CAP_ID_ARI: u16 = 0x0e;

/// Configuration space of a function cannot be read, or its contents are malformed.
pub struct Unreadable {
    /// Device and function number on the bus.
    pub devfn: u8,
}

/// Configuration space of all functions on the bus of one function, with a budget of reads.
pub struct Config<'a, F> {
    function: &'a F,
    left: Cell<u16>,
}

impl<'a, F: Function> Config<'a, F> {
    /// Starts with a budget of [`MAX_READS`].
    pub fn new(function: &'a F) -> Self {
        Self {
            function,
            left: Cell::new(MAX_READS),
        }
    }

    /// Reads one aligned dword of a function that is known to be present.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if the access fails, the dword is all ones, or the budget is spent.
    pub fn read(&self, devfn: u8, offset: u16) -> Result<u32, Unreadable> {
        match self.read_any(devfn, offset)? {
            u32::MAX => Err(Unreadable { devfn }),
            dword => Ok(dword),
        }
    }

    fn read_any(&self, devfn: u8, offset: u16) -> Result<u32, Unreadable> {
        let left = self.left.get().checked_sub(1).ok_or(Unreadable { devfn })?;
        self.left.set(left);
        self.function
            .read_config(devfn, offset)
            .ok_or(Unreadable { devfn })
    }

    /// Vendor and device id of a function; `None` if no function is there.
    ///
    /// A function is absent under the same values as in `pci_bus_generic_read_dev_vendor_id()`.
    /// Vendor id 0001h means that the function is present but not ready (Request Retry Status).
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if the access fails, the function is not ready, or the budget is spent.
    pub fn ids(&self, devfn: u8) -> Result<Option<(u16, u16)>, Unreadable> {
        let dword = self.read_any(devfn, 0x00)?;
        match dword {
            0xffff_ffff | 0x0000_0000 | 0x0000_ffff | 0xffff_0000 => Ok(None),
            _ if low(dword) == 0x0001 => Err(Unreadable { devfn }),
            _ => Ok(Some((low(dword), high(dword)))),
        }
    }

    /// The Header Type register, with the multi-function bit.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], see [`Config::read`].
    pub fn header_type(&self, devfn: u8) -> Result<u8, Unreadable> {
        let [_, _, header, _] = self.read(devfn, 0x0c)?.to_le_bytes();
        Ok(header)
    }

    /// The raw Device/Port Type field (0 to 15); `None` for a function without a PCI Express
    /// capability.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], see [`Config::capability`].
    pub fn pcie_type(&self, devfn: u8) -> Result<Option<u8>, Unreadable> {
        let found = self.capability(devfn, CAP_ID_EXP)?;
        Ok(found.map(|(_, dword)| {
            let [_, _, flags, _] = dword.to_le_bytes();
            flags >> 4
        }))
    }

    /// The class code, 24 bits with the programming interface, and the revision.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], see [`Config::read`].
    pub fn class_and_revision(&self, devfn: u8) -> Result<(u32, u8), Unreadable> {
        let [revision, interface, subclass, class] = self.read(devfn, 0x08)?.to_le_bytes();
        Ok((
            u32::from_le_bytes([interface, subclass, class, 0]),
            revision,
        ))
    }

    /// Subsystem vendor and device id of a function with a type 0 header.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], see [`Config::read`].
    pub fn subsystem(&self, devfn: u8) -> Result<(u16, u16), Unreadable> {
        let dword = self.read(devfn, 0x2c)?;
        Ok((low(dword), high(dword)))
    }

    /// The offset and the first dword of the first capability with this id; `None` if the function
    /// has none.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if a read fails, the budget is spent, or the list does not end.
    pub fn capability(&self, devfn: u8, id: u8) -> Result<Option<(u16, u32)>, Unreadable> {
        // Status register, bit 4: Capabilities List.
        if high(self.read(devfn, 0x04)?) & 0x0010 == 0 {
            return Ok(None);
        }
        let [mut offset, ..] = self.read(devfn, 0x34)?.to_le_bytes();
        for _ in 0..MAX_CAPS {
            offset &= 0xfc;
            if offset < 0x40 {
                return Ok(None);
            }
            let dword = self.read(devfn, u16::from(offset))?;
            let [found, next, _, _] = dword.to_le_bytes();
            if found == id {
                return Ok(Some((u16::from(offset), dword)));
            }
            offset = next;
        }
        Err(Unreadable { devfn })
    }

    /// Whether the function has an ACS Extended Capability.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], see [`Config::ext_capability`].
    pub fn has_acs(&self, devfn: u8) -> Result<bool, Unreadable> {
        Ok(self.ext_capability(devfn, EXT_CAP_ID_ACS)?.is_some())
    }

    /// The ACS Control register, which holds the enabled flags; `None` for a function without an
    /// ACS Extended Capability.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if a read fails, the budget is spent, or the capability ends before the
    /// register.
    pub fn acs_control(&self, devfn: u8) -> Result<Option<AcsFlags>, Unreadable> {
        let Some(at) = self.ext_capability(devfn, EXT_CAP_ID_ACS)? else {
            return Ok(None);
        };
        // ACS Capability is the low half, ACS Control the high half: PCI Express Base Specification
        // 6.0, section 7.7.11.
        let register = self.register_of(devfn, at)?;
        Ok(Some(AcsFlags::from_bits(high(register))))
    }

    /// The dword after the header of the extended capability at `at`. That header may be the last
    /// dword of configuration space.
    fn register_of(&self, devfn: u8, at: u16) -> Result<u32, Unreadable> {
        let register = at.saturating_add(4);
        if register > LAST_DWORD {
            return Err(Unreadable { devfn });
        }
        self.read(devfn, register)
    }

    /// The Next Function Number of the function's ARI capability. 0 ends the chain and is also the
    /// value for a function without the capability, as in `next_ari_fn()` in `drivers/pci/probe.c`.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if a read fails, the budget is spent, or the capability ends before the
    /// register.
    pub fn ari_next(&self, devfn: u8) -> Result<u8, Unreadable> {
        let Some(at) = self.ext_capability(devfn, EXT_CAP_ID_ARI)? else {
            return Ok(0);
        };
        let [_, next, _, _] = self.register_of(devfn, at)?.to_le_bytes();
        Ok(next)
    }

    /// The offset of the first extended capability with this id; `None` if the function has none.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if a read fails, the budget is spent, or the list does not end.
    pub fn ext_capability(&self, devfn: u8, id: u16) -> Result<Option<u16>, Unreadable> {
        let mut offset = 0x100;
        for _ in 0..MAX_EXT_CAPS {
            let header = self.read(devfn, offset)?;
            if header == 0 {
                return Ok(None);
            }
            if low(header) == id {
                return Ok(Some(offset));
            }
            offset = (high(header) >> 4) & LAST_DWORD;
            if offset < 0x100 {
                return Ok(None);
            }
        }
        Err(Unreadable { devfn })
    }
}

const fn low(dword: u32) -> u16 {
    let [a, b, _, _] = dword.to_le_bytes();
    u16::from_le_bytes([a, b])
}

const fn high(dword: u32) -> u16 {
    let [_, _, a, b] = dword.to_le_bytes();
    u16::from_le_bytes([a, b])
}
