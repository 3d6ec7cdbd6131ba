// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl quirk kernel`.

use std::path::PathBuf;

use clap::Args;
use quirk_data::{error::Error, kernels::Kernel};

use crate::commands::generated::Generated;

#[derive(Args, Debug)]
pub(in crate::commands) struct ReadKernel {
    /// Top folder of the kernel's source tree.
    #[arg(long, value_name = "DIR")]
    source: PathBuf,
    /// Origin of the source: package and version, or repository and commit.
    #[arg(long, value_name = "TEXT")]
    origin: String,
    /// The source is an unmodified mainline release: no distribution kernel, no stable update.
    #[arg(long)]
    mainline: bool,
    #[command(flatten)]
    generated: Generated,
}

impl ReadKernel {
    pub(super) fn run(&self) -> Result<String, Error> {
        let kernel = Kernel::read(&self.source, &self.origin, self.mainline)?;
        let what = format!("Linux {}, rows {}", kernel.version, kernel.rows.len());
        let mainline = if self.mainline { " --mainline" } else { "" };
        let how = format!("quirk kernel --source DIR --origin TEXT{mainline}");
        self.generated.write(&kernel.to_string(), &what, &how)
    }
}
