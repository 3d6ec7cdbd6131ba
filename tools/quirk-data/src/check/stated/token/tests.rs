// SPDX-License-Identifier: GPL-2.0-only

use super::{Form, Token, sentences};

/// A token in few characters: ids as `#` with their notation, marks as themselves.
fn short(token: &Token) -> String {
    match token {
        Token::Word(word) => word.clone(),
        Token::Id { form, device } => match form {
            Form::Whole(vendor) => format!("#{vendor:04x}:{device:04x}"),
            Form::Named => format!("#DEV_{device:04x}"),
            Form::Marked => format!("#0x{device:04x}"),
            Form::Mixed => format!("#mixed-{device:04x}"),
            Form::Decimal => format!("#decimal-{device:04x}"),
            Form::Letters => format!("#letters-{device:04x}"),
        },
        Token::Vendor(vendor) => format!("#VEN_{vendor:04x}"),
        Token::Dash { glued: true } => "glued-dash".to_owned(),
        Token::Dash { glued: false } => "dash".to_owned(),
        Token::Dots => "dots".to_owned(),
        Token::Comma => ",".to_owned(),
        Token::Item => "item".to_owned(),
        Token::Stop => "stop".to_owned(),
        Token::Colon => ":".to_owned(),
        Token::Open => "(".to_owned(),
        Token::Close => ")".to_owned(),
        Token::Other => "other".to_owned(),
    }
}

/// Texts with their tokens. `|` separates sentences.
fn check(texts: &[(&str, &str)]) {
    for (text, expected) in texts {
        let found = sentences(text);
        let found: Vec<String> = found
            .iter()
            .map(|sentence| sentence.iter().map(short).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(found.join(" | "), *expected, "{text:?}");
    }
}

#[test]
fn marks_are_told_apart() {
    check(&[
        ("'a' \"b\" `c` \u{2018}d\u{201f}", "a b c d"),
        ("a (b) [c] {d} <e>", "a ( b ) ( c ) ( d ) ( e )"),
        ("a, b/c & d: e = f", "a , b item c item d : e : f"),
        ("a _b + c_1", "a _b other c_1"),
        ("a\u{2026} b", "a dots b"),
        ("don't won\u{2019}t 'tis", "dont wont tis"),
        ("see https://example.org/10de:0a01, then", "see other then"),
        ("v1.2 of 0000:82:00.0 is", "v1.2 of 0000:82:00.0 is"),
        ("x:10 10:x: 10:20:", "x : 10 10:x : 10:20 :"),
    ]);
}

#[test]
fn sentences_end_only_beyond_doubt() {
    check(&[
        ("One. Two", "one | two"),
        ("One.  (Two)", "one | ( two )"),
        ("One.\nTwo! Three", "one | two | three"),
        ("One. two", "one stop two"),
        ("One. 2", "one stop 2"),
        ("One. 0A01", "one stop #mixed-0a01"),
        ("One. FACE", "one stop #letters-face"),
        ("One. -2", "one stop dash 2"),
        ("Why? Two", "why ? | two"),
        (
            "Cf. Two, e.g. Three, etc. Four",
            "cf two , e.g three , etc four",
        ),
        ("One.", "one"),
        ("(One).Two", "( one ) two"),
        ("One...", "one dots"),
        ("One... Two", "one dots two"),
        (
            "a..b a...b a....b a!!b a!",
            "a dots b a dots b a other b a other b a",
        ),
        ("a.b", "a.b"),
        ("one\ntwo", "one two"),
        ("one\n\ntwo", "one | two"),
        ("one\n \ntwo", "one | two"),
    ]);
}

#[test]
fn semicolons_separate_items_or_sentences() {
    check(&[
        ("one; two", "one , | two"),
        ("one; and two", "one , and two"),
        ("one; or two", "one , or two"),
        ("one; order two", "one , | order two"),
        ("one;\t 10de:0a01", "one , #10de:0a01"),
        ("one;", "one ,"),
    ]);
}

#[test]
fn dashes_join_what_stands_beside_them() {
    check(&[
        ("a-b", "a glued-dash b"),
        ("a\u{2013}b", "a glued-dash b"),
        ("a\u{2212}b a~b", "a glued-dash b a glued-dash b"),
        ("a - b", "a dash b"),
        ("a -b a- b", "a dash b a dash b"),
        ("a -- b", "a other b"),
        ("one -- two", "one other two"),
        ("a*b \u{2022} c", "a other b other c"),
        ("- a\n  * b\n\u{2022} c", "item a item b item c"),
        ("a -", "a dash"),
    ]);
}

#[test]
fn ids_are_found_in_each_notation() {
    check(&[
        ("10de:0a01 0x10DE:0x0A01", "#10de:0a01 #10de:0a01"),
        ("[10de:0a01] [0a01] x", "#10de:0a01 #mixed-0a01 x"),
        ("[0a01, 0a02]", "( #mixed-0a01 , #mixed-0a02 )"),
        (
            "0x0a01 0X0a01 0A01h 0a01H 8030h",
            "#0x0a01 #0x0a01 #0x0a01 #0x0a01 #0x8030",
        ),
        ("8030 face 0a01", "#decimal-8030 #letters-face #mixed-0a01"),
        (
            "ven_10de DEV_0A01 VEN_10DE&DEV_0A01",
            "#VEN_10de #DEV_0a01 #10de:0a01",
        ),
        (
            "PCI\\VEN_10DE&DEV_0A01&SUBSYS_12345678&REV_01.",
            "#10de:0a01",
        ),
        ("VEN_10DE&DEV_0A01,", "#10de:0a01 ,"),
        ("VEN_10DE DEV_0A01", "#VEN_10de #DEV_0a01"),
        ("VEN_10DE&REV_01", "#VEN_10de item rev_01"),
        ("10de:", "#mixed-10de :"),
    ]);
}

#[test]
fn parts_of_longer_words_are_no_ids() {
    check(&[
        ("0a012 0a0 x0a01 0a01x 0a01_", "0a012 0a0 x0a01 0a01x 0a01_"),
        ("10de:0a011", "10de:0a011"),
        ("0a:10de", "0a:10de"),
        ("_0a01", "_0a01"),
        ("x0a:0b01", "x0a : 0b01"),
        ("0a01:0a02:0a03", "0a01:0a02:0a03"),
        ("0a01.5 x", "0a01.5 x"),
        ("0a01.", "#mixed-0a01"),
        ("DEV_0A012 VEN_10DEx", "dev_0a012 ven_10dex"),
        ("VEN_10DE&DEV_0A01x", "ven_10de item dev_0a01x"),
        ("+0a+01 0a\u{e9}1", "other 0a other 01 0a\u{e9}1"),
    ]);
}
