// SPDX-License-Identifier: GPL-2.0-only

//! The command line, what is printed, and the exit status.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use isolation::entry::Kind;

use crate::{edition::Edition, error::Error, folder, generate, output, quirk::Quirk, source};

/// Explains, checks and builds the data of acs-quirks.
///
/// Exit status: 0 when all is well, 1 when the data has faults or a file is not current, 2 when
/// the command could not run.
#[derive(Parser, Debug)]
#[command(name = "acsctl", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// The data table of the module.
    #[command(subcommand)]
    Table(TableCommand),
}

#[derive(Subcommand, Debug)]
enum TableCommand {
    /// Write the Rust source of a table from the data files.
    Build(Build),
    /// Print number, name, status, kind and device ids of every entry.
    List(List),
}

#[derive(Args, Debug)]
struct Build {
    /// The edition of the module that the table is for.
    #[arg(long, value_enum)]
    edition: Edition,
    /// Folder of the data files [default: quirks; for the edition test: tests/module/quirks].
    #[arg(long, value_name = "DIR")]
    quirks: Option<PathBuf>,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write nothing, and fail when the file is not current.
    #[arg(long)]
    check: bool,
}

#[derive(Args, Debug)]
struct List {
    /// Folder of the data files.
    #[arg(long, value_name = "DIR", default_value = "quirks")]
    quirks: PathBuf,
}

impl Arguments {
    /// Does what the command line asks, and prints why it could not.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let Command::Table(command) = self.command;
        let done = match command {
            TableCommand::Build(arguments) => build(&arguments),
            TableCommand::List(arguments) => list(&arguments.quirks),
        };
        match done.and_then(|text| print(&text)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // Nothing is left to say it with when this fails too.
                let _ = writeln!(io::stderr(), "{error}");
                ExitCode::from(error.exit_status())
            }
        }
    }
}

/// Prints the outcome. A reader that has heard enough, as `head`, is no error.
fn print(text: &str) -> Result<(), Error> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::CouldNotRun(
            format!("cannot write to the standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

fn load(folder: &Path, edition: Option<Edition>) -> Result<Vec<Quirk>, Error> {
    folder::check(&source::read(folder)?, edition).map_err(Error::Findings)
}

fn build(arguments: &Build) -> Result<String, Error> {
    let edition = arguments.edition;
    let folder = arguments
        .quirks
        .as_deref()
        .unwrap_or(Path::new(edition.folder()));
    let quirks = load(folder, Some(edition))?;
    let text = generate::source(edition, &quirks);
    let out = arguments.out.display();
    let entries = edition.select(&quirks).len();

    if !arguments.check {
        let outcome = if output::write(&arguments.out, &text)? {
            "written"
        } else {
            "is current"
        };
        return Ok(format!("{out}: {outcome}, entries {entries}\n"));
    }
    if output::is_current(&arguments.out, &text)? {
        return Ok(format!("{out}: is current, entries {entries}\n"));
    }
    Err(Error::Stale(format!(
        "{out} is not current; `acsctl table build --edition {} --quirks {} --out {out}` makes it \
         so",
        edition.name(),
        folder.display()
    )))
}

fn list(folder: &Path) -> Result<String, Error> {
    let mut quirks = load(folder, None)?;
    quirks.sort_by_key(|quirk| quirk.number);
    let kinds = |quirk: &Quirk| {
        let names: Vec<_> = quirk.kinds().map(Kind::name).collect();
        names.join(",")
    };
    let widest = |length: &dyn Fn(&Quirk) -> usize| quirks.iter().map(length).max();
    let width = widest(&|quirk| quirk.name.len()).unwrap_or_default();
    let kind_width = widest(&|quirk| kinds(quirk).len()).unwrap_or_default();
    let line = |quirk: &Quirk| {
        let ids: Vec<_> = quirk.ids().map(ToString::to_string).collect();
        format!(
            "{:>5}  {:width$}  {:9}  {:kind_width$}  {}\n",
            quirk.number,
            quirk.name,
            quirk.status.name(),
            kinds(quirk),
            ids.join(" ")
        )
    };
    Ok(quirks.iter().map(line).collect())
}
