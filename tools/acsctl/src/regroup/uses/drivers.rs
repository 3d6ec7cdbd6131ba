// SPDX-License-Identifier: GPL-2.0-only

//! Compares the uses that were found with the kernel's own count: a driver that is a module counts its users
//! (`try_module_get()`), such as open files and mounts, and what holds it through an interface that no list shows.

use std::collections::{BTreeMap, BTreeSet};

use topology::{Bdf, Topology};

use super::Uses;
use crate::host::{HostPaths, link, names, text};

/// Adds to what could not be checked each driver with more users than were found. A driver's users are counted for
/// all its functions together, so the uses of its other functions are counted too. A driver that is built into
/// the kernel has no count.
pub(super) fn compare(
    paths: &HostPaths,
    topology: &Topology,
    functions: &BTreeSet<Bdf>,
    uses: &mut Uses,
) {
    let mut modules: BTreeMap<String, BTreeSet<Bdf>> = BTreeMap::new();
    for function in &topology.functions {
        if let Some(module) = module(paths, function.bdf) {
            modules.entry(module).or_default().insert(function.bdf);
        }
    }
    for (name, bound) in modules {
        if bound.is_disjoint(functions) {
            continue;
        }
        let counted = users(paths, &name);
        let mut found = uses.users(&bound);
        if counted > found {
            let others: BTreeSet<_> = bound.difference(functions).copied().collect();
            found += Uses::listed(paths, topology, &others).users(&others);
        }
        if counted > found {
            uses.unseen.insert(format!(
                "the kernel counts {counted} users of the driver {name}, and acsctl found {found}: something uses a function \
                 of this driver in a way that acsctl cannot see"
            ));
        }
    }
}

/// The module of a function's driver; `None` for a driver that is built in.
fn module(paths: &HostPaths, bdf: Bdf) -> Option<String> {
    link(&paths.function(bdf).join("driver/module"))
}

/// How many users the kernel counts, without the modules that depend on this one: each of these counts once
/// (`ref_module()` in `kernel/module/main.c`).
fn users(paths: &HostPaths, module: &str) -> usize {
    let folder = paths.sys.join("module").join(module);
    let count = text(&folder.join("refcnt")).and_then(|count| count.parse::<usize>().ok());
    let dependents = names(&folder.join("holders")).len();
    count.unwrap_or_default().saturating_sub(dependents)
}
