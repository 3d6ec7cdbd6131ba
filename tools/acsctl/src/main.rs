// SPDX-License-Identifier: GPL-2.0-only

//! The command `acsctl`.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    acsctl::cli::Arguments::parse().run()
}
