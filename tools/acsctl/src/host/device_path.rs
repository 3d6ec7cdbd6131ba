// SPDX-License-Identifier: GPL-2.0-only

//! Device paths: names of functions that stay the same when the bus numbers change.

use std::{fmt, str::FromStr};

use topology::Bdf;

use super::{HostPaths, names, text};

/// A function named by the way to it, as in the kernel's parameters (`pci=config_acs=` in
/// `Documentation/admin-guide/kernel-parameters.txt`): `0000:00:1c.4/00.0` is function 00.0 below the port 0000:00:1c.4.
/// An address alone is such a path, too. It may be followed by `=` and the vendor and device of the function:
/// `0000:00:1c.4/00.0=144d:a808`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DevicePath {
    text: String,
    first: Bdf,
    /// Slot and function, bus by bus.
    below: Vec<(u8, u8)>,
    ids: Option<String>,
}

impl FromStr for DevicePath {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let (path, ids) = match written.split_once('=') {
            Some((path, ids)) if is_ids(ids) => (path, Some(ids.to_ascii_lowercase())),
            _ => (written, None),
        };
        // A path in sysfs names its last function by its address.
        let (first, below) = match path.split_once('/') {
            Some((first, below)) if !first.is_empty() => (first, below.split('/').collect()),
            _ => (path, Vec::new()),
        };
        let bad = |part: &&str| {
            format!("\"{written}\": \"{part}\" is not device.function, for example 00.0")
        };
        Ok(Self {
            text: written.to_owned(),
            first: Bdf::written(first)?,
            below: (below.iter())
                .map(|part| place(part).ok_or_else(|| bad(part)))
                .collect::<Result<_, _>>()?,
            ids,
        })
    }
}

impl fmt::Display for DevicePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl DevicePath {
    /// The path of a function that is present, without its ids. Otherwise its address.
    #[must_use]
    pub fn of(paths: &HostPaths, bdf: Bdf) -> Self {
        let folder = paths.device(bdf).unwrap_or_default();
        let parts = folder.iter().filter_map(|part| part.to_str()?.parse().ok());
        let all: Vec<Bdf> = parts.collect();
        let first = all.first().copied().unwrap_or(bdf);
        let below: Vec<_> = (all.iter().skip(1))
            .map(|bdf| (bdf.slot(), bdf.function()))
            .collect();
        let rest = below
            .iter()
            .map(|(slot, function)| format!("/{slot:02x}.{function}"));
        Self {
            text: format!("{first}{}", rest.collect::<String>()),
            first,
            below,
            ids: None,
        }
    }

    /// The function's present address.
    ///
    /// # Errors
    ///
    /// Why the path leads to no function, or not to that with these ids.
    pub fn find(&self, paths: &HostPaths) -> Result<Bdf, String> {
        let mut found = self.first;
        if !paths.function(found).exists() {
            return Err("there is no such function".to_owned());
        }
        for &(slot, function) in &self.below {
            let folder = paths.device(found).unwrap_or_default();
            let mut below = names(&folder)
                .into_iter()
                .flat_map(|name| name.parse::<Bdf>());
            let is_next = |bdf: &Bdf| (bdf.slot(), bdf.function()) == (slot, function);
            found = below
                .find(is_next)
                .ok_or_else(|| format!("there is no such function below {found}"))?;
        }
        let id = |name| text(&paths.function(found).join(name)).unwrap_or_default();
        let ids = [id("vendor"), id("device")].map(|id| id.trim_start_matches("0x").to_owned());
        match &self.ids {
            Some(wanted) if *wanted != ids.join(":") => {
                Err(format!("{found} has the ids {}", ids.join(":")))
            }
            _ => Ok(found),
        }
    }
}

/// Whether the text is `144d:a808`.
fn is_ids(text: &str) -> bool {
    let is_id = |id: &str| id.len() == 4 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split_once(':')
        .is_some_and(|(vendor, device)| is_id(vendor) && is_id(device))
}

/// Slot and function of `1c.4`.
fn place(text: &str) -> Option<(u8, u8)> {
    let (slot, function) = text.split_once('.')?;
    let number = |text: &str, most| u8::from_str_radix(text, 16).ok().filter(|it| *it <= most);
    Some((number(slot, 0x1f)?, number(function, 7)?))
}
