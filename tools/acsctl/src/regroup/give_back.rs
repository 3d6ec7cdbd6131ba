// SPDX-License-Identifier: GPL-2.0-only

//! Decides after a rescan what comes back: compares the groups, and where they are finer than isolation justifies,
//! takes the claims back or withholds the device.

use std::{fmt::Write as _, thread, time::Duration};

use rustix::system::delete_module;
use topology::{Bdf, Partition};

use super::{
    Outcome, Session, State, Withheld,
    judge::Judgement,
    plan::{acs_parameter, touching, write_groups},
    restore::NO_DRIVER,
    state::Phase,
    steps::Stop,
    writer::Wait,
};
use crate::host::{HostPaths, Module, text};

/// The number of rescans for functions that did not come back, and the pause between them.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

impl Session<'_> {
    /// Compares the groups. If they are finer than isolation justifies, takes the claims back, and if
    /// that does not help, withholds the device.
    pub(super) fn compare(
        &mut self,
        state: &mut State,
        outcome: &mut Outcome,
    ) -> Result<Option<Withheld>, Stop> {
        let mut withheld = withheld_now(self.paths)?.into_iter();
        if let Some(withheld) = withheld.find(|it| it.requested == state.requested) {
            // The run that withheld the device was killed.
            self.remove_all(&withheld, outcome)?;
            return Ok(Some(withheld));
        }
        self.rescan_missing(state, outcome)?;
        if state.step == Phase::Unbind && state.window.is_none() {
            // Nothing was removed, so the groups are unchanged.
            return Ok(None);
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
        if !found.torn.is_empty() {
            return self.withhold(state, &found, outcome);
        }
        if !outcome.undone && !found.coarser.is_empty() {
            outcome
                .problems
                .push(coarser_than_planned(self.paths, &found));
        }
        Ok(None)
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
            outcome.problems.extend(self.remove(&back)?);
        }
        Ok(())
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
        let names: Vec<_> = loaded
            .iter()
            .map(|module| module.name().to_owned())
            .collect();
        let set = state.function_set();
        let may_have_granted = |module: &Module| match &module.record {
            Err(_) => true,
            Ok(record) => record.decisions.iter().any(|(bdf, decisions)| {
                let latest = decisions.latest.as_ref();
                let is_granted = latest.is_some_and(|decided| decided.refused.is_none());
                is_granted && (set.contains(bdf) || found.new.contains(bdf))
            }),
        };
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
        if unloaded.is_empty() && names == state.modules {
            return Ok(false);
        }
        let names = unloaded.join(" and ");
        outcome.problems.push(if unloaded.is_empty() {
            "a module was loaded or unloaded during the regroup, so the device was rescanned once more"
                .to_owned()
        } else {
            format!(
                "the record of {names} does not justify the groups, so its claims were taken back: {names} was \
                 unloaded, and the device was rescanned without it"
            )
        });
        let failed = self.remove(&state.own)?;
        outcome.problems.extend(failed);
        state.taken_back = true;
        self.rescan(state)?;
        self.rescan_missing(state, outcome)?;
        Ok(true)
    }

    /// Withholds what is in torn groups: records it and removes it. That is the device with all of its
    /// functions, and other functions that are new since the start. Returns the record of the device.
    fn withhold(
        &mut self,
        state: &State,
        found: &Judgement,
        outcome: &mut Outcome,
    ) -> Result<Option<Withheld>, Stop> {
        let set = state.function_set();
        let (own, others): (Partition, Partition) = (found.torn.iter().cloned())
            .partition(|group| group.iter().any(|bdf| set.contains(bdf)));
        let mut withhold = |requested, of_device: &[Bdf], torn: &Partition| {
            let new = torn.iter().flatten().rev();
            let new = new.filter(|bdf| found.new.contains(bdf) && !set.contains(bdf));
            let functions = of_device.iter().chain(new).copied().collect();
            let why = finer_than_justified(torn);
            let withheld = Withheld::new(self.paths, state, requested, functions, why);
            let saved = withheld.save(self.paths);
            outcome
                .problems
                .extend(saved.err().map(|error| error.to_string()));
            self.remove_all(&withheld, outcome).map(|()| withheld)
        };
        if let Some(&first) = others.iter().flatten().find(|bdf| found.new.contains(bdf)) {
            withhold(first, &[], &others)?;
        }
        if own.is_empty() {
            return Ok(None);
        }
        withhold(state.requested, &state.own, &own).map(Some)
    }

    /// Removes a withheld device, looks whether it is gone, and says so.
    fn remove_all(&mut self, withheld: &Withheld, outcome: &mut Outcome) -> Result<(), Stop> {
        let failed = self.remove(&withheld.functions)?;
        outcome.problems.extend(failed);
        let left = withheld.present(self.paths);
        for &bdf in &left {
            self.hold_off(bdf);
        }
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
fn withheld_now(paths: &HostPaths) -> Result<Vec<Withheld>, Stop> {
    let all = Withheld::all(paths).map_err(|error| Stop::Failed(error.to_string()))?;
    Ok(all
        .into_iter()
        .filter(|it| it.is_of_this_boot(paths))
        .collect())
}

fn finer_than_justified(torn: &Partition) -> String {
    let mut list = String::new();
    // Writing to a string cannot fail.
    let _ = write_groups(&mut list, torn);
    format!("groups are finer than isolation justifies; each line should be one group:\n{list}")
}

/// The message that the plan was not kept, with the cause if it shows.
fn coarser_than_planned(paths: &HostPaths, found: &Judgement) -> String {
    let mut list = String::new();
    let _ = write_groups(&mut list, &found.coarser);
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
