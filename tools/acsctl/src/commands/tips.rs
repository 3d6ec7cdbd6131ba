// SPDX-License-Identifier: GPL-2.0-only

//! Tips for a file or an address that is given without the option for it.

use std::{env, path::Path};

use clap::{
    Command, CommandFactory as _, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};
use topology::Bdf;

use super::Arguments;

/// Options that take a file, or an address, and what each is for.
const FILE: [(&str, &str); 2] = [
    ("topology", "read the machine from a file"),
    ("out", "write to a file"),
];
const ADDRESS: [(&str, &str); 1] = [("slot", "list the group of a function")];

/// The error of the command line, with tips.
pub(super) fn added(mut error: Error) -> Error {
    let shown = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let (given, is_file) = match error.kind() {
        ErrorKind::UnknownArgument => (shown(ContextKind::InvalidArg), true),
        ErrorKind::ValueValidation if shown(ContextKind::InvalidArg).contains("BDF") => {
            let given = shown(ContextKind::InvalidValue);
            let is_file = given == "-" || given.contains('/') || Path::new(&given).exists();
            (given, is_file)
        }
        _ => return error,
    };
    if given.starts_with('-') && given != "-" {
        return error;
    }
    let options = match Bdf::written(&given) {
        Ok(_) => &ADDRESS[..],
        Err(_) if is_file => &FILE[..],
        Err(_) => &[],
    };
    let command = asked();
    let has = |option: &str| command.get_arguments().any(|one| one.get_id() == option);
    let tips = options.iter().filter(|(option, _)| has(option));
    let tips = tips.map(|(option, what)| format!("to {what}, write '--{option} {given}'").into());
    let tips: Vec<_> = tips.collect();
    if !tips.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// The command that the arguments name.
fn asked() -> Command {
    let mut command = Arguments::command();
    for name in env::args_os().skip(1) {
        match command.find_subcommand(&name) {
            Some(found) => command = found.clone(),
            None => break,
        }
    }
    command
}
