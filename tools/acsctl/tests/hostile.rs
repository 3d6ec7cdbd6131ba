// SPDX-License-Identifier: GPL-2.0-only

//! Damaged captures and lspci reports: each one gives an error or an answer. `make fuzz` searches
//! further.

mod common;

use std::fs;

use acsctl::{
    host::{HostView, Source},
    listing::{Listing, filter::Filter},
    why::{explain, plan},
};
use fastrand::Rng;
use quirk_data::{
    entry::Entry,
    folder::{self, Scope},
    source,
};
use topology::names::Names;

use common::{root, tests};

/// Removes, duplicates, swaps or changes parts of a text at places with a meaning.
fn damaged(text: &str, random: &mut Rng) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..lines.len());
        match random.u8(..6) {
            0 => {
                lines.remove(at);
            }
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let other = random.usize(..lines.len());
                lines.swap(at, other);
            }
            3 => {
                let from = [
                    "00",
                    "0000",
                    "true",
                    "false",
                    "null",
                    "+",
                    "[",
                    "]",
                    ":",
                    "Root Port",
                ];
                let to = [
                    "ff",
                    "10000",
                    "01",
                    "",
                    "-1",
                    "\u{1b}[2J",
                    "99999999999",
                    "Upstream Port",
                ];
                let (from, to) = (
                    from[random.usize(..from.len())],
                    to[random.usize(..to.len())],
                );
                lines[at] = lines[at].replacen(from, to, 1 + random.usize(..3));
            }
            4 => {
                let end = random.usize(..=lines[at].chars().count());
                lines[at] = lines[at].chars().take(end).collect();
            }
            _ => {
                let digit = char::from_digit(random.u32(..16), 16).unwrap_or('0');
                let place = random.usize(..=lines[at].len());
                if lines[at].is_char_boundary(place) {
                    lines[at].insert(place, digit);
                }
            }
        }
        if lines.is_empty() {
            break;
        }
    }
    lines.join("\n")
}

/// Runs everything that a machine is used for.
fn look(text: &str, entries: &[Entry]) -> bool {
    let machine = match topology::parse("damaged", text) {
        Ok(machine) => machine,
        Err(error) => {
            let error = error.to_string();
            assert!(
                error.starts_with("damaged") && error.contains("; "),
                "{error}"
            );
            return false;
        }
    };
    let names = Names::default();
    let seen = HostView::of(&machine, entries, None);
    let listing = Listing::of(&seen, &names, &Filter::default()).expect("it is sound");
    let page = listing.html(&names, &Source::Files(Vec::new()), None);
    let page = page.expect("it is sound");
    assert!(!page.contains('\u{1b}'), "a file steers the terminal");
    let _ = (
        listing.text(),
        listing.tree(),
        listing.svg(),
        listing.json(),
    );
    for function in &machine.functions {
        let answer = explain(&seen, function.bdf, None, &names).expect("it is there");
        let text = answer.text();
        assert!(!text.contains("\u{1b}[2J"), "a file steers the terminal");
        let plan = plan(&seen, function.bdf, &names).expect("it is there");
        let text = plan.text_of(100);
        assert!(!text.contains("\u{1b}[2J"), "a file steers the terminal");
    }
    true
}

#[test]
fn damaged_input_never_panics() {
    let entries = folder::check_all(source::built_in(), Scope::now(None)).expect("it has no fault");
    for file in [
        root().join("tools/topology/tests/lspci/verbose.txt"),
        tests().join("accepted/acme/nic.capture.json"),
        root().join("tests/topologies/lenovo-2325kz5-dc5a79.json"),
    ] {
        let text = fs::read_to_string(&file).expect("it is there");
        assert!(look(&text, &entries), "the control");
        let read = (0..150)
            .filter(|&seed| look(&damaged(&text, &mut Rng::with_seed(seed)), &entries))
            .count();
        println!("{}: read {read} of 150", file.display());
        assert!((1..150).contains(&read), "{}: {read}", file.display());
    }
}
