// SPDX-License-Identifier: GPL-2.0-only

//! The machine to explain, with its computed groups.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use grouping::{Assumption, Device, Grouping, Seen, device_of, model};
use quirk_data::error::Error;
use rules::{decision::KernelVerdict, entry::Kind, table::Table};
use topology::{Bdf, Header, Topology};

use crate::host::{HostView, impossible};

/// A machine with its computed groups. A function is identified by its position in the view.
pub(super) struct GroupedHost<'m, 'a> {
    pub(super) machine: &'m HostView<'a>,
    /// The module tables in effect.
    pub(super) tables: &'m [Table],
    pub(super) grouping: Grouping,
    /// The functions of each device, computed on first use.
    devices: OnceLock<BTreeMap<Device, Vec<usize>>>,
}

impl<'m, 'a> GroupedHost<'m, 'a> {
    pub(super) fn new(machine: &'m HostView<'a>, tables: &'m [Table]) -> Result<Self, Error> {
        let grouping = machine.grouping(tables)?;
        Ok(Self {
            machine,
            tables,
            grouping,
            devices: OnceLock::new(),
        })
    }

    /// The machine with groups computed as if the kernel's quirks answered what `supposed` returns for
    /// a function.
    pub(super) fn supposing(
        &self,
        supposed: impl Fn(&Seen<'_>) -> Option<KernelVerdict>,
    ) -> Result<GroupedHost<'m, 'a>, Error> {
        let prediction = self.machine.prediction();
        let grouping = prediction.supposing(self.tables, supposed);
        Ok(GroupedHost {
            machine: self.machine,
            tables: self.tables,
            grouping: grouping.map_err(impossible)?,
            devices: OnceLock::new(),
        })
    }

    /// The machine with the groups that are computed after what is below one of two ports and what is
    /// below the other changed places. Only the groups are those after the move.
    pub(super) fn swapped(&self, one: Bdf, two: Bdf) -> Result<GroupedHost<'m, 'a>, Error> {
        let topology = swapped(self.machine.topology, one, two);
        let machine = self.machine.with_topology(&topology);
        let after = machine.grouping(self.tables)?;
        let addresses = machine.view.functions.iter().map(|seen| seen.function.bdf);
        let groups: BTreeMap<Bdf, Option<u32>> = addresses.zip(after.groups).collect();
        let functions = self.machine.view.functions.iter();
        let group = |seen: &Seen<'_>| groups.get(&seen.function.bdf).copied().flatten();
        Ok(GroupedHost {
            machine: self.machine,
            tables: self.tables,
            grouping: Grouping {
                groups: functions.map(group).collect(),
                ..self.grouping.clone()
            },
            devices: OnceLock::new(),
        })
    }

    pub(super) fn seen(&self, index: usize) -> &'m Seen<'a> {
        &self.machine.view.functions[index]
    }

    pub(super) fn bdf(&self, index: usize) -> Bdf {
        self.seen(index).function.bdf
    }

    pub(super) fn facts(&self, index: usize) -> &model::Function {
        &self.grouping.functions[index]
    }

    /// The addresses of functions, in order.
    pub(super) fn addresses(&self, functions: impl IntoIterator<Item = usize>) -> Vec<Bdf> {
        let functions = functions.into_iter();
        let mut addresses: Vec<_> = functions.map(|index| self.bdf(index)).collect();
        addresses.sort_unstable();
        addresses
    }

    /// Whether the registers of the function's ACS capability were not seen.
    pub(super) fn assumes_acs(&self, index: usize) -> bool {
        let assumed = &self.machine.view.assumptions;
        assumed.contains(&(self.bdf(index), Assumption::AcsOn))
    }

    pub(super) fn device(&self, index: usize) -> Device {
        device_of(&self.machine.view, self.seen(index))
    }

    /// The functions of a device.
    pub(super) fn of_device(
        &self,
        device: Device,
    ) -> impl Iterator<Item = usize> + use<'_, 'm, 'a> {
        let devices = self.devices.get_or_init(|| {
            let mut devices: BTreeMap<Device, Vec<usize>> = BTreeMap::new();
            for index in 0..self.machine.view.functions.len() {
                devices.entry(self.device(index)).or_default().push(index);
            }
            devices
        });
        devices.get(&device).into_iter().flatten().copied()
    }

    /// The bridges above a function, nearest first.
    pub(super) fn above(&self, index: usize) -> impl Iterator<Item = usize> + use<'_, 'm, 'a> {
        let next = |&index: &usize| self.facts(index).above.map(|above| above as usize);
        std::iter::successors(next(&index), next)
    }

    /// The members of a function's group, including the function; only the function if it is in no
    /// group.
    pub(super) fn members(&self, index: usize) -> Vec<usize> {
        let Some(group) = self.grouping.groups[index] else {
            return vec![index];
        };
        let groups = self.grouping.groups.iter().enumerate();
        groups
            .filter(|(_, other)| **other == Some(group))
            .map(|(index, _)| index)
            .collect()
    }

    /// The other members of a function's group that can be passed through.
    pub(super) fn shared(&self, index: usize) -> Vec<usize> {
        let mut others = self.members(index);
        others.retain(|&other| other != index && !self.host_only(other));
        others
    }

    /// These functions and the bridges above them: what decides on their groups.
    pub(super) fn deciding(&self, functions: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut deciding = BTreeSet::new();
        for index in functions {
            deciding.insert(index);
            for above in self.above(index) {
                if !deciding.insert(above) {
                    break;
                }
            }
        }
        deciding
    }

    /// Whether the host keeps a function. VFIO passes other functions of the group through although
    /// a bridge, with or without the port driver, stays with the host.
    pub(super) fn host_only(&self, index: usize) -> bool {
        let function = self.seen(index).function;
        // Host bridges, and the IOMMU's own function.
        let class = function.class.map(|class| class.0 >> 8);
        function.header != Header::Endpoint || matches!(class, Some(0x0600 | 0x0806))
    }

    /// Whether a vendor's statement or an ACS capability could make the kernel count the function
    /// as isolated.
    pub(super) fn can_be_isolated(&self, index: usize) -> bool {
        can_be_isolated(self.seen(index))
    }
}

/// Whether a vendor's statement or an ACS capability could make the kernel count the function as
/// isolated.
pub(super) fn can_be_isolated(seen: &Seen<'_>) -> bool {
    let kind = |found| Kind::ALL.into_iter().any(|kind| kind.applies_to(found));
    seen.acs.is_some() || seen.pcie_type().is_some_and(kind)
}

/// The facts about a machine after what is below one of two ports and what is below the other changed
/// places. Bus numbers move with the cards, so that each function keeps its address.
pub(super) fn swapped(topology: &Topology, one: Bdf, two: Bdf) -> Topology {
    let mut changed = topology.clone();
    let at = |bdf| {
        let mut functions = topology.functions.iter();
        functions.position(|function| function.bdf == bdf)
    };
    if let Some((one, two)) = at(one).zip(at(two)) {
        for (to, from) in [(one, two), (two, one)] {
            let from = &topology.functions[from];
            let to = &mut changed.functions[to];
            (to.secondary, to.subordinate) = (from.secondary, from.subordinate);
        }
    }
    changed
}
