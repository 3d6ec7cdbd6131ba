// SPDX-License-Identifier: GPL-2.0-only

//! Writes a patch as a mail in a mailbox, as `git format-patch` does and `git am` expects.

use std::{fmt, str::FromStr};

use similar::{Algorithm, ChangeTag, TextDiff};

use super::{date, error::Error, place::FILE};

/// A person with a mail address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    name: String,
    address: String,
}

impl FromStr for Person {
    type Err = Error;

    /// Reads `Name <mail>`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let is_name = |part: &str| !part.is_empty() && !part.contains(['<', '>', '"']);
        let is_word = |part: &str| is_name(part) && !part.contains([' ', '@', ',']);
        let parts = text
            .strip_suffix('>')
            .filter(|_| !text.contains(char::is_control))
            .and_then(|rest| rest.split_once('<'))
            .and_then(|(name, rest)| Some((name.trim(), rest, rest.split_once('@')?)));
        match parts {
            Some((name, address, (user, host)))
                if is_name(name) && is_word(user) && is_word(host) =>
            {
                Ok(Self {
                    name: name.to_owned(),
                    address: address.to_owned(),
                })
            }
            _ => Err(Error::Option(format!(
                "\"{text}\" is not of the form: Name <mail@example.org>"
            ))),
        }
    }
}

/// Writes `Name <mail>`.
impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.address)
    }
}

/// A mail.
pub(super) struct Mail<'a> {
    /// The sender. Without one, the mail has a placeholder that `git am` accepts.
    pub(super) from: Option<&'a Person>,
    /// The date, in the form of a mail header.
    pub(super) date: &'a str,
    /// The subject, without `[PATCH]`.
    pub(super) subject: &'a str,
    /// The commit message below the subject, with a final line feed.
    pub(super) body: &'a str,
    /// The file before the patch.
    pub(super) old: &'a str,
    /// The file after the patch.
    pub(super) new: &'a str,
}

impl fmt::Display for Mail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, body, .. } = self;
        // The fixed first line of `git format-patch`, by which file(1) and git recognise the
        // format.
        writeln!(f, "From {:040} Mon Sep 17 00:00:00 2001", 0)?;
        match self.from {
            Some(person) => writeln!(f, "From: {} <{}>", phrase(&person.name), person.address)?,
            // RFC 2606 reserves .invalid.
            None => writeln!(f, "From: author not given <author@not-given.invalid>")?,
        }
        writeln!(f, "Date: {date}")?;
        writeln!(f, "Subject: [PATCH] {}", subject(self.subject))?;
        writeln!(f, "MIME-Version: 1.0")?;
        writeln!(f, "Content-Type: text/plain; charset=UTF-8")?;
        writeln!(f, "Content-Transfer-Encoding: 8bit")?;
        writeln!(f, "\n{body}---\n{}", self.difference())?;
        write!(f, "-- \nacsctl {}\n\n", env!("CARGO_PKG_VERSION"))
    }
}

impl Mail<'_> {
    /// The summary and the diff.
    fn difference(&self) -> String {
        let diff = TextDiff::configure()
            .algorithm(Algorithm::Patience)
            .diff_lines(self.old, self.new);
        let count = |tag| {
            let changes = diff.iter_all_changes();
            changes.filter(|change| change.tag() == tag).count()
        };
        let (added, removed) = (count(ChangeTag::Insert), count(ChangeTag::Delete));
        let mut summary = " 1 file changed".to_owned();
        for (lines, what, sign) in [(added, "insertion", "(+)"), (removed, "deletion", "(-)")] {
            if lines > 0 {
                let s = if lines == 1 { "" } else { "s" };
                summary.extend([", ", &lines.to_string(), " ", what, s, sign]);
            }
        }
        let all = added + removed;
        let graph = if all <= 40 {
            "+".repeat(added) + &"-".repeat(removed)
        } else {
            let plus = (added * 40).div_ceil(all);
            "+".repeat(plus) + &"-".repeat(40 - plus)
        };
        let (old, new) = (format!("a/{FILE}"), format!("b/{FILE}"));
        format!(
            " {FILE} | {all} {graph}\n{summary}\n\ndiff --git {old} {new}\n{}",
            diff.unified_diff().context_radius(3).header(&old, &new)
        )
        .trim_end_matches('\n')
        .to_owned()
    }
}

/// Formats a subject for a header, folded if it is long.
fn subject(text: &str) -> String {
    if text.is_ascii() {
        let lines = super::prose::wrap(text, 78, "", " ");
        return lines.join("\n");
    }
    encoded(text)
}

/// Formats a name for a header (RFC 5322, section 3.2.5).
fn phrase(name: &str) -> String {
    if !name.is_ascii() {
        return encoded(name);
    }
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&byte);
    if name.bytes().all(is_plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\"))
    }
}

/// Encodes non-ASCII text for a header (RFC 2047, "Q").
fn encoded(text: &str) -> String {
    /// The longest content of an encoded word, with room for `Subject: [PATCH] ` before it.
    const MOST: usize = 75 - "=?UTF-8?q??=".len() - 17;

    let mut words = vec![String::new()];
    for letter in text.chars() {
        let mut bytes = [0; 4];
        let bytes = letter.encode_utf8(&mut bytes).bytes();
        let piece: String = bytes
            .map(|byte| match byte {
                b' ' => "_".to_owned(),
                _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                _ => format!("={byte:02X}"),
            })
            .collect();
        match words.last_mut() {
            Some(word) if word.len() + piece.len() <= MOST => word.push_str(&piece),
            _ => words.push(piece),
        }
    }
    let words = words.iter().map(|word| format!("=?UTF-8?q?{word}?="));
    words.collect::<Vec<_>>().join("\n ")
}

/// The date of the mail: the day of the statement, or the second `set`.
pub(super) fn date_of(day: &str, set: Option<u64>) -> Result<String, Error> {
    let second = set.or_else(|| date::of_day(day));
    second.and_then(date::of_mail).ok_or_else(|| {
        Error::Option(format!(
            "no mail can have the date {}; set SOURCE_DATE_EPOCH",
            set.map_or_else(
                || day.to_owned(),
                |second| format!("{second} seconds after 1970")
            )
        ))
    })
}
