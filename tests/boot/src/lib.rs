// SPDX-License-Identifier: GPL-2.0-only

//! The boot-test bench: boots stock kernels with emulated devices and checks the IOMMU groups.
//!
//! | file | content |
//! |---|---|
//! | `arch.rs` | differences between architectures |
//! | `kernel.rs` | finds the prepared kernels and modules in the cache |
//! | `initramfs.rs` | packs the guest's initramfs |
//! | `setup.rs` | what a guest boots from: kernel, initramfs, accelerator |
//! | `space.rs` | the configuration space of an emulated function |
//! | `function.rs` | short constructors for emulated functions |
//! | `server.rs` | serves a configuration space over vfio-user, as a separate process |
//! | `emulator.rs` | starts and controls that process |
//! | `machine.rs` | the hardware of a guest, and QEMU's arguments for it |
//! | `firmware.rs` | the boot disk and the firmware of a guest with Secure Boot |
//! | `qmp.rs` | QEMU's monitor: hot-plug |
//! | `shell.rs` | the guest's shell |
//! | `user_mode.rs` | kernels that run as programs of the host |
//! | `vm.rs`, `vm/` | a running guest: its start, commands in it, and what it must end with |
//! | `groups.rs` | IOMMU groups as a partition, and their comparison |
//! | `nested.rs` | virtual machines inside a guest |
//! | `two_guests.rs` | two of them that each want one function of the same adapter |
//! | `udev.rs` | systemd's device manager in a guest |
//! | `explain.rs` | compares the output of `acsctl` with the groups of a guest's kernel |
//! | `oracle/` | the groups that a kernel makes of described machines |
//! | `blocks.rs` | the lines of the modules that ran in guests |
//! | `detectors.rs` | reports of data races and of leaked memory |
//! | `reasons.rs` | why lines of the modules ran in none |
//! | `kunit/` | the KUnit suite, on its own kernel |
//! | `mails.rs` | patches for Linux, as `git am` and `checkpatch.pl` treat them |
//! | `trials.rs` | the frame of a test program |
//! | `scenario.rs` | a test as data, and how it runs |
//! | `scenarios/` | the tests |

pub mod arch;
pub mod blocks;
mod detectors;
pub mod emulator;
pub mod explain;
mod firmware;
pub mod function;
pub mod groups;
pub mod host;
pub mod initramfs;
pub mod kernel;
pub mod kunit;
pub mod machine;
pub mod mails;
pub mod nested;
pub mod oracle;
pub mod qmp;
pub mod reasons;
pub mod scenario;
pub mod scenarios;
pub mod server;
pub mod setup;
pub mod shell;
pub mod space;
pub mod trials;
pub mod two_guests;
pub mod udev;
pub mod user_mode;
pub mod variable;
pub mod vm;
