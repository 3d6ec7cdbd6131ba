// SPDX-License-Identifier: GPL-2.0-only

//! Splits the text into functions, their lines and their hex dumps.

use crate::{Bdf, Error, hex};

/// The size of a whole configuration space.
const SPACE: usize = 4096;

/// A function in the text.
pub(super) struct Block<'t> {
    pub(super) bdf: Bdf,
    /// The line number, from 1, of its first line.
    pub(super) line: usize,
    /// The first line after the address.
    pub(super) header: &'t str,
    /// The detail lines without indentation.
    pub(super) lines: Vec<&'t str>,
    /// The bytes of the hex dump.
    pub(super) dump: Vec<u8>,
}

/// The address that a line starts with, and the rest: `00:1f.3 Audio device: ...`, with or without
/// the domain.
pub(super) fn header(line: &str) -> Option<(Bdf, &str)> {
    let (address, rest) = line.split_once(' ')?;
    // The class comes first, then the device.
    if !rest.contains(": ") || address.len() < 7 {
        return None;
    }
    let whole = match address.matches(':').count() {
        1 => address
            .parse::<Bdf>()
            .or_else(|_| format!("0000:{address}").parse()),
        _ => address.parse(),
    };
    whole.ok().map(|bdf| (bdf, rest))
}

/// The functions of the text. Lines before the first function are ignored.
pub(super) fn blocks<'t>(name: &str, text: &'t str) -> Result<Vec<Block<'t>>, Error> {
    let mut blocks: Vec<Block<'t>> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim_end();
        if let Some((bdf, header)) = header(text) {
            blocks.push(Block {
                bdf,
                line,
                header,
                lines: Vec::new(),
                dump: Vec::new(),
            });
            continue;
        }
        let Some(block) = blocks.last_mut() else {
            continue;
        };
        if let Some((offset, bytes)) = dump_line(text) {
            // A missing line would shift all bytes after it.
            if offset != block.dump.len() || offset + bytes.len() > SPACE {
                let problem = format!(
                    "the dump goes on at {offset:02x}, but {:02x} bytes came before",
                    block.dump.len()
                );
                return Err(Error {
                    line: Some(line),
                    ..Error::at(name, block.bdf, problem, super::AGAIN)
                });
            }
            block.dump.extend(bytes);
            continue;
        }
        // A line without indentation is no detail: it is a remark, or the continuation of a line
        // that a mail broke.
        block.lines.push(text.trim_start());
    }
    Ok(blocks)
}

/// Reads a line of a dump: `1f0: 00 12 ...`, sixteen bytes.
fn dump_line(text: &str) -> Option<(usize, Vec<u8>)> {
    let (offset, rest) = text.split_once(": ")?;
    if !matches!(offset.len(), 2 | 3) {
        return None;
    }
    let offset = usize::try_from(hex::parse(offset, offset.len())?).ok()?;
    let byte = |text: &str| hex::parse(text, 2).and_then(|byte| u8::try_from(byte).ok());
    let bytes: Option<Vec<u8>> = rest.split_whitespace().map(byte).collect();
    bytes
        .filter(|bytes| bytes.len() == 16)
        .map(|bytes| (offset, bytes))
}
