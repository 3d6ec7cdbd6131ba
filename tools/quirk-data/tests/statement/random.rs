// SPDX-License-Identifier: GPL-2.0-only

//! Random claims and texts.

use proptest::prelude::*;

use super::{IDS, validated};

/// Ranges of one vendor that do not touch, ascending.
fn ranges() -> impl Strategy<Value = Vec<(u16, u16)>> {
    let gaps = prop::collection::vec((3_u16..300, 0_u16..20), 1..6);
    (0x0100_u16..0xf000, gaps).prop_map(|(mut next, gaps)| {
        let one = |(gap, length)| {
            let first = next + gap;
            next = first + length;
            (first, next)
        };
        gaps.into_iter().map(one).collect()
    })
}

fn shown((first, last): (u16, u16)) -> String {
    if first == last {
        format!("{first:04x}")
    } else {
        format!("{first:04x}-{last:04x}")
    }
}

fn claim(ranges: &[(u16, u16)]) -> String {
    let ranges: Vec<_> = ranges
        .iter()
        .map(|&one| format!("\"{}\"", shown(one)))
        .collect();
    format!("[{}]", ranges.join(", "))
}

fn statement(ranges: &[(u16, u16)]) -> String {
    let ranges: Vec<_> = ranges
        .iter()
        .map(|&one| format!("10de:{}", shown(one)))
        .collect();
    format!("The functions {} are isolated.", ranges.join(", "))
}

proptest! {
    // A failure is printed and leaves no file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The project's own notation of a claim names exactly that claim.
    #[test]
    fn the_projects_own_notation_states_exactly_what_it_shows(
        ranges in ranges(), at in any::<prop::sample::Index>(), up in any::<bool>(),
    ) {
        let stated = statement(&ranges);
        prop_assert_eq!(validated(&claim(&ranges), &stated), [""; 0]);
        let mut wider = ranges;
        let one = at.index(wider.len());
        if up {
            wider[one].1 += 1;
        } else {
            wider[one].0 -= 1;
        }
        prop_assert_eq!(validated(&claim(&wider), &stated), [IDS]);
    }

    /// An id whose digits are not in a text is never named by it, and no text causes a panic.
    #[test]
    fn nothing_states_an_id_that_is_not_there(
        words in prop::collection::vec(
            prop_oneof![
                Just("10de:0a10"), Just("0a12"), Just("0x0a14"), Just("to"), Just("-"), Just(","),
                Just("and"), Just("device ID"), Just("functions"), Just("but not"), Just("("),
                Just(")"), Just("VEN_10DE&DEV_0A16"), Just(".."), Just("The"), Just(". The"),
                Just("8086:0a10"), Just("requests from"), Just("\n- "), Just("is excluded"),
                Just("\u{e9}"), Just("\u{2013}"),
            ],
            0..24,
        ),
    ) {
        let text = format!("x {}", words.join(" "));
        for id in ["0a0f", "0a17"] {
            prop_assert!(validated(&format!("[\"{id}\"]"), &text).contains(&IDS), "{}", text);
        }
    }
}
