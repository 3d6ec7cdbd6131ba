// SPDX-License-Identifier: GPL-2.0-only

//! What a handler of the kernel's source answers, as far as its text tells.

use std::{collections::BTreeSet, ops::Range};

use rules::entry::Kind;

use super::{
    code::{Code, identifiers, number},
    error::Error,
};

/// A range of device ids that a handler lists.
pub(super) struct Listed {
    /// First device id.
    pub(super) first: u16,
    /// Last device id.
    pub(super) last: u16,
    /// Where.
    pub(super) at: usize,
}

/// What a handler answers.
pub(super) struct Handler {
    /// The PCIe types that it names; none where it does not look at the type.
    pub(super) types: BTreeSet<String>,
    /// The device ids that it lists; none where it does not look at the id.
    pub(super) listed: Vec<Listed>,
    /// Whether it looks at the device id at all, as in `dev->device`.
    pub(super) compares_device: bool,
    /// Whether its last word is 0, "not isolated", where `-ENOTTY` would let the kernel go on.
    pub(super) ends_with_no: bool,
}

impl Handler {
    /// Reads a handler with the functions and arrays of its own that it makes use of.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] when it is not defined in this file.
    pub(super) fn read(code: &Code, name: &str) -> Result<Self, Error> {
        let function = code.function(name).ok_or_else(|| {
            code.unexpected(format!(
                "looked for the definition of {name}() and did not find it"
            ))
        })?;
        let mut handler = Self {
            types: BTreeSet::new(),
            listed: Vec::new(),
            compares_device: false,
            ends_with_no: ends_with_no(&code.mask[function.body.clone()]),
        };
        let mut seen = BTreeSet::from([name]);
        let mut parts = vec![function.body];
        while let Some(part) = parts.pop() {
            handler.listed.extend(labels(code, part.clone()));
            for word in identifiers(&code.mask, part) {
                let word = &code.mask[word];
                handler.compares_device |= word == "device";
                if word.starts_with("PCI_EXP_TYPE_") {
                    handler.types.insert(word.to_owned());
                }
                if !word.starts_with("pci_quirk_") || !seen.insert(word) {
                    continue;
                }
                if let Some(function) = code.function(word) {
                    parts.push(function.body);
                } else if let Some(array) = code.array(word) {
                    handler.listed.extend(numbers(code, array));
                }
            }
        }
        Ok(handler)
    }

    /// Whether it may answer for functions of one of these kinds.
    pub(super) fn sees(&self, mut kinds: impl Iterator<Item = Kind>) -> bool {
        self.types.is_empty()
            || kinds.any(|kind| types(kind).iter().any(|&found| self.types.contains(found)))
    }
}

/// The kernel's names for the PCIe types that a kind speaks for.
pub(super) const fn types(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::MfEndpoint => &["PCI_EXP_TYPE_ENDPOINT", "PCI_EXP_TYPE_LEG_END"],
        Kind::RootPort => &["PCI_EXP_TYPE_ROOT_PORT"],
        Kind::DownstreamPort => &["PCI_EXP_TYPE_DOWNSTREAM"],
        Kind::RcEndpoint => &["PCI_EXP_TYPE_RC_END"],
    }
}

/// The case labels with plain numbers: every one is a range of device ids.
fn labels(code: &Code, part: Range<usize>) -> Vec<Listed> {
    let end = part.end;
    code.words("case", part)
        .filter_map(|at| {
            let from = at + "case".len();
            let colon = from + code.mask[from..end].find(':')?;
            let label = &code.mask[from..colon];
            let (first, last) = label.split_once("...").unwrap_or((label, label));
            Some(Listed {
                first: number(first)?,
                last: number(last)?,
                at,
            })
        })
        .collect()
}

fn numbers(code: &Code, array: Range<usize>) -> Vec<Listed> {
    identifiers(&code.mask, array)
        .filter_map(|word| {
            let at = word.start;
            let id = number(&code.mask[word])?;
            Some(Listed {
                first: id,
                last: id,
                at,
            })
        })
        .collect()
}

fn ends_with_no(body: &str) -> bool {
    let body = body.trim_end();
    let last = body
        .strip_suffix(';')
        .and_then(|body| body.rsplit([';', '}', '{']).next());
    last.is_some_and(|last| {
        let words: Vec<_> = last.split_whitespace().collect();
        matches!(words[..], ["return", "false" | "0"])
    })
}
