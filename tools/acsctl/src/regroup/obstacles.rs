// SPDX-License-Identifier: GPL-2.0-only

//! The obstacles of a regroup: what must not be removed, what would not come back as planned, and what is in use.

use std::collections::BTreeSet;

use grouping::model::release::Verified;
use quirk_data::{error::Error, supported};
use rules::release::Release;
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Partition};

use super::{
    Device, Withheld,
    plan::{driver_override, touching},
    uses::{Use, Uses, keeps_for_programs},
};
use crate::host::{HostPaths, HostView, Predicted, names, text};

/// A reason not to regroup.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Obstacle {
    /// The name that accepts this obstacle with `--even-if`; `None` if it cannot be accepted.
    pub even_if: Option<String>,
    /// The description.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// All obstacles of a regroup of this device.
///
/// # Errors
///
/// [`Error`] when the record of a withheld device cannot be read.
pub(super) fn of(
    paths: &HostPaths,
    host: &HostView<'_>,
    device: &Device,
    predicted: &Predicted,
    uses: &Uses,
    stale: Option<Bdf>,
) -> Result<Vec<Obstacle>, Error> {
    let set = device.function_set();
    let mut found = hardware_obstacles(host, predicted, device);
    found.extend(kernel_obstacles(paths, host, device));
    found.extend(stale.map(stale_obstacle));
    for withheld in Withheld::all(paths)? {
        if set.iter().any(|&bdf| withheld.covers(paths, bdf)) {
            found.push(withheld_obstacle(&withheld));
        } else if binds_in_rescan(host.kernel) && withheld.would_return(paths, device) {
            found.push(return_obstacle(&withheld));
        }
    }
    found.extend(uses.unseen.iter().map(|what| unseen_obstacle(what)));
    found.extend(uses.list.iter().map(use_obstacle));
    Ok(found)
}

fn unseen_obstacle(what: &str) -> Obstacle {
    Obstacle {
        even_if: Some("unseen".to_owned()),
        what: format!("not checked: {what}"),
        remedy: "run acsctl as root on the host itself; if it does, stop what may use the device, or unload its driver"
            .to_owned(),
    }
}

fn withheld_obstacle(withheld: &Withheld) -> Obstacle {
    Obstacle {
        even_if: None,
        what: format!(
            "an earlier regroup withheld the device of {}, because {}",
            withheld.requested,
            withheld.why.trim_end()
        ),
        remedy: format!(
            "acsctl regroup --release {} lets it be regrouped again",
            withheld.requested
        ),
    }
}

fn return_obstacle(withheld: &Withheld) -> Obstacle {
    let requested = withheld.requested;
    Obstacle {
        even_if: None,
        what: format!(
            "the rescan would bring back the device of {requested}, which an earlier regroup withheld: on kernels \
             before {DRIVERS_WAIT_SINCE} it may get a driver within the rescan"
        ),
        remedy: format!(
            "reboot, which groups that device correctly; or let it come back as it is: acsctl regroup --release \
             {requested}"
        ),
    }
}

/// A function that stays, and that by the prediction shares its group with the device, while its present group has others,
/// too. The kernel puts the device into that group as it is (`pci_device_group()` in `drivers/iommu/iommu.c`).
pub(super) fn stale(
    host: &HostView<'_>,
    predicted: &Partition,
    set: &BTreeSet<Bdf>,
) -> Option<Bdf> {
    let stays = |bdf: &&Bdf| !set.contains(*bdf);
    touching(predicted, set).iter().find_map(|group| {
        let has_others = |mate: &Bdf| {
            let mut present = host.groups.iter();
            let present = present.find(|present| present.contains(mate));
            present
                .is_some_and(|present| present.iter().filter(stays).any(|one| !group.contains(one)))
        };
        group.iter().filter(stays).copied().find(has_others)
    })
}

fn stale_obstacle(stale: Bdf) -> Obstacle {
    Obstacle {
        even_if: Some(format!("group-of:{stale}")),
        what: format!(
            "the kernel would put it into the present group of {stale}, which is coarser than the kernel would make it now"
        ),
        remedy: format!("regroup that function first: acsctl regroup {stale}"),
    }
}

fn use_obstacle(one: &Use) -> Obstacle {
    Obstacle {
        even_if: Some(one.name.clone()),
        what: format!("{}: {}", one.function, one.what),
        remedy: one.remedy.clone(),
    }
}

/// The obstacles in the hardware.
fn hardware_obstacles(
    host: &HostView<'_>,
    predicted: &Predicted,
    device: &Device,
) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let mut never = |what: String, remedy: &str| {
        found.push(Obstacle {
            even_if: None,
            what,
            remedy: remedy.to_owned(),
        });
    };
    let set = device.function_set();
    for &bdf in &device.with_children {
        let what = format!(
            "{bdf} is an endpoint with PCI functions below it, which its driver makes (VMD)"
        );
        never(
            what,
            "a rescan would not bring them back; unbind its driver first",
        );
    }
    let functions = host.topology.functions.iter();
    for function in functions.filter(|function| set.contains(&function.bdf)) {
        let bdf = function.bdf;
        if function.iommu_group.is_none() {
            let remedy = "run acsctl doctor to check the IOMMU";
            never(format!("{bdf} is in no IOMMU group"), remedy);
            continue;
        }
        let Some(header) = host.header_type(bdf) else {
            let remedy = "a rescan would not find it; a reset or a reboot may help";
            never(format!("{bdf} does not answer"), remedy);
            continue;
        };
        if !(function.pcie_known && function.acs_known) {
            let what = format!(
                "{bdf}: its capabilities cannot be read, so the result cannot be predicted"
            );
            never(what, "run acsctl as root");
            continue;
        }
        // On a rescan, the kernel groups a function before it marks the function as one of several
        // (pci_scan_slot() in drivers/pci/probe.c), unless the function's own header has the
        // multi-function bit. Without the bit, the function gets a group of its own although
        // nothing isolates it. That group is correct only if the function is isolated anyway.
        let is_first = bdf.function() == 0;
        if !is_first && header & 0x80 == 0 && !predicted.isolated.contains(&bdf) {
            let what = format!(
                "the header of {bdf} lacks the multi-function bit: on a rescan, the kernel would \
                 put it into a group of its own, although nothing isolates it"
            );
            let remedy =
                "only a reboot groups it correctly; a group from a rescan would protect nothing";
            never(what, remedy);
        }
    }
    found
}

/// The first series on which no driver binds to a function before its group has been compared.
/// Earlier kernels bind drivers within the rescan, regardless of `drivers_autoprobe`
/// (`pci_bus_add_device()` in `drivers/pci/bus.c`).
pub const DRIVERS_WAIT_SINCE: Release = Release::new(7, 2);

/// The obstacles of the kernel: no test runs a regroup on it, a driver could give a function to user space before its
/// group has been compared, or take a function that is kept from it.
fn kernel_obstacles(paths: &HostPaths, host: &HostView<'_>, device: &Device) -> Vec<Obstacle> {
    let version = host.topology.kernel.clone().unwrap_or_default();
    let is_tested = host.verified() != Verified::No && supported::is_supported(&version);
    let mut found = Vec::new();
    if !is_tested {
        let shown: Vec<_> = supported::series().map(|one| one.to_string()).collect();
        found.push(Obstacle {
            even_if: Some(format!("kernel:{version}")),
            what: format!(
                "this kernel is {version}, and a regroup has been tested on {}",
                shown.join(", ")
            ),
            remedy: format!(
                "boot one of these kernels, or accept with --even-if=kernel:{version} that no test has shown a regroup \
                 on this one"
            ),
        });
    }
    let obstacle = |driver| Obstacle {
        what: format!(
            "the driver {driver} is loaded: on kernels before {DRIVERS_WAIT_SINCE} it may bind within the rescan, \
             and give a function to a program before the groups are compared"
        ),
        remedy: format!("unload it first: modprobe -r {driver}"),
        even_if: Some(format!("driver:{driver}")),
    };
    if binds_in_rescan(host.kernel) {
        found.extend(to_user(paths).into_iter().map(obstacle));
        found.extend(device.all().filter_map(|bdf| override_obstacle(paths, bdf)));
    }
    found
}

/// The obstacle for a function whose override is not in force within a rescan that binds drivers, unless the driver that it
/// names is one that takes the function anyway.
fn override_obstacle(paths: &HostPaths, bdf: Bdf) -> Option<Obstacle> {
    let only = driver_override(paths, bdf)?;
    let takes_it = paths.driver(bdf).as_ref() == Some(&only) && !keeps_for_programs(&only);
    (!takes_it).then(|| Obstacle {
        even_if: Some(format!("override:{bdf}")),
        what: format!(
            "{bdf} has the driver_override {only}, which a rescan forgets: on kernels before {DRIVERS_WAIT_SINCE} another \
             driver of the host may bind within it"
        ),
        remedy: "unload the driver of the host that would take it, or boot a newer kernel".to_owned(),
    })
}

/// Whether a rescan binds drivers on the kernel of this release; assumed of an unknown one.
pub(super) fn binds_in_rescan(release: Option<Release>) -> bool {
    release.is_none_or(|release| release.is_before(DRIVERS_WAIT_SINCE))
}

/// The release of the running kernel, if known.
pub(super) fn release(paths: &HostPaths) -> Option<Release> {
    topology::release_of(&text(&paths.proc.join("sys/kernel/osrelease"))?)
}

/// The loaded drivers that give a function to a program.
pub(super) fn to_user(paths: &HostPaths) -> Vec<String> {
    let drivers = names(&paths.pci().join("drivers")).into_iter();
    drivers
        .filter(|name| name.contains("vfio") || name.contains("uio"))
        .collect()
}
