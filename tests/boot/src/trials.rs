// SPDX-License-Identifier: GPL-2.0-only

//! The frame of a test program whose tests are made at run time.

use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};

use crate::host::{say, shown};

/// Runs the tests that `trials` makes, with the arguments of any Rust test. `what` names them in the
/// message if they cannot be made; the exit code is 2 then. What `trials` returns beside the tests
/// outlives them.
pub fn run<T>(what: &str, trials: impl FnOnce(&Arguments) -> Result<(Vec<Trial>, T)>) -> ExitCode {
    let arguments = Arguments::from_args();
    match trials(&arguments) {
        Ok((trials, _kept)) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            say(format_args!("{what} cannot run: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// A test that fails with the whole chain of an error's causes, with the host's paths.
pub fn trial(name: impl Into<String>, test: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, || {
        test().map_err(|error| shown(&format!("{error:#}")).into())
    })
}
