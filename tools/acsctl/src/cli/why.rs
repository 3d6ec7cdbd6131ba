// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl why`.

use clap::Args;
use quirk_data::error::Error;
use topology::{Bdf, names::Names};

use super::{Failure, Format, address::address, terminal, whence::Whence};
use crate::why::explain;

/// Explains why a function shares its IOMMU group, or why it does not, and what would change that.
///
/// It names the step of the kernel's computation that joined each of them, the register or quirk that
/// says so, and whose silicon that is. With two functions: why these two are together or apart.
///
/// Exit status: 0 when it is explained; 1 when there is no such function, or when the reason cannot be
/// told because too little could be read; 2 when the machine or the data cannot be read.
#[derive(Args, Debug)]
pub(super) struct Why {
    /// The function, as 0000:82:00.0 or 82:00.0.
    #[arg(value_name = "BDF", value_parser = address)]
    function: Bdf,
    /// Another one.
    #[arg(value_name = "BDF2", value_parser = address)]
    other: Option<Bdf>,
    #[command(flatten)]
    whence: Whence,
    /// For whom it is.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Why {
    pub(super) fn run(&self) -> Result<String, Failure> {
        let snapshot = self.whence.snapshot()?;
        let quirks = self.whence.database().entries()?;
        let machine = snapshot.view(&quirks);
        let names = Names::of_system(&snapshot.topology);
        let answer = explain(&machine, self.function, self.other, &names)?;
        let printed = match self.format {
            Format::Text => answer.text_of(terminal::width()),
            Format::Json => answer.json()?,
        };
        if answer.is_known() {
            return Ok(printed);
        }
        let error = Error::NotFound(format!(
            "{}: the reason is not known; run this as root, or on a capture that was made as root",
            self.function
        ));
        Err(Failure { printed, error })
    }
}
