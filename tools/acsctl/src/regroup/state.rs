// SPDX-License-Identifier: GPL-2.0-only

//! The state file: what a run needs to restore everything. A killed run leaves it behind, and the
//! next run restores from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use quirk_data::error::Error;
use serde::{Deserialize, Serialize};
use topology::{Bdf, Partition, Topology};

use super::{
    Plan,
    device::is_bridge,
    judge::all_groups,
    plan::{driver_override, touching},
    window::{Instance, Window, devices},
};
use crate::host::{HostPaths, coarser, names, text};

const SCHEMA: &str = "acsctl-regroup-state-4";

/// A phase of a regroup.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Drivers are being unbound.
    Unbind,
    /// Functions are being removed.
    Remove,
    /// Functions are being rescanned, and their groups compared; drivers are held off.
    Rescan,
    /// Drivers are being bound.
    Restore,
}

/// The state of a function before the regroup.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// The function's address.
    pub bdf: Bdf,
    /// Whether the function is a bridge.
    pub is_bridge: bool,
    /// Vendor, device, class, revision and subsystem, as in sysfs.
    pub identity: String,
    /// The bound driver.
    pub driver: Option<String>,
    /// The value of `driver_override`, if set.
    pub driver_override: Option<String>,
    /// The domain type of its group.
    pub domain: Option<String>,
}

/// The power of the bridge above the functions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Power {
    /// The file `power/control` of the bridge.
    pub file: PathBuf,
    /// Its value before the regroup: `auto`.
    pub control: String,
}

impl Power {
    /// That of a bridge which may go to sleep.
    fn of(paths: &HostPaths, bridge: Bdf) -> Option<Self> {
        let file = paths.function(bridge).join("power/control");
        let control = text(&file)?;
        (control != AWAKE).then_some(Self { file, control })
    }
}

/// The value of `power/control` that keeps a function awake.
pub(super) const AWAKE: &str = "on";

/// A function of the host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// Its folder in sysfs.
    pub instance: Instance,
    /// As [`Saved::identity`].
    pub identity: String,
}

/// All that a restore needs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct State {
    schema: String,
    /// The boot ID. Groups and devices do not outlast a boot.
    boot: String,
    /// The function that the command named.
    pub requested: Bdf,
    /// The current phase. The key in the file is `step`.
    pub step: Phase,
    /// The devices and drivers when drivers were first held off; `None` while they are not.
    pub window: Option<Window>,
    /// The sysfs file that makes the kernel rescan the functions.
    pub rescan: PathBuf,
    /// The power of the bridge above. `None` if there is none that may go to sleep.
    pub power: Option<Power>,
    /// The functions, in removal order.
    pub functions: Vec<Saved>,
    /// The functions to remove with a write of their own; the kernel removes the others together
    /// with these.
    pub own: Vec<Bdf>,
    /// All functions of the host before the regroup.
    pub present: BTreeMap<Bdf, Known>,
    /// All groups of the host before the regroup.
    pub before: Partition,
    /// All groups of the host by the plan.
    pub planned: Partition,
    /// The functions of the host that count as isolated by the plan.
    pub isolated: BTreeSet<Bdf>,
    /// The modules that were loaded at the start.
    pub modules: BTreeMap<String, Instance>,
    /// Whether the claims were taken back: no module is loaded that could have made them.
    pub taken_back: bool,
}

impl State {
    /// The state before the first step.
    #[must_use]
    pub fn new(paths: &HostPaths, topology: &Topology, plan: &Plan) -> Self {
        let saved = |bdf| Saved {
            bdf,
            is_bridge: is_bridge(topology, bdf),
            identity: identity(paths, bdf).unwrap_or_default(),
            driver: paths.driver(bdf),
            driver_override: driver_override(paths, bdf),
            domain: domain(paths, bdf),
        };
        Self {
            schema: SCHEMA.to_owned(),
            boot: boot(paths),
            requested: plan.requested,
            step: Phase::Unbind,
            window: None,
            rescan: plan.rescan.clone(),
            power: (plan.device.bridge).and_then(|bridge| Power::of(paths, bridge)),
            functions: plan.device.all().map(saved).collect(),
            own: plan.device.own.clone(),
            present: present(paths),
            before: all_groups(paths),
            planned: plan.predicted.clone(),
            isolated: plan.isolated.clone(),
            modules: plan.modules.clone(),
            taken_back: false,
        }
    }

    /// The functions to remove.
    #[must_use]
    pub fn function_set(&self) -> BTreeSet<Bdf> {
        self.functions.iter().map(|saved| saved.bdf).collect()
    }

    /// Reduces the state to these functions, which are still to be restored: the rest of the host is as it
    /// is to be, and in use again. Nobody compared the groups of these functions, so they do not count as
    /// having been there.
    pub(super) fn reduce(
        &mut self,
        paths: &HostPaths,
        open: &BTreeSet<Bdf>,
        modules: BTreeMap<String, Instance>,
    ) {
        self.functions.retain(|saved| open.contains(&saved.bdf));
        self.own = self.functions.iter().map(|saved| saved.bdf).collect();
        self.present = present(paths);
        self.present.retain(|bdf, _| !open.contains(bdf));
        self.before = all_groups(paths);
        for group in &mut self.before {
            group.retain(|bdf| !open.contains(bdf));
        }
        self.before.retain(|group| !group.is_empty());
        self.modules = modules;
        self.step = Phase::Rescan;
    }

    /// The groups among these that are coarser than planned, for functions of the device. Another function that is at a
    /// planned address now is not in the plan.
    #[must_use]
    pub fn coarser(&self, paths: &HostPaths, groups: &Partition) -> Partition {
        let set = self.function_set();
        let is_planned = |bdf: &Bdf| {
            let known = self.present.get(bdf);
            known.is_none_or(|known| identity(paths, *bdf).as_ref() == Some(&known.identity))
        };
        let mut groups = touching(groups, &set);
        for group in &mut groups {
            group.retain(is_planned);
        }
        coarser(&groups, &self.planned, &set)
    }

    /// The functions that are not present.
    #[must_use]
    pub fn missing(&self, paths: &HostPaths) -> Vec<Bdf> {
        let functions = self.functions.iter().map(|saved| saved.bdf);
        functions
            .filter(|&bdf| !Self::is_there(paths, bdf))
            .collect()
    }

    /// Whether a function is present.
    #[must_use]
    pub fn is_there(paths: &HostPaths, bdf: Bdf) -> bool {
        paths.function(bdf).exists()
    }

    /// Writes the state file. The next step can be undone from then on.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`]; an existing state file is unchanged.
    pub fn save(&self, paths: &HostPaths) -> Result<(), Error> {
        write_file(&self.path(paths), self)
    }

    /// Removes the state file after everything is restored.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the file cannot be removed.
    pub fn remove(&self, paths: &HostPaths) -> Result<(), Error> {
        let path = self.path(paths);
        match fs::remove_file(&path) {
            // The first write of it failed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|error| Error::io("remove", &path, &error)),
        }
    }

    /// The path of the state file.
    #[must_use]
    pub fn path(&self, paths: &HostPaths) -> PathBuf {
        path_of(paths, self.requested)
    }

    /// Removes the state file of this name if it is malformed or of another version. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the file cannot be read or removed.
    pub(super) fn forget_malformed(paths: &HostPaths, requested: Bdf) -> Result<bool, Error> {
        let path = path_of(paths, requested);
        if !path.exists() || parse(&path, &content(&path)?).is_ok() {
            return Ok(false);
        }
        fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
        Ok(true)
    }

    /// The state files that killed runs of this boot left behind. Removes those of earlier boots,
    /// for which there is nothing to restore.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when a state file cannot be read or removed, or is malformed.
    pub fn left_behind(paths: &HostPaths) -> Result<Vec<Self>, Error> {
        Self::left_behind_but(paths, None)
    }

    /// The same without the file with the name `but`, if it is malformed.
    pub(super) fn left_behind_but(paths: &HostPaths, but: Option<Bdf>) -> Result<Vec<Self>, Error> {
        let folder = folder(paths);
        let mut found = Vec::new();
        for (name, path) in records(&folder, "regroup-") {
            let state = match parse(&path, &content(&path)?) {
                Err(_) if but.is_some_and(|but| but.to_string() == name) => continue,
                state => state?,
            };
            if state.boot == boot(paths) {
                found.push(state);
            } else {
                fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
            }
        }
        Ok(found)
    }
}

fn path_of(paths: &HostPaths, requested: Bdf) -> PathBuf {
    folder(paths).join(format!("regroup-{requested}.json"))
}

pub(super) fn content(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::io("read", path, &error))
}

fn parse(path: &Path, bytes: &[u8]) -> Result<State, Error> {
    /// All that files of other versions are sure to have.
    #[derive(Deserialize)]
    struct Schema {
        schema: String,
    }
    let malformed = |error: String| malformed(path, &error);
    let Schema { schema } =
        serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    if schema != SCHEMA {
        return Err(malformed(format!("unknown schema {schema}")));
    }
    serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))
}

/// The files in a folder whose names are `prefix`, an address and `.json`, by that address. Drafts of
/// [`write_file`] have another ending.
pub(crate) fn records(folder: &Path, prefix: &str) -> Vec<(String, PathBuf)> {
    let record = |name: String| {
        let address = name.strip_prefix(prefix)?.strip_suffix(".json")?;
        Some((address.to_owned(), folder.join(&name)))
    };
    names(folder).into_iter().filter_map(record).collect()
}

/// Writes a file as JSON, with its folder. An existing file is replaced as a whole. The file outlasts a power
/// failure where its file system does.
pub(super) fn write_file(path: &Path, content: &impl Serialize) -> Result<(), Error> {
    let temporary = path.with_extension("new");
    let folder = path.parent().unwrap_or(path);
    let failed = |error| Error::io("write", path, &error);
    let json = serde_json::to_vec_pretty(content).map_err(|error| failed(error.into()))?;
    make_folder(folder)?;
    // A run that was killed during this write may have left a draft.
    let _ = fs::remove_file(&temporary);
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary);
    let written = file.and_then(|mut file| {
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()
    });
    written.map_err(|error| {
        // Report the first error, not this one.
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}

pub(super) fn make_folder(folder: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Error::io("make", folder, &error))
}

fn malformed(path: &Path, why: &str) -> Error {
    let file = path.file_stem().unwrap_or_default().to_string_lossy();
    let path = path.display();
    let address = file.trim_start_matches("regroup-");
    Error::CouldNotRun(format!(
        "{path}: {why}; an acsctl of another version may have been killed. Use that version, which restores everything. \
         Or acsctl regroup --release {address} gives up on it, and a reboot brings all functions back"
    ))
}

/// All functions of the host.
fn present(paths: &HostPaths) -> BTreeMap<Bdf, Known> {
    let known = |(bdf, instance)| {
        let identity = identity(paths, bdf).unwrap_or_default();
        (bdf, Known { instance, identity })
    };
    devices(paths).into_iter().map(known).collect()
}

/// The identity of a function, from sysfs.
pub(super) fn identity(paths: &HostPaths, bdf: Bdf) -> Option<String> {
    let folder = paths.function(bdf);
    let files = [
        "vendor",
        "device",
        "class",
        "revision",
        "subsystem_vendor",
        "subsystem_device",
    ];
    let found = files.map(|file| text(&folder.join(file)));
    found[0].as_ref()?;
    Some(found.map(Option::unwrap_or_default).join(" "))
}

/// The domain type of a function's group, for example `DMA` or `identity`.
pub(super) fn domain(paths: &HostPaths, bdf: Bdf) -> Option<String> {
    text(&paths.function(bdf).join("iommu_group/type"))
}

pub(super) fn boot(paths: &HostPaths) -> String {
    text(&paths.proc.join("sys/kernel/random/boot_id")).unwrap_or_default()
}

/// The folder of state files.
pub(super) fn folder(paths: &HostPaths) -> PathBuf {
    paths.run.join("acsctl")
}
