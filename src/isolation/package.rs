// SPDX-License-Identifier: GPL-2.0-only

//! Which functions are present in the slot of a function: trust rule 5.
//!
//! Configuration space is asked, not the kernel's list of devices. When a package is hot-added or
//! rescanned, the kernel groups function 0 before it has looked at function 1; and a function
//! that was removed through sysfs is still there and can still send requests.

use core::fmt;

use super::device::Function;
use super::pcie::HeaderLayout;

/// Functions of a slot without ARI: PCI Express Base Specification, section 2.2.6.2.
const FUNCTIONS: u8 = 8;
/// Most functions that an ARI device has.
const ARI_FUNCTIONS: usize = 256;
/// Most extended capabilities that fit into configuration space: the kernel's bound in
/// `pci_find_next_ext_capability()`.
const MAX_EXT_CAPS: usize = (4096 - 256) / 8;
/// Offset of the last dword of configuration space.
const LAST_DWORD: u16 = 0xffc;
/// Extended capability id of ARI, `PCI_EXT_CAP_ID_ARI`.
const EXT_CAP_ID_ARI: u32 = 0x0e;

/// What stands in the way of a claim for a package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A function's configuration space cannot be read, or what it says makes no sense.
    Unreadable {
        /// The function's number on its bus.
        devfn: u8,
    },
    /// The function in configuration space is not the one that the kernel enumerated.
    Changed {
        /// Vendor id that it has now.
        vendor: u16,
        /// Device id that it has now.
        device: u16,
    },
    /// The package, as function 0 describes it, does not have the function that is asked about.
    Unaccounted,
    /// A function is present that the entry does not cover.
    NotCovered {
        /// The function's number on its bus.
        devfn: u8,
        /// Its vendor id.
        vendor: u16,
        /// Its device id.
        device: u16,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unreadable { devfn } => {
                write!(f, "configuration space of {} cannot be read", Devfn(devfn))
            }
            Self::Changed { vendor, device } => {
                write!(
                    f,
                    "the function now identifies as {vendor:04x}:{device:04x}"
                )
            }
            Self::Unaccounted => f.write_str(
                "function 0 does not account for this function (multi-function bit, ARI chain)",
            ),
            Self::NotCovered {
                devfn,
                vendor,
                device,
            } => write!(
                f,
                "{} [{vendor:04x}:{device:04x}] in the same package is not covered by the entry",
                Devfn(devfn)
            ),
        }
    }
}

/// Writes a function's number as `slot.function`.
struct Devfn(u8);

impl fmt::Display for Devfn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}.{}", self.0 >> 3, self.0 & 7)
    }
}

/// Checks that every function present in the package of `function` is `covered`: a test on vendor
/// and device id.
///
/// Without ARI that is 8 reads and a few more; with ARI, a walk along the chain of function
/// numbers, bounded by 256 functions and 480 capabilities each.
///
/// # Errors
///
/// The first [`Fault`] found.
pub fn check<F: Function>(
    function: &F,
    layout: HeaderLayout,
    covered: impl Fn(u16, u16) -> bool,
) -> Result<(), Fault> {
    let own = function.devfn();
    let (vendor, device) = ids(function, own)?.ok_or(Fault::Unreadable { devfn: own })?;
    if (vendor, device) != (function.vendor(), function.device()) {
        return Err(Fault::Changed { vendor, device });
    }

    let first = if function.is_ari() { 0 } else { own & !7 };
    if ids(function, first)?.is_none() {
        return Err(Fault::Unreadable { devfn: first });
    }
    let one = |devfn| one_function(function, devfn, layout, &covered);
    // Where function 0 says that it is the only one, the other numbers may answer as function 0, so
    // they are not asked.
    let several = header_type(function, first)? & 0x80 != 0;
    let mut seen_own = false;
    for number in 0..if several { FUNCTIONS } else { 1 } {
        seen_own |= one(first | number)? && first | number == own;
    }
    // The kernel follows this chain whatever the multi-function bit says (`next_fn()` in
    // `drivers/pci/probe.c`).
    if function.is_ari() {
        let mut at = first;
        for _ in 0..ARI_FUNCTIONS {
            let next = ari_next(function, at)?;
            // Zero ends the list. One that does not ascend is malformed; the kernel stops there,
            // but a list that cannot be followed to its end names no whole package.
            if next == 0 {
                break;
            }
            if next <= at || !one(next)? {
                return Err(Fault::Unreadable { devfn: next });
            }
            seen_own |= next == own;
            at = next;
        }
    }
    if seen_own {
        Ok(())
    } else {
        Err(Fault::Unaccounted)
    }
}

/// Checks one function number: `false` when nothing is there.
fn one_function<F: Function>(
    function: &F,
    devfn: u8,
    layout: HeaderLayout,
    covered: &impl Fn(u16, u16) -> bool,
) -> Result<bool, Fault> {
    let Some((vendor, device)) = ids(function, devfn)? else {
        return Ok(false);
    };
    let found = HeaderLayout::from_raw(header_type(function, devfn)?);
    if found == Some(layout) && covered(vendor, device) {
        Ok(true)
    } else {
        Err(Fault::NotCovered {
            devfn,
            vendor,
            device,
        })
    }
}

/// Vendor and device id of a function, `None` when there is no such function.
///
/// What counts as absent is what `pci_bus_generic_read_dev_vendor_id()` takes for it. A vendor id
/// of 0001h is a function that exists but is not ready (Request Retry Status).
fn ids<F: Function>(function: &F, devfn: u8) -> Result<Option<(u16, u16)>, Fault> {
    let dword = function
        .read_config(devfn, 0x00)
        .ok_or(Fault::Unreadable { devfn })?;
    match dword {
        0xffff_ffff | 0x0000_0000 | 0x0000_ffff | 0xffff_0000 => Ok(None),
        _ if dword & 0xffff == 0x0001 => Err(Fault::Unreadable { devfn }),
        _ => Ok(Some((low(dword), low(dword >> 16)))),
    }
}

/// The Header Type register of a present function.
fn header_type<F: Function>(function: &F, devfn: u8) -> Result<u8, Fault> {
    match function.read_config(devfn, 0x0c) {
        Some(dword) if dword != u32::MAX => {
            let [_, _, header, _] = dword.to_le_bytes();
            Ok(header)
        }
        _ => Err(Fault::Unreadable { devfn }),
    }
}

/// The Next Function Number of a function's ARI capability; 0 where the list ends, also when the
/// function has no such capability (as `next_ari_fn()` in `drivers/pci/probe.c`).
fn ari_next<F: Function>(function: &F, devfn: u8) -> Result<u8, Fault> {
    let read = |offset| match function.read_config(devfn, offset) {
        Some(dword) if dword != u32::MAX => Ok(dword),
        _ => Err(Fault::Unreadable { devfn }),
    };
    let mut offset = 0x100;
    for _ in 0..MAX_EXT_CAPS {
        let header = read(offset)?;
        if header == 0 {
            return Ok(0);
        }
        if header & 0xffff == EXT_CAP_ID_ARI {
            // Capabilities begin at any dword, the last one of the space included.
            let register = offset.saturating_add(4);
            if register > LAST_DWORD {
                break;
            }
            let [_, next, _, _] = read(register)?.to_le_bytes();
            return Ok(next);
        }
        offset = low(header >> 20) & LAST_DWORD;
        if offset < 0x100 {
            return Ok(0);
        }
    }
    Err(Fault::Unreadable { devfn })
}

/// The low half of a dword.
const fn low(dword: u32) -> u16 {
    let [a, b, _, _] = dword.to_le_bytes();
    u16::from_le_bytes([a, b])
}
