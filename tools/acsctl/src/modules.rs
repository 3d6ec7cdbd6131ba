// SPDX-License-Identifier: GPL-2.0-only

//! The modules of this project that a machine's groups are made with, and their tables.

use std::collections::BTreeSet;

use quirk_data::{built, edition::Edition, quirk::Quirk, supported};
use rules::table::Table;
use topology::Bdf;

use crate::live::{Hook, Module, exposed};

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
    /// Of modules that are loaded: what was assumed of them, in words.
    pub assumed: Vec<String>,
    /// Those that are loaded and have no effect, with the reason.
    pub idle: Vec<String>,
}

impl Modules {
    /// The modules that are loaded on a host, as they say themselves what they have. The table of one
    /// that does not say it is what these entries give. Where none is loaded that has an effect, it is
    /// [`Modules::built()`].
    #[must_use]
    pub fn of(loaded: &[Module], quirks: &[Quirk]) -> Self {
        let mut modules = Self {
            loaded: true,
            editions: Vec::new(),
            tables: Vec::new(),
            exposed: None,
            assumed: Vec::new(),
            idle: Vec::new(),
        };
        match exposed(loaded) {
            Ok(exposed) => modules.exposed = exposed,
            Err(why) => modules.assumed.push(format!(
                "ports are taken to face outside only where something below them is called removable: {why}"
            )),
        }
        for module in loaded {
            if let Hook::Ineffective(why) = &module.hook {
                modules.idle.push(format!("{}: {why}", module.name()));
                continue;
            }
            modules.editions.push(module.edition);
            modules.tables.push(match &module.table {
                Ok(table) => *table,
                Err(why) => {
                    modules.assumed.push(format!(
                        "the module {} is taken to have all entries of the data, none of them withdrawn: {why}",
                        module.name()
                    ));
                    from(module.edition, quirks)
                }
            });
        }
        if modules.editions.is_empty() {
            let (exposed, idle) = (modules.exposed, modules.idle);
            return Self {
                exposed,
                idle,
                ..Self::built(quirks, None)
            };
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
            assumed: Vec::new(),
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
