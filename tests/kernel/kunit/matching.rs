// SPDX-License-Identifier: GPL-2.0-only

//! Compares the lookup in the tables with a search of all rows.

use kernel::prelude::*;

use crate::rules::table::{
    IdRange,
    Table, //
};

/// The only row that lists a device.
fn by_every_row(table: &Table, vendor: u16, device: u16) -> Option<&'static IdRange> {
    let mut rows = table.index.iter();
    rows.find(|row| row.vendor == vendor && (row.first..=row.last).contains(&device))
}

#[kunit_tests(acs_quirks_matching)]
mod suite {
    use super::*;
    use crate::{
        check::equal,
        TABLES, //
    };

    /// Tries the ids around both ends of each row, with its vendor and the neighbouring ones.
    #[test]
    fn the_lookup_finds_what_a_search_of_every_row_finds() -> Result {
        for (edition, table) in TABLES {
            for row in table.index {
                for vendor in row.vendor.saturating_sub(1)..=row.vendor.saturating_add(1) {
                    for end in [0, row.first, row.last, u16::MAX] {
                        for device in end.saturating_sub(0x100)..=end.saturating_add(0x100) {
                            equal(
                                format_args!("{edition} {vendor:04x}:{device:04x}"),
                                table.row(vendor, device),
                                by_every_row(table, vendor, device),
                            )?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn each_row_leads_to_its_entry() -> Result {
        for (edition, table) in TABLES {
            for row in table.index {
                for device in [row.first, row.last] {
                    let expected = table.entries.get(usize::from(row.entry));
                    let found = table.find(row.vendor, device);
                    equal(
                        format_args!("{edition} {:04x}:{device:04x}", row.vendor),
                        found.map(|(position, _)| position),
                        Some(row.entry),
                    )?;
                    equal(
                        format_args!("{edition} {:04x}:{device:04x}", row.vendor),
                        found.map(|(_, entry)| entry),
                        expected,
                    )?;
                }
            }
        }
        Ok(())
    }

    #[test]
    fn what_no_row_names_is_not_found() -> Result {
        for (edition, table) in TABLES {
            for (vendor, device) in [(0, 0), (0xffff, 0xffff), (0x1234, 0x5678)] {
                equal(
                    format_args!("{edition} {vendor:04x}:{device:04x}"),
                    table.find(vendor, device).is_none(),
                    true,
                )?;
            }
        }
        Ok(())
    }
}
