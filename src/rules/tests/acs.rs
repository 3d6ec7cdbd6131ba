// SPDX-License-Identifier: GPL-2.0-only

//! The text form of ACS flags. `shared/flags.rs` tests them as sets.

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
