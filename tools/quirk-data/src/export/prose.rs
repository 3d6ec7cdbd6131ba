// SPDX-License-Identifier: GPL-2.0-only

//! Wraps prose from entries, also in C comments.

/// The line width of the kernel's source, in columns.
pub(super) const WIDTH: usize = 80;

/// The width of a tab, in columns.
const TAB: usize = 8;

/// Wraps a text at `width` columns, where its words allow it. The first line starts with `first`,
/// the others with `rest`.
pub(crate) fn wrap(text: &str, width: usize, first: &str, rest: &str) -> Vec<String> {
    wrap_words(text.split_whitespace(), width, first, rest)
}

/// As [`wrap`], for pieces that must not be broken.
pub(super) fn wrap_words<'a>(
    words: impl Iterator<Item = &'a str>,
    width: usize,
    first: &str,
    rest: &str,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in words {
        if !empty && columns(&line) + 1 + columns(word) > width {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

/// The width of a text in columns.
pub(super) fn columns(text: &str) -> usize {
    text.chars().fold(0, |at, letter| match letter {
        '\t' => (at / TAB + 1) * TAB,
        _ => at + 1,
    })
}

/// A comment with these paragraphs, in the kernel's form for several lines.
pub(super) fn comment(indent: &str, paragraphs: &[String]) -> String {
    let mut text = format!("{indent}/*\n");
    let start = format!("{indent} * ");
    for (position, paragraph) in paragraphs.iter().enumerate() {
        if position > 0 {
            text.extend([indent, " *\n"]);
        }
        for line in wrap(paragraph, WIDTH, &start, &start) {
            text += &line;
            text.push('\n');
        }
    }
    text + indent + " */\n"
}

/// A comment on one line if the text fits, otherwise on several.
pub(super) fn short_comment(indent: &str, text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let line = format!("{indent}/* {} */", words.join(" "));
    if columns(&line) <= WIDTH {
        line + "\n"
    } else {
        comment(indent, &[text.to_owned()])
    }
}

/// The text with a full stop at its end.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?', ':']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// Checks that a text contains nothing that a mail or a source file must not contain.
///
/// # Errors
///
/// The forbidden part.
pub(super) fn check(text: &str) -> Result<(), String> {
    let is_bad = |letter: &char| {
        let direction = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        (letter.is_control() && !letter.is_whitespace()) || direction
    };
    match text.chars().find(is_bad) {
        Some(letter) => Err(format!(
            "\"{}\" holds the control character U+{:04X}",
            text.escape_debug(),
            u32::from(letter)
        )),
        None => Ok(()),
    }
}

/// As [`check`], for a text in a C comment.
///
/// # Errors
///
/// The forbidden part.
pub(crate) fn check_for_comment(text: &str) -> Result<(), String> {
    check(text)?;
    for mark in ["/*", "*/"] {
        if text.contains(mark) {
            return Err(format!("\"{text}\" holds {mark}, and no C comment can"));
        }
    }
    match text.lines().find(|line| is_of_mail(line)) {
        Some(line) => Err(format!(
            "\"{line}\" is a line of a mail or a patch, and no prose"
        )),
        None => Ok(()),
    }
}

/// Whether a line is a header or a tag of a mail, or a mark of a patch in it.
fn is_of_mail(line: &str) -> bool {
    const NAMES: [&str; 9] = [
        "cc",
        "closes",
        "date",
        "fixes",
        "from",
        "link",
        "message-id",
        "subject",
        "to",
    ];
    const MARKS: [&str; 5] = ["diff --git ", "--- ", "+++ ", "@@ ", "Index: "];
    let line = line.trim_start();
    let is_tag = line.split_once(": ").is_some_and(|(name, _)| {
        let name = name.to_ascii_lowercase();
        NAMES.contains(&&*name) || (name.ends_with("-by") && !name.contains(' '))
    });
    is_tag
        || MARKS.iter().any(|mark| line.starts_with(mark))
        || matches!(line.trim_end(), "---" | "--")
}
