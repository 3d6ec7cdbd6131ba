// SPDX-License-Identifier: GPL-2.0-only

//! Releases of the kernel.

use std::{fmt, str::FromStr};

/// A release of the kernel, or the series that begins with it: `7.2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Release {
    major: u16,
    minor: u16,
}

impl Release {
    /// The release of a kernel with this version: `7.3` of `7.3.4`.
    #[must_use]
    pub fn of_version(version: &str) -> Option<Self> {
        let mut parts = version.split('.');
        let (major, minor) = (parts.next()?, parts.next()?);
        format!("{major}.{minor}").parse().ok()
    }
}

/// The text is not a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoRelease;

impl fmt::Display for NoRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a release; write it as 7.2")
    }
}

impl std::error::Error for NoRelease {}

/// Reads `7.2`: two numbers of up to three digits.
impl FromStr for Release {
    type Err = NoRelease;

    fn from_str(text: &str) -> Result<Self, NoRelease> {
        let number = |part: &str| {
            let is_number = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| is_number).ok_or(NoRelease)
        };
        let (major, minor) = text.split_once('.').ok_or(NoRelease)?;
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
