// SPDX-License-Identifier: GPL-2.0-only

//! The tests of the decision that the host runs too. Beside them, the ACS flags are compared with
//! the kernel's header, and the tables of the editions are tested.

use kernel::prelude::*;

use crate::shared::{
    decision,
    flags,
    tables,
    whole,
    withdraw, //
};

macro_rules! list {
    ($($module:ident::$test:ident,)+) => {
        &[$((stringify!($test), $module::$test)),+]
    };
}

type Test = fn() -> Result;

/// The tests that the host runs too, by name.
const SHARED: &[(&str, Test)] = each_test!(list);

#[kunit_tests(acs_quirks_decision)]
mod suite {
    use super::*;
    use crate::{
        check::{
            equal,
            failure, //
        },
        rules::acs::AcsFlags,
        TABLES, //
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
    fn what_the_host_tests_too() -> Result {
        let mut outcome = Ok(());
        for (name, test) in SHARED {
            if test().is_err() {
                outcome = Err(failure(format_args!("{name} has failed")));
            }
        }
        outcome
    }

    #[test]
    fn the_table_of_each_edition_is_sound() -> Result {
        for (edition, table) in TABLES {
            equal(edition, table.is_sound(), true)?;
        }
        Ok(())
    }

    #[test]
    fn every_entry_has_a_row() -> Result {
        for (edition, table) in TABLES {
            for (position, entry) in (0..).zip(table.entries) {
                let has_row = table.index.iter().any(|row| row.entry == position);
                equal(format_args!("{edition} {}", entry.name), has_row, true)?;
            }
        }
        Ok(())
    }

    #[test]
    fn lookup_finds_what_a_plain_search_finds() -> Result {
        for (_, table) in TABLES {
            tables::lookup_finds_what_a_plain_search_finds(table, 0x100)?;
        }
        Ok(())
    }

    #[test]
    fn each_number_can_be_withdrawn_alone() -> Result {
        for (_, table) in TABLES {
            withdraw::each_number_can_be_withdrawn_alone(table)?;
        }
        Ok(())
    }
}
