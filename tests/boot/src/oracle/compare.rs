// SPDX-License-Identifier: GPL-2.0-only

//! Compares the kernel's groups with the model's, and with recorded groups.

use std::fmt;

use anyhow::{Result, anyhow};
use grouping::{handlers::Handlers, model::Fault, predict::Prediction};
use quirk_data::{
    edition::Edition,
    entry::Entry,
    folder::{self, Scope},
    source,
};
use topology::{Bdf, Partition, Topology};

use super::Answer;
use crate::kernel::Kernel;

/// The built-in entries for the kernel's own quirks.
///
/// # Errors
///
/// When the data has faults.
pub fn kernel_quirks() -> Result<Vec<Entry>> {
    let scope = Scope::now(Some(Edition::Validated));
    folder::check_all(source::built_in(), scope)
        .map_err(|findings| anyhow!("the data has {} faults; see make check", findings.len()))
}

/// The machine as one with this kernel. The model follows the kernel that a topology names. A kernel in user mode has no
/// firmware, and so no IOMMU that some quirks look for.
#[must_use]
pub fn with_kernel(topology: &Topology, kernel: &Kernel) -> Topology {
    let iommu = topology.iommu.clone();
    Topology {
        kernel: Some(kernel.release.clone()),
        iommu: iommu.filter(|_| !kernel.is_in_user_mode()),
        ..topology.clone()
    }
}

/// The model's groups of a machine, with the kernel's quirks from the quirk database.
///
/// # Errors
///
/// [`Fault`], for a topology that was not checked.
pub fn model(
    topology: &Topology,
    kernel_quirks: &Handlers,
) -> std::result::Result<Partition, Fault> {
    let view = grouping::view(topology);
    Prediction::of(topology, &view, kernel_quirks).without_table()
}

/// Two different partitions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference<'a> {
    /// The first partition, and whose it is.
    pub one: (&'static str, &'a Partition),
    /// The second partition, and whose it is.
    pub other: (&'static str, &'a Partition),
    /// Functions that the kernel has not found.
    pub missing: &'a [Bdf],
    /// Whether the model, run in the kernel, gives other groups than the kernel.
    pub in_kernel: bool,
}

impl<'a> Difference<'a> {
    /// Compares the kernel's groups with others. A function that the kernel has not found counts as
    /// a difference. Other groups from the model in the kernel count as one too.
    #[must_use]
    pub fn between(kernel: &'a Answer, whose: &'static str, other: &'a Partition) -> Option<Self> {
        let in_kernel = kernel.in_kernel.is_none_or(|model| model.is_same);
        let is_same = kernel.missing.is_empty() && kernel.groups == *other && in_kernel;
        (!is_same).then_some(Self {
            one: ("kernel", &kernel.groups),
            other: (whose, other),
            missing: &kernel.missing,
            in_kernel: !in_kernel,
        })
    }
}

/// The groups that only one of the partitions has.
impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.missing.is_empty() {
            writeln!(f, "  not found: {}", joined(self.missing))?;
        }
        if self.in_kernel {
            writeln!(
                f,
                "  the model gives other groups when it is run in the kernel"
            )?;
        }
        for ((whose, one), (_, other)) in [(self.one, self.other), (self.other, self.one)] {
            for group in one.iter().filter(|group| !other.contains(group)) {
                writeln!(f, "  {whose}: {}", joined(group))?;
            }
        }
        Ok(())
    }
}

fn joined(functions: &[Bdf]) -> String {
    let functions: Vec<_> = functions.iter().map(ToString::to_string).collect();
    functions.join(" ")
}
