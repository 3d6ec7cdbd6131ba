// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl quirk schema`.

use clap::Args;
use quirk_data::{error::Error, json_schema};

#[derive(Args, Debug)]
pub(in crate::commands) struct Schema {}

impl Schema {
    pub(super) fn run(&self) -> Result<String, Error> {
        json_schema::text()
    }
}
