// SPDX-License-Identifier: GPL-2.0-only

//! The plan of a regroup: what to remove, and the expected groups.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
    path::PathBuf,
};

use quirk_data::error::Error;
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Function, Partition};

use super::{
    Device, Obstacle,
    obstacles::{self, binds_in_rescan, to_user},
    uses::Uses,
    window::modules,
};
use crate::host::{HostPaths, HostView, Predicted, coarser, finer, link, text};

/// The content of `driver_override` if there is no override.
const NO_OVERRIDE: &str = "(null)";

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
        let stale = obstacles::stale(host, &predicted.groups, &set);
        let mut obstacles = obstacles::of(paths, host, &device, &predicted, &uses, stale)?;
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
