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
//! | `missing.rs` | measures which entries the kernel lacks |
//! | `display.rs` | lets the kernel's log print types of `rules/` |
//! | `status.rs` | the debugfs files `table` and `hook` |

pub(crate) mod counters;
#[cfg(not(headers))]
mod display;
pub(crate) mod effect;
pub(crate) mod engine;
mod missing;
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
        known::Known,
        running,
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
    /// For an edition whose entries lack evidence: the log line for the taint.
    pub(crate) taint: Option<&'static str>,
}

/// The loaded module. Fields are dropped in declaration order.
pub(crate) struct Driver {
    // The first field: no question may arrive after the other fields are dropped.
    _hook: Hook,
    _files: Files,
    // The last field: the hook and the files read it.
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
        refuse_other_build()?;
        engine::set(hook::withdrawn(), running::release());
        decoy::init();
        // The taint precedes the first claim.
        if let Some(notice) = EDITION.taint {
            taint::kernel_under_test();
            pr_warn!("{notice}\n");
        }
        let known = Known::start()?;
        let hook = register()?;
        announce(&TABLE)?;
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

/// Refuses to load on a kernel that is another build of the release that the module is for.
///
/// # Errors
///
/// `EINVAL`, after a log line with both versions.
fn refuse_other_build() -> Result {
    let Some((running, built_for)) = running::other_build() else {
        return Ok(());
    };
    let text = |version: &'static CStr| version.to_str().unwrap_or("?");
    let (running, built_for) = (text(running), text(built_for));
    pr_err!(
        "built for the kernel \"{built_for}\", and \"{running}\" is running; build the module again; \
         not loading\n"
    );
    Err(EINVAL)
}

/// Logs in one line the table, the number of entries, and whether the hook has an effect.
///
/// # Errors
///
/// `EINVAL`, after a log line, if the hooked function has other arguments or another result than
/// the hook expects.
fn announce(table: &Table) -> Result {
    let withdrawn = engine::withdrawn_count();
    let count = table.entries.len();
    let version = table.version;
    match effect::find() {
        Effect::Effective => {
            let provider = running::provider();
            pr_info!(
                "table {version}, entries {count}, withdrawn {withdrawn}, hook effective; built with {provider}\n"
            );
            if let Some(missing) = missing::count() {
                pr_info!("on this kernel: {missing} entries that it lacks\n");
            }
        }
        Effect::Unknown(mismatch) => {
            let symbol = hook::symbol();
            pr_err!(
                "this kernel has another {symbol}: {mismatch}; it is not supported; not loading\n"
            );
            return Err(EINVAL);
        }
        found => {
            let (state, reason) = (found.state(), found.reason());
            pr_warn!(
                "table {version}, entries {count}, withdrawn {withdrawn}, hook {state}: {reason}\n"
            );
        }
    }
    Ok(())
}
