// SPDX-License-Identifier: GPL-2.0-only

//! Handlers with one check removed or changed. The comparison of answers must detect each.

/// A changed handler.
pub(crate) struct Mutant {
    /// The whole file.
    pub(crate) text: String,
    /// The change.
    pub(crate) about: String,
}

/// Every mutant of the code that a patch adds: each check removed as a whole and in parts, each
/// device and each flag.
pub(crate) fn all(patched: &str, handler: &str) -> Vec<Mutant> {
    let start = patched
        .find(&format!("static int {handler}("))
        .expect("there is such a handler");
    let end = start + patched[start..].find("\n}\n").expect("it has an end");
    let body = &patched[start..end];
    let mut mutants = Vec::new();
    let mut change = |at: usize, length: usize, new: &str| {
        let old = &patched[at..at + length];
        mutants.push(Mutant {
            text: [&patched[..at], new, &patched[at + length..]].concat(),
            about: format!("{handler}(): {:?} becomes {new:?}", old.trim()),
        });
    };

    // The checks, as a whole and in parts.
    for (found, _) in body.match_indices("if (") {
        let open = start + found + "if ".len();
        let close = open + closing(&patched[open..]);
        let statement = close + patched[close..].find(';').expect("a statement") + 1;
        let parts = parts(&patched[open + 1..close - 1]);
        if parts.len() > 1 {
            change(start + found, statement - (start + found), ";");
        }
        for (at, length) in parts {
            change(open + 1 + at, length, "0");
        }
    }
    // The devices.
    let is_told_by_switch = patched.contains(&format!("PCI_ANY_ID, {handler} }}"));
    let labels = body.match_indices("\tcase ").map(|(at, _)| at);
    let default = body
        .match_indices("\tdefault:\n\t\treturn -ENOTTY;")
        .map(|(at, _)| (at + 1, "break"));
    for at in labels {
        let length = body[at..].find(':').expect("a label") + 1;
        change(start + at, length, "");
    }
    for (at, new) in default.filter(|_| is_told_by_switch) {
        let at = start + at + "default:\n\t\t".len();
        change(at, "return -ENOTTY".len(), new);
    }
    for (at, row) in patched.match_indices(&format!(", {handler} }}")) {
        let line = patched[..at].rfind('\n').expect("not the first line") + 1;
        change(line, at + row.len() + 1 - line, "");
    }
    // The flags.
    for (at, _) in body.match_indices("PCI_ACS_") {
        let length = body[at..].find([' ', ')']).expect("it ends");
        change(start + at, length, "0");
    }
    mutants
}

/// The length of a text up to and including the bracket that closes its first one.
fn closing(text: &str) -> usize {
    let mut depth = 0_i32;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    panic!("no bracket closes: {text}");
}

/// The positions of the comparisons in a condition, without the brackets around them.
fn parts(condition: &str) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    for part in condition.split("||").flat_map(|part| part.split("&&")) {
        let mut text = part.trim();
        while text.starts_with('(') && (is_open(text) || closing(text) == text.len()) {
            text = text[1..].trim_start();
        }
        while text.matches(')').count() > text.matches('(').count() {
            text = text[..text.len() - 1].trim_end();
        }
        let offset = text.as_ptr() as usize - condition.as_ptr() as usize;
        parts.push((offset, text.len()));
    }
    parts
}

fn is_open(text: &str) -> bool {
    text.matches('(').count() > text.matches(')').count()
}
