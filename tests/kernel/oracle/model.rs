// SPDX-License-Identifier: GPL-2.0-only

//! Runs the model in the kernel, on the kernel's own facts about each function.

use kernel::{
    prelude::*,
    time::{
        Instant,
        Monotonic, //
    }, //
};

use crate::{
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
    synthetic::{
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
    let release = Release::of(verdict::running());
    let mut functions = KVVec::new();
    let mut by_address: KVVec<(Address, u32)> = KVVec::new();
    let mut found = KVVec::new();
    for (index, (position, device)) in (0..).zip(machine.devices()) {
        let known = device.known();
        let membership = memberships.get(usize::try_from(position)?).ok_or(EINVAL)?;
        by_address.push((known.address, index), GFP_KERNEL)?;
        found.push((known, *membership, device), GFP_KERNEL)?;
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
        let function = function(known, *membership, device, index, &release);
        functions.push(function, GFP_KERNEL)?;
    }
    let len = functions.len();
    let mut work = KVVec::from_elem(Scratch::default(), len, GFP_KERNEL)?;
    let mut order = KVVec::from_elem(0, len, GFP_KERNEL)?;
    let mut numbers = KVVec::from_elem(None, len, GFP_KERNEL)?;
    let start = Instant::<Monotonic>::now();
    grouping::assign(&release, &functions, &mut work, &mut order, &mut numbers)
        .map_err(|_| EINVAL)?;
    let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(0);

    // The partitions are the same if each number of one corresponds to one number of the other,
    // both ways.
    let mut pairs = KVVec::new();
    let mut is_same = true;
    for ((_, membership, _), number) in found.iter().zip(&numbers) {
        match (membership, number) {
            (Membership::Group(kernel), Some(model)) => {
                pairs.push((*kernel, *model), GFP_KERNEL)?
            }
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
