// SPDX-License-Identifier: GPL-2.0-only

//! The command line, the output and the exit status.

mod capture;
mod doctor;
mod generate;
mod generated;
mod groups;
mod input;
mod machine;
mod pages;
mod plan;
mod predict;
mod quirk;
mod regroup;
mod schema;
mod terminal;
mod tips;
mod why;

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use quirk_data::error::Error;

/// Explain, predict and safely change IOMMU groups for VFIO passthrough.
///
/// Works on any Linux host; needs no module.
///
/// Exit status: 0 for success; 1 when a check fails, an entry has faults, the request was refused,
/// or a function, device or entry that it names does not exist; 2 when the command could not run.
#[derive(Parser, Debug)]
#[command(name = "acsctl", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

// In the order in which an owner needs them.
#[derive(Subcommand, Debug)]
enum Command {
    Groups(groups::Groups),
    Why(why::Why),
    Plan(plan::Plan),
    Predict(predict::Predict),
    Doctor(doctor::Doctor),
    Regroup(regroup::Regroup),
    Capture(capture::Capture),
    /// Work on the quirk database: entries, their checks, and patches for mainline.
    // Its name in documents from before the first release.
    #[command(subcommand, alias = "table")]
    Quirk(quirk::Command),
    /// Print the JSON Schema of the output with --format json.
    ///
    /// The key "schema" of each output names its form and version. A version may gain keys.
    /// Removing a key or changing its meaning requires a new version.
    Schema,
    Completions(pages::Completions),
    Man(pages::Man),
    #[command(hide = true)]
    Generate(generate::Generate),
}

/// The form of the output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Format {
    /// Text for people.
    #[default]
    Text,
    /// JSON; the first key names the schema and its version.
    Json,
}

/// Runs the program: a command, or the writer process of `regroup`.
#[must_use]
pub fn start() -> ExitCode {
    // `regroup` waits for its writer process, which therefore skips building the description of all
    // commands.
    if env::args_os()
        .nth(1)
        .is_some_and(|name| name == crate::regroup::WRITER)
    {
        return end(write());
    }
    let arguments = Arguments::try_parse();
    arguments
        .unwrap_or_else(|error| tips::added(error).exit())
        .run()
}

impl Arguments {
    /// Runs the command and prints its output or its error.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let outcome = match self.command {
            Command::Groups(command) => command.run(),
            Command::Why(command) => command.run(),
            Command::Plan(command) => command.run(),
            Command::Predict(command) => command.run().map_err(Failure::from),
            Command::Capture(command) => command.run().map_err(Failure::from),
            Command::Man(command) => command.run().map_err(Failure::from),
            Command::Completions(command) => command.run().map_err(Failure::from),
            Command::Schema => schema::text().map_err(Failure::from),
            Command::Quirk(command) => command.run(),
            Command::Generate(command) => command.run().map_err(Failure::from),
            Command::Doctor(command) => command.run(),
            Command::Regroup(command) => command.run(),
        };
        end(outcome)
    }
}

/// Prints the output or the error, and converts both to the exit status.
fn end(outcome: Result<String, Failure>) -> ExitCode {
    let (text, error) = match outcome {
        Ok(text) => (text, None),
        Err(Failure { printed, error }) => (printed, Some(error)),
    };
    match print(&text).err().or(error) {
        None => ExitCode::SUCCESS,
        Some(error) => {
            // If this fails too, there is no other place to report it.
            let _ = writeln!(anstream::stderr(), "{error}");
            ExitCode::from(error.exit_status())
        }
    }
}

/// The error of a command, and its output up to then.
struct Failure {
    /// The output for the standard output.
    printed: String,
    error: Error,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            printed: String::new(),
            error,
        }
    }
}

/// Prints the output. A reader that stops early, such as `head`, causes no error.
fn print(text: &str) -> Result<(), Error> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::CouldNotRun(
            format!("cannot write to the standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// Prints a warning to the standard error, because the output may go to a file.
fn warn(text: &str) {
    // If this fails, there is no other place to report it.
    let _ = writeln!(anstream::stderr(), "acsctl: {text}");
}

/// Runs the writer process of `regroup`.
fn write() -> Result<String, Failure> {
    let served = crate::regroup::serve();
    served.map_err(|error| Error::CouldNotRun(error.to_string()))?;
    Ok(String::new())
}
