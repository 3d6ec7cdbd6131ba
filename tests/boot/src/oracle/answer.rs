// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel says of a machine: a line of `tests/oracle/answer.rs`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use isolation::decision::KernelVerdict;
use topology::{Bdf, Partition};

use super::Described;

/// What the kernel says of a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Its groups.
    pub groups: Partition,
    /// Functions that the kernel does not find.
    pub missing: Vec<Bdf>,
    /// For each function that it finds, if that was asked: what its quirks say for each set of flags,
    /// from none to all seven.
    pub verdicts: BTreeMap<Bdf, Vec<KernelVerdict>>,
}

impl Answer {
    /// Reads a line about a machine.
    ///
    /// # Errors
    ///
    /// When the kernel could not scan the machine, or the line is not an answer to the question.
    pub(super) fn parse(line: &str, described: &Described) -> Result<Self> {
        if let Some(number) = line.strip_prefix("error ") {
            bail!("the kernel cannot scan it: error {number}");
        }
        let words: Vec<&str> = line.split(' ').collect();
        let count = described.addresses.len();
        let (places, verdicts) = words
            .split_at_checked(count)
            .with_context(|| format!("{} words for {count} functions", words.len()))?;
        let mut groups: BTreeMap<u32, Vec<Bdf>> = BTreeMap::new();
        let mut missing = Vec::new();
        for (place, address) in places.iter().zip(&described.addresses) {
            let Some(bdf) = *address else {
                continue;
            };
            match *place {
                "-" => {}
                "!" => missing.push(bdf),
                number => {
                    let number = number.parse().with_context(|| format!("\"{number}\""))?;
                    groups.entry(number).or_default().push(bdf);
                }
            }
        }
        let mut groups: Partition = groups.into_values().collect();
        for group in &mut groups {
            group.sort_unstable();
        }
        groups.sort_unstable();
        let resolve = |letters: &str| match letters.strip_prefix('=') {
            None => Ok(letters.to_owned()),
            Some(number) => {
                let first = verdicts.get(number.parse::<usize>()?);
                first
                    .map(|letters| (*letters).to_owned())
                    .with_context(|| format!("there is no function {number}"))
            }
        };
        let verdicts = verdicts
            .iter()
            .zip(&described.addresses)
            .filter_map(|(letters, address)| Some((address.as_ref()?, *letters)))
            .filter(|(_, letters)| *letters != "!")
            .map(|(bdf, letters)| {
                let letters = resolve(letters)?;
                Ok((*bdf, letters.chars().map(verdict).collect::<Result<_>>()?))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            groups,
            missing,
            verdicts,
        })
    }
}

fn verdict(letter: char) -> Result<KernelVerdict> {
    Ok(match letter {
        'n' => KernelVerdict::NoOpinion,
        '0' => KernelVerdict::NotIsolated,
        '1' => KernelVerdict::Isolated,
        '?' => KernelVerdict::Unknown,
        _ => bail!("'{letter}' is no verdict"),
    })
}
