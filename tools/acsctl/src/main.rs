// SPDX-License-Identifier: GPL-2.0-only

//! The command `acsctl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    acsctl::commands::start()
}
