// SPDX-License-Identifier: GPL-2.0-only

//! The decisions of a loaded module, parsed from its debugfs file `decisions`
//! (`src/driver/record.rs`).

use std::collections::{BTreeMap, BTreeSet};

use topology::Bdf;

/// The decision of an entry on a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decided {
    /// The entry's number.
    pub entry: u16,
    /// The reason of a refusal; `None` for a grant.
    pub refused: Option<String>,
}

/// The decisions on one function since the kernel added the function or the module was loaded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Decisions {
    /// The first decision. It formed the function's group if the module was loaded before the
    /// kernel added the function.
    pub first: Option<Decided>,
    /// A grant that was neither the first nor the latest decision.
    pub between: Option<Decided>,
    /// The latest decision.
    pub latest: Option<Decided>,
}

/// The decisions that a module reports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Record {
    /// Functions that the kernel marks untrusted or external-facing, and functions below such a
    /// port.
    pub exposed: BTreeSet<Bdf>,
    /// The decisions, for each function that an entry lists.
    pub decisions: BTreeMap<Bdf, Decisions>,
}

/// Parses the file `decisions`.
///
/// # Errors
///
/// The line that cannot be parsed, and what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Record, String> {
    let mut record = Record::default();
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<_> = line.splitn(5, ' ').collect();
        let mut read = || {
            let bdf: Bdf = words.first()?.parse().ok()?;
            let (when, decided) = match words.get(1..)? {
                ["exposed"] => {
                    record.exposed.insert(bdf);
                    return Some(());
                }
                [when, entry, "granted"] => (*when, decided(entry, None)?),
                [when, entry, "refused", why] => (*when, decided(entry, Some(why))?),
                _ => return None,
            };
            let decisions = record.decisions.entry(bdf).or_default();
            match when {
                "first" => decisions.first = Some(decided),
                "between" => decisions.between = Some(decided),
                "latest" => decisions.latest = Some(decided),
                _ => return None,
            }
            Some(())
        };
        read().ok_or_else(|| {
            format!(
                "line {number}: \"{line}\" is not a decision; is the file from another version of \
                 acs-quirks?"
            )
        })?;
    }
    Ok(record)
}

/// `refused` is the kind of refusal, a colon, and the reason.
fn decided(entry: &str, refused: Option<&str>) -> Option<Decided> {
    let refused = match refused {
        None => None,
        Some(why) => Some(why.split_once(": ")?.1.to_owned()),
    };
    Some(Decided {
        entry: entry.parse().ok()?,
        refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bdf(text: &str) -> Bdf {
        text.parse().expect("it is an address")
    }

    #[test]
    fn each_form_of_line_is_read() {
        let text = "0000:00:12.0 exposed\n\
                    10000:01:00.0 first 3 granted\n\
                    10000:01:00.0 between 3 granted\n\
                    10000:01:00.0 latest 3 refused whole: the entry does not cover 00.2: really\n";
        let record = parse(text).expect("it is well-formed");
        assert_eq!(record.exposed, BTreeSet::from([bdf("0000:00:12.0")]));
        let granted = Decided {
            entry: 3,
            refused: None,
        };
        let refused = Decided {
            entry: 3,
            refused: Some("the entry does not cover 00.2: really".to_owned()),
        };
        let decisions = Decisions {
            first: Some(granted.clone()),
            between: Some(granted),
            latest: Some(refused),
        };
        assert_eq!(
            record.decisions,
            BTreeMap::from([(bdf("10000:01:00.0"), decisions)])
        );
        assert_eq!(parse(""), Ok(Record::default()));
    }

    #[test]
    fn an_unknown_line_is_reported() {
        for line in [
            "",
            "0000:00:12.0",
            "0000:00:12.0 exposed to",
            "12.0 exposed",
            "0000:00:12.0 first x granted",
            "0000:00:12.0 once 3 granted",
            "0000:00:12.0 first 3 refused",
            "0000:00:12.0 first 3 refused whole",
            "0000:00:12.0 first 3 dropped whole: x",
        ] {
            let text = format!("0000:00:11.0 exposed\n{line}\n");
            let error = parse(&text).expect_err(line);
            assert!(error.starts_with("line 2: "), "{error}");
        }
    }
}
