// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's own answers, recorded by a separate probe event on the function that the module
//! hooks.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use crate::vm::Vm;

/// No quirk of the kernel knows the function: `-ENOTTY`.
pub(super) const NO_OPINION: i32 = -25;
/// A handler reports the function as not isolated.
pub(super) const NO: i32 = 0;

/// The kernel's answers: vendor id, device id and the return value of
/// `pci_dev_specific_acs_enabled()`.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeSet<(u16, u16, i32)>);

impl Answers {
    /// Starts to record answers in the guest.
    pub(super) fn watch(vm: &mut Vm<'_>) -> Result<()> {
        vm.check(
            "mount -t tracefs tracefs /sys/kernel/tracing && cd /sys/kernel/tracing && \
             echo 'r:acs/verdict pci_dev_specific_acs_enabled \
             vendor=dev->vendor:x16 device=dev->device:x16 verdict=$retval:s32' >kprobe_events && \
             echo 1 >events/acs/verdict/enable",
        )?;
        Ok(())
    }

    /// Stops recording, and returns the answers.
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

    /// All answers about functions with these ids.
    pub(super) fn on(&self, vendor: u16, device: u16) -> BTreeSet<i32> {
        let answers = self
            .0
            .range((vendor, device, i32::MIN)..=(vendor, device, i32::MAX));
        answers.map(|&(_, _, verdict)| verdict).collect()
    }
}

/// Parses a line of the trace, which ends with `vendor=0x1d17 device=0x753 verdict=0`.
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
