// SPDX-License-Identifier: GPL-2.0-only

//! What the vendor's guide gives as examples of a statement: the check accepts each, for the ids that it names.

use std::fs;

use super::{Entry, OUR, broken_as_it_is};

/// The guide's section on statements.
fn section() -> String {
    let guide = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../Documentation/vendors-guide.md"
    );
    let guide = fs::read_to_string(guide).expect("the guide is there");
    let (_, rest) = guide.split_once("\n## 2. ").expect("the section");
    let (section, _) = rest.split_once("\n## 3. ").expect("the next section");
    section.to_owned()
}

/// The quoted sentences of the guide.
fn quotes() -> Vec<String> {
    let mut quotes: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in section().lines() {
        let Some(text) = line.strip_prefix("> ") else {
            is_open = false;
            continue;
        };
        match quotes.last_mut().filter(|_| is_open) {
            Some(quote) => {
                quote.push(' ');
                quote.push_str(text);
            }
            None => quotes.push(text.to_owned()),
        }
        is_open = true;
    }
    quotes
}

/// The findings on a validated entry of this kind, with these lines in and behind its `[[match]]`.
fn found(kind: &str, devices: &str, statement: &str) -> Vec<&'static str> {
    let entry = Entry {
        status: "validated",
        kind: &format!("\"{kind}\""),
        matches: &format!("{OUR}{devices}"),
        statement,
    };
    broken_as_it_is(&entry, None)
}

/// The condition of an entry that the end of a sentence is about.
fn condition(text: &str) -> &'static str {
    if text.contains("Relaxed Ordering in the Device Control register is off") {
        "at = \"capability:10\"\noffset = 8\nwidth = 16\nmask = \"0x0010\"\nvalue = \"0x0000\""
    } else if text.contains("bit 0 of capability:09 + 0x04 is set") {
        "at = \"capability:09\"\noffset = 4\nwidth = 8\nmask = \"0x01\"\nvalue = \"0x01\""
    } else {
        panic!("the test has no condition for {text:?}; add it")
    }
}

/// Each quoted sentence by itself, with the claim that it is for. Control: a claim of one id more, and a condition that the
/// entry lacks.
#[test]
fn each_sentence_of_the_guide_is_plain() {
    let (mut statements, mut conditions) = (0, 0);
    for quote in quotes() {
        if let Some(end) = quote.strip_prefix("... ") {
            conditions += 1;
            for start in ["do not send requests to each other", "are isolated"] {
                let statement = format!("The functions 10de:0a01 {start} {end}");
                let devices = format!(
                    "[\"0a01\"]\n[[condition]]\n{}\nabout = \"So.\"\n",
                    condition(end)
                );
                assert_eq!(
                    found("mf-endpoint", &devices, &statement),
                    [""; 0],
                    "{statement}"
                );
                assert_eq!(
                    found("mf-endpoint", "[\"0a01\"]", &statement),
                    ["statement-plain"],
                    "{statement}"
                );
            }
            continue;
        }
        statements += 1;
        let (kind, sound, wider) = if quote.contains("root ports 10de:1000 to 10de:1003") {
            ("root-port", "[\"1000-1003\"]", "[\"1000-1004\"]")
        } else if quote.contains("10de:0a01 and 10de:0a10 to 10de:0a12") {
            (
                "mf-endpoint",
                "[\"0a01\", \"0a10-0a12\"]",
                "[\"0a01\", \"0a10-0a13\"]",
            )
        } else {
            panic!("the test has no claim for {quote:?}; add it")
        };
        assert_eq!(found(kind, sound, &quote), [""; 0], "{quote}");
        assert_eq!(found(kind, wider, &quote), ["statement-ids"], "{quote}");
    }
    assert!(statements >= 2 && conditions >= 2, "the quotes are found");
}

/// The sentence of each flag, beside one with the ids, and at the ids.
#[test]
fn each_flag_of_the_guide_can_be_stated_in_its_words() {
    let section = section();
    let rows = section.lines().filter(|line| {
        let mut cells = line.split('|').skip(1);
        cells.next().is_some_and(|cell| cell.starts_with(" `"))
    });
    let mut count = 0;
    for row in rows {
        let cells: Vec<_> = row.split('|').skip(2).map(str::trim).collect();
        let kinds = [
            (cells[0], "mf-endpoint", "functions 10de:0a01", "[\"0a01\"]"),
            (cells[1], "root-port", "root ports 10de:1000", "[\"1000\"]"),
        ];
        for (cell, kind, subject, devices) in kinds {
            let sentence = cell.replace(" (endpoints only)", "").replace('`', "");
            if sentence.starts_with("never: ") {
                continue;
            }
            count += 1;
            for statement in [
                format!("The {subject} are isolated. For each of them: {sentence}."),
                format!("The {subject} are isolated, and {sentence}."),
            ] {
                assert_eq!(found(kind, devices, &statement), [""; 0], "{statement}");
            }
        }
    }
    assert!(count >= 10, "the rows are found");
}
