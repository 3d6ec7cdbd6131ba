// SPDX-License-Identifier: GPL-2.0-only

//! Why trust rule `closed` never grants functions that send under the requester ID of another one.

mod common;

use grouping::model::Function;

use common::machine::{Change as _, Machine, devfn, shared};

/// Functions 0 and 2 both send under the number of function 1, which is absent, so they have one
/// requester ID. The kernel keeps them together; if one of them were granted, it would separate
/// them.
#[test]
fn two_functions_that_send_as_a_third_are_together_until_granted() {
    let alias = [devfn(2, 1)];
    let function = |number, isolated| {
        let function = Function {
            isolated,
            ..shared(0, devfn(2, number))
        };
        function.with_aliases(&alias)
    };
    let alone = Machine(vec![function(0, false), function(2, false)]).groups();
    assert_eq!(alone[0], alone[1]);
    let granted = Machine(vec![function(0, true), function(2, true)]).groups();
    assert_ne!(granted[0], granted[1]);
}
