// SPDX-License-Identifier: GPL-2.0-only

//! Checks vendor and device ids.

use rules::entry::Kind;
use toml::Spanned;

use super::{limits, prose};
use crate::{
    entry::{Devices, Excluded, Ids},
    finding::Notes,
    format,
    notation::{corrected, id},
    rule::Rule,
};

const SOME: &str = "list the device ids, as [\"8030-8032\", \"8040\"]";

/// The `[[match]]` sections, and the positions of their ids.
#[derive(Default)]
pub(super) struct Matched {
    pub(super) devices: Vec<Devices>,
    pub(super) excludes: Vec<Excluded>,
    /// Every claimed range, in the order of the file.
    pub(super) claimed: Vec<Spanned<Ids>>,
    /// Every excluded range, in the order of the file.
    pub(super) excluded: Vec<Spanned<Ids>>,
}

/// Reads the ids of all `[[match]]` sections and of their exclusions. An invalid id is dropped with
/// a finding.
pub(super) fn check(
    matches: &[Spanned<format::Match>],
    kinds: &[Kind],
    notes: &mut Notes<'_>,
) -> Matched {
    let mut found = Matched::default();
    for one in matches {
        let vendor = vendor(one, notes);
        let one = one.get_ref();
        let ids = devices(one.devices.as_ref(), vendor, "match.devices", notes);
        found.devices.push(Devices {
            ids: ids.iter().map(|ids| *ids.get_ref()).collect(),
            about: prose(one.about.as_ref()),
            limits: limits::check(one, kinds, notes),
        });
        found.claimed.extend(ids);
        for exclude in &one.excludes {
            let exclude = exclude.get_ref();
            let field = "match.excludes.devices";
            let mut ids = devices(exclude.devices.as_ref(), vendor, field, notes);
            for ids in ids.iter().filter(|ids| ids.get_ref().is_any()) {
                let problem = "every device cannot be left out";
                notes.add(Rule::IdAny, &ids.span(), field, problem, SOME);
            }
            ids.retain(|ids| !ids.get_ref().is_any());
            if let Some(why) = prose(exclude.why.as_ref()) {
                found.excludes.push(Excluded {
                    ids: ids.iter().map(|ids| *ids.get_ref()).collect(),
                    why,
                });
                found.excluded.extend(ids);
            }
        }
    }
    found
}

fn devices(
    value: Option<&Spanned<Vec<Spanned<String>>>>,
    vendor: Option<u16>,
    field: &str,
    notes: &mut Notes<'_>,
) -> Vec<Spanned<Ids>> {
    let Some(value) = value else {
        return Vec::new();
    };
    if value.get_ref().is_empty() {
        notes.add(Rule::ValueEmpty, &value.span(), field, "no device id", SOME);
    }
    let mut all = Vec::new();
    for range in value.get_ref() {
        if let (Some((first, last)), Some(vendor)) = (device_range(range, field, notes), vendor) {
            let ids = Ids {
                vendor,
                first,
                last,
            };
            all.push(Spanned::new(range.span(), ids));
        }
    }
    all
}

fn vendor(one: &Spanned<format::Match>, notes: &mut Notes<'_>) -> Option<u16> {
    let value = one.get_ref().vendor.as_ref()?;
    match id(value.get_ref()) {
        Some(0x0000 | 0x0001 | 0xffff) => {
            notes.add(
                Rule::IdNone,
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
            let text = value.get_ref();
            let problem = format!("\"{text}\" is not an id");
            let help = remedy(corrected(text, 4).filter(|text| id(text).is_some()));
            let place = value.span();
            notes.add(Rule::ValueForm, &place, "match.vendor", problem, help);
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
    let (Some(from), Some(to)) = (id(first), id(last)) else {
        let problem = if text.contains('-') {
            format!("\"{text}\" is not an id or a range of ids")
        } else {
            format!("\"{text}\" is not an id")
        };
        let is_any = text.trim().eq_ignore_ascii_case("any");
        let any = is_any.then(|| "any".to_owned());
        let help = remedy(any.or_else(|| corrected(text, 4)));
        notes.add(Rule::ValueForm, &value.span(), field, problem, help);
        return None;
    };
    if from > to {
        notes.add(
            Rule::RangeOrder,
            &value.span(),
            field,
            format!("the range {text} is reversed"),
            format!("write it as {last}-{first}, if that is meant"),
        );
        return None;
    }
    Some((from, to))
}

/// How to write an id or a range: as corrected, if what was meant can be read.
fn remedy(corrected: Option<String>) -> String {
    corrected.map_or_else(
        || {
            "write four lowercase hexadecimal digits without a prefix, as \"10de\", and a range with \
             a hyphen, as \"0a10-0a12\""
                .to_owned()
        },
        |text| format!("write \"{text}\", if that is meant"),
    )
}
