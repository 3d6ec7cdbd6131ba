// SPDX-License-Identifier: GPL-2.0-only

//! Refuses copies of a text whose lines are not those of the text: line ends that are written out, a mail's encoding,
//! the difference of two texts. Read as they are, they lack functions or mix two states of a machine.

use super::is_of_machine;
use crate::{
    Error, lspci,
    text::{Line, quoted},
};

/// A form of such a copy.
struct Copy {
    what: &'static str,
    remedy: &'static str,
    finds: fn(&[Line]) -> Option<&Line>,
}

const COPIES: [Copy; 4] = [
    Copy {
        what: "has line ends that are written as \"\\n\"",
        remedy: "turn them into lines: with jq -r from JSON, otherwise with printf '%b' \"$(cat FILE)\"",
        finds: |lines| lines.iter().find(|line| is_escaped(&line.text)),
    },
    Copy {
        what: "is encoded as a mail (quoted-printable)",
        remedy: "save the text that the mail program shows, or decode it with \
                 perl -MMIME::QuotedPrint -pe '$_ = decode_qp($_)'",
        finds: |lines| lines.iter().find(|line| is_encoded(&line.text)),
    },
    Copy {
        what: "is encoded as a mail (base64)",
        remedy: "save the text that the mail program shows",
        finds: |lines| {
            let mark = "content-transfer-encoding: base64";
            let mut marks = lines
                .iter()
                .filter(|line| line.text.eq_ignore_ascii_case(mark));
            let is_read = || lines.iter().any(|line| is_of_machine(&line.text));
            marks.next().filter(|_| !is_read())
        },
    },
    Copy {
        what: "is of a difference between two texts (diff), which mixes both",
        remedy: "give the whole text of one side",
        finds: difference,
    },
];

/// # Errors
///
/// The first line that shows such a form.
pub(super) fn check(name: &str, lines: &[Line]) -> Result<(), Error> {
    let found = COPIES
        .iter()
        .find_map(|copy| Some((copy, (copy.finds)(lines)?)));
    found.map_or(Ok(()), |(copy, line)| {
        let problem = format!("{}: {}", copy.what, quoted(&line.text));
        Err(Error::at(name, "", problem, copy.remedy).on_line(line.number))
    })
}

/// Whether a line has line ends that are written out, as in JSON and for a shell, and a line of a machine between them.
fn is_escaped(text: &str) -> bool {
    let is_mark = |c: char| c.is_whitespace() || "\"'`[](){},$\\".contains(c);
    text.contains("\\n")
        && text
            .split("\\n")
            .any(|part| is_of_machine(part.replace("\\t", " ").trim_matches(is_mark)))
}

/// Whether a line is encoded as quoted-printable: an equals sign is written as `=3D`, a long line ends in one, and
/// white space at an end of a line is written out.
fn is_encoded(text: &str) -> bool {
    /// The lengths of lines that are broken; the longest one that the encoding allows is 76.
    const BROKEN: std::ops::RangeInclusive<usize> = 40..=76;
    let is_value = |c: char| c.is_ascii_alphanumeric() || "\"'[<(/".contains(c);
    // "secondary=3D" in a text in capitals is a bus number, which a comma follows.
    let mut equals = text.match_indices("=3D");
    let is_broken = text.ends_with('=') && !text.ends_with("==") && text.contains(' ');
    // A line of a mail's head has its own form.
    if text.contains("=?") {
        return false;
    }
    equals.any(|(at, sign)| text[at + sign.len()..].starts_with(is_value))
        || is_broken && BROKEN.contains(&text.chars().count())
        || ["=09", "=20"].iter().any(|space| text.starts_with(space))
        || ["=C2=A0", "=E2=80="].iter().any(|mark| text.contains(mark))
}

/// The first line that shows a difference of two texts about a machine, and not of two source files.
fn difference(lines: &[Line]) -> Option<&Line> {
    // Lists have such marks, too, but one for each level.
    let changed = |mark: char| {
        lines.iter().find(move |line| {
            let rest = line.text.strip_prefix(mark).map(str::trim_start);
            let is_known = |rest: &str| is_of_machine(rest) || lspci::is_detail(rest);
            line.indent == 0 && rest.is_some_and(is_known)
        })
    };
    let head = lines.iter().find(|line| {
        let text = line.text.as_str();
        text.starts_with("@@ -") && text[4..].contains(" @@") || text == "***************"
    });
    let is_changed = || {
        ['-', '+', '!']
            .into_iter()
            .any(|mark| changed(mark).is_some())
    };
    let is_other = |text: &str| text.strip_prefix('<').is_some_and(is_of_machine);
    let is_of_words = |text: &str| text.contains("-]{+") && text.contains("+}");
    let by_itself = |line: &&Line| is_of_words(&line.text) || is_other(&line.text);
    head.filter(|_| is_changed())
        .or_else(|| lines.iter().find(by_itself))
        .or_else(|| changed('+').and(changed('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_print_is_no_copy() {
        for (text, expected) in [
            ("a\\n00:1f.0 ISA bridge: B\\n", true),
            ("\"\\tIOMMU group: 1\\n\",", true),
            ("echo -e \"\\nIOMMU Group ${g##*/}:\"", false),
            ("C:\\new\\00:1f.0", false),
        ] {
            assert_eq!(is_escaped(text), expected, "{text}");
        }
        for (text, expected) in [
            ("Bus: primary=3D00, secondary=3D01", true),
            ("=09Kernel driver in use: pcieport", true),
            ("BUS: PRIMARY=00, SECONDARY=3D, SUBORDINATE=3D", false),
            (
                "====================================================",
                false,
            ),
            ("GRUB_CMDLINE_LINUX=", false),
            (
                "From: =?UTF-8?q?M=C3=BCller=20und=E2=80=99s=20Sohn?= <a@b.c>",
                false,
            ),
            (
                "01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GP107 [GeForce=",
                true,
            ),
        ] {
            assert_eq!(is_encoded(text), expected, "{text}");
        }
    }
}
