// SPDX-License-Identifier: GPL-2.0-only

//! The options that select the machine, and what an answer supposes of it.

use clap::Args;
use quirk_data::{entry::Entry, error::Error};
use topology::Topology;

use super::input::Input;
use crate::{
    database::SupposedEntry,
    host::{HostView, Snapshot, is_of_version},
};

/// The machine that a command answers for.
#[derive(Args, Debug)]
pub(super) struct Machine {
    #[command(flatten)]
    input: Input,
    /// Answer for the machine with this kernel: a release, as 6.8, or a version, as "uname -r" prints it.
    #[arg(long, value_name = "RELEASE", value_parser = kernel)]
    kernel: Option<String>,
    /// Suppose that a loaded module has one more entry: a data file, also an unfinished draft, or an
    /// entry's name.
    #[arg(long, value_name = "ENTRY")]
    with: Option<String>,
}

impl Machine {
    /// Reads the machine and the entries.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when something cannot be read; [`Error::NotFound`] or
    /// [`Error::Findings`] for an entry that cannot be supposed.
    pub(super) fn read(&self) -> Result<Subject, Error> {
        let snapshot = self.input.snapshot()?;
        let database = self.input.database();
        let (entries, supposed) = match &self.with {
            Some(entry) => {
                let (entries, supposed) = database.suppose(entry)?;
                (entries, Some(supposed))
            }
            None => (database.entries()?, None),
        };
        let with_kernel = self.kernel.as_ref().map(|kernel| {
            let mut topology = snapshot.topology.clone();
            topology.kernel = Some(kernel.clone());
            topology
        });
        Ok(Subject {
            snapshot,
            with_kernel,
            entries,
            supposed,
        })
    }
}

/// What a command answers for.
pub(super) struct Subject {
    pub(super) snapshot: Snapshot,
    /// The machine with the supposed kernel.
    with_kernel: Option<Topology>,
    entries: Vec<Entry>,
    supposed: Option<SupposedEntry>,
}

impl Subject {
    /// The machine as its kernel sees it, with all that is supposed.
    pub(super) fn view(&self) -> HostView<'_> {
        let machine = self.snapshot.view(&self.entries);
        let machine = match &self.with_kernel {
            Some(topology) => machine.with_topology(topology),
            None => machine,
        };
        match &self.supposed {
            Some(supposed) => machine.supposing(supposed),
            None => machine,
        }
    }
}

/// Reads a kernel's release or version.
fn kernel(text: &str) -> Result<String, String> {
    let release = topology::release_of(text).filter(|_| text.chars().all(is_of_version));
    release.map(|_| text.to_owned()).ok_or_else(|| {
        "not a release of Linux; write it as 6.8, or as \"uname -r\" prints it".to_owned()
    })
}
