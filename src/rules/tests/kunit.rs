// SPDX-License-Identifier: GPL-2.0-only

//! The tests that run in the kernel's KUnit suite too, with the kernel's map.

#[path = "common/check.rs"]
mod check;
#[path = "../../../tests/kernel/kunit/map.rs"]
mod map;
#[macro_use]
mod shared;

use ::rules;

macro_rules! run {
    ($($module:ident::$test:ident,)+) => {
        $(
            #[test]
            fn $test() -> check::Outcome {
                shared::$module::$test()
            }
        )+
    };
}

each_test!(run);
