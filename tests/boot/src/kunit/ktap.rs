// SPDX-License-Identifier: GPL-2.0-only

//! Parses the results of a suite from `/sys/kernel/debug/kunit/SUITE/results`: KTAP, one level
//! deep. `Documentation/dev-tools/ktap.rst` in the kernel's source specifies the format.

use std::{collections::BTreeMap, fmt};

/// The result of a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Whether the test has passed. A skipped test has not.
    pub passed: bool,
    /// The log of the test.
    pub said: String,
}

/// The results of a suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Name of the suite.
    pub suite: String,
    /// The result of each test, by name.
    pub tests: BTreeMap<String, Outcome>,
}

/// Why a text is not a valid result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParseError {
    /// The header is missing.
    NoHeader,
    /// The name of the suite or the number of its tests is missing.
    NoPlan,
    /// The planned number of tests, and the number of results.
    Count(usize, usize),
    /// Two tests have the same name.
    Twice(String),
    /// The result of the suite contradicts the results of its tests.
    Contradiction,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader => f.write_str("they do not begin with \"KTAP version 1\""),
            Self::NoPlan => {
                f.write_str("the name of the suite or the number of its tests is missing")
            }
            Self::Count(planned, found) => {
                write!(
                    f,
                    "{planned} tests were to be run, and {found} have a result"
                )
            }
            Self::Twice(name) => write!(f, "two tests are called {name}"),
            Self::Contradiction => f.write_str("the suite and its tests do not say the same"),
        }
    }
}

impl std::error::Error for ParseError {}

impl Report {
    /// Parses results.
    ///
    /// # Errors
    ///
    /// [`ParseError`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut lines = text.lines();
        if lines.next() != Some("KTAP version 1") {
            return Err(ParseError::NoHeader);
        }
        let mut suite = None;
        let mut planned: Option<usize> = None;
        let mut tests = BTreeMap::new();
        let mut of_suite = None;
        let mut said = String::new();
        for line in lines {
            if let Some(name) = line.strip_prefix("    # Subtest: ") {
                suite = Some(name.to_owned());
            } else if let Some(count) = line.strip_prefix("    1..") {
                planned = count.parse().ok();
            } else if let Some((passed, name)) = line.strip_prefix("    ").and_then(result) {
                let said = std::mem::take(&mut said);
                let outcome = Outcome { passed, said };
                if tests.insert(name.to_owned(), outcome).is_some() {
                    return Err(ParseError::Twice(name.to_owned()));
                }
            } else if let Some((passed, _)) = result(line) {
                of_suite = Some(passed);
            } else if planned.is_some() {
                said.push_str(line.trim_start_matches([' ', '#']));
                said.push('\n');
            }
        }
        let (Some(suite), Some(planned)) = (suite, planned) else {
            return Err(ParseError::NoPlan);
        };
        if planned != tests.len() {
            return Err(ParseError::Count(planned, tests.len()));
        }
        // KUnit reports a suite whose tests were all skipped as passed.
        let all_passed = tests.values().all(|outcome| outcome.passed);
        if of_suite.is_none() || (all_passed && of_suite == Some(false)) {
            return Err(ParseError::Contradiction);
        }
        Ok(Self { suite, tests })
    }
}

/// Parses the line of a test or suite: whether it has passed, and its name.
fn result(line: &str) -> Option<(bool, &str)> {
    let (passed, rest) = match line.strip_prefix("not ok ") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok ")?),
    };
    let (number, rest) = rest.split_once(' ')?;
    number.parse::<u32>().ok()?;
    let mut words = rest.split_whitespace();
    let name = words.next()?;
    Some((passed && words.next().is_none(), name))
}
