// SPDX-License-Identifier: GPL-2.0-only

//! The modules that a prediction assumes, and their tables.

use std::collections::BTreeSet;

use quirk_data::{built, edition::Edition, entry::Entry, supported};
use rules::table::Table;
use topology::Bdf;

use super::{hook::Hook, module::Module};

/// The modules that a prediction assumes, with their tables.
#[derive(Clone, Debug)]
pub struct Modules {
    /// Whether the modules are loaded; otherwise the prediction is hypothetical.
    pub loaded: bool,
    /// The edition of each module.
    pub editions: Vec<Edition>,
    /// The table of each module, in the order of `editions`.
    pub tables: Vec<Table>,
    /// The exposed functions that loaded modules report; `None` if no module is loaded.
    pub exposed: Option<BTreeSet<Bdf>>,
    /// The facts that could not be read from loaded modules, and how this affects the computed
    /// groups.
    pub unread: Vec<String>,
    /// The loaded modules without effect, with the reason.
    pub idle: Vec<String>,
}

impl Modules {
    /// The modules that are loaded on a host, with the tables that they report. A module without a
    /// readable table makes no claim. If no loaded module has both a table and an effect, the
    /// result has the tables of [`Modules::built()`].
    #[must_use]
    pub fn of(loaded: &[Module], entries: &[Entry]) -> Self {
        let mut modules = Self {
            loaded: true,
            editions: Vec::new(),
            tables: Vec::new(),
            exposed: None,
            unread: Vec::new(),
            idle: Vec::new(),
        };
        for module in loaded {
            let name = module.name();
            if let Hook::Ineffective(why) = &module.hook {
                modules.idle.push(format!("{name}: {why}"));
                continue;
            }
            match &module.table {
                Ok(table) => {
                    modules.editions.push(module.edition);
                    modules.tables.push(*table);
                }
                Err(why) => modules.unread.push(format!(
                    "{name} is loaded, but {why}: its entries are ignored here"
                )),
            }
        }
        match exposed(loaded) {
            Ok(exposed) => modules.exposed = exposed,
            Err(why) => modules.unread.push(format!(
                "{why}: a port counts as external-facing only if sysfs calls a function below it \
                 removable"
            )),
        }
        if modules.editions.is_empty() {
            let built = Self::built(entries, None);
            modules.loaded = false;
            modules.editions = built.editions;
            modules.tables = built.tables;
        }
        modules
    }

    /// The module of this edition with the table that these entries give, marked as loaded. Without
    /// an edition, the module is `acs_quirks`, marked as not loaded.
    #[must_use]
    pub fn built(entries: &[Entry], loaded: Option<Edition>) -> Self {
        let edition = loaded.unwrap_or(Edition::Validated);
        Self {
            loaded: loaded.is_some(),
            editions: vec![edition],
            tables: vec![from(edition, entries)],
            exposed: None,
            unread: Vec::new(),
            idle: Vec::new(),
        }
    }

    /// The modules' names in a sentence.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<_> = self.editions.iter().map(|one| one.module()).collect();
        names.join(" and ")
    }
}

/// The table that these entries give for an edition.
fn from(edition: Edition, entries: &[Entry]) -> Table {
    built::table(&edition.select(entries, supported::oldest()))
}

/// The functions that loaded modules report as exposed; `None` if no module is loaded.
fn exposed(modules: &[Module]) -> Result<Option<BTreeSet<Bdf>>, String> {
    let mut all = None;
    for module in modules {
        let record = module.record.as_ref();
        let record = record.map_err(|why| format!("{} is loaded, but {why}", module.name()))?;
        all.get_or_insert_with(BTreeSet::new)
            .extend(&record.exposed);
    }
    Ok(all)
}
