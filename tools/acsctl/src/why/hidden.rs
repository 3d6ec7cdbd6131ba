// SPDX-License-Identifier: GPL-2.0-only

//! Ports that are known to have an ACS capability. If such a port shows none, the firmware hides
//! it: the groups of two recorded machines show this for a port of the list.

use std::sync::LazyLock;

use serde::Deserialize;
use topology::{Function, Hex};

/// Ports that show an ACS capability in a published report, with the place of the report.
#[derive(Deserialize)]
struct Shown {
    source: String,
    /// Vendor and device id of root ports and downstream ports, as in `1022:14db`.
    ports: Vec<String>,
}

static SHOWN: LazyLock<Vec<Shown>> =
    LazyLock::new(|| serde_json::from_str(include_str!("ports_with_acs.json")).unwrap_or_default());

/// Where a port with these ids shows an ACS capability on another machine.
pub(super) fn shown_elsewhere(function: &Function) -> Option<&'static str> {
    let device = function.device.map(Hex::value)?;
    let ids = format!("{:04x}:{device:04x}", function.vendor.value());
    let found = SHOWN.iter().find(|shown| shown.ports.contains(&ids));
    found.map(|shown| shown.source.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_port_is_listed_once_with_a_source() {
        let all = &*SHOWN;
        assert!(all.len() > 10);
        let mut ports = BTreeSet::new();
        for Shown {
            source,
            ports: some,
        } in all
        {
            assert!(!source.is_empty() && !some.is_empty());
            for port in some {
                let (vendor, device) = port.split_once(':').expect("it is a pair");
                for id in [vendor, device] {
                    assert!(
                        id.len() == 4 && u16::from_str_radix(id, 16).is_ok(),
                        "{port}"
                    );
                }
                assert_eq!(port.to_lowercase(), *port);
                assert!(ports.insert(port), "{port} is listed twice");
            }
        }
    }
}
