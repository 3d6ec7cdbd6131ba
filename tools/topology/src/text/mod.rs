// SPDX-License-Identifier: GPL-2.0-only

//! The first step of reading a text: removes what terminals, mail programs, forums and editors add,
//! and keeps the numbers of the lines.
//!
//! | file | contents |
//! |---|---|
//! | `decode.rs` | bytes to characters |
//! | `markup.rs` | colours, quoting, tags |

mod decode;
mod markup;

pub(crate) use decode::decode;

/// A line of a text, without marks of quoting, colours and tags.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    /// The number of the line in the file, from 1.
    pub(crate) number: usize,
    /// The columns of white space before the text; a tab reaches to the next multiple of 8.
    pub(crate) indent: usize,
    /// The line without the white space around it.
    pub(crate) text: String,
    /// Whether a terminal broke the line at its width, so that it continues without a space.
    pub(crate) broken: bool,
}

/// The lines of a text.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    // Old Macintosh programs end a line with a carriage return alone.
    let separator = if text.contains('\n') { '\n' } else { '\r' };
    let numbered = (1..).zip(text.split(separator));
    let parts = numbered.flat_map(|(number, line)| {
        let parts = markup::parts(line.trim_end_matches('\r'));
        parts.into_iter().map(move |part| (number, part))
    });
    let mut lines: Vec<_> = parts
        .map(|(number, line)| {
            let line = markup::without(line);
            let text = line.trim();
            let before = &line[..line.len() - line.trim_start().len()];
            Line {
                number,
                indent: columns(before),
                text: text.to_owned(),
                broken: false,
            }
        })
        .collect();
    // What follows the last line end is no line, nor is an indentation without a text.
    if lines.last().is_some_and(|line| line.text.is_empty()) {
        lines.pop();
    }
    mark_broken(&mut lines);
    without_double_spacing(lines)
}

/// Quotes a text of the file for a message: shortened, without control characters.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 100;
    let shown: String = text.chars().take(SHOWN).collect();
    format!("\"{}\"", shown.escape_debug())
}

/// Whether a line is the prompt of a shell, or a line that separates the outputs of programs.
pub(crate) fn is_between_outputs(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or("");
    let is_prompt = matches!(word, "$" | "#" | "%" | "\u{276f}" | "\u{279c}")
        || word.ends_with(['$', '#']) && word.contains(['@', '~', ':']);
    let is_rule = ["___", "***", "---", "==="]
        .iter()
        .any(|begin| text.starts_with(begin));
    let after_name = text.split_once(['$', '#']).is_some_and(|(before, after)| {
        before.contains('@') && (after.is_empty() || after.starts_with(' '))
    });
    is_prompt || is_rule || after_name
}

fn columns(space: &str) -> usize {
    space.chars().fold(0, |column, c| match c {
        '\t' => (column / 8 + 1) * 8,
        _ => column + 1,
    })
}

/// Marks the lines that a terminal broke: several lines have exactly the greatest width, and text
/// without indentation follows.
fn mark_broken(lines: &mut [Line]) {
    const FEWEST: usize = 3;
    /// The usual widths of terminals.
    const WIDTHS: [usize; 5] = [80, 100, 120, 132, 160];
    let width = |line: &Line| line.indent + line.text.chars().count();
    let widest = lines.iter().map(width).max().unwrap_or(0);
    let is_followed = |at: usize| {
        let next = lines.get(at + 1);
        next.is_some_and(|next| next.indent == 0 && !next.text.is_empty())
    };
    let broken: Vec<usize> = (0..lines.len())
        .filter(|&at| width(&lines[at]) == widest && is_followed(at))
        .collect();
    if WIDTHS.contains(&widest) && broken.len() >= FEWEST {
        for at in broken {
            lines[at].broken = true;
        }
    }
}

/// The lines without the empty line that some forums and mail programs put after each line.
fn without_double_spacing(lines: Vec<Line>) -> Vec<Line> {
    const FEWEST: usize = 8;
    let filled = lines.iter().filter(|line| !line.text.is_empty()).count();
    let pairs = lines.windows(2);
    let adjacent = pairs.filter(|pair| pair.iter().all(|line| !line.text.is_empty()));
    if filled < FEWEST || adjacent.count() > 0 {
        return lines;
    }
    let mut kept: Vec<Line> = Vec::with_capacity(filled);
    let mut empty = 0;
    for line in lines {
        if line.text.is_empty() {
            empty += 1;
            // The first empty line is the addition. A further one was in the text.
            if empty == 2 {
                kept.push(line);
            }
        } else {
            empty = 0;
            kept.push(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(usize, usize, String)> {
        let lines = lines(text).into_iter();
        lines
            .map(|line| (line.number, line.indent, line.text))
            .collect()
    }

    #[test]
    fn numbers_and_indentation_are_kept() {
        let plain = of("a\n\tb\n\n    c\n");
        let expected = [(1, 0, "a"), (2, 8, "b"), (3, 0, ""), (4, 4, "c")];
        let expected = expected.map(|(number, indent, text)| (number, indent, text.to_owned()));
        assert_eq!(plain, expected);
        assert_eq!(of("a\r\n\tb\r\n\r\n    c\r\n"), expected);
        assert_eq!(of("a\r\tb\r\r    c\r"), expected);
        assert_eq!(of("> a\n> \tb\n>\n>     c\n"), expected);
        assert_eq!(of(">> a\n> > \tb\n>>\na\n")[3], (4, 0, "a".to_owned()));
        assert_eq!(of("\u{1b}[1;32ma\u{1b}[0m\n\tb\n\n\u{a0}   c\n"), expected);
    }

    #[test]
    fn double_spacing_is_undone_only_if_each_line_has_it() {
        let spaced: String = (0..9).fold(String::new(), |text, n| text + &format!("l{n}\n\n"));
        assert_eq!(of(&spaced).len(), 9);
        let more = spaced.replace("l4\n\n", "l4\n\n\n\n");
        assert_eq!(of(&more).len(), 10);
        let control = spaced.replace("l4\n\n", "l4\n");
        assert_eq!(of(&control).len(), 17);
    }
}
