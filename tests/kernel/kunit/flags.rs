// SPDX-License-Identifier: GPL-2.0-only

//! Sets of ACS flags.

use kernel::prelude::*;

#[kunit_tests(acs_quirks_flags)]
mod suite {
    use super::*;
    use crate::{
        check::equal,
        rules::{
            acs::AcsFlags,
            entry::Kind, //
        }, //
    };
    use kernel::bindings;

    /// The bits are those of the kernel's own header.
    #[test]
    fn the_bits_are_those_of_the_kernel() -> Result {
        let named = [
            ("SV", bindings::PCI_ACS_SV),
            ("TB", bindings::PCI_ACS_TB),
            ("RR", bindings::PCI_ACS_RR),
            ("CR", bindings::PCI_ACS_CR),
            ("UF", bindings::PCI_ACS_UF),
            ("EC", bindings::PCI_ACS_EC),
            ("DT", bindings::PCI_ACS_DT),
        ];
        for ((name, flag), (expected, bits)) in AcsFlags::NAMED.into_iter().zip(named) {
            equal("name", name, expected)?;
            equal(name, u32::from(flag.bits()), bits)?;
        }
        Ok(())
    }

    #[test]
    fn a_set_contains_what_it_was_made_of() -> Result {
        for (one, first) in AcsFlags::NAMED {
            for (two, second) in AcsFlags::NAMED {
                let both = first.union(second);
                ensure!(both.contains(first), "{one} and {two} lack {one}");
                ensure!(both.contains(second), "{one} and {two} lack {two}");
                equal(one, first.contains(second), one == two)?;
                let common = first.intersection(second);
                equal(one, common, if one == two { first } else { AcsFlags::NONE })?;
            }
        }
        Ok(())
    }

    /// An unknown flag is never granted.
    #[test]
    fn bits_without_a_name_are_kept() -> Result {
        let unknown = AcsFlags::from_bits(0x8000);
        for kind in Kind::ALL {
            ensure!(
                !kind.grantable().contains(unknown),
                "{} has it",
                kind.name()
            );
        }
        equal("bits", unknown.bits(), 0x8000)
    }

    #[test]
    fn no_kind_grants_egress_control() -> Result {
        for kind in Kind::ALL {
            let name = kind.name();
            let grants = kind.grantable();
            ensure!(!grants.contains(AcsFlags::EC), "{name} grants it");
            ensure!(grants.contains(AcsFlags::GROUPING), "{name} is of no use");
        }
        Ok(())
    }
}
