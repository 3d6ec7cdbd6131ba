// SPDX-License-Identifier: GPL-2.0-only

//! The oracle: the IOMMU groups that a running stock kernel makes of described machines.
//!
//! The host describes a topology to `acs_quirks_oracle.ko`. The kernel scans the machine on a
//! synthetic bus, and groups it with its own `pci_device_group()`.
//!
//! | file | content |
//! |---|---|
//! | `../../../kernel/synthetic/description.rs` | a description as bytes; the module compiles it too |
//! | `describe.rs` | turns a topology into a description |
//! | `answer.rs` | the kernel's answer for one machine |
//! | `guest.rs` | asks a kernel about many machines in one boot |
//! | `compare.rs` | compares the kernel's groups with others |
//! | `complete.rs` | guesses ACS capabilities that a record lacks |
//! | `equivalence.rs` | functions that test the kernel's quirks |
//! | `survey.rs` | the results for many topologies: kernel, model and record |
//! | `server.rs` | a large machine, to measure how long grouping takes |
//! | `report.rs` | these results as JSON |

mod answer;
mod compare;
mod complete;
mod describe;
#[path = "../../../kernel/synthetic/description.rs"]
mod description;
pub mod equivalence;
mod guest;
pub mod report;
mod server;
mod survey;

pub use answer::{Answer, InKernel};
pub use compare::{Difference, kernel_quirks, model, with_kernel};
pub use complete::complete;
pub use describe::{Cannot, Described, describe};
pub use description::Questions;
pub use guest::{Oracle, in_boots};
pub use server::server;
pub use survey::{Groups, Outcome, Record, Survey, ask, is_amd};
