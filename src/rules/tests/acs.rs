// SPDX-License-Identifier: GPL-2.0-only

//! ACS flags: their text form, and that an unknown flag is never granted.

use rules::acs::AcsFlags;

#[test]
fn flags_print_their_abbreviations_in_register_order() {
    for (bits, text) in [
        (0x0000, "none"),
        (0x0001, "SV"),
        (0x001d, "SV RR CR UF"),
        (0x005f, "SV TB RR CR UF DT"),
        (0x007f, "SV TB RR CR UF EC DT"),
        (0x0080, "0x80"),
        (0x8001, "SV 0x8000"),
        (0xffff, "SV TB RR CR UF EC DT 0xff80"),
    ] {
        assert_eq!(AcsFlags::from_bits(bits).to_string(), text);
    }
}

#[test]
fn the_grouping_flags_are_those_of_the_kernel() {
    assert_eq!(AcsFlags::GROUPING.bits(), 0x1d);
}

#[test]
fn containment_is_that_of_sets() {
    for a in 0..=0xff_u16 {
        for b in 0..=0xff_u16 {
            let [left, right] = [a, b].map(AcsFlags::from_bits);
            assert_eq!(left.contains(right), b & !a == 0);
            assert_eq!(left.union(right).bits(), a | b);
        }
    }
    assert!(!AcsFlags::from_bits(0x7f).contains(AcsFlags::from_bits(0x101)));
}
