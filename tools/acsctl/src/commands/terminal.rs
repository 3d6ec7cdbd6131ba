// SPDX-License-Identifier: GPL-2.0-only

//! The terminal that is written to.

use std::{env, io};

use rustix::termios::tcgetwinsize;

/// Below this, lines are broken so often that they are harder to read than when the terminal does it.
const LEAST: usize = 40;

/// How many letters fit into a line: what `COLUMNS` says, else the terminal. Without a terminal there is
/// no limit.
pub(super) fn width() -> usize {
    let told = env::var("COLUMNS").ok();
    let told = told.and_then(|text| text.parse().ok());
    let seen = || {
        let size = tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col))
    };
    let width = told.or_else(seen).filter(|&width| width > 0);
    width.map_or(usize::MAX, |width| width.max(LEAST))
}
