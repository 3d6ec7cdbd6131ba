// SPDX-License-Identifier: GPL-2.0-only

//! Turns descriptions into answers.
//!
//! The answer for a machine is a line. It has the group number of each function, in the order of
//! the description, separated by spaces: `-` for a function that takes no part in the grouping, `!`
//! for a function that the kernel has not found.
//!
//! If the verdicts are asked for, a space and a word for each function follow: the results of
//! `pci_dev_specific_acs_enabled()` for each set of flags, or `=` and the index of a function with
//! the same results, counted from 0.
//!
//! If the model is asked for, three words follow: `same` or `other`, and the time that the kernel
//! and the model took, in nanoseconds.
//!
//! For a machine that cannot be scanned, the line is `error` and the error number.

use kernel::prelude::*;

use crate::{
    device, model,
    synthetic::{
        description::Header,
        memory::Vec,
        virtual_bus::{
            Membership,
            VirtualBus, //
        }, //
    },
    verdict,
};

/// Answers for all machines of an input.
///
/// # Errors
///
/// `EINVAL` when the input is not a sequence of complete machines; `ENOMEM`.
pub(crate) fn answer(asked: &[u8]) -> Result<Vec<u8>> {
    let mut rest = asked;
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let header = Header::from_bytes(rest).ok_or(EINVAL)?;
        let size = header.machine_size().ok_or(EINVAL)?;
        let (machine, others) = rest.split_at_checked(size).ok_or(EINVAL)?;
        rest = others;
        let before = answers.len();
        if let Err(error) = one(&header, machine, &mut answers) {
            answers.truncate(before);
            put(&mut answers, b"error ")?;
            number(&mut answers, error.to_errno().unsigned_abs())?;
        }
        put(&mut answers, b"\n")?;
    }
    Ok(answers)
}

/// Appends the answer for one machine.
fn one(header: &Header, bytes: &[u8], answers: &mut Vec<u8>) -> Result {
    let mut machine = VirtualBus::from_bytes(header, bytes)?;
    let start = device::nanoseconds();
    let memberships = machine.group()?;
    let kernel = device::nanoseconds() - start;
    let mut separator: &[u8] = b"";
    for membership in &memberships {
        put(answers, separator)?;
        separator = b" ";
        match membership {
            Membership::Missing => put(answers, b"!")?,
            Membership::LeftOut => put(answers, b"-")?,
            Membership::Group(group) => number(answers, *group)?,
        }
    }
    if header.questions.verdicts {
        put_verdicts(&machine, memberships.len(), answers)?;
    }
    if header.questions.model {
        let model = model::run(&machine, &memberships)?;
        put(answers, if model.is_same { b" same " } else { b" other " })?;
        number(answers, kernel)?;
        put(answers, b" ")?;
        number(answers, model.nanoseconds)?;
    }
    Ok(())
}

/// Appends what the kernel's quirks answer for each of `count` functions. Few results differ, and
/// the serial line is slow, so repeated results are only referenced.
fn put_verdicts(machine: &VirtualBus, count: usize, answers: &mut Vec<u8>) -> Result {
    let mut devices = Vec::from_elem(None, count)?;
    for (position, device) in machine.devices() {
        if let Some(slot) = devices.get_mut(usize::try_from(position).map_err(|_| EINVAL)?) {
            *slot = Some(device);
        }
    }
    let mut different: Vec<(u32, Vec<u8>)> = Vec::new();
    for (position, device) in (0..).zip(&devices) {
        put(answers, b" ")?;
        let Some(device) = device else {
            put(answers, b"!")?;
            continue;
        };
        let verdicts = verdict::verdicts(device)?;
        let known = different.iter().find(|(_, known)| **known == *verdicts);
        if let Some((first, _)) = known {
            put(answers, b"=")?;
            number(answers, *first)?;
        } else {
            put(answers, &verdicts)?;
            different.push((position, verdicts))?;
        }
    }
    Ok(())
}

fn put(answers: &mut Vec<u8>, text: &[u8]) -> Result {
    answers.extend_from_slice(text)
}

/// Appends a decimal number.
fn number(answers: &mut Vec<u8>, number: impl Into<u64>) -> Result {
    let mut number = number.into();
    let mut digits = [0; 20];
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        // CAST: A digit.
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        count += 1;
        if number == 0 {
            break;
        }
    }
    put(answers, digits.get(digits.len() - count..).unwrap_or(&[]))
}
