// SPDX-License-Identifier: GPL-2.0-only

//! The modules of this project that a machine's groups are made with, and their tables.

use std::collections::BTreeSet;

use quirk_data::{built, edition::Edition, quirk::Quirk, supported};
use rules::table::Table;
use topology::Bdf;

use super::module::{Hook, Module};

/// Modules, with what is in their tables.
#[derive(Clone, Debug)]
pub struct Modules {
    /// Whether they are loaded, and not only thought of.
    pub loaded: bool,
    /// The edition of each.
    pub editions: Vec<Edition>,
    /// The table of each, in the same order.
    pub tables: Vec<Table>,
    /// The functions that are exposed, as modules say that are loaded.
    pub exposed: Option<BTreeSet<Bdf>>,
    /// What could not be read of loaded modules, and what that means for the groups computed.
    pub unread: Vec<String>,
    /// Those that are loaded and have no effect, with the reason.
    pub idle: Vec<String>,
}

impl Modules {
    /// The modules that are loaded on a host, with the tables that they report themselves. A module whose
    /// table cannot be read makes no claim here. Where no module is loaded that has a table and an effect, it
    /// is [`Modules::built()`].
    #[must_use]
    pub fn of(loaded: &[Module], quirks: &[Quirk]) -> Self {
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
                    "{name} is loaded, but {why}: no entry of it counts here"
                )),
            }
        }
        match exposed(loaded) {
            Ok(exposed) => modules.exposed = exposed,
            Err(why) => modules.unread.push(format!(
                "{why}: a port counts as external-facing only where sysfs calls something below it removable"
            )),
        }
        if modules.editions.is_empty() {
            let built = Self::built(quirks, None);
            modules.loaded = false;
            modules.editions = built.editions;
            modules.tables = built.tables;
        }
        modules
    }

    /// The module of one edition with the table that these entries give, as if it were loaded; without
    /// an edition, `acs_quirks`, which is not.
    #[must_use]
    pub fn built(quirks: &[Quirk], loaded: Option<Edition>) -> Self {
        let edition = loaded.unwrap_or(Edition::Validated);
        Self {
            loaded: loaded.is_some(),
            editions: vec![edition],
            tables: vec![from(edition, quirks)],
            exposed: None,
            unread: Vec::new(),
            idle: Vec::new(),
        }
    }

    /// What they are called.
    #[must_use]
    pub fn names(&self) -> String {
        let names: Vec<_> = self.editions.iter().map(|one| one.module()).collect();
        names.join(" and ")
    }
}

/// The table of an edition by the data.
fn from(edition: Edition, quirks: &[Quirk]) -> Table {
    built::table(&edition.select(quirks, supported::oldest()))
}

/// The functions that loaded modules report as exposed; `None` where none is loaded.
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
