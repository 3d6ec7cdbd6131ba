// SPDX-License-Identifier: GPL-2.0-only

//! Runs the model in the kernel, on the kernel's own facts about each function.

use kernel::prelude::*;

use crate::{
    device,
    grouping::{
        self,
        acs_enabled::{
            acs_enabled,
            AcsRegisters, //
        },
        release::Release,
        DevfnSet,
        Function,
        Interface,
        Scratch, //
    },
    rules::{acs::AcsFlags, decision::KernelVerdict},
    running,
    synthetic::{
        memory::Vec,
        virtual_bus::{
            Membership,
            VirtualBus, //
        },
        Address,
        Device,
        Known, //
    },
    verdict, //
};

/// The result of the model, compared with the kernel's.
pub(crate) struct Outcome {
    /// Whether the model's groups equal the kernel's.
    pub(crate) is_same: bool,
    /// Time that the model took, in nanoseconds.
    pub(crate) nanoseconds: u64,
}

/// Runs the model on a machine, and compares its groups with `memberships`.
///
/// # Errors
///
/// `EINVAL` for a machine that the model takes for impossible; `ENOMEM`.
pub(crate) fn run(machine: &VirtualBus, memberships: &[Membership]) -> Result<Outcome> {
    let release = Release::of(running::release());
    let mut functions = Vec::new();
    let mut by_address: Vec<(Address, u32)> = Vec::new();
    let mut found = Vec::new();
    for (index, (position, device)) in (0..).zip(machine.devices()) {
        let known = device.known();
        let membership = memberships
            .get(usize::try_from(position).map_err(|_| EINVAL)?)
            .ok_or(EINVAL)?;
        by_address.push((known.address, index))?;
        found.push((known, *membership, device))?;
    }
    by_address.sort_unstable();
    let index = |address: Address| {
        let found = by_address.binary_search_by_key(&address, |entry| entry.0);
        found
            .ok()
            .and_then(|found| by_address.get(found))
            .map(|entry| entry.1)
    };
    for (known, membership, device) in &found {
        functions.push(function(known, *membership, device, index, &release))?;
    }
    let len = functions.len();
    let mut work = Vec::from_elem(Scratch::default(), len)?;
    let mut order = Vec::from_elem(0, len)?;
    let mut numbers = Vec::from_elem(None, len)?;
    let start = device::nanoseconds();
    grouping::assign(&release, &functions, &mut work, &mut order, &mut numbers)
        .map_err(|_| EINVAL)?;
    let nanoseconds = device::nanoseconds() - start;

    // The partitions are the same if each number of one corresponds to one number of the other,
    // both ways.
    let mut pairs = Vec::new();
    let mut is_same = true;
    for ((_, membership, _), number) in found.iter().zip(&numbers) {
        match (membership, number) {
            (Membership::Group(kernel), Some(model)) => pairs.push((*kernel, *model))?,
            (Membership::LeftOut | Membership::Missing, None) => {}
            _ => is_same = false,
        }
    }
    for swap in [false, true] {
        if swap {
            pairs.iter_mut().for_each(|pair| *pair = (pair.1, pair.0));
        }
        pairs.sort_unstable();
        let mut neighbours = pairs.windows(2);
        is_same &= neighbours.all(|pair| match pair {
            [one, other] => one.0 != other.0 || one.1 == other.1,
            _ => true,
        });
    }
    Ok(Outcome {
        is_same,
        nanoseconds,
    })
}

/// A function in the form that the model takes, with the kernel's facts.
fn function(
    known: &Known,
    membership: Membership,
    device: &Device,
    index: impl Fn(Address) -> Option<u32>,
    release: &Release,
) -> Function {
    let (domain, bus, devfn) = known.address;
    let interface = Interface::from_raw(known.raw_type);
    let acs = known.acs.map(|(capability, control)| AcsRegisters {
        capability: AcsFlags::from_bits(capability),
        control: AcsFlags::from_bits(control),
    });
    let quirk = KernelVerdict::from_raw(verdict::verdict(device, release.required.bits()));
    let numbers = (0..=u8::MAX).filter(|&number| {
        let bits = c_ulong::BITS as usize;
        let word = known.aliases.get(usize::from(number) / bits);
        word.is_some_and(|word| word >> (usize::from(number) % bits) & 1 != 0)
    });
    Function {
        domain,
        bus,
        devfn,
        above: known.above.and_then(&index),
        dma_device: known.vmd.and_then(&index),
        interface,
        translation_root: known.translation_root,
        keeps_requester_ids: known.keeps_requester_ids,
        multifunction: known.multifunction,
        isolated: acs_enabled(release.required, quirk, interface, known.multifunction, acs),
        dma_aliases: numbers.collect::<DevfnSet>(),
        takes_part: matches!(membership, Membership::Group(_)),
    }
}
