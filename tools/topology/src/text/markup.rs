// SPDX-License-Identifier: GPL-2.0-only

//! Removes colours, marks of quoting, and tags of forums from a line.

/// Characters that take no place.
const INVISIBLE: [char; 7] = [
    '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{2060}', '\u{feff}', '\u{ad}',
];

/// Tags whose markup is removed. lspci itself prints `<access denied>`, `<TAbort-` and `[size=16M]`.
const TAGS: [&str; 31] = [
    "pre",
    "code",
    "icode",
    "quote",
    "spoiler",
    "blockquote",
    "br",
    "p",
    "div",
    "span",
    "tt",
    "kbd",
    "samp",
    "font",
    "color",
    "details",
    "summary",
    "noparse",
    "noformat",
    "a",
    "b",
    "em",
    "i",
    "li",
    "ol",
    "mark",
    "strong",
    "u",
    "ul",
    "html",
    "body",
];

const ENTITIES: [(&str, &str); 12] = [
    ("&#60;", "<"),
    ("&#x3c;", "<"),
    ("&#x3C;", "<"),
    ("&#62;", ">"),
    ("&#x3e;", ">"),
    ("&#x3E;", ">"),
    ("&nbsp;", " "),
    ("&gt;", ">"),
    ("&lt;", "<"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&amp;", "&"),
];

/// The parts of a line that other marks than a line feed end, as in a page, or in a text with ends of lines
/// of several systems.
pub(super) fn parts(line: &str) -> Vec<&str> {
    const BREAKS: [&str; 7] = ["<br>", "<br/>", "<br />", "<BR>", "&#10;", "&#xa;", "&#xA;"];
    let mut parts: Vec<&str> = line
        .split(['\r', '\u{b}', '\u{85}', '\u{2028}', '\u{2029}'])
        .collect();
    for mark in BREAKS {
        // What follows a mark at the end of a line is no line.
        let broken = |part: &&'_ str| part.contains(mark);
        if parts.iter().any(broken) {
            parts = parts
                .into_iter()
                .flat_map(|part| part.strip_suffix(mark).unwrap_or(part).split(mark))
                .collect();
        }
    }
    parts
}

/// The line without such additions.
pub(super) fn without(line: &str) -> String {
    // syslog writes the escape character of a colour so.
    let mut line = uncoloured(&line.replace("#033[", "\u{1b}["));
    if line.contains('&') {
        for (entity, text) in ENTITIES {
            line = line.replace(entity, text);
            line = line.replace(&entity.to_uppercase(), text);
        }
    }
    line = unescaped(&line);
    for (open, close) in [('<', '>'), ('[', ']'), ('{', '}')] {
        line = untagged(&line, open, close);
    }
    let line = unquoted(&line);
    let trimmed = line.trim();
    for fence in ["```", "~~~"] {
        if let Some(rest) = trimmed.strip_prefix(fence) {
            // The name of a language may follow.
            let rest = rest.trim_matches('`').trim();
            let is_name = !rest.contains([':', ' ']);
            return if is_name {
                String::new()
            } else {
                rest.to_owned()
            };
        }
    }
    let line = line.trim_end().trim_end_matches("```");
    let indent = line.len() - line.trim_start().len();
    // A line in one pair of backticks, or the first or last line of several in one pair. A line that
    // has more of them is prose with a quoted word.
    let inner = &line[indent..];
    let bare = inner.strip_prefix('`').unwrap_or(inner);
    let bare = bare.strip_suffix('`').unwrap_or(bare);
    if bare.contains('`') {
        return line.to_owned();
    }
    format!("{}{bare}", &line[..indent])
}

/// Removes the backslashes that Markdown has before brackets and other marks: `\[0600\]`.
fn unescaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut left = line.chars().peekable();
    while let Some(c) = left.next() {
        let is_mark = |next: &char| "[]()<>*_#`~".contains(*next);
        if c != '\\' || !left.peek().is_some_and(is_mark) {
            text.push(c);
        }
    }
    text
}

/// Removes control sequences and turns every kind of space into a plain one.
fn uncoloured(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut left = line.chars().peekable();
    while let Some(c) = left.next() {
        match c {
            '\u{1b}' => match left.next() {
                Some('[') => {
                    let _ = left.find(|c| ('\u{40}'..='\u{7e}').contains(c));
                }
                Some(']') => {
                    let _ = left.find(|c| matches!(c, '\u{7}' | '\u{9c}'));
                }
                Some('(' | ')' | '#') => {
                    let _ = left.next();
                }
                _ => {}
            },
            '\u{9b}' => {
                let _ = left.find(|c| ('\u{40}'..='\u{7e}').contains(c));
            }
            '\t' => text.push('\t'),
            c if INVISIBLE.contains(&c) => {}
            c if c.is_whitespace() => text.push(' '),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    // What is left of a colour when the escape character was lost.
    while let Some((start, end)) = colour(&text) {
        text.replace_range(start..end, "");
    }
    text
}

/// The place of the first `[1;31m`.
fn colour(text: &str) -> Option<(usize, usize)> {
    text.match_indices('[').find_map(|(start, _)| {
        let rest = &text[start + 1..];
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';')?;
        rest[end..]
            .starts_with(['m', 'M'])
            .then_some((start, start + end + 2))
    })
}

/// Removes the known tags in these brackets.
fn untagged(line: &str, open: char, close: char) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(open) {
        let inner = &rest[start + 1..];
        let end = inner.find(close);
        let is_tag = end.is_some_and(|end| {
            // "[b0]" is the place of a capability.
            let tag = inner[..end].trim_matches('/');
            let stop = tag.find([' ', '/', '=', ':']);
            let name = tag[..stop.unwrap_or(tag.len())].to_ascii_lowercase();
            TAGS.contains(&name.as_str())
        });
        match end {
            Some(end) if is_tag => {
                text.push_str(&rest[..start]);
                rest = &inner[end + 1..];
            }
            _ => {
                text.push_str(&rest[..=start]);
                rest = inner;
            }
        }
    }
    text + rest
}

/// Removes the marks of quoting: `> `, `>> `, `> > `, `| `.
fn unquoted(line: &str) -> &str {
    let mut line = line;
    loop {
        let trimmed = line.trim_start();
        let is_tree = |rest: &str| rest.trim_start().starts_with(['+', '-', '\\']);
        let rest = match trimmed.chars().next() {
            Some('>') => trimmed.strip_prefix('>'),
            Some('|') => trimmed.strip_prefix('|').filter(|rest| {
                let is_empty_cell =
                    rest.trim_start().starts_with('|') && rest.trim_end().ends_with('|');
                rest.starts_with([' ', '\t']) && !is_tree(rest) && !is_empty_cell
            }),
            _ => None,
        };
        match rest {
            Some(rest) => line = rest.strip_prefix(' ').unwrap_or(rest),
            None => return line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn one_pair_of_backticks_may_span_lines() {
        let first = without("`IOMMU Group 0 00:00.0 Host bridge");
        assert_eq!(first, "IOMMU Group 0 00:00.0 Host bridge");
        assert_eq!(
            without("IOMMU Group 1 00:01.0 x`"),
            "IOMMU Group 1 00:01.0 x"
        );
        // The control: prose with a quoted address is no function.
        let prose = "`00:01.0` is the card";
        assert_eq!(without(prose), prose);
    }

    #[test]
    fn additions_are_removed_and_the_output_of_lspci_is_not() {
        for (line, expected) in [
            ("\u{1b}[1m00:1f.0\u{1b}[0m ISA", "00:1f.0 ISA"),
            ("[1;31m00:1f.0[0m ISA", "00:1f.0 ISA"),
            ("00:1f.0\u{a0}ISA\u{200b}", "00:1f.0 ISA"),
            ("[code]00:1f.0 ISA", "00:1f.0 ISA"),
            ("{code:none}00:1f.0 ISA{code}", "00:1f.0 ISA"),
            ("<b><a href=\"x\">00:1f.0</a></b> ISA", "00:1f.0 ISA"),
            ("<pre class=\"x\">00:1f.0 ISA</pre>", "00:1f.0 ISA"),
            ("&gt; 00:1f.0&nbsp;ISA", "00:1f.0 ISA"),
            ("```text", ""),
            ("```", ""),
            ("```00:1f.0 ISA: x", "00:1f.0 ISA: x"),
            ("  `00:1f.0 ISA`", "  00:1f.0 ISA"),
            ("> > \tFlags: x", "\tFlags: x"),
            ("| 00:1f.0 ISA", "00:1f.0 ISA"),
            (
                "00:1f.0 ISA bridge \\[0601\\]: x \\[8086:a305\\]",
                "00:1f.0 ISA bridge [0601]: x [8086:a305]",
            ),
        ] {
            assert_eq!(without(line), expected, "{line:?}");
        }
        for line in [
            "\tCapabilities: <access denied>",
            "\tStatus: >TAbort- <TAbort- <MAbort- >SERR-",
            "\tMemory at fe00 (32-bit) [size=16M]",
            "\tCapabilities: [40] Express",
            "\tCapabilities: [b0] Express",
            " |  +-01.0",
        ] {
            assert_eq!(without(line), line);
        }
    }
}
