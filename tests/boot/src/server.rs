// SPDX-License-Identifier: GPL-2.0-only

//! Serves a configuration space to QEMU's `vfio-user-pci` device, which presents it to the guest as a
//! function that never does anything.

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

use crate::space::{SIZE, Space};

impl Space {
    /// Starts serving it on a socket at `path`.
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
                let _ = server.run(&mut Config {
                    space: self.clone(),
                    silent: Arc::clone(&silence),
                });
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

    /// From now on it answers again.
    pub fn wake(&self) {
        self.silent.store(false, Ordering::Release);
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
                    size: if is_config { SIZE as u64 } else { 0 },
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

/// The configuration space of one connection.
struct Config {
    space: Space,
    silent: Arc<AtomicBool>,
}

impl Config {
    /// The place of an access to the configuration region.
    fn place(region: u32, offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
        let start = usize::try_from(offset).ok();
        let end = start.and_then(|start| start.checked_add(len));
        match (region, start, end) {
            (VFIO_PCI_CONFIG_REGION_INDEX, Some(start), Some(end)) if end <= SIZE => Ok(start..end),
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
            data.copy_from_slice(&self.space.bytes[place.clone()]);
            for &(at, byte) in self
                .space
                .until_reset
                .iter()
                .filter(|(at, _)| place.contains(at))
            {
                data[at - place.start] = byte;
            }
        }
        Ok(())
    }

    fn region_write(&mut self, region: u32, offset: u64, data: &[u8]) -> io::Result<()> {
        let place = Self::place(region, offset, data.len())?;
        for (at, new) in place.zip(data) {
            let Space {
                bytes, writable, ..
            } = &mut self.space;
            bytes[at] = (bytes[at] & !writable[at]) | (new & writable[at]);
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
        self.space.until_reset.clear();
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
