// SPDX-License-Identifier: GPL-2.0-only

//! Read-only files in debugfs: `table`, `counts` and `hook`. For people and tools to read; nothing
//! in here can be written (trust rule 4), and the module works without it.

use kernel::{
    debugfs::{
        Dir,
        File, //
    },
    fmt,
    prelude::*, //
};

use super::{
    counters,
    effect,
    engine, //
};
use crate::{
    sys::hook,
    table::TABLE, //
};

/// The files, removed when this is dropped.
#[pin_data]
pub(crate) struct Status {
    _dir: Dir,
    #[pin]
    _table: File<()>,
    #[pin]
    _counts: File<()>,
    #[pin]
    _hook: File<()>,
}

impl Status {
    /// Makes the files in the folder `name` below debugfs. Where debugfs is missing there are
    /// none, and that is no error.
    pub(super) fn new(name: &'static CStr) -> impl PinInit<Self, Error> {
        let dir = Dir::new(name);
        try_pin_init!(Self {
            _table <- dir.read_callback_file(c"table", (), &|(), f| show_table(f)),
            _counts <- dir.read_callback_file(c"counts", (), &|(), f| counters::show(f)),
            _hook <- dir.read_callback_file(c"hook", (), &|(), f| show_hook(f)),
            _dir: dir,
        })
    }
}

/// A heading with the version, then a line for each entry: number, name, kind, state, the flags it
/// grants, and its ids.
fn show_table(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "table {}", TABLE.version)?;
    for (position, entry) in (0..).zip(TABLE.entries) {
        let state = if engine::is_withdrawn(position) {
            "withdrawn"
        } else {
            "active"
        };
        let kind = entry.kind.name();
        write!(f, "{} {} {kind} {state}", entry.number, entry.name)?;
        if let Some(handler) = entry.supersedes {
            write!(f, " supersedes={}", handler.name())?;
        }
        write!(f, " acs={}", entry.grants)?;
        for range in TABLE.index.iter().filter(|range| range.entry == position) {
            write!(f, " {:04x}:{:04x}", range.vendor, range.first)?;
            if range.last != range.first {
                write!(f, "-{:04x}", range.last)?;
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

/// `name: value` lines. The state is found out anew for each reader.
fn show_hook(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let effect = effect::find();
    writeln!(f, "state: {}", effect.state())?;
    writeln!(f, "reason: {}", effect.reason())?;
    writeln!(f, "function: {}", hook::symbol())?;
    writeln!(f, "calls: {}", engine::calls())?;
    writeln!(f, "missed: {}", hook::missed())
}
