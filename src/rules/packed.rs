// SPDX-License-Identifier: GPL-2.0-only

//! A decision packed into one word, so that the hook can store it without a lock or an allocation.

use super::{
    acs::AcsFlags,
    decision::Refusal,
    limits::Excess,
    release::Release,
    table::Table, //
    whole::Fault,
};

/// The decision of one entry on a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The entry's number.
    pub entry: u16,
    /// `Ok` for a grant, or the reason for the refusal.
    pub outcome: Result<(), Refusal>,
}

/// Set in every word that holds a decision; 0 means no decision.
const TAKEN: u64 = 1 << 63;
/// The shifts of a word's fields: entry number in bits 11:0, kind of outcome in 16:12, device and
/// function number in 24:17, details in 62:25.
const OUTCOME: u32 = 12;
const DEVFN: u32 = 17;
const DETAIL: u32 = 25;

const _: () = assert!(Table::MAX_NUMBER < 1 << OUTCOME);

impl Verdict {
    /// Packs the decision into a word, which is never 0.
    pub const fn pack(self) -> u64 {
        let (outcome, devfn, detail) = match self.outcome {
            Ok(()) => (0, 0, 0),
            Err(refusal) => parts(refusal),
        };
        TAKEN
            | self.entry as u64
            | ((outcome as u64) << OUTCOME)
            | ((devfn as u64) << DEVFN)
            | (detail << DETAIL)
    }

    /// Unpacks a word; `None` for 0 and for any word that [`Verdict::pack`] cannot produce.
    pub fn unpack(word: u64) -> Option<Self> {
        if word & TAKEN == 0 {
            return None;
        }
        let entry = u16::try_from(word & 0xfff).ok()?;
        let outcome = u8::try_from((word >> OUTCOME) & 0x1f).ok()?;
        let devfn = u8::try_from((word >> DEVFN) & 0xff).ok()?;
        let detail = (word & !TAKEN) >> DETAIL;
        let outcome = match outcome {
            0 => Ok(()),
            _ => Err(refusal(outcome, devfn, detail)?),
        };
        let verdict = Self { entry, outcome };
        (verdict.pack() == word).then_some(verdict)
    }

    /// The [`Verdict::kind`] of a grant.
    pub const GRANTED: u32 = 1;

    /// The kind of outcome as one bit of 32: the grant, or a kind of refusal.
    pub const fn kind(self) -> u32 {
        match self.outcome {
            Ok(()) => Self::GRANTED,
            Err(refusal) => 1 << parts(refusal).0,
        }
    }
}

const fn ids(vendor: u16, device: u16) -> u64 {
    ((vendor as u64) << 16) | device as u64
}

/// The kind of outcome (1 to 31), the device and function number, and the details of a refusal.
const fn parts(refusal: Refusal) -> (u8, u8, u64) {
    match refusal {
        Refusal::Withdrawn => (1, 0, 0),
        Refusal::Mainline(since) => (2, 0, ids(since.major(), since.minor())),
        Refusal::KernelVerdict => (3, 0, 0),
        Refusal::FlagsNotGranted(asked) => (4, 0, asked.bits() as u64),
        Refusal::WrongType => (5, 0, 0),
        Refusal::OwnAcs => (6, 0, 0),
        Refusal::Exposed => (7, 0, 0),
        Refusal::Virtual => (8, 0, 0),
        Refusal::Gone => (9, 0, 0),
        Refusal::Unrecorded => (10, 0, 0),
        Refusal::Whole(fault) => match fault {
            Fault::Unreadable { devfn } => (11, devfn, 0),
            Fault::Changed { vendor, device } => (12, 0, ids(vendor, device)),
            Fault::Unaccounted => (13, 0, 0),
            Fault::NotCovered {
                devfn,
                vendor,
                device,
            } => (14, devfn, ids(vendor, device)),
            Fault::HasAcs { devfn } => (15, devfn, 0),
            Fault::AcsOff { devfn } => (16, devfn, 0),
            Fault::NotFound { devfn } => (17, devfn, 0),
            Fault::Exposed { devfn } => (18, devfn, 0),
            Fault::Aliased { devfn } => (19, devfn, 0),
            Fault::Limits { devfn, excess } => match excess {
                Excess::Class(class) => (20, devfn, class as u64),
                Excess::Revision(revision) => (21, devfn, revision as u64),
                Excess::Subsystem(vendor, device) => (22, devfn, ids(vendor, device)),
            },
            Fault::Condition { devfn, number } => (23, devfn, number as u64),
        },
    }
}

/// The refusal with these [`parts`]; `None` if there is none.
fn refusal(kind: u8, devfn: u8, detail: u64) -> Option<Refusal> {
    let low = u16::try_from(detail & 0xffff).ok()?;
    let high = u16::try_from((detail >> 16) & 0xffff).ok()?;
    let fault = match kind {
        1 => return Some(Refusal::Withdrawn),
        2 => return Some(Refusal::Mainline(Release::new(high, low))),
        3 => return Some(Refusal::KernelVerdict),
        4 => return Some(Refusal::FlagsNotGranted(AcsFlags::from_bits(low))),
        5 => return Some(Refusal::WrongType),
        6 => return Some(Refusal::OwnAcs),
        7 => return Some(Refusal::Exposed),
        8 => return Some(Refusal::Virtual),
        9 => return Some(Refusal::Gone),
        10 => return Some(Refusal::Unrecorded),
        11 => Fault::Unreadable { devfn },
        12 => Fault::Changed {
            vendor: high,
            device: low,
        },
        13 => Fault::Unaccounted,
        14 => Fault::NotCovered {
            devfn,
            vendor: high,
            device: low,
        },
        15 => Fault::HasAcs { devfn },
        16 => Fault::AcsOff { devfn },
        17 => Fault::NotFound { devfn },
        18 => Fault::Exposed { devfn },
        19 => Fault::Aliased { devfn },
        20 => Fault::Limits {
            devfn,
            excess: Excess::Class(u32::try_from(detail).ok()?),
        },
        21 => Fault::Limits {
            devfn,
            excess: Excess::Revision(u8::try_from(detail).ok()?),
        },
        22 => Fault::Limits {
            devfn,
            excess: Excess::Subsystem(high, low),
        },
        23 => Fault::Condition {
            devfn,
            number: u8::try_from(detail).ok()?,
        },
        _ => return None,
    };
    Some(Refusal::Whole(fault))
}
