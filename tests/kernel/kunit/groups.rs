// SPDX-License-Identifier: GPL-2.0-only

//! The groups of a described machine, by the running kernel and by the model.

use core::fmt;

use kernel::prelude::*;

use crate::{
    grouping::{
        self,
        acs_enabled::{
            acs_enabled,
            AcsRegisters, //
        },
        aliases::{
            bridge_does,
            dma_aliases,
            Bridge,
            Identity, //
        },
        release::Release,
        Interface,
        Scratch, //
    },
    rules::{acs::AcsFlags, decision::KernelVerdict},
    synthetic::{
        description::{
            Function,
            Patch,
            Traits, //
        },
        virtual_bus::{
            Membership,
            VirtualBus, //
        }, //
    },
    verdict, //
};

/// Group of a function that takes no part in the grouping.
pub(crate) const LEFT_OUT: i32 = -1;
/// Group of a function that the kernel has not found.
pub(crate) const MISSING: i32 = -2;

/// Lets the kernel scan a machine, and reports a failure.
pub(crate) fn scan(what: &str, functions: &[Function], patches: &[Patch]) -> Result<VirtualBus> {
    VirtualBus::scan(functions.iter().copied(), patches.iter().copied()).inspect_err(|error| {
        crate::check::failure(format_args!("{what}: {error:?}{}", Shown(functions)));
    })
}

/// Checks the kernel's and the model's groups of a machine. `expected` has a group number for each
/// function, in the order of the description. Groups are numbered in the order in which they
/// appear.
pub(crate) fn check(what: &str, functions: &[Function], expected: &[i32]) -> Result {
    check_patched(what, functions, &[], expected)
}

/// Checks the groups of a machine with unsound configuration space. The model does not see the
/// patches.
pub(crate) fn check_patched(
    what: &str,
    functions: &[Function],
    patches: &[Patch],
    expected: &[i32],
) -> Result {
    let mut machine = scan(what, functions, patches)?;
    let found = of_kernel(&mut machine)?;
    let shown = Shown(functions);
    ensure!(
        *found == *expected,
        "{what}: the kernel has the groups {found:?}, expected are {expected:?}{shown}",
    );
    let found = of_model(&machine, functions)?;
    ensure!(
        *found == *expected,
        "{what}: the model has the groups {found:?}, expected are {expected:?}{shown}",
    );
    Ok(())
}

/// The kernel's groups.
pub(crate) fn of_kernel(machine: &mut VirtualBus) -> Result<KVVec<i32>> {
    let mut groups = KVVec::new();
    for membership in &machine.group()? {
        let group = match membership {
            Membership::Missing => MISSING,
            Membership::LeftOut => LEFT_OUT,
            Membership::Group(group) => i32::try_from(*group)?,
        };
        groups.push(group, GFP_KERNEL)?;
    }
    renumber(&mut groups);
    Ok(groups)
}

/// The model's groups of a machine that the kernel has scanned. The verdicts of the quirks are the
/// kernel's.
pub(crate) fn of_model(machine: &VirtualBus, described: &[Function]) -> Result<KVVec<i32>> {
    let mut functions: KVVec<grouping::Function> = KVVec::new();
    let mut positions: KVVec<usize> = KVVec::new();
    for (position, device) in machine.devices() {
        let position = usize::try_from(position)?;
        let function = described.get(position).ok_or(EINVAL)?;
        let verdict = verdict::verdict(device, AcsFlags::GROUPING.bits());
        let verdict = KernelVerdict::from_raw(verdict);
        let index = |wanted: &dyn Fn(&Function) -> bool| {
            let found = positions
                .iter()
                .position(|&position| described.get(position).is_some_and(wanted));
            found.and_then(|index| u32::try_from(index).ok())
        };
        let above = index(&|bridge| bridge.leads_to(function.domain, function.bus));
        let vmd = usize::try_from(function.vmd).ok();
        let vmd = vmd.and_then(|vmd| positions.iter().position(|position| *position == vmd));
        let vmd = vmd.and_then(|index| u32::try_from(index).ok());
        let interface = above.and_then(|above| functions.get(usize::try_from(above).ok()?));
        let interface = interface.map(|above| above.interface);
        let facts = grouping::Function {
            above,
            dma_device: vmd,
            ..facts(function, described, interface, verdict)
        };
        functions.push(facts, GFP_KERNEL)?;
        positions.push(position, GFP_KERNEL)?;
    }
    let count = functions.len();
    let mut work = KVVec::from_elem(Scratch::default(), count, GFP_KERNEL)?;
    let mut order = KVVec::from_elem(0, count, GFP_KERNEL)?;
    let mut found = KVVec::from_elem(None, count, GFP_KERNEL)?;
    let release = Release::LINUX_7_3;
    let outcome = grouping::assign(&release, &functions, &mut work, &mut order, &mut found);
    ensure!(
        outcome.is_ok(),
        "the model: {outcome:?}{}",
        Shown(described)
    );
    let mut groups = KVVec::from_elem(MISSING, described.len(), GFP_KERNEL)?;
    for (position, group) in positions.iter().zip(&found) {
        if let Some(slot) = groups.get_mut(*position) {
            *slot = group.map_or(Ok(LEFT_OUT), i32::try_from)?;
        }
    }
    renumber(&mut groups);
    Ok(groups)
}

/// The model's facts about a function, without references to others. `above` is the bridge above
/// it, as the kernel corrects its type.
fn facts(
    function: &Function,
    described: &[Function],
    above: Option<Interface>,
    verdict: KernelVerdict,
) -> grouping::Function {
    let raw = (function.pcie_type != Function::CONVENTIONAL).then_some(function.pcie_type);
    let interface = Interface::from_raw(raw).behind(above, &Release::LINUX_7_3);
    let (vendor, device) = (function.vendor, function.device);
    // Below a port with ARI Forwarding, there is only one slot.
    let is_ari = described.iter().any(|bridge| {
        bridge.leads_to(function.domain, function.bus) && bridge.traits.has(Traits::ARI_FORWARDING)
    });
    let number = if is_ari { u8::MAX } else { 0x7 } & function.devfn;
    let multifunction = function.header_type & 0x80 != 0 || number != 0;
    let acs = function.traits.has(Traits::ACS).then(|| {
        AcsRegisters {
            capability: AcsFlags::from_bits(function.acs_capability),
            control: AcsFlags::from_bits(function.acs_control),
        }
        .of_device(vendor, device, &Release::LINUX_7_3)
    });
    let required = Release::LINUX_7_3.required;
    let does = |what| bridge_does(vendor, device, what, &Release::LINUX_7_3);
    let identity = Identity {
        vendor,
        device,
        subsystem: Some((function.subsystem_vendor, function.subsystem)),
        // CAST: Base class and sub-class are the upper half.
        class: (function.class_revision >> 16) as u16,
    };
    grouping::Function {
        domain: function.domain,
        bus: function.bus,
        devfn: function.devfn,
        above: None,
        dma_device: None,
        interface,
        translation_root: does(Bridge::TranslationRoot),
        keeps_requester_ids: does(Bridge::KeepsRequesterIds),
        multifunction,
        isolated: acs_enabled(required, verdict, interface, multifunction, acs),
        dma_aliases: dma_aliases(&identity, function.devfn).numbers,
        takes_part: function.traits.has(Traits::TAKES_PART),
    }
}

/// Numbers the groups in the order in which they appear.
fn renumber(mut groups: &mut [i32]) {
    let mut next = 0;
    while let Some((group, later)) = groups.split_first_mut() {
        // Numbers below `next` are final, or mark functions without a group.
        if *group >= next {
            let old = *group;
            for other in later.iter_mut() {
                if *other == old {
                    *other = next;
                } else if *other == next {
                    *other = old;
                }
            }
            *group = next;
            next += 1;
        }
        groups = later;
    }
}

/// Writes each function on its own line.
pub(crate) struct Shown<'a>(pub(crate) &'a [Function]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for function in self.0 {
            write!(
                f,
                "\n      {:04x}:{:02x}:{:02x}.{} {:04x}:{:04x} header {:02x} type {:x} traits {:x}",
                function.domain,
                function.bus,
                function.devfn >> 3,
                function.devfn & 7,
                function.vendor,
                function.device,
                function.header_type,
                function.pcie_type,
                function.traits.0,
            )?;
            if function.traits.has(Traits::ACS) {
                write!(
                    f,
                    " ACS {:x}/{:x}",
                    function.acs_capability, function.acs_control
                )?;
            }
            if function.header_type & 0x7f != 0 {
                write!(f, " buses {:x?}", function.buses)?;
            }
        }
        Ok(())
    }
}
