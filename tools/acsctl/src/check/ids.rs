// SPDX-License-Identifier: GPL-2.0-only

//! Vendor and device ids.

use std::ops::Range;

use toml::Spanned;

use super::evidence::filled;
use crate::{
    finding::Notes,
    format,
    quirk::{Devices, Excluded, Ids},
};

const SOME: &str = "list the device ids, as [\"8030-8032\", \"8040\"]";

/// Reads the ids of all `[[match]]` sections, and those that they exclude; what is wrong is left
/// out, with a finding.
pub(super) fn check(
    matches: &[Spanned<format::Match>],
    notes: &mut Notes<'_>,
) -> (Vec<Devices>, Vec<Excluded>) {
    if matches.is_empty() {
        let remedy = "write at least one [[match]] with vendor and devices";
        notes.add(&(0..0), "match", "missing", remedy);
    }
    let mut all = Vec::new();
    let mut excluded = Vec::new();
    for one in matches {
        let vendor = vendor(one, notes);
        let place = one.span();
        let field = "match.devices";
        let about = one.get_ref().about.as_ref();
        filled(about, "match.about", false, &place, notes);
        all.push(Devices {
            ids: devices(one.get_ref().devices.as_ref(), vendor, field, &place, notes),
            about: super::prose(about),
        });
        for exclude in &one.get_ref().excludes {
            let place = exclude.span();
            let exclude = exclude.get_ref();
            let field = "match.excludes.devices";
            let mut ids = devices(exclude.devices.as_ref(), vendor, field, &place, notes);
            for ids in ids.iter().filter(|ids| ids.is_any()) {
                let problem = "every device cannot be left out";
                notes.add(&ids.span, field, problem, SOME);
            }
            ids.retain(|ids| !ids.is_any());

            let field = "match.excludes.why";
            let Some(why) = &exclude.why else {
                notes.add(&place, field, "missing", "say it in a sentence");
                continue;
            };
            filled(Some(why), field, false, &place, notes);
            let why = why.get_ref().trim().to_owned();
            excluded.push(Excluded { ids, why });
        }
    }
    (all, excluded)
}

fn devices(
    value: Option<&Spanned<Vec<Spanned<String>>>>,
    vendor: Option<u16>,
    field: &str,
    place: &Range<usize>,
    notes: &mut Notes<'_>,
) -> Vec<Ids> {
    let Some(value) = value else {
        notes.add(place, field, "missing", SOME);
        return Vec::new();
    };
    if value.get_ref().is_empty() {
        notes.add(&value.span(), field, "no device id", SOME);
    }
    let mut all = Vec::new();
    for range in value.get_ref() {
        if let (Some((first, last)), Some(vendor)) = (device_range(range, field, notes), vendor) {
            all.push(Ids {
                vendor,
                first,
                last,
                span: range.span(),
            });
        }
    }
    all
}

fn vendor(one: &Spanned<format::Match>, notes: &mut Notes<'_>) -> Option<u16> {
    let Some(value) = &one.get_ref().vendor else {
        let remedy = "write the vendor id, as vendor = \"1077\"";
        notes.add(&one.span(), "match.vendor", "missing", remedy);
        return None;
    };
    match hex(value.get_ref()) {
        Some(0x0000 | 0x0001 | 0xffff) => {
            notes.add(
                &value.span(),
                "match.vendor",
                format!("{} is no vendor", value.get_ref()),
                "it is what a function that is absent or not ready reads as; write the id of the \
                 vendor",
            );
            None
        }
        Some(vendor) => Some(vendor),
        None => {
            not_hex(value, "match.vendor", value.get_ref(), notes);
            None
        }
    }
}

fn device_range(value: &Spanned<String>, field: &str, notes: &mut Notes<'_>) -> Option<(u16, u16)> {
    let text = value.get_ref();
    if text == "any" {
        return Some((u16::MIN, u16::MAX));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (Some(from), Some(to)) = (hex(first), hex(last)) else {
        let bad = if hex(first).is_some() { last } else { first };
        not_hex(value, field, bad, notes);
        return None;
    };
    if from > to {
        notes.add(
            &value.span(),
            field,
            format!("the range {text} is reversed"),
            format!("write it as {last}-{first}, if that is meant"),
        );
        return None;
    }
    Some((from, to))
}

fn not_hex(value: &Spanned<String>, field: &str, bad: &str, notes: &mut Notes<'_>) {
    notes.add(
        &value.span(),
        field,
        format!("\"{bad}\" is not an id"),
        "write four lowercase hexadecimal digits without a prefix, as 10de",
    );
}

/// Exactly four lowercase hexadecimal digits.
fn hex(text: &str) -> Option<u16> {
    let digits = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 4 || !digits {
        return None;
    }
    u16::from_str_radix(text, 16).ok()
}
