// SPDX-License-Identifier: GPL-2.0-only

//! Judges the groups after a rescan: which are finer than isolation justifies, and which are coarser
//! than planned.
//!
//! The groups of before the run are always accepted, and coarser ones too. Finer groups need the word
//! of a module: for each function that is new since the start, wherever it is, only a grant counts that
//! a loaded module recorded.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use quirk_data::{entry::Entry, error::Error};
use topology::{Bdf, Partition};

use super::{
    State,
    state::identity,
    window::{Instance, devices},
};
use crate::host::{HostPaths, Predicted, Snapshot, finer, names};

/// The number of attempts to read the host, and the pause between them. A reading fails if a function goes
/// meanwhile, wherever it is.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// What a comparison of the groups showed.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Judgement {
    /// Groups that isolation justifies, that have functions of the device, and that the kernel has split
    /// without justification.
    pub(super) torn: Partition,
    /// The same, where the groups were as fine before the run.
    pub(super) torn_before: Partition,
    /// The same for functions that are not the device's, and that are new since the start of the run.
    pub(super) torn_others: Partition,
    /// The functions that are new since the start of the run.
    pub(super) new: BTreeSet<Bdf>,
    /// The functions whose groups were compared.
    pub(super) judged: BTreeMap<Bdf, Instance>,
    /// The groups that the kernel would make now; `None` if they cannot be computed.
    pub(super) predicted: Option<Partition>,
    /// Predicted groups of the device that the kernel has split, with or without justification.
    pub(super) finer: Partition,
    /// Why the groups cannot be computed.
    pub(super) unknown: Option<String>,
    /// Groups that are coarser than planned.
    pub(super) coarser: Partition,
    /// Functions that counted as isolated in the plan and do not now.
    pub(super) lost: BTreeSet<Bdf>,
}

impl Judgement {
    /// Compares the present groups with the groups before the run, the justified groups, and the plan.
    pub(super) fn of(paths: &HostPaths, entries: &[Entry], state: &State) -> Self {
        let mut number = 1;
        loop {
            let found = Self::once(paths, entries, state);
            if found.unknown.is_none() || number == TRIES {
                return found;
            }
            number += 1;
            thread::sleep(PAUSE);
        }
    }

    fn once(paths: &HostPaths, entries: &[Entry], state: &State) -> Self {
        // Listed before the groups are read: each of these instances is in the reading, or is gone.
        let judged = devices(paths);
        let present = judged.iter();
        let is_new = |(bdf, instance): &(&Bdf, &Instance)| {
            let known = state.present.get(bdf);
            known.is_none_or(|known| known.instance != **instance)
        };
        let new: BTreeSet<_> = present.filter(is_new).map(|(bdf, _)| *bdf).collect();
        let own = state.function_set();
        let groups = all_groups(paths);
        let mut found = Self {
            coarser: state.coarser(paths, &groups),
            judged,
            new,
            ..Self::default()
        };
        match read(paths, entries, &found.new) {
            Ok((justified, predicted)) => {
                let scope = &own | &found.new;
                for group in finer(&groups, &justified, &scope) {
                    found.take(paths, state, &groups, group);
                }
                found.finer = finer(&groups, &predicted.groups, &own);
                found.lost = &state.isolated - &predicted.isolated;
                found.predicted = Some(predicted.groups);
            }
            Err(error) => {
                // Without a computation, each group must be one of before the run, or a union of such.
                let with_own = |group: &&Vec<Bdf>| group.iter().any(|bdf| own.contains(bdf));
                let members = groups.iter().filter(with_own).flatten().copied();
                let members: BTreeSet<_> = members.chain(own.iter().copied()).collect();
                let group: Vec<_> = members.into_iter().collect();
                found.take(paths, state, &groups, group);
                found.torn_before.clear();
                found.torn_others.clear();
                found.judged.retain(|bdf, _| own.contains(bdf));
                found.unknown = Some(error.to_string());
            }
        }
        found
    }

    /// The functions in these groups that are new and not the device's, in removal order.
    pub(super) fn others(&self, groups: &Partition, own: &BTreeSet<Bdf>) -> Vec<Bdf> {
        let members = groups.iter().flatten().rev().copied();
        members.filter(|bdf| self.is_other(own, *bdf)).collect()
    }

    fn is_other(&self, own: &BTreeSet<Bdf>, bdf: Bdf) -> bool {
        self.new.contains(&bdf) && !own.contains(&bdf)
    }

    /// Takes a group that the kernel has split.
    fn take(&mut self, paths: &HostPaths, state: &State, groups: &Partition, group: Vec<Bdf>) {
        let own = state.function_set();
        let (others, known): (Vec<Bdf>, Vec<Bdf>) =
            (group.iter().copied()).partition(|bdf| self.is_other(&own, *bdf));
        if !group.iter().any(|bdf| own.contains(bdf)) {
            if !others.is_empty() {
                self.torn_others.push(group);
            }
        } else if is_as_before(paths, state, groups, &known) {
            self.torn_before.push(known);
            if !others.is_empty() {
                self.torn_others.push(others);
            }
        } else {
            self.torn.push(group);
        }
    }
}

/// The groups that isolation justifies, and what the kernel would make now.
fn read(
    paths: &HostPaths,
    entries: &[Entry],
    new: &BTreeSet<Bdf>,
) -> Result<(Partition, Predicted), Error> {
    let snapshot = Snapshot::of_host(paths)?;
    let host = snapshot.view(entries);
    Ok((host.justified(new)?, host.predict()?))
}

/// Whether the groups of these functions are the same as before, or coarser. All of the functions must
/// have been there, with the same identity.
fn is_as_before(paths: &HostPaths, state: &State, groups: &Partition, functions: &[Bdf]) -> bool {
    let all: BTreeSet<_> = functions.iter().copied().collect();
    // A function that did not come back is in no group, and protects nothing.
    let grouped: BTreeSet<_> = groups.iter().flatten().copied().collect();
    let before: BTreeSet<_> = state.before.iter().flatten().copied().collect();
    let is_known = |bdf: &&Bdf| {
        let known = state.present.get(bdf).filter(|_| before.contains(bdf));
        known.is_some_and(|known| identity(paths, **bdf).as_ref() == Some(&known.identity))
    };
    let mut present = all.iter().filter(|bdf| grouped.contains(bdf));
    present.all(|bdf| is_known(&bdf)) && finer(groups, &state.before, &all).is_empty()
}

/// All groups of the host.
pub(super) fn all_groups(paths: &HostPaths) -> Partition {
    let folder = paths.sys.join("kernel/iommu_groups");
    let members = |number: String| -> Vec<Bdf> {
        let all = names(&folder.join(number).join("devices"));
        all.iter().filter_map(|name| name.parse().ok()).collect()
    };
    let mut groups: Partition = names(&folder).into_iter().map(members).collect();
    groups.retain(|group| !group.is_empty());
    groups.sort_unstable();
    groups
}
