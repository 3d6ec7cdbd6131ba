// SPDX-License-Identifier: GPL-2.0-only

//! A machine that comes and goes, many times. The boot bench compares the kernel's accounts before
//! and after.

use kernel::prelude::*;

use crate::{
    groups::{
        of_kernel,
        scan, //
    },
    synthetic::description::Function, //
};

/// Number of machines per run.
const CYCLES: u32 = 10;
const ADAPTER: (u16, u16) = (0x1077, 0x8030);
const MACHINE: [Function; 3] = [
    Function::root_port(0, 1, 1),
    Function::mate(1, 0, 0, ADAPTER),
    Function::mate(1, 0, 1, ADAPTER),
];

#[kunit_tests(acs_quirks_cycles)]
mod suite {
    use super::*;

    #[test]
    fn a_machine_comes_and_goes() -> Result {
        for cycle in 0..CYCLES {
            let mut machine = scan("a cycle", &MACHINE, &[])?;
            let groups = of_kernel(&mut machine)?;
            ensure!(
                groups.iter().all(|group| *group >= 0),
                "cycle {cycle}: {groups:?}"
            );
        }
        Ok(())
    }
}
