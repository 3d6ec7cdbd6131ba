// SPDX-License-Identifier: GPL-2.0-only

//! PCIe types, by the names that lspci uses.

use std::fmt;

use rules::pcie::PcieType;
use serde::{Deserialize, Serialize};

/// The prefix of an unrecognised name.
const UNKNOWN: &str = "unknown: ";

const NAMES: [(&str, PcieType); 9] = [
    ("Endpoint", PcieType::Endpoint),
    ("Legacy Endpoint", PcieType::LegacyEndpoint),
    ("Root Port", PcieType::RootPort),
    ("Upstream Port", PcieType::UpstreamPort),
    ("Downstream Port", PcieType::DownstreamPort),
    ("PCI-Express to PCI/PCI-X Bridge", PcieType::PciBridge),
    ("PCI/PCI-X to PCI-Express Bridge", PcieType::PcieBridge),
    ("Root Complex Integrated Endpoint", PcieType::RcEndpoint),
    ("Root Complex Event Collector", PcieType::RcEventCollector),
];

/// The PCIe type of a function with a PCI Express capability.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Port {
    /// A known type.
    Known(PcieType),
    /// An unrecognised type, with the text that was shown.
    Unknown(String),
}

impl Port {
    /// The type with this register value, 0 to 15.
    #[must_use]
    pub fn from_raw(raw: u8) -> Self {
        PcieType::from_raw(raw).map_or_else(
            || Self::Unknown(format!("reserved type {raw:x}h")),
            Self::Known,
        )
    }

    /// The type that a program shows by this name, in any case; [`Port::Unknown`] for another name.
    #[must_use]
    pub fn shown(name: &str) -> Self {
        let mut names = NAMES.iter();
        let found = names.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or_else(
            || {
                // The beginning of a name, as the names are written.
                let begin = |(known, _): &&(&str, PcieType)| {
                    known
                        .get(..name.len())
                        .is_some_and(|part| part.eq_ignore_ascii_case(name))
                };
                let known = NAMES
                    .iter()
                    .find(begin)
                    .map(|(known, _)| &known[..name.len()]);
                Self::Unknown(known.unwrap_or(name).to_owned())
            },
            |(_, kind)| Self::Known(*kind),
        )
    }

    /// The register value, 0 to 15, if the type is known or is a reserved one from
    /// [`Port::from_raw`].
    #[must_use]
    pub fn raw(&self) -> Option<u8> {
        let port = self.kind().map_or_else(|| self.clone(), Self::Known);
        (0x0..=0xf).find(|&raw| Self::from_raw(raw) == port)
    }

    /// The type, if it is known or if the shown text is the start of only one name.
    #[must_use]
    pub fn kind(&self) -> Option<PcieType> {
        match self {
            Self::Known(kind) => Some(*kind),
            Self::Unknown(shown) => {
                let begins = |(name, _): &&(&str, _)| !shown.is_empty() && name.starts_with(shown);
                let mut found = NAMES.iter().filter(begins);
                let (_, kind) = found.next()?;
                found.next().is_none().then_some(*kind)
            }
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(kind) => {
                let named = NAMES.iter().find(|(_, named)| named == kind);
                f.write_str(named.map_or("", |(name, _)| name))
            }
            Self::Unknown(shown) => write!(f, "{UNKNOWN}{shown}"),
        }
    }
}

impl TryFrom<String> for Port {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(shown) = text.strip_prefix(UNKNOWN) {
            return Ok(Self::Unknown(shown.to_owned()));
        }
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| Self::Known(*kind)).ok_or_else(|| {
            let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            format!("\"{text}\" is not a PCIe type; write one of {names}, or \"{UNKNOWN}\" and what was shown")
        })
    }
}

impl From<Port> for String {
    fn from(port: Port) -> Self {
        port.to_string()
    }
}
