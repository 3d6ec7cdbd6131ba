// SPDX-License-Identifier: GPL-2.0-only

//! Checks the IOMMU: presence, translation and interrupt remapping. The checks read what the kernel
//! set up, not the command line.

use std::{collections::BTreeMap, fs};

use super::Diagnosis;
use crate::host::{HostPaths, HostView, names, text};

pub(super) fn check(paths: &HostPaths, host: &HostView<'_>) -> Vec<Diagnosis> {
    let units = names(&paths.sys.join("class/iommu"));
    if host.groups.is_empty() || units.is_empty() {
        return vec![no_iommu(paths, host, &units)];
    }
    let kind = host.topology.iommu.as_deref().unwrap_or("unknown kind");
    let finding = format!(
        "{kind}, units {}, groups {}",
        units.len(),
        names(&paths.sys.join("kernel/iommu_groups")).len()
    );
    vec![
        Diagnosis::pass("iommu", finding),
        translation(paths),
        interrupts(paths),
    ]
}

fn no_iommu(paths: &HostPaths, host: &HostView<'_>, units: &[String]) -> Diagnosis {
    let finding = match (host.groups.is_empty(), units.is_empty()) {
        (false, _) => {
            "there are groups but no IOMMU: they come from VFIO's \"no-IOMMU\" mode and protect \
             nothing"
        }
        (true, true) => "there is no IOMMU, or it is disabled: nothing can be isolated",
        (true, false) => {
            "there is an IOMMU, but no PCI function is in a group: it does not translate"
        }
    };
    let processor = fs::read_to_string(paths.proc.join("cpuinfo")).unwrap_or_default();
    let remedy = if processor.contains("GenuineIntel") {
        "enable VT-d in the firmware setup; if it is enabled there, boot with intel_iommu=on"
    } else if processor.contains("AuthenticAMD") {
        "enable the IOMMU (AMD-Vi, not only SVM) in the firmware setup; remove amd_iommu=off from \
         the kernel command line"
    } else {
        "enable the IOMMU in the firmware setup; remove iommu=off from the kernel command line"
    };
    Diagnosis::fail("iommu", finding, remedy)
}

/// Checks the default domain types of the groups.
fn translation(paths: &HostPaths) -> Diagnosis {
    let check = "translation";
    let folder = paths.sys.join("kernel/iommu_groups");
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for group in names(&folder) {
        let kind = text(&folder.join(group).join("type"));
        *kinds
            .entry(kind.unwrap_or_else(|| "unknown".to_owned()))
            .or_default() += 1;
    }
    let list: Vec<_> = kinds
        .iter()
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    let list = list.join(", ");
    let Some(count) = kinds.get("identity") else {
        return Diagnosis::pass(check, format!("domain types of the groups: {list}"));
    };
    let finding = format!(
        "the IOMMU does not translate for host drivers in {count} groups ({list}); it does for \
         VFIO"
    );
    let remedy = "to restrict devices of the host to their own memory too, remove iommu=pt (or \
                  iommu.passthrough=1) from the kernel command line";
    Diagnosis::warn(check, finding, remedy)
}

/// Checks interrupt remapping by the names of the interrupt chips.
fn interrupts(paths: &HostPaths) -> Diagnosis {
    let check = "interrupts";
    let table = fs::read_to_string(paths.proc.join("interrupts")).unwrap_or_default();
    let has = |begin: &str| table.split_whitespace().any(|word| word.starts_with(begin));
    let parameter = "module/vfio_iommu_type1/parameters/allow_unsafe_interrupts";
    let unsafe_ones = text(&paths.sys.join(parameter));
    let is_unsafe = unsafe_ones.as_deref() == Some("Y");
    if has("IR-") || has("ITS-") {
        return Diagnosis::pass(check, "remapped");
    }
    let finding = "not remapped: a device in a guest can raise any interrupt of the host";
    let remedy = "enable interrupt remapping in the firmware setup (with VT-d, x2APIC); remove \
                  intremap=off from the kernel command line";
    if is_unsafe {
        let finding =
            format!("{finding}, and VFIO is configured to accept that (allow_unsafe_interrupts)");
        return Diagnosis::fail(check, finding, remedy);
    }
    Diagnosis::warn(
        check,
        format!("{finding}; VFIO therefore refuses devices"),
        remedy,
    )
}
