// SPDX-License-Identifier: GPL-2.0-only

//! A device for each row of each table: by itself, the kernel puts its functions into one group.
//! With the edition of the table, it splits them.

use kernel::prelude::*;

use crate::{
    edition,
    groups::{
        of_kernel,
        scan,
        Shown, //
    },
    hardware::{
        DOWNSTREAM_PORT,
        RC_ENDPOINT,
        ROOT_PORT,
        UPSTREAM_PORT, //
    },
    rules::{
        condition::{
            Condition,
            Place, //
        },
        entry::{
            Entry,
            Kind, //
        },
        limits::{
            Class,
            Limits, //
        },
        table::IdRange, //
    },
    running,
    synthetic::description::{
        Function,
        Patch, //
    },
    TABLES, //
};

/// Entries that split nothing on purpose.
const UNSPLIT: &[&str] = &[
    // Grants fewer flags than grouping asks for.
    "test/some-flags",
];
/// Entries for devices that the kernel itself splits.
const APART: &[&str] = &["test/igb"];

/// Whether the kernel itself splits the functions of an entry: the module leaves entries that
/// mainline has to the kernel.
fn is_split_by_kernel(entry: &Entry) -> bool {
    let has = |since| !running::release().is_before(since);
    APART.contains(&entry.name) || entry.mainline_since.is_some_and(has)
}

/// Offset of the first capability for a condition, and the size of each in bytes.
const CAPABILITIES: u16 = 0x80;
const STEP: u16 = 0x20;
/// Offsets of the PCI Express capability, and of extended capabilities.
const EXPRESS: u16 = 0x40;
const EXTENDED: u16 = 0x100;
const CAP_ID_EXP: u8 = 0x10;

/// Two functions that a row covers, and the ports around them.
struct RowMachine {
    functions: KVVec<Function>,
    /// Indices of the covered functions.
    covered: KVVec<u32>,
    patches: KVVec<Patch>,
}

impl RowMachine {
    /// A machine with two functions of one kind.
    fn new(row: &IdRange, entry: &Entry, kind: Kind) -> Result<Self> {
        let mate = |bus, number, device| {
            let mate = Function::mate(bus, 0, number, (row.vendor, device));
            within(row.limits, mate)
        };
        let pair = |bus| [mate(bus, 0, row.first), mate(bus, 1, row.last)];
        let ports = |bus, kind, secondary: u8| {
            let [one, two] = pair(bus);
            let bridge = |function: Function, secondary| {
                let bridge = function.kind(kind).bridge(secondary, secondary);
                within(row.limits, bridge)
            };
            [bridge(one, secondary), bridge(two, secondary + 1)]
        };
        let endpoint = |bus| Function::endpoint(bus, 0, 0, (0x1234, 0x0001));
        let mut functions = KVVec::new();
        let (above, covered, below): (&[Function], _, &[Function]) = match kind {
            Kind::MfEndpoint => (&[Function::root_port(0, 1, 1)], pair(1), &[]),
            Kind::RcEndpoint => (&[], pair(0).map(|function| function.kind(RC_ENDPOINT)), &[]),
            Kind::RootPort => (&[], ports(0, ROOT_PORT, 1), &[endpoint(1), endpoint(2)]),
            Kind::DownstreamPort => (
                &[
                    Function::port(0, 1, ROOT_PORT, 1, 5).isolating(),
                    Function::port(1, 0, UPSTREAM_PORT, 2, 5),
                ],
                ports(2, DOWNSTREAM_PORT, 3),
                &[endpoint(3), endpoint(4)],
            ),
        };
        functions.extend_from_slice(above, GFP_KERNEL)?;
        functions.extend_from_slice(&covered, GFP_KERNEL)?;
        functions.extend_from_slice(below, GFP_KERNEL)?;
        let mut machine = Self {
            functions,
            covered: KVVec::new(),
            patches: KVVec::new(),
        };
        let first = u32::try_from(above.len())?;
        for (position, function) in (first..).zip(covered) {
            machine.covered.push(position, GFP_KERNEL)?;
            machine.fulfil(position, &function, entry.conditions)?;
        }
        Ok(machine)
    }

    /// Patches a function so that it fulfils the conditions.
    fn fulfil(&mut self, function: u32, what: &Function, conditions: &[Condition]) -> Result {
        let mut list: u16 = CAPABILITIES;
        let mut last = EXPRESS;
        let mut put = |offset, value| {
            let patch = Patch::Dword {
                function,
                offset,
                value,
            };
            self.patches.push(patch, GFP_KERNEL)
        };
        let express = u32::from(what.pcie_type) << 20 | 2 << 16 | u32::from(CAP_ID_EXP);
        for condition in conditions {
            let start = match condition.at {
                Place::Config => 0,
                Place::Capability(CAP_ID_EXP) => EXPRESS,
                Place::Capability(id) => {
                    let at = list;
                    list += STEP;
                    // A second capability would have to be linked from the first.
                    ensure!(
                        last == EXPRESS,
                        "conditions on two capabilities have to be taught"
                    );
                    put(last, express | u32::from(at) << 8)?;
                    put(at, u32::from(id))?;
                    last = at;
                    at
                }
                Place::Extended(id) => {
                    put(EXTENDED, 1 << 16 | u32::from(id))?;
                    EXTENDED
                }
            };
            put(start + condition.offset, condition.value)?;
        }
        Ok(())
    }

    /// Whether the kernel groups the covered functions together.
    fn are_together(&self, what: &str) -> Result<bool> {
        let mut machine = scan(what, &self.functions, &self.patches)?;
        let groups = of_kernel(&mut machine)?;
        let group = |position: &u32| {
            let group = usize::try_from(*position)
                .ok()
                .and_then(|index| groups.get(index));
            group.copied().filter(|group| *group >= 0)
        };
        let [one, two] = &*self.covered else {
            return Err(EINVAL);
        };
        ensure!(
            group(one).is_some() && group(two).is_some(),
            "{what}: not all are found: {groups:?}{}",
            Shown(&self.functions)
        );
        Ok(group(one) == group(two))
    }
}

/// A function within the limits of a row.
fn within(limits: &Limits, function: Function) -> Function {
    let class = match limits.class {
        None => function.class_revision >> 8,
        Some(Class::Subclass(class)) => u32::from(class) << 8,
        Some(Class::Interface(class)) => class,
    };
    let function = function.class(class, limits.first_revision);
    match limits.subsystems.first() {
        Some((vendor, device)) => function.subsystem(*vendor, *device),
        None => function,
    }
}

/// Calls `check` for each row of each table, and each kind of its entry.
fn each(mut check: impl FnMut(usize, &'static Entry, RowMachine) -> Result) -> Result {
    for (number, (name, table)) in (1..).zip(TABLES) {
        for row in table.index {
            let Some(entry) = table.entries.get(usize::from(row.entry)) else {
                return Err(EINVAL);
            };
            for kind in entry.kinds.iter() {
                let machine = RowMachine::new(row, entry, kind).inspect_err(|_| {
                    crate::check::failure(format_args!("{name} {}", entry.name));
                })?;
                check(number, entry, machine)?;
            }
        }
    }
    Ok(())
}

#[kunit_tests(acs_quirks_grouping_entries)]
mod suite {
    use super::*;

    /// The entries of the loaded edition split their functions, the others do not.
    #[test]
    fn an_entry_takes_apart_what_it_speaks_for() -> Result {
        each(|table, entry, machine| {
            let split = table == edition() && !UNSPLIT.contains(&entry.name);
            let together = !split && !is_split_by_kernel(entry);
            ensure!(
                machine.are_together(entry.name)? == together,
                "{}: the functions should be {}{}",
                entry.name,
                if together { "together" } else { "apart" },
                Shown(&machine.functions)
            );
            Ok(())
        })
    }

    /// A function that the entry does not cover prevents the claim for the whole device.
    #[test]
    fn a_stranger_in_the_device_ends_the_claim() -> Result {
        each(|_, entry, mut machine| {
            let first = machine.covered.first().copied().ok_or(EINVAL)?;
            let Some(first) = machine.functions.get(usize::try_from(first)?).copied() else {
                return Err(EINVAL);
            };
            let mut stranger = first.number(7).ids((first.vendor, 0xfffe));
            if stranger.header_type & 1 != 0 {
                stranger = stranger.bridge(5, 5);
            }
            machine.functions.push(stranger, GFP_KERNEL)?;
            let together = !is_split_by_kernel(entry);
            ensure!(
                machine.are_together(entry.name)? == together,
                "{}: a stranger does not keep the functions together{}",
                entry.name,
                Shown(&machine.functions)
            );
            Ok(())
        })
    }
}
