// SPDX-License-Identifier: GPL-2.0-only

//! Checks the entries in `quirks/` and stores them for the program, so that it need not read and
//! check them at each run.

use std::{env, fs, path::Path, process::ExitCode};

use quirk_data::{folder, source};

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../quirks");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = match source::read(&folder).and_then(folder::entries) {
        Ok(entries) => entries,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    let stored = serde_json::to_vec(&entries).expect("entries have a JSON form");
    fs::write(Path::new(&out).join("entries.json"), stored).expect("cargo made the folder");
    ExitCode::SUCCESS
}
