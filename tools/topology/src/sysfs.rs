// SPDX-License-Identifier: GPL-2.0-only

//! Captures the topology of a running host from sysfs.
//!
//! A capture describes the hardware only. It contains no serial numbers and no host name, and the
//! model of the machine only on request.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    Acs, Bdf, Error, Function, Header, Hex, Port, Removable, Sriov, Subsystem, Topology,
    bdf::Domain,
    check,
    config::{self, Config, ConfigSpace, Search},
};

/// The types of IOMMU that a capture names, each with the start of the names that its driver
/// registers in `/sys/class/iommu`.
pub(crate) const IOMMU_KINDS: [(&str, &str); 3] = [
    ("dmar", "Intel VT-d"),
    ("ivhd", "AMD-Vi"),
    ("smmu", "Arm SMMU"),
];

/// The paths and options of a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// The mount point of sysfs.
    pub sysfs: PathBuf,
    /// The file with the kernel release.
    pub release: PathBuf,
    /// The file with the kernel's command line. Only one value of it is read.
    pub command_line: PathBuf,
    /// Whether to include the model of the machine, from firmware.
    pub model: bool,
}

impl Default for Host {
    /// The running host, without its model.
    fn default() -> Self {
        Self::below(Path::new("/"))
    }
}

impl Host {
    /// A host whose file systems are below a folder, without its model.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self {
            sysfs: root.join("sys"),
            release: root.join("proc/sys/kernel/osrelease"),
            command_line: root.join("proc/cmdline"),
            model: false,
        }
    }

    /// The host whose sysfs was copied into a folder, or into the folder `sys` there.
    #[must_use]
    pub(crate) fn copied(folder: &Path) -> Self {
        let whole = Self::below(folder);
        if whole.sysfs.join("bus/pci/devices").is_dir() {
            return whole;
        }
        Self {
            sysfs: folder.to_owned(),
            ..whole
        }
    }

    /// Captures the host. Without the right to read all of configuration space (root has it), PCIe
    /// types and ACS capabilities are unknown. A function that the kernel removes during the capture
    /// is left out.
    ///
    /// # Errors
    ///
    /// [`Error`] if sysfs has no PCI devices or cannot be read, or does not describe a valid
    /// topology.
    pub fn capture(&self) -> Result<Topology, Error> {
        let folder = self.sysfs.join("bus/pci/devices");
        let mut topology = Topology {
            kernel: fs::read_to_string(&self.release)
                .ok()
                .as_deref()
                .and_then(version),
            iommu: self.iommu(),
            acs_override: self.acs_override(),
            evidence: vec!["sysfs".to_owned()],
            ..Topology::default()
        };
        if self.model {
            topology.model = self.machine();
            let from = || "firmware tables".to_owned();
            topology.model_from = topology.model.is_some().then(from);
        }
        for entry in fs::read_dir(&folder).map_err(|error| Error::io(&folder, &error))? {
            let path = entry.map_err(|error| Error::io(&folder, &error))?.path();
            let function = match function(&path) {
                Ok(function) => function,
                // The kernel removed the function meanwhile.
                Err(_) if fs::symlink_metadata(&path).is_err() => continue,
                Err(error) => return Err(error),
            };
            if let Some((domain, vmd)) =
                fs::read_link(&path).ok().and_then(|link| behind_vmd(&link))
            {
                topology.vmd.insert(domain, vmd);
            }
            topology.functions.push(function);
        }
        topology.functions.sort_by_key(|function| function.bdf);
        check::check(&folder.display().to_string(), &topology)?;
        Ok(topology)
    }

    /// The type of the IOMMU, from the names that its driver registers.
    fn iommu(&self) -> Option<String> {
        let entries = fs::read_dir(self.sysfs.join("class/iommu")).ok()?;
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        let kind = |name: &String| {
            IOMMU_KINDS
                .iter()
                .find(|(begin, _)| name.starts_with(begin))
        };
        let (_, kind) = names.iter().find_map(kind)?;
        Some((*kind).to_owned())
    }

    /// The value of the "ACS override", an out-of-tree patch in some kernels. The rest of the
    /// command line may identify the owner and is not captured.
    fn acs_override(&self) -> Option<String> {
        let line = fs::read_to_string(&self.command_line).ok()?;
        line.split_whitespace().find_map(acs_override)
    }

    fn machine(&self) -> Option<String> {
        let dmi = self.sysfs.join("class/dmi/id");
        let vendor = text(&dmi.join("sys_vendor"))?;
        let product = text(&dmi.join("product_name"))?;
        Some(format!("{vendor} {product}"))
    }
}

/// The value of `pcie_acs_override=`, if this word of a command line is that.
pub(crate) fn acs_override(word: &str) -> Option<String> {
    word.strip_prefix("pcie_acs_override=").map(known_overrides)
}

/// A value of `pcie_acs_override=`, without the parts that the patch does not know.
pub(crate) fn known_overrides(value: &str) -> String {
    let named = |part: &&str| matches!(*part, "downstream" | "multifunction");
    let is_id = |part: &str| {
        part.strip_prefix("id:").is_some_and(|id| {
            id.bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b':')
        })
    };
    let parts = value.split(',').filter(|part| named(part) || is_id(part));
    parts.collect::<Vec<_>>().join(",")
}

/// The version in a kernel release: `7.3.4` of `7.3.4+deb13-amd64`. The rest may identify the
/// builder and is not captured.
pub(crate) fn version(release: &str) -> Option<String> {
    let is_version = |c: char| c.is_ascii_digit() || c == '.';
    let end = release.find(|c| !is_version(c)).unwrap_or(release.len());
    let version = release.get(..end)?.trim_end_matches('.');
    (!version.is_empty()).then(|| version.to_owned())
}

/// The domain of a function behind a VMD, and the VMD. The host bridge is below an endpoint:
/// `.../0000:00:0e.0/pci10000:e0/10000:e0:06.0`.
fn behind_vmd(link: &Path) -> Option<(Domain, Bdf)> {
    let mut before: Option<Bdf> = None;
    let mut found = None;
    for part in link.iter().filter_map(|part| part.to_str()) {
        let bridge = part
            .strip_prefix("pci")
            .and_then(|rest| rest.split_once(':'));
        if let (Some(vmd), Some((domain, _))) = (before, bridge) {
            found = Some((domain.parse().ok()?, vmd));
        }
        before = part.parse().ok();
    }
    found
}

/// Reads one folder of `bus/pci/devices`.
fn function(path: &Path) -> Result<Function, Error> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let here = path.display().to_string();
    let unclear = |what: String| {
        Error::at(
            &here,
            "",
            what,
            "check that it is the sysfs of a Linux kernel",
        )
    };
    let bdf: Bdf = name.parse().map_err(unclear)?;
    let id = |file: &str| {
        let value = number(&path.join(file)).and_then(|value| u16::try_from(value).ok());
        value.ok_or_else(|| unclear(format!("has no sensible {file}")))
    };
    let mut function = Function::new(bdf, id("vendor")?, id("device")?);
    function.class = number(&path.join("class")).map(Hex);
    function.revision = number(&path.join("revision")).map(Hex);
    if let (Ok(vendor), Ok(device)) = (id("subsystem_vendor"), id("subsystem_device")) {
        // An unset subsystem reads as 0.
        function.subsystem = (vendor != 0).then_some(Subsystem { vendor, device });
    }
    function.iommu_group = link(path, "iommu_group").and_then(|name| name.parse().ok());
    function.physfn = link(path, "physfn").and_then(|name| name.parse().ok());
    function.removable = match text(&path.join("removable")).as_deref() {
        Some("removable") => Some(Removable::Removable),
        Some("fixed") => Some(Removable::Fixed),
        Some(_) => Some(Removable::Unknown),
        None => None,
    };
    function.sriov = sriov(path);
    match ConfigSpace::open(path) {
        Ok(config) => registers(&mut function, &Config(&config)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            registers(&mut function, &Config(&Vec::new()));
        }
        Err(error) => return Err(Error::io(&path.join("config"), &error)),
    }
    Ok(function)
}

/// Fills in the properties that configuration space contains.
pub(crate) fn registers(function: &mut Function, config: &Config<'_>) {
    function.pcie_known = false;
    function.acs_known = false;
    function.unreadable = config.is_ones();
    if function.unreadable {
        return;
    }
    let Some(header) = config.byte(0x0e) else {
        return;
    };
    function.multifunction = Some(header & 0x80 != 0);
    function.header = match header & 0x7f {
        1 => Header::Bridge,
        2 => Header::Cardbus,
        _ => Header::Endpoint,
    };
    if function.header != Header::Endpoint {
        function.primary = config.byte(0x18);
        function.secondary = config.byte(0x19);
        function.subordinate = config.byte(0x1a);
    }
    match config.capability(config::EXPRESS) {
        Search::NotKnown => return,
        Search::None => {
            function.pcie_known = true;
            function.acs_known = true;
            return;
        }
        Search::At(at) => {
            let Some(flags) = config.word(at + 2) else {
                return;
            };
            function.pcie_known = true;
            let [low, _] = flags.to_le_bytes();
            function.pcie_version = Some(low & 0xf);
            function.pcie_type = Some(Port::from_raw(low >> 4));
            let is_port = matches!(low >> 4, 0x4 | 0x6);
            function.slot = is_port.then_some(flags & 0x100 != 0);
        }
    }
    match config.extended(config::ACS) {
        Search::NotKnown => {}
        Search::None => function.acs_known = true,
        Search::At(at) => {
            function.acs_known = true;
            function.acs = Some(Acs {
                cap: config.word(at + 4),
                ctl: config.word(at + 6),
                dword8: config.dword(at + 8),
            });
        }
    }
}

/// Reads the SR-IOV files of a physical function.
fn sriov(path: &Path) -> Option<Sriov> {
    let decimal = |file: &str| text(&path.join(file))?.parse::<u16>().ok();
    let vf_device = text(&path.join("sriov_vf_device"))?;
    let vf_device = u16::from_str_radix(vf_device.trim_start_matches("0x"), 16).ok()?;
    Some(Sriov {
        total_vfs: decimal("sriov_totalvfs")?,
        num_vfs: enabled_vfs(path),
        offset: decimal("sriov_offset")?,
        stride: decimal("sriov_stride")?,
        vf_device: Hex::id(vf_device),
    })
}

/// The number of a physical function's enabled virtual functions: those that its folder has a link to. Reading
/// `sriov_numvfs` would wait for the lock of the device, which a blocked unbind may hold for hours
/// (`sriov_numvfs_show()` in `drivers/pci/iov.c`).
#[must_use]
pub fn enabled_vfs(folder: &Path) -> u16 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_link = |name: &str| name.starts_with("virtfn");
    let links = files.filter(|file| file.file_name().to_str().is_some_and(is_link));
    u16::try_from(links.count()).unwrap_or(u16::MAX)
}

/// The text of a small file, without the line end.
fn text(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The number in a file such as `0x8086`.
fn number(path: &Path) -> Option<u32> {
    let text = text(path)?;
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// The last component of a link's target.
fn link(path: &Path, name: &str) -> Option<String> {
    let target = fs::read_link(path.join(name)).ok()?;
    Some(target.file_name()?.to_str()?.to_owned())
}
