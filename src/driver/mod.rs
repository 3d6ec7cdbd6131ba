// SPDX-License-Identifier: GPL-2.0-only

//! The module's life: load, answer questions, record and report, unload. Every edition of the
//! module has this code and its own table.
//!
//! | file | contents |
//! |---|---|
//! | `engine.rs` | answers the kernel's questions |
//! | `counters.rs` | counts the decisions of each entry |
//! | `record.rs` | keeps, logs and shows the decisions on each function |
//! | `effect.rs` | finds out whether the hook has an effect |
//! | `display.rs` | lets the kernel's log print types of `rules/` |
//! | `status.rs` | the debugfs files `table` and `hook` |

pub(crate) mod counters;
mod display;
pub(crate) mod effect;
pub(crate) mod engine;
pub(crate) mod record;
pub(crate) mod status;

use kernel::prelude::*;

use crate::{
    rules::{
        table::Table,
        withdraw::Withdrawn, //
    },
    sys::{
        decoy,
        hook::{
            self,
            Hook, //
        },
        known::{
            self,
            Known, //
        },
        status::Files,
        taint, //
    },
    table::TABLE, //
    EDITION,
};
use effect::Effect;

/// The difference between the editions of the module, besides the table.
pub(crate) struct Edition {
    /// Name of the module and of its debugfs folder.
    pub(crate) name: &'static CStr,
    /// Whether udev may load the module for a device that the table lists.
    pub(crate) autoload: bool,
    /// For an edition whose entries lack evidence: the log line for the taint.
    pub(crate) taint: Option<&'static str>,
}

/// The loaded module. Fields are dropped in declaration order.
pub(crate) struct Driver {
    // First: no question may arrive after the rest is dropped.
    _hook: Hook,
    _files: Files,
    // Last: the hook and the files read it.
    _known: Known,
}

impl kernel::Module for Driver {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        const {
            assert!(
                TABLE.is_sound(),
                "the generated table breaks its invariants"
            )
        };
        engine::set(hook::withdrawn(), known::running());
        decoy::init();
        // The taint precedes the first claim.
        if let Some(notice) = EDITION.taint {
            taint::kernel_under_test();
            pr_warn!("{notice}\n");
        }
        let known = Known::start()?;
        let hook = register()?;
        announce(&TABLE);
        Ok(Self {
            _hook: hook,
            _files: Files::create(EDITION.name),
            _known: known,
        })
    }
}

/// Parses one value of the `withdraw` parameter.
///
/// # Errors
///
/// `EINVAL`, after a log line with the reason.
pub(crate) fn withdrawn_by(value: &CStr) -> Result<Withdrawn> {
    let text = value.to_str().map_err(|_| {
        pr_err!("withdraw: the value is not text; not loading\n");
        EINVAL
    })?;
    Withdrawn::parse(text, &TABLE).map_err(|error| {
        pr_err!("withdraw={text}: {error}; not loading\n");
        EINVAL
    })
}

/// Registers the hook.
///
/// # Errors
///
/// The kernel's error, after a log line with its meaning.
fn register() -> Result<Hook> {
    Hook::register().inspect_err(|&error| {
        let symbol = hook::symbol();
        if error == ENOENT {
            pr_err!("this kernel has no function {symbol}: it is not supported; not loading\n");
        } else {
            pr_err!("kprobes refuse to probe {symbol} ({error:?}); not loading\n");
        }
    })
}

/// Logs in one line the table, the number of entries, and whether the hook has an effect.
fn announce(table: &Table) {
    let withdrawn = engine::withdrawn_count();
    let count = table.entries.len();
    let version = table.version;
    match effect::find() {
        Effect::Effective => {
            pr_info!("table {version}, entries {count}, withdrawn {withdrawn}, hook effective\n");
        }
        found => {
            let (state, reason) = (found.state(), found.reason());
            pr_warn!(
                "table {version}, entries {count}, withdrawn {withdrawn}, hook {state}: {reason}\n"
            );
        }
    }
}
