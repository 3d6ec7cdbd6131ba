// SPDX-License-Identifier: GPL-2.0-only

//! How entries write numbers and places, as text.

use rules::{condition::Place, limits::Class};

/// Reads exactly `count` lowercase hexadecimal digits, eight at most.
pub(crate) fn digits(text: &str, count: usize) -> Option<u32> {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != count || !text.bytes().all(is_digit) {
        return None;
    }
    u32::from_str_radix(text, 16).ok()
}

/// Reads a vendor or device id: `10de`.
pub(crate) fn id(text: &str) -> Option<u16> {
    u16::try_from(digits(text, 4)?).ok()
}

/// Reads a class code, with or without the programming interface: `0200` or `010802`.
pub(crate) fn class(text: &str) -> Option<Class> {
    match text.len() {
        4 => id(text).map(Class::Subclass),
        _ => digits(text, 6).map(Class::Interface),
    }
}

/// Reads a revision or a range of them, in any order: `03` or `03-ff`.
pub(crate) fn revisions(text: &str) -> Option<(u8, u8)> {
    let revision = |text| u8::try_from(digits(text, 2)?).ok();
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((revision(first)?, revision(last)?))
}

/// Reads the vendor and device id of a subsystem: `1028:0010`.
pub(crate) fn subsystem(text: &str) -> Option<(u16, u16)> {
    let (vendor, device) = text.split_once(':')?;
    Some((id(vendor)?, id(device)?))
}

/// Reads the base of an offset: `config`, `capability:10` or `extended:000b`.
pub(crate) fn place(text: &str) -> Option<Place> {
    if text == "config" {
        return Some(Place::Config);
    }
    match text.split_once(':')? {
        ("capability", id) => Some(Place::Capability(u8::try_from(digits(id, 2)?).ok()?)),
        ("extended", text) => Some(Place::Extended(id(text)?)),
        _ => None,
    }
}

/// The notation of entries for an id or a range that is written in another common notation: with a
/// prefix, in capitals, with spaces, or with another mark between first and last. `count` is the
/// number of digits. `None` if the text is no such id or range.
pub(crate) fn corrected(text: &str, count: usize) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let marks = ["..=", "...", "..", "–", "—", " to ", " through ", "-"];
    let mark = marks.into_iter().find(|mark| text.contains(mark));
    let ends = mark.and_then(|mark| text.split_once(mark));
    let one = |text: &str| {
        let text = text.trim();
        // A vendor id before the device id.
        let text = match text.split_once(':') {
            Some((vendor, device)) if count == 4 && id(vendor).is_some() => device,
            _ => text,
        };
        let text = text.strip_prefix("0x").unwrap_or(text);
        let text = text.strip_suffix('h').unwrap_or(text);
        let padded = format!("{text:0>count$}");
        (!text.is_empty() && digits(&padded, count).is_some()).then_some(padded)
    };
    let Some((first, last)) = ends else {
        return one(&text);
    };
    let (from, to) = (one(first)?, one(last)?);
    // A short end of a range stands for its last digits: "0a10-12".
    let short = last.trim();
    let to = match from.get(..count.saturating_sub(short.len())) {
        Some(start) if to < from => one(&format!("{start}{short}")).unwrap_or(to),
        _ => to,
    };
    Some(format!("{from}-{to}"))
}

/// The notation of entries for a class that is written with a prefix or in capitals.
pub(crate) fn corrected_class(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_prefix("0x").unwrap_or(&text);
    class(text).map(|_| text.to_owned())
}

/// The notation of entries for the base of an offset whose id is written in another common notation.
pub(crate) fn corrected_place(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let (kind, id) = text.split_once(':').unwrap_or((&text, ""));
    let corrected = match kind.trim() {
        "capability" => format!("capability:{}", corrected(id, 2)?),
        "extended" => format!("extended:{}", corrected(id, 4)?),
        kind => kind.to_owned(),
    };
    place(&corrected).map(|_| corrected)
}

/// Reads the bits of a register, with all digits of its width: `0x00ff`.
pub(crate) fn bits(text: &str, width: u8) -> Option<u32> {
    digits(text.strip_prefix("0x")?, usize::from(width / 4))
}
