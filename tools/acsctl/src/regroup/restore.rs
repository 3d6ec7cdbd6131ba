// SPDX-License-Identifier: GPL-2.0-only

//! Restores drivers and settings after a rescan, a failed step or a killed run. It compares the
//! present state with the wanted state and makes only the missing changes, so it can itself be
//! killed and repeated.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use quirk_data::error::Error;
use topology::Bdf;

use super::{
    Fate, Outcome, Session, State, Withheld,
    give_back::{Compared, withheld_now},
    judge::{Judgement, all_groups},
    obstacles::{binds_in_rescan, release},
    plan::{driver_override, group, touching},
    state::{AWAKE, Phase, Saved, domain, identity},
    steps::Stop,
    window::{Instance, Missed, autoprobe, instance, modules},
    writer::Wait,
};
use crate::host::{HostPaths, Module, text};

/// The `driver_override` of a function that no driver may have. No driver has this name.
pub(super) const NO_DRIVER: &str = "withheld-by-acsctl";

/// The functions that drivers are held off, because their groups were not compared, or are not justified.
#[must_use]
pub fn held_off(paths: &HostPaths) -> BTreeSet<Bdf> {
    let all = paths.functions().into_iter();
    all.filter(|&bdf| is_held_off(paths, bdf)).collect()
}

pub(super) fn is_held_off(paths: &HostPaths, bdf: Bdf) -> bool {
    driver_override(paths, bdf).as_deref() == Some(NO_DRIVER)
}

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
        let is_own_run = !matches!(progress, Progress::LeftBehind(_));
        // A killed run may have ended after its rescan. Where a rescan binds drivers, nobody chose them.
        let rescan_bound = state.window.is_some() && binds_in_rescan(release(self.paths));
        let (problems, notes) = match progress {
            Progress::Complete => (Vec::new(), Vec::new()),
            Progress::Failed(why) => (vec![why], Vec::new()),
            Progress::LeftBehind(why) => (Vec::new(), vec![why]),
        };
        let mut outcome = Outcome {
            undone,
            problems,
            notes,
            ..Outcome::new(state)
        };
        let Compared { withheld, judged } = match self.compare(state, &mut outcome) {
            Ok(compared) => compared,
            Err(Stop::Pending(path)) => return Err(self.pending(state, &outcome.problems, &path)),
            Err(Stop::Failed(why)) => return Err(self.uncompared(state, &outcome.problems, &why)),
        };
        state.step = Phase::Restore;
        if withheld.is_none() {
            let is_judged = |bdf, now| judged.get(&bdf) == Some(&now);
            self.give_overrides(state, is_judged);
        }
        let closed = self.close_window(state, &judged, &mut outcome);
        outcome.problems.extend(closed.err().map(shown));
        let mut open = BTreeSet::new();
        // Bridges come before the functions below them.
        for saved in state.functions.iter().rev() {
            let bdf = saved.bdf;
            let is_judged = judged.get(&bdf).copied() == instance(&self.paths.function(bdf));
            // Whether this run removed the function. Otherwise its driver and override may be what somebody has
            // chosen since.
            let known = state.present.get(&bdf).map(|known| known.instance);
            let is_new = known != instance(&self.paths.function(bdf));
            let is_ours = is_own_run && is_new;
            let problem = match &withheld {
                Some(withheld) => Some(shown_withheld(self.paths, withheld, bdf)),
                None if is_judged || !State::is_there(self.paths, bdf) => {
                    self.restore_driver(saved, is_ours, rescan_bound && is_new)
                }
                None => {
                    self.hold_off(bdf);
                    Some("it appeared after the groups were compared".to_owned())
                }
            };
            if !is_judged || !State::is_there(self.paths, bdf) {
                open.insert(bdf);
            }
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
        let is_recorded = |withheld: &Withheld| {
            let all = withheld_now(self.paths).unwrap_or_default();
            all.iter().any(|it| it.requested == withheld.requested)
        };
        let is_settled = withheld.as_ref().map_or(open.is_empty(), is_recorded);
        if is_settled && state.window.is_none() && !self.is_stuck() {
            outcome
                .problems
                .extend(self.let_sleep(state).err().map(shown));
            let removed = state.remove(self.paths);
            outcome
                .problems
                .extend(removed.err().map(|error| error.to_string()));
        } else {
            if withheld.is_none() && !self.is_stuck() {
                let modules = modules(self.paths, &Module::loaded(self.paths));
                state.reduce(self.paths, &open, modules);
                outcome.problems.extend(self.save(state).err().map(shown));
            }
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

    /// Lets the bridge above go to sleep as before.
    pub(super) fn let_sleep(&mut self, state: &State) -> Result<(), Stop> {
        match &state.power {
            Some(power) if text(&power.file).as_deref() == Some(AWAKE) => {
                Ok(self.write(&power.file, &power.control, Wait::Timeout)?)
            }
            _ => Ok(()),
        }
    }

    /// Lets drivers bind again, and gives a driver to each device that missed one. Functions that were not
    /// judged, that are withheld, or that a run has yet to restore get none. If that fails, the state keeps
    /// the window, and the next run closes it.
    pub(super) fn close_window(
        &mut self,
        state: &mut State,
        judged: &BTreeMap<Bdf, Instance>,
        outcome: &mut Outcome,
    ) -> Result<(), Stop> {
        let Some(window) = state.window.clone() else {
            return self.save(state);
        };
        self.write(&autoprobe(self.paths), &window.autoprobe, Wait::Timeout)?;
        if window.is_on() {
            let failed = |error: Error| Stop::Failed(error.to_string());
            let mut without = state.function_set();
            for left in State::left_behind(self.paths).map_err(failed)? {
                without.extend(left.function_set());
            }
            for withheld in withheld_now(self.paths)? {
                without.extend(&withheld.functions);
            }
            let paths = self.paths;
            let mut missed = window.missed(paths);
            missed.retain(|one| !without.contains(&one.bdf()));
            let mut judged = judged.clone();
            let is_unjudged = |judged: &BTreeMap<Bdf, Instance>, missed: &Missed| {
                let bdf = missed.bdf();
                let now = instance(&paths.function(bdf));
                matches!(missed, Missed::Probe(_)) && judged.get(&bdf).copied() != now
            };
            // A device that appeared after the comparison, by hot-plug or by another rescan.
            if missed.iter().any(|one| is_unjudged(&judged, one)) {
                let later = Judgement::of(self.paths, self.entries, state);
                if later.unknown.is_none() {
                    let torn = [&later.torn, &later.torn_before, &later.torn_others];
                    let torn: BTreeSet<Bdf> =
                        torn.into_iter().flatten().flatten().copied().collect();
                    let sound = later.judged.into_iter();
                    judged.extend(sound.filter(|(bdf, _)| !torn.contains(bdf)));
                }
            }
            for missed in missed {
                let (bdf, path) = match &missed {
                    Missed::Probe(bdf) => (bdf, self.paths.pci().join("drivers_probe")),
                    Missed::Bind(bdf, driver) => (
                        bdf,
                        self.paths.pci().join("drivers").join(driver).join("bind"),
                    ),
                };
                if is_unjudged(&judged, &missed) {
                    outcome.problems.push(format!(
                        "{bdf} appeared meanwhile and has no driver, because its group was not found to be justified; if \
                         acsctl doctor finds no fault in it: echo {bdf} > /sys/bus/pci/drivers_probe"
                    ));
                    continue;
                }
                // A driver that does not match the device refuses it.
                let _ = self.write(&path, &bdf.to_string(), Wait::Driver);
            }
        }
        state.window = None;
        self.save(state)
    }

    /// Restores a function's driver. Returns the difference from the former state.
    fn restore_driver(
        &mut self,
        saved: &Saved,
        is_ours: bool,
        rescan_bound: bool,
    ) -> Option<String> {
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
            self.welcome(bdf);
            let driver = self.paths.driver(bdf);
            return Some(format!(
                "another function is at this address now ({found}, was {}); its driver is {}",
                saved.identity,
                driver.as_deref().unwrap_or("none")
            ));
        }
        self.bind_again(saved, is_ours, rescan_bound)
            .unwrap_or_else(|stop| Some(shown(stop)))
    }

    /// Gives a driver to another function at an address from which this or a killed run kept drivers off.
    fn welcome(&mut self, bdf: Bdf) {
        let folder = self.paths.function(bdf);
        // What cannot be written shows in the driver that the function has.
        if is_held_off(self.paths, bdf) {
            let _ = self.write(&folder.join("driver_override"), "", Wait::Timeout);
        }
        if self.paths.driver(bdf).is_none() {
            let probe = self.paths.pci().join("drivers_probe");
            let _ = self.write(&probe, &bdf.to_string(), Wait::Driver);
        }
    }

    /// Gives the functions that this or a killed run removed their former overrides, unless somebody has chosen another since.
    /// A driver that is registered from now on must not take a function that its override keeps for another.
    pub(super) fn give_overrides(
        &mut self,
        state: &State,
        is_judged: impl Fn(Bdf, Instance) -> bool,
    ) {
        for saved in &state.functions {
            let bdf = saved.bdf;
            let (Some(only), Some(now)) =
                (&saved.driver_override, instance(&self.paths.function(bdf)))
            else {
                continue;
            };
            let known = state.present.get(&bdf).map(|known| known.instance);
            let is_new = known != Some(now);
            let is_same = identity(self.paths, bdf).as_ref() == Some(&saved.identity);
            let is_free =
                driver_override(self.paths, bdf).is_none() || is_held_off(self.paths, bdf);
            if is_new && is_same && is_free && is_judged(bdf, now) {
                let path = self.paths.function(bdf).join("driver_override");
                // restore_driver() tries again, and reports what goes wrong.
                let _ = self.write(&path, only, Wait::Timeout);
            }
        }
    }

    /// Gives a function its former override and driver. `is_ours`: whether this run removed the function.
    /// `rescan_bound`: whether the rescan of a killed run may have bound the present driver.
    fn bind_again(
        &mut self,
        saved: &Saved,
        is_ours: bool,
        rescan_bound: bool,
    ) -> Result<Option<String>, Stop> {
        let bdf = saved.bdf;
        let only = self.paths.function(bdf).join("driver_override");
        let found = driver_override(self.paths, bdf);
        let is_lent = [None, saved.driver.as_deref(), Some(NO_DRIVER)].contains(&found.as_deref());
        let is_chosen = found != saved.driver_override && !is_ours && !is_lent;
        if found != saved.driver_override && !is_chosen {
            let value = saved.driver_override.as_deref().unwrap_or_default();
            self.write(&only, value, Wait::Timeout)?;
        }
        let now = self.paths.driver(bdf);
        if now == saved.driver {
            return Ok(None);
        }
        if is_chosen && now.is_none() {
            return Ok(Some(format!(
                "its driver_override is {} now, so it did not get its former driver, {}",
                found.unwrap_or_default(),
                saved.driver.as_deref().unwrap_or("none")
            )));
        }
        if let Some(other) = now {
            let was = saved.driver.as_deref();
            if is_chosen || !(is_ours || rescan_bound) {
                let was = was.unwrap_or("none");
                return Ok(Some(format!("its driver is {other} now, and was {was}")));
            }
            // It was bound within the rescan (`DRIVERS_WAIT_SINCE`).
            let uses = self.in_use(&BTreeSet::from([bdf]));
            if !uses.is_empty() {
                return Ok(Some(format!(
                    "its driver is {other} now, and was {}; not changed, because something uses it: {}",
                    was.unwrap_or("none"),
                    uses.join("; ")
                )));
            }
            let path = self.paths.function(bdf).join("driver/unbind");
            self.write(&path, &bdf.to_string(), Wait::Timeout)?;
        }
        match &saved.driver {
            Some(wanted) => self.bind(saved, wanted, &only),
            None => Ok(None),
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
        let bound = self.write(&folder.join("bind"), &bdf.to_string(), Wait::Driver);
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

    /// Keeps drivers off the functions whose groups were not compared, and lets new devices have drivers
    /// again. The state keeps the window: the next run gives drivers to the devices that missed one.
    fn keep_back(&mut self, state: &State) {
        let Some(window) = &state.window else { return };
        for bdf in state.function_set() {
            if State::is_there(self.paths, bdf) && self.paths.driver(bdf).is_none() {
                self.hold_off(bdf);
            }
        }
        // If this fails, the next run does it.
        let _ = self.write(&autoprobe(self.paths), &window.autoprobe, Wait::Timeout);
    }

    /// The error for groups that were not compared.
    fn uncompared(&mut self, state: &State, problems: &[String], why: &str) -> Error {
        self.keep_back(state);
        Error::CouldNotRun(format!(
            "{}: {}{why}\nThe groups could not be compared, so no driver was bound. Run acsctl regroup again, which \
             restores everything",
            state.requested,
            lines(problems)
        ))
    }

    /// The error for a blocked write. The next run restores the rest.
    pub(super) fn pending(&mut self, state: &State, problems: &[String], path: &Path) -> Error {
        self.keep_back(state);
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
            "{}: {}the kernel is blocked in a write to {}: most likely a process holds the function. End that \
             process, or make it close the function, then run this command again, which restores \
             everything. The state now:{list}",
            state.requested,
            lines(problems),
            path.display(),
        ))
    }
}

/// What went wrong before an error, to be told before it.
fn lines(problems: &[String]) -> String {
    problems
        .iter()
        .fold(String::new(), |text, one| text + one + "\n")
}

pub(super) fn shown(stop: Stop) -> String {
    match stop {
        Stop::Failed(why) => why,
        Stop::Pending(path) => format!(
            "the kernel is blocked in a write to {}; run acsctl regroup again when it has returned",
            path.display()
        ),
    }
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
