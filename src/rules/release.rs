// SPDX-License-Identifier: GPL-2.0-only

//! Kernel releases.

use core::{fmt, str::FromStr};

/// A kernel release, such as `7.2`, without its stable updates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Release {
    major: u16,
    minor: u16,
}

impl Release {
    /// The release `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// The major number.
    pub const fn major(self) -> u16 {
        self.major
    }

    /// The minor number.
    pub const fn minor(self) -> u16 {
        self.minor
    }

    /// The release of a `LINUX_VERSION_CODE` (`KERNEL_VERSION()` in `linux/version.h`).
    pub const fn from_version_code(code: u32) -> Self {
        let [_, minor, low, high] = code.to_le_bytes();
        Self {
            major: u16::from_le_bytes([low, high]),
            minor: minor as u16,
        }
    }

    /// Whether this release is older than `other`.
    pub const fn is_before(self, other: Self) -> bool {
        self.major < other.major || (self.major == other.major && self.minor < other.minor)
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

impl core::error::Error for NoRelease {}

/// Reads `7.2`: two numbers of up to three digits.
impl FromStr for Release {
    type Err = NoRelease;

    fn from_str(text: &str) -> Result<Self, NoRelease> {
        let (major, minor) = text.split_once('.').ok_or(NoRelease)?;
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

fn number(part: &str) -> Result<u16, NoRelease> {
    let is_number = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    part.parse().ok().filter(|_| is_number).ok_or(NoRelease)
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
