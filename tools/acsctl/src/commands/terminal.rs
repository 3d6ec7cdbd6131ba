// SPDX-License-Identifier: GPL-2.0-only

//! The width of the terminal.

use std::{env, io};

use rustix::termios::tcgetwinsize;

/// The least width. In a narrower terminal, the terminal's own line breaks are easier to read.
const LEAST: usize = 40;

/// The width in columns: `COLUMNS`, else the terminal's width. Without a terminal there is no
/// limit.
pub(super) fn width() -> usize {
    let columns = env::var("COLUMNS").ok();
    let columns = columns.and_then(|text| text.parse().ok());
    let seen = || {
        let size = tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col))
    };
    let width = columns.or_else(seen).filter(|&width| width > 0);
    width.map_or(usize::MAX, |width| width.max(LEAST))
}
