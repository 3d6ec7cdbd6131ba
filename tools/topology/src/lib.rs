// SPDX-License-Identifier: GPL-2.0-only

//! PCI topologies: which functions a machine has, how they are connected, and the IOMMU groups that
//! its kernel made of them.
//!
//! | file | what it does |
//! |---|---|
//! | `format.rs` | the file format, `pci-topology-1` |
//! | `bdf.rs`, `hex.rs`, `port.rs` | its addresses, numbers and port types |
//! | `read.rs`, `check.rs` | reads a file and checks it |
//! | `lspci/` | reads what lspci has printed |
//! | `write.rs` | writes one |
//! | `error.rs` | why a topology cannot be had |
//! | `sysfs.rs`, `config.rs` | captures a running host |
//! | `kernel.rs`, `order.rs`, `vmd.rs` | a topology as the kernel sees it |
//! | `package.rs` | which functions are of one device |
//! | `excerpt.rs` | the part that decides on the groups of some functions |
//! | `partition.rs` | the groups, computed and recorded |

mod bdf;
mod check;
mod config;
mod error;
mod excerpt;
mod format;
mod hex;
mod kernel;
mod lspci;
mod order;
mod package;
mod partition;
mod port;
mod read;
mod sysfs;
mod vmd;
mod write;

pub use bdf::{Bdf, Domain};
pub use config::ConfigSpace;
pub use error::Error;
pub use excerpt::around;
pub use format::{Acs, Function, Header, Removable, Schema, Source, Sriov, Subsystem, Topology};
pub use hex::Hex;
pub use kernel::{Assumption, Seen, View, view};
pub use package::{Package, package};
pub use partition::{Grouping, Partition, grouping, partition, recorded};
pub use port::Port;
pub use read::{MAX_BYTES, parse, read};
pub use sysfs::Host;
pub use write::write;
