// SPDX-License-Identifier: GPL-2.0-only

//! Checks whether a topology can describe a machine.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Function, Header, Topology,
    bdf::{Bdf, Domain},
    error::Error,
};

/// The remedy for an impossible topology.
const AGAIN: &str = "capture the machine again, or correct the file";

/// Checks properties that the format alone does not ensure.
///
/// # Errors
///
/// The first fault.
pub(crate) fn check(name: &str, topology: &Topology) -> Result<(), Error> {
    if topology.functions.is_empty() {
        return Err(Error::at(
            name,
            "functions",
            "the input has no PCI function",
            AGAIN,
        ));
    }
    let at = |place: Bdf, problem: String| Err(Error::at(name, place, problem, AGAIN));
    let mut seen = BTreeMap::new();
    let mut leads: BTreeMap<(Domain, u8), Bdf> = BTreeMap::new();
    for function in &topology.functions {
        let bdf = function.bdf;
        if seen.insert(bdf, function).is_some() {
            return at(bdf, "two functions have this address".to_owned());
        }
        if let Some(problem) = alone(function) {
            return at(bdf, problem);
        }
        let Some(secondary) = function.secondary.filter(|&bus| bus != 0) else {
            continue;
        };
        if let Some(other) = leads.insert((bdf.domain, secondary), bdf) {
            return at(
                bdf,
                format!("leads to bus {secondary:02x}, and so does {other}"),
            );
        }
    }
    for function in &topology.functions {
        if let Some(physical) = function.physfn {
            match seen.get(&physical) {
                None => {
                    return at(
                        function.bdf,
                        format!("its physfn {physical} is not in the list"),
                    );
                }
                Some(found) if found.physfn.is_some() => {
                    let problem = format!("its physfn {physical} is a virtual function itself");
                    return at(function.bdf, problem);
                }
                Some(_) => {}
            }
        }
    }
    check_vmd(name, topology, &seen.into_keys().collect())
}

/// The fault of a function by itself, if any.
fn alone(function: &Function) -> Option<String> {
    let buses = [function.primary, function.secondary, function.subordinate];
    if function.header == Header::Endpoint && buses.iter().any(Option::is_some) {
        return Some("has bus numbers, but not the header of a bridge".to_owned());
    }
    if function.header != Header::Endpoint && function.physfn.is_some() {
        return Some("is a virtual function, but has the header of a bridge".to_owned());
    }
    if function.pcie_type.is_some() && !function.pcie_known {
        return Some("has a pcie_type, but pcie_known is false".to_owned());
    }
    if function.acs.is_some() && !function.acs_known {
        return Some("has acs, but acs_known is false".to_owned());
    }
    if function
        .acs
        .is_some_and(|acs| acs.cap.is_some() != acs.ctl.is_some())
    {
        return Some("of acs, cap and ctl must both be known or both not".to_owned());
    }
    let secondary = function.secondary.filter(|&bus| bus != 0)?;
    // The kernel requires this too (`pci_scan_bridge_extend()` in `drivers/pci/probe.c`). It also
    // excludes loops.
    if secondary <= function.bdf.bus {
        let bus = function.bdf.bus;
        return Some(format!(
            "is on bus {bus:02x} and leads to bus {secondary:02x}, which is not a later one"
        ));
    }
    let last = function.subordinate?;
    if last < secondary {
        return Some(format!(
            "leads to bus {secondary:02x}, but its last bus is {last:02x}"
        ));
    }
    None
}

/// Checks the VMDs of the domains.
fn check_vmd(name: &str, topology: &Topology, seen: &BTreeSet<Bdf>) -> Result<(), Error> {
    for (domain, function) in &topology.vmd {
        let problem = if !seen.contains(function) {
            format!("{function} is not in the list of functions")
        } else if topology.vmd.contains_key(&function.domain) {
            format!("{function} is behind a VMD itself")
        } else {
            continue;
        };
        return Err(Error::at(name, format!("vmd.{domain}"), problem, AGAIN));
    }
    Ok(())
}
