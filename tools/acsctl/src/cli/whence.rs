// SPDX-License-Identifier: GPL-2.0-only

//! Which machine a command is about, and by which data.

use std::path::PathBuf;

use clap::Args;
use quirk_data::error::Error;
use topology::Host;

use crate::system::{Place, System};

#[derive(Args, Debug)]
pub(super) struct Whence {
    /// A machine in a file, instead of this host: from "acsctl capture", or what "lspci -vvv",
    /// "lspci -vvvnn" or "lspci -xxxx" have printed, as root.
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
    /// Where the file systems of the host are, as they are after a copy of sys and proc.
    #[arg(long, value_name = "DIR", conflicts_with = "topology")]
    root: Option<PathBuf>,
    /// Folder of the data files [default: the data that is built in].
    #[arg(long, value_name = "DIR")]
    quirks: Option<PathBuf>,
}

impl Whence {
    /// Reads the machine and the data.
    pub(super) fn load(&self) -> Result<System, Error> {
        let place = match (&self.topology, &self.root) {
            (Some(file), _) => Place::File(file.clone()),
            (None, Some(root)) => Place::Host(Host::below(root)),
            (None, None) => Place::Host(Host::default()),
        };
        System::load(place, self.quirks.as_deref())
    }
}
