// SPDX-License-Identifier: GPL-2.0-only

//! The packages that an entry is shown with.

use anyhow::{Result, ensure};
use quirk_data::quirk::Quirk;
use rules::entry::Kind;

use super::{
    decision::KnownClaims,
    function::{EmulatedFunction, inside, outside},
    layout::space,
};
use crate::space::Space;

/// Most functions of a package.
const FUNCTIONS: usize = 8;

/// An emulated package.
#[derive(Clone, Debug)]
pub struct EmulatedDevice {
    /// What kind of functions it has.
    pub kind: Kind,
    /// What is wrong with its last function, for a package that must stay together; `None` for one
    /// that the entry splits.
    pub stranger: Option<String>,
    /// The functions, from 0.
    pub functions: Vec<Space>,
}

/// An entry, and the packages that it is shown with.
#[derive(Clone, Debug)]
pub struct TestedEntry {
    /// The number of the entry.
    pub number: u16,
    /// Its name: `vendor/family`.
    pub name: String,
    /// Whether it corrects the "no" of a handler of the kernel.
    pub supersedes: bool,
    /// The devices: those that it splits, and those that it does not.
    pub devices: Vec<EmulatedDevice>,
}

impl TestedEntry {
    /// Makes the packages for an entry: every function that it claims is in one that splits; and
    /// beside one of these, each that it does not claim is in one that does not.
    ///
    /// # Errors
    ///
    /// What cannot be emulated, or why the entry would split nothing.
    pub fn of(quirk: &Quirk, claims: &KnownClaims<'_>) -> Result<Self> {
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
                    "the module would split a package with {what}, which the entry does not claim"
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

/// A package of these functions, and whether the module would split it by the entry `number`.
fn emulate(
    functions: &[&EmulatedFunction],
    number: u16,
    claims: &KnownClaims<'_>,
) -> Result<(Vec<Space>, Result<()>)> {
    let spaces = functions.iter().map(|function| space(function));
    let spaces: Vec<Space> = spaces.collect::<Result<_>>()?;
    let package: Vec<_> = functions.iter().copied().zip(&spaces).collect();
    let verdict = claims.check_split(number, &package);
    Ok((spaces, verdict))
}
