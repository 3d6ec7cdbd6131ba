// SPDX-License-Identifier: GPL-2.0-only

//! The groups of a machine with their functions, as a list, a tree or a picture.
//!
//! | file | what it does |
//! |---|---|
//! | `driver.rs` | what only the running host tells: drivers |
//! | `filter.rs` | which functions are asked for, in lspci's words |
//! | `text.rs` | the list, for people |
//! | `tree.rs` | the PCI tree, for people |
//! | `svg.rs` | the PCI tree, as a picture |

mod driver;
pub mod filter;
mod svg;
mod text;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use quirk_data::{error::Error, json::pretty};
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, names::Names};

use self::{driver::Driver, filter::Filter};
use crate::{
    host::HostView,
    why::{Acs, Standing},
};

/// The version of the JSON form.
pub(crate) const SCHEMA: &str = "acsctl-groups-1";

/// A function, with what is known of it.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(crate) struct Member {
    pub(crate) function: Bdf,
    /// Class, vendor, name and ids, as lspci has them.
    pub(crate) name: String,
    /// PCI Express type, `conventional PCI`, or `None` where it was not seen.
    pub(crate) kind: Option<String>,
    /// The driver that is bound to it; `None`: none is, or it is not known.
    pub(crate) driver: Option<String>,
    /// Whether a driver of VFIO is.
    pub(crate) vfio_driver: bool,
    /// Whether it stays with the host, also when others of its group are handed out.
    pub(crate) host_only: bool,
    pub(crate) acs: Acs,
    /// Whether it is one that was asked for.
    pub(crate) matches: bool,
    /// The name, where there is little room.
    #[serde(skip)]
    brief: String,
    #[serde(skip)]
    position: usize,
}

/// What VFIO can do with a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Vfio {
    /// A file does not tell.
    Unknown,
    /// None of it is bound to VFIO.
    No,
    /// What is not bound to VFIO has no driver that stands in the way.
    Ready,
    /// Some of it is, and a driver of the host holds others.
    Blocked,
}

/// A group.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(crate) struct Group {
    /// The kernel's number of it; `None`: the group is computed.
    pub(crate) number: Option<u32>,
    pub(crate) members: Vec<Member>,
    /// How many devices have functions in it, those that stay with the host not counted.
    pub(crate) devices: usize,
    /// How many functions these are.
    #[serde(skip)]
    functions: usize,
    pub(crate) vfio: Vfio,
}

impl Group {
    /// Whether more than one function is in it that could be handed out: of one device, or of several.
    pub(crate) const fn is_shared(&self) -> bool {
        self.functions > 1
    }

    /// Whether more than one device is in it.
    pub(crate) const fn ties_devices(&self) -> bool {
        self.devices > 1
    }
}

/// The groups of a machine.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Listing")]
pub struct Listing<'s> {
    schema: &'static str,
    /// Whether the groups are those that the kernel has made; else they are computed.
    pub(crate) from_kernel: bool,
    pub(crate) groups: Vec<Group>,
    /// Functions that are in no group.
    pub(crate) ungrouped: Vec<Member>,
    #[serde(skip)]
    standing: Standing<'s>,
}

impl<'s> Listing<'s> {
    /// The groups of a machine in which a function is that `filter` asks for. Of the host that it is,
    /// drivers are told.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] for a machine that cannot be.
    pub fn of(machine: &'s HostView<'s>, names: &Names, filter: &Filter) -> Result<Self, Error> {
        let standing = Standing::of(machine)?;
        let paths = machine.paths();
        let made = machine.recorded().is_some();
        let mut groups: BTreeMap<u32, Vec<Member>> = BTreeMap::new();
        let mut ungrouped = Vec::new();
        for position in 0..machine.view.functions.len() {
            let seen = &machine.view.functions[position];
            let driver = paths.and_then(|paths| driver::driver(paths, seen.function.bdf));
            let member = Member {
                function: seen.function.bdf,
                name: names.whole_printable(seen.function),
                kind: standing.kind(position),
                vfio_driver: driver.as_ref().is_some_and(Driver::is_vfio),
                driver: driver.map(|driver| driver.name),
                host_only: standing.host_only(position),
                acs: standing.acs(position, names),
                matches: filter.takes(seen.function),
                brief: names.brief(seen.function),
                position,
            };
            let number = if made {
                seen.function.iommu_group
            } else {
                standing.group(position)
            };
            match number {
                Some(number) => groups.entry(number).or_default().push(member),
                None => ungrouped.push(member),
            }
        }
        let mut listing: Vec<Group> = groups
            .into_iter()
            .map(|(number, mut members)| {
                members.sort_by_key(|member| member.function);
                let handed = members.iter().filter(|member| !member.host_only);
                let devices: BTreeSet<_> = handed
                    .clone()
                    .map(|member| standing.device(member.position))
                    .collect();
                Group {
                    number: made.then_some(number),
                    devices: devices.len(),
                    functions: handed.count(),
                    vfio: vfio(&members, paths.is_some()),
                    members,
                }
            })
            .collect();
        listing.retain(|group| {
            let is_asked = group.members.iter().any(|member| member.matches);
            is_asked && (group.is_shared() || !filter.shared)
        });
        if !made {
            listing.sort_by_key(|group| group.members.first().map(|member| member.function));
        }
        ungrouped.retain(|member| member.matches && !filter.shared);
        Ok(Self {
            schema: SCHEMA,
            from_kernel: made,
            groups: listing,
            ungrouped,
            standing,
        })
    }

    /// For programs.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when there is no memory for it, and for no other reason.
    pub fn json(&self) -> Result<String, Error> {
        pretty(self)
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.ungrouped.is_empty()
    }
}

/// What VFIO can do with a group.
fn vfio(members: &[Member], is_host: bool) -> Vfio {
    if !is_host {
        return Vfio::Unknown;
    }
    if !members.iter().any(|member| member.vfio_driver) {
        return Vfio::No;
    }
    let blocks =
        |member: &Member| member.driver.is_some() && !member.vfio_driver && !member.host_only;
    if members.iter().any(blocks) {
        Vfio::Blocked
    } else {
        Vfio::Ready
    }
}
