// SPDX-License-Identifier: GPL-2.0-only

//! Addresses of functions.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::hex;

/// The address of a function: domain, bus, and device and function number. Written and sorted as
/// `0000:82:00.5`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bdf {
    /// PCI domain (segment); above ffffh behind a VMD.
    pub domain: Domain,
    /// Bus number.
    pub bus: u8,
    /// Device number in bits 7 to 3, function number in bits 2 to 0.
    pub devfn: u8,
}

impl Bdf {
    /// The device number.
    #[must_use]
    pub const fn slot(self) -> u8 {
        self.devfn >> 3
    }

    /// The function number.
    #[must_use]
    pub const fn function(self) -> u8 {
        self.devfn & 7
    }

    /// The domain and number of the function's bus.
    #[must_use]
    pub const fn bus(self) -> (Domain, u8) {
        (self.domain, self.bus)
    }
}

impl fmt::Display for Bdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (domain, bus) = (self.domain, self.bus);
        write!(
            f,
            "{domain}:{bus:02x}:{:02x}.{}",
            self.slot(),
            self.function()
        )
    }
}

impl FromStr for Bdf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parts(text).ok_or_else(|| {
            format!("\"{text}\" is not an address; write it as domain:bus:device.function, as in 0000:82:00.5")
        })
    }
}

fn parts(text: &str) -> Option<Bdf> {
    let (domain, rest) = text.split_once(':')?;
    let (bus, rest) = rest.split_once(':')?;
    let (slot, function) = rest.split_once('.')?;
    let small = |text, digits, most| {
        let value = hex::parse(text, digits)?;
        u8::try_from(value).ok().filter(|&value| value <= most)
    };
    Some(Bdf {
        domain: domain.parse().ok()?,
        bus: small(bus, 2, 0xff)?,
        devfn: (small(slot, 2, 0x1f)? << 3) | small(function, 1, 7)?,
    })
}

/// A PCI domain (segment), written with at least four hexadecimal digits.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(pub u32);

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

impl FromStr for Domain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.len().clamp(4, 8);
        hex::parse(text, digits).map(Self).ok_or_else(|| {
            format!("\"{text}\" is not a domain; write it with four hexadecimal digits or more")
        })
    }
}

impl JsonSchema for Bdf {
    fn schema_name() -> Cow<'static, str> {
        "function".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The address of a function: domain, bus, device and function number.",
            "pattern": "^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]$",
        })
    }
}

macro_rules! text {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

text!(Bdf Domain);
