// SPDX-License-Identifier: GPL-2.0-only

//! One emulated PCI function: a configuration space that QEMU's `vfio-user-pci` device presents to
//! the guest. It can have any ids and capabilities, and never does anything.

use std::{
    fs::File,
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Result, anyhow};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_EVENTFD, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS,
    VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE, vfio_region_info,
};
use vfio_user::{DmaMapFlags, DmaUnmapFlags, IrqInfo, Server, ServerBackend, ServerRegion};

/// Size of the configuration space of a PCIe function, in bytes.
const CONFIG_SIZE: usize = 4096;
/// Where the PCI Express capability stands.
const PCIE: u8 = 0x40;
/// Where the first extended capability stands.
const EXTENDED: usize = 0x100;

/// A dword of configuration space.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// Where it stands.
    pub offset: usize,
    /// What it holds at first.
    pub value: u32,
    /// Which of its bits can be written.
    pub writable: u32,
}

/// What a function is.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
    /// Class code with programming interface, 24 bits.
    pub class: u32,
    /// Revision id.
    pub revision: u8,
    /// Subsystem vendor and device id.
    pub subsystem: (u16, u16),
    /// What else stands in configuration space, or instead of what would.
    pub registers: &'static [Register],
    /// The ACS Capability register, for a function that has that capability.
    pub acs: Option<u16>,
    /// Whether the ACS Control register cannot be written, so that ACS stays off.
    pub acs_stuck: bool,
}

impl Function {
    /// A PCIe endpoint without ACS.
    #[must_use]
    pub const fn new(vendor: u16, device: u16, class: u32) -> Self {
        Self {
            vendor,
            device,
            class,
            revision: 0,
            subsystem: (vendor, 0),
            registers: &[],
            acs: None,
            acs_stuck: false,
        }
    }

    /// The same function of this revision.
    #[must_use]
    pub const fn of_revision(mut self, revision: u8) -> Self {
        self.revision = revision;
        self
    }

    /// The same function of this subsystem: vendor and device id.
    #[must_use]
    pub const fn of_subsystem(mut self, vendor: u16, device: u16) -> Self {
        self.subsystem = (vendor, device);
        self
    }

    /// The same function with these registers.
    #[must_use]
    pub const fn with_registers(mut self, registers: &'static [Register]) -> Self {
        self.registers = registers;
        self
    }

    /// The same function with an ACS capability.
    #[must_use]
    pub const fn with_acs(mut self, capability: u16) -> Self {
        self.acs = Some(capability);
        self
    }

    /// The same function with an ACS Control register that cannot be written.
    #[must_use]
    pub const fn stuck(mut self) -> Self {
        self.acs_stuck = true;
        self
    }

    /// Starts serving the function on a socket at `path`.
    ///
    /// # Errors
    ///
    /// When the socket cannot be made.
    pub fn serve(self, path: &Path) -> Result<Served> {
        let server = Server::new(path, true, irqs(), regions())
            .map_err(|error| anyhow!("cannot serve a function at {}: {error}", path.display()))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let silent = Arc::new(AtomicBool::new(false));
        let silence = Arc::clone(&silent);
        let thread = thread::spawn(move || {
            // Each plug-in of the device is a connection; unplugging ends it.
            while !stopping.load(Ordering::Acquire) {
                // An error is a peer that went away, which is what happens when QEMU is stopped.
                let _ = server.run(&mut Config::new(&self, Arc::clone(&silence)));
            }
        });
        Ok(Served {
            path: path.to_owned(),
            stop,
            silent,
            thread: Some(thread),
        })
    }
}

/// A function that is being served; dropping it ends that. To be dropped after QEMU has ended.
#[derive(Debug)]
pub struct Served {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// From now on the function reads as all ones, as one that is powered down.
    pub fn silence(&self) {
        self.silent.store(true, Ordering::Release);
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // The server waits for a peer; one that says nothing ends the wait.
        drop(UnixStream::connect(&self.path));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn regions() -> Vec<ServerRegion> {
    (0..VFIO_PCI_NUM_REGIONS)
        .map(|index| {
            let is_config = index == VFIO_PCI_CONFIG_REGION_INDEX;
            ServerRegion {
                region_info: vfio_region_info {
                    argsz: u32::try_from(size_of::<vfio_region_info>()).unwrap_or_default(),
                    index,
                    size: if is_config { CONFIG_SIZE as u64 } else { 0 },
                    flags: if is_config {
                        VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE
                    } else {
                        0
                    },
                    ..Default::default()
                },
                sparse_areas: vec![],
                mmap_fd: None,
            }
        })
        .collect()
}

fn irqs() -> Vec<IrqInfo> {
    (0..VFIO_PCI_NUM_IRQS)
        .map(|index| IrqInfo {
            index,
            count: 0,
            flags: VFIO_IRQ_INFO_EVENTFD,
        })
        .collect()
}

/// A configuration space, and which of its bits can be written.
struct Config {
    bytes: Vec<u8>,
    writable: Vec<u8>,
    silent: Arc<AtomicBool>,
}

impl Config {
    fn new(function: &Function, silent: Arc<AtomicBool>) -> Self {
        let mut config = Self {
            bytes: vec![0; CONFIG_SIZE],
            writable: vec![0; CONFIG_SIZE],
            silent,
        };
        config.put16(0x00, function.vendor, 0);
        config.put16(0x02, function.device, 0);
        // Command: memory, bus master, parity, SERR, INTx disable.
        config.put16(0x04, 0, 0x0546);
        // Status: has a capability list.
        config.put16(0x06, 0x0010, 0);
        config.put32(
            0x08,
            (function.class << 8) | u32::from(function.revision),
            0,
        );
        config.put16(0x2c, function.subsystem.0, 0);
        config.put16(0x2e, function.subsystem.1, 0);
        config.put16(0x34, PCIE.into(), 0);
        let pcie = usize::from(PCIE);
        // PCI Express capability, version 2, endpoint: Device Control and Link Control writable.
        config.put16(pcie, 0x0010, 0);
        config.put16(pcie + 0x02, 0x0002, 0);
        // Device Capabilities: role-based error reporting, function-level reset.
        config.put32(pcie + 0x04, 0x1000_8000, 0);
        config.put16(pcie + 0x08, 0x2810, 0x7fff);
        // Link Capabilities and Status: x1, 2.5 GT/s.
        config.put32(pcie + 0x0c, 0x0000_0011, 0);
        config.put16(pcie + 0x10, 0, 0x0fff);
        config.put16(pcie + 0x12, 0x0011, 0);
        if let Some(capability) = function.acs {
            // ACS Extended Capability, version 1, the last in the list.
            config.put32(EXTENDED, 0x0001_000d, 0);
            config.put16(EXTENDED + 4, capability, 0);
            let writable = if function.acs_stuck {
                0
            } else {
                capability & 0x7f
            };
            config.put16(EXTENDED + 6, 0, writable);
        }
        for register in function.registers {
            config.put32(register.offset, register.value, register.writable);
        }
        config
    }

    fn put16(&mut self, at: usize, value: u16, writable: u16) {
        self.bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
        self.writable[at..at + 2].copy_from_slice(&writable.to_le_bytes());
    }

    fn put32(&mut self, at: usize, value: u32, writable: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        self.writable[at..at + 4].copy_from_slice(&writable.to_le_bytes());
    }

    /// The place of an access to the configuration region.
    fn place(region: u32, offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
        let start = usize::try_from(offset).ok();
        let end = start.and_then(|start| start.checked_add(len));
        match (region, start, end) {
            (VFIO_PCI_CONFIG_REGION_INDEX, Some(start), Some(end)) if end <= CONFIG_SIZE => {
                Ok(start..end)
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

impl ServerBackend for Config {
    fn region_read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> io::Result<()> {
        let place = Self::place(region, offset, data.len())?;
        if self.silent.load(Ordering::Acquire) {
            data.fill(0xff);
        } else {
            data.copy_from_slice(&self.bytes[place]);
        }
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        let place = Self::place(region, offset, data.len())?;
        for (at, new) in place.zip(data) {
            let mask = self.writable[at];
            self.bytes[at] = (self.bytes[at] & !mask) | (new & mask);
        }
        Ok(())
    }

    fn dma_map(
        &mut self,
        _flags: DmaMapFlags,
        _offset: u64,
        _address: u64,
        _size: u64,
        _fd: Option<File>,
    ) -> io::Result<()> {
        Ok(())
    }

    fn dma_unmap(&mut self, _flags: DmaUnmapFlags, _address: u64, _size: u64) -> io::Result<()> {
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_irqs(
        &mut self,
        _index: u32,
        _flags: u32,
        _start: u32,
        _count: u32,
        _fds: Vec<File>,
    ) -> io::Result<()> {
        Ok(())
    }
}
