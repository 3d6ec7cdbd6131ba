// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl table build`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Generated;
use crate::{
    edition::Edition,
    error::Error,
    folder::{self, Scope},
    generate,
};

#[derive(Args, Debug)]
pub(in crate::cli) struct Build {
    /// The edition of the module that the table is for.
    #[arg(long, value_enum)]
    edition: Edition,
    /// Folder of the data files [default: quirks; for the edition test: tests/module/quirks].
    #[arg(long, value_name = "DIR")]
    quirks: Option<PathBuf>,
    #[command(flatten)]
    generated: Generated,
}

impl Build {
    pub(super) fn run(&self) -> Result<String, Error> {
        let edition = self.edition;
        let folder = self
            .quirks
            .as_deref()
            .unwrap_or(Path::new(edition.folder()));
        let quirks = folder::load(folder, Scope::now(Some(edition)))?;
        self.generated.settle(
            &generate::source(edition, &quirks),
            &format!("entries {}", edition.select(&quirks).len()),
            &format!(
                "build --edition {} --quirks {} --out {}",
                edition.name(),
                folder.display(),
                self.generated.out.display()
            ),
        )
    }
}
