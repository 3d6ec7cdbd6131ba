// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl quirk build`.

use std::path::{Path, PathBuf};

use clap::Args;
use quirk_data::{edition::Edition, error::Error, generate};
use rules::release::Release;

use crate::commands::generated::Generated;

#[derive(Args, Debug)]
pub(in crate::commands) struct Build {
    /// The edition of the module that the table is for.
    #[arg(long, value_parser = super::edition())]
    edition: Edition,
    /// Folder of the data files [default: quirks; for the edition test:
    /// tests/kernel/module/quirks].
    #[arg(long, value_name = "DIR")]
    quirks: Option<PathBuf>,
    /// Oldest kernel release that the table is for, for example 7.2. The validated table then
    /// includes the entries that mainline merged after that release [default: no mainline entries].
    #[arg(long, value_name = "RELEASE")]
    kernel: Option<Release>,
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
        let kernel = self.kernel;
        let sources = generate::of_folder(folder, edition, kernel)?;
        let for_kernel = kernel.map(|kernel| format!(" --kernel {kernel}"));
        self.generated.write(
            &sources.table,
            &format!("entries {}", sources.entries),
            &format!(
                "quirk build --edition {} --quirks {}{}",
                edition.name(),
                folder.display(),
                for_kernel.unwrap_or_default()
            ),
        )
    }
}
