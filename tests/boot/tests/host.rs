// SPDX-License-Identifier: GPL-2.0-only

//! Messages name the host's paths, not those of the build root.

use std::{env, process::Command};

use anyhow::anyhow;
use boot::host::{shown, translated};

const FOLDERS: [(&str, &str); 2] = [
    ("/src", "/home/jo/acs quirks"),
    ("/cache", "/var/src/cache"),
];

#[test]
fn each_path_of_the_build_root_is_translated() {
    for (message, expected) in [
        (
            "guest's log: /cache/logs/guests/7.3/entry.log",
            "guest's log: /var/src/cache/logs/guests/7.3/entry.log",
        ),
        (
            "cannot read \"/cache/kernels/a\", in /src: no",
            "cannot read \"/var/src/cache/kernels/a\", in /home/jo/acs quirks: no",
        ),
        (
            "--root=/cache/tree /src/a",
            "--root=/var/src/cache/tree /home/jo/acs quirks/a",
        ),
        ("/src", "/home/jo/acs quirks"),
        ("see /cache.", "see /var/src/cache."),
        (
            "in\n/src/tests/boot:3:1: é",
            "in\n/home/jo/acs quirks/tests/boot:3:1: é",
        ),
        // Other paths.
        (
            "drivers/src/a /usr/src/linux /cached /src-old a/cache",
            "drivers/src/a /usr/src/linux /cached /src-old a/cache",
        ),
        ("~/src/a ../cache/b", "~/src/a ../cache/b"),
        ("", ""),
    ] {
        assert_eq!(translated(message, &FOLDERS), expected);
        assert_eq!(translated(message, &[]), message);
    }
}

/// `scripts/in-root.sh` sets the variables; without them, as outside the build root, nothing changes.
#[test]
fn the_error_of_a_test_has_the_paths_of_the_host() {
    const INNER: &str = "ACS_QUIRKS_TEST_INNER";
    if env::var_os(INNER).is_some() {
        let error = anyhow!("no such file").context("cannot read /cache/kernels/7.3");
        println!("{}", shown(&format!("{error:#}")));
        return;
    }
    let said = |path: Option<&str>| {
        let mut again = Command::new(env::current_exe().expect("this program is a file"));
        again.args([
            "--exact",
            "--nocapture",
            "the_error_of_a_test_has_the_paths_of_the_host",
        ]);
        again.env(INNER, "1").env_remove("ACS_QUIRKS_HOST_CACHE");
        if let Some(path) = path {
            again.env("ACS_QUIRKS_HOST_CACHE", path);
        }
        let output = again.output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let inside = said(Some("/home/jo/cache"));
    assert!(
        inside.contains("cannot read /home/jo/cache/kernels/7.3"),
        "{inside}"
    );
    assert!(inside.contains("no such file"), "{inside}");
    for none in [None, Some("")] {
        let outside = said(none);
        assert!(
            outside.contains("cannot read /cache/kernels/7.3"),
            "{outside}"
        );
    }
}
