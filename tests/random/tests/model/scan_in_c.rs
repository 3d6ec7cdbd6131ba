// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's scan of a topology: a transcription of `drivers/pci/probe.c` and
//! `drivers/pci/pci.c` of Linux 7.3 with the same names, so that both can be read side by side. A
//! topology of Linux 6.19 is scanned without what is new in Linux 7.0.

use std::collections::BTreeMap;

use grouping::handlers::{Acs, Facts, Silicon};
use grouping::model::{
    self, Interface,
    aliases::{self, Bridge, Identity},
    release::Release,
};
use rules::{acs::AcsFlags, pcie::PcieType};
use topology::{Bdf, Domain, Function, Header, Hex, Topology};

use crate::handlers_in_c::{CR, RR, Row, SV, UF, pci_dev_specific_acs_enabled, rows};

/// The version of a kernel that lacks what is new in Linux 7.0.
pub(crate) const LINUX_6_19: &str = "6.19.0";

/// `REQ_ACS_FLAGS` in `drivers/iommu/iommu.c`.
const REQ_ACS_FLAGS: u16 = SV | RR | CR | UF;

const PCI_EXP_TYPE_ENDPOINT: u8 = 0x0;
const PCI_EXP_TYPE_LEG_END: u8 = 0x1;
const PCI_EXP_TYPE_ROOT_PORT: u8 = 0x4;
const PCI_EXP_TYPE_UPSTREAM: u8 = 0x5;
const PCI_EXP_TYPE_DOWNSTREAM: u8 = 0x6;
const PCI_EXP_TYPE_PCI_BRIDGE: u8 = 0x7;
const PCI_EXP_TYPE_PCIE_BRIDGE: u8 = 0x8;
const PCI_EXP_TYPE_RC_END: u8 = 0x9;
const PCI_EXP_TYPE_RC_EC: u8 = 0xa;

const PCI_EXP_FLAGS_TYPE: u16 = 0x00f0;

const PCI_ACS_SV: u16 = 0x01;
const PCI_ACS_EC: u16 = 0x20;

/// `struct pci_dev`.
pub(crate) struct PciDev<'a> {
    pub(crate) function: &'a Function,
    /// `bus->self`.
    bus_self: Option<usize>,
    /// `pci_pcie_type()`, if `pci_is_pcie()`.
    pcie_type: Option<u8>,
    multifunction: bool,
}

/// The rows of the kernel's table, by vendor.
pub(crate) struct Quirks(BTreeMap<u16, Vec<Row>>);

impl Quirks {
    pub(crate) fn new() -> Self {
        let mut by_vendor: BTreeMap<u16, Vec<Row>> = BTreeMap::new();
        for row in rows() {
            by_vendor.entry(row.0).or_default().push(row);
        }
        Self(by_vendor)
    }
}

/// The state of the scan.
pub(crate) struct Scan<'a> {
    topology: &'a Topology,
    quirks: &'a Quirks,
    config: BTreeMap<Bdf, &'a Function>,
    /// In the order of `device_add()`.
    pub(crate) devices: Vec<PciDev<'a>>,
}

impl<'a> Scan<'a> {
    /// Scans all root buses. Those of domains behind a VMD come last.
    pub(crate) fn of(topology: &'a Topology, quirks: &'a Quirks) -> Self {
        let functions = topology.functions.iter();
        let mut scan = Self {
            topology,
            quirks,
            config: functions.map(|function| (function.bdf, function)).collect(),
            devices: Vec::new(),
        };
        for behind_vmd in [false, true] {
            for function in &topology.functions {
                let (domain, bus) = function.bdf.bus();
                let leads = |bridge: &Function| {
                    bridge.bdf.domain == domain && bridge.secondary == Some(bus)
                };
                let is_root = !topology.functions.iter().any(leads);
                let is_new = !scan
                    .devices
                    .iter()
                    .any(|dev| dev.function.bdf.bus() == (domain, bus));
                if is_root && is_new && behind_vmd == topology.vmd.contains_key(&domain) {
                    scan.pci_scan_child_bus((domain, bus), None);
                }
            }
        }
        scan
    }

    fn pci_scan_child_bus(&mut self, bus: (Domain, u8), bus_self: Option<usize>) {
        let first = self.devices.len();
        for devfn in (0..=0xf8).step_by(8) {
            self.pci_scan_slot(bus, bus_self, devfn);
        }
        for dev in first..self.devices.len() {
            let function = self.devices[dev].function;
            if let (Header::Bridge, Some(secondary)) = (function.header, function.secondary) {
                self.pci_scan_child_bus((bus.0, secondary), Some(dev));
            }
        }
    }

    fn pci_scan_slot(&mut self, bus: (Domain, u8), bus_self: Option<usize>, devfn: u8) {
        if self.only_one_child(bus_self) && devfn > 0 {
            return;
        }
        let (domain, number) = bus;
        let at = |devfn| Bdf {
            domain,
            bus: number,
            devfn,
        };
        // A missing function 0 was removed after the scan. Its header had the multi-function bit.
        let removed = !self.config.contains_key(&at(devfn));
        let all: Vec<u8> = (self.config.range(at(0)..=at(u8::MAX)))
            .map(|(bdf, _)| bdf.devfn)
            .collect();
        let express = self
            .config
            .get(&at(0))
            .is_some_and(|function| function.pcie_type.is_some());
        let ari_enabled =
            self.only_one_child(bus_self) && express && all.iter().any(|&devfn| devfn > 7);
        let mut function = 0;
        loop {
            let mut multifunction = removed && function == 0;
            if let Some(found) = self.config.get(&at(devfn + function)) {
                let dev = self.pci_setup_device(found, bus_self);
                multifunction = dev.multifunction || function > 0;
                self.devices.push(PciDev {
                    multifunction,
                    ..dev
                });
            } else if function > 0 {
                // Without a device, `next_fn()` continues.
                multifunction = true;
            }
            let next = if ari_enabled {
                all.iter().copied().find(|&next| next > function)
            } else {
                (function < 7 && multifunction).then_some(function + 1)
            };
            let Some(next) = next else { return };
            function = next;
        }
    }

    fn only_one_child(&self, bus_self: Option<usize>) -> bool {
        bus_self.is_some_and(|bridge| self.pcie_downstream_port(bridge))
    }

    fn pcie_downstream_port(&self, dev: usize) -> bool {
        matches!(
            self.devices[dev].pcie_type,
            Some(PCI_EXP_TYPE_ROOT_PORT | PCI_EXP_TYPE_DOWNSTREAM | PCI_EXP_TYPE_PCIE_BRIDGE)
        )
    }

    /// Includes `set_pcie_port_type()`.
    fn pci_setup_device(&self, function: &'a Function, bus_self: Option<usize>) -> PciDev<'a> {
        let raw = function.pcie_type.as_ref().and_then(topology::Port::raw);
        // Version 2 of the capability.
        let mut pcie_flags_reg = raw.map(|raw| (u16::from(raw) << 4) | 2);
        if let (Some(reg), Some(parent)) = (&mut pcie_flags_reg, bus_self) {
            if raw == Some(PCI_EXP_TYPE_DOWNSTREAM) {
                if self.pcie_downstream_port(parent) {
                    *reg &= !PCI_EXP_FLAGS_TYPE;
                    *reg |= u16::from(PCI_EXP_TYPE_UPSTREAM);
                }
            } else if raw == Some(PCI_EXP_TYPE_UPSTREAM)
                && self.devices[parent].pcie_type == Some(PCI_EXP_TYPE_UPSTREAM)
            {
                *reg &= !PCI_EXP_FLAGS_TYPE;
                *reg |= u16::from(PCI_EXP_TYPE_DOWNSTREAM);
            }
        }
        let pcie_type = |reg: u16| u8::try_from((reg & PCI_EXP_FLAGS_TYPE) >> 4).ok();
        PciDev {
            function,
            bus_self,
            pcie_type: pcie_flags_reg.and_then(pcie_type),
            multifunction: function.multifunction == Some(true),
        }
    }

    fn is_6_19(&self) -> bool {
        self.topology.kernel.as_deref() == Some(LINUX_6_19)
    }

    /// `pdev->acs_capabilities` and the control register, if there is a capability. Includes
    /// `pci_disable_broken_acs_cap()`, which Linux 6.19 lacks.
    fn pci_acs_init(&self, dev: &PciDev<'_>) -> Option<(u16, u16)> {
        let acs = dev.function.acs?;
        let mut acs_capabilities = acs.cap?;
        let ids = (
            dev.function.vendor.value(),
            dev.function.device.map_or(0, Hex::value),
        );
        if matches!(ids, (0x111d, 0x80b5 | 0x8090)) && !self.is_6_19() {
            acs_capabilities &= !PCI_ACS_SV;
        }
        Some((acs_capabilities, acs.ctl?))
    }

    fn pci_acs_flags_enabled(&self, dev: &PciDev<'_>, acs_flags: u16) -> bool {
        let Some((acs_capabilities, ctrl)) = self.pci_acs_init(dev) else {
            return false;
        };
        let acs_flags = acs_flags & (acs_capabilities | PCI_ACS_EC);
        ctrl & acs_flags == acs_flags
    }

    fn pci_acs_enabled(&self, dev: &PciDev<'_>, acs_flags: u16) -> bool {
        let ret = self.specific(dev, acs_flags);
        if ret >= 0 {
            return ret > 0;
        }
        match dev.pcie_type {
            None
            | Some(PCI_EXP_TYPE_PCIE_BRIDGE | PCI_EXP_TYPE_PCI_BRIDGE | PCI_EXP_TYPE_RC_EC) => {
                false
            }
            Some(PCI_EXP_TYPE_DOWNSTREAM | PCI_EXP_TYPE_ROOT_PORT) => {
                self.pci_acs_flags_enabled(dev, acs_flags)
            }
            Some(
                PCI_EXP_TYPE_ENDPOINT
                | PCI_EXP_TYPE_UPSTREAM
                | PCI_EXP_TYPE_LEG_END
                | PCI_EXP_TYPE_RC_END,
            ) if dev.multifunction => self.pci_acs_flags_enabled(dev, acs_flags),
            Some(_) => true,
        }
    }

    /// `pci_dev_specific_acs_enabled()`.
    fn specific(&self, dev: &PciDev<'_>, acs_flags: u16) -> i32 {
        let vendor = dev.function.vendor.value();
        let device = dev.function.device.map_or(0, Hex::value);
        let acs = self.pci_acs_init(dev).map(|(capability, _)| Acs {
            capability: AcsFlags::from_bits(capability),
            dword8: dev.function.acs.and_then(|acs| acs.dword8),
        });
        let facts = Facts {
            vendor,
            device: Some(device),
            pcie_type: dev.pcie_type.and_then(PcieType::from_raw),
            multifunction: dev.multifunction,
            root_bus: dev.bus_self.is_none(),
            amd_iommu: self.topology.iommu.as_deref() == Some("AMD-Vi"),
            acs,
            silicon: Silicon::of(dev.function),
        };
        let rows = self.quirks.0.get(&vendor).map_or(&[][..], Vec::as_slice);
        pci_dev_specific_acs_enabled(rows, &facts, device, acs_flags)
    }

    /// The devices in the form that `groups_in_c` takes.
    pub(crate) fn for_grouping(&self) -> Vec<model::Function> {
        let index = |position: usize| u32::try_from(position).expect("there are not so many");
        let one = |dev: &PciDev<'_>| {
            let function = dev.function;
            let ids = (
                function.vendor.value(),
                function.device.map_or(0, Hex::value),
            );
            let class = u16::try_from(function.class.map_or(0, |class| class.0 >> 8));
            let class = class.expect("it has 24 bits");
            let identity = Identity {
                vendor: ids.0,
                device: ids.1,
                subsystem: function
                    .subsystem
                    .map(|subsystem| (subsystem.vendor, subsystem.device)),
                class,
            };
            let does = |what| aliases::bridge_does(ids.0, ids.1, what, &Release::LINUX_7_3);
            let vmd_dev = self.topology.vmd.get(&function.bdf.domain).map(|vmd| {
                let is_vmd = |dev: &PciDev<'_>| dev.function.bdf == *vmd;
                index(
                    self.devices
                        .iter()
                        .position(is_vmd)
                        .expect("it is a function"),
                )
            });
            model::Function {
                domain: function.bdf.domain.0,
                bus: function.bdf.bus,
                devfn: function.bdf.devfn,
                above: dev.bus_self.map(index),
                dma_device: vmd_dev,
                interface: Interface::from_raw(dev.pcie_type),
                translation_root: does(Bridge::TranslationRoot),
                keeps_requester_ids: does(Bridge::KeepsRequesterIds) && !self.is_6_19(),
                multifunction: dev.multifunction,
                isolated: self.pci_acs_enabled(dev, REQ_ACS_FLAGS),
                dma_aliases: aliases::dma_aliases(&identity, function.bdf.devfn).numbers,
                takes_part: class != 0x0806,
            }
        };
        self.devices.iter().map(one).collect()
    }
}
