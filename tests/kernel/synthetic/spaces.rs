// SPDX-License-Identifier: GPL-2.0-only

//! The configuration spaces of a machine, by address.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

use super::{
    description::{
        Function,
        Patch,
        Traits, //
    },
    memory::Vec,
    space::{
        self,
        Space,
        DWORDS, //
    }, //
};

/// A described function and its configuration space.
pub(super) struct Described {
    pub(super) function: Function,
    space: Space,
    /// The number of reads that the function still answers. `None` if it answers all.
    answers: Option<Atomic<u64>>,
}

/// The functions of a machine.
pub(crate) struct Spaces {
    /// The functions in the order of the description.
    functions: Vec<Described>,
    /// Index in `functions`, by domain, bus and devfn.
    by_address: Vec<(u32, u8, u8, u32)>,
}

impl Spaces {
    /// Builds the configuration spaces of a machine. O(n log n).
    ///
    /// # Errors
    ///
    /// `EINVAL` for two functions with the same address, or a patch of an undescribed function or
    /// dword; `ENOMEM`.
    pub(super) fn new(
        described: impl Iterator<Item = Function>,
        patches: impl Iterator<Item = Patch>,
    ) -> Result<Self> {
        let mut spaces = Self {
            functions: Vec::new(),
            by_address: Vec::new(),
        };
        for (position, function) in (0..).zip(described) {
            let address = (function.domain, function.bus, function.devfn, position);
            spaces.by_address.push(address)?;
            let described = Described {
                space: space::space(&function),
                answers: None,
                function,
            };
            spaces.functions.push(described)?;
        }
        spaces.by_address.sort_unstable();
        let mut pairs = spaces.by_address.windows(2);
        let is_twice = |pair: &[(u32, u8, u8, u32)]| match pair {
            [one, two] => (one.0, one.1, one.2) == (two.0, two.1, two.2),
            _ => false,
        };
        if pairs.any(is_twice) {
            return Err(EINVAL);
        }
        for patch in patches {
            spaces.apply(patch).ok_or(EINVAL)?;
        }
        Ok(spaces)
    }

    fn apply(&mut self, patch: Patch) -> Option<()> {
        let (Patch::Dword { function, .. } | Patch::Silent { function, .. }) = patch;
        let found = self.functions.get_mut(usize::try_from(function).ok()?)?;
        match patch {
            Patch::Dword { offset, value, .. } => {
                *found.space.get_mut(usize::from(offset) / 4)? = value;
            }
            Patch::Silent { from, .. } => found.answers = Some(Atomic::new(from.into())),
        }
        Some(())
    }

    /// The functions, in the order of the description.
    pub(super) fn functions(&self) -> impl ExactSizeIterator<Item = &Function> {
        self.functions.iter().map(|described| &described.function)
    }

    /// The index of the function at an address in the description. O(log n).
    pub(super) fn position(&self, domain: u32, bus: u8, devfn: u8) -> Option<u32> {
        let key = (domain, bus, devfn);
        let place = |entry: &(u32, u8, u8, u32)| (entry.0, entry.1, entry.2);
        let at = self.by_address.binary_search_by_key(&key, place).ok()?;
        self.by_address.get(at).map(|entry| entry.3)
    }

    /// Reads an aligned dword of configuration space. An absent function reads as ones.
    pub(super) fn read(&self, domain: u32, bus: u8, devfn: u8, offset: usize) -> u32 {
        let found = self
            .position(domain, bus, devfn)
            .and_then(|position| self.functions.get(usize::try_from(position).ok()?));
        let Some(found) = found else {
            return u32::MAX;
        };
        if let Some(answers) = &found.answers {
            let left = answers.load(Relaxed);
            if left == 0 {
                return u32::MAX;
            }
            answers.store(left - 1, Relaxed);
        }
        if offset / 4 < DWORDS {
            found.space.get(offset / 4).copied().unwrap_or(0)
        } else {
            0
        }
    }

    /// The root buses, in the order of the description: domain, first bus and last bus. The last
    /// bus is the one before the next root bus of the domain. O(n) for each root bus.
    pub(super) fn roots(&self) -> Result<Vec<(u32, u8, u8)>> {
        let mut roots: Vec<(u32, u8, u8)> = Vec::new();
        // Sorted, so that the search for the bridge above a bus is fast.
        let mut led_to: Vec<(u32, u8)> = Vec::new();
        for function in self.functions() {
            let [_, secondary, _] = function.buses;
            if function.leads_to(function.domain, secondary) {
                led_to.push((function.domain, secondary))?;
            }
        }
        led_to.sort_unstable();
        for function in self.functions() {
            let bus = (function.domain, function.bus);
            let is_new = roots.iter().all(|root| (root.0, root.1) != bus);
            if is_new && led_to.binary_search(&bus).is_err() {
                roots.push((bus.0, bus.1, u8::MAX))?;
            }
        }
        for at in 0..roots.len() {
            let Some(&(domain, bus, _)) = roots.get(at) else {
                continue;
            };
            let later = roots
                .iter()
                .filter(|root| root.0 == domain && root.1 > bus)
                .map(|root| root.1.saturating_sub(1))
                .min();
            if let (Some(last), Some(root)) = (later, roots.get_mut(at)) {
                root.2 = last;
            }
        }
        Ok(roots)
    }

    /// The VMD that a domain is behind, if there is one.
    pub(super) fn vmd(&self, domain: u32) -> Option<&Function> {
        let behind = self
            .functions()
            .find(|function| function.domain == domain)?;
        let vmd = usize::try_from(behind.vmd).ok()?;
        self.functions.get(vmd).map(|found| &found.function)
    }

    /// Whether the IOMMU driver puts the function into a group.
    pub(super) fn takes_part(&self, position: u32) -> bool {
        usize::try_from(position)
            .ok()
            .and_then(|position| self.functions.get(position))
            .is_some_and(|found| found.function.traits.has(Traits::TAKES_PART))
    }
}
