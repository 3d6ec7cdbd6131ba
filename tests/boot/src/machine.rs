// SPDX-License-Identifier: GPL-2.0-only

//! The hardware of a guest.

use std::path::Path;

use serde_json::{Value, json};

use crate::{arch::Arch, function::Function, space::Space};

/// The IOMMU of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iommu {
    /// No IOMMU.
    None,
    /// The default IOMMU of the architecture: [`Arch::iommu`].
    Usual,
    /// Intel VT-d.
    Intel,
    /// AMD-Vi.
    Amd,
    /// virtio-iommu. Its driver is a module.
    Virtio,
    /// Arm's System MMU.
    SmmuV3,
}

impl Iommu {
    /// The part of a scenario's name that names this IOMMU.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Usual => "usual",
            Self::Intel => "intel",
            Self::Amd => "amd",
            Self::Virtio => "virtio",
            Self::SmmuV3 => "smmuv3",
        }
    }

    /// The `-device` argument that creates the IOMMU.
    const fn device(self) -> Option<&'static str> {
        match self {
            Self::None | Self::Usual => None,
            // Without caching mode, QEMU exits when a vfio device is behind the IOMMU.
            Self::Intel => Some("intel-iommu,intremap=on,caching-mode=on"),
            Self::Amd => Some("amd-iommu,intremap=on,dma-remap=on,xtsup=on"),
            Self::Virtio => Some("virtio-iommu-pci,addr=1e.0"),
            Self::SmmuV3 => Some("arm-smmuv3,primary-bus=pcie.0"),
        }
    }
}

/// One function of a device.
#[derive(Clone, Copy, Debug)]
pub enum Model<'a> {
    /// An emulated function with any ids.
    Emulated(Function),
    /// A stock device without the multi-function bit in its header.
    Unmarked(Function),
    /// An emulated function with this configuration space.
    Space(&'a Space),
    /// A device model of QEMU, with its options.
    Stock(&'a str),
}

impl Model<'_> {
    /// The disk of a stock device, from its option `drive=`.
    #[must_use]
    pub fn drive(&self) -> Option<&str> {
        let Self::Stock(options) = self else {
            return None;
        };
        let mut options = options.split(',');
        options.find_map(|option| option.strip_prefix("drive="))
    }
}

/// A device with one or more functions in one slot.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// QEMU's id of the bus.
    pub bus: &'a str,
    /// Bus and slot as the guest sees them: `82:00`.
    pub address: &'a str,
    /// The functions. The index is the function number.
    pub functions: &'a [Model<'a>],
    /// Whether QEMU starts with the device. If not, a test can hot-add it.
    pub plugged: bool,
}

/// The hardware of a guest.
#[derive(Clone, Copy, Debug)]
pub struct GuestHardware<'a> {
    /// Number of processors.
    pub cpus: u8,
    /// The IOMMU in front of all devices.
    pub iommu: Iommu,
    /// Bridges and ports, each as an argument of `-device`, parents first.
    pub bridges: &'a [&'a str],
    /// The devices below the bridges and ports.
    pub devices: &'a [Device<'a>],
    /// Source of an ACPI table that the kernel loads in addition to the firmware's tables.
    pub acpi: Option<&'a str>,
    /// Whether the guest's PCI Express ports handle hot-plug natively (pciehp), not through ACPI.
    pub native_hotplug: bool,
}

impl<'a> GuestHardware<'a> {
    /// A machine with `cpus` processors and this IOMMU, and no devices.
    #[must_use]
    pub const fn bare(cpus: u8, iommu: Iommu) -> Self {
        Self {
            cpus,
            iommu,
            bridges: &[],
            devices: &[],
            acpi: None,
            native_hotplug: false,
        }
    }

    /// Whether QEMU can run this hardware on `arch`.
    #[must_use]
    pub fn fits(&self, arch: &Arch) -> bool {
        let functions = self.devices.iter().flat_map(|device| device.functions);
        // QEMU refuses vfio devices behind the SMMUv3, because it does not pass mappings on to
        // them.
        let is_refused = self.iommu == Iommu::SmmuV3
            && functions
                .into_iter()
                .any(|function| !matches!(function, Model::Stock(_)));
        arch.has(self.iommu) && !is_refused
    }

    /// The ids of the disks. Each disk is a file of that name.
    pub fn drives(&self) -> impl Iterator<Item = &'a str> {
        let functions = self.devices.iter().flat_map(|device| device.functions);
        functions.filter_map(Model::drive)
    }

    /// QEMU's arguments for the hardware of a guest of `arch`. `sockets` is the folder with the
    /// sockets of the emulated functions.
    #[must_use]
    pub fn arguments(&self, arch: &Arch, sockets: &Path) -> Vec<String> {
        let mut list = vec!["-smp".to_owned(), self.cpus.to_string()];
        let [acpi, native] = arch.hotplug;
        let hotplug = if self.native_hotplug { native } else { acpi };
        list.extend(hotplug.iter().map(|word| (*word).to_owned()));
        let bridges = arch
            .iommu(self.iommu)
            .device()
            .into_iter()
            .chain(self.bridges.iter().copied());
        for bridge in bridges {
            list.extend(["-device".to_owned(), bridge.to_owned()]);
        }
        for drive in self.drives() {
            let file = sockets.join(drive);
            let disk = format!(
                "driver=raw,node-name={drive},file.driver=file,file.filename={}",
                file.display()
            );
            list.extend(["-blockdev".to_owned(), disk]);
        }
        for (position, device) in self.devices.iter().enumerate() {
            if device.plugged {
                for number in 0..device.functions.len() {
                    let description = device.description(position, number, sockets);
                    list.extend(["-device".to_owned(), description.to_string()]);
                }
            }
        }
        list
    }
}

impl Device<'_> {
    /// QEMU's id of a function. `position` is the index of its device in the machine.
    #[must_use]
    pub fn id(position: usize, function: usize) -> String {
        format!("device{position}function{function}")
    }

    /// Path of the socket of an emulated function.
    #[must_use]
    pub fn socket(position: usize, function: usize, sockets: &Path) -> std::path::PathBuf {
        sockets.join(Self::id(position, function))
    }

    /// QEMU's description of a function, for the command line or for hot-plug.
    ///
    /// Every function has the multi-function bit, unless it is [`Model::Unmarked`]. Without the
    /// bit, a rescan puts each function above 0 into its own group even without any quirk, so that
    /// a test of a quirk would prove nothing.
    #[must_use]
    pub fn description(&self, position: usize, number: usize, sockets: &Path) -> Value {
        let (_, slot) = self.address.split_once(':').unwrap_or(("", self.address));
        let mut device = json!({
            "id": Self::id(position, number),
            "bus": self.bus,
            "addr": format!("{slot}.{number}"),
            "multifunction": !matches!(self.functions[number], Model::Unmarked(_)),
        });
        match self.functions[number] {
            Model::Emulated(_) | Model::Unmarked(_) | Model::Space(_) => {
                device["driver"] = json!("vfio-user-pci");
                device["socket"] = json!({
                    "type": "unix",
                    "path": Self::socket(position, number, sockets),
                });
            }
            Model::Stock(options) => {
                let mut words = options.split(',');
                device["driver"] = json!(words.next());
                for (key, value) in words.filter_map(|word| word.split_once('=')) {
                    device[key] = match value {
                        "on" => json!(true),
                        "off" => json!(false),
                        _ => json!(value),
                    };
                }
            }
        }
        device
    }
}
