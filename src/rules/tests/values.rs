// SPDX-License-Identifier: GPL-2.0-only

//! The small values of the rules: sets, names and releases.

use rules::{
    devfns::DevfnSet,
    entry::{CatchAll, Kind, Kinds},
    release::Release,
};

#[test]
fn a_set_of_functions_holds_what_was_put_in() {
    let set: DevfnSet = [0, 63, 64, 255].into_iter().collect();
    let held: Vec<u8> = (0..=255).filter(|number| set.contains(*number)).collect();
    assert_eq!(held, [0, 63, 64, 255]);
}

#[test]
fn a_union_of_kinds_holds_what_both_hold() {
    for one in Kind::ALL {
        let set = Kinds::of(one);
        assert_eq!(set.union(set), set);
        for other in Kind::ALL.into_iter().filter(|other| *other != one) {
            let both = set.union(Kinds::of(other));
            assert_ne!(both, set);
            assert_eq!(both.union(set), both);
        }
    }
}

#[test]
fn the_names_are_those_of_the_data() {
    let kinds = Kind::ALL.map(Kind::name);
    assert_eq!(
        kinds,
        ["mf-endpoint", "root-port", "downstream-port", "rciep"]
    );
    let handlers: Vec<_> = CatchAll::ALL.into_iter().map(CatchAll::name).collect();
    assert_eq!(handlers, ["wangxun", "zhaoxin-port"]);
}

#[test]
fn a_release_is_two_numbers_of_up_to_three_digits() {
    for (text, major, minor) in [("7.2", 7, 2), ("5.10", 5, 10), ("999.999", 999, 999)] {
        assert_eq!(text.parse(), Ok(Release::new(major, minor)), "{text}");
        assert_eq!(Release::new(major, minor).to_string(), text);
    }
    for text in [
        "", "7", "7.", ".2", "7.2.1", "+7.2", "7.-2", "7.1000", "1000.2", "7.0002", "7.x", " 7.2",
    ] {
        let refused = text.parse::<Release>().expect_err(text);
        assert_eq!(
            refused.to_string(),
            "not a release; write it as 7.2",
            "{text}"
        );
    }
}
