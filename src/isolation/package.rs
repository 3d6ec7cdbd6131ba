// SPDX-License-Identifier: GPL-2.0-only

//! Which functions are present in the package of a function: trust rule `whole`.
//!
//! Two witnesses are heard. Configuration space tells of functions that the kernel has not found
//! yet (on hot-add it groups function 0 before it has looked at function 1) or has forgotten (one
//! that was removed through sysfs is still there). The kernel's record tells of functions that do
//! not answer at the moment, being powered down or reset. A function that either knows is there, and
//! must be one that the entry speaks for: the kernel splits two functions as soon as one of them
//! counts as isolated, so nothing may be said of one that is not true of all.

use core::{
    cell::Cell,
    fmt, //
};

use super::{
    config::{Config, Unreadable},
    device::{Function, Record},
    entry::Entry,
    limits::{Excess, Limits},
    pcie::{HeaderLayout, PcieType},
};

/// Functions of a slot without ARI: PCI Express Base Specification, section 2.2.6.2.
const FUNCTIONS: u8 = 8;
/// Most functions that an ARI device has.
const ARI_FUNCTIONS: usize = 256;

/// What stands in the way of a claim for a package.
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
    /// The package, as function 0 describes it, does not have the function that is asked about.
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
    /// A function has an ACS capability, which the kernel goes by.
    HasAcs {
        /// The function's number on its bus.
        devfn: u8,
    },
    /// A function is untrusted or faces outside.
    Exposed {
        /// The function's number on its bus.
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

impl Fault {
    /// How many kinds of fault there are: one more than the largest [`Fault::code`].
    pub const COUNT: u8 = 8;

    /// Number of the kind of fault, from 0.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unreadable { .. } => 0,
            Self::Changed { .. } => 1,
            Self::Unaccounted => 2,
            Self::NotCovered { .. } => 3,
            Self::HasAcs { .. } => 4,
            Self::Exposed { .. } => 5,
            Self::Limits { .. } => 6,
            Self::Condition { .. } => 7,
        }
    }
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
            Self::HasAcs { devfn } => write!(
                f,
                "{} in the same package has an ACS capability, which the kernel goes by",
                Devfn(devfn)
            ),
            Self::Exposed { devfn } => write!(
                f,
                "{} in the same package is untrusted or faces outside",
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

/// Checks that `entry` may speak for every function in the package of `function`. Which ids it
/// covers and within what limits, `covered` tells from vendor and device id.
///
/// Reads are bounded by [`config::MAX_READS`](super::config::MAX_READS).
///
/// # Errors
///
/// The first [`Fault`] found.
pub fn check<F: Function>(
    function: &F,
    entry: &Entry,
    covered: impl Fn(u16, u16) -> Option<&'static Limits>,
) -> Result<(), Fault> {
    let own = function.devfn();
    let first = if function.is_ari() { 0 } else { own & !7 };
    let package = Package {
        function,
        config: Config::new(function),
        entry,
        covered,
        passed: Cell::new([0; 4]),
        accounted: Cell::new(false),
    };
    package.is_unchanged(own)?;
    package.ask_slot(first)?;
    if function.is_ari() {
        package.ask_chain(first)?;
    }
    package.ask_record(first)?;
    if package.accounted.get() {
        Ok(())
    } else {
        Err(Fault::Unaccounted)
    }
}

/// A package that is being checked.
struct Package<'a, F, C> {
    function: &'a F,
    config: Config<'a, F>,
    entry: &'a Entry,
    covered: C,
    /// The function numbers that are present and have passed, a bit for each.
    passed: Cell<[u64; 4]>,
    /// Whether configuration space accounts for the function that the claim is for.
    accounted: Cell<bool>,
}

impl<F: Function, C: Fn(u16, u16) -> Option<&'static Limits>> Package<'_, F, C> {
    /// The function must still be what the kernel enumerated.
    fn is_unchanged(&self, own: u8) -> Result<(), Fault> {
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

    /// Asks the function numbers of a slot. Where function 0 says that it is the only one, the others
    /// may answer as function 0, so they are not asked.
    fn ask_slot(&self, first: u8) -> Result<(), Fault> {
        if !self.account(first)? {
            return Err(Fault::Unreadable { devfn: first });
        }
        if self.config.header_type(first)? & 0x80 != 0 {
            for number in 1..FUNCTIONS {
                self.account(first | number)?;
            }
        }
        Ok(())
    }

    /// Follows the chain of ARI function numbers. The kernel follows it whatever the multi-function
    /// bit says (`next_fn()` in `drivers/pci/probe.c`).
    fn ask_chain(&self, first: u8) -> Result<(), Fault> {
        let mut at = first;
        for _ in 0..ARI_FUNCTIONS {
            let next = self.config.ari_next(at)?;
            // Zero ends the list. One that does not ascend is malformed; the kernel stops there,
            // but a list that cannot be followed to its end names no whole package.
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
    fn ask_record(&self, first: u8) -> Result<(), Fault> {
        let last = if self.function.is_ari() {
            u8::MAX
        } else {
            first | 7
        };
        for devfn in first..=last {
            match self.function.record(devfn) {
                Record::None => {}
                Record::Known => {
                    if !self.has_passed(devfn) && !self.ask(devfn)? {
                        return Err(Fault::Unreadable { devfn });
                    }
                }
                Record::Exposed => return Err(Fault::Exposed { devfn }),
                Record::Incomplete => return Err(Fault::Unreadable { devfn }),
            }
        }
        Ok(())
    }

    /// Checks one function number that configuration space leads to: `false` when nothing is there.
    fn account(&self, devfn: u8) -> Result<bool, Fault> {
        let present = self.has_passed(devfn) || self.ask(devfn)?;
        if present && devfn == self.function.devfn() {
            self.accounted.set(true);
        }
        Ok(present)
    }

    /// Whether a function is present and has passed.
    fn has_passed(&self, devfn: u8) -> bool {
        let [word, bit] = [devfn >> 6, devfn & 63];
        let passed = self.passed.get();
        passed
            .get(usize::from(word))
            .is_some_and(|word| word & (1 << bit) != 0)
    }

    /// Checks one function number: `false` when nothing is there.
    fn ask(&self, devfn: u8) -> Result<bool, Fault> {
        let Some((vendor, device)) = self.config.ids(devfn)? else {
            return Ok(false);
        };
        let stranger = Fault::NotCovered {
            devfn,
            vendor,
            device,
        };
        let layout = HeaderLayout::from_raw(self.config.header_type(devfn)?)
            .filter(|&layout| self.entry.kinds.have(layout))
            .ok_or(stranger)?;
        let limits = (self.covered)(vendor, device).ok_or(stranger)?;
        match self.config.pcie_type(devfn)?.and_then(PcieType::from_raw) {
            Some(found) if self.entry.kinds.speak_for(found, layout) => {}
            _ => return Err(stranger),
        }
        if self.config.has_acs(devfn)? {
            return Err(Fault::HasAcs { devfn });
        }
        if let Some(excess) = limits.excess(&self.config, devfn, layout)? {
            return Err(Fault::Limits { devfn, excess });
        }
        for (number, condition) in (1..).zip(self.entry.conditions) {
            if !condition.holds(&self.config, devfn)? {
                return Err(Fault::Condition { devfn, number });
            }
        }
        let [word, bit] = [devfn >> 6, devfn & 63];
        let mut passed = self.passed.get();
        if let Some(word) = passed.get_mut(usize::from(word)) {
            *word |= 1 << bit;
        }
        self.passed.set(passed);
        Ok(true)
    }
}

impl From<Unreadable> for Fault {
    fn from(Unreadable { devfn }: Unreadable) -> Self {
        Self::Unreadable { devfn }
    }
}
