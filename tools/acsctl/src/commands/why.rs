// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl why`.

use clap::Args;
use quirk_data::error::Error;
use topology::{Bdf, names::Names};

use super::{Failure, Format, machine::Machine, terminal};
use crate::why::explain;

/// Explain what shares a function's IOMMU group, why, and how to change that.
///
/// Names the step of the kernel's computation that joined the functions, the register or quirk that
/// decided it, and the vendor of that silicon.
///
/// Exit status: 0 when the group is explained; 1 when there is no such function, or too little
/// could be read to know the reason; 2 when the machine or the entries cannot be read.
#[derive(Args, Debug)]
pub(super) struct Why {
    /// A function, as 0000:82:00.0 or 82:00.0.
    #[arg(value_name = "BDF", value_parser = Bdf::written)]
    function: Bdf,
    /// A second function: explain why the two are together or apart.
    #[arg(value_name = "BDF2", value_parser = Bdf::written)]
    other: Option<Bdf>,
    #[command(flatten)]
    machine: Machine,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Why {
    pub(super) fn run(&self) -> Result<String, Failure> {
        let subject = self.machine.read()?;
        let machine = subject.view();
        let names = Names::of_system(machine.topology);
        let answer = explain(&machine, self.function, self.other, &names)?;
        let printed = match self.format {
            Format::Text => answer.text_of(terminal::width()),
            Format::Json => answer.json()?,
        };
        if answer.is_known() {
            return Ok(printed);
        }
        let error = Error::NotFound(format!(
            "{}: the reason is not known: {}",
            self.function,
            answer.missing()
        ));
        Err(Failure { printed, error })
    }
}
