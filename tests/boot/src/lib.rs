// SPDX-License-Identifier: GPL-2.0-only

//! The boot-test bench: stock kernels, emulated devices, and the groups that come of them.
//!
//! | file | what it does |
//! |---|---|
//! | `arch.rs` | what differs between architectures |
//! | `kernel.rs` | finds the prepared kernels and modules in the cache |
//! | `initramfs.rs` | packs the guest's file system |
//! | `setup.rs` | the three things that a guest boots from: kernel, file system, accelerator |
//! | `space.rs` | the configuration space of an emulated function |
//! | `function.rs` | an emulated endpoint in a few words |
//! | `server.rs` | serves a configuration space over vfio-user, in a process of its own |
//! | `emulator.rs` | that process, and what it is told |
//! | `machine.rs` | what hardware a guest has, and the command line for it |
//! | `qmp.rs` | QEMU's monitor: hot-plug |
//! | `shell.rs` | the guest's shell |
//! | `vm.rs` | a running guest |
//! | `groups.rs` | IOMMU groups as a partition, compared |
//! | `nested.rs` | virtual machines on a guest |
//! | `two_guests.rs` | two of them, which want one adapter |
//! | `owner.rs` | what `acsctl` tells an owner, held against what a kernel has made |
//! | `oracle/` | what groups a kernel makes of described machines |
//! | `kunit/` | the KUnit suite, on a kernel of its own |
//! | `scenario.rs` | a test as data, and how it is run |
//! | `scenarios/` | the tests |

pub mod arch;
pub mod emulator;
pub mod explain;
pub mod function;
pub mod groups;
pub mod initramfs;
pub mod kernel;
pub mod kunit;
pub mod machine;
pub mod nested;
pub mod oracle;
pub mod qmp;
pub mod scenario;
pub mod scenarios;
pub mod server;
pub mod setup;
pub mod shell;
pub mod space;
pub mod two_guests;
pub mod vm;
