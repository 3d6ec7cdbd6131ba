// SPDX-License-Identifier: GPL-2.0-only

//! The devices that test an entry.

use anyhow::{Result, ensure};
use quirk_data::entry::Entry;
use rules::entry::Kind;

use super::{
    decision::KnownClaims,
    function::{EmulatedFunction, inside, outside},
    layout::space,
};
use crate::space::Space;

/// Maximum number of functions of a device.
const FUNCTIONS: usize = 8;

/// An emulated device.
#[derive(Clone, Debug)]
pub struct EmulatedDevice {
    /// Kind of the functions.
    pub kind: Kind,
    /// The difference between the last function and the functions that the entry claims. `None` for
    /// a device that the entry splits.
    pub stranger: Option<String>,
    /// Configuration spaces of the functions. The index is the function number.
    pub functions: Vec<Space>,
}

/// An entry, and the devices that test it.
#[derive(Clone, Debug)]
pub struct TestedEntry {
    /// Number of the entry.
    pub number: u16,
    /// Name of the entry: `vendor/family`.
    pub name: String,
    /// Whether the entry supersedes an in-tree handler that answers 0.
    pub supersedes: bool,
    /// Devices that the entry splits, and devices that must stay together.
    pub devices: Vec<EmulatedDevice>,
}

impl TestedEntry {
    /// Makes the devices for an entry. Each function that the entry claims is in a device that
    /// splits. Each function just outside the claim is in a device that must stay together, beside
    /// a claimed one.
    ///
    /// # Errors
    ///
    /// The property that cannot be emulated, or the reason why the entry would split nothing.
    pub fn of(quirk: &Entry, claims: &KnownClaims<'_>) -> Result<Self> {
        let mut devices = Vec::new();
        for kind in quirk.kinds() {
            let inside = inside(quirk, kind);
            for part in inside.chunks(FUNCTIONS) {
                let mut functions: Vec<&EmulatedFunction> = part.iter().collect();
                if let [single] = functions[..] {
                    functions.push(single);
                }
                let (functions, verdict) = emulate(&functions, quirk.number, claims)?;
                verdict?;
                devices.push(EmulatedDevice {
                    kind,
                    stranger: None,
                    functions,
                });
            }
            let Some(first) = inside.first() else {
                continue;
            };
            let is_free = |vendor, device| claims.is_free(first, vendor, device);
            for (what, stranger) in outside(quirk, kind, is_free) {
                let (functions, verdict) = emulate(&[first, &stranger], quirk.number, claims)?;
                ensure!(
                    verdict.is_err(),
                    "the module would split a device with {what}, which the entry does not claim"
                );
                devices.push(EmulatedDevice {
                    kind,
                    stranger: Some(what),
                    functions,
                });
            }
        }
        Ok(Self {
            number: quirk.number,
            name: quirk.name.clone(),
            supersedes: quirk.supersedes.is_some(),
            devices,
        })
    }
}

/// Configuration spaces of a device with these functions, and whether the module would split the
/// device by the entry `number`.
fn emulate(
    functions: &[&EmulatedFunction],
    number: u16,
    claims: &KnownClaims<'_>,
) -> Result<(Vec<Space>, Result<()>)> {
    let spaces = functions.iter().map(|function| space(function));
    let spaces: Vec<Space> = spaces.collect::<Result<_>>()?;
    let functions_of: Vec<_> = functions.iter().copied().zip(&spaces).collect();
    let verdict = claims.check_split(number, &functions_of);
    Ok((spaces, verdict))
}
