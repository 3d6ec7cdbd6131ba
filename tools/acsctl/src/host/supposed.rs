// SPDX-License-Identifier: GPL-2.0-only

//! A machine with what an answer supposes: another kernel, or one more entry.

use quirk_data::{built, edition::Edition};
use rules::table::Table;

use super::HostView;
use crate::database::SupposedEntry;

impl<'a> HostView<'a> {
    /// The same machine, as if its modules were loaded with one more entry.
    #[must_use]
    pub fn supposing(mut self, supposed: &'a SupposedEntry) -> Self {
        self.running.clone_from(&self.modules.tables);
        self.running.push(built::table(&[&supposed.entry]));
        self.supposed = Some(supposed);
        self
    }

    /// The machine as it was read, without what the answer supposes.
    #[must_use]
    pub fn as_read(&self) -> Self {
        match self.snapshot {
            Some(snapshot) => snapshot.view(self.entries),
            None => Self::with(self.topology, self.entries, self.modules.clone()),
        }
    }

    /// The entry that the answer supposes, with its table.
    #[must_use]
    pub fn supposed(&self) -> Option<(&'a SupposedEntry, &Table)> {
        self.supposed.zip(self.running.last())
    }

    /// The edition of the module that has this table; `None` for the table of the supposed entry.
    #[must_use]
    pub fn edition_of(&self, table: &Table) -> Option<Edition> {
        let tables = self.modules.editions.iter().zip(&self.modules.tables);
        let mut same = tables.filter(|(_, one)| std::ptr::eq(one.entries, table.entries));
        same.next().map(|(edition, _)| *edition)
    }

    /// The version of the machine's kernel, if the answer supposes another one.
    #[must_use]
    pub fn replaced_kernel(&self) -> Option<&'a str> {
        let read = &self.snapshot?.topology.kernel;
        let is_replaced = *read != self.topology.kernel;
        is_replaced.then(|| read.as_deref().unwrap_or_default())
    }

    /// Whether the answer supposes an entry or another kernel, so that the groups that the machine's
    /// kernel made need not be those of the answer.
    #[must_use]
    pub fn is_hypothetical(&self) -> bool {
        self.supposed.is_some() || self.replaced_kernel().is_some()
    }
}
