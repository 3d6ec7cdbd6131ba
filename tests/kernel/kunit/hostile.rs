// SPDX-License-Identifier: GPL-2.0-only

//! Unsound configuration space. It leads to a refusal or an error, and never to a claim or anything
//! worse.

use kernel::prelude::*;

use crate::{
    groups::{
        of_kernel,
        scan,
        MISSING, //
    },
    hardware::ROOT_PORT,
    synthetic::description::{
        Function,
        Patch, //
    }, //
};

/// A device with an entry in the test edition, and a device without one.
const ADAPTER: (u16, u16) = (0x1077, 0x8031);
const PLAIN: (u16, u16) = (0x1234, 0x0001);

/// A device below an isolating port.
const fn machine(ids: (u16, u16)) -> [Function; 4] {
    [
        Function::root_port(0, 1, 1),
        Function::mate(1, 0, 0, ids),
        Function::mate(1, 0, 1, ids),
        Function::mate(1, 0, 2, ids),
    ]
}

/// Indices of its functions.
const PORT: u32 = 0;
const FIRST: u32 = 1;
const LAST: u32 = 3;

/// A senseless value of a dword of one function.
struct Case {
    what: &'static str,
    function: u32,
    offset: u16,
    value: u32,
}

const fn case(what: &'static str, function: u32, offset: u16, value: u32) -> Case {
    Case {
        what,
        function,
        offset,
        value,
    }
}

/// Cases in which the device is not an adapter any more, so that the entry does not cover it.
// Two cases are missing. For a function that is not ready, the kernel waits a minute. To a port to
// bus 0, the kernel assigns a bus number, and then finds a sound device.
const BROKEN: &[Case] = &[
    case("a capability that is its own next", LAST, 0x40, 0x0000_4001),
    case("two capabilities in a circle", LAST, 0x34, 0x44),
    case("a pointer into the header", LAST, 0x34, 0x10),
    case("a pointer to the last dword", LAST, 0x34, 0xfc),
    case("no list of capabilities", LAST, 0x04, 0),
    case("all ones for a list", LAST, 0x34, u32::MAX),
    case("all ones for a capability", LAST, 0x40, u32::MAX),
    case(
        "an extended capability that is its own next",
        LAST,
        0x100,
        0x1001_0001,
    ),
    case("all ones for an extended capability", LAST, 0x100, u32::MAX),
    case(
        "an ACS capability in the last dword",
        LAST,
        0x100,
        0x0001_000d,
    ),
    case("the header of a CardBus bridge", LAST, 0x0c, 0x0082_0000),
    case("the header of a bridge", LAST, 0x0c, 0x0081_0000),
    case("a header of no type", LAST, 0x0c, 0x00ff_0000),
    case("an endpoint without a class", FIRST, 0x0c, 0x0001_0000),
    case("function 0 says that it is alone", FIRST, 0x0c, 0),
    case("function 0 is absent", FIRST, 0x00, 0),
    case("a port to a bus before it", PORT, 0x18, 0x0000_0100),
    case("a port to no bus", PORT, 0x18, 0x00ff_00ff),
    case("a port with the header of an endpoint", PORT, 0x0c, 0),
    case(
        "a port with the header of a CardBus bridge",
        PORT,
        0x0c,
        0x0002_0000,
    ),
    case("a port of all ones", PORT, 0x0c, u32::MAX),
];

/// The kernel's groups of a device with these ids and this patch. `None` if the kernel refuses the
/// bus.
fn groups(what: &str, ids: (u16, u16), patch: Patch) -> Result<Option<KVVec<i32>>> {
    let Ok(mut machine) = scan(what, &machine(ids), &[patch]) else {
        return Ok(None);
    };
    of_kernel(&mut machine).map(Some)
}

#[kunit_tests(acs_quirks_grouping_hostile)]
mod suite {
    use super::*;
    use crate::{
        check::equal,
        edition,
        groups::check,
        TEST_EDITION, //
    };

    /// The reference for the other tests.
    #[test]
    fn the_sound_device_is_taken_apart() -> Result {
        let apart = [0, 1, 2, 3];
        let together = [0, 1, 1, 1];
        let expected = if edition() == TEST_EDITION {
            &apart
        } else {
            &together
        };
        check("with an entry", &machine(ADAPTER), expected)?;
        check("without", &machine(PLAIN), &together)
    }

    #[test]
    fn what_makes_no_sense_makes_no_claim() -> Result {
        for case in BROKEN {
            let patch = Patch::Dword {
                function: case.function,
                offset: case.offset,
                value: case.value,
            };
            equal(
                case.what,
                groups(case.what, ADAPTER, patch)?.as_deref(),
                groups(case.what, PLAIN, patch)?.as_deref(),
            )?;
        }
        Ok(())
    }

    /// A function stops answering at some read of the scan or of a decision. Earlier claims stay,
    /// and no further claim is made. If the kernel has not found the function, there is nothing to
    /// check.
    #[test]
    fn silence_makes_no_claim() -> Result {
        // A sound function answers about a hundred reads.
        const ENOUGH: u32 = 250;
        for function in [FIRST, LAST] {
            let mut claimed = 0;
            for from in (0..ENOUGH).step_by(5) {
                let patch = Patch::Silent { function, from };
                let found = groups("silence", ADAPTER, patch)?;
                let without = groups("silence", PLAIN, patch)?;
                let (found, without) = (found.as_deref(), without.as_deref());
                let is_missing = |groups: &&[i32]| groups.contains(&MISSING);
                if found.as_ref().is_some_and(is_missing)
                    || without.as_ref().is_some_and(is_missing)
                {
                    continue;
                }
                if found == without {
                    equal("claimed with fewer reads", claimed, 0)?;
                    continue;
                }
                ensure!(
                    edition() == TEST_EDITION,
                    "a claim without an entry: {found:?}"
                );
                equal("whole without a claim", without, Some(&[0, 1, 1, 1]))?;
                let last = found.and_then(|groups| groups.iter().copied().max());
                let claims = last.map_or(0, |last| last - 1);
                ensure!(
                    claims >= claimed,
                    "function {function} silent from read {from} on: fewer claims: {found:?}"
                );
                claimed = claims;
            }
            let expected = if edition() == TEST_EDITION { 2 } else { 0 };
            equal("functions that are split off in the end", claimed, expected)?;
        }
        Ok(())
    }

    /// If a port stops answering, so do the functions below it.
    #[test]
    fn a_silent_port_is_no_error() -> Result {
        for from in (0..100).step_by(3) {
            let silent = Patch::Silent {
                function: PORT,
                from,
            };
            groups("a silent port", ADAPTER, silent)?;
        }
        Ok(())
    }

    /// A chain of ports. The kernel's scan is recursive: a hundred ports overflow its stack.
    #[test]
    fn depth_is_no_error() -> Result {
        const DEPTH: u8 = 24;
        let mut functions: KVVec<Function> = KVVec::new();
        for bus in 0..DEPTH {
            let port = Function::port(bus, 0, ROOT_PORT, bus + 1, DEPTH).isolating();
            functions.push(port, GFP_KERNEL)?;
        }
        functions.push(Function::endpoint(DEPTH, 0, 0, ADAPTER), GFP_KERNEL)?;
        let mut expected = KVVec::new();
        for group in 0..=DEPTH {
            expected.push(i32::from(group), GFP_KERNEL)?;
        }
        check("ports below ports", &functions, &expected)
    }
}
