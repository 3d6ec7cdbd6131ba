// SPDX-License-Identifier: GPL-2.0-only

//! `emulate SOCKET`: serves an emulated function. The bench starts it; see `emulator.rs`.

use std::{env, io, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use boot::server;

fn main() -> ExitCode {
    match emulate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("emulate: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn emulate() -> Result<()> {
    let socket = env::args_os().nth(1).context("name a socket")?;
    server::serve(Path::new(&socket), io::stdin().lock())
}
