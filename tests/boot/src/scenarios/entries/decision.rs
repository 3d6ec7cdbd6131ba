// SPDX-License-Identifier: GPL-2.0-only

//! The module's decision about an emulated device, before any guest boots.

use anyhow::{Context as _, Result, bail};
use grouping::handlers::{Facts, Handlers, Silicon};
use quirk_data::supported;
use rules::{
    acs::AcsFlags,
    config::Config,
    decision::{Decision, decide},
    device::{Function, Record},
    pcie::PcieType,
    table::Table,
    withdraw::Withdrawn,
};

use super::{
    boot::IOMMU,
    function::{EmulatedFunction, port_type},
};
use crate::{machine::Iommu, space::Space};

/// The claims of the kernel's own quirks and of the module's table.
#[derive(Clone, Copy)]
pub struct KnownClaims<'a> {
    /// The kernel's own quirks.
    pub kernel: &'a Handlers,
    /// The module's table.
    pub table: &'a Table,
}

impl KnownClaims<'_> {
    /// Whether neither the kernel nor the table claims these ids, on a function with the other
    /// properties of `like`.
    #[must_use]
    pub fn is_free(&self, like: &EmulatedFunction, vendor: u16, device: u16) -> bool {
        use rules::decision::KernelVerdict::Isolated;
        self.table.row(vendor, device).is_none() && self.verdict(like, vendor, device) != Isolated
    }

    /// Checks that the entry `number` splits a device.
    ///
    /// # Errors
    ///
    /// The module's reason for a refusal.
    pub fn check_split(
        &self,
        number: u16,
        functions: &[(&EmulatedFunction, &Space)],
    ) -> Result<()> {
        for (devfn, (emulated, _)) in (0..).zip(functions) {
            let function = Emulated { functions, devfn };
            let (vendor, device) = (emulated.vendor, emulated.device);
            let kernel = self.verdict(emulated, vendor, device);
            let asked = AcsFlags::GROUPING;
            let running = supported::oldest().context("no kernel is supported")?;
            let name = format!("{} {vendor:04x}:{device:04x}", emulated.kind.name());
            match decide(
                self.table,
                &Withdrawn::NONE,
                running,
                kernel,
                asked,
                &function,
            ) {
                Decision::Granted(at) if self.is_number(at, number) => {}
                Decision::Granted(_) | Decision::NotListed => {
                    bail!("{name} is not in the table as a device of this entry")
                }
                Decision::Refused(_, refusal) => {
                    bail!("the module would not split {name}, as it is emulated: {refusal}")
                }
            }
        }
        Ok(())
    }

    fn is_number(&self, position: u16, number: u16) -> bool {
        let entry = self.table.entries.get(usize::from(position));
        entry.is_some_and(|entry| entry.number == number)
    }

    fn verdict(
        &self,
        like: &EmulatedFunction,
        vendor: u16,
        device: u16,
    ) -> rules::decision::KernelVerdict {
        let (found, _) = port_type(like.kind);
        let facts = Facts {
            vendor,
            device: Some(device),
            pcie_type: Some(found),
            multifunction: true,
            root_bus: matches!(found, PcieType::RootPort | PcieType::RcEndpoint),
            amd_iommu: matches!(IOMMU, Iommu::Amd),
            acs: None,
            silicon: Silicon::default(),
        };
        self.kernel.verdict(&facts, AcsFlags::GROUPING).kernel
    }
}

/// A function of an emulated device in slot 0, as the module sees it.
struct Emulated<'a> {
    functions: &'a [(&'a EmulatedFunction, &'a Space)],
    devfn: u8,
}

impl Function for Emulated<'_> {
    fn vendor(&self) -> u16 {
        self.functions[usize::from(self.devfn)].0.vendor
    }

    fn device(&self) -> u16 {
        self.functions[usize::from(self.devfn)].0.device
    }

    fn devfn(&self) -> u8 {
        self.devfn
    }

    fn pcie_type(&self) -> Option<PcieType> {
        let raw = Config::new(self).pcie_type(self.devfn).ok()??;
        PcieType::from_raw(raw)
    }

    fn is_virtual(&self) -> bool {
        false
    }

    fn has_acs(&self) -> bool {
        !matches!(Config::new(self).has_acs(self.devfn), Ok(false))
    }

    fn is_exposed(&self) -> bool {
        false
    }

    fn is_gone(&self) -> bool {
        false
    }

    fn is_ari(&self) -> bool {
        false
    }

    fn is_aliased(&self, _first: u8, _last: u8) -> bool {
        false
    }

    fn is_recordable(&self) -> bool {
        true
    }

    fn record(&self, devfn: u8) -> Record {
        match self.functions.get(usize::from(devfn)) {
            Some(_) => Record::Known,
            None => Record::None,
        }
    }

    fn read_config(&self, devfn: u8, offset: u16) -> Option<u32> {
        match self.functions.get(usize::from(devfn)) {
            Some((_, space)) => space.dword(offset.into()),
            None => Some(u32::MAX),
        }
    }
}
