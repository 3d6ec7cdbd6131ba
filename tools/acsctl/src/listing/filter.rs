// SPDX-License-Identifier: GPL-2.0-only

//! Filters for functions, in the syntax of lspci.

use std::str::FromStr;

use topology::Function;

/// A filter for functions. Parts that are `None` match every function.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Match functions at this address.
    pub slot: Option<Slot>,
    /// Match functions with these ids.
    pub device: Option<Ids>,
    /// Match functions of this class.
    pub class: Option<Class>,
    /// List only groups with more than one function that can be passed through.
    pub shared: bool,
}

impl Filter {
    /// Whether the filter matches a function.
    #[must_use]
    pub fn takes(&self, function: &Function) -> bool {
        self.slot.is_none_or(|slot| slot.takes(function))
            && self.device.is_none_or(|ids| ids.takes(function))
            && self.class.is_none_or(|class| class.takes(function))
    }
}

/// Whether a part of a filter matches.
fn is<T: PartialEq>(asked: Option<T>, found: &T) -> bool {
    asked.is_none_or(|asked| asked == *found)
}

/// The error for a part that cannot be parsed.
struct Wrong;

/// Parses a hexadecimal part, at most `most`; empty or `*` matches any value.
fn part(text: &str, most: u32) -> Result<Option<u32>, Wrong> {
    if text.is_empty() || text == "*" {
        return Ok(None);
    }
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.len() <= 8;
    let value = u32::from_str_radix(text, 16).map_err(|_| Wrong)?;
    if is_hex && value <= most {
        Ok(Some(value))
    } else {
        Err(Wrong)
    }
}

/// An address filter: `[[[[DOMAIN]:]BUS]:][SLOT][.[FUNCTION]]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    domain: Option<u32>,
    bus: Option<u32>,
    number: Option<u32>,
    function: Option<u32>,
}

impl Slot {
    fn takes(self, function: &Function) -> bool {
        let bdf = function.bdf;
        is(self.domain, &bdf.domain.0)
            && is(self.bus, &bdf.bus.into())
            && is(self.number, &bdf.slot().into())
            && is(self.function, &bdf.function().into())
    }
}

impl FromStr for Slot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || -> Result<Self, Wrong> {
            let (place, function) = text.split_once('.').unwrap_or((text, ""));
            let mut parts = place.rsplitn(3, ':');
            let slot = parts.next().unwrap_or_default();
            let bus = parts.next().unwrap_or_default();
            let domain = parts.next().unwrap_or_default();
            Ok(Self {
                domain: part(domain, u32::MAX)?,
                bus: part(bus, 0xff)?,
                number: part(slot, 0x1f)?,
                function: part(function, 7)?,
            })
        };
        parse().map_err(|_| {
            format!(
                "\"{text}\" is not an address; write it as lspci -s does: \
                 [[[domain]:]bus]:[slot][.function], for example 82:00.0, 82: or .1"
            )
        })
    }
}

/// An id filter: `[VENDOR]:[DEVICE][:CLASS]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ids {
    vendor: Option<u32>,
    device: Option<u32>,
    class: Option<u32>,
}

impl Ids {
    fn takes(self, function: &Function) -> bool {
        let device = |asked: u32| function.devices().any(|device| u32::from(device) == asked);
        is(self.vendor, &function.vendor.0)
            && self.device.is_none_or(device)
            && self
                .class
                .is_none_or(|asked| function.class.is_some_and(|class| class.0 >> 8 == asked))
    }
}

impl FromStr for Ids {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || -> Result<Self, Wrong> {
            let mut parts = text.split(':');
            let ids = Self {
                vendor: part(parts.next().ok_or(Wrong)?, 0xffff)?,
                device: part(parts.next().ok_or(Wrong)?, 0xffff)?,
                class: part(parts.next().unwrap_or_default(), 0xffff)?,
            };
            parts.next().map_or(Ok(ids), |_| Err(Wrong))
        };
        parse().map_err(|_| {
            format!(
                "\"{text}\" are not ids; write them as lspci -d does: [vendor]:[device][:class], \
                 for example 8086:1572 or ::0200"
            )
        })
    }
}

/// A class filter: two hexadecimal digits for the base class, four for base class and sub-class,
/// six with the programming interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Class {
    value: u32,
    shift: u32,
}

impl Class {
    fn takes(self, function: &Function) -> bool {
        function
            .class
            .is_some_and(|class| class.0 >> self.shift == self.value)
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shift = match text.len() {
            2 => Some(16),
            4 => Some(8),
            6 => Some(0),
            _ => None,
        };
        let value = part(text, 0x00ff_ffff).ok().flatten();
        let class = shift.zip(value).map(|(shift, value)| Self { value, shift });
        class.ok_or_else(|| {
            format!(
                "\"{text}\" is not a class; write two, four or six hexadecimal digits, for example \
                 02 (network), 0200 (Ethernet) or 010802 (NVMe)"
            )
        })
    }
}
