// SPDX-License-Identifier: GPL-2.0-only

//! Lists the groups of a machine with their functions, as a list, a tree, an SVG diagram or a web
//! page.
//!
//! | file | what it does |
//! |---|---|
//! | `driver.rs` | the driver that is bound to a function |
//! | `filter.rs` | filters for functions, in the syntax of lspci |
//! | `text.rs` | the list as text |
//! | `tree.rs` | the PCI tree as text |
//! | `svg.rs` | the PCI tree as an SVG diagram |
//! | `html.rs`, `html.css` | the PCI tree as a web page, with the answers of `why` |

mod driver;
pub mod filter;
mod html;
mod svg;
mod text;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use quirk_data::{error::Error, json::pretty};
use schemars::JsonSchema;
use serde::Serialize;
use topology::{Bdf, Partition, names::Names};

use self::{driver::Driver, filter::Filter};
use crate::{
    host::HostView,
    predict::{
        difference::assumed,
        open::{Open, open},
        report::Assumed,
    },
    why::{Acs, FunctionStates},
};

pub(crate) const SCHEMA: &str = "acsctl-groups-1";

/// A function of a group.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(crate) struct Member {
    pub(crate) function: Bdf,
    /// The class, vendor, name and ids, as lspci prints them.
    pub(crate) name: String,
    /// The PCI Express type, or `conventional PCI`; `None` if unknown.
    pub(crate) kind: Option<String>,
    /// The bound driver; `None` if no driver is bound or it is unknown.
    pub(crate) driver: Option<String>,
    /// Whether the bound driver is a VFIO driver.
    pub(crate) vfio_driver: bool,
    /// Whether the host keeps the function when other functions of the group are passed through.
    pub(crate) host_only: bool,
    pub(crate) acs: Acs,
    /// Whether the filter matches the function.
    pub(crate) matches: bool,
    /// A short name for the diagram.
    #[serde(skip)]
    brief: String,
    #[serde(skip)]
    position: usize,
}

/// Whether VFIO can pass a group through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Vfio {
    /// Unknown: the machine was read from a file.
    Unknown,
    /// No function is bound to a VFIO driver.
    No,
    /// A function is bound to a VFIO driver, and no host driver blocks the group.
    Ready,
    /// A function is bound to a VFIO driver, but a host driver holds another one.
    Blocked,
}

/// A group.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub(crate) struct Group {
    /// The kernel's number for the group; `None` for a computed group.
    pub(crate) number: Option<u32>,
    pub(crate) members: Vec<Member>,
    /// The number of devices in the group, without functions that the host keeps.
    pub(crate) devices: usize,
    /// The number of functions of these devices in the group.
    #[serde(skip)]
    functions: usize,
    pub(crate) vfio: Vfio,
    /// An endpoint that would leave the group if the kernel grouped it now; `acsctl regroup` of it splits the
    /// group. `None` if there is none, or if the kernel has not made the group.
    pub(crate) regroup: Option<Bdf>,
}

impl Group {
    /// Whether the group has more than one function that can be passed through.
    pub(crate) const fn is_shared(&self) -> bool {
        self.functions > 1
    }

    /// Whether the group has more than one device that can be passed through.
    pub(crate) const fn ties_devices(&self) -> bool {
        self.devices > 1
    }
}

/// The groups of a machine.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Listing")]
pub struct Listing<'s> {
    schema: &'static str,
    /// Whether the kernel made these groups; otherwise they are computed.
    pub(crate) from_kernel: bool,
    pub(crate) groups: Vec<Group>,
    /// Functions that are in no group.
    pub(crate) ungrouped: Vec<Member>,
    /// Those functions in `ungrouped` whose group is not known: the input lists groups and not theirs, or it
    /// lacks functions that decide it.
    pub(crate) undetermined: Vec<Bdf>,
    /// The assumptions about what the input does not show, if the groups are computed.
    pub(crate) assumptions: Vec<Assumed>,
    /// Functions that the kernel put into different groups although nothing isolates them from each other, in sets.
    pub(crate) torn: Partition,
    /// What the facts that the input lacks leave open, if the groups are computed; everything else is
    /// certain.
    pub(crate) open: Vec<Open>,
    #[serde(skip)]
    states: FunctionStates<'s>,
}

impl<'s> Listing<'s> {
    /// The groups of a machine that contain a function that `filter` matches. Drivers are listed
    /// only for a host.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] for an impossible topology.
    pub fn of(machine: &'s HostView<'s>, names: &Names, filter: &Filter) -> Result<Self, Error> {
        let states = FunctionStates::of(machine)?;
        let paths = machine.paths();
        let made = machine.recorded().is_some();
        let regroupable = if made && machine.is_modelled() {
            machine.regroupable(&machine.predict()?)
        } else {
            BTreeSet::new()
        };
        let undetermined = if made {
            machine.unshown()
        } else {
            machine.undetermined()
        };
        let assumptions = if made { Vec::new() } else { assumed(machine) };
        let mut groups: BTreeMap<u32, Vec<Member>> = BTreeMap::new();
        let mut ungrouped = Vec::new();
        for position in 0..machine.view.functions.len() {
            let seen = &machine.view.functions[position];
            let driver = paths.and_then(|paths| driver::driver(paths, seen.function.bdf));
            let member = Member {
                function: seen.function.bdf,
                name: names.whole_printable(seen.function),
                kind: states.kind(position),
                vfio_driver: driver.as_ref().is_some_and(Driver::is_vfio),
                driver: driver.map(|driver| driver.name),
                host_only: states.host_only(position),
                acs: states.acs(position, names),
                matches: filter.takes(seen.function),
                brief: names.brief(seen.function),
                position,
            };
            let is_hidden = undetermined.contains(&seen.function.bdf);
            let number = if is_hidden {
                None
            } else if made {
                seen.function.iommu_group
            } else {
                states.group(position)
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
                let passed_through = members.iter().filter(|member| !member.host_only);
                let devices: BTreeSet<_> = passed_through
                    .clone()
                    .map(|member| states.device(member.position))
                    .collect();
                Group {
                    number: made.then_some(number),
                    devices: devices.len(),
                    functions: passed_through.count(),
                    vfio: vfio(&members, paths.is_some()),
                    regroup: (members.iter().map(|member| member.function))
                        .find(|bdf| regroupable.contains(bdf)),
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
            undetermined: undetermined.into_iter().collect(),
            assumptions,
            torn: machine.torn()?,
            open: open(machine, machine.running())?,
            states,
        })
    }

    /// The JSON form.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] when memory runs out.
    pub fn json(&self) -> Result<String, Error> {
        pretty(self)
    }

    /// The numbers of functions and groups in a sentence without its full stop.
    fn summary(&self, functions: usize) -> String {
        let counted =
            |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let shared = self.groups.iter().filter(|group| group.ties_devices());
        format!(
            "{} in {}, {} of them with more than one device",
            counted(functions, "PCI function"),
            counted(self.groups.len(), "IOMMU group"),
            shared.count()
        )
    }

    /// Whether the listing has no functions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.ungrouped.is_empty()
    }
}

/// The hue of the colour of a group, in degrees, by its position in the listing: steps of the golden
/// angle, so that neighbouring groups differ.
fn hue(index: usize) -> i32 {
    i32::try_from(index % 360).unwrap_or_default() * 137 % 360
}

/// Whether VFIO can pass a group through.
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
