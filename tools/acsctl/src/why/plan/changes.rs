// SPDX-License-Identifier: GPL-2.0-only

//! The changes that concern a function, and the facts about the machine after a change.

use std::collections::BTreeSet;

use rules::{
    acs::AcsFlags,
    decision::{Decision, KernelVerdict},
    release::Release,
};
use topology::{Acs, Bdf, Topology};

use crate::why::{
    grouped::{GroupedHost, swapped},
    remedy::{is_hidden, is_switched_off, relied_on},
    slots::slot_of,
};

/// The changes of the machine that may concern a function, apart from statements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Possible {
    /// The module has an entry, and is not loaded.
    pub(super) module: bool,
    /// Functions whose ACS controls are off.
    pub(super) off: BTreeSet<Bdf>,
    /// Later releases that have a quirk which this kernel lacks, ascending.
    pub(super) kernels: BTreeSet<Release>,
    /// Ports whose ACS capability the firmware hides.
    pub(super) hidden: BTreeSet<Bdf>,
    /// The port whose slot holds the function.
    pub(super) slot: Option<Bdf>,
}

impl Possible {
    /// The changes that concern the functions that decide on the group of `target`.
    pub(super) fn of(grouped: &GroupedHost<'_, '_>, target: usize) -> Self {
        let machine = grouped.machine;
        let prediction = machine.prediction();
        let deciding = grouped.deciding(grouped.members(target));
        let addresses = |is_meant: &dyn Fn(usize) -> bool| {
            let meant = deciding.iter().copied().filter(|&index| is_meant(index));
            meant.map(|index| grouped.bdf(index)).collect()
        };
        // A module that is loaded without effect, or cannot be read, does not help when it is loaded.
        let modules = &machine.modules;
        let loads = !modules.loaded && modules.idle.is_empty() && modules.unread.is_empty();
        let is_listed = |&index: &usize| {
            let decision = prediction.decision(&modules.tables, grouped.seen(index));
            matches!(decision, Decision::Granted(_))
        };
        let later = |index: usize| {
            let seen = grouped.seen(index);
            let newest = machine
                .newest()
                .of_seen(seen, machine.view.release.required);
            let is_new = newest.kernel == KernelVerdict::Isolated
                && prediction.verdict(seen).kernel != KernelVerdict::Isolated;
            let entry = relied_on(machine.entry(newest.by)).filter(|_| is_new)?;
            let since = entry.mainline.as_ref()?.since_release()?;
            (since > machine.kernel?).then_some(since)
        };
        Self {
            module: loads && deciding.iter().any(is_listed),
            // Without an IOMMU, the computed groups already count ACS as it is after a boot with one.
            off: match machine.recorded() {
                Some(_) => addresses(&|index| is_switched_off(grouped, index)),
                None => BTreeSet::new(),
            },
            kernels: deciding.iter().copied().filter_map(later).collect(),
            hidden: addresses(&|index| is_hidden(grouped, index)),
            slot: slot_of(grouped, target).map(|port| grouped.bdf(port)),
        }
    }
}

/// Changes of a machine that are made together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Changes {
    /// The module is loaded.
    pub(super) module: bool,
    /// The kernel enables all ACS controls of these functions.
    pub(super) on: BTreeSet<Bdf>,
    /// The machine runs this kernel.
    pub(super) kernel: Option<Release>,
    /// These ports show an ACS capability, with all controls that grouping asks for.
    pub(super) shown: BTreeSet<Bdf>,
    /// What is below one of these ports and what is below the other change places.
    pub(super) swap: Option<(Bdf, Bdf)>,
}

impl Changes {
    /// The facts about the machine after these changes.
    pub(super) fn apply(&self, topology: &Topology) -> Topology {
        let grouping = AcsFlags::GROUPING.bits();
        let mut changed = topology.clone();
        if let Some(kernel) = self.kernel {
            changed.kernel = Some(kernel.to_string());
        }
        for function in &mut changed.functions {
            let is_on = self.on.contains(&function.bdf);
            if let Some(acs) = function.acs.as_mut().filter(|_| is_on) {
                if let Some((cap, ctl)) = acs.cap.zip(acs.ctl.as_mut()) {
                    *ctl |= cap & grouping;
                }
            }
            if self.shown.contains(&function.bdf) {
                function.acs = Some(Acs {
                    cap: Some(grouping),
                    ctl: Some(grouping),
                    dword8: None,
                });
            }
        }
        match self.swap {
            Some((one, two)) => swapped(&changed, one, two),
            None => changed,
        }
    }
}
