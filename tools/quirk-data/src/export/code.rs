// SPDX-License-Identifier: GPL-2.0-only

//! Reads C source just well enough to find functions, arrays and labels by their structure.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use super::error::Error;

/// A C source file.
pub(super) struct Code {
    /// The path, for messages.
    pub(super) path: PathBuf,
    /// The text.
    pub(super) text: String,
    /// The text with blanks for comments, literals and non-ASCII characters. Everything found here
    /// is code, at the same offset as in the text.
    pub(super) mask: String,
}

/// A function's definition.
pub(super) struct Function {
    /// The range between its braces.
    pub(super) body: Range<usize>,
}

impl Code {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`], also if the file is not UTF-8.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|error| Error::Unreadable {
            file: path.to_path_buf(),
            error,
        })?;
        Ok(Self {
            path: path.to_path_buf(),
            mask: mask(&text),
            text,
        })
    }

    /// The same file with another text.
    pub(super) fn with_text(&self, text: String) -> Self {
        Self {
            path: self.path.clone(),
            mask: mask(&text),
            text,
        }
    }

    /// The error for a structure that was not found.
    pub(super) fn unexpected(&self, sought: impl Into<String>) -> Error {
        Error::Unexpected {
            file: self.path.clone(),
            sought: sought.into(),
        }
    }

    /// The line number, from 1, of an offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self.text.bytes().take(offset);
        before.filter(|&byte| byte == b'\n').count() + 1
    }

    /// The start of the line of an offset.
    pub(super) fn line_start(&self, offset: usize) -> usize {
        self.mask[..offset].rfind('\n').map_or(0, |at| at + 1)
    }

    /// The start of the line after that of an offset.
    pub(super) fn next_line(&self, offset: usize) -> usize {
        self.mask[offset..]
            .find('\n')
            .map_or(self.mask.len(), |at| offset + at + 1)
    }

    /// The positions of an identifier within a range.
    pub(super) fn words<'a>(
        &'a self,
        word: &'a str,
        within: Range<usize>,
    ) -> impl Iterator<Item = usize> + 'a {
        identifiers(&self.mask, within)
            .filter(move |found| &self.mask[found.clone()] == word)
            .map(|found| found.start)
    }

    /// The offset of the first non-blank byte from `from` on, if that byte is `wanted`.
    pub(super) fn follows(&self, from: usize, wanted: char) -> Option<usize> {
        let rest = &self.mask[from..];
        let blank = rest.len() - rest.trim_start().len();
        rest[blank..].starts_with(wanted).then_some(from + blank)
    }

    /// The bracket that closes the one at `open`.
    pub(super) fn close(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, byte) in self.mask.bytes().enumerate().skip(open) {
            match byte {
                b'{' | b'(' | b'[' => depth += 1,
                b'}' | b')' | b']' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The definition of a function; not a declaration or a call.
    pub(super) fn function(&self, name: &str) -> Option<Function> {
        self.words(name, 0..self.mask.len()).find_map(|at| {
            let parameters = self.follows(at + name.len(), '(')?;
            let open = self.follows(self.close(parameters)? + 1, '{')?;
            Some(Function {
                body: open + 1..self.close(open)?,
            })
        })
    }

    /// The range between the braces of an array initializer: `name[...] = { ... }`.
    pub(super) fn array(&self, name: &str) -> Option<Range<usize>> {
        self.words(name, 0..self.mask.len()).find_map(|at| {
            let size = self.follows(at + name.len(), '[')?;
            let equals = self.follows(self.close(size)? + 1, '=')?;
            let open = self.follows(equals + 1, '{')?;
            Some(open + 1..self.close(open)?)
        })
    }
}

/// The identifiers, keywords and numbers within a range.
pub(super) fn identifiers(
    mask: &str,
    within: Range<usize>,
) -> impl Iterator<Item = Range<usize>> + '_ {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = mask.as_bytes();
    let end = within.end;
    let mut at = within.start;
    std::iter::from_fn(move || {
        while at < end && !is_part(bytes[at]) {
            at += 1;
        }
        let start = at;
        while at < end && is_part(bytes[at]) {
            at += 1;
        }
        (start < at).then_some(start..at)
    })
}

/// The value of a plain C number.
pub(super) fn number(text: &str) -> Option<u16> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u16::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn mask(text: &str) -> String {
    #[derive(Clone, Copy, PartialEq)]
    enum Within {
        Code,
        LineComment,
        Comment,
        Literal(u8),
    }

    let bytes = text.as_bytes();
    let mut within = Within::Code;
    let mut mask = String::with_capacity(bytes.len());
    let mut skip = 0_usize;
    for (at, &byte) in bytes.iter().enumerate() {
        let next = bytes.get(at + 1).copied();
        let mut shown = ' ';
        if skip > 0 {
            skip -= 1;
        } else {
            match (within, byte, next) {
                (Within::Code, b'/', Some(b'*')) => (within, skip) = (Within::Comment, 1),
                (Within::Code, b'/', Some(b'/')) => (within, skip) = (Within::LineComment, 1),
                (Within::Code, b'"' | b'\'', _) => within = Within::Literal(byte),
                (Within::Code, ..) if byte.is_ascii() => shown = char::from(byte),
                (Within::Comment, b'*', Some(b'/')) => (within, skip) = (Within::Code, 1),
                (Within::Literal(_), b'\\', Some(_)) => skip = 1,
                // A quotation mark without a partner ends here too.
                (Within::LineComment | Within::Literal(_), b'\n', _) => within = Within::Code,
                (Within::Literal(quote), ..) if byte == quote => within = Within::Code,
                _ => {}
            }
        }
        mask.push(if byte == b'\n' { '\n' } else { shown });
    }
    mask
}
