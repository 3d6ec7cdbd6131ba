// SPDX-License-Identifier: GPL-2.0-only

//! Says why an entry splits nothing on a captured machine, and what decides there without it.

use std::collections::BTreeSet;

use grouping::{
    Seen, View,
    handlers::{Handlers, Silicon},
    predict::Prediction,
};
use rules::{
    acs::AcsFlags,
    decision::{Decision, KernelVerdict, Refusal},
    pcie::PcieType,
    whole::Fault,
};
use topology::{Bdf, Partition};

use crate::{built, entry::Entry, limits::Limits};

/// An entry, and the captured machine that it is applied to.
pub(crate) struct Cause<'a> {
    /// The entry.
    pub(crate) entry: &'a Entry,
    /// The entries of the database.
    pub(crate) others: &'a [&'a Entry],
    /// The machine.
    pub(crate) view: &'a View<'a>,
    /// The prediction of its groups.
    pub(crate) prediction: &'a Prediction<'a>,
    /// The handlers of its kernel.
    pub(crate) handlers: &'a Handlers,
}

/// Why functions stay together.
#[derive(Clone)]
pub(crate) struct Reason {
    /// The function, and the reason.
    pub(crate) words: String,
    /// The remedy, if it is a certain one.
    pub(crate) remedy: Option<String>,
}

impl Cause<'_> {
    /// The first of some functions that the entry lists and does not isolate, and the reason of the
    /// module. Another PCIe type is the reason only without any other: ports of one switch may share
    /// their ids.
    pub(crate) fn of_no_grant(&self, is_meant: impl Fn(Bdf) -> bool) -> Option<Reason> {
        let decisions = self.prediction.in_grouping(&built::alone(self.entry));
        let each = self.view.functions.iter().zip(decisions);
        let refused = each.filter_map(|(seen, decision)| match decision {
            Decision::Refused(_, refusal) => Some((seen, refusal)),
            _ => None,
        });
        let refused: Vec<_> = refused
            .filter(|(seen, _)| seen.function.physfn.is_none() && is_meant(seen.function.bdf))
            .collect();
        let of_type = |refusal: &Refusal| *refusal == Refusal::WrongType;
        let first = refused.iter().find(|(_, refusal)| !of_type(refusal));
        let (seen, refusal) = first.or(refused.first())?;
        let remedy = match refusal {
            Refusal::FlagsNotGranted(asked) => Some(format!(
                "add {} to acs, if the statement covers that",
                lacking(*asked, self.entry.acs)
            )),
            _ => None,
        };
        Some(Reason {
            words: format!("{}: {}", seen.function.bdf, self.words(seen, *refusal)),
            remedy,
        })
    }

    /// What keeps the first of some functions that shares its group there although the entry isolates
    /// it; `None` if each is alone in its group.
    pub(crate) fn of_above(&self, functions: &BTreeSet<Bdf>, groups: &Partition) -> Option<Reason> {
        let mut groups = groups.iter().filter(|group| group.len() > 1);
        let bdf = groups.find_map(|group| group.iter().find(|bdf| functions.contains(bdf)))?;
        let above = self.above(*bdf);
        let what = above.map_or_else(
            || "what is above it keeps its functions together".to_owned(),
            |above| {
                let above = above.function.bdf;
                format!("{above} above it is not isolated, and keeps its functions together")
            },
        );
        // An entry has no effect on what has ACS.
        let draft = above.filter(|above| above.function.acs.is_none());
        let draft = draft.map_or_else(String::new, |above| {
            format!("draft an entry for {} first, or ", above.function.bdf)
        });
        Some(Reason {
            words: format!("{bdf}: {what}"),
            remedy: Some(format!(
                "{draft}capture the device in another slot or machine"
            )),
        })
    }

    /// The first of these functions that a handler of the kernel answers for.
    pub(crate) fn of_kernel(&self, functions: &BTreeSet<Bdf>) -> Option<String> {
        let among = |seen: &&Seen<'_>| functions.contains(&seen.function.bdf);
        let mut functions = self.view.functions.iter().filter(among);
        functions.find_map(|seen| Some(format!("{}: {}", seen.function.bdf, self.answer(seen)?)))
    }

    /// The nearest bridge above a function that is not isolated.
    pub(crate) fn above(&self, bdf: Bdf) -> Option<&Seen<'_>> {
        let mut functions = self.view.functions.iter();
        let mut at = functions.find(|seen| seen.function.bdf == bdf)?;
        loop {
            at = self.view.above(at)?;
            let kernel = self.prediction.verdict(at).kernel;
            if !at.with(&self.view.release, kernel).isolated {
                return Some(at);
            }
        }
    }

    /// The reason of the module, with what the entry and the machine have.
    fn words(&self, seen: &Seen<'_>, refusal: Refusal) -> String {
        match refusal {
            Refusal::FlagsNotGranted(asked) => format!(
                "the entry does not grant {}, and the kernel asks for {asked} when it makes groups",
                lacking(asked, self.entry.acs)
            ),
            Refusal::KernelVerdict => self.answer(seen).unwrap_or_else(|| refusal.to_string()),
            Refusal::OwnAcs if !seen.function.acs_known => {
                "the capture does not show whether it has an ACS capability".to_owned()
            }
            Refusal::Whole(Fault::HasAcs { devfn } | Fault::AcsOff { devfn })
                if self
                    .beside(seen, devfn)
                    .is_some_and(|other| !shows_acs(other)) =>
            {
                let bdf = Bdf {
                    devfn,
                    ..seen.function.bdf
                };
                format!(
                    "the capture does not show the ACS of {bdf}, which is of the same device, switch or root complex"
                )
            }
            Refusal::WrongType => format!(
                "{refusal}: the entry is for functions of the kind {}",
                self.entry.kind_names()
            ),
            Refusal::Whole(Fault::Limits { .. }) => {
                let limits: Vec<_> = self.limits_of(seen).map(Limits::to_string).collect();
                format!("{refusal}; its limits: {}", limits.join(" or "))
            }
            Refusal::Whole(Fault::Unreadable { devfn }) => self
                .unseen_limit(seen, devfn)
                .unwrap_or_else(|| refusal.to_string()),
            Refusal::Whole(Fault::NotCovered { devfn, .. } | Fault::Aliased { devfn }) => self
                .bridge_beside(seen, devfn)
                .unwrap_or_else(|| refusal.to_string()),
            _ => refusal.to_string(),
        }
    }

    /// The function at `devfn` on the bus of a function.
    fn beside(&self, seen: &Seen<'_>, devfn: u8) -> Option<&Seen<'_>> {
        let bus = seen.function.bdf.bus();
        let mut functions = self.view.functions.iter();
        functions.find(|other| {
            let bdf = other.function.bdf;
            bdf.bus() == bus && bdf.devfn == devfn
        })
    }

    /// What a bridge means that shares the root bus with a root port, and that the entry does not
    /// list; `None` if the function at `devfn` is none. The module names its requester IDs, or that
    /// it is of the same device, where it is neither of the device nor the vendor's to change.
    fn bridge_beside(&self, seen: &Seen<'_>, devfn: u8) -> Option<String> {
        let other = self.beside(seen, devfn)?;
        let (vendor, device) = (
            other.function.vendor.value(),
            other.function.device?.value(),
        );
        let is_listed = self.entry.ids().any(|ids| ids.contains(vendor, device));
        let is_root_port = seen.pcie_type() == Some(PcieType::RootPort);
        if !is_root_port || is_listed || other.function.secondary.is_none() {
            return None;
        }
        let what = match other.pcie_type() {
            Some(PcieType::RootPort) => "a root port",
            _ => "a bridge",
        };
        Some(format!(
            "{} [{vendor:04x}:{device:04x}] is {what} on the same root bus, and the entry does not \
             cover it: it may forward requests to what is below the entry's ports, so the module makes \
             no claim on such a machine",
            other.function.bdf
        ))
    }

    /// The property by which the entry is limited, if the capture does not show it of the function at
    /// `devfn`.
    fn unseen_limit(&self, seen: &Seen<'_>, devfn: u8) -> Option<String> {
        let other = self.beside(seen, devfn)?;
        let found = Silicon::of(other.function);
        let unseen = self.limits_of(other).find_map(|limits| {
            let properties = [
                ("class", limits.class.is_some() && found.class.is_none()),
                (
                    "revision",
                    limits.revisions.is_some() && found.revision.is_none(),
                ),
                (
                    "subsystem",
                    !limits.subsystems.is_empty() && found.subsystem.is_none(),
                ),
            ];
            let mut unseen = properties.into_iter().filter(|(_, is_unseen)| *is_unseen);
            unseen.next()
        });
        let (property, _) = unseen?;
        Some(format!(
            "the capture does not show the {property} of {}, by which the entry is limited",
            other.function.bdf
        ))
    }

    /// The limits of the entry for the ids of a function.
    fn limits_of<'s>(&'s self, seen: &'s Seen<'_>) -> impl Iterator<Item = &'s Limits> + 's {
        let function = seen.function;
        let groups = self.entry.devices.iter().filter(|group| {
            let mut ids = group.ids.iter();
            ids.any(|ids| {
                let vendor = function.vendor.value();
                function
                    .devices()
                    .any(|device| ids.contains(vendor, device))
            })
        });
        groups.map(|group| &group.limits)
    }

    /// What a handler of the kernel answers for a function, if any does.
    fn answer(&self, seen: &Seen<'_>) -> Option<String> {
        let verdict = self.prediction.verdict(seen);
        let answer = match verdict.kernel {
            KernelVerdict::Isolated => "isolated",
            KernelVerdict::NotIsolated => "not isolated",
            KernelVerdict::NoOpinion | KernelVerdict::Unknown => return None,
        };
        let Some(number) = verdict.by else {
            return Some(format!(
                "a handler of the kernel answers \"{answer}\" for every device of the vendor that it \
                 does not list"
            ));
        };
        let handler = self.handlers.by_entry(number);
        let handler = handler.map_or("a handler", |handler| handler.name.as_str());
        let mut others = self.others.iter();
        let of = others.find(|entry| entry.number == number && entry.mainline.is_some());
        let name = of.map_or("", |entry| &entry.name);
        Some(format!(
            "the kernel's {handler} ({name}) answers \"{answer}\" for it"
        ))
    }
}

/// Whether the capture shows the ACS of a function, with its registers.
fn shows_acs(seen: &Seen<'_>) -> bool {
    let function = seen.function;
    function.acs_known && function.acs.is_none_or(|acs| acs.ctl.is_some())
}

/// The flags of `asked` that `granted` lacks.
fn lacking(asked: AcsFlags, granted: AcsFlags) -> AcsFlags {
    let named = AcsFlags::NAMED.iter();
    let lacking = named.filter(|(_, flag)| asked.contains(*flag) && !granted.contains(*flag));
    lacking.fold(AcsFlags::NONE, |all, (_, flag)| all.union(*flag))
}
