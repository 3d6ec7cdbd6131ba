// SPDX-License-Identifier: GPL-2.0-only

//! acs_quirks_oracle.ko: asks the running kernel for the IOMMU groups of described machines.
//!
//! `/dev/acs_quirks_oracle` takes descriptions of any number of machines, and returns one line for
//! each: see `answer.rs`. The module is for tests only, and taints the kernel.

mod answer;
mod device;
#[allow(dead_code, unused_imports, reason = "the tools take more of it")]
#[path = "../../../tools/grouping/src/model/mod.rs"]
mod grouping;
mod model;
#[allow(dead_code, unused_imports, reason = "the model takes a part of it")]
#[path = "../../../src/rules/mod.rs"]
mod rules;
#[allow(dead_code, reason = "the module for users takes more of it")]
#[path = "../../../src/sys/running.rs"]
mod running;
#[path = "../synthetic/mod.rs"]
mod synthetic;
#[path = "../../../src/sys/taint.rs"]
mod taint;
mod verdict;

use kernel::prelude::*;

module! {
    type: Oracle,
    name: "acs_quirks_oracle",
    authors: ["The acs-quirks contributors"],
    description: "The kernel's IOMMU groups of described machines; for tests, taints the kernel",
    license: "GPL v2",
}

/// The loaded module.
struct Oracle {
    _device: device::DeviceFile,
}

impl kernel::Module for Oracle {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        taint::kernel_under_test();
        verdict::find()?;
        Ok(Self {
            _device: device::DeviceFile::create()?,
        })
    }
}
