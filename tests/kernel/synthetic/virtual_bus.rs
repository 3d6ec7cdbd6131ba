// SPDX-License-Identifier: GPL-2.0-only

//! Scans a described machine, groups its functions, and removes it without a trace.

use kernel::prelude::*;

use super::{
    description::{
        Function,
        Header,
        Patch,
        Traits, //
    },
    memory::{
        Box,
        Vec, //
    },
    spaces::Spaces,
    sys::{
        Device,
        Rescan,
        Root, //
    }, //
};

/// The result of the grouping for a described function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Membership {
    /// The kernel has not found the function.
    Missing,
    /// The function takes no part in the grouping.
    LeftOut,
    /// The function is in the IOMMU group with this number.
    Group(u32),
}

/// A machine that the kernel has scanned. Dropping it removes the machine.
pub(crate) struct VirtualBus {
    /// The functions that the kernel has found, in the kernel's order, with their indices in the
    /// description.
    devices: Vec<(u32, Device)>,
    /// The root buses, in the order of the description.
    roots: Vec<Root>,
    // Boxed, because the root buses have pointers to it.
    spaces: Box<Spaces>,
}

impl VirtualBus {
    /// Lets the kernel scan the machine that these bytes describe.
    ///
    /// # Errors
    ///
    /// `EINVAL` for bytes that describe no machine; `ENODEV` when the kernel refuses a root bus;
    /// `ENOMEM`.
    pub(crate) fn from_bytes(header: &Header, bytes: &[u8]) -> Result<Self> {
        let size = header.machine_size().ok_or(EINVAL)?;
        let bytes = bytes.get(Header::SIZE..size).ok_or(EINVAL)?;
        let functions = usize::try_from(header.functions).map_err(|_| EINVAL)?;
        let (functions, patches) = bytes
            .split_at_checked(functions.checked_mul(Function::SIZE).ok_or(EINVAL)?)
            .ok_or(EINVAL)?;
        let read = |chunk| Patch::from_bytes(chunk).ok_or(EINVAL);
        patches
            .chunks_exact(Patch::SIZE)
            .try_for_each(|chunk| read(chunk).map(drop))?;
        Self::scan(
            functions
                .chunks_exact(Function::SIZE)
                .filter_map(Function::from_bytes),
            patches
                .chunks_exact(Patch::SIZE)
                .filter_map(Patch::from_bytes),
        )
    }

    /// Lets the kernel scan the machine with these functions.
    ///
    /// # Errors
    ///
    /// As [`VirtualBus::from_bytes`].
    pub(crate) fn scan(
        functions: impl Iterator<Item = Function>,
        patches: impl Iterator<Item = Patch>,
    ) -> Result<Self> {
        let mut machine = Self {
            devices: Vec::new(),
            roots: Vec::new(),
            spaces: Box::new(Spaces::new(functions, patches)?)?,
        };
        machine.find()?;
        Ok(machine)
    }

    fn find(&mut self) -> Result {
        let lock = Rescan::lock();
        for &(domain, first, last) in &self.spaces.roots()? {
            let vmd = match self.spaces.vmd(domain) {
                None => None,
                Some(vmd) => match Device::at(vmd.domain, vmd.bus, vmd.devfn) {
                    Ok(vmd) => Some(vmd),
                    // Without its VMD, the domain does not exist.
                    Err(_) => continue,
                },
            };
            let spaces: *const Spaces = &raw const *self.spaces;
            // SAFETY: The box keeps the spaces in place, and `drop()` removes the roots before the
            // box.
            let root = unsafe { Root::scan(&lock, spaces, (domain, first, last), vmd.as_ref()) }?;
            self.roots.push(root)?;
        }
        for function in self.spaces.functions() {
            let Function {
                domain, bus, devfn, ..
            } = *function;
            let found = || Device::at(domain, bus, devfn);
            if function.traits.has(Traits::REMOVED) {
                if let Ok(device) = found() {
                    device.remove(&lock);
                }
            }
            if function.traits.has(Traits::SET_UP) {
                if let Ok(device) = found() {
                    device.note_set_up();
                }
            }
            if function.traits.has(Traits::EXTERNAL_FACING) {
                if let Ok(device) = found() {
                    device.note_external_facing();
                }
            }
        }
        let mut next = Device::next(None);
        while let Some(device) = next {
            next = Device::next(Some(&device));
            let (domain, bus, devfn) = device.address();
            if let Some(position) = self.spaces.position(domain, bus, devfn) {
                self.devices.push((position, device))?;
            }
        }
        Ok(())
    }

    /// Lets the kernel group the functions, one after the other. Returns the result for each
    /// described function.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn group(&mut self) -> Result<Vec<Membership>> {
        self.ungroup();
        let described = self.spaces.functions().len();
        let mut memberships = Vec::from_elem(Membership::Missing, described)?;
        for (position, device) in &self.devices {
            let membership = if self.spaces.takes_part(*position) {
                Membership::Group(device.group()?)
            } else {
                Membership::LeftOut
            };
            if let Some(slot) = memberships.get_mut(usize::try_from(*position).map_err(|_| EINVAL)?)
            {
                *slot = membership;
            }
        }
        Ok(memberships)
    }

    /// Removes all functions from their groups.
    fn ungroup(&mut self) {
        for (_, device) in &self.devices {
            device.ungroup();
        }
    }

    /// The functions that the kernel has found, in the kernel's order, with their indices in the
    /// description.
    pub(crate) fn devices(&self) -> impl Iterator<Item = (u32, &Device)> {
        self.devices
            .iter()
            .map(|(position, device)| (*position, device))
    }
}

impl Drop for VirtualBus {
    fn drop(&mut self) {
        self.ungroup();
        self.devices.truncate(0);
        let lock = Rescan::lock();
        // The last root bus goes first, so that buses behind a VMD go before the VMD.
        while let Some(root) = self.roots.pop() {
            root.remove(&lock);
        }
    }
}
