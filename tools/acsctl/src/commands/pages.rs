// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl man` and `acsctl completions`.

use std::{fs, path::PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use quirk_data::error::Error;

use super::Arguments;

/// Write the man pages of all commands.
#[derive(Args, Debug)]
pub(super) struct Man {
    /// Write into DIR; it is created if needed.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Man {
    pub(super) fn run(&self) -> Result<String, Error> {
        let failed = |error| Error::io("write into", &self.out, &error);
        fs::create_dir_all(&self.out).map_err(failed)?;
        clap_mangen::generate_to(Arguments::command(), &self.out).map_err(failed)?;
        Ok(format!("{}: man pages written\n", self.out.display()))
    }
}

/// Print the completions for a shell.
#[derive(Args, Debug)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Result<String, Error> {
        let mut bytes = Vec::new();
        let mut command = Arguments::command();
        clap_complete::generate(self.shell, &mut command, "acsctl", &mut bytes);
        String::from_utf8(bytes)
            .map_err(|error| Error::CouldNotRun(format!("cannot write completions: {error}")))
    }
}
