// SPDX-License-Identifier: GPL-2.0-only

//! PCI topologies: the functions of a machine, their connections, and the IOMMU groups that its
//! kernel made. This crate has no code for quirks and for the computation of groups.
//!
//! | file | contents |
//! |---|---|
//! | `format.rs` | the file format `pci-topology-1` |
//! | `bdf.rs`, `hex.rs`, `port.rs` | its addresses, numbers and PCIe types |
//! | `read.rs`, `check.rs` | reads and checks a file |
//! | `text/` | removes what programs and people add to a text: encoding, colours, quoting, tags |
//! | `lspci/` | reads the output of lspci |
//! | `groups/` | reads lists, logs and documents of IOMMU groups |
//! | `form/` | names the form of a text that shows too little or cannot be read |
//! | `merge.rs` | merges what several texts show of one machine |
//! | `write.rs` | writes a file |
//! | `release.rs` | the release of a kernel version |
//! | `names.rs` | names of vendors, devices and classes |
//! | `error.rs` | the error of reading or capturing |
//! | `sysfs.rs`, `config.rs` | captures a running host |
//! | `excerpt.rs` | the part that determines the groups of some functions, without what identifies the machine |
//! | `partition.rs` | groups without their numbers |

mod bdf;
mod check;
mod config;
mod error;
mod excerpt;
mod form;
mod format;
mod groups;
mod hex;
mod lspci;
mod merge;
pub mod names;
mod partition;
mod port;
mod read;
mod release;
mod sysfs;
mod text;
mod write;

pub use bdf::{Bdf, Domain};
pub use config::ConfigSpace;
pub use error::Error;
pub use excerpt::{around, make_nameless};
pub use form::lacks_capabilities;
pub use format::{Acs, Function, Header, Removable, Schema, Source, Sriov, Subsystem, Topology};
pub use hex::Hex;
pub use merge::UNKNOWN_VENDOR;
pub use partition::{Partition, by_number, recorded};
pub use port::Port;
pub use read::{MAX_BYTES, parse, read, read_all};
pub use release::release_of;
pub use sysfs::{Host, enabled_vfs};
pub use write::write;
