// SPDX-License-Identifier: GPL-2.0-only

//! The steps of a regroup: unbind, remove, rescan.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use quirk_data::{entry::Entry, error::Error};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use topology::{Bdf, Topology};

use super::{
    Lock, Outcome, Plan, State,
    obstacles::to_user,
    restore::Progress,
    state::{AWAKE, Phase},
    window::{Window, autoprobe},
    writer::{Failure, Wait, Writer},
};
use crate::host::HostPaths;

/// The number of times that a writer process is started for one write.
const WRITERS: u32 = 3;

/// A run that may change the host. The lock excludes other runs.
pub struct Session<'a> {
    pub(super) paths: &'a HostPaths,
    pub(super) entries: &'a [Entry],
    lock: Lock,
    timeout: Duration,
    stop: Arc<AtomicBool>,
    writer: Option<Writer>,
    /// Whether the kernel is blocked in a write.
    is_stuck: bool,
}

/// Why a regroup stopped.
pub(super) enum Stop {
    /// A step failed; everything can be restored.
    Failed(String),
    /// The kernel is blocked in a write. Nothing can be restored until it returns.
    Pending(PathBuf),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Pending(path) => Self::Pending(path),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl<'a> Session<'a> {
    /// Begins a run in which a single write may take `timeout`. From now on, an interrupt does not
    /// end this process at once: before the first removal the run undoes its changes, and afterwards
    /// it completes.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when another run is active.
    pub fn begin(
        paths: &'a HostPaths,
        entries: &'a [Entry],
        timeout: Duration,
    ) -> Result<Self, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&stop))
                .map_err(|error| Error::CouldNotRun(format!("cannot catch signals: {error}")))?;
        }
        Ok(Self {
            paths,
            entries,
            lock: Lock::take(paths)?,
            timeout,
            stop,
            writer: None,
            is_stuck: false,
        })
    }

    /// Whether a signal asked the run to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the kernel is blocked in a write. It then blocks every other removal and rescan too.
    #[must_use]
    pub const fn is_stuck(&self) -> bool {
        self.is_stuck
    }

    /// Restores what killed runs left behind.
    ///
    /// # Errors
    ///
    /// [`Error`] when that is impossible now.
    pub fn restore_left_behind(&mut self) -> Result<Vec<Outcome>, Error> {
        let mut outcomes = Vec::new();
        for mut state in State::left_behind(self.paths)? {
            let step = match state.step {
                Phase::Unbind => "while it unbound drivers",
                Phase::Remove => "while it removed functions",
                Phase::Rescan => "while it rescanned functions",
                Phase::Restore => "while it bound drivers",
            };
            let why = format!("an earlier run ended {step}; this run restores what it changed");
            outcomes.push(self.restore(&mut state, Progress::LeftBehind(why))?);
        }
        Ok(outcomes)
    }

    /// Writes to a file in sysfs. If the writer process dies, another one repeats the write. Each write
    /// of a regroup may be repeated; a file that is gone then shows that the first write had its effect.
    pub(super) fn write(&mut self, path: &Path, value: &str, wait: Wait) -> Result<(), Failure> {
        let mut outcome = Ok(());
        for number in 0..WRITERS {
            let mut writer = match self.writer.take() {
                Some(writer) => writer,
                None => Writer::start(self.timeout, Arc::clone(&self.stop))?,
            };
            outcome = writer.write(path, value, wait);
            match &outcome {
                Err(Failure::Broken(_)) => {}
                // The next write takes another writer.
                Err(Failure::Pending(_)) if wait == Wait::Driver => return outcome,
                Err(Failure::Pending(path)) => {
                    self.lock.note(&format!(
                        "the kernel is blocked in a write to {} until the last process that holds \
                         the function closes it",
                        path.display()
                    ));
                    // The write may block forever, and the next write must not wait for it.
                    self.is_stuck = true;
                    return outcome;
                }
                Err(Failure::Refused(_, error))
                    if number > 0 && error.kind() == std::io::ErrorKind::NotFound =>
                {
                    self.writer = Some(writer);
                    return Ok(());
                }
                _ => {
                    self.writer = Some(writer);
                    return outcome;
                }
            }
        }
        outcome
    }

    /// Unbinds, removes and rescans the functions. A signal ends the run before the first removal,
    /// and not after it. Releases the claims on disks when no driver is bound any more. Removes nothing if a function
    /// has got a driver again since then, with which it may be in use.
    fn cycle(&mut self, state: &mut State, plan: &Plan, claims: Vec<File>) -> Result<(), Stop> {
        self.save(state)?;
        for saved in &state.functions {
            let bdf = saved.bdf;
            self.check_stopped()?;
            // Removing a bridge also unbinds its driver. Unbinding it earlier would leave the
            // functions below without it.
            if self.paths.driver(bdf).is_some() && !saved.is_bridge {
                let path = self.paths.function(bdf).join("driver/unbind");
                self.write(&path, &bdf.to_string(), Wait::Interruptible)?;
            }
        }
        drop(claims);
        self.check_stopped()?;
        if let Some(why) = changed_since(self.paths, plan, state) {
            return Err(Stop::Failed(why));
        }
        let mut functions = state.functions.iter().filter(|saved| !saved.is_bridge);
        if let Some((bdf, driver)) =
            functions.find_map(|saved| Some((saved.bdf, self.paths.driver(saved.bdf)?)))
        {
            return Err(Stop::Failed(format!(
                "{bdf} got the driver {driver} again while the others were unbound"
            )));
        }
        // Without a device below it, a port may go to sleep and cut the power. When a rescan wakes it, the kernel does not wait
        // for devices that it does not know (`pci_bridge_wait_for_secondary_bus()` in `drivers/pci/pci.c`).
        if let Some(power) = &state.power {
            self.write(&power.file, AWAKE, Wait::Timeout)?;
        }
        state.step = Phase::Remove;
        self.note_window(state)?;
        self.save(state)?;
        self.remove_and_rescan(state)
    }

    /// Removes and rescans the functions. Holds drivers off before the rescan, and leaves them held off.
    pub(super) fn remove_and_rescan(&mut self, state: &mut State) -> Result<(), Stop> {
        let failed = self.remove(&state.own)?;
        self.rescan(state)?;
        if failed.is_empty() {
            Ok(())
        } else {
            Err(Stop::Failed(failed.join("\n")))
        }
    }

    /// Removes functions, also after an error. Returns the errors.
    pub(super) fn remove(&mut self, functions: &[Bdf]) -> Result<Vec<String>, Stop> {
        let mut failed = Vec::new();
        for &bdf in functions {
            if !State::is_there(self.paths, bdf) {
                continue;
            }
            let path = self.paths.function(bdf).join("remove");
            match self.write(&path, "1", Wait::Timeout).map_err(Stop::from) {
                Ok(()) => {}
                // Another process may have removed it.
                Err(Stop::Failed(_)) if !State::is_there(self.paths, bdf) => {}
                Err(Stop::Failed(why)) => failed.push(why),
                Err(pending) => return Err(pending),
            }
        }
        Ok(failed)
    }

    /// Notes the devices and drivers before drivers are held off.
    fn note_window(&self, state: &mut State) -> Result<(), Stop> {
        if state.window.is_none() {
            let path = autoprobe(self.paths);
            let window = Window::read(self.paths);
            let window = window
                .map_err(|error| Stop::Failed(Error::io("read", &path, &error).to_string()))?;
            state.window = Some(window);
        }
        Ok(())
    }

    /// Holds drivers off and rescans.
    pub(super) fn rescan(&mut self, state: &mut State) -> Result<(), Stop> {
        let is_noted = state.window.is_some();
        self.note_window(state)?;
        state.step = Phase::Rescan;
        match self.save(state) {
            // The disk is full, and the state before the removal has all that a restore needs. The removed
            // functions are missing until the rescan.
            Err(_) if is_noted => {}
            saved => saved?,
        }
        self.write(&autoprobe(self.paths), "0", Wait::Complete)?;
        match self.write(&state.rescan, "1", Wait::Complete) {
            Err(Failure::Refused(..)) if !state.rescan.exists() => Err(Stop::Failed(format!(
                "{} is gone: the port above was removed meanwhile, and the functions below with it; \
                 they come back when the port does",
                state.rescan.display()
            ))),
            outcome => outcome.map_err(Stop::from),
        }
    }

    pub(super) fn save(&self, state: &State) -> Result<(), Stop> {
        state
            .save(self.paths)
            .map_err(|error| Stop::Failed(error.to_string()))
    }

    /// Fails if a signal asked the run to stop.
    fn check_stopped(&self) -> Result<(), Stop> {
        if self.is_stopped() {
            return Err(Stop::Failed("stopped by a signal".to_owned()));
        }
        Ok(())
    }
}

/// Carries out a plan. The plan must have no obstacles.
///
/// # Errors
///
/// [`Error`] when nothing was done, or not everything can be restored now. In the second case the
/// state file remains, and the next run restores from it.
pub fn regroup(
    session: &mut Session<'_>,
    topology: &Topology,
    plan: &Plan,
) -> Result<Outcome, Error> {
    let mut state = State::new(session.paths, topology, plan);
    let set = state.function_set();
    for left in State::left_behind(session.paths)? {
        // A file has the address that the command named: that of this run would replace it.
        if left.requested == plan.requested || !left.function_set().is_disjoint(&set) {
            return Err(Error::Refused(format!(
                "{}: not regrouped: an earlier regroup of the device is not fully restored (acsctl regroup \
                 --release {} gives up on that)",
                plan.requested, left.requested
            )));
        }
    }
    let (new, claims) = plan.uses.claim(session.paths, topology, &set);
    if !new.is_empty() {
        let list: Vec<_> = new
            .iter()
            .map(|one| format!("\n  {}: {}", one.function, one.what))
            .collect();
        return Err(Error::Refused(format!(
            "{}: not regrouped: in use since the plan was made:{}",
            plan.requested,
            list.concat()
        )));
    }
    if let Some(why) = changed_since(session.paths, plan, &state) {
        return Err(Error::Refused(format!(
            "{}: not regrouped: {why}",
            plan.requested
        )));
    }
    let progress = match session.cycle(&mut state, plan, claims) {
        Ok(()) => Progress::Complete,
        Err(Stop::Failed(why)) if state.step == Phase::Unbind => {
            Progress::Failed(format!("{why}; the changes so far were undone"))
        }
        Err(Stop::Failed(why)) => Progress::Failed(why),
        Err(Stop::Pending(path)) => return Err(session.pending(&state, &[], &path)),
    };
    session.restore(&mut state, progress)
}

/// What makes the plan unsafe that was not so when it was made.
fn changed_since(paths: &HostPaths, plan: &Plan, state: &State) -> Option<String> {
    if let Some(known) = &plan.to_user {
        let loaded = to_user(paths);
        if let Some(driver) = loaded.iter().find(|driver| !known.contains(driver)) {
            return Some(format!(
                "the driver {driver} was loaded since the plan was made, and could bind within the rescan; unload it: \
                 modprobe -r {driver}"
            ));
        }
    }
    let below = paths.with_below(&state.own);
    let other = below.difference(&state.function_set()).next().copied()?;
    Some(format!(
        "{other} appeared below it since the plan was made; run the command again"
    ))
}
