// SPDX-License-Identifier: GPL-2.0-only

//! Reads configuration space of one function, as far as the host allows: 64 bytes without root
//! rights, 256 bytes without extended capabilities, otherwise 4096.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::Path,
};

/// Capability id of PCI Express, `PCI_CAP_ID_EXP`.
pub(crate) const EXPRESS: u8 = 0x10;
/// Extended capability id of ACS, `PCI_EXT_CAP_ID_ACS`.
pub(crate) const ACS: u16 = 0x0d;
/// The bytes that every user may read.
const HEADER: usize = 64;
/// The offset of the first extended capability.
const EXTENDED: usize = 0x100;

/// A source of configuration space bytes.
pub(crate) trait Bytes {
    /// A byte; `None` if it could not be read.
    fn byte(&self, offset: usize) -> Option<u8>;
}

impl Bytes for Vec<u8> {
    fn byte(&self, offset: usize) -> Option<u8> {
        self.get(offset).copied()
    }
}

/// Configuration space of a function of a running host, in sysfs. Every read goes to the device, so
/// dwords are read on demand, and each only once.
#[derive(Debug)]
pub struct ConfigSpace {
    file: File,
    /// The dwords read so far, by offset; `None` for a failed read.
    seen: RefCell<BTreeMap<usize, Option<[u8; 4]>>>,
}

impl ConfigSpace {
    /// Opens the configuration space of the function whose sysfs folder this is.
    ///
    /// # Errors
    ///
    /// The error of opening the file.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::open(folder.join("config"))?,
            seen: RefCell::default(),
        })
    }

    /// The dword at an offset, rounded down to a multiple of 4; `None` if it cannot be read.
    pub fn dword(&self, offset: usize) -> Option<u32> {
        self.bytes(offset & !3).map(u32::from_le_bytes)
    }

    fn bytes(&self, at: usize) -> Option<[u8; 4]> {
        let mut seen = self.seen.borrow_mut();
        *seen.entry(at).or_insert_with(|| {
            let mut bytes = [0; 4];
            let place = u64::try_from(at).ok()?;
            self.file.read_exact_at(&mut bytes, place).ok()?;
            Some(bytes)
        })
    }
}

impl Bytes for ConfigSpace {
    fn byte(&self, offset: usize) -> Option<u8> {
        self.bytes(offset & !3)?.get(offset & 3).copied()
    }
}

/// Configuration space of one function.
pub(crate) struct Config<'a>(pub(crate) &'a dyn Bytes);

/// The result of a search for a capability.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Search {
    /// The capability is at this offset.
    At(usize),
    /// The function does not have the capability.
    None,
    /// A needed part could not be read, or is malformed.
    NotKnown,
}

impl Config<'_> {
    /// A byte; `None` if it could not be read.
    pub(crate) fn byte(&self, offset: usize) -> Option<u8> {
        self.0.byte(offset)
    }

    /// A little-endian word; `None` if it could not be read.
    pub(crate) fn word(&self, offset: usize) -> Option<u16> {
        Some(u16::from_le_bytes([
            self.byte(offset)?,
            self.byte(offset + 1)?,
        ]))
    }

    /// A little-endian dword; `None` if it could not be read.
    pub(crate) fn dword(&self, offset: usize) -> Option<u32> {
        let [low, high] = [self.word(offset)?, self.word(offset + 2)?];
        Some((u32::from(high) << 16) | u32::from(low))
    }

    /// Whether the readable part of the header is all ones, as for a function that does not answer.
    pub(crate) fn is_ones(&self) -> bool {
        let mut header = (0..HEADER).map_while(|at| self.byte(at));
        self.byte(0).is_some() && header.all(|byte| byte == 0xff)
    }

    /// Searches for a capability.
    pub(crate) fn capability(&self, id: u8) -> Search {
        // Status register, bit 4: Capabilities List.
        match self.word(0x06) {
            None => return Search::NotKnown,
            Some(status) if status & 0x10 == 0 => return Search::None,
            Some(_) => {}
        }
        let mut next = self.byte(0x34);
        let mut seen = BTreeSet::new();
        loop {
            let Some(pointer) = next else {
                return Search::NotKnown;
            };
            let offset = usize::from(pointer & 0xfc);
            if offset < HEADER {
                return Search::None;
            }
            if !seen.insert(offset) {
                return Search::NotKnown;
            }
            match self.byte(offset) {
                None => return Search::NotKnown,
                Some(found) if found == id => return Search::At(offset),
                Some(_) => next = self.byte(offset + 1),
            }
        }
    }

    /// Searches for an extended capability. A function without extended space has no extended
    /// capability: the kernel provides as much space as it can read itself.
    pub(crate) fn extended(&self, id: u16) -> Search {
        if self.byte(HEADER).is_none() {
            return Search::NotKnown;
        }
        if self.byte(EXTENDED).is_none() {
            return Search::None;
        }
        let mut offset = EXTENDED;
        let mut seen = BTreeSet::new();
        loop {
            let header = match self.dword(offset) {
                None | Some(u32::MAX) => return Search::NotKnown,
                Some(0) => return Search::None,
                Some(header) => header,
            };
            if header & 0xffff == u32::from(id) {
                return Search::At(offset);
            }
            if !seen.insert(offset) {
                return Search::NotKnown;
            }
            offset = usize::try_from((header >> 20) & 0xffc).unwrap_or(0);
            if offset < EXTENDED {
                return Search::None;
            }
        }
    }
}
