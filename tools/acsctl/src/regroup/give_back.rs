// SPDX-License-Identifier: GPL-2.0-only

//! Decides after a rescan what comes back: compares the groups, and where they are finer than isolation justifies,
//! takes the claims back or withholds the device.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    thread,
    time::Duration,
};

use rustix::system::delete_module;
use topology::{Bdf, Partition};

use super::{
    Outcome, Session, State, Withheld,
    judge::Judgement,
    plan::{acs_parameter, group, touching, write_groups},
    restore::NO_DRIVER,
    steps::Stop,
    uses::Uses,
    window::{Instance, devices, modules},
    writer::Wait,
};
use crate::host::{HostPaths, Module, Source, text};

/// The number of rescans for functions that did not come back, and the pause between them.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// The result of a comparison.
pub(super) struct Compared {
    /// The device, if it is withheld.
    pub(super) withheld: Option<Withheld>,
    /// The functions whose groups were compared. No other function may get a driver.
    pub(super) judged: BTreeMap<Bdf, Instance>,
}

impl Session<'_> {
    /// Compares the groups. If they are finer than isolation justifies, takes the claims back, and if
    /// that does not help, withholds the device.
    pub(super) fn compare(
        &mut self,
        state: &mut State,
        outcome: &mut Outcome,
    ) -> Result<Compared, Stop> {
        let mut withheld = withheld_now(self.paths)?.into_iter();
        if let Some(withheld) = withheld.find(|it| it.requested == state.requested) {
            // The run that withheld the device was killed.
            self.remove_all(&withheld, outcome)?;
            return Ok(Compared {
                withheld: Some(withheld),
                judged: BTreeMap::new(),
            });
        }
        self.rescan_missing(state, outcome)?;
        let judged = devices(self.paths);
        let is_unchanged = |bdf: &Bdf| {
            let before = state.present.get(bdf).map(|known| known.instance);
            before.is_some() && before == judged.get(bdf).copied()
        };
        if state.window.is_none() && state.function_set().iter().all(is_unchanged) {
            // Nothing was removed, and drivers were not held off, so nothing changed.
            return Ok(Compared {
                withheld: None,
                judged,
            });
        }
        self.remove_withheld(state, outcome)?;
        let mut found = Judgement::of(self.paths, self.entries, state);
        if !found.torn.is_empty() && !state.taken_back && self.take_back(state, &found, outcome)? {
            self.remove_withheld(state, outcome)?;
            found = Judgement::of(self.paths, self.entries, state);
        }
        if let Some(why) = &found.unknown {
            let what = format!(
                "the groups could not be compared with those that isolation justifies: {why}"
            );
            if found.torn.is_empty() {
                outcome
                    .notes
                    .push(format!("{what}. They are not finer than before"));
            } else {
                outcome.problems.push(what);
            }
        }
        let set = state.function_set();
        outcome.predicted = found
            .predicted
            .as_ref()
            .map(|groups| touching(groups, &set));
        if !found.torn_before.is_empty() {
            outcome.problems.push(format!(
                "{}  they were so before the regroup: acsctl doctor shows why",
                finer_than_justified(&found.torn_before)
            ));
        }
        if found.torn.is_empty() && found.torn_before.is_empty() && !found.finer.is_empty() {
            outcome.finer = true;
            outcome.notes.push(format!(
                "justified groups that are finer than predicted: the kernel has quirks of a later release, or a module \
                 recorded grants; each line was predicted as one group:\n{}",
                group_lines(&found.finer).trim_end()
            ));
        }
        if !found.torn_others.is_empty() {
            let others = found.others(&found.torn_others, &set);
            if let Some(&first) = others.first() {
                self.withhold(first, others, &found.torn_others, outcome)?;
            }
        }
        let ungrouped = (state.planned.iter().flatten())
            .filter(|bdf| set.contains(bdf) && group(self.paths, **bdf).is_none())
            .filter(|bdf| State::is_there(self.paths, **bdf));
        for bdf in ungrouped {
            let what = format!("{bdf} is in no IOMMU group now; the kernel log says why");
            outcome.problems.push(what);
        }
        let mut withheld = None;
        if !found.torn.is_empty() {
            let others = found.others(&found.torn, &set);
            let functions = state.own.iter().copied().chain(others).collect();
            let torn = &found.torn;
            withheld = Some(self.withhold(state.requested, functions, torn, outcome)?);
        } else if !outcome.undone && !found.coarser.is_empty() {
            outcome
                .problems
                .push(coarser_than_planned(self.paths, &found));
        }
        Ok(Compared {
            withheld,
            judged: found.judged,
        })
    }

    /// Rescans missing functions.
    fn rescan_missing(&mut self, state: &mut State, outcome: &mut Outcome) -> Result<(), Stop> {
        for number in 0..TRIES {
            if state.missing(self.paths).is_empty() {
                break;
            }
            if number > 0 {
                thread::sleep(PAUSE);
            }
            match self.rescan(state) {
                Ok(()) => {}
                Err(Stop::Failed(why)) => {
                    if !outcome.problems.contains(&why) {
                        outcome.problems.push(why);
                    }
                    break;
                }
                Err(pending) => return Err(pending),
            }
        }
        Ok(())
    }

    /// Removes withheld devices that this run's rescan brought back.
    fn remove_withheld(&mut self, state: &State, outcome: &mut Outcome) -> Result<(), Stop> {
        for withheld in withheld_now(self.paths)? {
            let is_ours = |bdf: &Bdf| !state.present.contains_key(bdf);
            let back: Vec<_> = withheld.present(self.paths);
            let back: Vec<_> = back.into_iter().filter(is_ours).collect();
            self.remove_unused(&back, outcome)?;
            self.hold_off_left(&back);
        }
        Ok(())
    }

    /// Keeps drivers off withheld functions that could not be removed.
    fn hold_off_left(&mut self, functions: &[Bdf]) {
        for &bdf in functions {
            if State::is_there(self.paths, bdf) && self.paths.driver(bdf).is_none() {
                self.hold_off(bdf);
            }
        }
    }

    /// Takes back what the groups may rest on: unloads each module that granted, or whose decisions cannot
    /// be read, and has the kernel group the device again. Returns whether that was done.
    fn take_back(
        &mut self,
        state: &mut State,
        found: &Judgement,
        outcome: &mut Outcome,
    ) -> Result<bool, Stop> {
        let loaded = Module::loaded(self.paths);
        let set = state.function_set();
        let may_have_granted = |module: &Module| match &module.record {
            Err(_) => true,
            Ok(record) => record.decisions.iter().any(|(bdf, decisions)| {
                let latest = decisions.latest.as_ref();
                let is_granted = latest.is_some_and(|decided| decided.refused.is_none());
                is_granted && (set.contains(bdf) || found.new.contains(bdf))
            }),
        };
        let all: Vec<_> = set.iter().copied().collect();
        if !self.in_use(&self.paths.with_below(&all)).is_empty() {
            return Ok(false);
        }
        let mut unloaded = Vec::new();
        for module in loaded.iter().filter(|module| may_have_granted(module)) {
            let name = module.name();
            match unload(name) {
                Ok(()) => unloaded.push(name),
                Err(error) => outcome
                    .problems
                    .push(format!("cannot unload {name}: {error}")),
            }
        }
        if unloaded.is_empty() && modules(self.paths, &loaded) == state.modules {
            return Ok(false);
        }
        if unloaded.is_empty() {
            outcome.notes.push(
                "a module was loaded or unloaded during the regroup, so the device was rescanned once more"
                    .to_owned(),
            );
        } else {
            let names = unloaded.join(" and ");
            outcome.problems.push(format!(
                "the record of {names} does not justify the groups, so its claims were taken back: {names} was \
                 unloaded, and the device was rescanned without it"
            ));
        }
        let failed = self.remove(&state.own)?;
        outcome.problems.extend(failed);
        state.taken_back = true;
        self.rescan(state)?;
        self.rescan_missing(state, outcome)?;
        Ok(true)
    }

    /// Withholds functions: records them and removes them.
    fn withhold(
        &mut self,
        requested: Bdf,
        functions: Vec<Bdf>,
        torn: &Partition,
        outcome: &mut Outcome,
    ) -> Result<Withheld, Stop> {
        let why = finer_than_justified(torn);
        let withheld = Withheld::new(self.paths, requested, functions, why);
        let saved = withheld.save(self.paths);
        outcome
            .problems
            .extend(saved.err().map(|error| error.to_string()));
        self.remove_all(&withheld, outcome)?;
        Ok(withheld)
    }

    /// Removes functions that nothing uses, and with them all functions below. Right after a rescan nothing
    /// uses them; but a killed run may be completed long after it gave functions back.
    fn remove_unused(&mut self, functions: &[Bdf], outcome: &mut Outcome) -> Result<(), Stop> {
        let uses = self.in_use(&self.paths.with_below(functions));
        if !uses.is_empty() {
            outcome.problems.push(format!(
                "not removed, because something uses it:\n  {}",
                uses.join("\n  ")
            ));
            return Ok(());
        }
        let failed = self.remove(functions)?;
        outcome.problems.extend(failed);
        Ok(())
    }

    /// What uses those of these functions that have a driver.
    pub(super) fn in_use(&self, functions: &BTreeSet<Bdf>) -> Vec<String> {
        let has_driver = |bdf: &Bdf| self.paths.driver(*bdf).is_some();
        let bound: BTreeSet<_> = functions.iter().copied().filter(has_driver).collect();
        if bound.is_empty() {
            return Vec::new();
        }
        match Source::Host(self.paths.clone()).capture(false) {
            Err(error) => vec![error.to_string()],
            Ok(topology) => {
                let uses = Uses::find(self.paths, &topology, &bound);
                let listed = uses.list.iter();
                let listed = listed.map(|one| format!("{}: {}", one.function, one.what));
                listed.chain(uses.unseen.iter().cloned()).collect()
            }
        }
    }

    /// Removes a withheld device, looks whether it is gone, and says so.
    fn remove_all(&mut self, withheld: &Withheld, outcome: &mut Outcome) -> Result<(), Stop> {
        self.remove_unused(&withheld.present(self.paths), outcome)?;
        let left = withheld.present(self.paths);
        self.hold_off_left(&left);
        let done = if left.is_empty() {
            "all its functions were removed again".to_owned()
        } else {
            let list: Vec<_> = left.iter().map(ToString::to_string).collect();
            format!(
                "these of its functions could not be removed again, so do not pass them through: {}",
                list.join(" ")
            )
        };
        outcome.problems.push(format!(
            "{}  the device is withheld: {done}. In such groups, one guest could reach another's memory. \
             Reboot to group them correctly; until acsctl regroup --release {}, no regroup of it begins",
            withheld.why, withheld.requested
        ));
        Ok(())
    }

    /// Keeps drivers off a function whose groups were not compared, or do not isolate it.
    pub(super) fn hold_off(&mut self, bdf: Bdf) {
        let path = self.paths.function(bdf).join("driver_override");
        // If this fails, the function has no driver yet, and the next run compares its groups.
        let _ = self.write(&path, NO_DRIVER, Wait::Timeout);
    }
}

/// The devices that were withheld in this boot.
pub(super) fn withheld_now(paths: &HostPaths) -> Result<Vec<Withheld>, Stop> {
    let all = Withheld::all(paths).map_err(|error| Stop::Failed(error.to_string()))?;
    Ok(all
        .into_iter()
        .filter(|it| it.is_of_this_boot(paths))
        .collect())
}

fn group_lines(groups: &Partition) -> String {
    let mut list = String::new();
    // Writing to a string cannot fail.
    let _ = write_groups(&mut list, groups);
    list
}

fn finer_than_justified(torn: &Partition) -> String {
    let list = group_lines(torn);
    format!("groups are finer than isolation justifies; each line should be one group:\n{list}")
}

/// The message that the plan was not kept, with the cause if it shows.
fn coarser_than_planned(paths: &HostPaths, found: &Judgement) -> String {
    let list = group_lines(&found.coarser);
    let mut what =
        format!("the groups are coarser than planned; each line was to be several groups:\n{list}");
    if found.lost.is_empty() {
        what += "  the kernel log says why an entry did not apply: dmesg | grep acs_quirks";
        return what;
    }
    let functions: Vec<_> = found.lost.iter().map(ToString::to_string).collect();
    let _ = write!(
        what,
        "  isolated by the plan, and not after the rescan: {}; acsctl why shows the reason",
        functions.join(" ")
    );
    let line = text(&paths.proc.join("cmdline")).unwrap_or_default();
    if let Some(parameter) = acs_parameter(&line) {
        let _ = write!(
            what,
            ". The kernel sets ACS by {parameter} on its command line, at each scan"
        );
    }
    what
}

/// Unloads a module that nothing uses.
fn unload(name: &str) -> Result<(), String> {
    let name = std::ffi::CString::new(name).map_err(|error| error.to_string())?;
    delete_module(&name, 0).map_err(|error| error.to_string())
}
