// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's grouping code transcribed under the same names, quadratic and recursive as in the
//! source, so that both can be read side by side: `drivers/iommu/iommu.c`, `drivers/pci/search.c`
//! and `drivers/pci/pci.c` of Linux 7.3.

use grouping::model::{Function, Interface};
use rules::pcie::PcieType;

/// The kernel's list of devices, and the group of each.
struct Kernel<'a> {
    devices: &'a [Function],
    iommu_group: Vec<Option<u32>>,
}

/// The group of each function, added one after the other.
pub(crate) fn groups(devices: &[Function]) -> Vec<Option<u32>> {
    let mut kernel = Kernel {
        devices,
        iommu_group: vec![None; devices.len()],
    };
    let mut next = 0;
    for (dev, function) in devices.iter().enumerate() {
        if !function.takes_part {
            continue;
        }
        let group = kernel.pci_device_group(dev).unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        kernel.iommu_group[dev] = Some(group);
    }
    kernel.iommu_group
}

impl Kernel<'_> {
    /// `pdev->bus->self`; `None` on a root bus. A bus without a bridge is skipped.
    fn bus_self(&self, pdev: usize) -> Option<usize> {
        self.devices[pdev].above.map(|above| above as usize)
    }

    fn same_bus(&self, one: usize, other: usize) -> bool {
        let bus = |pdev: usize| (self.devices[pdev].domain, self.devices[pdev].bus);
        bus(one) == bus(other)
    }

    fn pci_real_dma_dev(&self, pdev: usize) -> usize {
        self.devices[pdev]
            .dma_device
            .map_or(pdev, |real| real as usize)
    }

    fn pci_acs_enabled(&self, pdev: usize) -> bool {
        self.devices[pdev].isolated
    }

    fn pci_acs_path_enabled(&self, start: usize) -> bool {
        let mut parent = start;
        loop {
            let pdev = parent;
            if !self.pci_acs_enabled(pdev) {
                return false;
            }
            match self.bus_self(pdev) {
                None => return true,
                Some(bridge) => parent = bridge,
            }
        }
    }

    fn pci_devs_are_dma_aliases(&self, dev1: usize, dev2: usize) -> bool {
        let (one, two) = (&self.devices[dev1], &self.devices[dev2]);
        one.dma_aliases.contains(two.devfn)
            || two.dma_aliases.contains(one.devfn)
            || self.pci_real_dma_dev(dev1) == dev2
            || self.pci_real_dma_dev(dev2) == dev1
    }

    /// The callback is `get_pci_alias_or_group()`: `seen` gets the device, and a group ends the
    /// walk.
    fn pci_for_each_dma_alias(&self, pdev: usize, seen: &mut usize) -> Option<u32> {
        let mut get_pci_alias_or_group = |pdev: usize| {
            *seen = pdev;
            self.iommu_group[pdev]
        };
        let pdev = self.pci_real_dma_dev(pdev);
        let ret = get_pci_alias_or_group(pdev);
        if ret.is_some() {
            return ret;
        }
        let mut bus_of = pdev;
        while let Some(tmp) = self.bus_self(bus_of) {
            bus_of = tmp;
            let bridge = &self.devices[tmp];
            if bridge.translation_root {
                return None;
            }
            let ret = match bridge.interface {
                Interface::Express(
                    PcieType::RootPort | PcieType::UpstreamPort | PcieType::DownstreamPort,
                ) => continue,
                Interface::Express(PcieType::PciBridge) => {
                    if bridge.keeps_requester_ids {
                        continue;
                    }
                    get_pci_alias_or_group(tmp)
                }
                Interface::Express(PcieType::PcieBridge) | Interface::Conventional => {
                    get_pci_alias_or_group(tmp)
                }
                Interface::Express(_) | Interface::Reserved => None,
            };
            if ret.is_some() {
                return ret;
            }
        }
        None
    }

    fn get_pci_function_alias_group(&self, pdev: usize, devfns: &mut [bool; 256]) -> Option<u32> {
        if !self.devices[pdev].multifunction || self.pci_acs_enabled(pdev) {
            return None;
        }
        for tmp in 0..self.devices.len() {
            if tmp == pdev
                || !self.same_bus(tmp, pdev)
                || self.devices[tmp].devfn >> 3 != self.devices[pdev].devfn >> 3
                || self.pci_acs_enabled(tmp)
            {
                continue;
            }
            let group = self.get_pci_alias_group(tmp, devfns);
            if group.is_some() {
                return group;
            }
        }
        None
    }

    fn get_pci_alias_group(&self, pdev: usize, devfns: &mut [bool; 256]) -> Option<u32> {
        let bit = &mut devfns[usize::from(self.devices[pdev].devfn)];
        if *bit {
            return None;
        }
        *bit = true;
        if let Some(group) = self.iommu_group[pdev] {
            return Some(group);
        }
        for tmp in 0..self.devices.len() {
            if tmp == pdev || !self.same_bus(tmp, pdev) {
                continue;
            }
            if self.pci_devs_are_dma_aliases(pdev, tmp) {
                let group = self.get_pci_alias_group(tmp, devfns);
                if group.is_some() {
                    return group;
                }
                let group = self.get_pci_function_alias_group(tmp, devfns);
                if group.is_some() {
                    return group;
                }
            }
        }
        None
    }

    fn pci_device_group(&self, dev: usize) -> Option<u32> {
        let mut pdev = dev;
        let group = self.pci_for_each_dma_alias(dev, &mut pdev);
        if group.is_some() {
            return group;
        }
        let mut bus_of = pdev;
        while let Some(bridge) = self.bus_self(bus_of) {
            if self.pci_acs_path_enabled(bridge) {
                break;
            }
            pdev = bridge;
            bus_of = bridge;
            if let Some(group) = self.iommu_group[pdev] {
                return Some(group);
            }
        }
        let mut devfns = [false; 256];
        let group = self.get_pci_alias_group(pdev, &mut devfns);
        if group.is_some() {
            return group;
        }
        self.get_pci_function_alias_group(pdev, &mut devfns)
    }
}
