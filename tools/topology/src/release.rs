// SPDX-License-Identifier: GPL-2.0-only

//! The release of a kernel version.

use rules::release::Release;

/// The release of a kernel version as printed by `uname -r`: `7.3` of `7.3.4+deb13-amd64`.
#[must_use]
pub fn release_of(version: &str) -> Option<Release> {
    let (major, rest) = version.split_once('.')?;
    let minor = rest.split('.').next()?;
    format!("{major}.{minor}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_begins_with_the_release() {
        let release = |major, minor| Some(Release::new(major, minor));
        assert_eq!(release_of("6.12.118+deb13"), release(6, 12));
        assert_eq!(release_of("7.3"), release(7, 3));
        for version in ["seven", "7", "7.", "7.x.1", "7.3-rc1"] {
            assert_eq!(release_of(version), None, "{version}");
        }
    }
}
