// SPDX-License-Identifier: GPL-2.0-only

//! Tests that run on the host (`../kunit.rs`) and in the kernel's KUnit suite
//! (`tests/kernel/kunit/decision.rs`). They use `core` only.
//!
//! The module above provides `rules`, `check` (failures of a test) and `map::Map` (a map from keys
//! to values).

#[allow(dead_code, reason = "some is for tests of the host alone")]
pub(crate) mod bus;
pub(crate) mod decision;
pub(crate) mod flags;
mod prelude;
pub(crate) mod tables;
pub(crate) mod whole;
pub(crate) mod withdraw;

use super::{check, map, rules};

/// Calls the macro `$with` with the path of every test. A test that is missing here is dead code.
macro_rules! each_test {
    ($with:ident) => {
        $with! {
            decision::without_an_objection_every_function_of_the_device_is_granted,
            decision::each_objection_alone_refuses_for_its_own_reason,
            decision::of_two_objections_the_earlier_rule_speaks,
            decision::a_device_that_is_not_in_the_table_is_not_listed,
            decision::every_flag_asked_for_must_be_granted,
            decision::verdicts_are_read_as_the_kernel_means_them,
            decision::the_kernels_verdict_wins,
            decision::a_function_of_another_entry_spoils_the_device,
            flags::the_grouping_flags_are_those_of_the_kernel,
            flags::containment_is_that_of_sets,
            flags::each_kind_grants_what_the_kernel_answers_for_it,
            whole::a_device_counts_only_as_a_whole,
            whole::any_failed_read_ends_the_claim,
            whole::what_the_kernel_knows_must_answer_and_be_covered,
            tables::what_breaks_no_invariant_is_sound,
            tables::each_invariant_can_be_broken,
            tables::each_entry_has_a_number_that_was_given_out,
            withdraw::numbers_name_entries,
            withdraw::nothing_is_no_value,
            withdraw::what_is_not_understood_is_an_error,
            withdraw::a_number_that_was_never_given_out_is_an_error,
            withdraw::numbers_beyond_the_largest_count_as_withdrawn,
        }
    };
}
