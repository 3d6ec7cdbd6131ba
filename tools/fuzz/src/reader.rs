// SPDX-License-Identifier: GPL-2.0-only

//! Fuzzes the reader of captures, lspci output, lists of groups and kernel logs, without the work of `capture` on what was read.
//! Any bytes must end in a refusal or in a topology that can be written, and that is the same when it is read again.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(machine) = topology::parse("capture", text) else {
        return;
    };
    let mut written = Vec::new();
    topology::write(&machine, &mut written).expect("memory takes it");
    let written = String::from_utf8(written).expect("JSON is text");
    let again = topology::parse("capture", &written).expect("what was read can be read again");
    assert_eq!(machine, again, "writing changes it");
});
