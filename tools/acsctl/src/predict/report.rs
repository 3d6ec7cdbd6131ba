// SPDX-License-Identifier: GPL-2.0-only

//! A prediction as text and as JSON.

use std::{cell::LazyCell, collections::BTreeSet, fmt::Write as _};

use grouping::model::release::Verified;
use quirk_data::{entry::Entry, error::Error, json::pretty};
use rules::table::Table;
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Partition};

use super::{
    addresses::{address_list, line},
    against::Against,
    difference::{assumed, causes, pieces},
    open::Open,
    supposed::{Supposed, supposed},
};
use crate::host::HostView;

pub(crate) const SCHEMA: &str = "acsctl-predict-1";

/// The kernel and tables that a prediction assumes.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Basis {
    /// `kernel`, `installed` or `with`.
    pub table: &'static str,
    /// The same in words.
    pub about: String,
    /// The version of the table; `None` without a table.
    pub version: Option<String>,
    /// What the rules for this kernel were held against: `kernel`, a stock kernel of the release;
    /// `source`, the source of the release; `no` for other releases and an unknown one: the answer is
    /// unverified.
    pub verified: &'static str,
    /// What the answer supposes that the machine does not have.
    pub supposed: Vec<Supposed>,
}

impl Basis {
    /// The machine as it runs now, or as the answer supposes: with its loaded modules, else the kernel
    /// alone.
    #[must_use]
    pub fn running(host: &HostView<'_>) -> Self {
        if let Some((supposed, _)) = host.supposed() {
            Self::with(host, &supposed.entry)
        } else if host.modules.loaded {
            Self::installed(host)
        } else {
            Self::kernel(host)
        }
    }

    fn new(
        machine: &HostView<'_>,
        table: &'static str,
        with: &str,
        version: Option<String>,
    ) -> Self {
        Self {
            table,
            about: format!("{}{with}", machine.kernel_name()),
            version,
            verified: match machine.verified() {
                Verified::Kernel => "kernel",
                Verified::Source => "source",
                Verified::No => "no",
            },
            supposed: supposed(machine, table == WITH),
        }
    }

    /// The kernel alone.
    #[must_use]
    pub fn kernel(machine: &HostView<'_>) -> Self {
        let idle = match &machine.modules.idle[..] {
            [] => String::new(),
            idle => format!(" (loaded without effect: {})", idle.join("; ")),
        };
        Self::new(machine, KERNEL, &format!(" alone{idle}"), None)
    }

    /// A kernel with the series that is proposed for mainline, without a module.
    #[must_use]
    pub fn proposed(machine: &HostView<'_>) -> Self {
        let with = " with the proposed series of 2025-09, which is not merged and was compared with no kernel";
        Self {
            verified: "no",
            ..Self::new(machine, KERNEL, with, None)
        }
    }

    /// The kernel with the machine's modules.
    #[must_use]
    pub fn installed(machine: &HostView<'_>) -> Self {
        let modules = &machine.modules;
        let has = modules.editions.iter().zip(&modules.tables);
        let has = has.map(|(edition, table)| {
            format!(
                "the module {}{}, table {}, entries {}",
                edition.module(),
                if modules.loaded { " (loaded)" } else { "" },
                table.version,
                table.entries.len()
            )
        });
        let has: Vec<_> = has.collect();
        let with = format!(" with {}", has.join(", and "));
        Self::new(machine, "installed", &with, Some(versions(&modules.tables)))
    }

    /// The kernel with the machine's modules and the supposed entry.
    fn with(machine: &HostView<'_>, entry: &Entry) -> Self {
        let with = format!(
            " with the module {} and the entry {} ({})",
            machine.modules.names(),
            entry.name,
            entry.status.name()
        );
        Self::new(machine, WITH, &with, Some(versions(machine.running())))
    }
}

/// [`Basis::table`] of the kernel alone.
const KERNEL: &str = "kernel";
/// [`Basis::table`] of a supposed entry.
const WITH: &str = "with";

/// The versions of tables, which are in effect together.
fn versions(tables: &[Table]) -> String {
    let versions: Vec<_> = tables.iter().map(|table| table.version).collect();
    versions.join("+")
}

/// The groups that a kernel makes of a machine.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Report {
    schema: &'static str,
    /// The groups, ordered by first member; members ordered by address.
    pub groups: Partition,
    /// Functions whose group cannot be predicted, because the input does not show the bridge above
    /// them, what is below them, function 0 of their device, or the VMD of their domain. `groups` lacks them.
    pub undetermined: Vec<Bdf>,
    /// The kernel and tables that the prediction assumes.
    pub under: Basis,
    /// The version of the kernel, if known.
    pub kernel: Option<String>,
    /// The assumptions.
    pub assumptions: Vec<Assumed>,
    /// Statements on record by which functions of different `groups` can reach each other. They change
    /// no group, because no kernel knows them.
    pub against: Vec<Against>,
    /// What the facts that the input lacks leave open; everything else is certain. Empty where
    /// `differences` is known.
    pub open: Vec<Open>,
    /// The number of functions that were compared: their group by the kernel and the predicted one are known.
    pub compared: usize,
    #[serde(skip)]
    functions: usize,
    /// The differences from the kernel's own groups; `None` if nothing could be compared.
    pub differences: Option<Vec<Difference>>,
}

/// An assumption of the prediction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct Assumed {
    /// The assumption in words.
    pub text: String,
    /// The functions that the assumption concerns; empty for the whole machine.
    pub functions: Vec<Bdf>,
}

/// Functions whose groups differ from the prediction.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Difference {
    /// The predicted groups of these functions.
    pub predicted: Partition,
    /// The kernel's groups of the same functions.
    pub actual: Partition,
    /// Possible causes.
    pub causes: Vec<String>,
}

impl Report {
    /// Compares predicted groups with the groups that the machine's kernel made.
    #[must_use]
    pub fn of(
        machine: &HostView<'_>,
        mut groups: Partition,
        open: Vec<Open>,
        under: Basis,
    ) -> Self {
        let undetermined = machine.undetermined();
        for group in &mut groups {
            group.retain(|bdf| !undetermined.contains(bdf));
        }
        groups.retain(|group| !group.is_empty());
        let assumed = assumed(machine);
        let functions = machine.topology.functions.iter();
        let all: BTreeSet<Bdf> = functions.map(|one| one.bdf).collect();
        let compared = &(&all - &undetermined) - &machine.unshown();
        let recorded = machine.recorded().filter(|_| !compared.is_empty());
        // Few machines need them, and then for each difference.
        let limits = LazyCell::new(|| {
            let range = machine.range(machine.running());
            range.ok().flatten()
        });
        let differences = recorded.map(|actual| {
            let pieces = pieces(&only(&groups, &compared), &only(actual, &compared));
            pieces
                .into_iter()
                .map(|(predicted, actual)| Difference {
                    causes: causes(machine, &assumed, &predicted, &actual, || limits.as_ref()),
                    predicted,
                    actual,
                })
                .collect()
        });
        Self {
            schema: SCHEMA,
            against: Against::of(machine, &groups),
            kernel: machine.topology.kernel.clone(),
            groups,
            undetermined: undetermined.into_iter().collect(),
            under,
            assumptions: assumed,
            open,
            compared: if differences.is_some() {
                compared.len()
            } else {
                0
            },
            functions: all.len(),
            differences,
        }
    }

    /// The JSON form.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when memory runs out.
    pub fn json(&self) -> Result<String, Error> {
        pretty(self)
    }

    /// The text form.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for one in &self.under.supposed {
            let _ = writeln!(text, "supposed: {}", one.text);
        }
        let _ = writeln!(
            text,
            "{}, groups {}:\n",
            self.under.about,
            self.groups.len()
        );
        for group in &self.groups {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}", line(group));
        }
        if !self.undetermined.is_empty() {
            let _ = writeln!(
                text,
                "\ngroup not known: {}\n  The input lacks functions that decide it: the bridge above, what is below, function 0 \
                 of the device, or the VMD of the domain. Make it again as root with all functions: lspci -D -vvvnn",
                line(&self.undetermined)
            );
        }
        if !self.assumptions.is_empty() {
            text += "\nassumed:\n";
        }
        for assumed in &self.assumptions {
            let functions = match &assumed.functions[..] {
                [] => String::new(),
                functions => format!(": {}", address_list(functions)),
            };
            let _ = writeln!(text, "  {}{functions}", assumed.text);
        }
        if !self.against.is_empty() {
            text += "\na statement on record says that functions of different groups can reach each other:\n";
        }
        for one in &self.against {
            let functions = address_list(&one.functions);
            let _ = writeln!(text, "  {functions}: each {} ({})", one.text, one.entry);
        }
        for one in &self.open {
            let [functions, together, depends] = one.words();
            let _ = writeln!(text, "\nopen: {functions}\n  {together}\n  {depends}");
        }
        if !self.open.is_empty() {
            text += "\nAll other functions are certainly in the groups above, if the input has every function of the machine.\n";
        }
        match self.differences.as_deref() {
            None => {
                text += "\nThe groups that this machine's kernel made are not known, so there is \
                         nothing to compare with.\n";
            }
            Some([]) if self.compared == 0 => {
                text += "\nNone of the groups that this machine's kernel made could be compared.\n";
            }
            Some([]) if self.compared == self.functions => {
                text += "\nThe kernel made the same groups.\n";
            }
            Some([]) => {
                let _ = writeln!(
                    text,
                    "\nThe kernel made the same groups of the {} of {} functions that could be compared.",
                    self.compared, self.functions
                );
            }
            Some(differences) => {
                for one in differences {
                    let _ = writeln!(text, "\ndiffers from the kernel's own groups:");
                    let each = |what: &str, groups: &Partition| {
                        let lines = groups
                            .iter()
                            .map(|group| format!("  {what}  {}\n", line(group)));
                        lines.collect::<String>()
                    };
                    text += &each("predicted", &one.predicted);
                    text += &each("actual   ", &one.actual);
                    for cause in &one.causes {
                        let _ = writeln!(text, "  possible cause: {cause}");
                    }
                }
            }
        }
        text
    }
}

/// The groups without functions that are not in the set.
fn only(groups: &Partition, set: &BTreeSet<Bdf>) -> Partition {
    let within = groups.iter().map(|group| -> Vec<Bdf> {
        let members = group.iter().filter(|bdf| set.contains(bdf));
        members.copied().collect()
    });
    within.filter(|group| !group.is_empty()).collect()
}
