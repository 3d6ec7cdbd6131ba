// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel itself answers, observations by a probe event of its own on the function that the module
//! hooks.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use crate::vm::Vm;

/// The answer of a kernel that has no opinion: `-ENOTTY`.
pub(super) const NO_OPINION: i32 = -25;
/// The answer of a handler that takes a function for one that is not isolated.
pub(super) const NO: i32 = 0;

/// Answers of the kernel: vendor id, device id and what `pci_dev_specific_acs_enabled()` returned.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeSet<(u16, u16, i32)>);

impl Answers {
    /// Begins to write down answers in the guest.
    pub(super) fn watch(vm: &mut Vm<'_>) -> Result<()> {
        vm.check(
            "mount -t tracefs tracefs /sys/kernel/tracing && cd /sys/kernel/tracing && \
             echo 'r:acs/verdict pci_dev_specific_acs_enabled \
             vendor=dev->vendor:x16 device=dev->device:x16 verdict=$retval:s32' >kprobe_events && \
             echo 1 >events/acs/verdict/enable",
        )?;
        Ok(())
    }

    /// Ends that, and gives what was written down.
    pub(super) fn read(vm: &mut Vm<'_>) -> Result<Self> {
        let text = vm.check(
            "cd /sys/kernel/tracing && echo 0 >events/acs/verdict/enable && grep verdict= trace && \
             echo >kprobe_events",
        )?;
        let answers = text.lines().map(answer);
        let answers: Option<_> = answers.collect();
        Ok(Self(
            answers.with_context(|| format!("it is traced:\n{text}"))?,
        ))
    }

    /// Every answer on a device.
    pub(super) fn on(&self, vendor: u16, device: u16) -> BTreeSet<i32> {
        let answers = self
            .0
            .range((vendor, device, i32::MIN)..=(vendor, device, i32::MAX));
        answers.map(|&(_, _, verdict)| verdict).collect()
    }
}

/// Reads a line of the trace, which ends with `vendor=0x1d17 device=0x753 verdict=0`.
fn answer(line: &str) -> Option<(u16, u16, i32)> {
    let value = |name: &str| {
        let mut words = line.split_whitespace();
        words.find_map(|word| word.strip_prefix(name))
    };
    let id = |name| u16::from_str_radix(value(name)?.strip_prefix("0x")?, 16).ok();
    Some((
        id("vendor=")?,
        id("device=")?,
        value("verdict=")?.parse().ok()?,
    ))
}
