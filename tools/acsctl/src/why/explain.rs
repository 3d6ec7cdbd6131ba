// SPDX-License-Identifier: GPL-2.0-only

//! Computes the answer of `acsctl why`.

use std::collections::BTreeSet;

use grouping::Assumption;
use quirk_data::error::Error;
use topology::{Bdf, Function, Header, names::Names};

use super::{
    answer::{Actual, Answer, Joined, Member, SCHEMA},
    change::changes,
    grouped::GroupedHost,
    join::{self, JoinStep},
    reason::acs_reason,
    remedy::regroup,
    words,
};
use crate::{
    host::HostView,
    predict::{
        open::{OpenFor, open},
        report::{Assumed, Basis, Report},
    },
};

/// Explains why the function at `bdf` is in its group; with `other`, why the two functions are
/// together or apart.
///
/// # Errors
///
/// [`Error::NotFound`] when there is no such function; [`Error::CouldNotRun`] for an impossible
/// topology.
pub fn explain(
    machine: &HostView<'_>,
    bdf: Bdf,
    other: Option<Bdf>,
    names: &Names,
) -> Result<Answer, Error> {
    Explainer::new(machine, names)?.explain(bdf, other)
}

/// A machine whose groups are computed once for several questions.
pub(crate) struct Explainer<'m, 'a> {
    grouped: GroupedHost<'m, 'a>,
    report: Report,
    names: &'m Names,
}

impl<'m, 'a> Explainer<'m, 'a> {
    /// Computes the groups.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] for an impossible topology.
    pub(crate) fn new(machine: &'m HostView<'a>, names: &'m Names) -> Result<Self, Error> {
        let grouped = GroupedHost::new(machine, machine.running())?;
        let groups = grouped.grouping.partition(&machine.view);
        Ok(Self {
            report: Report::of(
                machine,
                groups,
                open(machine, machine.running())?,
                Basis::running(machine),
            ),
            grouped,
            names,
        })
    }

    /// The machine with its computed groups.
    pub(super) const fn grouped(&self) -> &GroupedHost<'m, 'a> {
        &self.grouped
    }

    /// The answer of [`explain`].
    ///
    /// # Errors
    ///
    /// As [`explain`].
    pub(crate) fn explain(&self, bdf: Bdf, other: Option<Bdf>) -> Result<Answer, Error> {
        let (grouped, names) = (&self.grouped, self.names);
        let machine = grouped.machine;
        let target = machine.position(bdf)?;
        let second = other.map(|other| machine.position(other)).transpose()?;
        if second == Some(target) {
            return Err(Error::NotFound(format!(
                "{bdf}: the same function twice; name two different functions, or one"
            )));
        }
        let missing = [Some(target), second]
            .into_iter()
            .flatten()
            .find_map(|index| missing(machine, grouped, index));
        let known = missing.is_none();
        let actual = actual(machine, &self.report, bdf);
        let members = grouped.members(target);
        let member = |index: usize| Member {
            function: grouped.bdf(index),
            name: names.whole_printable(grouped.seen(index).function),
            host_only: grouped.host_only(index),
            physical: grouped.seen(index).function.physfn,
        };
        let mut answer = Answer {
            schema: SCHEMA,
            function: member(target),
            other: second.map(member),
            under: Basis::running(machine),
            known,
            missing,
            others: Vec::new(),
            together: None,
            actual,
            ungrouped: ungrouped(machine, bdf, other),
            unshown: unshown(grouped, &members, other),
            steps: Vec::new(),
            separated: None,
            isolation: Vec::new(),
            changes: Vec::new(),
            assumptions: assumptions(&self.report.assumptions, grouped, &members, second),
            open: OpenFor::find(&self.report.open, bdf),
        };
        if !known {
            let seen = answer.actual.as_ref().map(|actual| &actual.members);
            let find_member = |bdf: &Bdf| machine.position(*bdf).ok().map(member);
            let others = seen.into_iter().flatten().filter(|&&one| one != bdf);
            answer.others = others.filter_map(find_member).collect();
            answer.together = other.and_then(|other| Some(seen?.contains(&other)));
            return Ok(answer);
        }
        let others = members.iter().copied().filter(|&index| index != target);
        answer.others = sorted(grouped, others).into_iter().map(member).collect();
        answer.together = second.map(|second| members.contains(&second));
        if answer.together == Some(false) || members.len() == 1 {
            let both = [Some(target), second].into_iter().flatten();
            let mut explained = BTreeSet::new();
            for index in both.flat_map(|index| {
                std::iter::once(index)
                    .chain(grouped.above(index))
                    .collect::<Vec<_>>()
            }) {
                if explained.insert(index) && grouped.facts(index).isolated {
                    answer.isolation.push(acs_reason(grouped, index, names));
                }
            }
            answer.separated = match second {
                Some(second) => Some(describe_parting(grouped, target, second)),
                None => ungrouped_bridge(grouped, target),
            };
            return Ok(answer);
        }
        let order = if let Some(second) = second {
            join::between(grouped, target, second)
        } else {
            // The function's own chain first, then the other members.
            let own = join::chain(grouped, target);
            let rest = members.iter().copied().filter(|index| !own.contains(index));
            own.iter().copied().chain(rest).collect()
        };
        let steps = join::steps(grouped, &order);
        let joined = |step: &JoinStep| joined(grouped, step, names);
        answer.steps = steps.iter().map(joined).collect();
        answer.changes = changes(grouped, target, second, names)?;
        Ok(answer)
    }
}

/// What the input does not show on the way from the root to a function, and what to do.
fn missing(machine: &HostView<'_>, grouped: &GroupedHost<'_, '_>, index: usize) -> Option<String> {
    const AGAIN: &str = "Make it again as root, with all functions: lspci -D -vvvnn";
    if let Some(why) = machine.not_computed() {
        return Some(why.to_owned());
    }
    let path: Vec<_> = std::iter::once(index).chain(grouped.above(index)).collect();
    let has = |index: usize, assumption| {
        let assumed = &machine.view.assumptions;
        assumed.contains(&(grouped.bdf(index), assumption))
    };
    for &index in &path {
        let bdf = grouped.bdf(index);
        let function = grouped.seen(index).function;
        if has(index, Assumption::NoFunction0) {
            return Some(format!(
                "function 0 of the device of {bdf} is not in the input. The kernel finds no other function without it, and \
                 they may share a group, so the group cannot be known. {AGAIN}"
            ));
        }
        if !function.pcie_known && !function.unreadable {
            return Some(
                "the capabilities of this function, or of a bridge above it, could not be read. The kernel \
                 shows all of configuration space only to root, and lists of functions or groups do not show \
                 it: run this as root, or on the output of lspci -D -vvvnn that was made as root"
                    .to_owned(),
            );
        }
        if has(index, Assumption::NoBridge) {
            let (domain, bus) = bdf.bus();
            let functions = machine.topology.functions.iter();
            let is_silent = |one: &&Function| {
                let may_lead = one.header != Header::Endpoint;
                one.unreadable && one.bdf.domain == domain && may_lead
            };
            let silent: Vec<Bdf> = functions.filter(is_silent).map(|one| one.bdf).collect();
            let remedy = if silent.is_empty() {
                AGAIN.to_owned()
            } else {
                let silent = words::address_list(&silent);
                format!(
                    "Wake {silent}, which did not answer when the input was made, and make it again: lspci -D -vvvnn"
                )
            };
            return Some(format!(
                "the input does not show which bridge leads to bus {domain}:{bus:02x}, or that it is a root bus, \
                 so the group cannot be known. {remedy}"
            ));
        }
        if has(index, Assumption::NoVmd) {
            let domain = bdf.domain;
            return Some(format!(
                "the input does not show the VMD (Volume Management Device) of PCI domain {domain}. All functions of \
                 this domain are in the group of that device, so they share a group, and what else is in it cannot be \
                 known. {AGAIN}"
            ));
        }
        if has(index, Assumption::NoBuses) {
            return Some(format!(
                "the input does not show to which buses {bdf} leads, so the group cannot be known. {AGAIN}"
            ));
        }
    }
    None
}

/// Describes a bridge above a function that is not isolated and is in no group, so that its group cannot
/// include the function.
fn ungrouped_bridge(grouped: &GroupedHost<'_, '_>, target: usize) -> Option<String> {
    let mut above = grouped
        .above(target)
        .map(|index| (index, grouped.facts(index)));
    let (index, _) = above.find(|(_, facts)| !facts.isolated && !facts.takes_part)?;
    Some(format!(
        "{} above it is not isolated, but is in no IOMMU group, so the function cannot join one there. Such a group \
         protects nothing.",
        grouped.bdf(index)
    ))
}

/// Describes where the paths from the root to two functions diverge.
fn describe_parting(grouped: &GroupedHost<'_, '_>, one: usize, two: usize) -> String {
    let path = |index: usize| {
        let mut path: Vec<_> = std::iter::once(index).chain(grouped.above(index)).collect();
        path.reverse();
        path
    };
    let (one, two) = (path(one), path(two));
    let common = one
        .iter()
        .zip(&two)
        .take_while(|(one, two)| one == two)
        .count();
    // One of the functions may be above the other.
    let parting = |path: &[usize]| path.get(common).or(path.last()).copied();
    let (Some(one), Some(two)) = (parting(&one), parting(&two)) else {
        return String::new();
    };
    let (one, two) = (grouped.bdf(one), grouped.bdf(two));
    let place = if one.bus() == two.bus() {
        let (domain, bus) = one.bus();
        format!("on bus {domain}:{bus:02x}")
    } else {
        "at the root".to_owned()
    };
    format!(
        "The paths to the two functions part {place}, at {one} and {two}. The kernel checks two \
         things: whether every bridge on the path from there to the root is isolated, and whether \
         functions of one slot are."
    )
}

/// Sorts functions by address.
fn sorted(grouped: &GroupedHost<'_, '_>, functions: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut functions: Vec<_> = functions.collect();
    functions.sort_by_key(|&index| grouped.bdf(index));
    functions
}

/// The group in which the machine's kernel put the function.
fn actual(machine: &HostView<'_>, report: &Report, bdf: Bdf) -> Option<Actual> {
    let recorded = machine.recorded()?;
    let mut groups = recorded.iter();
    let members = groups.find(|group| group.contains(&bdf))?;
    let differences = report.differences.as_deref().unwrap_or_default();
    let differs = differences
        .iter()
        .find(|one| one.actual.iter().any(|group| group.contains(&bdf)));
    let as_computed = report.groups.contains(members);
    let mut computed = report.groups.iter();
    let computed = computed.find(|group| group.contains(&bdf));
    // A list that lacks a function of the computed group may lack it from this one, too.
    let unshown = machine.unshown();
    let is_whole = |group: &Vec<Bdf>| group.iter().all(|one| !unshown.contains(one));
    if unshown.contains(&bdf) || !computed.is_none_or(is_whole) {
        return None;
    }
    let is_coarser =
        !as_computed && computed.is_some_and(|group| group.iter().all(|one| members.contains(one)));
    let is_endpoint = machine
        .position(bdf)
        .is_ok_and(|index| machine.view.functions[index].function.header == Header::Endpoint);
    // A regroup gives no group that needs an entry or a kernel that is only supposed or assumed.
    let is_helped =
        is_coarser && is_endpoint && !machine.is_hypothetical() && machine.kernel.is_some();
    Some(Actual {
        remedy: is_helped.then(|| regroup(bdf)),
        members: members.clone(),
        as_computed,
        causes: differs.map_or_else(Vec::new, |one| one.causes.clone()),
    })
}

/// The functions, of these two, that are in no group of the machine's kernel, if that kernel made
/// groups.
fn ungrouped(machine: &HostView<'_>, one: Bdf, other: Option<Bdf>) -> Vec<Bdf> {
    let Some(groups) = machine.recorded() else {
        return Vec::new();
    };
    let unshown = machine.unshown();
    let is_in_none =
        |bdf: &Bdf| !unshown.contains(bdf) && !groups.iter().any(|group| group.contains(bdf));
    let asked = std::iter::once(one).chain(other);
    asked.filter(is_in_none).collect()
}

/// The functions, of those asked about and the members of the group, whose group the input does not show although it shows
/// others.
fn unshown(grouped: &GroupedHost<'_, '_>, members: &[usize], other: Option<Bdf>) -> Vec<Bdf> {
    let machine = grouped.machine;
    if machine.recorded().is_none() {
        return Vec::new();
    }
    let unshown = machine.unshown();
    let asked = grouped.addresses(members.iter().copied()).into_iter();
    let asked: BTreeSet<Bdf> = asked.chain(other).collect();
    asked.intersection(&unshown).copied().collect()
}

/// The assumptions about the functions that decide on the groups of these functions.
fn assumptions(
    all: &[Assumed],
    grouped: &GroupedHost<'_, '_>,
    members: &[usize],
    second: Option<usize>,
) -> Vec<Assumed> {
    let deciding = grouped.deciding(members.iter().copied().chain(second));
    let deciding: BTreeSet<Bdf> = deciding
        .into_iter()
        .map(|index| grouped.bdf(index))
        .collect();
    let deciding = all.iter().filter_map(|assumed| {
        let concerns_all = assumed.functions.is_empty();
        let functions = assumed.functions.iter().copied();
        let functions: Vec<_> = functions.filter(|bdf| deciding.contains(bdf)).collect();
        (concerns_all || !functions.is_empty()).then(|| Assumed {
            text: assumed.text.clone(),
            functions,
        })
    });
    deciding.collect()
}

/// Converts a step to its form in the answer.
fn joined(grouped: &GroupedHost<'_, '_>, step: &JoinStep, names: &Names) -> Joined {
    let text = words::step(grouped, step);
    let because = step.blockers(grouped);
    Joined {
        kind: step.kind.name(),
        kernel: step.kind.kernel(),
        at: grouped.bdf(step.origin),
        joined: grouped.addresses(step.joined.iter().copied()),
        text,
        because: because
            .into_iter()
            .map(|index| acs_reason(grouped, index, names))
            .collect(),
    }
}
