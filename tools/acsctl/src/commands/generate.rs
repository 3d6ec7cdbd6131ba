// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl generate`.

use std::path::PathBuf;

use clap::Args;
use quirk_data::{edition::Edition, error::Error, generate, json_schema, page, supported};

use super::{generated::write_or_check, schema};
use crate::database::Database;

/// The files of each edition's table and module aliases. The module of candidates has no aliases,
/// because udev must not load it (trust rule `evidence`). The aliases of the test edition belong to
/// a module that never loads.
const TABLES: [(Edition, &str, Option<&str>); 3] = [
    (Edition::Validated, "src/table.rs", Some("src/aliases.c")),
    (Edition::Candidate, "src/candidates/table.rs", None),
    (
        Edition::Test,
        "tests/kernel/module/table.rs",
        Some("tests/kernel/absent/aliases.c"),
    ),
];

/// Write every generated file of a checkout: the module's tables, the pages on entries, and the
/// schemas.
///
/// Exit status: 0 when all are written or current; 1 when an entry has faults, or with --check when
/// a file is not current; 2 when the checkout cannot be read or written.
#[derive(Args, Debug)]
pub(super) struct Generate {
    /// The checkout.
    #[arg(long, value_name = "DIR", default_value = ".")]
    source: PathBuf,
    /// Write nothing, and fail when a file is not current.
    #[arg(long)]
    check: bool,
}

impl Generate {
    pub(super) fn run(&self) -> Result<String, Error> {
        let mut said = String::new();
        let mut stale = Vec::new();
        for (name, text) in self.texts()? {
            match write_or_check(&self.source.join(name), &text, self.check)? {
                Some(_) if self.check => {}
                Some(outcome) => said.extend([name, ": ", outcome, "\n"]),
                None => stale.push(name),
            }
        }
        if stale.is_empty() {
            return Ok(said);
        }
        let stale = stale.join(", ");
        Err(Error::Stale(format!(
            "not current: {stale}; run \"make generate\""
        )))
    }

    /// The path and text of every generated file.
    fn texts(&self) -> Result<Vec<(&'static str, String)>, Error> {
        // The tables serve the oldest supported series and newer ones, so they include entries that
        // mainline merged later.
        let kernel = supported::oldest();
        let mut texts = Vec::new();
        for (edition, table, aliases) in TABLES {
            let folder = self.source.join(edition.folder());
            let sources = generate::of_folder(&folder, edition, kernel)?;
            texts.push((table, sources.table));
            texts.extend(aliases.map(|path| (path, sources.aliases)));
        }
        let entries = Database::of(&self.source.join(Edition::Validated.folder())).entries()?;
        texts.push(("Documentation/quirks.md", page::quirks(&entries)));
        texts.push(("Documentation/quirks-format.md", page::format()));
        texts.push(("Documentation/acsctl.schema.json", schema::text()?));
        texts.push(("quirks/schema.json", json_schema::text()?));
        Ok(texts)
    }
}
