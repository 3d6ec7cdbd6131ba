// SPDX-License-Identifier: GPL-2.0-only

//! The tests of the decision that the host runs too, in the kernel. Beside them, the ACS flags are
//! compared with the kernel's header, and the tables of the editions are tested.

use kernel::prelude::*;

#[kunit_tests(acs_quirks_decision)]
mod suite {
    use super::*;
    use crate::{
        check::{
            equal,
            Outcome, //
        },
        rules::acs::AcsFlags,
        shared::{
            decision,
            flags,
            package,
            tables,
            withdraw, //
        },
        TABLES, //
    };
    use kernel::bindings;

    /// The bits are those of the kernel's own header.
    #[test]
    fn the_bits_are_those_of_the_kernel() -> Outcome {
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
    fn the_grouping_flags_are_those_of_the_kernel() -> Outcome {
        flags::the_grouping_flags_are_those_of_the_kernel()
    }

    #[test]
    fn containment_is_that_of_sets() -> Outcome {
        flags::containment_is_that_of_sets()
    }

    #[test]
    fn each_kind_grants_what_the_kernel_answers_for_it() -> Outcome {
        flags::each_kind_grants_what_the_kernel_answers_for_it()
    }

    #[test]
    fn without_an_objection_every_function_of_the_package_is_granted() -> Outcome {
        decision::without_an_objection_every_function_of_the_package_is_granted()
    }

    #[test]
    fn each_objection_alone_refuses_for_its_own_reason() -> Outcome {
        decision::each_objection_alone_refuses_for_its_own_reason()
    }

    #[test]
    fn of_two_objections_the_earlier_rule_speaks() -> Outcome {
        decision::of_two_objections_the_earlier_rule_speaks()
    }

    #[test]
    fn a_device_that_is_not_in_the_table_is_not_listed() -> Outcome {
        decision::a_device_that_is_not_in_the_table_is_not_listed()
    }

    #[test]
    fn every_flag_asked_for_must_be_granted() -> Outcome {
        decision::every_flag_asked_for_must_be_granted()
    }

    #[test]
    fn verdicts_are_read_as_the_kernel_means_them() -> Outcome {
        decision::verdicts_are_read_as_the_kernel_means_them()
    }

    #[test]
    fn the_kernels_verdict_wins() -> Outcome {
        decision::the_kernels_verdict_wins()
    }

    #[test]
    fn a_function_of_another_entry_spoils_the_package() -> Outcome {
        decision::a_function_of_another_entry_spoils_the_package()
    }

    #[test]
    fn a_package_counts_only_as_a_whole() -> Outcome {
        package::a_package_counts_only_as_a_whole()
    }

    #[test]
    fn any_failed_read_ends_the_claim() -> Outcome {
        package::any_failed_read_ends_the_claim()
    }

    #[test]
    fn what_the_kernel_knows_must_answer_and_be_covered() -> Outcome {
        package::what_the_kernel_knows_must_answer_and_be_covered()
    }

    #[test]
    fn what_breaks_no_invariant_is_sound() -> Outcome {
        tables::what_breaks_no_invariant_is_sound()
    }

    #[test]
    fn each_invariant_can_be_broken() -> Outcome {
        tables::each_invariant_can_be_broken()
    }

    #[test]
    fn each_entry_has_a_number_that_was_given_out() -> Outcome {
        tables::each_entry_has_a_number_that_was_given_out()
    }

    #[test]
    fn numbers_name_entries() -> Outcome {
        withdraw::numbers_name_entries()
    }

    #[test]
    fn nothing_is_no_value() -> Outcome {
        withdraw::nothing_is_no_value()
    }

    #[test]
    fn what_is_not_understood_is_an_error() -> Outcome {
        withdraw::what_is_not_understood_is_an_error()
    }

    #[test]
    fn a_number_that_was_never_given_out_is_an_error() -> Outcome {
        withdraw::a_number_that_was_never_given_out_is_an_error()
    }

    #[test]
    fn numbers_beyond_the_largest_count_as_withdrawn() -> Outcome {
        withdraw::numbers_beyond_the_largest_count_as_withdrawn()
    }

    #[test]
    fn the_table_of_each_edition_is_sound() -> Outcome {
        for (edition, table) in TABLES {
            equal(edition, table.is_sound(), true)?;
        }
        Ok(())
    }

    #[test]
    fn every_entry_has_a_row() -> Outcome {
        for (edition, table) in TABLES {
            for (position, entry) in (0..).zip(table.entries) {
                let has_row = table.index.iter().any(|row| row.entry == position);
                equal(format_args!("{edition} {}", entry.name), has_row, true)?;
            }
        }
        Ok(())
    }

    #[test]
    fn lookup_finds_what_a_plain_search_finds() -> Outcome {
        for (_, table) in TABLES {
            tables::lookup_finds_what_a_plain_search_finds(table, 0x100)?;
        }
        Ok(())
    }

    #[test]
    fn each_number_can_be_withdrawn_alone() -> Outcome {
        for (_, table) in TABLES {
            withdraw::each_number_can_be_withdrawn_alone(table)?;
        }
        Ok(())
    }
}
