// SPDX-License-Identifier: GPL-2.0-only

//! The debugfs files `table` and `hook`; `counters.rs` writes `counts`, and `record.rs` writes
//! `decisions`. People and tools read them. The files are read-only (trust rule `static`), and the
//! module works without them.

use kernel::fmt;

use super::{
    effect,
    engine,
    missing, //
};
use crate::{
    rules::{
        decision::Refusal,
        limits::Limits, //
    },
    sys::{
        hook,
        running, //
    },
    table::TABLE, //
};

/// Writes the debugfs file `table`: a heading with the version, then a line for each entry with its
/// number, name, kinds, state, flags, conditions, and ids with their limits.
pub(crate) fn show_table(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "table {}", TABLE.version)?;
    for (position, entry) in (0..).zip(TABLE.entries) {
        let state = match engine::speaks(entry) {
            Ok(()) => "active",
            Err(Refusal::Mainline(_)) => "in-mainline",
            Err(_) => "withdrawn",
        };
        write!(f, "{} {} ", entry.number, entry.name)?;
        let mut separator = "";
        for kind in entry.kinds.iter() {
            write!(f, "{separator}{}", kind.name())?;
            separator = ",";
        }
        write!(f, " {state}")?;
        if let Some(handler) = entry.supersedes {
            write!(f, " supersedes={}", handler.name())?;
        }
        if let Some(since) = entry.mainline_since {
            let (major, minor) = (since.major(), since.minor());
            write!(f, " mainline={major}.{minor}")?;
        }
        write!(f, " acs={}", entry.grants)?;
        for condition in entry.conditions {
            let (offset, mask, value) = (condition.offset, condition.mask, condition.value);
            write!(f, " if={}+{offset:x}&{mask:08x}={value:08x}", condition.at)?;
        }
        for range in TABLE.index.iter().filter(|range| range.entry == position) {
            write!(f, " {:04x}:{:04x}", range.vendor, range.first)?;
            if range.last != range.first {
                write!(f, "-{:04x}", range.last)?;
            }
            show_limits(f, range.limits)?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// Writes each limit of a range in brackets; nothing if there are none.
fn show_limits(f: &mut fmt::Formatter<'_>, limits: &Limits) -> fmt::Result {
    if let Some(class) = limits.class {
        write!(f, "[class={class}]")?;
    }
    if limits.limit_revisions() {
        let (first, last) = (limits.first_revision, limits.last_revision);
        write!(f, "[revisions={first:02x}-{last:02x}]")?;
    }
    for (vendor, device) in limits.subsystems {
        write!(f, "[subsystem={vendor:04x}:{device:04x}]")?;
    }
    Ok(())
}

/// Writes the debugfs file `hook` as `name: value` lines. Each read runs the self-test again.
pub(crate) fn show_hook(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let effect = effect::find();
    writeln!(f, "state: {}", effect.state())?;
    writeln!(f, "reason: {}", effect.reason())?;
    writeln!(f, "function: {}", hook::symbol())?;
    writeln!(f, "calls: {}", engine::calls())?;
    writeln!(f, "missed: {}", hook::missed())?;
    writeln!(f, "built with: {}", running::provider())?;
    missing::show(f)
}
