// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `whole`: finds the functions of the whole device and checks that the entry covers
//! each.
//!
//! # The whole device
//!
//! A claim counts only if the entry covers every function whose requests could reach another
//! function of the device, or anything below it, without passing the IOMMU. Section numbers refer
//! to the PCI Express Base Specification 6.0.
//!
//! - **Endpoints**, including legacy endpoints: every function of the device, because functions of
//!   a multi-function device may send to each other internally (section 6.12.1.2). These are the
//!   functions of one device number, or of the whole bus under ARI (section 6.13).
//! - **Root complex integrated endpoints**: every function of the device, likewise. Requests
//!   between integrated endpoints of different devices are outside the specification (section
//!   6.12). No claim separates such devices, because the kernel compares functions of one device
//!   number only.
//! - **Downstream ports of a switch**: every downstream port of the switch, that is, every function
//!   of the bus. A downstream port forwards requests to its siblings unless ACS redirects them at
//!   the port where they enter (section 6.12.1.1), so one port without redirection reaches
//!   everything below all others. A switch has only downstream ports on that bus (section 1.3.3);
//!   any other function there ends the claim.
//! - **Root ports**: every root port of the bus, which is all of the root complex that
//!   configuration space shows. Forwarding between root ports is implementation specific (section
//!   1.3.1), so an unknown root port, or any other bridge on the bus, ends the claim. Functions
//!   with a type 0 header on the root bus do not count unless they have the same device number,
//!   because those are functions of the device.
//!
//! A sibling port also passes, without being covered, if its own ACS redirects everything that
//! enters there: it has the ACS capability, every requested flag is enabled, and neither P2P Egress
//! Control nor Direct Translated P2P is enabled. A sibling whose ACS is not enabled yet ends the
//! claim. A covered sibling that the kernel has not found yet ends it too. So at boot and on
//! hot-add, the kernel's questions about the ports of a switch are refused until its last port has
//! been found. The kernel asks again for each device below the ports, and on each rescan, and the
//! claim can count then.
//!
//! The check does not look for virtual functions, because they read as absent: the Vendor ID of a
//! virtual function is ffffh (section 9.3.4.1). A vendor's statement about the functions of a
//! device includes the requests of their virtual functions; the vendor's guide asks for that.
//!
//! # How the functions are found
//!
//! The check combines two sources. Configuration space shows functions that the kernel has not
//! found yet (on hot-add the kernel groups function 0 before it probes function 1) or has removed
//! through sysfs. The module's record of the kernel's functions shows functions that do not answer
//! at the moment, because they are powered down or in reset. A function known to either source must
//! pass: the kernel splits two functions as soon as one of them counts as isolated, so a claim must
//! hold for all.
//!
//! One question costs at most [`config::MAX_READS`](super::config::MAX_READS) reads, also on a bus
//! of 256 functions. If the budget runs out, there is no claim.

use core::{
    cell::Cell,
    fmt,                 //
    ops::RangeInclusive, //
};

use super::{
    acs::AcsFlags,
    aliases,
    config::{Config, Unreadable},
    devfns::DevfnSet,
    device::{Function, Record},
    entry::Entry,
    limits::{Excess, Limits},
    pcie::{HeaderLayout, PcieType},
};

/// Function numbers of one device number without ARI: PCI Express Base Specification 6.0, section
/// 2.2.6.2.
const FUNCTIONS: u8 = 8;
/// The largest number of functions of an ARI device: section 6.13.
const ARI_FUNCTIONS: usize = 256;

/// Why a claim for the whole device fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A function does not answer, or its configuration space is malformed.
    Unreadable {
        /// Device and function number on the bus.
        devfn: u8,
    },
    /// The ids in configuration space differ from the ids that the kernel enumerated.
    Changed {
        /// The vendor id read now.
        vendor: u16,
        /// The device id read now.
        device: u16,
    },
    /// Configuration space does not lead to the function that the kernel asks about: the
    /// multi-function bit of function 0 is clear, or the ARI chain skips the function.
    Unaccounted,
    /// A function is present that the entry does not cover, by its ids or by its type.
    NotCovered {
        /// Device and function number on the bus.
        devfn: u8,
        /// The function's vendor id.
        vendor: u16,
        /// The function's device id.
        device: u16,
    },
    /// A covered function has its own ACS capability, so the kernel reads that.
    HasAcs {
        /// Device and function number on the bus.
        devfn: u8,
    },
    /// A sibling port has an ACS capability that does not redirect everything: a requested flag is
    /// disabled, or P2P Egress Control or Direct Translated P2P is enabled.
    AcsOff {
        /// Device and function number on the bus.
        devfn: u8,
    },
    /// The kernel has not found this port of the same switch or root complex yet.
    NotFound {
        /// Device and function number on the bus.
        devfn: u8,
    },
    /// A function is untrusted or external-facing.
    Exposed {
        /// Device and function number on the bus.
        devfn: u8,
    },
    /// A function of the device sends under the requester ID of another function, or another
    /// function sends under the requester ID of a function of the device.
    Aliased {
        /// The function that the kernel asks about, or the function whose ids are on a list of
        /// [`aliases`].
        devfn: u8,
    },
    /// A function violates the limits of its ids.
    Limits {
        /// Device and function number on the bus.
        devfn: u8,
        /// The property that violates a limit.
        excess: Excess,
    },
    /// A condition of the entry does not hold for a function.
    Condition {
        /// Device and function number on the bus.
        devfn: u8,
        /// The number of the condition, from 1, in the order of the entry's file.
        number: u8,
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
                "the entry does not cover {} [{vendor:04x}:{device:04x}] of the same device or switch",
                Devfn(devfn)
            ),
            Self::HasAcs { devfn } => write!(
                f,
                "{} of the same device has an ACS capability, which the kernel goes by",
                Devfn(devfn)
            ),
            Self::AcsOff { devfn } => write!(
                f,
                "port {} of the same switch or root complex has an ACS capability that does not isolate it",
                Devfn(devfn)
            ),
            Self::NotFound { devfn } => write!(
                f,
                "the kernel has not found port {} of the same switch or root complex yet",
                Devfn(devfn)
            ),
            Self::Exposed { devfn } => write!(
                f,
                "{} of the same device or switch is untrusted or faces outside",
                Devfn(devfn)
            ),
            Self::Aliased { devfn } => write!(
                f,
                "requests go in or out under the requester ID of another function ({})",
                Devfn(devfn)
            ),
            Self::Limits { devfn, excess } => write!(
                f,
                "the entry does not speak for {excess}, which {} has",
                Devfn(devfn)
            ),
            Self::Condition { devfn, number } => write!(
                f,
                "condition {number} of the entry does not hold for {}",
                Devfn(devfn)
            ),
        }
    }
}

/// Writes device and function number as `slot.function`.
struct Devfn(u8);

impl fmt::Display for Devfn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}.{}", self.0 >> 3, self.0 & 7)
    }
}

/// Checks that `entry` covers the whole device of `function`, when the kernel asks for the flags
/// `asked`. `covered` maps vendor and device id to the limits that the entry sets, or to `None` for
/// ids that the entry does not list.
///
/// Reads of configuration space are bounded by [`config::MAX_READS`](super::config::MAX_READS).
///
/// # Errors
///
/// The first [`Fault`] found.
pub fn check<F: Function>(
    function: &F,
    entry: &Entry,
    asked: AcsFlags,
    covered: impl Fn(u16, u16) -> Option<&'static Limits>,
) -> Result<(), Fault> {
    let own = function.devfn();
    let port = function
        .pcie_type()
        .filter(|found| found.is_claimable_port());
    let whole_bus = port.is_some() || function.is_ari();
    let [first, last] = if whole_bus {
        [0, u8::MAX]
    } else {
        [own & !7, own | 7]
    };
    if function.is_aliased(first, last) {
        return Err(Fault::Aliased { devfn: own });
    }
    let whole = Whole {
        function,
        config: Config::new(function),
        entry,
        asked,
        covered,
        port,
        passed: Cell::new(DevfnSet::EMPTY),
        accounted: Cell::new(false),
    };
    whole.expect_unchanged(own)?;
    match port {
        Some(_) if function.is_ari() => whole.ask_numbers(first..=last)?,
        Some(_) => whole.ask_slots(own)?,
        None if function.is_ari() => {
            whole.ask_own_slot(first)?;
            whole.ask_chain(first)?;
        }
        None => whole.ask_own_slot(first)?,
    }
    whole.ask_record(first, last)?;
    if whole.accounted.get() {
        Ok(())
    } else {
        Err(Fault::Unaccounted)
    }
}

/// The state of one check.
struct Whole<'a, F, C> {
    function: &'a F,
    config: Config<'a, F>,
    entry: &'a Entry,
    asked: AcsFlags,
    covered: C,
    /// The PCIe type of the function that the kernel asks about, if it is a root port or a
    /// downstream port.
    port: Option<PcieType>,
    /// The functions that are present and have passed.
    passed: Cell<DevfnSet>,
    /// Whether configuration space led to the function that the kernel asks about.
    accounted: Cell<bool>,
}

impl<F: Function, C: Fn(u16, u16) -> Option<&'static Limits>> Whole<'_, F, C> {
    /// Fails unless the ids are still those that the kernel enumerated.
    fn expect_unchanged(&self, own: u8) -> Result<(), Fault> {
        let (vendor, device) = self
            .config
            .ids(own)?
            .ok_or(Fault::Unreadable { devfn: own })?;
        if (vendor, device) == (self.function.vendor(), self.function.device()) {
            Ok(())
        } else {
            Err(Fault::Changed { vendor, device })
        }
    }

    /// Checks every device number of the bus. A device number without function 0 is empty, except
    /// the device number of the function `own`.
    fn ask_slots(&self, own: u8) -> Result<(), Fault> {
        for first in (0..=u8::MAX).step_by(usize::from(FUNCTIONS)) {
            if !self.ask_slot(first)? && first == own & !7 {
                return Err(Fault::Unreadable { devfn: first });
            }
        }
        Ok(())
    }

    /// Checks the device number of the function that the kernel asks about. Function 0 must be
    /// present.
    fn ask_own_slot(&self, first: u8) -> Result<(), Fault> {
        if self.ask_slot(first)? {
            Ok(())
        } else {
            Err(Fault::Unreadable { devfn: first })
        }
    }

    /// Checks the functions of one device number; `false` if function 0 is absent. If function 0
    /// has no multi-function bit, the device may answer as function 0 at every function number, so
    /// the others are not read.
    fn ask_slot(&self, first: u8) -> Result<bool, Fault> {
        if !self.account(first)? {
            return Ok(false);
        }
        if self.config.header_type(first)? & 0x80 != 0 {
            self.ask_numbers(first | 1..=first | 7)?;
        }
        Ok(true)
    }

    fn ask_numbers(&self, mut numbers: RangeInclusive<u8>) -> Result<(), Fault> {
        numbers.try_for_each(|devfn| self.account(devfn).map(|_| ()))
    }

    /// Follows the chain of ARI function numbers from function 0. The kernel follows the chain
    /// without regard to the multi-function bit (`next_fn()` in `drivers/pci/probe.c`).
    fn ask_chain(&self, first: u8) -> Result<(), Fault> {
        let mut at = first;
        for _ in 0..ARI_FUNCTIONS {
            let next = self.config.ari_next(at)?;
            // 0 ends the chain. A number that does not ascend is malformed. The kernel stops there;
            // this check fails, because such a chain does not name the whole device.
            if next == 0 {
                break;
            }
            if next <= at || !self.account(next)? {
                return Err(Fault::Unreadable { devfn: next });
            }
            at = next;
        }
        Ok(())
    }

    /// Checks the functions that the module's record has. Each of them must be present.
    fn ask_record(&self, first: u8, last: u8) -> Result<(), Fault> {
        for devfn in first..=last {
            match self.function.record(devfn) {
                Record::None => {}
                Record::Incomplete => return Err(Fault::Unreadable { devfn }),
                Record::Known | Record::Exposed if self.passed.get().contains(devfn) => {}
                Record::Exposed => return Err(Fault::Exposed { devfn }),
                Record::Known => {
                    if !self.ask(devfn)? {
                        return Err(Fault::Unreadable { devfn });
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks a function number that configuration space leads to; `false` if no function is there.
    fn account(&self, devfn: u8) -> Result<bool, Fault> {
        let present = self.passed.get().contains(devfn) || self.ask(devfn)?;
        if present && devfn == self.function.devfn() {
            self.accounted.set(true);
        }
        Ok(present)
    }

    /// Checks one function number; `false` if no function is there.
    fn ask(&self, devfn: u8) -> Result<bool, Fault> {
        let Some((vendor, device)) = self.config.ids(devfn)? else {
            return Ok(false);
        };
        // The ids decide, not `dma_alias_mask`: the kernel may not have run this function's fixup
        // yet.
        if aliases::may_alias(vendor, device) {
            return Err(Fault::Aliased { devfn });
        }
        let stranger = Fault::NotCovered {
            devfn,
            vendor,
            device,
        };
        let layout = HeaderLayout::from_raw(self.config.header_type(devfn)?);
        let found = self.config.pcie_type(devfn)?.and_then(PcieType::from_raw);
        if !self.is_outside(devfn, layout) && !self.redirects(devfn, found)? {
            let layout = layout.ok_or(stranger)?;
            let found = found.ok_or(stranger)?;
            // A port next to an endpoint is no function of a device that an entry describes.
            if self.port.is_none() && found.is_claimable_port() {
                return Err(stranger);
            }
            if !self.entry.kinds.speak_for(found, layout) {
                return Err(stranger);
            }
            let limits = (self.covered)(vendor, device).ok_or(stranger)?;
            self.ask_covered(devfn, layout, limits)?;
        }
        let mut passed = self.passed.get();
        passed.insert(devfn);
        self.passed.set(passed);
        Ok(true)
    }

    /// Whether the function lies outside the device of a root port: it has a type 0 header and
    /// another device number. Bridges of any type do not, because a bridge of unknown type may be a
    /// root port.
    fn is_outside(&self, devfn: u8, layout: Option<HeaderLayout>) -> bool {
        self.port == Some(PcieType::RootPort)
            && layout == Some(HeaderLayout::Endpoint)
            && devfn & !7 != self.function.devfn() & !7
    }

    /// Whether the function is a sibling port whose own ACS capability redirects everything that
    /// enters there.
    fn redirects(&self, devfn: u8, found: Option<PcieType>) -> Result<bool, Fault> {
        if self.port.is_none() || found != self.port || devfn == self.function.devfn() {
            return Ok(false);
        }
        match self.config.acs_control(devfn)? {
            // P2P Egress Control and Direct Translated P2P let requests go directly to siblings
            // despite P2P Request Redirect: PCI Express Base Specification 6.0, section 6.12.3.
            Some(control)
                if control.contains(self.asked)
                    && control.intersection(AcsFlags::EC.union(AcsFlags::DT)) == AcsFlags::NONE =>
            {
                Ok(true)
            }
            Some(_) => Err(Fault::AcsOff { devfn }),
            None => Ok(false),
        }
    }

    /// Checks a function whose ids the entry covers.
    fn ask_covered(&self, devfn: u8, layout: HeaderLayout, limits: &Limits) -> Result<(), Fault> {
        if self.config.has_acs(devfn)? {
            return Err(Fault::HasAcs { devfn });
        }
        match self.function.record(devfn) {
            // The kernel knows whether a port is external-facing only after it has set the port up.
            // An endpoint is as exposed as its siblings.
            Record::None if self.port.is_some() => return Err(Fault::NotFound { devfn }),
            Record::Known | Record::None => {}
            Record::Exposed => return Err(Fault::Exposed { devfn }),
            Record::Incomplete => return Err(Fault::Unreadable { devfn }),
        }
        if let Some(excess) = limits.excess(&self.config, devfn, layout)? {
            return Err(Fault::Limits { devfn, excess });
        }
        for (number, condition) in (1..).zip(self.entry.conditions) {
            if !condition.holds(&self.config, devfn)? {
                return Err(Fault::Condition { devfn, number });
            }
        }
        Ok(())
    }
}

impl From<Unreadable> for Fault {
    fn from(Unreadable { devfn }: Unreadable) -> Self {
        Self::Unreadable { devfn }
    }
}
