// SPDX-License-Identifier: GPL-2.0-only

//! Devices that are withheld: their groups would be finer than isolation justifies, so they were removed,
//! and no later run gives them back.
//!
//! The record outlasts a boot. The kernel groups the device again at boot, when it sees all functions at
//! once, so the device may be used after a reboot; but another regroup would make the same groups, so
//! `regroup` leaves the device alone until `--release` names it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use quirk_data::error::Error;
use serde::{Deserialize, Serialize};
use topology::Bdf;

use super::{
    Device,
    state::{self, boot, content, identity, records, write_file},
};
use crate::host::{DevicePath, HostPaths};

const SCHEMA: &str = "acsctl-withheld-2";

/// A withheld device.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Withheld {
    schema: String,
    /// The boot ID of the boot in which the device was removed.
    boot: String,
    /// The function that the command named.
    pub requested: Bdf,
    /// The functions that were removed, in removal order.
    pub functions: Vec<Bdf>,
    /// The identity of each function, in the same order.
    identities: Vec<String>,
    /// The device path of each function, in the same order.
    places: Vec<String>,
    /// Why.
    pub why: String,
}

impl Withheld {
    /// The record for functions that are present.
    pub(super) fn new(paths: &HostPaths, requested: Bdf, functions: Vec<Bdf>, why: String) -> Self {
        let saved = |bdf: &Bdf| identity(paths, *bdf).unwrap_or_default();
        Self {
            schema: SCHEMA.to_owned(),
            boot: boot(paths),
            requested,
            identities: functions.iter().map(saved).collect(),
            places: functions
                .iter()
                .map(|&bdf| DevicePath::of(paths, bdf).to_string())
                .collect(),
            functions,
            why,
        }
    }

    /// All withheld devices, in the order of their addresses.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when a record cannot be read or is malformed.
    pub fn all(paths: &HostPaths) -> Result<Vec<Self>, Error> {
        Self::all_but(paths, None)
    }

    /// The same without the record with the name `but`, if it is malformed.
    pub(super) fn all_but(paths: &HostPaths, but: Option<Bdf>) -> Result<Vec<Self>, Error> {
        let mut found = Vec::new();
        let folders = folders(paths);
        for (name, path) in folders
            .iter()
            .flat_map(|folder| records(folder, "withheld-"))
        {
            match parse(&path, &content(&path)?) {
                Err(_) if but.is_some_and(|but| but.to_string() == name) => {}
                record => found.push(record?),
            }
        }
        Ok(found)
    }

    /// Whether the device was removed in the present boot.
    #[must_use]
    pub fn is_of_this_boot(&self, paths: &HostPaths) -> bool {
        self.boot == boot(paths)
    }

    /// The functions of the record that are present, in removal order. A function with another identity
    /// at the same address does not count.
    #[must_use]
    pub fn present(&self, paths: &HostPaths) -> Vec<Bdf> {
        let all = self.functions.iter().zip(&self.identities);
        let is_it = |(bdf, identity_then): &(&Bdf, &String)| {
            identity(paths, **bdf).as_ref() == Some(*identity_then)
        };
        all.filter(is_it).map(|(bdf, _)| *bdf).collect()
    }

    /// Whether a rescan for this device may find functions that were removed in this boot.
    pub(super) fn would_return(&self, paths: &HostPaths, device: &Device) -> bool {
        let mut functions = self.functions.iter();
        self.is_of_this_boot(paths)
            && functions.any(|&bdf| !paths.function(bdf).exists() && device.scans(paths, bdf))
    }

    /// Whether the record is of the device that has this function now. A boot may change bus numbers: then the device path
    /// leads to the function. If it does not, the device may be elsewhere, and each device with such a function counts.
    #[must_use]
    pub fn covers(&self, paths: &HostPaths, bdf: Bdf) -> bool {
        let now = identity(paths, bdf);
        if self.is_of_this_boot(paths) {
            let mut all = self.functions.iter().zip(&self.identities);
            return all.any(|(&function, then)| {
                function == bdf && now.as_ref().is_none_or(|now| now == then)
            });
        }
        let mut all = self.places.iter().zip(&self.identities);
        all.any(|(place, then)| {
            let place = place.parse::<DevicePath>();
            let there = place.and_then(|place| place.find(paths)).ok();
            let there = there.filter(|&there| identity(paths, there).as_ref() == Some(then));
            now.as_ref() == Some(then) && there.is_none_or(|there| there == bdf)
        })
    }

    /// Removes the record with this name if it is malformed or of another version. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the record cannot be read or removed.
    pub(super) fn forget_malformed(paths: &HostPaths, requested: Bdf) -> Result<bool, Error> {
        let mut was_there = false;
        for folder in folders(paths) {
            let path = folder.join(format!("withheld-{requested}.json"));
            if path.exists() && parse(&path, &content(&path)?).is_err() {
                fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
                was_there = true;
            }
        }
        Ok(was_there)
    }

    /// Writes the record: where it outlasts a boot, or if that is impossible, where it lasts until then.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the record does not outlast the boot.
    pub(super) fn save(&self, paths: &HostPaths) -> Result<(), Error> {
        let [lasting, other] = folders(paths);
        let Err(why) = write_file(&lasting.join(self.file()), self) else {
            return Ok(());
        };
        write_file(&other.join(self.file()), self)?;
        Err(Error::CouldNotRun(format!(
            "{why}; the next boot does not know that the device is withheld, because the record is in {} alone",
            other.display()
        )))
    }

    /// Removes the record.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when the file cannot be removed.
    pub fn release(&self, paths: &HostPaths) -> Result<(), Error> {
        for path in folders(paths).map(|folder| folder.join(self.file())) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&self) -> String {
        format!("withheld-{}.json", self.requested)
    }
}

/// The folders of the records. `/var` may be read-only, or not mounted yet.
fn folders(paths: &HostPaths) -> [PathBuf; 2] {
    [paths.lib.join("acsctl"), state::folder(paths)]
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Withheld, Error> {
    match serde_json::from_slice(bytes) {
        Ok(record @ Withheld { .. }) if record.schema == SCHEMA => Ok(record),
        Ok(Withheld { schema, .. }) => Err(malformed(path, &format!("unknown schema {schema}"))),
        Err(error) => Err(malformed(path, &error)),
    }
}

fn malformed(path: &Path, why: &dyn std::fmt::Display) -> Error {
    let file = path.file_stem().unwrap_or_default().to_string_lossy();
    let address = file.trim_start_matches("withheld-");
    Error::CouldNotRun(format!(
        "{}: {why}; it names a device that regroup withheld. Reboot, so that the kernel groups that device, and give up on \
         the record: acsctl regroup --release {address}",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_lasts_until_the_reboot_alone_is_said() {
        let root = std::env::temp_dir().join(format!("acsctl-withheld-{}", std::process::id()));
        let paths = HostPaths::of(&root);
        let bdf: Bdf = "0000:01:00.0".parse().expect("an address");
        let record = Withheld::new(&paths, bdf, vec![bdf], "of the test".to_owned());
        record.save(&paths).expect("it can be written");
        assert!(
            root.join("var/lib/acsctl/withheld-0000:01:00.0.json")
                .exists()
        );
        fs::remove_dir_all(root.join("var")).expect("it can be removed");
        // No folder can be made here.
        fs::write(root.join("var"), "").expect("it can be written");
        let error = record.save(&paths).expect_err("it does not last");
        assert!(
            error.to_string().contains("the next boot does not know"),
            "{error}"
        );
        assert_eq!(Withheld::all(&paths).expect("it can be read"), [record]);
        fs::remove_dir_all(root).expect("it can be removed");
    }
}
