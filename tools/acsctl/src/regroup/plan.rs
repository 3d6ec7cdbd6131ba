// SPDX-License-Identifier: GPL-2.0-only

//! The plan of a regroup: what to remove, the expected groups, and the obstacles.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
    path::PathBuf,
};

use grouping::model::release::Verified;
use quirk_data::{error::Error, supported};
use rules::release::Release;
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Function, Partition};

use super::{
    Device, Withheld,
    uses::{Use, Uses, keeps_for_programs},
    window::modules,
};
use crate::host::{HostPaths, HostView, Predicted, coarser, finer, link, names, text};

/// The content of `driver_override` if there is no override.
const NO_OVERRIDE: &str = "(null)";

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

/// A function to remove.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema, Serialize)]
pub struct Planned {
    /// The function's address.
    pub function: Bdf,
    /// Vendor and device id.
    pub ids: String,
    /// The bound driver.
    pub driver: Option<String>,
    /// The value of `driver_override`, if set. Not read while a function of the device is in use.
    pub driver_override: Option<String>,
    /// The function's group.
    pub group: Option<u32>,
    /// The entry that isolates the function, and its module.
    pub entry: Option<String>,
}

/// The plan of a regroup.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The function that the command named.
    pub requested: Bdf,
    /// The device.
    pub device: Device,
    /// The functions to remove, in removal order.
    pub functions: Vec<Planned>,
    /// The sysfs file that makes the kernel rescan the functions.
    pub rescan: PathBuf,
    /// The current groups of the functions, with all members.
    pub current: Partition,
    /// The expected groups of the functions.
    pub planned: Partition,
    /// The expected groups of all functions of the host.
    pub predicted: Partition,
    /// The functions of the host that would count as isolated.
    pub isolated: BTreeSet<Bdf>,
    /// The loaded modules, with the number of each one's folder in sysfs: a module that was loaded again has another.
    pub modules: BTreeMap<String, u64>,
    /// The drivers that could bind within the rescan and give a function to a program; `None` on kernels whose
    /// rescan binds no driver ([`DRIVERS_WAIT_SINCE`]).
    pub to_user: Option<Vec<String>>,
    /// The uses of the functions.
    pub uses: Uses,
    /// What may keep the kernel from making the expected groups.
    pub warnings: Vec<String>,
    /// The obstacles that were not accepted.
    pub obstacles: Vec<Obstacle>,
    /// A function whose present group the kernel would put the device into, although it would not make that group now.
    pub stale: Option<Bdf>,
    /// Whether the groups already are as expected.
    pub up_to_date: bool,
    /// The names in `--even-if` that match no obstacle.
    pub idle: BTreeSet<String>,
}

impl Plan {
    /// Whether the regroup removes this function.
    #[must_use]
    pub fn removes(&self, bdf: Bdf) -> bool {
        self.functions.iter().any(|planned| planned.function == bdf)
    }

    /// Plans a regroup of the device that `requested` belongs to. `even_if` names the accepted
    /// obstacles.
    ///
    /// # Errors
    ///
    /// [`Error`] when there is no such function, or the expected groups cannot be computed.
    pub fn make(
        paths: &HostPaths,
        host: &HostView<'_>,
        requested: Bdf,
        even_if: &BTreeSet<String>,
    ) -> Result<Self, Error> {
        let topology = &host.topology;
        let device = Device::of(topology, paths, requested)?;
        let set = device.function_set();
        let predicted = host.predict()?;
        let uses = Uses::find(paths, topology, &set);
        let current = touching(&host.groups, &set);
        // Unless a module has measured it, only a regroup shows whether the groups rest on a quirk of a later release that the
        // kernel has, or on a claim that was taken back. Coarser groups may always come back.
        let up_to_date = !current.is_empty()
            && finer(&host.groups, &host.surely_justified()?, &set).is_empty()
            && coarser(&host.groups, &predicted.groups, &set).is_empty();
        let mut obstacles = hardware_obstacles(host, &predicted, &device);
        obstacles.extend(kernel_obstacles(paths, host, &device));
        let stale = stale(host, &predicted.groups, &set);
        obstacles.extend(stale.map(stale_obstacle));
        for withheld in Withheld::all(paths)? {
            if set.iter().any(|&bdf| withheld.covers(paths, bdf)) {
                obstacles.push(withheld_obstacle(&withheld));
            } else if binds_in_rescan(host.kernel) && withheld.would_return(paths, &device) {
                obstacles.push(return_obstacle(&withheld));
            }
        }
        let unseen = uses.unseen.iter().map(|what| Obstacle {
            even_if: Some("unseen".to_owned()),
            what: format!("not checked: {what}"),
            remedy: "run acsctl as root on the host itself; if it does, stop what may use the device, or unload \
                     its driver"
                .to_owned(),
        });
        obstacles.extend(unseen);
        obstacles.extend(uses.list.iter().map(use_obstacle));
        let named: BTreeSet<_> = obstacles
            .iter()
            .filter_map(|obstacle| obstacle.even_if.clone())
            .collect();
        let is_accepted = |obstacle: &Obstacle| {
            obstacle
                .even_if
                .as_ref()
                .is_some_and(|name| even_if.contains(name))
        };
        obstacles.retain(|obstacle| !is_accepted(obstacle));
        let known: BTreeMap<_, _> = topology
            .functions
            .iter()
            .map(|function| (function.bdf, function))
            .collect();
        let functions = device.all().filter_map(|bdf| known.get(&bdf).copied());
        Ok(Self {
            requested,
            functions: functions
                .map(|function| planned(paths, &predicted, &uses, function))
                .collect(),
            rescan: device.rescan(paths),
            current,
            planned: touching(&predicted.groups, &set),
            predicted: predicted.groups,
            isolated: predicted.isolated,
            modules: modules(paths, host.loaded()),
            to_user: binds_in_rescan(host.kernel).then(|| to_user(paths)),
            warnings: warnings(paths),
            uses,
            obstacles,
            stale,
            up_to_date,
            idle: even_if.difference(&named).cloned().collect(),
            device,
        })
    }

    /// The message that refuses the regroup; `None` if there is no obstacle.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        if self.obstacles.is_empty() {
            return None;
        }
        let mut text = format!("{}: not regrouped:\n", self.requested);
        for obstacle in &self.obstacles {
            let _ = writeln!(text, "  {}\n      {}", obstacle.what, obstacle.remedy);
        }
        let flags: BTreeSet<_> = self
            .obstacles
            .iter()
            .map(|obstacle| obstacle.even_if.as_deref())
            .collect();
        if !flags.contains(&None) {
            let flags: Vec<_> = flags
                .iter()
                .flatten()
                .map(|name| format!("--even-if={name}"))
                .collect();
            let _ = writeln!(
                text,
                "to regroup anyway, and lose what depends on these functions:\n  acsctl regroup {} \
                 {}",
                self.requested,
                flags.join(" ")
            );
        }
        Some(text.trim_end().to_owned())
    }
}

/// The parameter on a kernel command line by which the kernel sets ACS itself at each scan
/// (`pci_acs_init()` in `drivers/pci/pci.c`).
pub(super) fn acs_parameter(command_line: &str) -> Option<&str> {
    let mut words = command_line.split_ascii_whitespace();
    words.find(|word| {
        let options = word.strip_prefix("pci=").unwrap_or_default();
        let sets = |option: &str| {
            option.starts_with("config_acs=") || option.starts_with("disable_acs_redir=")
        };
        options.split(',').any(sets)
    })
}

fn warnings(paths: &HostPaths) -> Vec<String> {
    let line = text(&paths.proc.join("cmdline")).unwrap_or_default();
    let parameter = acs_parameter(&line);
    let warning = |parameter| {
        format!(
            "the kernel's command line has {parameter}: the rescan sets ACS by it, so the groups may be \
             coarser than planned"
        )
    };
    parameter.map(warning).into_iter().collect()
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

/// A function that stays, and that by the prediction shares its group with the device, while its present group has others,
/// too. The kernel puts the device into that group as it is (`pci_device_group()` in `drivers/iommu/iommu.c`).
fn stale(host: &HostView<'_>, predicted: &Partition, set: &BTreeSet<Bdf>) -> Option<Bdf> {
    let stays = |bdf: &&Bdf| !set.contains(*bdf);
    touching(predicted, set).iter().find_map(|group| {
        let has_others = |mate: &Bdf| {
            let mut present = host.groups.iter();
            let present = present.find(|present| present.contains(mate));
            present
                .is_some_and(|present| present.iter().filter(stays).any(|one| !group.contains(one)))
        };
        group
            .iter()
            .filter(stays)
            .copied()
            .find(|mate| has_others(mate))
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

/// The groups that have a member in `set`.
pub(super) fn touching(groups: &Partition, set: &BTreeSet<Bdf>) -> Partition {
    let touches = |group: &&Vec<Bdf>| group.iter().any(|bdf| set.contains(bdf));
    groups.iter().filter(touches).cloned().collect()
}

fn planned(paths: &HostPaths, predicted: &Predicted, uses: &Uses, function: &Function) -> Planned {
    let bdf = function.bdf;
    let entry = predicted.granted.get(&bdf);
    let device = function.device.map_or(0, topology::Hex::value);
    Planned {
        function: bdf,
        ids: format!("{:04x}:{device:04x}", function.vendor.value()),
        driver: paths.driver(bdf),
        // On older kernels, 6.1 among them, a read takes the device's lock (`driver_override_show()` in
        // `drivers/pci/pci-sysfs.c`), which a removal holds until VFIO's last user is gone.
        driver_override: (uses.list.is_empty())
            .then(|| driver_override(paths, bdf))
            .flatten(),
        group: function.iommu_group,
        entry: entry.map(|(module, entry)| format!("{entry} of {module}")),
    }
}

/// The value of a function's `driver_override`, if set.
pub(super) fn driver_override(paths: &HostPaths, bdf: Bdf) -> Option<String> {
    let found = text(&paths.function(bdf).join("driver_override"))?;
    (!found.is_empty() && found != NO_OVERRIDE).then_some(found)
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
            remedy: "boot one of these kernels; on any other, the groups may differ from what acsctl computes"
                .to_owned(),
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

/// The plan as text.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: to remove, in this order:", self.requested)?;
        for one in &self.functions {
            let driver = one.driver.as_deref().unwrap_or("-");
            write!(f, "  {}  {}  driver {driver}", one.function, one.ids)?;
            if let Some(only) = &one.driver_override {
                write!(f, "  driver_override {only}")?;
            }
            if let Some(entry) = &one.entry {
                write!(f, "  isolated by {entry}")?;
            }
            writeln!(f)?;
            let uses = self.uses.list.iter();
            for one in uses.filter(|listed| listed.function == one.function) {
                writeln!(f, "      in use: {} ({})", one.what, one.name)?;
            }
        }
        for what in &self.uses.unseen {
            writeln!(f, "  not checked: {what}")?;
        }
        writeln!(f, "to rescan: {}", self.rescan.display())?;
        for (when, groups) in [("now", &self.current), ("planned", &self.planned)] {
            writeln!(f, "groups {when}:")?;
            write_groups(f, groups)?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for name in &self.idle {
            writeln!(f, "--even-if={name}: there is no such use")?;
        }
        Ok(())
    }
}

/// Writes one group per line.
pub(super) fn write_groups(f: &mut impl fmt::Write, groups: &Partition) -> fmt::Result {
    for group in groups {
        let members: Vec<_> = group.iter().map(ToString::to_string).collect();
        writeln!(f, "    {}", members.join(" "))?;
    }
    Ok(())
}

/// The number of a function's group.
pub(super) fn group(paths: &HostPaths, bdf: Bdf) -> Option<u32> {
    link(&paths.function(bdf).join("iommu_group"))?.parse().ok()
}
