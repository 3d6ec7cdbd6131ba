// SPDX-License-Identifier: GPL-2.0-only

//! The decision: whether an entry counts for a function, and which trust rule refuses it if not.

use core::fmt;

use super::{
    acs::AcsFlags,
    device::Function,
    entry::Entry,
    pcie::PcieType,
    release::Release,
    table::Table,
    whole,
    withdraw::Withdrawn, //
};

/// The kernel's answer: what `pci_dev_specific_acs_enabled()` returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KernelVerdict {
    /// `-ENOTTY`: no quirk of the kernel knows the function.
    NoOpinion,
    /// 0: a quirk of the kernel says that the function lacks a requested flag.
    NotIsolated,
    /// Above 0: a quirk of the kernel says that the function has every requested flag.
    Isolated,
    /// Any other value. The kernel function does not return one today.
    Unknown,
}

impl KernelVerdict {
    /// Reads the return value. `ENOTTY` is 25 on every architecture on which Linux supports PCI.
    pub const fn from_raw(raw: i32) -> Self {
        match raw {
            -25 => Self::NoOpinion,
            0 => Self::NotIsolated,
            1.. => Self::Isolated,
            _ => Self::Unknown,
        }
    }
}

/// Why an entry does not count for a function.
///
/// The variants are in the order in which [`decide`] checks them. Only [`Refusal::Whole`] needs
/// reads of configuration space, so it comes last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Trust rule `static`: the owner withdrew the entry.
    Withdrawn,
    /// Trust rule `kernel-first`: mainline has the entry since this release, and the running kernel
    /// is not older.
    Mainline(Release),
    /// Trust rule `kernel-first`: a quirk of the kernel answered, and the entry does not supersede
    /// it.
    KernelVerdict,
    /// Trust rule `additive`: the entry does not grant every requested flag. Holds the requested
    /// flags.
    FlagsNotGranted(AcsFlags),
    /// Trust rule `closed`: no kind of the entry applies to the function's PCIe type.
    WrongType,
    /// Trust rule `additive`: the function has its own ACS capability, so the kernel reads that.
    OwnAcs,
    /// Trust rule `closed`: the function is untrusted or external-facing, or below such a bridge.
    Exposed,
    /// Trust rule `closed`: the function is a virtual function. Entries apply to physical functions
    /// only.
    Virtual,
    /// Trust rule `closed`: the kernel's error state says that the function failed or was removed.
    Gone,
    /// Trust rule `effective`: the module has no record for the function, so it could not record a
    /// grant.
    Unrecorded,
    /// Trust rules `whole` and `closed`: the check of the whole device failed.
    Whole(whole::Fault),
}

impl Refusal {
    /// The number of kinds of refusal: one more than the largest [`Refusal::code`].
    pub const COUNT: usize = 16;

    /// The name of each kind of refusal, by [`Refusal::code`]. Counters in debugfs and tools use
    /// the names.
    pub const NAMES: [&'static str; Self::COUNT] = [
        "withdrawn",
        "mainline",
        "kernel-verdict",
        "flags",
        "type",
        "own-acs",
        "exposed",
        "virtual",
        "gone",
        "unrecorded",
        "whole",
        "limits",
        "condition",
        "requester-id",
        "port",
        "unreadable",
    ];

    /// The number of the kind of refusal, below [`Refusal::COUNT`].
    pub const fn code(self) -> u8 {
        match self {
            Self::Withdrawn => 0,
            Self::Mainline(_) => 1,
            Self::KernelVerdict => 2,
            Self::FlagsNotGranted(_) => 3,
            Self::WrongType => 4,
            Self::OwnAcs => 5,
            Self::Exposed => 6,
            Self::Virtual => 7,
            Self::Gone => 8,
            Self::Unrecorded => 9,
            Self::Whole(fault) => match fault {
                whole::Fault::Limits { .. } => 11,
                whole::Fault::Condition { .. } => 12,
                whole::Fault::Aliased { .. } => 13,
                whole::Fault::AcsOff { .. } | whole::Fault::NotFound { .. } => 14,
                whole::Fault::Unreadable { .. } => 15,
                _ => 10,
            },
        }
    }

    /// The name of the kind of refusal, from [`Refusal::NAMES`].
    pub fn name(self) -> &'static str {
        let name = Self::NAMES.get(usize::from(self.code()));
        name.copied().unwrap_or_default()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Withdrawn => f.write_str("the entry is withdrawn by parameter"),
            Self::Mainline(since) => {
                write!(f, "mainline decides on this entry since Linux {since}")
            }
            Self::KernelVerdict => f.write_str("the kernel's own quirk has decided"),
            Self::FlagsNotGranted(asked) => {
                write!(f, "the entry does not grant all of {asked}")
            }
            Self::WrongType => f.write_str("not of the PCIe type that the entry covers"),
            Self::OwnAcs => f.write_str("it has an ACS capability, which the kernel goes by"),
            Self::Exposed => f.write_str("it is untrusted or below an external-facing port"),
            Self::Virtual => f.write_str("it is a virtual function"),
            Self::Gone => f.write_str("its link has failed or it is gone"),
            Self::Unrecorded => f.write_str("the module has no record for it"),
            Self::Whole(fault) => fault.fmt(f),
        }
    }
}

/// The outcome of one question of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// No entry lists the function. The kernel's answer is returned unchanged.
    NotListed,
    /// The entry at this position of [`Table::entries`] counts: the function has the requested
    /// flags.
    Granted(u16),
    /// The entry at this position of [`Table::entries`] does not count. The kernel's answer is
    /// returned unchanged.
    Refused(u16, Refusal),
}

/// Decides whether an entry of `table` gives `function` all flags of `asked`.
///
/// `kernel` is the kernel's own answer, and `running` the release of the running kernel. The lookup
/// costs O(log n) in the size of the table. Configuration space is read only after every other
/// check has passed.
pub fn decide<F: Function>(
    table: &Table,
    withdrawn: &Withdrawn,
    running: Release,
    kernel: KernelVerdict,
    asked: AcsFlags,
    function: &F,
) -> Decision {
    let Some((position, entry)) = table.find(function.vendor(), function.device()) else {
        return Decision::NotListed;
    };
    let outcome = speaks(entry, withdrawn, running)
        .and_then(|()| judge(entry, kernel, asked, function))
        .and_then(|()| whole_device(table, position, entry, asked, function));
    match outcome {
        Ok(()) => Decision::Granted(position),
        Err(refusal) => Decision::Refused(position, refusal),
    }
}

/// Whether the entry makes any claim on this host: not withdrawn, and not left to mainline.
///
/// # Errors
///
/// [`Refusal::Withdrawn`] or [`Refusal::Mainline`].
pub fn speaks(entry: &Entry, withdrawn: &Withdrawn, running: Release) -> Result<(), Refusal> {
    if withdrawn.contains(entry.number) {
        return Err(Refusal::Withdrawn);
    }
    match entry.mainline_since {
        Some(since) if !running.is_before(since) => Err(Refusal::Mainline(since)),
        _ => Ok(()),
    }
}

/// Checks the trust rules that concern the function alone.
fn judge<F: Function>(
    entry: &Entry,
    kernel: KernelVerdict,
    asked: AcsFlags,
    function: &F,
) -> Result<(), Refusal> {
    let found = function.pcie_type();
    if !kernel_lacks(entry, kernel, function.vendor(), found) {
        return Err(Refusal::KernelVerdict);
    }
    if !entry.grants.contains(asked) {
        return Err(Refusal::FlagsNotGranted(asked));
    }
    if !found.is_some_and(|found| entry.kinds.apply_to(found)) {
        return Err(Refusal::WrongType);
    }
    if function.has_acs() {
        return Err(Refusal::OwnAcs);
    }
    if function.is_exposed() {
        return Err(Refusal::Exposed);
    }
    if function.is_virtual() {
        return Err(Refusal::Virtual);
    }
    if function.is_gone() {
        return Err(Refusal::Gone);
    }
    if !function.is_recordable() {
        return Err(Refusal::Unrecorded);
    }
    Ok(())
}

/// Whether the kernel's answer shows that the kernel has no quirk for a function of this vendor and
/// PCIe type, so that the entry may answer (trust rule `kernel-first`). The 0 of a catch-all
/// handler that the entry supersedes does not count as a quirk.
pub fn kernel_lacks(
    entry: &Entry,
    kernel: KernelVerdict,
    vendor: u16,
    found: Option<PcieType>,
) -> bool {
    match kernel {
        KernelVerdict::NoOpinion => true,
        KernelVerdict::NotIsolated => entry
            .supersedes
            .zip(found)
            .is_some_and(|(handler, found)| handler.answered(vendor, found)),
        KernelVerdict::Isolated | KernelVerdict::Unknown => false,
    }
}

/// Trust rule `whole`: the entry at `position` must cover the whole device. Ids of another entry
/// are not covered.
fn whole_device<F: Function>(
    table: &Table,
    position: u16,
    entry: &Entry,
    asked: AcsFlags,
    function: &F,
) -> Result<(), Refusal> {
    whole::check(function, entry, asked, |vendor, device| {
        table
            .row(vendor, device)
            .filter(|row| row.entry == position)
            .map(|row| row.limits)
    })
    .map_err(Refusal::Whole)
}
