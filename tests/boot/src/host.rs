// SPDX-License-Identifier: GPL-2.0-only

//! Paths as the host has them. The tests run in the build root, where the checkout is `/src` and
//! the cache is `/cache`, while the reader of a message opens its file outside. The script
//! `scripts/in-root.sh` passes the paths that both have on the host.

use std::{env, fmt::Display, process::ExitCode};

use anyhow::Result;

/// Each folder of the build root, and the variable with its path on the host.
const FOLDERS: [(&str, &str); 2] = [
    ("/src", "ACS_QUIRKS_HOST_SRC"),
    ("/cache", "ACS_QUIRKS_HOST_CACHE"),
];

/// A message with the host's paths instead of those of the build root; outside the build root, the
/// message itself.
#[must_use]
pub fn shown(message: &str) -> String {
    let on_host = FOLDERS.map(|(folder, variable)| (folder, env::var(variable).ok()));
    let known = on_host.iter().filter_map(|(folder, path)| {
        Some((*folder, path.as_deref().filter(|path| !path.is_empty())?))
    });
    translated(message, &known.collect::<Vec<_>>())
}

/// Prints a message on standard error, with the host's paths.
pub fn say(message: impl Display) {
    eprintln!("{}", shown(&message.to_string()));
}

/// The end of a program: if it failed, says what failed, and why, and ends with this status.
#[must_use]
pub fn ended(outcome: Result<()>, failed: &str, status: u8) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("{failed}: {error:#}"));
            ExitCode::from(status)
        }
    }
}

/// A message in which each path below a first folder is below the second one instead. What was
/// replaced is not replaced again.
#[must_use]
pub fn translated(message: &str, folders: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = message;
    let mut before = None;
    while let Some(next) = rest.chars().next() {
        let begins = before.is_none_or(|c| c != '.' && !is_of_path(c));
        let found = folders.iter().filter(|_| begins).find_map(|(from, to)| {
            let after = rest.strip_prefix(from)?;
            let ends = after
                .chars()
                .next()
                .is_none_or(|c| c == '/' || !is_of_path(c));
            ends.then_some((*to, after, from.chars().next_back()))
        });
        let taken = if let Some((to, after, last)) = found {
            text.push_str(to);
            rest = after;
            last
        } else {
            text.push(next);
            rest = &rest[next.len_utf8()..];
            Some(next)
        };
        before = taken;
    }
    text
}

/// Whether a path that has this character before its first `/` begins earlier. A dot after a path
/// may end the sentence.
fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '/' | '_' | '-' | '~')
}
