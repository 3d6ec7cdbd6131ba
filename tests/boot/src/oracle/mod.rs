// SPDX-License-Identifier: GPL-2.0-only

//! The kernel as oracle: what IOMMU groups a running stock kernel makes of machines that nobody has.
//!
//! A topology is described to `acs_quirks_oracle.ko`, whose synthetic bus has the kernel scan it and
//! group it with its own `pci_device_group()`.
//!
//! | file | what it does |
//! |---|---|
//! | `../../../synthetic/description.rs` | a description as bytes; the module compiles it too |
//! | `describe.rs` | from a topology to its description |
//! | `answer.rs` | what the kernel says of one |
//! | `guest.rs` | asks kernels about many topologies in one boot |
//! | `compare.rs` | holds the kernel's groups against others |
//! | `complete.rs` | who may have ACS where that was not seen |
//! | `equivalence.rs` | functions to ask the kernel's quirks about |
//! | `survey.rs` | what comes of many topologies: kernel, model and record |
//! | `report.rs` | that as JSON |

mod answer;
mod compare;
mod complete;
mod describe;
#[path = "../../../kernel/synthetic/description.rs"]
mod description;
pub mod equivalence;
mod guest;
pub mod report;
mod survey;

pub use answer::{Answer, InKernel};
pub use compare::{Difference, kernel_quirks, model};
pub use complete::complete;
pub use describe::{Cannot, Described, describe};
pub use description::Questions;
pub use guest::Oracle;
pub use survey::{Groups, Outcome, Record, Survey, ask, is_amd};
