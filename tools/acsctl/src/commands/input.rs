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
    /// Read the machine from FILE: a capture, the output of "lspci -vvvnn" or "lspci -xxxx" as root, a
    /// list of groups, a kernel log, or a copy of sysfs; - is the standard input. Give it again to add
    /// what another file shows of the same machine [default: this host].
    #[arg(long, value_name = "FILE")]
    topology: Vec<PathBuf>,
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
        Snapshot::take(match (&self.topology[..], &self.root) {
            ([], Some(root)) => Source::Host(HostPaths::of(root)),
            ([], None) => Source::Host(HostPaths::default()),
            (files, _) => Source::Files(files.to_vec()),
        })
    }

    /// The quirk database.
    pub(super) fn database(&self) -> Database {
        Database {
            folder: self.quirks.clone(),
        }
    }
}
