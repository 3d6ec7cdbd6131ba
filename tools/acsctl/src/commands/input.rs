// SPDX-License-Identifier: GPL-2.0-only

//! The options that select the machine and the quirk database.

use std::path::PathBuf;

use clap::Args;
use quirk_data::error::Error;

use crate::{
    database::Database,
    host::{HostPaths, Snapshot, Source},
};

#[derive(Args, Debug)]
pub(super) struct Input {
    /// Read the machine from FILE: a capture, or the output of "lspci -vvv", "lspci -vvvnn" or
    /// "lspci -xxxx" as root [default: this host].
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
    /// Read sysfs and procfs below DIR instead of /.
    #[arg(long, value_name = "DIR", conflicts_with = "topology")]
    root: Option<PathBuf>,
    /// Read the entries from DIR [default: the entries built into acsctl].
    #[arg(long, value_name = "DIR")]
    quirks: Option<PathBuf>,
}

impl Input {
    /// Reads the machine.
    pub(super) fn snapshot(&self) -> Result<Snapshot, Error> {
        Snapshot::take(match (&self.topology, &self.root) {
            (Some(file), _) => Source::File(file.clone()),
            (None, Some(root)) => Source::Host(HostPaths::of(root)),
            (None, None) => Source::Host(HostPaths::default()),
        })
    }

    /// The quirk database.
    pub(super) fn database(&self) -> Database {
        Database {
            folder: self.quirks.clone(),
        }
    }
}
