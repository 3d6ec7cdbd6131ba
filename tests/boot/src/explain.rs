// SPDX-License-Identifier: GPL-2.0-only

//! Compares the output of `acsctl` with the groups of a guest's kernel.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use acsctl::host::HostView;
use anyhow::{Context, Result, anyhow, bail, ensure};
use quirk_data::{
    built,
    edition::Edition,
    entry::Entry,
    folder::{self, Scope},
    report, source,
};
use rules::table::Table;
use serde::Deserialize;

use crate::{groups::Groups, scenario::Expected, vm::Vm};

/// The reason why two functions are together or apart, in the terms of the JSON output.
#[derive(Clone, Copy, Debug)]
pub enum Because {
    /// The functions share a group because of this step. The function in `Said` is not isolated,
    /// for the reason in `Said`.
    Together(&'static str, Said),
    /// The functions share a group because this bridge puts its own requester ID on requests from
    /// behind it.
    Behind(&'static str),
    /// The functions are apart. The function in `Said` is isolated, for the reason in `Said`.
    Apart(Said),
}

/// A function without its domain, and the reason why it is isolated or not.
pub type Said = (&'static str, &'static str);

/// Output of `groups`.
#[derive(Deserialize)]
struct Listing {
    from_kernel: bool,
    groups: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    number: u32,
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    function: String,
}

/// Output of `predict`.
#[derive(Deserialize)]
struct Report {
    groups: Vec<Vec<String>>,
    differences: Vec<Difference>,
}

#[derive(Deserialize)]
struct Difference {
    predicted: Vec<Vec<String>>,
}

/// Output of `why`.
#[derive(Deserialize)]
struct Answer {
    together: bool,
    actual: Actual,
    steps: Vec<Step>,
    isolation: Vec<Statement>,
}

#[derive(Deserialize)]
struct Actual {
    as_computed: bool,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "kind")]
    name: String,
    at: String,
    because: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    function: String,
    decided_by: String,
}

/// Groups without their numbers.
type Parts = BTreeSet<BTreeSet<String>>;

fn parts<'s, G: IntoIterator<Item = &'s String>>(groups: impl IntoIterator<Item = G>) -> Parts {
    let short = |function: &String| function.trim_start_matches("0000:").to_owned();
    let groups = groups.into_iter();
    groups
        .map(|group| group.into_iter().map(short).collect())
        .collect()
}

/// Runs a command of `acsctl` in the guest and parses its JSON output.
fn ask<T: for<'a> Deserialize<'a>>(vm: &mut Vm, line: &str) -> Result<T> {
    let text = vm.check(&format!("acsctl {line} --format json"))?;
    serde_json::from_str(&text).with_context(|| format!("acsctl {line} prints:\n{text}"))
}

/// Checks that `groups` lists the kernel's groups with their numbers, and that `predict` computes
/// the same groups.
///
/// # Errors
///
/// How they differ.
pub fn check_groups(vm: &mut Vm) -> Result<()> {
    let actual = vm.groups()?;
    let listing: Listing = ask(vm, "groups")?;
    ensure!(listing.from_kernel, "they are listed as computed");
    let listed = listing.groups.iter().flat_map(|group| {
        let number = group.number;
        let members = group.members.iter();
        members.map(move |member| {
            (
                member.function.trim_start_matches("0000:").to_owned(),
                number,
            )
        })
    });
    let listed: Groups = listed.collect();
    ensure!(
        listed == actual,
        "groups are\n{actual}and are listed as\n{listed}"
    );
    let report: Report = ask(vm, "predict")?;
    check_same("predict", &parts(&report.groups), &actual)?;
    ensure!(
        report.differences.is_empty(),
        "predict sees differences where none are"
    );
    Ok(())
}

/// Checks that, with the module in its current state, `predict` expects exactly these groups to
/// differ from the kernel's.
///
/// # Errors
///
/// The groups that it expects to differ.
pub fn check_differences(vm: &mut Vm, expected: Expected) -> Result<()> {
    let report: Report = ask(vm, "predict")?;
    let predicted = report
        .differences
        .iter()
        .flat_map(|difference| &difference.predicted);
    let predicted = parts(predicted);
    let expected: Parts = expected
        .iter()
        .map(|group| group.iter().copied().map(str::to_owned).collect())
        .collect();
    ensure!(
        predicted == expected,
        "what would be other is\n{}expected was\n{}",
        shown(&predicted),
        shown(&expected)
    );
    Ok(())
}

/// Checks that the output of `capture` is sufficient to compute the guest's groups on another host:
/// without a table, or with the table of the test module.
///
/// # Errors
///
/// How the groups differ.
pub fn check_capture(vm: &mut Vm, with_module: bool) -> Result<()> {
    let actual = vm.groups()?;
    // The shell returns standard output and messages together.
    let text =
        vm.check("acsctl capture -o /tmp/capture.json >/dev/null && cat /tmp/capture.json")?;
    let topology = topology::parse("the guest", &text)?;
    let (quirks, table) = DATA.as_ref().map_err(|error| anyhow!("{error}"))?;
    let machine = HostView::of(&topology, quirks, None);
    let tables = if with_module {
        std::slice::from_ref(table)
    } else {
        &[]
    };
    let groups = machine
        .grouping(tables)
        .map_err(|error| anyhow!("{error}"))?;
    let groups = groups.partition(&machine.view);
    let groups: Vec<Vec<String>> = groups
        .iter()
        .map(|group| group.iter().map(ToString::to_string).collect())
        .collect();
    check_same("the capture", &parts(&groups), &actual)
}

/// The quirk database, and the table of the test module.
static DATA: LazyLock<Result<(Vec<Entry>, Table), String>> = LazyLock::new(|| {
    let quirks = folder::check_all(source::built_in(), Scope::now(None));
    let quirks = quirks.map_err(|findings| report::text(&findings))?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel/module/quirks");
    let entries = folder::load(&folder, Scope::now(Some(Edition::Test)));
    let entries = entries.map_err(|error| error.to_string())?;
    let table = built::table(&Edition::Test.select(&entries, None));
    Ok((quirks, table))
});

/// Checks that `why` gives the reason why two functions are together or apart.
///
/// # Errors
///
/// The answer that `why` gives instead.
pub fn check_reason(vm: &mut Vm, one: &str, two: &str, because: Because) -> Result<()> {
    let answer: Answer = ask(vm, &format!("why {one} {two}"))?;
    ensure!(
        answer.actual.as_computed,
        "it explains other groups than there are"
    );
    let has = |statements: &[Statement], (function, says): Said| {
        let mut statements = statements.iter();
        statements
            .any(|statement| statement.function.ends_with(function) && statement.decided_by == says)
    };
    let is_right = match because {
        Because::Together(step, said) => {
            let mut steps = answer.steps.iter().filter(|found| found.name == step);
            answer.together && steps.any(|found| has(&found.because, said))
        }
        Because::Behind(bridge) => {
            let mut steps = answer
                .steps
                .iter()
                .filter(|found| found.name == "bridge-alias");
            answer.together && steps.any(|found| found.at.ends_with(bridge))
        }
        Because::Apart(said) => !answer.together && has(&answer.isolation, said),
    };
    if !is_right {
        bail!(
            "it says:\n{}",
            vm.check(&format!("acsctl why {one} {two}"))?
        );
    }
    Ok(())
}

fn check_same(whose: &str, groups: &Parts, actual: &Groups) -> Result<()> {
    let mut by_number: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for (address, number) in actual.below("") {
        by_number
            .entry(number)
            .or_default()
            .insert(address.to_owned());
    }
    let actual: Parts = by_number.into_values().collect();
    let difference = |one: &Parts, other: &Parts| shown(&(one - other));
    ensure!(
        *groups == actual,
        "groups are\n{}and by {whose}\n{}",
        difference(&actual, groups),
        difference(groups, &actual)
    );
    Ok(())
}

/// One line for each group.
fn shown(groups: &Parts) -> String {
    let line = |group: &BTreeSet<String>| {
        let members: Vec<&str> = group.iter().map(String::as_str).collect();
        format!("    {}\n", members.join(" "))
    };
    groups.iter().map(line).collect()
}
