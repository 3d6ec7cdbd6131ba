// SPDX-License-Identifier: GPL-2.0-only

//! Handmade machines for the tests of the grouping.

use grouping::model::{
    self, DevfnSet, Fault, Function, Interface, Reason, Scratch, release::Release,
};
use rules::pcie::PcieType;

/// Functions in the order in which the kernel adds them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine(pub(crate) Vec<Function>);

pub(crate) const fn devfn(slot: u8, function: u8) -> u8 {
    (slot << 3) | function
}

/// A plain function: a single-function endpoint that the IOMMU driver manages.
pub(crate) const fn endpoint(bus: u8, devfn: u8) -> Function {
    Function {
        domain: 0,
        bus,
        devfn,
        above: None,
        dma_device: None,
        interface: Interface::Express(PcieType::Endpoint),
        translation_root: false,
        keeps_requester_ids: false,
        multifunction: false,
        isolated: true,
        dma_aliases: DevfnSet::EMPTY,
        takes_part: true,
    }
}

/// A bridge of this type, isolated or not.
pub(crate) const fn bridge(bus: u8, devfn: u8, interface: Interface, isolated: bool) -> Function {
    Function {
        interface,
        isolated,
        ..endpoint(bus, devfn)
    }
}

/// A port of this type, isolated or not.
pub(crate) const fn port(bus: u8, devfn: u8, kind: PcieType, isolated: bool) -> Function {
    bridge(bus, devfn, Interface::Express(kind), isolated)
}

/// A function of a multi-function device that is not isolated.
pub(crate) const fn shared(bus: u8, devfn: u8) -> Function {
    Function {
        multifunction: true,
        isolated: false,
        ..endpoint(bus, devfn)
    }
}

impl Change for Function {}

/// Changes of one property.
pub(crate) trait Change: Sized + Into<Function> {
    /// The same function behind the bridge with this index.
    fn behind(self, above: u32) -> Function {
        Function {
            above: Some(above),
            ..self.into()
        }
    }

    /// The same function, which also sends under these numbers.
    fn with_aliases(self, numbers: &[u8]) -> Function {
        Function {
            dma_aliases: numbers.iter().copied().collect(),
            ..self.into()
        }
    }

    /// The same function, not managed by the IOMMU driver.
    fn left_out(self) -> Function {
        Function {
            takes_part: false,
            ..self.into()
        }
    }
}

impl Machine {
    /// The groups of the model.
    pub(crate) fn try_groups(&self) -> Result<Vec<Option<u32>>, Fault> {
        Ok(self.traced()?.into_iter().map(|(group, _)| group).collect())
    }

    /// The groups, with the step by which each function came to its group.
    pub(crate) fn traced(&self) -> Result<Vec<(Option<u32>, Reason)>, Fault> {
        let len = self.0.len();
        let mut work = vec![Scratch::default(); len];
        let (mut order, mut groups) = (vec![0; len], vec![None; len]);
        let release = Release::LINUX_7_3;
        model::assign(&release, &self.0, &mut work, &mut order, &mut groups)?;
        let reasons = work.iter().map(Scratch::reason);
        Ok(groups.into_iter().zip(reasons).collect())
    }

    /// The groups of a valid machine.
    pub(crate) fn groups(&self) -> Vec<Option<u32>> {
        self.try_groups().expect("the machine is sound")
    }
}
