// SPDX-License-Identifier: GPL-2.0-only

//! From descriptions to answers.
//!
//! For each machine a line: for each function, in the order of the description, the number of its
//! group; `-` when it takes no part, `!` when the kernel has not found it; a space between two. A
//! machine that is asked about for verdicts has behind that, for each function, a space and what
//! `pci_dev_specific_acs_enabled()` returns for each set of flags; `=` and a number for what the
//! function of that number, from 0, has. One that is asked about for the model has three words at the
//! end: `same` or `other`, and how long the kernel and the model took, in nanoseconds. A machine that cannot be scanned has `error` and the number
//! of the error.

use kernel::{
    prelude::*,
    time::{
        Instant,
        Monotonic, //
    }, //
};

use crate::{
    model,
    synthetic::{
        description::Header,
        virtual_bus::{
            Membership, //
            VirtualBus,
        }, //
    },
    verdict,
};

/// Answers for all machines of a text.
///
/// # Errors
///
/// `EINVAL` when the text does not consist of whole machines; `ENOMEM`.
pub(crate) fn answer(asked: &[u8]) -> Result<KVVec<u8>> {
    let mut rest = asked;
    let mut answers = KVVec::new();
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

/// Answers for one machine.
fn one(header: &Header, bytes: &[u8], answers: &mut KVVec<u8>) -> Result {
    let mut machine = VirtualBus::from_bytes(header, bytes)?;
    let start = Instant::<Monotonic>::now();
    let memberships = machine.group()?;
    let kernel = u64::try_from(start.elapsed().as_nanos()).unwrap_or(0);
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

/// Puts what the kernel's quirks say of each of `count` functions. Few of them differ, and what is put
/// goes over a slow line.
fn put_verdicts(machine: &VirtualBus, count: usize, answers: &mut KVVec<u8>) -> Result {
    let mut devices = KVVec::from_elem(None, count, GFP_KERNEL)?;
    for (position, device) in machine.devices() {
        if let Some(slot) = devices.get_mut(usize::try_from(position)?) {
            *slot = Some(device);
        }
    }
    let mut different: KVVec<(u32, KVVec<u8>)> = KVVec::new();
    for (position, device) in (0..).zip(devices) {
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
            different.push((position, verdicts), GFP_KERNEL)?;
        }
    }
    Ok(())
}

fn put(answers: &mut KVVec<u8>, text: &[u8]) -> Result {
    Ok(answers.extend_from_slice(text, GFP_KERNEL)?)
}

/// Puts a number, decimal.
fn number(answers: &mut KVVec<u8>, number: impl Into<u64>) -> Result {
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
