// SPDX-License-Identifier: GPL-2.0-only

//! Reads the kernel's names of ids from `include/linux/pci_ids.h`.

use std::path::Path;

use super::{
    code::{Code, number},
    error::Error,
};

/// The path below the root of the kernel's source.
const FILE: &str = "include/linux/pci_ids.h";

/// The kernel's names of vendor and device ids.
pub(super) struct Names {
    /// Name and value, in the order of the file.
    all: Vec<(String, u16)>,
}

impl Names {
    /// Reads the names in a kernel's source.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`]; [`Error::Unexpected`] if there is no vendor name.
    pub(super) fn read(source: &Path) -> Result<Self, Error> {
        let code = Code::read(&source.join(FILE))?;
        let all: Vec<_> = code
            .mask
            .lines()
            .filter_map(|line| {
                let mut words = line.trim_start().strip_prefix('#')?.split_whitespace();
                let ("define", name, value) = (words.next()?, words.next()?, words.next()?) else {
                    return None;
                };
                Some((name.to_owned(), number(value)?))
            })
            .collect();
        if !all.iter().any(|(name, _)| is_vendor(name)) {
            return Err(code.unexpected("looked for #define PCI_VENDOR_ID_... and found none"));
        }
        Ok(Self { all })
    }

    /// The value of a token in the table: a name, or a number.
    pub(super) fn value(&self, token: &str) -> Option<u16> {
        let known = self.all.iter().find(|(name, _)| name == token);
        known.map(|&(_, value)| value).or_else(|| number(token))
    }

    /// The C form of a vendor id: a name that `used` already contains, otherwise the first name,
    /// otherwise the number.
    pub(super) fn vendor(&self, vendor: u16, used: &Code) -> String {
        let names = || {
            let of_vendor = self.all.iter().filter(|&&(_, value)| value == vendor);
            of_vendor
                .map(|(name, _)| name)
                .filter(|name| is_vendor(name))
        };
        let everywhere = 0..used.mask.len();
        names()
            .find(|name| used.words(name, everywhere.clone()).next().is_some())
            .or_else(|| names().next())
            .cloned()
            .unwrap_or_else(|| format!("0x{vendor:04x}"))
    }
}

fn is_vendor(name: &str) -> bool {
    name.starts_with("PCI_VENDOR_ID_")
}
