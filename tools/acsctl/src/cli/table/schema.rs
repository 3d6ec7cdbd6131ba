// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl table schema`.

use clap::Args;

use super::Generated;
use crate::{error::Error, json_schema};

#[derive(Args, Debug)]
pub(in crate::cli) struct Schema {
    #[command(flatten)]
    generated: Generated,
}

impl Schema {
    pub(super) fn run(&self) -> Result<String, Error> {
        let how = format!("schema --out {}", self.generated.out.display());
        self.generated
            .settle(&json_schema::text()?, "the JSON Schema", &how)
    }
}
