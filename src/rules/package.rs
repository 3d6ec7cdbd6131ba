// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `whole`: which functions make the whole device, and whether the entry speaks for each.
//!
//! # What the whole device is
//!
//! A claim counts only if the entry speaks for every function whose requests could reach another function
//! of the device, or what is below it, without the IOMMU. Section numbers are those of the PCI Express
//! Base Specification 6.0.
//!
//! - **Endpoints**, legacy ones too: every function of the device (section 6.12.1.2 has functions of a
//!   multi-function device send to each other inside it). That is every function of the slot, and under
//!   ARI every function of the bus (section 6.13).
//! - **Root complex integrated endpoints**: every function of the device, likewise. What a root complex
//!   does with requests between integrated endpoints of different devices is outside the specification
//!   (section 6.12), and no claim separates those: the kernel compares functions of one slot only.
//! - **Downstream ports of a switch**: every downstream port of that switch, that is, every function of
//!   the bus. A downstream port forwards requests to its siblings unless ACS redirects them at the port
//!   where they enter (section 6.12.1.1), so one port that does not reaches what is below all others.
//!   Nothing but downstream ports may be on that bus (section 1.3.3); a bus with anything else is that of
//!   no switch which a statement is about.
//! - **Root ports**: every root port of the root complex, as far as configuration space shows it: every
//!   root port of the bus. Whether a root complex forwards requests between its root ports is left to its
//!   maker (section 1.3.1), so a root port of which nothing is known counts as one that does, and so does any
//!   other bridge. Functions with a header of type 0 on a root bus do not count, unless they share the slot:
//!   they are functions of the device.
//!
//! For ports, a sibling that has an ACS capability and has every flag asked for switched on, and neither Egress
//! Control nor Direct Translated P2P, counts as well as one that the entry covers: it redirects what enters
//! there. A sibling whose ACS is not on yet ends the claim, and so does one without ACS that the kernel has not
//! found yet. So at boot and on hot-add the ports of a switch are
//! refused until the last of them is there. What is below them is asked about later, and again on each
//! rescan, and may be granted then.
//!
//! Virtual functions are not looked for: they do not answer by their number. What a statement says of the
//! functions of a device, it says of the requests of their virtual functions too; the vendor's guide asks for that.
//!
//! # How the functions are found
//!
//! Two witnesses are heard. Configuration space tells of functions that the kernel has not found
//! yet (on hot-add it groups function 0 before it has looked at function 1) or has forgotten (one
//! that was removed through sysfs is still there). The kernel's record tells of functions that do
//! not answer at the moment, being powered down or reset. A function that either knows is there, and
//! must be one that the entry speaks for: the kernel splits two functions as soon as one of them
//! counts as isolated, so nothing may be said of one that is not true of all.
//!
//! A question costs at most [`config::MAX_READS`](super::config::MAX_READS) reads, also on a bus of 256
//! functions: when they are spent, there is no claim.

use core::{
    cell::Cell,
    fmt, //
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

/// Functions of a slot without ARI: PCI Express Base Specification, section 2.2.6.2.
const FUNCTIONS: u8 = 8;
/// Most functions that an ARI device has.
const ARI_FUNCTIONS: usize = 256;

/// What stands in the way of a claim for the whole device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A function does not answer, or its configuration space makes no sense.
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
    /// The device, as its function 0 describes it, does not have the function that is asked about.
    Unaccounted,
    /// A function is present that the entry does not cover: another id, or another type.
    NotCovered {
        /// The function's number on its bus.
        devfn: u8,
        /// Its vendor id.
        vendor: u16,
        /// Its device id.
        device: u16,
    },
    /// A function of an endpoint has an ACS capability, which the kernel goes by.
    HasAcs {
        /// The function's number on its bus.
        devfn: u8,
    },
    /// A port of the same switch or root complex has an ACS capability without the flags asked for.
    AcsOff {
        /// The port's number on its bus.
        devfn: u8,
    },
    /// The kernel has not found a port of the same switch or root complex yet.
    NotFound {
        /// The port's number on its bus.
        devfn: u8,
    },
    /// A function is untrusted or faces outside.
    Exposed {
        /// The function's number on its bus.
        devfn: u8,
    },
    /// Requester IDs go in or out of the device: a function sends under that of another, or another one
    /// under that of a function of the device.
    Aliased {
        /// The function that is asked about, or the one that is known for it by its ids.
        devfn: u8,
    },
    /// A function is outside the limits of its ids.
    Limits {
        /// The function's number on its bus.
        devfn: u8,
        /// What it is.
        excess: Excess,
    },
    /// A condition of the entry does not hold for a function.
    Condition {
        /// The function's number on its bus.
        devfn: u8,
        /// Which one, from 1, in the order of the data file.
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
                "port {} of the same switch or root complex has an ACS capability that is not switched on",
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

/// Writes a function's number as `slot.function`.
struct Devfn(u8);

impl fmt::Display for Devfn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}.{}", self.0 >> 3, self.0 & 7)
    }
}

/// Checks that `entry` may speak for the whole device of `function`, of which the flags `asked` are asked.
/// Which ids it covers and within what limits, `covered` tells from vendor and device id.
///
/// Reads are bounded by [`config::MAX_READS`](super::config::MAX_READS).
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
    let package = Package {
        function,
        config: Config::new(function),
        entry,
        asked,
        covered,
        port,
        passed: Cell::new(DevfnSet::EMPTY),
        accounted: Cell::new(false),
    };
    package.expect_unchanged(own)?;
    match port {
        Some(_) if function.is_ari() => package.ask_numbers(first..=last)?,
        Some(_) => package.ask_slots(own)?,
        None if function.is_ari() => {
            package.ask_own_slot(first)?;
            package.ask_chain(first)?;
        }
        None => package.ask_own_slot(first)?,
    }
    package.ask_record(first, last)?;
    if package.accounted.get() {
        Ok(())
    } else {
        Err(Fault::Unaccounted)
    }
}

/// A device that is being checked.
struct Package<'a, F, C> {
    function: &'a F,
    config: Config<'a, F>,
    entry: &'a Entry,
    asked: AcsFlags,
    covered: C,
    /// The type of the function that the claim is for, if that is a port.
    port: Option<PcieType>,
    /// The function numbers that are present and have passed.
    passed: Cell<DevfnSet>,
    /// Whether configuration space accounts for the function that the claim is for.
    accounted: Cell<bool>,
}

impl<F: Function, C: Fn(u16, u16) -> Option<&'static Limits>> Package<'_, F, C> {
    /// The function must still be what the kernel enumerated.
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

    /// Asks the function numbers of every slot of the bus; a slot without function 0 is empty, but for
    /// that of the function `own`.
    fn ask_slots(&self, own: u8) -> Result<(), Fault> {
        for first in (0..=u8::MAX).step_by(usize::from(FUNCTIONS)) {
            if !self.ask_slot(first)? && first == own & !7 {
                return Err(Fault::Unreadable { devfn: first });
            }
        }
        Ok(())
    }

    /// Asks the function numbers of the slot that the function asked about is in.
    fn ask_own_slot(&self, first: u8) -> Result<(), Fault> {
        if self.ask_slot(first)? {
            Ok(())
        } else {
            Err(Fault::Unreadable { devfn: first })
        }
    }

    /// Asks the function numbers of a slot: `false` where there is no function 0. Where that says that it is the
    /// only one, the others may answer as function 0, so they are not asked.
    fn ask_slot(&self, first: u8) -> Result<bool, Fault> {
        if !self.account(first)? {
            return Ok(false);
        }
        if self.config.header_type(first)? & 0x80 != 0 {
            self.ask_numbers(first | 1..=first | 7)?;
        }
        Ok(true)
    }

    /// Asks each of these function numbers.
    fn ask_numbers(&self, mut numbers: impl Iterator<Item = u8>) -> Result<(), Fault> {
        numbers.try_for_each(|devfn| self.account(devfn).map(|_| ()))
    }

    /// Follows the chain of ARI function numbers. The kernel follows it whatever the multi-function
    /// bit says (`next_fn()` in `drivers/pci/probe.c`).
    fn ask_chain(&self, first: u8) -> Result<(), Fault> {
        let mut at = first;
        for _ in 0..ARI_FUNCTIONS {
            let next = self.config.ari_next(at)?;
            // Zero ends the list. One that does not ascend is malformed; the kernel stops there,
            // but a list that cannot be followed to its end names no whole device.
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

    /// Asks for the functions that the kernel has on record; each must be there.
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

    /// Checks one function number that configuration space leads to: `false` when nothing is there.
    fn account(&self, devfn: u8) -> Result<bool, Fault> {
        let present = self.passed.get().contains(devfn) || self.ask(devfn)?;
        if present && devfn == self.function.devfn() {
            self.accounted.set(true);
        }
        Ok(present)
    }

    /// Checks one function number: `false` when nothing is there.
    fn ask(&self, devfn: u8) -> Result<bool, Fault> {
        let Some((vendor, device)) = self.config.ids(devfn)? else {
            return Ok(false);
        };
        // An alias quirk may act later than this question: its function may not be set up yet.
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
            // Beside a port, an endpoint is no device of its own.
            if self.port.is_none() && found.is_some_and(PcieType::is_claimable_port) {
                return Err(stranger);
            }
            if !found.is_some_and(|found| self.entry.kinds.speak_for(found, layout)) {
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

    /// Whether a function is on a root bus beside root ports and not part of them: no bridge of any sort, for one
    /// whose type is not known may be a root port, and in another slot.
    fn is_outside(&self, devfn: u8, layout: Option<HeaderLayout>) -> bool {
        self.port == Some(PcieType::RootPort)
            && layout == Some(HeaderLayout::Endpoint)
            && devfn & !7 != self.function.devfn() & !7
    }

    /// Whether a port beside the one that the claim is for redirects by its own ACS capability all that
    /// enters there.
    fn redirects(&self, devfn: u8, found: Option<PcieType>) -> Result<bool, Fault> {
        if self.port.is_none() || found != self.port || devfn == self.function.devfn() {
            return Ok(false);
        }
        match self.config.acs_control(devfn)? {
            // Egress Control and Direct Translated P2P let requests through to siblings all the same: section
            // 6.12.3.
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
            // What a port faces is known once the kernel has set it up; an endpoint is as exposed as
            // its siblings.
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
