// SPDX-License-Identifier: GPL-2.0-only

//! What `acsctl` tells an owner, held against what the kernel of a guest has made.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use acsctl::system::Machine;
use anyhow::{Context, Result, anyhow, bail, ensure};
use quirk_data::{
    built,
    edition::Edition,
    folder::{self, Scope},
    quirk::Quirk,
    report, source,
};
use rules::table::Table;
use serde::Deserialize;

use crate::{groups::Groups, scenario::Expected, vm::Vm};

/// Why two functions are together or apart, in the words of the JSON form.
#[derive(Clone, Copy, Debug)]
pub enum Because {
    /// They share a group by this step, and of this function this says that it is not isolated.
    Together(&'static str, Said),
    /// They share a group because this bridge puts its number on the requests from behind it.
    Behind(&'static str),
    /// They do not, and of this function this says that it is isolated.
    Apart(Said),
}

/// A function without its domain, and what speaks for it or against it.
pub type Said = (&'static str, &'static str);

/// What `groups` prints.
#[derive(Deserialize)]
struct Listing {
    made: bool,
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

/// What `predict` prints.
#[derive(Deserialize)]
struct Report {
    groups: Vec<Vec<String>>,
    differences: Vec<Difference>,
}

#[derive(Deserialize)]
struct Difference {
    predicted: Vec<Vec<String>>,
}

/// What `why` prints.
#[derive(Deserialize)]
struct Answer {
    together: bool,
    actual: Actual,
    steps: Vec<Step>,
    isolation: Vec<Statement>,
}

#[derive(Deserialize)]
struct Actual {
    same: bool,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "step")]
    name: String,
    at: String,
    because: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    function: String,
    says: String,
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

/// Asks a command of the guest for its JSON form.
fn ask<T: for<'a> Deserialize<'a>>(vm: &mut Vm, line: &str) -> Result<T> {
    let text = vm.check(&format!("acsctl {line} --format json"))?;
    serde_json::from_str(&text).with_context(|| format!("acsctl {line} prints:\n{text}"))
}

/// The groups that the kernel has made are those that `groups` lists, by number, and those that `predict`
/// computes.
///
/// # Errors
///
/// How they differ.
pub fn check_groups(vm: &mut Vm) -> Result<()> {
    let actual = vm.groups()?;
    let listing: Listing = ask(vm, "groups")?;
    ensure!(listing.made, "they are listed as computed");
    let listed = listing.groups.iter().flat_map(|group| {
        let number = group.number;
        let members = group.members.iter();
        members.map(move |one| (one.function.trim_start_matches("0000:").to_owned(), number))
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

/// With the module as it is and the groups as they are, exactly these groups are predicted to be others.
///
/// # Errors
///
/// Which ones are.
pub fn check_differences(vm: &mut Vm, expected: Expected) -> Result<()> {
    let report: Report = ask(vm, "predict")?;
    let predicted = report.differences.iter().flat_map(|one| &one.predicted);
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

/// What `capture` writes in the guest is all that it takes to compute the guest's groups elsewhere: by the
/// kernel alone, or with the table of the test module.
///
/// # Errors
///
/// How they differ.
pub fn check_capture(vm: &mut Vm, with_module: bool) -> Result<()> {
    let actual = vm.groups()?;
    // The messages are on the same line.
    let text =
        vm.check("acsctl capture -o /tmp/capture.json >/dev/null && cat /tmp/capture.json")?;
    let topology = topology::parse("the guest", &text)?;
    let (quirks, table) = DATA.as_ref().map_err(|error| anyhow!("{error}"))?;
    let machine = Machine::of(&topology, quirks, None);
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

/// What the kernel has of its own, and the table of the test module.
static DATA: LazyLock<Result<(Vec<Quirk>, Table), String>> = LazyLock::new(|| {
    let quirks = folder::check_all(source::built_in(), Scope::now(None));
    let quirks = quirks.map_err(|findings| report::text(&findings))?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel/module/quirks");
    let entries = folder::load(&folder, Scope::now(Some(Edition::Test)));
    let entries = entries.map_err(|error| error.to_string())?;
    let table = built::table(&Edition::Test.select(&entries, None));
    Ok((quirks, table))
});

/// `why` names the reason for which two functions are together or apart.
///
/// # Errors
///
/// What it says instead.
pub fn check_reason(vm: &mut Vm, one: &str, two: &str, because: Because) -> Result<()> {
    let answer: Answer = ask(vm, &format!("why {one} {two}"))?;
    ensure!(
        answer.actual.same,
        "it explains other groups than there are"
    );
    let has = |statements: &[Statement], (function, says): Said| {
        let mut statements = statements.iter();
        statements.any(|one| one.function.ends_with(function) && one.says == says)
    };
    let is_right = match because {
        Because::Together(step, said) => {
            let mut steps = answer.steps.iter().filter(|one| one.name == step);
            answer.together && steps.any(|one| has(&one.because, said))
        }
        Because::Behind(bridge) => {
            let mut steps = answer.steps.iter().filter(|one| one.name == "bridge-alias");
            answer.together && steps.any(|one| one.at.ends_with(bridge))
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

/// A line for each group.
fn shown(groups: &Parts) -> String {
    let line = |group: &BTreeSet<String>| {
        let members: Vec<&str> = group.iter().map(String::as_str).collect();
        format!("    {}\n", members.join(" "))
    };
    groups.iter().map(line).collect()
}
