// SPDX-License-Identifier: GPL-2.0-only

//! Checks the loaded modules: whether their hooks have an effect, and which entries list devices of
//! this host.

use std::collections::BTreeSet;

use quirk_data::edition::Edition;
use rules::decision::{Decision, Refusal};
use topology::Hex;

use super::Diagnosis;
use crate::host::{Hook, HostPaths, HostView, Module};

pub(super) fn check(paths: &HostPaths, host: &HostView<'_>) -> Vec<Diagnosis> {
    if host.loaded().is_empty() {
        return vec![absent(paths, host)];
    }
    let modules = host.loaded().iter();
    modules
        .flat_map(|module| [Some(hook(module)), table(host, module)])
        .flatten()
        .collect()
}

/// Without the module, nothing is amiss unless an entry of it lists a function for which the kernel has no answer.
fn absent(paths: &HostPaths, host: &HostView<'_>) -> Diagnosis {
    let check = "module";
    let remedy = "modprobe acs_quirks (as root)";
    if !paths.sys.join("module").is_dir() {
        return Diagnosis::warn(check, "cannot read which modules are loaded", remedy);
    }
    let decisions = host.prediction().in_grouping(&host.shipped());
    let is_seen = host
        .view
        .functions
        .iter()
        .all(|seen| seen.function.pcie_known);
    let is_useless = |decision: &Decision| {
        matches!(
            decision,
            Decision::NotListed
                | Decision::Refused(_, Refusal::KernelVerdict | Refusal::Mainline(_))
        )
    };
    if is_seen && decisions.iter().all(is_useless) {
        let finding = "acs_quirks is not loaded, and has nothing to add here: the kernel answers for each function of this \
                       host that an entry lists";
        return Diagnosis::pass(check, finding);
    }
    Diagnosis::warn(check, "acs_quirks is not loaded", remedy)
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
                format!("{name} is loaded and effective; no vendor vouches for its entries");
            let remedy = format!(
                "the isolation that it claims may not exist: when you no longer need it, rmmod \
                 {name} and regroup"
            );
            Diagnosis::warn(check, finding, remedy)
        }
        (Hook::Ineffective(why), _) => {
            let finding = format!("{name} is loaded but has no effect: {why}");
            Diagnosis::fail(
                check,
                finding,
                "fix the cause in the line above; the module can stay loaded",
            )
        }
        (Hook::Unproven(why), _) => {
            let finding =
                format!("{name} is loaded, but could not find out whether it has an effect: {why}");
            Diagnosis::warn(
                check,
                finding,
                "regroup a device that an entry lists, and check its groups",
            )
        }
        (Hook::Unseen(why), _) => {
            let finding = format!("{name} is loaded, but its state was not checked: {why}");
            Diagnosis::warn(check, finding, "run acsctl doctor as root")
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
                format!("{name}: {why}"),
                "use the acsctl of the same version as the module",
            ));
        }
    };
    let functions = host.topology.functions.iter();
    let entry =
        |vendor: Hex<4>, device: Option<Hex<4>>| table.find(vendor.value(), device?.value());
    let listed = functions.filter_map(|function| entry(function.vendor, function.device));
    let listed: BTreeSet<_> = listed.map(|(_, entry)| entry.name).collect();
    let listed: Vec<_> = listed.into_iter().collect();
    let which = if listed.is_empty() {
        "none for a device of this host".to_owned()
    } else {
        format!("for devices of this host: {}", listed.join(", "))
    };
    let finding = format!(
        "{name}: version {}, entries {}, {which}",
        table.version,
        table.entries.len()
    );
    let shipped = host.shipped();
    if module.edition == Edition::Validated
        && module.table.as_ref().is_ok_and(|table| {
            table.entries.len() == shipped.entries.len() && table.version != shipped.version
        })
    {
        let remedy = format!(
            "acsctl has table version {}: install acsctl and the module from one version of \
             acs-quirks",
            shipped.version
        );
        return Some(Diagnosis::warn(check, finding, remedy));
    }
    Some(Diagnosis::pass(check, finding))
}
