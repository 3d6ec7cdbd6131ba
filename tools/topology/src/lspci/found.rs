// SPDX-License-Identifier: GPL-2.0-only

//! What the lines of a text contain: functions with their details, groups, and what a log says of functions.

use super::{
    AGAIN,
    recognise::{Logged, Place, STRONG, lacks_class},
};
use crate::{Bdf, Error, text::quoted};

/// A function in the text.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) place: Place,
    /// The number of its first line.
    pub(super) line: usize,
    /// The number of its last line.
    pub(super) end: usize,
    /// The first line after the address.
    pub(super) header: String,
    /// The detail lines in lower case, with the number of each.
    pub(super) lines: Vec<(usize, String)>,
    /// The bytes of the hex dump.
    pub(super) dump: Vec<u8>,
    /// The group under whose heading it is, or that its line names.
    pub(super) group: Option<u32>,
    /// Whether an empty line follows, as lspci prints it after the details of a function.
    pub(super) closed: bool,
    /// Whether lines were left out behind it.
    pub(super) left_out: bool,
    pub(super) indent: usize,
}

impl Block {
    pub(super) fn bdf(&self) -> Option<Bdf> {
        match self.place {
            Place::Address(bdf) => Some(bdf),
            Place::Path(_) => None,
        }
    }

    /// The place as the text shows it.
    pub(super) fn shown(&self) -> String {
        match &self.place {
            Place::Address(bdf) => bdf.to_string(),
            Place::Path(path) => path.clone(),
        }
    }

    /// Whether it has a line that only `lspci -v` prints.
    pub(super) fn is_verbose(&self) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|(_, line)| STRONG.iter().any(|begin| line.starts_with(begin)))
    }
}

/// A function with its group, from a line that names both.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) bdf: Bdf,
    /// `None` for a function that left its group.
    pub(super) group: Option<u32>,
    pub(super) line: usize,
    pub(super) is_log: bool,
}

/// What the text contains.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) blocks: Vec<Block>,
    /// Functions whose groups lines name that describe no function.
    pub(super) named: Vec<Named>,
    /// Functions that a kernel log describes.
    pub(super) logged: Vec<Logged>,
}

impl Found {
    /// Removes the groups that functions have from a heading to which they do not belong: those of
    /// another listing that follows the last group.
    pub(super) fn without_inherited(&mut self, headings: &[usize]) {
        let Some(&last) = headings.last() else {
            return;
        };
        let Some(first) = self.blocks.iter().position(|block| block.line >= last) else {
            return;
        };
        let (before, after) = self.blocks.split_at_mut(first);
        let known: Vec<Bdf> = before.iter().filter_map(Block::bdf).collect();
        let Some(ended) = after.iter().position(|block| block.closed) else {
            return;
        };
        let is_again = |block: &Block| block.bdf().is_some_and(|bdf| known.contains(&bdf));
        let tail = &mut after[ended + 1..];
        let is_other =
            before.iter().all(|block| !block.is_verbose()) && tail.iter().any(Block::is_verbose);
        if is_other || tail.iter().any(is_again) {
            for block in tail {
                block.group = None;
            }
        }
    }

    /// Checks the first line of the last function, to which nothing more will be joined.
    pub(super) fn check_end(&self, name: &str) -> Result<(), Error> {
        let Some(block) = self.blocks.last() else {
            return Ok(());
        };
        if lacks_class(&block.header) && block.dump.is_empty() {
            let shown = quoted(&block.header);
            let problem = if block.header.starts_with('"') {
                "is a line of lspci -mm, which shows no capabilities".to_owned()
            } else {
                format!("begins like a function, but no class and device follow: {shown}")
            };
            return Err(Error::at(name, block.shown(), problem, AGAIN).on_line(block.line));
        }
        Ok(())
    }
}
