// SPDX-License-Identifier: GPL-2.0-only

//! The file format `pci-topology-1`, described in `Documentation/topology.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    bdf::{Bdf, Domain},
    hex::Hex,
    port::Port,
};

/// The version of the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Schema {
    /// `pci-topology-1`.
    #[default]
    #[serde(rename = "pci-topology-1")]
    V1,
}

/// The sources that a capture names as its evidence.
pub(crate) const EVIDENCE: [&str; 4] = ["sysfs", "lspci", "kernel log", "group list"];

/// A machine: its PCI functions as they were seen, and the groups that its kernel made.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The version of the format.
    pub schema: Schema,
    /// The name of the file, without `.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The model of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The source of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_from: Option<String>,
    /// The kernel version, such as `7.3.4`.
    pub kernel: Option<String>,
    /// The type of the IOMMU: `Intel VT-d`, `AMD-Vi`, `Arm SMMU`.
    pub iommu: Option<String>,
    /// The sources of the data: `sysfs`, `lspci`, `kernel log`, `group list`.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// The origin of a published report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// For each domain behind a VMD, the address of the VMD.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vmd: BTreeMap<Domain, Bdf>,
    /// The value of `pcie_acs_override=` on the kernel's command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acs_override: Option<String>,
    /// Kernel log messages about ACS and DMA aliases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kernel_notes: Vec<String>,
    /// Functions that were removed and rescanned since boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regrouped: Vec<Bdf>,
    /// The function within which the source ends, or may end, so that properties of it and later
    /// functions may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<Bdf>,
    /// Functions behind which the source leaves lines out, so that other functions may be missing there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Bdf>,
    /// The functions, sorted by address.
    pub functions: Vec<Function>,
}

impl Topology {
    /// Whether the source shows the capabilities of a function.
    #[must_use]
    pub fn has_capabilities(&self) -> bool {
        self.functions.iter().any(|one| one.pcie_known)
    }
}

/// The origin of a published report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A public git repository, as `owner/name`.
    pub repository: String,
    /// The git object id of a file in it.
    pub object: String,
    /// The path of that file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The object id of a second file about the same machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object2: Option<String>,
    /// The path of the second file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path2: Option<String>,
    /// The date of the report, such as `2024-11-03`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

/// The layout of a configuration header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// Type 0.
    #[default]
    Endpoint,
    /// Type 1.
    Bridge,
    /// Type 2.
    Cardbus,
}

/// The firmware's statement on whether a function can be removed from the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Removable {
    /// Removable.
    Removable,
    /// Not removable.
    Fixed,
    /// No statement.
    Unknown,
}

/// Subsystem vendor and device id, written as `1043:8712`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subsystem {
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
}

impl TryFrom<String> for Subsystem {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let ids = text
            .split_once(':')
            .and_then(|(vendor, device)| Some((vendor.parse().ok()?, device.parse().ok()?)));
        let wrong =
            || format!("\"{text}\" is not a subsystem; write it as vendor:device, as in 1043:8712");
        let (vendor, device): (Hex<4>, Hex<4>) = ids.ok_or_else(wrong)?;
        let (vendor, device) = (vendor.value(), device.value());
        Ok(Self { vendor, device })
    }
}

impl From<Subsystem> for String {
    fn from(Subsystem { vendor, device }: Subsystem) -> Self {
        format!("{vendor:04x}:{device:04x}")
    }
}

/// The ACS capability of a function. Without registers, it is present and its contents were not
/// shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acs {
    /// The ACS Capability register.
    pub cap: Option<u16>,
    /// The ACS Control register.
    pub ctl: Option<u16>,
    /// The dword at offset 8 of the capability, where some Intel root ports have their control
    /// bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dword8: Option<u32>,
}

/// The SR-IOV capability of a physical function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sriov {
    /// The Total VFs field: the largest number of virtual functions.
    pub total_vfs: u16,
    /// The Num VFs field: the number of enabled virtual functions.
    pub num_vfs: u16,
    /// The First VF Offset field: distance of the first virtual function's routing ID.
    pub offset: u16,
    /// The VF Stride field: distance from one virtual function's routing ID to the next.
    pub stride: u16,
    /// The VF Device ID field.
    pub vf_device: Hex<4>,
}

/// A function, as it was seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a field of the format"
)]
pub struct Function {
    /// The address.
    pub bdf: Bdf,
    /// Vendor id.
    pub vendor: Hex<4>,
    /// Device id; `None` if only a name was shown that several ids share.
    pub device: Option<Hex<4>>,
    /// Base class, subclass and programming interface.
    pub class: Option<Hex<6>>,
    /// Revision id.
    pub revision: Option<Hex<2>>,
    /// Subsystem ids.
    pub subsystem: Option<Subsystem>,
    /// The layout of its configuration header.
    pub header: Header,
    /// The multi-function bit of the header, if known.
    pub multifunction: Option<bool>,
    /// Whether the list of capabilities could be read.
    pub pcie_known: bool,
    /// PCIe type. `None` with `pcie_known` means conventional PCI.
    pub pcie_type: Option<Port>,
    /// The ACS capability. `None` with `acs_known` means that the function has no ACS capability.
    pub acs: Option<Acs>,
    /// Whether an ACS capability would have been seen.
    pub acs_known: bool,
    /// The number of its IOMMU group. `None` with `group_known` means that it is in no group.
    pub iommu_group: Option<u32>,
    /// Whether the source would show the group of the function. A list of groups or a kernel log does
    /// not show the groups of functions that it does not name.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub group_known: bool,
    /// For a bridge: the Primary Bus Number register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<u8>,
    /// For a bridge: the Secondary Bus Number register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secondary: Option<u8>,
    /// For a bridge: the Subordinate Bus Number register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subordinate: Option<u8>,
    /// Version of the PCI Express capability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pcie_version: Option<u8>,
    /// For a port: Slot Implemented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<bool>,
    /// The SR-IOV capability of a physical function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sriov: Option<Sriov>,
    /// For a virtual function: the physical function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physfn: Option<Bdf>,
    /// Whether the function is removable, if the kernel reports this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removable: Option<Removable>,
    /// Whether the function's configuration space read as all ones.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unreadable: bool,
    /// Whether the device id was looked up from a name.
    #[serde(default, skip_serializing_if = "is_false")]
    pub id_from_name: bool,
    /// Device ids that share the shown name, if `device` is unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device_candidates: Vec<Hex<4>>,
}

const fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_true(value: &bool) -> bool {
    *value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Function {
    /// A conventional PCI function with these ids and no further properties.
    #[must_use]
    pub fn new(bdf: Bdf, vendor: u16, device: u16) -> Self {
        Self {
            bdf,
            vendor: Hex::id(vendor),
            device: Some(Hex::id(device)),
            class: None,
            revision: None,
            subsystem: None,
            header: Header::Endpoint,
            multifunction: None,
            pcie_known: true,
            pcie_type: None,
            acs: None,
            acs_known: true,
            iommu_group: None,
            group_known: true,
            primary: None,
            secondary: None,
            subordinate: None,
            pcie_version: None,
            slot: None,
            sriov: None,
            physfn: None,
            removable: None,
            unreadable: false,
            id_from_name: false,
            device_candidates: Vec::new(),
        }
    }

    /// Every possible device id; one if it is known.
    pub fn devices(&self) -> impl Iterator<Item = u16> {
        let known = self.device.into_iter();
        let candidates = if self.device.is_none() {
            &self.device_candidates[..]
        } else {
            &[]
        };
        known.chain(candidates.iter().copied()).map(Hex::value)
    }
}
