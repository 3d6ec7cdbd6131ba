// SPDX-License-Identifier: GPL-2.0-only

//! The kernel's answer for one machine: a line of `tests/kernel/oracle/answer.rs`.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail};
use rules::decision::KernelVerdict;
use topology::{Bdf, Partition};

use super::Described;

/// The kernel's answer for one machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The groups that the kernel has made.
    pub groups: Partition,
    /// Described functions that the kernel has not found.
    pub missing: Vec<Bdf>,
    /// If asked for: what the kernel's quirks answer for each set of flags, from none to all seven,
    /// for each function that the kernel has found.
    pub verdicts: BTreeMap<Bdf, Vec<KernelVerdict>>,
    /// If asked for: the result of the model, run in the kernel.
    pub in_kernel: Option<InKernel>,
}

/// The result of the model, run in the kernel on the kernel's own facts about each function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InKernel {
    /// Whether the model's groups equal the kernel's.
    pub is_same: bool,
    /// Time that the kernel took to group all functions.
    pub kernel: Duration,
    /// Time that the model took.
    pub model: Duration,
}

impl InKernel {
    fn parse(words: &[&str]) -> Result<Self> {
        let [outcome, kernel, model] = words else {
            bail!("{words:?} is no outcome of the model");
        };
        let duration = |text: &str| text.parse().map(Duration::from_nanos);
        Ok(Self {
            is_same: *outcome == "same",
            kernel: duration(kernel)?,
            model: duration(model)?,
        })
    }
}

impl Answer {
    /// Parses the line of a machine.
    ///
    /// # Errors
    ///
    /// When the kernel could not scan the machine, or the line does not answer the question.
    pub(super) fn parse(line: &str, described: &Described) -> Result<Self> {
        if let Some(number) = line.strip_prefix("error ") {
            bail!("the kernel cannot scan it: error {number}");
        }
        let words: Vec<&str> = line.split(' ').collect();
        let count = described.addresses.len();
        let (places, verdicts) = words
            .split_at_checked(count)
            .with_context(|| format!("{} words for {count} functions", words.len()))?;
        let in_verdicts = if described.questions.verdicts {
            count
        } else {
            0
        };
        let (verdicts, rest) = verdicts
            .split_at_checked(in_verdicts)
            .context("verdicts are missing")?;
        let in_kernel = described.questions.model.then(|| InKernel::parse(rest));
        let in_kernel = in_kernel.transpose()?;
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
            in_kernel,
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
