// SPDX-License-Identifier: GPL-2.0-only

//! Numbers in environment variables, which change how long a test runs.

use std::{env, str::FromStr};

use anyhow::{Context as _, Result};

/// The number in an environment variable; `usual` if the variable is unset or empty.
///
/// # Errors
///
/// When the variable has another text.
pub fn number<T: FromStr>(name: &str, usual: T) -> Result<T> {
    match env::var(name) {
        Ok(text) if !text.is_empty() => text
            .parse()
            .ok()
            .with_context(|| format!("{name} is \"{text}\", which is no number")),
        _ => Ok(usual),
    }
}
