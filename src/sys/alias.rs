// SPDX-License-Identifier: GPL-2.0-only

//! Module aliases for the ids in the table, for `modinfo` and so that udev loads the module.
//!
//! The kernel crate's `pci_device_table!` takes a literal list. This list is computed from the
//! table.

use kernel::bindings;

use super::pci::ANY_ID;
use crate::{
    table::TABLE,
    EDITION, //
};

/// One id for each device id of the table, and the terminating zero. An edition without autoload
/// has only the terminator, so udev never loads it (trust rule `evidence`).
const COUNT: usize = 1 + if EDITION.autoload {
    TABLE.id_count()
} else {
    0
};

/// The symbol that `MODULE_DEVICE_TABLE(pci, …)` defines in C. modpost finds it by its name
/// (`handle_moddevtable()` in `scripts/mod/file2alias.c`) and turns it into module aliases.
#[export_name = "__mod_device_table__0__kmod_acs_quirks__pci__aliases"]
static ALIASES: [bindings::pci_device_id; COUNT] = aliases();

/// Lists every device id of the index; evaluated at compile time.
const fn aliases() -> [bindings::pci_device_id; COUNT] {
    let mut list = [id(0, 0, 0); COUNT];
    let mut row = 0;
    let mut at = 0;
    while EDITION.autoload && row < TABLE.index.len() {
        let range = &TABLE.index[row];
        let mut device = range.first as u32;
        while device <= range.last as u32 {
            list[at] = id(range.vendor as u32, device, ANY_ID);
            at += 1;
            device += 1;
        }
        row += 1;
    }
    list
}

const fn id(vendor: u32, device: u32, subsystem: u32) -> bindings::pci_device_id {
    bindings::pci_device_id {
        vendor,
        device,
        subvendor: subsystem,
        subdevice: subsystem,
        class: 0,
        class_mask: 0,
        driver_data: 0,
        override_only: 0,
    }
}
