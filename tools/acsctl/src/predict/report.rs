// SPDX-License-Identifier: GPL-2.0-only

//! A prediction, as people and programs read it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use isolation::table::Table;
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Partition, Seen};

use crate::{
    edition::Edition, error::Error, quirk::Quirk, release::Release, report::pretty, system::Machine,
};

/// The version of the JSON form.
pub(crate) const SCHEMA: &str = "acsctl-predict-1";

/// What a prediction was made under.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Under {
    /// `kernel`, `installed` or `with`.
    pub table: &'static str,
    /// What that is, for people.
    pub about: String,
    /// The version of the table; `None` without one.
    pub version: Option<String>,
}

impl Under {
    /// The kernel alone.
    #[must_use]
    pub fn kernel(machine: &Machine<'_>) -> Self {
        Self {
            table: "kernel",
            about: format!("{} alone", machine.kernel_name()),
            version: None,
        }
    }

    /// The kernel with the module of this edition.
    #[must_use]
    pub fn installed(machine: &Machine<'_>, edition: Edition, is_loaded: bool) -> Self {
        let table = &machine.table;
        Self {
            table: "installed",
            about: format!(
                "{} with the module {}{}, table {}, entries {}",
                machine.kernel_name(),
                edition.module(),
                if is_loaded { ", which is loaded" } else { "" },
                table.version,
                table.entries.len()
            ),
            version: Some(table.version.to_owned()),
        }
    }

    /// The kernel with the module of this edition and one more entry, in this table.
    #[must_use]
    pub fn with(machine: &Machine<'_>, edition: Edition, entry: &Quirk, table: &Table) -> Self {
        Self {
            table: "with",
            about: format!(
                "{} with the module {} and the entry {} ({})",
                machine.kernel_name(),
                edition.module(),
                entry.name,
                entry.status.name()
            ),
            version: Some(table.version.to_owned()),
        }
    }
}

/// The groups that a kernel makes of a machine.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Report {
    schema: &'static str,
    /// The groups by their first member, members by address.
    pub groups: Partition,
    /// With which table.
    pub under: Under,
    /// The version of the kernel, if it is known.
    pub kernel: Option<String>,
    /// What was assumed.
    pub assumed: Vec<Assumed>,
    /// Where the kernel's own groups are others; `None` where they were not seen.
    pub differences: Option<Vec<Difference>>,
}

/// Something that was assumed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct Assumed {
    /// What, in words.
    pub what: String,
    /// Of which functions; none: of the whole machine.
    pub functions: Vec<Bdf>,
}

/// Functions whose groups are not those that were predicted.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Difference {
    /// The groups predicted.
    pub predicted: Partition,
    /// The groups of the same functions that the kernel has made.
    pub actual: Partition,
    /// What that can come from.
    pub causes: Vec<String>,
}

impl Report {
    /// Compares what is predicted with what the machine's kernel made.
    #[must_use]
    pub fn of(machine: &Machine<'_>, groups: Partition, under: Under) -> Self {
        let assumed = assumed(machine);
        let differences = machine.recorded().map(|actual| {
            let pieces = pieces(&groups, &actual);
            pieces
                .into_iter()
                .map(|(predicted, actual)| Difference {
                    causes: causes(machine, &assumed, &predicted, &actual),
                    predicted,
                    actual,
                })
                .collect()
        });
        Self {
            schema: SCHEMA,
            kernel: machine.topology.kernel.clone(),
            groups,
            under,
            assumed,
            differences,
        }
    }

    /// For programs.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when there is no memory for it, and for no other reason.
    pub fn json(&self) -> Result<String, Error> {
        pretty(self)
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}, groups {}:\n\n", self.under.about, self.groups.len());
        for group in &self.groups {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}", line(group));
        }
        if !self.assumed.is_empty() {
            text += "\nassumed:\n";
        }
        for assumed in &self.assumed {
            let of = match &assumed.functions[..] {
                [] => String::new(),
                functions => format!(": {}", some(functions)),
            };
            let _ = writeln!(text, "  {}{of}", assumed.what);
        }
        match self.differences.as_deref() {
            None => {
                text += "\nThis machine's kernel has made no groups, or they were not seen, so there is \
                         nothing to compare with.\n";
            }
            Some([]) => text += "\nThe kernel has made the same groups.\n",
            Some(differences) => {
                for one in differences {
                    let _ = writeln!(text, "\ndiffers from the kernel's own groups:");
                    let each = |what: &str, groups: &Partition| {
                        let lines = groups
                            .iter()
                            .map(|group| format!("  {what}  {}\n", line(group)));
                        lines.collect::<String>()
                    };
                    text += &each("predicted", &one.predicted);
                    text += &each("actual   ", &one.actual);
                    for cause in &one.causes {
                        let _ = writeln!(text, "  can be: {cause}");
                    }
                }
            }
        }
        text
    }
}

/// A group in a line.
fn line(group: &[Bdf]) -> String {
    let members: Vec<_> = group.iter().map(ToString::to_string).collect();
    members.join(" ")
}

/// The first ones, and how many there are.
fn some(functions: &[Bdf]) -> String {
    const SHOWN: usize = 6;
    let first = line(&functions[..functions.len().min(SHOWN)]);
    match functions.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// What was assumed of the machine.
pub(crate) fn assumed(machine: &Machine<'_>) -> Vec<Assumed> {
    let mut all: BTreeMap<String, BTreeSet<Bdf>> = BTreeMap::new();
    if machine.kernel.is_none() {
        let what = "the version of the kernel was not seen: it has every quirk that is known";
        all.entry(what.to_owned()).or_default();
    }
    if let Some(kernel) = machine.kernel.filter(|&kernel| !is_modelled(kernel)) {
        let what = format!(
            "groups are made as Linux 7.2 and 7.3 make them; {kernel} has the quirks that mainline had \
             then, and none that its distribution has added"
        );
        all.entry(what).or_default();
    }
    for (bdf, assumption) in &machine.view.assumptions {
        all.entry(assumption.to_string()).or_default().insert(*bdf);
    }
    let prediction = machine.prediction();
    for seen in &machine.view.functions {
        if prediction.verdict(seen).assumed {
            let what =
                "the kernel's quirk could set the port up, which cannot be seen from outside";
            let functions = all.entry(what.to_owned()).or_default();
            functions.insert(seen.function.bdf);
        }
    }
    let assumed = |(what, functions): (String, BTreeSet<Bdf>)| Assumed {
        what,
        functions: functions.into_iter().collect(),
    };
    all.into_iter().map(assumed).collect()
}

/// Whether the model was written after a kernel of this series.
fn is_modelled(kernel: Release) -> bool {
    matches!(kernel.to_string().as_str(), "7.2" | "7.3")
}

/// The parts of two sets of groups that differ: no function of one part is in a group with one of
/// another.
fn pieces(predicted: &Partition, actual: &Partition) -> Vec<(Partition, Partition)> {
    let groups_of = |groups: &Partition| -> BTreeMap<Bdf, usize> {
        let numbered = groups.iter().enumerate();
        let members = numbered.flat_map(|(at, group)| group.iter().map(move |&bdf| (bdf, at)));
        members.collect()
    };
    let (in_predicted, in_actual) = (groups_of(predicted), groups_of(actual));
    let same: BTreeSet<_> = actual.iter().collect();
    let mut taken = BTreeSet::new();
    let mut pieces = Vec::new();
    for group in predicted.iter().filter(|group| !same.contains(group)) {
        let mut left: Vec<Bdf> = group.clone();
        let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
        while let Some(bdf) = left.pop() {
            if !taken.insert(bdf) {
                continue;
            }
            for (of, groups, found) in [
                (&in_predicted, predicted, &mut ours),
                (&in_actual, actual, &mut theirs),
            ] {
                if let Some(&at) = of.get(&bdf) {
                    if found.insert(at) {
                        left.extend(&groups[at]);
                    }
                }
            }
        }
        let take = |groups: &Partition, found: BTreeSet<usize>| -> Partition {
            found.into_iter().map(|at| groups[at].clone()).collect()
        };
        if !ours.is_empty() {
            pieces.push((take(predicted, ours), take(actual, theirs)));
        }
    }
    pieces
}

/// What it can come from that the kernel's groups are others.
fn causes(
    machine: &Machine<'_>,
    assumed: &[Assumed],
    predicted: &Partition,
    actual: &Partition,
) -> Vec<String> {
    let members: BTreeSet<Bdf> = predicted.iter().flatten().copied().collect();
    // What is above them decides as well.
    let mut deciding = members.clone();
    for seen in &machine.view.functions {
        if members.contains(&seen.function.bdf) {
            let next = |seen: &&Seen<'_>| machine.view.above(seen);
            let above = std::iter::successors(machine.view.above(seen), next);
            deciding.extend(above.map(|seen| seen.function.bdf));
        }
    }
    let mut causes = Vec::new();
    let touched = |one: &&Assumed| one.functions.iter().any(|bdf| deciding.contains(bdf));
    causes.extend(
        assumed
            .iter()
            .filter(touched)
            .map(|one| format!("what was assumed: {}", one.what)),
    );
    let mut regrouped = machine.topology.regrouped.iter();
    if regrouped.any(|bdf| members.contains(bdf)) {
        causes.push("functions were removed and found again since the boot".to_owned());
    }
    if actual.len() > predicted.len() {
        match &machine.topology.acs_override {
            Some(value) => causes.push(format!(
                "the kernel was told pcie_acs_override={value}: with the patch for it, it splits groups \
                 that nothing isolates"
            )),
            None => causes.push(
                "the kernel has a quirk that is not in the data, as one that its distribution has \
                 added, or is patched to split groups"
                    .to_owned(),
            ),
        }
        causes.push(
            "functions were added one by one after the boot (rescan, hot-plug), and the kernel took \
             each for a device of one function at that moment; such groups protect nothing"
                .to_owned(),
        );
    } else {
        causes.push(
            "the groups were made before a module or a setting took effect; the functions have to be \
             removed and found again"
                .to_owned(),
        );
        causes.push(
            "a function sends requests under the number of another one, as the firmware's tables \
             have it (AMD: IVRS)"
                .to_owned(),
        );
    }
    causes
}
