// SPDX-License-Identifier: GPL-2.0-only

//! The changes that would separate a function, each with what isolation it needs and the remedies.

use std::collections::BTreeSet;

use quirk_data::error::Error;
use rules::pcie::PcieType;
use topology::names::Names;

use super::{
    answer::{Change, Goal, Need},
    grouped::GroupedHost,
    join::{self, JoinStep, Kind},
    reason::acs_reason,
    remedy::{Remedy, What, remedies},
    slots, split, words,
};

/// The changes that would separate the function.
pub(super) fn changes(
    grouped: &GroupedHost<'_, '_>,
    target: usize,
    second: Option<usize>,
    names: &Names,
) -> Result<Vec<Change>, Error> {
    let own = grouped.device(target);
    let ask = |goal, is_good: &dyn Fn(&GroupedHost<'_, '_>) -> bool| {
        whole_change(grouped, target, goal, names, is_good)
    };
    if let Some(second) = second {
        let apart = |grouped: &GroupedHost<'_, '_>| {
            grouped.grouping.groups[target] != grouped.grouping.groups[second]
        };
        return Ok(vec![ask(Goal::Other, &apart)?]);
    }
    if grouped.host_only(target) {
        let alone = |grouped: &GroupedHost<'_, '_>| grouped.members(target).len() == 1;
        return Ok(vec![ask(Goal::All, &alone)?]);
    }
    let others = grouped.shared(target);
    let is_foreign = |index: &usize| grouped.device(*index) != own;
    let mut changes = Vec::new();
    if others.iter().any(is_foreign) {
        let apart = |grouped: &GroupedHost<'_, '_>| !grouped.shared(target).iter().any(is_foreign);
        changes.push(ask(Goal::OtherDevices, &apart)?);
    }
    if !others.iter().all(is_foreign) {
        let alone = |grouped: &GroupedHost<'_, '_>| grouped.shared(target).is_empty();
        changes.push(ask(Goal::All, &alone)?);
    }
    Ok(changes)
}

/// As [`change`], with another slot for the card.
fn whole_change(
    grouped: &GroupedHost<'_, '_>,
    target: usize,
    goal: Goal,
    names: &Names,
    is_good: impl Fn(&GroupedHost<'_, '_>) -> bool,
) -> Result<Change, Error> {
    let mut change = change(grouped, target, goal, names, &is_good)?;
    let own = grouped.device(target);
    let needs_port = |need: &Need| {
        let mut functions = need.functions.iter();
        let position = functions.find_map(|bdf| grouped.machine.position(*bdf).ok());
        position.is_some_and(|index| grouped.device(index) != own)
    };
    let is_helped = match goal {
        _ if !change.possible => true,
        // Another slot changes nothing between functions of one device.
        Goal::All => change.needs.iter().all(needs_port),
        Goal::OtherDevices | Goal::Other => change.needs.iter().any(needs_port),
    };
    if is_helped {
        if let Some(slot) = slots::other_slot(grouped, target, is_good)? {
            let mut others = change.alternatives.iter();
            let last = others.position(|remedy| remedy.what == What::Hardware);
            let at = last.unwrap_or(change.alternatives.len());
            change.alternatives.insert(at, slot);
        }
    }
    Ok(change)
}

/// What would have to be isolated for the group of `target` to satisfy `is_good`, with the remedies.
pub(super) fn change(
    grouped: &GroupedHost<'_, '_>,
    target: usize,
    goal: Goal,
    names: &Names,
    is_good: impl Fn(&GroupedHost<'_, '_>) -> bool,
) -> Result<Change, Error> {
    let mut alternatives = Vec::new();
    let steps = join::steps(grouped, &grouped.members(target));
    for step in steps.iter().filter(|step| step.kind == Kind::DmaDevice) {
        alternatives.push(slots::without_vmd(grouped.bdf(step.origin)));
    }
    let Some(split) = split::find(grouped, target, is_good)? else {
        alternatives.push(Remedy::new(
            What::Hardware,
            describe_ties(grouped, target, &steps),
        ));
        return Ok(Change {
            goal,
            possible: false,
            needs: Vec::new(),
            remaining: Vec::new(),
            alternatives,
        });
    };
    let need = |(_, functions): &(grouping::Device, Vec<usize>)| Need {
        functions: grouped.addresses(functions.iter().copied()),
        because: functions
            .iter()
            .map(|&index| acs_reason(grouped, index, names))
            .collect(),
        remedies: remedies(grouped, functions, names),
    };
    let left = split.left.iter().copied().filter(|&index| index != target);
    Ok(Change {
        goal,
        possible: true,
        needs: split.needs.iter().map(need).collect(),
        remaining: grouped.addresses(left),
        alternatives,
    })
}

/// Describes why isolation cannot separate the function.
fn describe_ties(grouped: &GroupedHost<'_, '_>, target: usize, steps: &[JoinStep]) -> String {
    let mut ties = BTreeSet::new();
    let mut never: BTreeSet<usize> = BTreeSet::new();
    for step in steps {
        let bdf = grouped.bdf(step.origin);
        let blockers = step.blockers(grouped).into_iter();
        never.extend(blockers.filter(|&index| !grouped.can_be_isolated(index)));
        match step.kind {
            Kind::Bridge => ties.insert(format!(
                "all requests from behind the conventional PCI bridge {bdf} carry one requester ID"
            )),
            Kind::Alias => ties.insert(format!(
                "another function sends requests with the requester ID of {bdf}"
            )),
            Kind::DmaDevice => ties.insert(format!(
                "{bdf} issues the requests of the functions behind it"
            )),
            Kind::Path | Kind::Slot => false,
        };
    }
    let other = match slots::slot_of(grouped, target) {
        Some(_) => "other hardware or another slot",
        None => "other hardware",
    };
    if !ties.is_empty() {
        let ties: Vec<_> = ties.into_iter().collect();
        return format!(
            "No entry, vendor statement or kernel can separate them. The reason: {}. Only {other} can.",
            ties.join("; ")
        );
    }
    let unseen = |&index: &usize| {
        let seen = grouped.seen(index);
        !seen.function.pcie_known || !grouped.machine.identifies(seen)
    };
    let (unseen, never): (Vec<usize>, Vec<usize>) = never.into_iter().partition(unseen);
    if !unseen.is_empty() {
        let unseen = words::address_list(&grouped.addresses(unseen));
        return format!(
            "What can separate them is not known: the input does not show the ids or the capabilities of \
             {unseen}. Make it again as root: lspci -D -vvvnn."
        );
    }
    let (upstream, never): (Vec<usize>, Vec<usize>) = never
        .into_iter()
        .partition(|&index| grouped.seen(index).pcie_type() == Some(PcieType::UpstreamPort));
    let mut reasons = Vec::new();
    if !upstream.is_empty() {
        reasons.push(format!(
            "{} is the upstream port of a switch that has further functions, and it has no ACS capability",
            words::address_list(&grouped.addresses(upstream))
        ));
    }
    if !never.is_empty() {
        reasons.push(format!(
            "functions of this type never count as isolated by themselves: {}",
            words::address_list(&grouped.addresses(never))
        ));
    }
    format!(
        "No entry of the module can separate them. The reason: {}. Only {other} can, or a quirk of the kernel \
         itself, if the vendor states that they are isolated.",
        reasons.join("; ")
    )
}
