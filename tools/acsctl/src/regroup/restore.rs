// SPDX-License-Identifier: GPL-2.0-only

//! Restores drivers and settings after a rescan, a failed step or a killed run. It compares the
//! present state with the wanted state and makes only the missing changes, so it can itself be
//! killed and repeated.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, thread, time::Duration};

use quirk_data::error::Error;
use topology::{Bdf, Partition};

use super::{
    Fate, Outcome, Session, State,
    plan::{driver_override, group, touching, write_groups},
    state::{Phase, Saved, domain, identity},
    steps::{Stop, function_set},
};
use crate::host::{HostPaths, Predicted, Snapshot, coarser, finer, names};

/// The number of rescans for functions that did not come back, and the pause between them.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

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
            before: state.before.clone(),
            predicted: None,
            after: Vec::new(),
            functions: Vec::new(),
            undone,
            problems,
            notes,
        };
        match self.restore_functions(state, &mut outcome) {
            Ok(()) => {}
            Err(Stop::Pending(path)) => return Err(self.pending(state, &path)),
            Err(Stop::Failed(why)) => outcome.problems.push(why),
        }
        outcome.after = groups(self.paths, state);
        outcome.functions.sort_by_key(|fate| fate.function);
        state.remove(self.paths)?;
        Ok(outcome)
    }

    fn restore_functions(&mut self, state: &mut State, outcome: &mut Outcome) -> Result<(), Stop> {
        let autoprobe = self.paths.pci().join("drivers_autoprobe");
        if state.step < Phase::Restore {
            self.rescan_missing(state, &autoprobe)?;
        }
        // Before the first removal, the groups are unchanged.
        let is_withheld = state.step > Phase::Unbind && self.compare_groups(state, outcome)?;
        state.step = Phase::Restore;
        let saved = state.save(self.paths);
        outcome
            .problems
            .extend(saved.err().map(|error| error.to_string()));
        // Bridges come before the functions below them.
        for saved in state.functions.iter().rev() {
            let problem = if is_withheld {
                Some("it was removed again; reboot to bring it back".to_owned())
            } else {
                self.restore_driver(saved)?
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
        self.write(&autoprobe, &state.autoprobe)?;
        self.probe_new_devices(state)
    }

    /// Rescans missing functions.
    fn rescan_missing(&mut self, state: &State, autoprobe: &Path) -> Result<(), Stop> {
        for number in 0..TRIES {
            let mut functions = state.functions.iter();
            if functions.all(|saved| State::is_there(self.paths, saved.bdf)) {
                break;
            }
            if number > 0 {
                thread::sleep(PAUSE);
            }
            self.write(autoprobe, "0")?;
            self.write(&state.rescan, "1")?;
        }
        Ok(())
    }

    /// Compares the groups with the groups that the kernel would make. Removes the device again if
    /// its groups are finer, and then returns `true`: such groups do not protect, because a guest
    /// with one function could reach the others.
    fn compare_groups(&mut self, state: &State, outcome: &mut Outcome) -> Result<bool, Stop> {
        let snapshot = Snapshot::of_host(self.paths);
        let snapshot = snapshot.map_err(|error| Stop::Failed(error.to_string()))?;
        let host = snapshot.view(self.entries);
        let Predicted {
            groups, allowed, ..
        } = match host.predict() {
            Ok(predicted) => predicted,
            Err(error) => {
                let what =
                    format!("the groups could not be compared with the expected ones: {error}");
                outcome.problems.push(what);
                return Ok(false);
            }
        };
        let set = function_set(state);
        outcome.predicted = Some(touching(&groups, &set));
        let torn = finer(&host.groups, &allowed, &set);
        if !torn.is_empty() {
            let mut list = String::new();
            // Writing to a string cannot fail.
            let _ = write_groups(&mut list, &torn);
            let is_new = finer(&state.before, &allowed, &set) != torn;
            let is_told = host.topology.acs_override.is_some() || !host.is_modelled();
            let what = format!(
                "groups are finer than isolation justifies; each line should be one \
                          group:\n{list}"
            );
            if !is_new && (is_told || outcome.undone) {
                let why = "  they were so before the regroup: acsctl doctor shows why";
                outcome.problems.push(format!("{what}{why}"));
                return Ok(false);
            }
            outcome.problems.push(format!(
                "{what}  all functions were removed again: in such groups, one guest could reach \
                 another's memory. Reboot to group them correctly"
            ));
            self.remove(state)?;
            return Ok(true);
        }
        if !outcome.undone && !coarser(&host.groups, &groups, &set).is_empty() {
            let what = "the groups are coarser than predicted; the kernel log says why an entry \
                        did not apply: dmesg | grep acs_quirks";
            outcome.problems.push(what.to_owned());
        }
        Ok(false)
    }

    /// Restores a function's driver. Returns the difference from the former state.
    fn restore_driver(&mut self, saved: &Saved) -> Result<Option<String>, Stop> {
        let bdf = saved.bdf;
        if !State::is_there(self.paths, bdf) {
            return Ok(Some(format!(
                "it did not come back; try echo 1 > /sys/bus/pci/rescan, then a reboot (its driver \
                 was {})",
                saved.driver.as_deref().unwrap_or("-")
            )));
        }
        let found = identity(self.paths, bdf).unwrap_or_default();
        if found != saved.identity {
            return Ok(Some(format!(
                "another function is at this address now ({found}, was {}); no driver was bound to \
                 it",
                saved.identity
            )));
        }
        let only = self.paths.function(bdf).join("driver_override");
        if driver_override(self.paths, bdf) != saved.driver_override {
            self.write(&only, saved.driver_override.as_deref().unwrap_or_default())?;
        }
        let (Some(wanted), current) = (&saved.driver, self.paths.driver(bdf)) else {
            return Ok(None);
        };
        match current {
            Some(driver) if driver == *wanted => Ok(None),
            Some(other) => Ok(Some(format!("its driver is {other} now, and was {wanted}"))),
            None => self.bind(saved, wanted, &only),
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
            self.write(only, wanted)?;
        }
        let bound = self.write(&folder.join("bind"), &bdf.to_string());
        if is_lent {
            self.write(only, saved.driver_override.as_deref().unwrap_or_default())?;
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

    /// Probes devices that appeared while autoprobe was off.
    fn probe_new_devices(&mut self, state: &State) -> Result<(), Stop> {
        if state.autoprobe == "0" {
            return Ok(());
        }
        let devices = names(&self.paths.pci().join("devices"));
        for bdf in devices.iter().filter_map(|name| name.parse::<Bdf>().ok()) {
            let is_new = state.present.binary_search(&bdf).is_err();
            if is_new && self.paths.driver(bdf).is_none() {
                let path = self.paths.pci().join("drivers_probe");
                self.write(&path, &bdf.to_string())?;
            }
        }
        Ok(())
    }

    /// The error for a blocked write. Restores autoprobe; the next run restores the rest.
    pub(super) fn pending(&mut self, state: &State, path: &Path) -> Error {
        let autoprobe = self.paths.pci().join("drivers_autoprobe");
        let given = self.write(&autoprobe, &state.autoprobe);
        let held = given
            .err()
            .map_or(String::new(), |error| format!("\n{error}"));
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
             everything. The state now:{list}{held}",
            state.requested,
            path.display(),
        ))
    }
}

/// The current groups of the functions, with all members.
fn groups(paths: &HostPaths, state: &State) -> Partition {
    let numbers: BTreeSet<_> = state
        .functions
        .iter()
        .filter_map(|saved| group(paths, saved.bdf))
        .collect();
    let folder = paths.sys.join("kernel/iommu_groups");
    let members = |number: u32| {
        let all = names(&folder.join(number.to_string()).join("devices"));
        all.iter().filter_map(|name| name.parse().ok()).collect()
    };
    let mut groups: Partition = numbers.into_iter().map(members).collect();
    groups.sort_unstable();
    groups
}
