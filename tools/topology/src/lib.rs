// SPDX-License-Identifier: GPL-2.0-only

//! PCI topologies: which functions a machine has, how they are connected, and the IOMMU groups that
//! its kernel made of them. Nothing here knows of quirks, or of how groups are made.
//!
//! | file | what it does |
//! |---|---|
//! | `format.rs` | the file format, `pci-topology-1` |
//! | `bdf.rs`, `hex.rs`, `port.rs` | its addresses, numbers and port types |
//! | `read.rs`, `check.rs` | reads a file and checks it |
//! | `lspci/` | reads what lspci has printed |
//! | `write.rs` | writes one |
//! | `release.rs` | the release that a kernel's version names |
//! | `names.rs` | what vendors, devices and classes are called |
//! | `error.rs` | why a topology cannot be had |
//! | `sysfs.rs`, `config.rs` | captures a running host |
//! | `excerpt.rs` | the part that decides on the groups of some functions |
//! | `partition.rs` | groups without their numbers |

mod bdf;
mod check;
mod config;
mod error;
mod excerpt;
mod format;
mod hex;
mod lspci;
pub mod names;
mod partition;
mod port;
mod read;
mod release;
mod sysfs;
mod write;

pub use bdf::{Bdf, Domain};
pub use config::ConfigSpace;
pub use error::Error;
pub use excerpt::around;
pub use format::{Acs, Function, Header, Removable, Schema, Source, Sriov, Subsystem, Topology};
pub use hex::Hex;
pub use partition::{Partition, by_number, recorded};
pub use port::Port;
pub use read::{MAX_BYTES, parse, read};
pub use release::release_of;
pub use sysfs::Host;
pub use write::write;
