// SPDX-License-Identifier: GPL-2.0-only

//! Fuzzes the readers of a copy of a host's file systems: sysfs with configuration space, procfs, and the module's files
//! in debugfs. The input is a list of files: a line `== PATH` and the content, or a line `== PATH -> TARGET` for a link.

#![no_main]

mod look;

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::{Component, Path, PathBuf},
    sync::LazyLock,
};

use acsctl::{
    doctor,
    host::{HostPaths, Snapshot},
    regroup::Plan,
};
use libfuzzer_sys::fuzz_target;
use quirk_data::{
    entry::Entry,
    folder::{self, Scope},
    source,
};

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entries = folder::check_all(source::built_in(), Scope::now(None));
    entries.expect("the data has no fault")
});

/// A folder in memory, for this process alone.
static ROOT: LazyLock<PathBuf> =
    LazyLock::new(|| format!("/dev/shm/acs-quirks-fuzz-{}", std::process::id()).into());

fuzz_target!(|bytes: &[u8]| {
    let root = ROOT.as_path();
    let _ = fs::remove_dir_all(root);
    fs::create_dir(root).expect("there is memory");
    for file in sections(bytes) {
        write(root, file);
    }
    let paths = HostPaths::below(root);
    if let Ok(host) = Snapshot::of_host(&paths) {
        let view = host.view(&ENTRIES);
        let _ = look::at(&view);
        let first = view.topology.functions[0].bdf;
        if let Ok(plan) = Plan::make(&paths, &view, first, &[].into()) {
            let _ = plan.refusal();
        }
    }
    let _ = doctor::examine(&paths);
});

/// The files of an input, each without its leading `== `.
fn sections(mut bytes: &[u8]) -> Vec<&[u8]> {
    const MARK: &[u8] = b"\n== ";
    let mut found = Vec::new();
    bytes = bytes.strip_prefix(&MARK[1..]).unwrap_or(bytes);
    while let Some(at) = bytes.windows(MARK.len()).position(|part| part == MARK) {
        found.push(&bytes[..at]);
        bytes = &bytes[at + MARK.len()..];
    }
    found.push(bytes);
    found
}

/// Writes a file or a link below `root`, unless its path leads elsewhere.
fn write(root: &Path, file: &[u8]) {
    let end = file.iter().position(|&byte| byte == b'\n');
    let (head, content) = file.split_at(end.unwrap_or(file.len()));
    let Ok(head) = std::str::from_utf8(head) else {
        return;
    };
    let (path, target) = match head.split_once(" -> ") {
        Some((path, target)) => (path, Some(target)),
        None => (head, None),
    };
    // A link may lead out of the folder, but nothing is written through it.
    let is_inside = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !is_inside {
        return;
    }
    let mut place = root.to_owned();
    let parts: Vec<_> = Path::new(path).components().collect();
    for part in &parts[..parts.len() - 1] {
        place.push(part);
        if place.is_symlink() {
            return;
        }
        let _ = fs::create_dir(&place);
    }
    place.push(parts[parts.len() - 1]);
    if place.is_symlink() {
        return;
    }
    let _ = match target {
        Some(target) => symlink(OsStr::from_bytes(target.as_bytes()), &place),
        None => fs::write(&place, content.get(1..).unwrap_or_default()),
    };
}
