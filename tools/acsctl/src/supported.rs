// SPDX-License-Identifier: GPL-2.0-only

//! The kernel series that the module is made for.

use crate::release::Release;

/// The file that says so.
const FILE: &str = include_str!("../../../scripts/supported-kernels");

/// The series, oldest first.
pub fn series() -> impl Iterator<Item = Release> {
    let lines = FILE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.trim().parse().ok())
}

/// Whether a kernel of this version, as `7.3.4`, is of one of them.
#[must_use]
pub fn is_supported(version: &str) -> bool {
    let mut parts = version.split('.');
    let (Some(major), Some(minor)) = (parts.next(), parts.next()) else {
        return false;
    };
    let release = format!("{major}.{minor}").parse();
    release.is_ok_and(|release: Release| series().any(|one| one == release))
}
