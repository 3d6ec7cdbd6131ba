// SPDX-License-Identifier: GPL-2.0-only

//! Counts the functions of each device, and finds signs that a topology lacks some of them.

use std::collections::BTreeMap;

use rules::pcie::PcieType;
use topology::{Bdf, Domain, Function, Topology};

use super::{Assumption, order::Order};
use crate::model::{self, Interface};

/// Whether a bridge leads to a link, which has one device.
pub(crate) fn is_link(bridge: Option<&model::Function>) -> bool {
    matches!(
        bridge.map(|bridge| bridge.interface),
        Some(Interface::Express(
            PcieType::RootPort | PcieType::DownstreamPort
        ))
    )
}

/// The number of functions by device number and by bus.
pub(crate) struct Siblings {
    slots: BTreeMap<(Domain, u8, u8), u16>,
    buses: BTreeMap<(Domain, u8), u16>,
}

impl Siblings {
    pub(crate) fn of<'f>(functions: impl IntoIterator<Item = &'f Function>) -> Self {
        let mut siblings = Self {
            slots: BTreeMap::new(),
            buses: BTreeMap::new(),
        };
        for function in functions {
            if function.physfn.is_none() {
                let Bdf { domain, bus, .. } = function.bdf;
                *siblings
                    .slots
                    .entry((domain, bus, function.bdf.slot()))
                    .or_default() += 1;
                *siblings.buses.entry((domain, bus)).or_default() += 1;
            }
        }
        siblings
    }

    /// `pci_dev.multifunction`: the multi-function bit of the header, or not the first function of
    /// its device (`pci_scan_slot()` in `drivers/pci/probe.c`). Never set for a virtual function
    /// (`pci_iov_add_virtfn()` in `drivers/pci/iov.c`). If the bit was not seen, function 0 has it
    /// when other functions exist, because the kernel would not have scanned for them without it.
    ///
    /// `is_on_link` is whether the function is directly below a root port or a downstream port. `None` if
    /// nothing shows it: the kernel found no other function, and may have looked for one.
    pub(crate) fn multifunction(&self, function: &Function, is_on_link: bool) -> Option<bool> {
        if function.physfn.is_some() {
            return Some(false);
        }
        let Bdf { domain, bus, devfn } = function.bdf;
        // A link has one device, so a function with a higher device number is an ARI function.
        let (number, of_device) = if is_on_link {
            (devfn, self.buses.get(&(domain, bus)))
        } else {
            let slot = function.bdf.slot();
            (
                function.bdf.function(),
                self.slots.get(&(domain, bus, slot)),
            )
        };
        let has_others = number > 0 || of_device.is_some_and(|&count| count > 1);
        match function.multifunction {
            Some(bit) => Some(number > 0 || bit),
            None => has_others.then_some(true),
        }
    }
}

/// Signs that a topology lacks functions.
pub(super) struct Missing<'a> {
    /// Whether it comes from a text. A reading of sysfs shows all functions.
    is_text: bool,
    /// Whether it lacks the first function of a domain, which every recorded machine has.
    is_part: bool,
    gaps: &'a [Bdf],
}

impl<'a> Missing<'a> {
    pub(super) fn of(topology: &'a Topology) -> Self {
        let evidence = &topology.evidence;
        let is_text = !evidence.is_empty() && !evidence.iter().any(|one| one == "sysfs");
        let mut functions = topology.functions.iter();
        Self {
            is_text,
            is_part: is_text && !functions.any(|one| (one.bdf.bus, one.bdf.devfn) == (0, 0)),
            gaps: &topology.gaps,
        }
    }

    /// What is assumed of other functions of the function's device.
    pub(super) fn of_device(
        &self,
        order: &Order,
        function: &Function,
        is_on_link: bool,
        multifunction: Option<bool>,
    ) -> Option<Assumption> {
        let bdf = function.bdf;
        let devfn = if is_on_link { 0 } else { bdf.devfn & !7 };
        let is_virtual = function.physfn.is_some();
        if self.is_text && !is_virtual && order.position(Bdf { devfn, ..bdf }).is_none() {
            return Some(Assumption::NoFunction0);
        }
        let may_have_more = match multifunction {
            Some(false) => false,
            Some(true) => self.gaps.contains(&bdf),
            None => self.is_part || self.gaps.contains(&bdf),
        };
        may_have_more.then_some(Assumption::MoreFunctions)
    }
}
