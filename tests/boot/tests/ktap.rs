// SPDX-License-Identifier: GPL-2.0-only

//! Parsing the results of KUnit suites: a missing result does not count as passed.

use boot::kunit::{Outcome, ParseError, Report};

const RESULTS: &str = "KTAP version 1
1..1
    KTAP version 1
    # Subtest: suite
    1..3
    ok 1 first
    # three: 1, where 2 was expected
    more
    not ok 2 three
    ok 3 third # SKIP not here
# suite: pass:1 fail:1 skip:1 total:3
# Totals: pass:1 fail:1 skip:1 total:3
not ok 1 suite
";

fn outcome(passed: bool, said: &str) -> Outcome {
    Outcome {
        passed,
        said: said.to_owned(),
    }
}

#[test]
fn results_are_read() {
    let report = Report::parse(RESULTS).expect("they are results");
    let expected = [
        ("first", outcome(true, "")),
        ("third", outcome(false, "")),
        (
            "three",
            outcome(false, "three: 1, where 2 was expected\nmore\n"),
        ),
    ];
    assert_eq!(report.suite, "suite");
    assert_eq!(
        report.tests,
        expected
            .map(|(name, outcome)| (name.to_owned(), outcome))
            .into()
    );
}

#[test]
fn what_is_missing_is_not_taken_for_passed() {
    let without = |part: &str| Report::parse(&RESULTS.replace(part, ""));
    assert_eq!(without("KTAP version 1\n1..1\n"), Err(ParseError::NoHeader));
    assert_eq!(without("    1..3\n"), Err(ParseError::NoPlan));
    assert_eq!(without("    # Subtest: suite\n"), Err(ParseError::NoPlan));
    assert_eq!(without("    ok 1 first\n"), Err(ParseError::Count(3, 2)));
    assert_eq!(without("not ok 1 suite\n"), Err(ParseError::Contradiction));
    let twice = RESULTS.replace("third", "first");
    assert_eq!(
        Report::parse(&twice),
        Err(ParseError::Twice("first".to_owned()))
    );
    let all_pass = RESULTS.replace(" # SKIP not here", "");
    let all_pass = all_pass.replace("    not ok", "    ok");
    assert_eq!(Report::parse(&all_pass), Err(ParseError::Contradiction));
    assert_eq!(Report::parse(""), Err(ParseError::NoHeader));
}
