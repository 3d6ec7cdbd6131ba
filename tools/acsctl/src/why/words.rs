// SPDX-License-Identifier: GPL-2.0-only

//! Steps and functions in words.

use std::fmt::Write as _;

pub(crate) use crate::predict::address_list;

use super::{
    grouped::GroupedHost,
    join::{JoinStep, Kind},
};

pub(super) fn step(grouped: &GroupedHost<'_, '_>, step: &JoinStep) -> String {
    let addresses = |functions: &mut dyn Iterator<Item = usize>| {
        let mut addresses: Vec<_> = functions.map(|index| grouped.bdf(index)).collect();
        addresses.sort_unstable();
        address_list(&addresses)
    };
    let bdf = grouped.bdf(step.origin);
    let joined = addresses(&mut step.joined.iter().copied());
    let mut text = match step.kind {
        Kind::Path => {
            let mut blockers = step.blockers(grouped);
            blockers.retain(|&blocker| blocker != step.origin);
            let turn = match blockers[..] {
                [] => "there".to_owned(),
                _ => format!("there, or at {},", addresses(&mut blockers.into_iter())),
            };
            format!(
                "As far as the kernel knows, requests from below {bdf} may turn around {turn} and \
                 reach other devices without passing the IOMMU. Therefore all functions below {bdf} \
                 are in its group: {joined}."
            )
        }
        Kind::Bridge => format!(
            "{bdf} is a bridge to conventional PCI: requests from behind it carry the bridge's \
             requester ID, so the IOMMU cannot tell these functions apart. Therefore all of them \
             are in its group: {joined}."
        ),
        Kind::Slot => {
            let tied = addresses(&mut step.tied.iter().copied());
            let is_port = |&index: &usize| grouped.host_only(index);
            let (what, whole) = if step.tied.iter().all(is_port) {
                ("ports or bridges of one chip", "chip")
            } else {
                ("functions of one device", "device")
            };
            format!(
                "{tied} are {what}. As far as the kernel knows, they may reach each other inside \
                 that {whole} without passing the IOMMU, so they share a group."
            )
        }
        Kind::Alias => format!(
            "{joined} and {bdf}: one of them sends requests with the requester ID of the other, so \
             the IOMMU cannot tell them apart. The kernel has a quirk for this hardware fault."
        ),
        Kind::DmaDevice => format!(
            "{bdf} issues the requests of all functions behind it, with its own requester ID (Intel \
             VMD): {joined}."
        ),
    };
    if !step.through.is_empty() {
        let through = addresses(&mut step.through.iter().copied());
        let _ = write!(text, " {through} joined because of the bridge above.");
    }
    text
}
