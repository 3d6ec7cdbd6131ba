// SPDX-License-Identifier: GPL-2.0-only

//! Who uses a function.
//!
//! Removing a function that is in use takes away what hangs on it, and one that a process holds by
//! VFIO blocks whoever removes it. So everything is looked at that can tell, and what cannot be looked
//! at counts as a use.
//!
//! | file | what it looks at |
//! |---|---|
//! | `nodes.rs` | what the kernel has made of a function: its class devices and their nodes |
//! | `block.rs` | file systems, swap, and what is stacked on disks |
//! | `network.rs` | addresses, routes, bridges and bonds, packet sockets |
//! | `processes.rs` | what processes hold open or have mapped |
//! | `other.rs` | displays, consoles, virtual functions, DMA engines |

mod block;
mod network;
mod nodes;
mod other;
mod processes;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Topology};

use self::{network::Network, nodes::Node, processes::Wanted};
use crate::host::HostPaths;

/// One use of a function.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct Use {
    /// The function.
    pub function: Bdf,
    /// What names this use, as for `--even-if`: `mounted:/dev/sda1`.
    pub name: String,
    /// What it is.
    pub what: String,
    /// How to end it.
    pub remedy: String,
}

/// What was found.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Uses {
    /// The uses, by function and name.
    pub list: BTreeSet<Use>,
    /// What could not be looked at, and why.
    pub unseen: BTreeSet<String>,
}

impl Uses {
    /// Looks for everything that uses one of `functions`.
    ///
    /// O(what those functions are made of, plus all open files and mappings of all processes).
    #[must_use]
    pub fn look(paths: &HostPaths, topology: &Topology, functions: &BTreeSet<Bdf>) -> Self {
        let mut uses = Self::default();
        let network = Network::read(paths, &mut uses);
        let mut wanted = Wanted::default();
        for &bdf in functions {
            let Some(folder) = paths.device(bdf) else {
                continue;
            };
            let nodes = nodes::below(&folder);
            block::look(paths, bdf, &nodes, &mut uses);
            network.look(paths, bdf, &nodes, &mut uses);
            other::look(paths, topology, bdf, &nodes, &mut uses);
            wanted.add(paths, bdf, &folder, &nodes);
        }
        wanted.look(paths, &mut uses);
        uses
    }

    /// Adds a use.
    fn add(&mut self, function: Bdf, name: String, what: String, remedy: &str) {
        self.list.insert(Use {
            function,
            name,
            what,
            remedy: remedy.to_owned(),
        });
    }
}
