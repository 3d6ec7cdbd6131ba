// SPDX-License-Identifier: GPL-2.0-only

//! Restores drivers and settings after a rescan, a failed step or a killed run. It compares the
//! present state with the wanted state and makes only the missing changes, so it can itself be
//! killed and repeated.

use std::{fmt::Write as _, path::Path, thread, time::Duration};

use quirk_data::error::Error;
use rustix::system::delete_module;
use topology::{Bdf, Partition};

use super::{
    Fate, Outcome, Session, State, Withheld,
    judge::{Judgement, all_groups},
    plan::{driver_override, group, touching, write_groups},
    state::{Phase, Saved, domain, identity},
    steps::Stop,
    window::{Missed, autoprobe},
    writer::Wait,
};
use crate::host::{HostPaths, Module, text};

/// The number of rescans for functions that did not come back, and the pause between them.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// The `driver_override` of a function that no driver may have. No driver has this name.
const NO_DRIVER: &str = "withheld-by-acsctl";

/// The events before the restore.
pub(super) enum Progress {
    /// All functions were removed and rescanned.
    Complete,
    /// A step failed; the reason.
    Failed(String),
    /// An earlier run was killed; at which step.
    LeftBehind(String),
}

impl Session<'_> {
    /// Ends a regroup: compares the groups, gives back what may come back, and restores drivers. An
    /// error in one function does not keep the others from being restored. The state file stays while a
    /// function is missing.
    pub(super) fn restore(
        &mut self,
        state: &mut State,
        progress: Progress,
    ) -> Result<Outcome, Error> {
        let undone = !matches!(progress, Progress::Complete);
        let (problems, notes) = match progress {
            Progress::Complete => (Vec::new(), Vec::new()),
            Progress::Failed(why) => (vec![why], Vec::new()),
            Progress::LeftBehind(why) => (Vec::new(), vec![why]),
        };
        let mut outcome = Outcome {
            requested: state.requested,
            before: touching(&state.before, &state.function_set()),
            predicted: None,
            after: Vec::new(),
            functions: Vec::new(),
            undone,
            problems,
            notes,
        };
        let withheld = match self.compare(state, &mut outcome) {
            Ok(withheld) => withheld,
            Err(Stop::Pending(path)) => return Err(self.pending(state, &path)),
            Err(Stop::Failed(why)) => {
                outcome.problems.push(why);
                None
            }
        };
        state.step = Phase::Restore;
        let closed = self.close_window(state);
        outcome.problems.extend(closed.err().map(shown));
        // Bridges come before the functions below them.
        for saved in state.functions.iter().rev() {
            let problem = match &withheld {
                Some(withheld) => Some(shown_withheld(self.paths, withheld, saved.bdf)),
                None => self.restore_driver(saved),
            };
            let bdf = saved.bdf;
            outcome.functions.push(Fate {
                function: bdf,
                present: State::is_there(self.paths, bdf),
                group: group(self.paths, bdf),
                driver: self.paths.driver(bdf),
                problem,
            });
            let now = domain(self.paths, bdf);
            if let Some((before, now)) = saved.domain.as_ref().zip(now).filter(|(a, b)| *a != b) {
                outcome.notes.push(format!(
                    "the domain type of {bdf} was {before} and is now {now}; to change it back, \
                     unbind the drivers of its group and write {before} to \
                     /sys/bus/pci/devices/{bdf}/iommu_group/type"
                ));
            }
        }
        outcome.after = touching(&all_groups(self.paths), &state.function_set());
        outcome.functions.sort_by_key(|fate| fate.function);
        let missing = state.missing(self.paths);
        if withheld.is_some() || (missing.is_empty() && !self.is_stuck()) {
            state.remove(self.paths)?;
        } else {
            outcome.problems.push(format!(
                "not everything is restored; the next acsctl regroup, of any device, tries again \
                 (acsctl regroup --release {} gives up on it)",
                state.requested
            ));
        }
        if self.is_stopped() {
            let what = "a signal asked acsctl to stop; it finished this device first";
            outcome.notes.push(what.to_owned());
        }
        Ok(outcome)
    }

    /// Compares the groups. If they are finer than isolation justifies, takes the claims back, and if
    /// that does not help, withholds the device.
    fn compare(
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
            return self.withhold(state, &found, outcome).map(Some);
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

    /// Withholds the device: records it and removes its functions. Removes other functions too that are
    /// new since the start and in a torn group.
    fn withhold(
        &mut self,
        state: &State,
        found: &Judgement,
        outcome: &mut Outcome,
    ) -> Result<Withheld, Stop> {
        let set = state.function_set();
        let others = found.torn.iter().flatten().rev();
        let others = others.filter(|bdf| found.new.contains(bdf) && !set.contains(bdf));
        let others: Vec<_> = others.copied().collect();
        let why = finer_than_justified(&found.torn);
        let withheld = Withheld::new(self.paths, state, &others, why);
        let saved = withheld
            .save(self.paths)
            .err()
            .map(|error| error.to_string());
        outcome.problems.extend(saved);
        self.remove_all(&withheld, outcome)?;
        Ok(withheld)
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

    /// Lets drivers bind again, and gives a driver to each device that missed one. If that fails, the
    /// state keeps the window, and the next run closes it.
    fn close_window(&mut self, state: &mut State) -> Result<(), Stop> {
        let Some(window) = state.window.clone() else {
            return self.save(state);
        };
        self.write(&autoprobe(self.paths), &window.autoprobe, Wait::Timeout)?;
        if window.is_on() {
            let own = state.function_set();
            let withheld = Withheld::all(self.paths).unwrap_or_default();
            let is_withheld = |bdf: &Bdf| {
                own.contains(bdf) || withheld.iter().any(|it| it.functions.contains(bdf))
            };
            for missed in window.missed(self.paths) {
                let (bdf, path) = match &missed {
                    Missed::Probe(bdf) => (bdf, self.paths.pci().join("drivers_probe")),
                    Missed::Bind(bdf, driver) => (
                        bdf,
                        self.paths.pci().join("drivers").join(driver).join("bind"),
                    ),
                };
                if !is_withheld(bdf) {
                    // A driver that does not match the device refuses it.
                    let _ = self.write(&path, &bdf.to_string(), Wait::Timeout);
                }
            }
        }
        state.window = None;
        self.save(state)
    }

    /// Restores a function's driver. Returns the difference from the former state.
    fn restore_driver(&mut self, saved: &Saved) -> Option<String> {
        let bdf = saved.bdf;
        if !State::is_there(self.paths, bdf) {
            return Some(format!(
                "it did not come back; try echo 1 > /sys/bus/pci/rescan, then a reboot (its driver \
                 was {})",
                saved.driver.as_deref().unwrap_or("-")
            ));
        }
        let found = identity(self.paths, bdf).unwrap_or_default();
        if found != saved.identity {
            return Some(format!(
                "another function is at this address now ({found}, was {}); no driver was bound to \
                 it",
                saved.identity
            ));
        }
        self.bind_again(saved)
            .unwrap_or_else(|stop| Some(shown(stop)))
    }

    fn bind_again(&mut self, saved: &Saved) -> Result<Option<String>, Stop> {
        let bdf = saved.bdf;
        let only = self.paths.function(bdf).join("driver_override");
        if driver_override(self.paths, bdf) != saved.driver_override {
            let value = saved.driver_override.as_deref().unwrap_or_default();
            self.write(&only, value, Wait::Timeout)?;
        }
        match (&saved.driver, self.paths.driver(bdf)) {
            (None, None) => Ok(None),
            (Some(wanted), Some(driver)) if driver == *wanted => Ok(None),
            (Some(wanted), Some(other)) => {
                Ok(Some(format!("its driver is {other} now, and was {wanted}")))
            }
            (Some(wanted), None) => self.bind(saved, wanted, &only),
            // It was bound within the rescan (`DRIVERS_WAIT_SINCE`).
            (None, Some(_)) => {
                let path = self.paths.function(bdf).join("driver/unbind");
                self.write(&path, &bdf.to_string(), Wait::Timeout)?;
                Ok(None)
            }
        }
    }

    /// Binds a driver, even one that would not match the function without a `driver_override`.
    fn bind(&mut self, saved: &Saved, wanted: &str, only: &Path) -> Result<Option<String>, Stop> {
        let paths = self.paths;
        let bdf = saved.bdf;
        let folder = paths.pci().join("drivers").join(wanted);
        if !folder.is_dir() {
            return Ok(Some(format!(
                "it has no driver: {wanted} is no longer loaded"
            )));
        }
        let is_lent = saved.driver_override.as_deref() != Some(wanted);
        if is_lent {
            self.write(only, wanted, Wait::Timeout)?;
        }
        let bound = self.write(&folder.join("bind"), &bdf.to_string(), Wait::Timeout);
        if is_lent {
            let value = saved.driver_override.as_deref().unwrap_or_default();
            self.write(only, value, Wait::Timeout)?;
        }
        match bound.map_err(Stop::from) {
            Err(stop @ Stop::Pending(_)) => Err(stop),
            // Another process may have bound the driver already.
            _ if paths.driver(bdf).as_deref() == Some(wanted) => Ok(None),
            Err(Stop::Failed(why)) => Ok(Some(format!("it has no driver: {why}"))),
            Ok(()) => Ok(Some(format!(
                "it has no driver: {wanted} did not bind to it"
            ))),
        }
    }

    /// Keeps drivers off a function whose groups were not compared, or do not isolate it.
    fn hold_off(&mut self, bdf: Bdf) {
        let path = self.paths.function(bdf).join("driver_override");
        // If this fails, the function has no driver yet, and the next run compares its groups.
        let _ = self.write(&path, NO_DRIVER, Wait::Timeout);
    }

    /// The error for a blocked write. Keeps drivers off the functions whose groups were not compared, and
    /// lets them bind to other devices again. The next run restores the rest.
    pub(super) fn pending(&mut self, state: &mut State, path: &Path) -> Error {
        if state.window.is_some() {
            for bdf in state.function_set() {
                if State::is_there(self.paths, bdf) && self.paths.driver(bdf).is_none() {
                    self.hold_off(bdf);
                }
            }
            let _ = self.close_window(state);
        }
        let mut list = String::new();
        for saved in state.functions.iter().rev() {
            let bdf = saved.bdf;
            let shown = match (State::is_there(self.paths, bdf), self.paths.driver(bdf)) {
                (false, _) => "removed".to_owned(),
                (true, None) => "present, without a driver".to_owned(),
                (true, Some(driver)) => format!("present, with the driver {driver}"),
            };
            // Writing to a string cannot fail.
            let _ = write!(list, "\n  {bdf}  {shown}");
        }
        Error::CouldNotRun(format!(
            "{}: the kernel is blocked in a write to {}: a process holds the function. End that \
             process, or make it close the function, then run this command again, which restores \
             everything. The state now:{list}",
            state.requested,
            path.display(),
        ))
    }
}

fn shown(stop: Stop) -> String {
    match stop {
        Stop::Failed(why) => why,
        Stop::Pending(path) => format!(
            "the kernel is blocked in a write to {}; run acsctl regroup again when it has returned",
            path.display()
        ),
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

fn shown_withheld(paths: &HostPaths, withheld: &Withheld, bdf: Bdf) -> String {
    if State::is_there(paths, bdf) {
        format!(
            "it could not be removed again; do not pass it through (withheld with {})",
            withheld.requested
        )
    } else {
        "it was removed again; reboot to bring it back".to_owned()
    }
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
    if let Some(parameter) = super::plan::acs_parameter(&line) {
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
