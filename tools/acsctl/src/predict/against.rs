// SPDX-License-Identifier: GPL-2.0-only

//! Statements on record against groups. No kernel knows them, so they change no prediction.

use std::collections::{BTreeMap, BTreeSet};

use grouping::{Seen, device_of};
use quirk_data::entry::{Entry, Evidence};
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Partition, names::printable};

use crate::host::HostView;

/// Functions that are apart from functions which they may reach, by a statement on record.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Against {
    /// The functions, in order.
    pub functions: Vec<Bdf>,
    /// The entry with the statement.
    pub entry: String,
    /// What was stated of each, by whom and where, as a clause.
    pub text: String,
}

impl Against {
    /// The statements against these groups: of functions that share no group with another function of
    /// their device, or of ports that share none with what is directly below.
    pub(super) fn of(machine: &HostView<'_>, groups: &Partition) -> Vec<Self> {
        let view = &machine.view;
        let numbered = groups.iter().enumerate();
        let members = numbered.flat_map(|(at, group)| group.iter().map(move |&bdf| (bdf, at)));
        let group_of: BTreeMap<Bdf, usize> = members.collect();
        let group = |seen: &Seen<'_>| group_of.get(&seen.function.bdf).copied();
        let mut of_device: BTreeMap<_, BTreeSet<usize>> = BTreeMap::new();
        let mut below: BTreeMap<Bdf, BTreeSet<usize>> = BTreeMap::new();
        for seen in &view.functions {
            let Some(group) = group(seen) else { continue };
            of_device
                .entry(device_of(view, seen))
                .or_default()
                .insert(group);
            if let Some(above) = view.above(seen) {
                below.entry(above.function.bdf).or_default().insert(group);
            }
        }
        let is_apart = |seen: &&Seen<'_>| {
            let beside = of_device.get(&device_of(view, seen)).into_iter();
            let mut near = beside.chain(below.get(&seen.function.bdf)).flatten();
            group(seen).is_some_and(|own| near.any(|&other| other != own))
        };
        let statements = machine.entries.iter().filter_map(|entry| {
            let is_about = |seen: &&Seen<'_>| {
                let kind = seen.pcie_type();
                kind.is_some_and(|kind| entry.is_against(seen.function, kind))
            };
            let functions = view.functions.iter().filter(is_about).filter(is_apart);
            let functions: BTreeSet<_> = functions.map(|seen| seen.function.bdf).collect();
            (!functions.is_empty()).then(|| Self {
                functions: functions.into_iter().collect(),
                entry: entry.name.clone(),
                text: against(entry),
            })
        });
        statements.collect()
    }
}

/// Who has stated that the functions of an entry are not isolated, as a clause after their ids.
pub(crate) fn against(entry: &Entry) -> String {
    let stated = stated(entry);
    format!("may reach its siblings or the devices beside it, as {stated}")
}

/// Who has stated what on the functions of an entry, and where to read it.
pub(crate) fn stated(entry: &Entry) -> String {
    let evidence = entry.evidence.as_ref();
    let text = |field: fn(&Evidence) -> &Option<String>| {
        let text = evidence.and_then(|evidence| field(evidence).as_deref());
        printable(text.unwrap_or_default())
    };
    let hearsay = if evidence.is_some_and(|evidence| evidence.hearsay) {
        ", hearsay"
    } else {
        ""
    };
    let sources = evidence.map_or_else(String::new, |evidence| evidence.sources.join(" "));
    let date = match text(|evidence| &evidence.date) {
        none if none.is_empty() => none,
        date => format!(" on {date}"),
    };
    format!(
        "{} stated{date}{hearsay}: \"{}\" {sources}",
        text(|evidence| &evidence.stated_by),
        text(|evidence| &evidence.statement),
    )
}
