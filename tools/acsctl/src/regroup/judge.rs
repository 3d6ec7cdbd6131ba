// SPDX-License-Identifier: GPL-2.0-only

//! Judges the groups after a rescan: which are finer than isolation justifies, and which are coarser
//! than planned.
//!
//! The groups of before the run are always accepted, and coarser ones too. Finer groups need the word
//! of a module: for each function that is new since the start, wherever it is, only a grant counts that
//! a loaded module recorded.

use std::collections::BTreeSet;

use quirk_data::entry::Entry;
use topology::{Bdf, Partition};

use super::{State, window::devices};
use crate::host::{HostPaths, Snapshot, coarser, finer, names};

/// What a comparison of the groups showed.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Judgement {
    /// Groups that isolation justifies, and that the kernel has split without justification.
    pub(super) torn: Partition,
    /// The same, where the groups were as fine before the run.
    pub(super) torn_before: Partition,
    /// The functions that are new since the start of the run.
    pub(super) new: BTreeSet<Bdf>,
    /// The groups that the kernel would make now; `None` if they cannot be computed.
    pub(super) predicted: Option<Partition>,
    /// Why the groups cannot be computed.
    pub(super) unknown: Option<String>,
    /// Groups that are coarser than planned.
    pub(super) coarser: Partition,
    /// Functions that counted as isolated in the plan and do not now.
    pub(super) lost: BTreeSet<Bdf>,
}

impl Judgement {
    /// Compares the present groups with those before the run, with those that are justified, and with
    /// the plan.
    pub(super) fn of(paths: &HostPaths, entries: &[Entry], state: &State) -> Self {
        let groups = all_groups(paths);
        let present = devices(paths).into_iter();
        let is_new = |(bdf, instance): &(Bdf, u64)| state.present.get(bdf) != Some(instance);
        let new: BTreeSet<_> = present.filter(is_new).map(|(bdf, _)| bdf).collect();
        let mut scope = state.function_set();
        scope.extend(&new);
        let mut found = Self {
            coarser: coarser(&groups, &state.planned, &state.function_set()),
            new,
            ..Self::default()
        };
        let justified = Snapshot::of_host(paths).and_then(|snapshot| {
            let host = snapshot.view(entries);
            let predicted = host.predict()?;
            Ok((host.justified(&found.new)?, predicted))
        });
        match justified {
            Ok((justified, predicted)) => {
                let torn = finer(&groups, &justified, &scope);
                (found.torn_before, found.torn) = torn
                    .into_iter()
                    .partition(|group| is_as_before(&groups, &state.before, group));
                found.lost = &state.isolated - &predicted.isolated;
                found.predicted = Some(predicted.groups);
            }
            Err(error) => {
                // Without a computation, each group must be one of before the run, or a union of such.
                let own = groups
                    .iter()
                    .filter(|group| group.iter().any(|bdf| scope.contains(bdf)));
                let own: BTreeSet<_> = own
                    .flatten()
                    .copied()
                    .chain(scope.iter().copied())
                    .collect();
                let own: Vec<_> = own.into_iter().collect();
                if !is_as_before(&groups, &state.before, &own) {
                    found.torn = vec![own];
                }
                found.unknown = Some(error.to_string());
            }
        }
        found
    }
}

/// Whether the groups of these functions are the same as before, or coarser. All of the functions must
/// have been there.
fn is_as_before(now: &Partition, before: &Partition, functions: &[Bdf]) -> bool {
    let all: BTreeSet<_> = functions.iter().copied().collect();
    let known: BTreeSet<_> = before.iter().flatten().copied().collect();
    // A function that did not come back is in no group, and protects nothing.
    let present: BTreeSet<_> = now.iter().flatten().copied().collect();
    let mut present = all.iter().filter(|bdf| present.contains(bdf));
    present.all(|bdf| known.contains(bdf)) && finer(now, before, &all).is_empty()
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
