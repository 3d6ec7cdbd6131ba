// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl plan`.

use clap::Args;
use quirk_data::error::Error;
use topology::{Bdf, names::Names};

use super::{Failure, Format, capture::unseen, machine::Machine, terminal, warn};
use crate::why::{Outcome, plan};

/// List what would give a function an IOMMU group of its own, cheapest first.
///
/// Applies each change to the facts about the machine and computes the groups again. Lists only
/// changes, and combinations of them, after which the function shares its group with no function
/// that can be passed through: a regroup, the module, another kernel, settings, another slot, a
/// vendor's statement. Never proposes the ACS override.
///
/// Exit status: 0 when the function has a group of its own, or something other than a new vendor's
/// statement gives it one; 1 when nothing else does, when there is no such function, when it cannot
/// be passed through, or when too little could be read; 2 when the machine or the entries cannot be
/// read.
#[derive(Args, Debug)]
pub(super) struct Plan {
    /// A function, as 0000:82:00.0 or 82:00.0.
    #[arg(value_name = "BDF", value_parser = Bdf::written)]
    function: Bdf,
    #[command(flatten)]
    machine: Machine,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Plan {
    pub(super) fn run(&self) -> Result<String, Failure> {
        let subject = self.machine.read()?;
        let machine = subject.view();
        let names = Names::of_system(machine.topology);
        let plan = plan(&machine, self.function, &names)?;
        if let Some(text) = unseen(machine.topology, &subject.snapshot.source) {
            warn(&text);
        }
        let printed = match self.format {
            Format::Text => plan.text_of(terminal::width()),
            Format::Json => plan.json()?,
        };
        let why = match plan.outcome() {
            Outcome::OwnGroup | Outcome::Possible => return Ok(printed),
            Outcome::NeedsStatement => {
                "only a vendor's statement, which is not on record, gives it a group of its own"
            }
            Outcome::Nothing => "nothing that acsctl can compute gives it a group of its own",
            Outcome::NotKnown => "too little is known to plan a group of its own",
            Outcome::StaysWithHost => "it stays with the host and cannot be passed through",
        };
        let error = Error::NotFound(format!("{}: {why}", self.function));
        Err(Failure { printed, error })
    }
}
