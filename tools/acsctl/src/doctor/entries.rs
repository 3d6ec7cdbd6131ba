// SPDX-License-Identifier: GPL-2.0-only

//! Reports which entries of a loaded module the running kernel lacks, as the module measured it.

use std::collections::BTreeSet;

use rules::table::Table;
use schemars::JsonSchema;
use serde::Serialize;

use super::Diagnosis;
use crate::host::{Hook, HostView, Measured, Module};

const CHECK: &str = "entries";

/// What the running kernel has of a module's entries.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct ModuleEntries {
    /// The name of the module.
    pub module: &'static str,
    /// The number of entries that make claims because the kernel lacks them, in whole or in part.
    pub lacking: usize,
    /// The entries of the module: first the lacking ones that list devices of this host, then by
    /// number.
    pub entries: Vec<MeasuredEntry>,
}

/// What the running kernel has of an entry.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct MeasuredEntry {
    /// The number of the entry.
    pub number: u16,
    /// The name of the entry.
    pub name: String,
    /// Whether the kernel has a quirk of its own for the ids of the entry.
    pub kernel: Measured,
    /// Whether the entry makes claims: it is neither withdrawn nor left to mainline.
    pub active: bool,
    /// Whether the entry is active and lists a device of this host.
    pub on_host: bool,
}

impl MeasuredEntry {
    /// Whether the entry makes claims because the kernel lacks it, in whole or in part. The
    /// module counts these at load.
    fn is_lacking(&self) -> bool {
        self.active && self.is_lacked()
    }

    fn is_lacked(&self) -> bool {
        matches!(self.kernel, Measured::Lacks | Measured::HasPart)
    }

    /// Whether it is unknown what an active entry adds to the kernel.
    fn is_unknown(&self) -> bool {
        self.active && self.kernel == Measured::Unknown
    }
}

impl ModuleEntries {
    /// An entry that the module did not measure counts as unknown.
    fn of(host: &HostView<'_>, module: &Module, table: &Table) -> Self {
        let listed = listed(host, table);
        let measured = module.measured.as_ref().ok().and_then(Option::as_ref);
        let entry = |(number, name): (&u16, &String)| {
            let kernel = measured.and_then(|measured| measured.get(number));
            MeasuredEntry {
                number: *number,
                name: name.clone(),
                kernel: kernel.copied().unwrap_or(Measured::Unknown),
                active: table.entries.iter().any(|entry| entry.number == *number),
                on_host: listed.contains(number),
            }
        };
        let mut entries: Vec<_> = module.names.iter().map(entry).collect();
        entries.sort_by_key(|entry| (!(entry.is_lacking() && entry.on_host), entry.number));
        let lacking = entries.iter().filter(|entry| entry.is_lacking()).count();
        Self {
            module: module.name(),
            lacking,
            entries,
        }
    }

    /// The names of some entries, separated by commas; `None` if there are none.
    fn names(&self, is_meant: impl Fn(&MeasuredEntry) -> bool) -> Option<String> {
        let meant = self.entries.iter().filter(|entry| is_meant(entry));
        let name = |entry: &MeasuredEntry| match entry.kernel {
            Measured::HasPart => format!("{} (in part)", entry.name),
            _ => entry.name.clone(),
        };
        let names: Vec<_> = meant.map(name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The finding in words.
    fn finding(&self, is_measured: bool) -> String {
        let (module, lacking) = (self.module, self.lacking);
        let unknown = self.names(MeasuredEntry::is_unknown);
        let mut parts = vec![match &unknown {
            Some(_) if !is_measured => format!(
                "{module}: it is unknown which entries this kernel lacks: the module does not \
                 report it"
            ),
            Some(_) => {
                format!("{module}: on this kernel: {lacking} entries that it is known to lack")
            }
            None if lacking == 0 => format!(
                "{module}: on this kernel: 0 entries that it lacks: the module grants nothing on \
                 this kernel that the kernel does not grant itself"
            ),
            None => format!("{module}: on this kernel: {lacking} entries that it lacks"),
        }];
        let mut add = |about: &str, names: Option<String>| {
            parts.extend(names.map(|names| format!("{about}: {names}")));
        };
        add(
            "lacking, for devices of this host",
            self.names(|entry| entry.is_lacking() && entry.on_host),
        );
        add(
            "lacking, for other devices",
            self.names(|entry| entry.is_lacking() && !entry.on_host),
        );
        add(
            "lacking, but withdrawn or left to mainline",
            self.names(|entry| entry.is_lacked() && !entry.active),
        );
        add(
            "the kernel itself answers for",
            self.names(|entry| entry.kernel == Measured::Has),
        );
        add("unknown", unknown);
        parts.join("; ")
    }
}

/// The numbers of the entries that list a device of this host.
fn listed(host: &HostView<'_>, table: &Table) -> BTreeSet<u16> {
    let functions = host.topology.functions.iter();
    let number = |vendor: u16, device: u16| Some(table.find(vendor, device)?.1.number);
    functions
        .filter_map(|function| number(function.vendor.value(), function.device?.value()))
        .collect()
}

pub(super) fn check(host: &HostView<'_>) -> Vec<Diagnosis> {
    let modules = host.loaded().iter();
    modules.filter_map(|module| of(host, module)).collect()
}

/// `None` if another check reports that the module's files cannot be read.
fn of(host: &HostView<'_>, module: &Module) -> Option<Diagnosis> {
    let table = module.table.as_ref().ok()?;
    let same_version = "install acsctl and the module from one version of acs-quirks";
    let is_measured = match &module.measured {
        Ok(measured) => measured.is_some(),
        Err(_) if matches!(module.hook, Hook::Unseen(_)) => return None,
        Err(why) => {
            let name = module.name();
            let finding = format!("{name}: it is unknown which entries this kernel lacks: {why}");
            return Some(Diagnosis::warn(CHECK, finding, same_version));
        }
    };
    let entries = ModuleEntries::of(host, module, table);
    let finding = entries.finding(is_measured);
    let diagnosis = if !entries.entries.iter().any(MeasuredEntry::is_unknown) {
        Diagnosis::pass(CHECK, finding)
    } else if is_measured {
        let remedy = "the module measures with its self-test: see the check \"module\" above, then \
                      run acsctl doctor again";
        Diagnosis::warn(CHECK, finding, remedy)
    } else {
        Diagnosis::warn(CHECK, finding, same_version)
    };
    Some(Diagnosis {
        entries: Some(entries),
        ..diagnosis
    })
}
