// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl table schema`.

use clap::Args;
use quirk_data::{error::Error, json_schema};

use crate::cli::generated::Generated;

#[derive(Args, Debug)]
pub(in crate::cli) struct Schema {
    #[command(flatten)]
    generated: Generated,
}

impl Schema {
    pub(super) fn run(&self) -> Result<String, Error> {
        let text = json_schema::text()?;
        self.generated
            .settle(&text, "the JSON Schema", "table schema")
    }
}
