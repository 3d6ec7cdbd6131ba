// SPDX-License-Identifier: GPL-2.0-only

//! The decision: does an entry count for this function, and if not, which rule says so.

use core::fmt;

use super::{
    acs::AcsFlags,
    device::Function,
    entry::Entry,
    package,
    release::Release,
    table::Table,
    withdraw::Withdrawn, //
};

/// What `pci_dev_specific_acs_enabled()` returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KernelVerdict {
    /// -ENOTTY: no quirk of the kernel has an opinion on the function.
    NoOpinion,
    /// 0: a quirk says that the function is not isolated as asked.
    NotIsolated,
    /// More than 0: a quirk says that it is.
    Isolated,
    /// Anything else: not something that the function is known to return.
    Unknown,
}

impl KernelVerdict {
    /// Reads the return value; `-ENOTTY` is 25 on every architecture that Linux has PCI on.
    pub const fn from_raw(raw: i32) -> Self {
        match raw {
            -25 => Self::NoOpinion,
            0 => Self::NotIsolated,
            1.. => Self::Isolated,
            _ => Self::Unknown,
        }
    }
}

/// Why an entry does not count, in the order in which the trust rules are asked: first those that need
/// nothing but memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Trust rule `static`: the owner has withdrawn the entry.
    Withdrawn,
    /// Trust rule `kernel-first`: mainline has the entry since this release, which is not newer than the
    /// running kernel.
    Mainline(Release),
    /// Trust rule `kernel-first`: a quirk of the kernel has spoken, and the entry does not supersede it.
    KernelVerdict,
    /// Trust rule `additive`: the entry does not grant every flag asked for.
    FlagsNotGranted(AcsFlags),
    /// Trust rule `closed`: the function is not of the PCIe type that the entry speaks for.
    WrongType,
    /// Trust rule `additive`: the function has an ACS capability of its own, which the kernel goes by.
    OwnAcs,
    /// Trust rule `closed`: untrusted, or below a port that faces outside.
    Exposed,
    /// Trust rule `closed`: a virtual function, for which no statement has been made.
    Virtual,
    /// Trust rule `closed`: the kernel counts the function as failed or gone.
    Gone,
    /// Trust rule `effective`: what cannot be recorded is not granted.
    Unrecorded,
    /// Trust rules `whole` and `closed`: something in the whole device.
    Package(package::Fault),
}

impl Refusal {
    /// How many kinds of refusal there are: one more than the largest [`Refusal::code`].
    pub const COUNT: usize = 16;

    /// Names of the refusals, by code, for counters and for tools.
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
        "package",
        "limits",
        "condition",
        "requester-id",
        "port",
        "unreadable",
    ];

    /// Number of the kind of refusal, from 0.
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
            Self::Package(fault) => match fault {
                package::Fault::Limits { .. } => 11,
                package::Fault::Condition { .. } => 12,
                package::Fault::Aliased { .. } => 13,
                package::Fault::AcsOff { .. } | package::Fault::NotFound { .. } => 14,
                package::Fault::Unreadable { .. } => 15,
                _ => 10,
            },
        }
    }

    /// The name of the kind of refusal.
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
            Self::WrongType => f.write_str("not of the PCIe type that the entry speaks for"),
            Self::OwnAcs => f.write_str("it has an ACS capability, which the kernel goes by"),
            Self::Exposed => f.write_str("it is untrusted or below an external-facing port"),
            Self::Virtual => f.write_str("it is a virtual function"),
            Self::Gone => f.write_str("its link has failed or it is gone"),
            Self::Unrecorded => f.write_str("the module has no record for it"),
            Self::Package(fault) => fault.fmt(f),
        }
    }
}

/// What becomes of one question of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// No entry knows the function: the kernel's answer stands.
    NotListed,
    /// The entry at this position counts: the function is isolated as asked.
    Granted(u16),
    /// The entry at this position does not count: the kernel's answer stands.
    Refused(u16, Refusal),
}

/// Decides whether `function` counts as isolated with the flags `asked`, for which the kernel
/// itself, of the release `running`, has the verdict `kernel`.
///
/// O(log n) in the size of the table; configuration space is read only when everything else has
/// spoken for the entry.
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

/// Whether the entry makes any claim on this host.
///
/// # Errors
///
/// Why it makes none.
pub fn speaks(entry: &Entry, withdrawn: &Withdrawn, running: Release) -> Result<(), Refusal> {
    if withdrawn.contains(entry.number) {
        return Err(Refusal::Withdrawn);
    }
    match entry.mainline_since {
        Some(since) if !running.is_before(since) => Err(Refusal::Mainline(since)),
        _ => Ok(()),
    }
}

/// The rules on the function alone.
fn judge<F: Function>(
    entry: &Entry,
    kernel: KernelVerdict,
    asked: AcsFlags,
    function: &F,
) -> Result<(), Refusal> {
    if !may_speak(entry, kernel, function) {
        return Err(Refusal::KernelVerdict);
    }
    if !entry.grants.contains(asked) {
        return Err(Refusal::FlagsNotGranted(asked));
    }
    let found = function.pcie_type();
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

/// Trust rule `kernel-first`: the kernel's verdict wins, except the 0 of a catch-all that the entry
/// supersedes.
fn may_speak<F: Function>(entry: &Entry, kernel: KernelVerdict, function: &F) -> bool {
    match kernel {
        KernelVerdict::NoOpinion => true,
        KernelVerdict::NotIsolated => entry
            .supersedes
            .zip(function.pcie_type())
            .is_some_and(|(handler, found)| handler.answered(function.vendor(), found)),
        KernelVerdict::Isolated | KernelVerdict::Unknown => false,
    }
}

/// Trust rule `whole`: this very entry must speak for the whole device.
fn whole_device<F: Function>(
    table: &Table,
    position: u16,
    entry: &Entry,
    asked: AcsFlags,
    function: &F,
) -> Result<(), Refusal> {
    package::check(function, entry, asked, |vendor, device| {
        table
            .row(vendor, device)
            .filter(|row| row.entry == position)
            .map(|row| row.limits)
    })
    .map_err(Refusal::Package)
}
