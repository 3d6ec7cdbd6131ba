// SPDX-License-Identifier: GPL-2.0-only

//! What it takes to have a function apart from others: found by computing the groups anew, with
//! more and more of what is in the way taken for isolated.

use std::collections::BTreeSet;

use topology::Package;

use super::{
    join,
    look::{Look, can_be_isolated},
};
use crate::error::Error;

/// Beyond so many devices in the way it is not looked for the fewest.
const MANY: usize = 16;

/// The devices that would all have to be isolated.
pub(super) struct Split {
    /// The functions in the way, by device.
    pub(super) needs: Vec<(Package, Vec<usize>)>,
    /// Who is in the group of the function then.
    pub(super) left: Vec<usize>,
}

/// The fewest devices that have to be isolated for the group of `target` to be as `is_good` asks.
/// `None`: isolation alone does not do it.
pub(super) fn find(
    look: &Look<'_, '_>,
    target: usize,
    is_good: impl Fn(&Look<'_, '_>) -> bool,
) -> Result<Option<Split>, Error> {
    let mut packages: BTreeSet<Package> = BTreeSet::new();
    let mut blockers: BTreeSet<usize> = BTreeSet::new();
    let suppose = |packages: &BTreeSet<Package>| {
        look.supposing(|seen| {
            let of = topology::package(&look.machine.view, seen);
            packages.contains(&of) && can_be_isolated(seen)
        })
    };
    let mut now = suppose(&packages)?;
    while !is_good(&now) {
        let steps = join::steps(&now, &now.members(target));
        let more = steps.iter().flat_map(|step| step.blockers(&now));
        let more: BTreeSet<_> = more.filter(|&at| look.can_be_isolated(at)).collect();
        let before = packages.len();
        packages.extend(more.iter().map(|&at| look.package(at)));
        if packages.len() == before {
            return Ok(None);
        }
        blockers.extend(more);
        now = suppose(&packages)?;
    }
    // Its own device last, so that it stays in the list where there is a choice.
    let mut candidates: Vec<_> = packages.iter().copied().collect();
    candidates.sort_by_key(|&one| one == look.package(target));
    if candidates.len() <= MANY {
        for one in candidates {
            packages.remove(&one);
            if !is_good(&suppose(&packages)?) {
                packages.insert(one);
            }
        }
        now = suppose(&packages)?;
    }
    let needs = packages.into_iter().map(|package| {
        let of = blockers.iter().copied();
        (
            package,
            of.filter(|&at| look.package(at) == package).collect(),
        )
    });
    Ok(Some(Split {
        needs: needs.collect(),
        left: now.members(target),
    }))
}
