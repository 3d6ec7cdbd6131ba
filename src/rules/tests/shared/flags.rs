// SPDX-License-Identifier: GPL-2.0-only

//! Sets of ACS flags, and that an unknown flag is never granted.

use super::{
    prelude::*,
    rules::{
        acs::AcsFlags,
        entry::{Kind, Kinds},
    },
};

pub(crate) fn the_grouping_flags_are_those_of_the_kernel() -> Outcome {
    equal("bits", AcsFlags::GROUPING.bits(), 0x1d)
}

pub(crate) fn containment_is_that_of_sets() -> Outcome {
    for a in 0..=0xff_u16 {
        for b in 0..=0xff_u16 {
            let [left, right] = [a, b].map(AcsFlags::from_bits);
            equal(
                format_args!("contains of {a:#x}, {b:#x}"),
                left.contains(right),
                b & !a == 0,
            )?;
            equal(
                format_args!("union of {a:#x}, {b:#x}"),
                left.union(right).bits(),
                a | b,
            )?;
            equal(
                format_args!("intersection of {a:#x}, {b:#x}"),
                left.intersection(right).bits(),
                a & b,
            )?;
        }
    }
    let [named, one_more] = [0x7f, 0x101].map(AcsFlags::from_bits);
    equal("one more bit", named.contains(one_more), false)?;
    equal(
        "a bit without a name",
        AcsFlags::from_bits(0x8000).bits(),
        0x8000,
    )
}

/// No kind grants P2P Egress Control or an unknown flag.
pub(crate) fn each_kind_grants_what_the_kernel_answers_for_it() -> Outcome {
    for (kind, bits) in [
        (Kind::MfEndpoint, 0x5f),
        (Kind::RootPort, 0x1d),
        (Kind::DownstreamPort, 0x1d),
        (Kind::RcEndpoint, 0x1d),
    ] {
        let grants = kind.grantable();
        equal(kind.name(), grants.bits(), bits)?;
        equal(kind.name(), Kinds::of(kind).grantable(), grants)?;
    }
    Ok(())
}
