// SPDX-License-Identifier: GPL-2.0-only

//! Finds the devices that must be isolated to separate a function. It computes the groups again and
//! again, each time supposing that more of the blocking devices are isolated.

use std::collections::BTreeSet;

use grouping::{Device, device_of};
use quirk_data::error::Error;
use rules::decision::KernelVerdict;

use super::{
    grouped::{GroupedHost, can_be_isolated},
    join,
};

/// The number of blocking devices up to which the result is reduced to a minimum.
const MANY: usize = 16;

/// The devices that must all be isolated.
pub(super) struct Split {
    /// The blocking functions, by device.
    pub(super) needs: Vec<(Device, Vec<usize>)>,
    /// The members of the function's group after the change.
    pub(super) left: Vec<usize>,
}

/// The devices that must be isolated for the group of `target` to satisfy `is_good`, none of them
/// superfluous unless there are more than [`MANY`]. `None` if isolation alone cannot do it.
pub(super) fn find(
    grouped: &GroupedHost<'_, '_>,
    target: usize,
    is_good: impl Fn(&GroupedHost<'_, '_>) -> bool,
) -> Result<Option<Split>, Error> {
    let mut devices: BTreeSet<Device> = BTreeSet::new();
    let mut blockers: BTreeSet<usize> = BTreeSet::new();
    let suppose = |devices: &BTreeSet<Device>| {
        grouped.supposing(|seen| {
            let device = device_of(&grouped.machine.view, seen);
            let is_supposed = devices.contains(&device) && can_be_isolated(seen);
            is_supposed.then_some(KernelVerdict::Isolated)
        })
    };
    let mut supposed = suppose(&devices)?;
    while !is_good(&supposed) {
        let steps = join::steps(&supposed, &supposed.members(target));
        let more = steps.iter().flat_map(|step| step.blockers(&supposed));
        let more: BTreeSet<_> = more
            .filter(|&index| grouped.can_be_isolated(index))
            .collect();
        let before = devices.len();
        devices.extend(more.iter().map(|&index| grouped.device(index)));
        if devices.len() == before {
            return Ok(None);
        }
        blockers.extend(more);
        supposed = suppose(&devices)?;
    }
    // Try the function's own device last, so that it stays in the list if there is a choice.
    let mut candidates: Vec<_> = devices.iter().copied().collect();
    candidates.sort_by_key(|&one| one == grouped.device(target));
    if candidates.len() <= MANY {
        for one in candidates {
            devices.remove(&one);
            if !is_good(&suppose(&devices)?) {
                devices.insert(one);
            }
        }
        supposed = suppose(&devices)?;
    }
    let needs = devices.into_iter().map(|device| {
        let functions = blockers.iter().copied();
        (
            device,
            functions
                .filter(|&index| grouped.device(index) == device)
                .collect(),
        )
    });
    Ok(Some(Split {
        needs: needs.collect(),
        left: supposed.members(target),
    }))
}
