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

/// An address as programs print it: `82:00.5` or `0000:82:00.5`, in upper or lower case. Programs leave no
/// digit out, so with fewer digits something is cut off, and with more in front something is added.
pub(crate) fn shown(text: &str) -> Option<Bdf> {
    let digits: Vec<_> = text.split([':', '.']).map(str::len).collect();
    let is_whole = match digits[..] {
        [2, 2, 1] => true,
        [domain, 2, 2, 1] => (4..=8).contains(&domain),
        _ => false,
    };
    is_whole.then(|| short(text)).flatten()
}

/// What a word of a text shows of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    /// A whole address, perhaps with marks around it.
    Address(Bdf),
    /// An address with wrong, missing or added characters.
    Damaged,
    /// What an address may begin with, and also a time or another number: `0a:0`.
    Part,
    /// Nothing.
    Other,
}

/// What a word shows of an address.
pub(crate) fn word(text: &str) -> Word {
    /// As many characters may be no digits: a scanner or a hand changes few.
    const WRONG: usize = 2;
    let is_mark = |c: char| !c.is_alphanumeric();
    let begin = text.trim_start_matches(is_mark);
    let plain = begin.trim_end_matches(is_mark);
    let plain = match plain.get(..4) {
        Some(pci) if pci.eq_ignore_ascii_case("pci:") => &plain[4..],
        _ => plain,
    };
    if let Some(bdf) = shown(plain) {
        return Word::Address(bdf);
    }
    // What is taken for another character, or is that of another keyboard.
    let normal: String = begin
        .chars()
        .map(|c| match c {
            ';' | '\u{ff1a}' | '\u{ff1b}' | '\u{fe55}' | '\u{2236}' => ':',
            ',' | '\u{2024}' | '\u{ff0e}' | '\u{ff0c}' | '\u{3002}' | '\u{b7}' => '.',
            'O' | 'o' | '\u{41e}' | '\u{43e}' => '0',
            '\u{430}' => 'a',
            '\u{435}' => 'e',
            '\u{441}' => 'c',
            'I' | 'i' | 'l' | '|' | '!' => '1',
            _ => c,
        })
        .collect();
    let normal = normal.trim_end_matches(|c| is_mark(c) && c != ':' && c != '.');
    let parts: Vec<_> = normal.split(':').collect();
    let is_number = |part: &str, digits: std::ops::RangeInclusive<usize>| {
        digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let wrong = normal
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() && !c.is_ascii_hexdigit());
    let is_numeric = wrong.count() <= WRONG
        && normal.bytes().filter(u8::is_ascii_hexdigit).count() >= 2
        && normal.contains(|c: char| c.is_ascii_digit());
    if !is_numeric {
        return Word::Other;
    }
    let is_domain = |part: &str| is_number(part, 4..=8);
    let with_function = |rest: &str| {
        let (slot, function) = rest.split_once('.')?;
        let function = function.trim_end_matches(is_mark);
        Some(is_number(slot, 1..=3) && is_number(function, 1..=2))
    };
    match parts[..] {
        // A word of a time has two digits in front.
        [domain, bus, rest] if is_number(domain, 3..=8) && is_number(bus, 1..=3) => {
            match with_function(rest) {
                Some(true) => Word::Damaged,
                _ if is_domain(domain) && is_number(rest.trim_end_matches('.'), 0..=3) => {
                    Word::Part
                }
                _ => Word::Other,
            }
        }
        // The second colon is lost.
        [domain, rest]
            if is_domain(domain)
                && rest.split_once('.').is_some_and(|(place, function)| {
                    is_number(place, 2..=5) && is_number(function, 1..=2)
                }) =>
        {
            Word::Damaged
        }
        [bus, rest] if is_number(bus, 1..=3) && with_function(rest) == Some(true) => Word::Damaged,
        // The last mark is another one, or is lost.
        [domain, bus, slot, function]
            if is_domain(domain)
                && is_number(bus, 2..=2)
                && is_number(slot, 2..=2)
                && is_number(function, 1..=1) =>
        {
            Word::Damaged
        }
        // "Code:" and "ide2:" have other letters.
        [domain, bus]
            if domain.len() == 4
                && begin.starts_with(domain)
                && domain.bytes().all(|byte| byte.is_ascii_hexdigit())
                && domain.contains(|c: char| c.is_ascii_digit())
                && is_number(bus, 0..=2) =>
        {
            Word::Part
        }
        [bus, rest] | [bus, rest, ""]
            if is_number(bus, 2..=2) && is_number(rest.trim_end_matches('.'), 0..=3) =>
        {
            Word::Part
        }
        [bus, slot, function]
            if is_number(bus, 2..=2) && is_number(slot, 2..=2) && is_number(function, 1..=1) =>
        {
            Word::Part
        }
        _ => Word::Other,
    }
}

/// Whether a text has only digits and marks of addresses, and a digit.
pub(crate) fn is_rest(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_hexdigit() || ":., ".contains(c);
    text.contains(|c: char| c.is_ascii_hexdigit()) && text.chars().all(is_part)
}

/// The whole address in a word.
pub(crate) fn in_word(text: &str) -> Option<Bdf> {
    match word(text) {
        Word::Address(bdf) => Some(bdf),
        _ => None,
    }
}

/// The words of a text that may be addresses: marks of lists, quotes and paths separate them.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    let is_between = |c: char| c.is_whitespace() || "/'\"()[]{}<>=`*\u{2026}".contains(c);
    text.split(is_between).flat_map(|part| {
        // A comma may also stand for the point.
        let is_whole = !part.contains(',') || word(part) != Word::Other;
        let parts: Vec<_> = if is_whole {
            vec![part]
        } else {
            part.split(',').collect()
        };
        parts
    })
}

/// The same, with digits left out.
fn short(text: &str) -> Option<Bdf> {
    let (place, function) = text.split_once('.')?;
    let mut places = place.rsplit(':');
    let (slot, bus) = (places.next()?, places.next()?);
    let domain = places.next().unwrap_or("0");
    if places.next().is_some() {
        return None;
    }
    of_numbers([domain, bus, slot, function], 16)
}

/// The address with these numbers.
fn of_numbers([domain, bus, slot, function]: [&str; 4], radix: u32) -> Option<Bdf> {
    let number = |text: &str, digits: usize, most: u32| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = u32::from_str_radix(text, radix).ok()?;
        (is_number && text.len() <= digits && value <= most).then_some(value)
    };
    let small = |text, most| u8::try_from(number(text, 3, most)?).ok();
    Some(Bdf {
        domain: Domain(number(domain, 8, u32::MAX)?),
        bus: small(bus, 0xff)?,
        devfn: (small(slot, 0x1f)? << 3) | small(function, 7)?,
    })
}

/// The address in a path, an option or a name.
fn of_part(text: &str) -> Option<Bdf> {
    let plain = text.rsplit('/').next()?.rsplit('=').next()?;
    let plain = plain.trim_matches(['"', '\'', '[', ']', ' ']);
    if let Some(parts) = plain.strip_prefix("pci_") {
        let parts: Vec<_> = parts.split('_').collect();
        return of_numbers(parts.try_into().ok()?, 16);
    }
    if let Some(parts) = plain.strip_prefix("pci:") {
        // Xorg writes decimal numbers, and the domain behind the bus.
        let (bus, rest) = parts.split_once(':')?;
        let (slot, function) = rest.split_once(':')?;
        let (bus, domain) = bus.split_once('@').unwrap_or((bus, "0"));
        return of_numbers([domain, bus, slot, function], 10);
    }
    short(plain).or_else(|| short(&format!("{plain}.0")))
}

impl Bdf {
    /// Parses an address as people write it: `82:00.5`, `0000:82:00.5`, `82:00` (function 0), with
    /// digits left out as in `1:0.0`, `pci_0000_82_00_5` as libvirt does, `PCI:130:0:5` as Xorg does,
    /// a path in sysfs that ends in an address, or an option that contains one (`host=82:00.5`).
    ///
    /// # Errors
    ///
    /// A message for a text in which there is no address.
    pub fn written(text: &str) -> Result<Self, String> {
        let lower = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let found = || lower.split(',').find_map(of_part);
        found().ok_or_else(|| {
            format!(
                "\"{text}\" is not an address; write it as lspci does: [domain:]bus:device.function, \
                 for example 82:00.5 or 0000:82:00.5"
            )
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_shows_an_address_or_what_is_left_of_one() {
        let bdf = shown("0000:0a:00.1").expect("it is an address");
        for text in [
            "0a:00.1",
            "0000:0A:00.1",
            "**0a:00.1**",
            "`0a:00.1`",
            "[0a:00.1]:",
            "PCI:0a:00.1",
            "\u{2192}0a:00.1,",
        ] {
            assert_eq!(word(text), Word::Address(bdf), "{text}");
        }
        for text in [
            "0a:00,1",
            "Oa:OO.1",
            "OOOO:Oa:OO.1",
            "0000:0a:00:1",
            "0000;0a:00.1",
            "0a\u{ff1a}00.1",
            "0g:00.1",
            "a:0.1",
            "0000:0a:00.12",
            "0000:0a00.1",
        ] {
            assert_eq!(word(text), Word::Damaged, "{text}");
        }
        for text in [
            "0a:0",
            "0a:00",
            "0a:00.",
            "0000:0a",
            "0000:0a:",
            "0000:0a:0\u{2026}",
            "0a:00:1",
            "12:30",
        ] {
            assert_eq!(word(text), Word::Part, "{text}");
        }
        // The controls: ids, times, and other words with these marks.
        for text in [
            "1022:1483",
            "10:11:01",
            "10:11:01.001",
            "aa:bb:cc:dd:ee:ff",
            "e.g.",
            "0600]:",
            "(rev",
            "5.10",
        ] {
            assert_eq!(word(text), Word::Other, "{text}");
        }
        let found: Vec<_> = words("(0a:00.1,0b:00.0) **0a:00,1** x").map(word).collect();
        assert_eq!(
            found
                .iter()
                .filter(|one| matches!(one, Word::Address(_)))
                .count(),
            2
        );
        assert!(found.contains(&Word::Damaged));
    }

    #[test]
    fn people_write_addresses_in_many_ways() {
        let expected = Ok("0000:0a:00.1".to_owned());
        for text in [
            "0000:0a:00.1",
            "0A:00.1",
            "a:0.1",
            "pci_0000_0a_00_1",
            "PCI:10:0:1",
            "/sys/bus/pci/devices/0000:0a:00.1/",
            "/sys/devices/pci0000:00/0000:00:01.0/0000:0a:00.1",
            "vfio-pci,host=0a:00.1",
            "host=0a:00.1,multifunction=on",
            " 0a:00.1 ",
        ] {
            let found = Bdf::written(text).map(|bdf| bdf.to_string());
            assert_eq!(found, expected, "{text}");
        }
        let whole = Bdf::written("10000:E1:00").map(|bdf| bdf.to_string());
        assert_eq!(whole.as_deref(), Ok("10000:e1:00.0"));
        for text in [
            "",
            "0a",
            "0a:20.1",
            "0a:00.8",
            "100:00.0.",
            "0a:00.1x",
            "1:2:3:4.5",
            "+a:0.1",
        ] {
            assert!(Bdf::written(text).is_err(), "{text}");
        }
    }
}
