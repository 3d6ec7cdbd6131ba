// SPDX-License-Identifier: GPL-2.0-only

//! The steps of a regroup: unbind, remove, rescan.

use std::{
    collections::BTreeSet,
    path::PathBuf,
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
    device::is_bridge,
    restore::Progress,
    state::Phase,
    writer::{Failure, Writer},
};
use crate::host::{HostPaths, HostView};

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
    /// end this process at once: the run first undoes its changes.
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

    pub(super) fn write(&mut self, path: &std::path::Path, value: &str) -> Result<(), Failure> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::start(self.timeout, Arc::clone(&self.stop))?,
        };
        let outcome = writer.write(path, value);
        if let Err(Failure::Pending(path)) = &outcome {
            self.lock.note(&format!(
                "the kernel is blocked in a write to {} until the last process that holds the \
                 function closes it",
                path.display()
            ));
            // The write may block forever, and the next write must not wait for it.
            self.is_stuck = true;
        } else {
            self.writer = Some(writer);
        }
        outcome
    }

    /// Unbinds, removes and rescans the functions.
    fn cycle(&mut self, topology: &Topology, state: &mut State) -> Result<(), Stop> {
        let paths = self.paths;
        let save = |state: &State| {
            state
                .save(paths)
                .map_err(|error| Stop::Failed(error.to_string()))
        };
        save(state)?;
        self.write(&paths.pci().join("drivers_autoprobe"), "0")?;
        for bdf in state
            .functions
            .iter()
            .map(|saved| saved.bdf)
            .collect::<Vec<_>>()
        {
            self.check_stopped()?;
            // Removing a bridge also unbinds its driver. Unbinding it earlier would leave the
            // functions below without it.
            let is_bound = paths.driver(bdf).is_some();
            if is_bound && !is_bridge(topology, bdf) {
                let path = paths.function(bdf).join("driver/unbind");
                self.write(&path, &bdf.to_string())?;
            }
        }
        state.step = Phase::Remove;
        save(state)?;
        self.remove(state)?;
        state.step = Phase::Rescan;
        save(state)?;
        self.write(&state.rescan, "1")?;
        Ok(())
    }

    pub(super) fn remove(&mut self, state: &State) -> Result<(), Stop> {
        for &bdf in &state.own {
            self.check_stopped()?;
            if State::is_there(self.paths, bdf) {
                let path = self.paths.function(bdf).join("remove");
                self.write(&path, "1")?;
            }
        }
        Ok(())
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
    host: &HostView<'_>,
    plan: &Plan,
) -> Result<Outcome, Error> {
    let mut state = State::new(session.paths, host.topology, plan)?;
    let progress = match session.cycle(host.topology, &mut state) {
        Ok(()) => Progress::Complete,
        Err(Stop::Failed(why)) => {
            Progress::Failed(format!("{why}; the changes so far were undone"))
        }
        Err(Stop::Pending(path)) => return Err(session.pending(&state, &path)),
    };
    session.restore(&mut state, progress)
}

/// The functions of a state.
pub(super) fn function_set(state: &State) -> BTreeSet<Bdf> {
    state.functions.iter().map(|saved| saved.bdf).collect()
}
