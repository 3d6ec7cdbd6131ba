// SPDX-License-Identifier: GPL-2.0-only

//! Finds what uses a function.
//!
//! Removing a function in use breaks what depends on it. If a process holds the function through
//! VFIO, the removal blocks. Therefore every source of information is checked, and a source that
//! cannot be read counts as a use.
//!
//! | file | what it checks |
//! |---|---|
//! | `nodes.rs` | the devices that the kernel created for a function, and their nodes |
//! | `block.rs` | file systems, swap, and devices stacked on disks |
//! | `network.rs` | addresses, routes, bridges and bonds, packet sockets |
//! | `namespaces.rs` | interfaces in other network namespaces |
//! | `process.rs` | the processes, and the folders of `/proc` that show their files |
//! | `open_files.rs` | files that processes have open, mapped, or registered in an io_uring |
//! | `other.rs` | displays, consoles, virtual functions, DMA engines |
//! | `dependents.rs` | devices elsewhere in the tree: Thunderbolt tunnels, device links, IOMMUs |
//! | `drivers.rs` | that these uses explain the kernel's count of a driver's users |

mod block;
mod dependents;
mod drivers;
mod namespaces;
mod network;
mod nodes;
mod open_files;
mod other;
mod process;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
};

use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Topology};

use self::{network::Network, nodes::Node, open_files::Wanted};
use crate::host::HostPaths;

/// One use of a function.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, JsonSchema, Serialize)]
pub struct Use {
    /// The function.
    pub function: Bdf,
    /// The name for `--even-if`, for example `mounted:/dev/sda1`.
    pub name: String,
    /// The description.
    pub what: String,
    /// How to end it.
    pub remedy: String,
}

/// The uses that were found.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Uses {
    /// The uses, by function and name.
    pub list: BTreeSet<Use>,
    /// What could not be checked, and why.
    pub unseen: BTreeSet<String>,
    /// How many users of each function's devices were found that the driver's module counts, too.
    users: BTreeMap<(Bdf, String), usize>,
}

impl Uses {
    /// Finds everything that uses one of `functions`.
    ///
    /// O(devices below these functions + open files and mappings of all processes).
    #[must_use]
    pub fn find(paths: &HostPaths, topology: &Topology, functions: &BTreeSet<Bdf>) -> Self {
        let mut uses = Self::listed(paths, topology, functions);
        drivers::compare(paths, topology, functions, &mut uses);
        uses
    }

    /// Finds the uses that have a sign of their own.
    fn listed(paths: &HostPaths, topology: &Topology, functions: &BTreeSet<Bdf>) -> Self {
        let mut uses = Self::default();
        let network = Network::read(paths, &mut uses);
        let elsewhere = namespaces::interfaces(paths, &mut uses);
        let mut wanted = Wanted::default();
        for &bdf in functions {
            let Some(folder) = paths.device(bdf) else {
                continue;
            };
            let nodes = nodes::of(paths, &folder);
            block::find(paths, bdf, &nodes, &mut uses);
            network.find(bdf, &nodes, &mut uses);
            network::elsewhere(paths, topology, bdf, &nodes, &elsewhere, &mut uses);
            other::find(paths, bdf, &nodes, &mut uses);
            dependents::find(paths, functions, bdf, &nodes, &mut uses);
            wanted.add(paths, bdf, &folder, &nodes);
        }
        wanted.search(paths, &mut uses);
        uses
    }

    /// Claims the disks of `functions`, and looks again for uses. Returns those that `self` lacks, and the claims,
    /// which last until they are dropped: what uses a disk must claim it, so nothing can begin to.
    #[must_use]
    pub(super) fn claim(
        &self,
        paths: &HostPaths,
        topology: &Topology,
        functions: &BTreeSet<Bdf>,
    ) -> (Vec<Use>, Vec<File>) {
        let folders = functions.iter().filter_map(|&bdf| paths.device(bdf));
        let claims: Vec<_> = folders
            .flat_map(|folder| block::claim(paths, &nodes::of(paths, &folder)))
            .collect();
        let is_ours = |name: &str| {
            let claimed = name.strip_prefix("claimed:");
            claimed.is_some_and(|claimed| claims.iter().any(|(disk, _)| covers(disk, claimed)))
        };
        let is_known = |one: &Use| {
            let mut known = self.list.iter();
            known.any(|known| (known.function, &known.name) == (one.function, &one.name))
        };
        // The claims themselves count as users of the driver.
        let mut new: Vec<_> = Self::listed(paths, topology, functions)
            .list
            .into_iter()
            .collect();
        new.retain(|one| !is_known(one) && !is_ours(&one.name));
        (new, claims.into_iter().map(|(_, file)| file).collect())
    }

    /// How many users of these functions were found that their driver's module counts, too.
    fn users(&self, functions: &BTreeSet<Bdf>) -> usize {
        let users = self.users.iter();
        let of = users.filter(|((bdf, _), _)| functions.contains(bdf));
        of.map(|(_, times)| times).sum()
    }

    /// Notes users of a function's device, of which the driver's module counts `counted` at most. One use can have
    /// several users, such as the volumes on one disk.
    fn count(&mut self, function: Bdf, device: &str, users: usize, counted: usize) {
        let known = self.users.entry((function, device.to_owned())).or_default();
        *known = (*known + users).min(counted).max(*known);
    }

    fn add(&mut self, function: Bdf, name: String, what: String, remedy: &str) {
        self.list.insert(Use {
            function,
            name,
            what,
            remedy: remedy.to_owned(),
        });
    }
}

/// Whether a driver keeps a function for programs, and makes no network interface and no display of it.
pub(super) fn keeps_for_programs(driver: &str) -> bool {
    is_vfio(driver) || driver.contains("uio") || driver == "pci-stub"
}

/// Whether a driver is one of VFIO, such as `vfio-pci` or `mlx5_vfio_pci`.
fn is_vfio(driver: &str) -> bool {
    driver.contains("vfio")
}

/// Whether the claim on a disk is also one on another block device: the disk itself, or its partitions (sda1,
/// nvme0n1p1; `bdev_add_partition()` in `block/partitions/core.c` names them).
fn covers(disk: &str, other: &str) -> bool {
    let Some(rest) = other.strip_prefix(disk) else {
        return false;
    };
    let number = if disk.ends_with(|c: char| c.is_ascii_digit()) {
        rest.strip_prefix('p')
    } else {
        Some(rest)
    };
    let is_number =
        |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    rest.is_empty() || number.is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_claim_covers_partitions_and_no_other_disk() {
        for other in ["/dev/nvme0n1", "/dev/nvme0n1p1", "/dev/nvme0n1p12"] {
            assert!(covers("/dev/nvme0n1", other), "{other}");
        }
        for other in [
            "/dev/nvme0n11",
            "/dev/nvme0n1p",
            "/dev/nvme0n11p1",
            "/dev/nvme0n2",
        ] {
            assert!(!covers("/dev/nvme0n1", other), "{other}");
        }
        assert!(covers("/dev/sda", "/dev/sda15"));
        assert!(!covers("/dev/sda", "/dev/sdaa1"));
    }
}
