// SPDX-License-Identifier: GPL-2.0-only

//! The time in which drivers are held off: from the rescan to the comparison of the groups.
//!
//! `drivers_autoprobe` holds drivers off all PCI devices of the host. So it is off only for this time,
//! and afterwards the devices that missed a driver in it are probed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use serde::{Deserialize, Serialize};
use topology::Bdf;

use crate::host::{HostPaths, Module, names, text};

/// The devices and drivers of the host when drivers were first held off.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Window {
    /// The former value of `drivers_autoprobe`.
    pub autoprobe: String,
    /// Each function, and its driver.
    devices: BTreeMap<Bdf, (Instance, Option<String>)>,
    /// Each PCI driver.
    drivers: BTreeMap<String, Instance>,
    /// The functions whose driver waits for another device (`driver_deferred_probe_add()` in
    /// `drivers/base/dd.c`). The kernel retries once when that device appears, and does nothing then if
    /// drivers are held off. Unknown without debugfs.
    #[serde(default)]
    deferred: BTreeSet<Bdf>,
}

/// The number of a folder in sysfs. A device or driver that goes and comes back has another one
/// (`__kernfs_new_node()` in `fs/kernfs/dir.c`).
pub(super) type Instance = u64;

/// What to do for a device that missed a driver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Missed {
    /// Let every driver try.
    Probe(Bdf),
    /// Let this driver try, which was registered meanwhile. It is the driver that the device had, or the device
    /// had none: perhaps somebody wants it so, and no other driver is to bind to it.
    Bind(Bdf, String),
}

impl Missed {
    /// The device.
    pub(super) const fn bdf(&self) -> Bdf {
        match self {
            Self::Probe(bdf) | Self::Bind(bdf, _) => *bdf,
        }
    }
}

impl Window {
    /// The present devices and drivers.
    ///
    /// # Errors
    ///
    /// [`std::io::Error`] when `drivers_autoprobe` cannot be read.
    pub(super) fn read(paths: &HostPaths) -> std::io::Result<Self> {
        Ok(Self {
            autoprobe: fs::read_to_string(autoprobe(paths))?.trim().to_owned(),
            devices: devices(paths)
                .into_iter()
                .map(|(bdf, instance)| (bdf, (instance, paths.driver(bdf))))
                .collect(),
            drivers: drivers(paths),
            deferred: deferred(paths),
        })
    }

    /// Whether new devices got drivers before.
    pub(super) fn is_on(&self) -> bool {
        self.autoprobe != "0"
    }

    /// The devices without a driver that would have one if drivers had not been held off.
    pub(super) fn missed(&self, paths: &HostPaths) -> Vec<Missed> {
        let mut missed = Vec::new();
        let is_new =
            |(name, instance): &(String, Instance)| self.drivers.get(name) != Some(instance);
        let new: Vec<_> = drivers(paths).into_iter().filter(is_new).collect();
        for (bdf, instance) in devices(paths) {
            if paths.driver(bdf).is_some() {
                continue;
            }
            match self.devices.get(&bdf) {
                Some((same, driver)) if *same == instance => {
                    let is_its = |(name, _): &&(String, Instance)| {
                        driver.as_ref().is_none_or(|driver| driver == name)
                    };
                    let bind = |(name, _): &(String, Instance)| Missed::Bind(bdf, name.clone());
                    missed.extend(new.iter().filter(is_its).map(bind));
                    missed.extend(self.deferred.contains(&bdf).then_some(Missed::Probe(bdf)));
                }
                _ => missed.push(Missed::Probe(bdf)),
            }
        }
        missed
    }
}

/// The file `drivers_autoprobe`.
pub(super) fn autoprobe(paths: &HostPaths) -> std::path::PathBuf {
    paths.pci().join("drivers_autoprobe")
}

/// The instances of these modules. A module that was unloaded and loaded again has an empty record.
pub(super) fn modules(paths: &HostPaths, loaded: &[Module]) -> BTreeMap<String, Instance> {
    let folder = paths.sys.join("module");
    let with_instance = |name: String| Some((name.clone(), instance(&folder.join(name))?));
    Module::names(loaded)
        .into_iter()
        .filter_map(with_instance)
        .collect()
}

/// All functions of the host.
pub(super) fn devices(paths: &HostPaths) -> BTreeMap<Bdf, Instance> {
    let all = paths.functions().into_iter();
    all.filter_map(|bdf| Some((bdf, instance(&paths.function(bdf))?)))
        .collect()
}

/// The functions whose driver waits for another device. Each line is `0000:00:1f.3`, a tab and the reason.
fn deferred(paths: &HostPaths) -> BTreeSet<Bdf> {
    let list = text(&paths.debug.join("devices_deferred")).unwrap_or_default();
    let first = |line: &str| line.split_whitespace().next()?.parse().ok();
    list.lines().filter_map(first).collect()
}

/// All PCI drivers of the host.
fn drivers(paths: &HostPaths) -> BTreeMap<String, Instance> {
    let folder = paths.pci().join("drivers");
    let with_instance = |name: String| Some((name.clone(), instance(&folder.join(name))?));
    names(&folder)
        .into_iter()
        .filter_map(with_instance)
        .collect()
}

/// The instance that a folder shows, or the link to it.
pub(super) fn instance(path: &Path) -> Option<Instance> {
    Some(fs::metadata(path).ok()?.ino())
}
