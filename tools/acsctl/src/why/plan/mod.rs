// SPDX-License-Identifier: GPL-2.0-only

//! What would give a function an IOMMU group of its own, cheapest first.
//!
//! Each change is applied to the facts about the machine, and the groups are computed from the
//! changed facts. Only changes after which the function has a group of its own are listed. The
//! remedies and their words are those of `acsctl why`.
//!
//! | file | what it does |
//! |---|---|
//! | `changes.rs` | the changes that concern a function, and the facts after a change |
//! | `trial.rs` | the groups after a change |
//! | `steps.rs` | the steps of a change in words |
//! | `search.rs` | the cheapest combinations of changes |
//! | `false_ways.rs` | parameters that split groups without isolation |
//! | `answer.rs` | the plan as data and JSON |
//! | `text.rs` | the plan in words |

mod answer;
mod changes;
mod false_ways;
mod search;
mod steps;
mod text;
mod trial;

use quirk_data::error::Error;
use topology::{Bdf, names::Names};

pub(crate) use answer::SCHEMA;
pub use answer::{Outcome, Plan};

use self::{
    answer::Alternative,
    false_ways::false_ways,
    search::search,
    trial::{Tester, by_kernel, is_alone, refused, relevant, trusted, unseen},
};
use super::{
    answer::{Actual, Goal},
    change::change,
    explain::Explainer,
    grouped::GroupedHost,
    remedy::{Remedy, What},
    words::address_list,
};
use crate::{host::HostView, predict::open::version_decides};

/// Plans how the function at `bdf` gets a group that it shares with no other function that can be
/// passed through.
///
/// # Errors
///
/// [`Error::NotFound`] when there is no such function; [`Error::CouldNotRun`] for an impossible
/// topology.
pub fn plan(machine: &HostView<'_>, bdf: Bdf, names: &Names) -> Result<Plan, Error> {
    let explainer = Explainer::new(machine, names)?;
    let tables = trusted(machine, machine.modules.loaded);
    let grouped = &GroupedHost::new(machine, &tables)?;
    let target = machine.position(bdf)?;
    let mut plan = Plan::new(explainer.explain(bdf, None)?);
    if grouped.host_only(target) {
        plan.outcome = Outcome::StaysWithHost;
        return Ok(plan);
    }
    if !plan.why.is_known() {
        plan.reasons.extend(plan.why.missing.clone());
        return Ok(plan);
    }
    if !plan.why.ungrouped.is_empty() {
        plan.outcome = Outcome::Nothing;
        plan.reasons.push(
            "It is in no IOMMU group: as far as the kernel knows, its requests pass through no IOMMU"
                .to_owned(),
        );
        return Ok(plan);
    }
    let relevant = relevant(grouped, target);
    let refused = refused(grouped, &relevant);
    let is_alone_now = is_alone(explainer.grouped(), target);
    let is_alone = is_alone(grouped, target);
    if is_alone_now && plan.why.is_made() {
        plan.outcome = Outcome::OwnGroup;
        plan.dangers.extend(refused);
        if !is_alone {
            plan.dangers.push(format!(
                "No vendor vouches for this group: it comes from a module that has entries without evidence. \
                 Without them, {bdf} shares its group with {}.",
                address_list(&others(grouped, target))
            ));
        }
        return Ok(plan);
    }
    let unseen = unseen(grouped, &relevant);
    if !unseen.is_empty() {
        plan.reasons.push(not_seen(machine, &unseen));
        refuse(&mut plan, grouped, target, names)?;
        return Ok(plan);
    }
    let by_kernel = by_kernel(grouped, &relevant, &tables)?;
    if !by_kernel.is_empty() {
        plan.reasons.push(version_decides(&by_kernel));
        return Ok(plan);
    }
    if is_alone && refused.is_some() {
        plan.outcome = Outcome::Nothing;
        plan.reasons.extend(refused);
        return Ok(plan);
    }
    let is_other = |actual: &Actual| !actual.as_computed && actual.remedy.is_none();
    // What the answer supposes explains no group that the kernel made without it.
    let actual = if machine.is_hypothetical() {
        Explainer::new(&machine.as_read(), names)?
            .explain(bdf, None)?
            .actual
    } else {
        plan.why.actual.clone()
    };
    if is_alone && actual.as_ref().is_some_and(is_other) {
        plan.reasons.push(
            "its kernel made another group than acsctl computes, and grouping it again is not known to help"
                .to_owned(),
        );
        return Ok(plan);
    }
    plan.alternatives = search(grouped, target, names)?;
    plan.outcome = match &plan.alternatives[..] {
        [] => Outcome::Nothing,
        all if all.iter().all(Alternative::needs_statement) => Outcome::NeedsStatement,
        _ => Outcome::Possible,
    };
    if plan.outcome == Outcome::Nothing {
        plan.reasons.extend(refused);
    }
    if plan.outcome != Outcome::Possible {
        refuse(&mut plan, grouped, target, names)?;
    }
    let tester = Tester {
        base: grouped,
        function: bdf,
        names,
    };
    let (ways, dangers) = false_ways(&tester, target)?;
    plan.false_ways = ways;
    plan.dangers.extend(dangers);
    Ok(plan)
}

/// That properties of these functions were not seen, and what to do.
fn not_seen(machine: &HostView<'_>, unseen: &[Bdf]) -> String {
    let is_silent = |bdf: &&Bdf| {
        let at = machine.position(**bdf);
        at.is_ok_and(|at| machine.view.functions[at].function.unreadable)
    };
    let silent: Vec<Bdf> = unseen.iter().filter(is_silent).copied().collect();
    let wake = if silent.is_empty() {
        String::new()
    } else {
        let silent = address_list(&silent);
        format!(
            ". Before that, wake or reset {silent}, which did not answer: let the own driver use it"
        )
    };
    format!(
        "properties that decide on its group were not seen, of {}. Read the machine as root, or make the input again \
         as root: lspci -D -vvvnn -xxxx{wake}",
        address_list(unseen)
    )
}

/// The other functions in the group that can be passed through.
fn others(grouped: &GroupedHost<'_, '_>, target: usize) -> Vec<Bdf> {
    let others = grouped.shared(target).into_iter();
    others.map(|index| grouped.bdf(index)).collect()
}

/// Adds why nothing, or only a vendor's statement, gives the function a group of its own.
fn refuse(
    plan: &mut Plan,
    grouped: &GroupedHost<'_, '_>,
    target: usize,
    names: &Names,
) -> Result<(), Error> {
    let alone = |grouped: &GroupedHost<'_, '_>| is_alone(grouped, target);
    let change = change(grouped, target, Goal::All, names, alone)?;
    let is_unchecked = |remedy: &Remedy| remedy.what == What::FirmwareSetting;
    for remedy in change.alternatives {
        if is_unchecked(&remedy) {
            plan.unchecked.push(remedy);
        } else if remedy.what == What::Hardware && plan.outcome == Outcome::Nothing {
            plan.reasons.push(remedy.text);
        }
    }
    if plan.outcome == Outcome::Nothing {
        for need in change.needs {
            let remedies = need.remedies.into_iter();
            let texts = remedies.filter(|remedy| !is_unchecked(remedy));
            for remedy in texts.filter(|remedy| remedy.what != What::Statement) {
                let functions = address_list(&need.functions);
                plan.reasons.push(format!("{functions}: {}", remedy.text));
            }
        }
    }
    Ok(())
}
