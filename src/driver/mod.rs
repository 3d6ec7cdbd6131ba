// SPDX-License-Identifier: GPL-2.0-only

//! The module's life: load, report, serve, unload. Every edition of the module is this code with
//! another table.
//!
//! | file | what it does |
//! |---|---|
//! | `engine.rs` | answers the kernel's questions |
//! | `counters.rs` | counts, for each entry, what became of them |
//! | `record.rs` | keeps, logs and shows what was decided on each function |
//! | `effect.rs` | finds out whether the hook has an effect |
//! | `display.rs` | lets the kernel's log print what `rules/` can print |
//! | `status.rs` | what the files in debugfs say |

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

/// What sets one edition of the module apart from the others, besides its table.
pub(crate) struct Edition {
    /// Name of the module, and of its folder in debugfs.
    pub(crate) name: &'static CStr,
    /// Whether udev may load the module for a device that the table lists.
    pub(crate) autoload: bool,
    /// For an edition whose entries no vendor vouches for: what to say when it taints the kernel.
    pub(crate) taint: Option<&'static str>,
}

/// The loaded module. Fields are dropped in the order in which they stand here.
pub(crate) struct Driver {
    // First, so that no question arrives any more when the rest goes.
    _hook: Hook,
    _files: Files,
    // Last, for the others read it.
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
        // Before the first claim can be made.
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

/// What one value of the `withdraw` parameter withdraws.
///
/// # Errors
///
/// `EINVAL` for a value that cannot be understood, after a line that says why.
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
/// The kernel's error, after a line that says what it means.
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

/// Says in one line what has been loaded and whether it works.
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
