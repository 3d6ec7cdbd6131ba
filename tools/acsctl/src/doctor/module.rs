// SPDX-License-Identifier: GPL-2.0-only

//! Checks the loaded modules: whether their hooks have an effect, and which entries list devices of
//! this host.

use std::collections::BTreeSet;

use quirk_data::edition::Edition;
use topology::Hex;

use super::Diagnosis;
use crate::host::{Hook, HostPaths, HostView, Module};

pub(super) fn look(paths: &HostPaths, host: &HostView<'_>) -> Vec<Diagnosis> {
    if host.loaded().is_empty() {
        let installed = paths.sys.join("module").is_dir();
        let finding = if installed {
            "acs_quirks is not loaded"
        } else {
            "it cannot be seen which modules are loaded"
        };
        return vec![Diagnosis::warn(
            "module",
            finding,
            "modprobe acs_quirks (as root)",
        )];
    }
    let modules = host.loaded().iter();
    modules
        .flat_map(|module| [Some(hook(module)), table(host, module)])
        .flatten()
        .collect()
}

fn hook(module: &Module) -> Diagnosis {
    let check = "module";
    let name = module.name();
    match (&module.hook, module.edition) {
        (Hook::Effective, Edition::Validated) => {
            Diagnosis::pass(check, format!("{name} is loaded and effective"))
        }
        (Hook::Effective, Edition::Candidate | Edition::Test) => {
            let finding =
                format!("{name} is loaded and effective; its entries are vouched for by no vendor");
            let remedy = format!(
                "isolation that it claims may not exist: rmmod {name}, and regroup, when you are done with it"
            );
            Diagnosis::warn(check, finding, remedy)
        }
        (Hook::Ineffective(why), _) => {
            let finding = format!("{name} is loaded and has no effect: {why}");
            Diagnosis::fail(
                check,
                finding,
                "what the line says has to be mended; the module can stay loaded",
            )
        }
        (Hook::Unproven(why), _) => {
            let finding =
                format!("{name} is loaded; whether it has an effect could not be found out: {why}");
            Diagnosis::warn(check, finding, "the groups after a regroup tell")
        }
        (Hook::Unseen(why), _) => {
            let finding =
                format!("{name} is loaded; whether it has an effect could not be looked at: {why}");
            Diagnosis::warn(check, finding, "run it as root")
        }
    }
}

fn table(host: &HostView<'_>, module: &Module) -> Option<Diagnosis> {
    let check = "table";
    let name = module.name();
    let table = match &module.table {
        Ok(table) => table,
        // The check of the hook already reported that its file cannot be read.
        Err(_) if matches!(module.hook, Hook::Unseen(_)) => return None,
        Err(why) => {
            return Some(Diagnosis::warn(
                check,
                format!("of {name}: {why}"),
                "use the acsctl of the same version",
            ));
        }
    };
    let functions = host.topology.functions.iter();
    let entry =
        |vendor: Hex<4>, device: Option<Hex<4>>| table.find(vendor.value(), device?.value());
    let listed = functions.filter_map(|it| entry(it.vendor, it.device));
    let listed: BTreeSet<_> = listed.map(|(_, entry)| entry.name).collect();
    let listed: Vec<_> = listed.into_iter().collect();
    let which = if listed.is_empty() {
        "none for a device of this host".to_owned()
    } else {
        format!("for devices of this host: {}", listed.join(", "))
    };
    let finding = format!(
        "of {name}: version {}, entries {}, {which}",
        table.version,
        table.entries.len()
    );
    let shipped = host.shipped();
    if module.edition == Edition::Validated
        && module.table.as_ref().is_ok_and(|it| {
            it.entries.len() == shipped.entries.len() && it.version != shipped.version
        })
    {
        let remedy = format!(
            "acsctl has {}: install both from one version of acs-quirks",
            shipped.version
        );
        return Some(Diagnosis::warn(check, finding, remedy));
    }
    Some(Diagnosis::pass(check, finding))
}
