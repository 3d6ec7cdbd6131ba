// SPDX-License-Identifier: GPL-2.0-only

//! The kernel series that the module supports.

use rules::release::Release;

/// The list in the source tree.
const FILE: &str = include_str!("../../../scripts/supported-kernels");

/// The lines of the list: the series, and the C compiler that modules for it are built with.
fn lines() -> impl Iterator<Item = (Release, &'static str)> {
    let lines = FILE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut columns = line.split_whitespace();
        let series = columns.next()?.parse().ok()?;
        Some((series, columns.nth(1)?))
    })
}

/// The series, oldest first.
pub fn series() -> impl Iterator<Item = Release> {
    lines().map(|(series, _)| series)
}

/// The C compiler that modules for a series are built with; `None` if the series is not supported.
#[must_use]
pub fn compiler(series: Release) -> Option<&'static str> {
    lines().find_map(|(found, compiler)| (found == series).then_some(compiler))
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
