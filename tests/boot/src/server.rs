// SPDX-License-Identifier: GPL-2.0-only

//! Serves a configuration space to QEMU's `vfio-user-pci` device. The guest sees a function that
//! never does anything. The server is a separate process that the bench starts, controls and may
//! kill: see `emulator.rs`.

use std::{
    fs::File,
    io::{self, BufRead},
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_EVENTFD, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS,
    VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE, vfio_region_info,
};
use vfio_user::{DmaMapFlags, DmaUnmapFlags, IrqInfo, Server, ServerBackend, ServerRegion};

use crate::space::{SIZE, Space};

/// An order to a running server, one line of JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Answer this many further reads of configuration space. After that, every read returns all
    /// ones, as from a function that is powered down.
    Answer(u64),
}

/// The server prints this when it accepts connections, and after each order.
pub const READY: &str = "ready";

/// Serves the space in the first line of `orders` on a socket at `path`, and follows the orders in
/// the lines after it. Returns at the end of `orders`.
///
/// # Errors
///
/// When the socket cannot be made, or an order cannot be read.
pub fn serve(path: &Path, orders: impl BufRead) -> Result<()> {
    let mut lines = orders.lines();
    let space = lines.next().context("no space is described")??;
    let space: Space = serde_json::from_str(&space)?;
    let server = Server::new(path, true, irqs(), regions())
        .map_err(|error| anyhow!("cannot serve a function at {}: {error}", path.display()))?;
    let answers = Arc::new(AtomicU64::new(u64::MAX));
    let left = Arc::clone(&answers);
    // The thread ends with the process.
    thread::spawn(move || {
        // Plugging the device in opens a connection, and unplugging closes it. Errors are of the client, or of a
        // connection that breaks when QEMU is stopped. The library panics at some messages that QEMU never sends: this
        // ends their connection too, and the next one has a configuration space of its own.
        loop {
            let mut config = Config {
                space: space.clone(),
                answers: Arc::clone(&left),
            };
            let _ = panic::catch_unwind(AssertUnwindSafe(|| server.run(&mut config)));
        }
    });
    println!("{READY}");
    for line in lines {
        let Order::Answer(reads) = serde_json::from_str(&line?)?;
        answers.store(reads, Ordering::Release);
        println!("{READY}");
    }
    Ok(())
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
    /// How many reads it still answers.
    answers: Arc<AtomicU64>,
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
        let one_less = |left: u64| match left {
            u64::MAX => Some(left),
            _ => left.checked_sub(1),
        };
        let answers = self
            .answers
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
        if answers.is_err() {
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
