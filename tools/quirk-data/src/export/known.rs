// SPDX-License-Identifier: GPL-2.0-only

//! Reads the answers of a handler in the kernel's source from its text.

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
    /// The offset in the source.
    pub(super) at: usize,
}

/// The properties of a handler.
pub(super) struct Handler {
    /// The PCIe types that the handler names; empty if it does not compare the type.
    pub(super) types: BTreeSet<String>,
    /// The device ids that the handler lists; empty if it does not compare the id.
    pub(super) listed: Vec<Listed>,
    /// Whether the handler reads the device id, as in `dev->device`.
    pub(super) compares_device: bool,
    /// Whether the handler ends with 0 ("not isolated") instead of `-ENOTTY`.
    pub(super) ends_with_no: bool,
}

impl Handler {
    /// Reads a handler, with the `pci_quirk_` functions and arrays that it uses.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] if the file does not define it.
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

    /// Whether the handler may answer for functions of one of these kinds.
    pub(super) fn sees(&self, mut kinds: impl Iterator<Item = Kind>) -> bool {
        self.types.is_empty()
            || kinds.any(|kind| types(kind).iter().any(|&found| self.types.contains(found)))
    }
}

/// The kernel's names of the PCIe types of a kind.
pub(super) const fn types(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::MfEndpoint => &["PCI_EXP_TYPE_ENDPOINT", "PCI_EXP_TYPE_LEG_END"],
        Kind::RootPort => &["PCI_EXP_TYPE_ROOT_PORT"],
        Kind::DownstreamPort => &["PCI_EXP_TYPE_DOWNSTREAM"],
        Kind::RcEndpoint => &["PCI_EXP_TYPE_RC_END"],
    }
}

/// Reads the case labels with plain numbers. Each is a range of device ids.
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
