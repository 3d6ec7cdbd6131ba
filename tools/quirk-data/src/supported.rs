// SPDX-License-Identifier: GPL-2.0-only

//! The kernel series that the module supports.

use rules::release::Release;

/// The list in the source tree.
const FILE: &str = include_str!("../../../scripts/supported-kernels");

/// The series, oldest first.
pub fn series() -> impl Iterator<Item = Release> {
    let lines = FILE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_whitespace().next()?.parse().ok())
}

/// The oldest series.
#[must_use]
pub fn oldest() -> Option<Release> {
    series().next()
}

/// Whether a kernel version, such as `7.3.4`, belongs to a supported series.
#[must_use]
pub fn is_supported(version: &str) -> bool {
    topology::release_of(version).is_some_and(|release| series().any(|one| one == release))
}
