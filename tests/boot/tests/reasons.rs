// SPDX-License-Identifier: GPL-2.0-only

//! The reasons of lines that run in no scenario.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use boot::{blocks::Lines, reasons::Reasons};

const SOURCE: &str = "fn f() {\n    if a {\n        b()?;\n    }\n}\n";
const TEST: &str = "fn b_is_tested() {}\n";

fn read(path: &str) -> Result<String> {
    match path {
        "src/f.rs" => Ok(SOURCE.to_owned()),
        "tests/f.rs" => Ok(TEST.to_owned()),
        _ => anyhow::bail!("there is no {path}"),
    }
}

/// The faults of one reason when these lines of `src/f.rs` did not run, and the others did.
fn faults(reason: &str, missed: &[u32]) -> Vec<String> {
    let reasons = format!("[[reason]]\nwhy = \"it is so\"\n{reason}\n");
    let reasons = Reasons::read(&reasons).expect("the form is right");
    let lines: Lines = (1..=5)
        .map(|line| (("src/f.rs".to_owned(), line), !missed.contains(&line)))
        .collect();
    let compared = reasons.compare(&lines, read).expect("the files are there");
    compared.faults
}

#[test]
fn each_line_that_did_not_run_has_a_reason_and_no_other() {
    for (reason, missed, expected) in [
        (r#"lines = ["src/f.rs: b()?;"]"#, &[3][..], &[][..]),
        (
            r#"lines = ["src/f.rs: b()?;"]"#,
            &[2, 3],
            &["no reason: src/f.rs:2: if a {"],
        ),
        (
            r#"lines = ["src/f.rs: b()?;"]"#,
            &[],
            &["a reason, and it ran: src/f.rs: b()?;"],
        ),
        // Chance decides whether it runs.
        ("chance = true\nlines = [\"src/f.rs: b()?;\"]", &[3], &[]),
        ("chance = true\nlines = [\"src/f.rs: b()?;\"]", &[], &[]),
        (
            "chance = true\nlines = [\"src/f.rs: c()?;\"]",
            &[],
            &["not there: src/f.rs: c()?;"],
        ),
        // A line of brackets goes by the text before it.
        (r#"lines = ["src/f.rs: b()?; }"]"#, &[4], &[]),
        (r#"lines = ["src/f.rs: b()?; } }"]"#, &[5], &[]),
        (
            r#"lines = ["src/f.rs: b()?; } }"]"#,
            &[4],
            &[
                "no reason: src/f.rs:4: b()?; }",
                "a reason, and it ran: src/f.rs: b()?; } }",
            ],
        ),
        // The test that a reason names must be there.
        (
            "lines = [\"src/f.rs: b()?;\"]\ntested = [\"tests/f.rs: fn b_is_tested()\"]",
            &[3],
            &[],
        ),
        (
            "lines = [\"src/f.rs: b()?;\"]\ntested = [\"tests/f.rs: fn b_was_tested()\"]",
            &[3],
            &["not there: tests/f.rs: fn b_was_tested()"],
        ),
    ] {
        assert_eq!(faults(reason, missed), expected, "{reason} {missed:?}");
    }
}

#[test]
fn other_forms_are_refused() {
    for reason in [
        "why = \"\"",
        "lines = []",
        "why = \"\"\nlines = [\"src/f.rs\"]",
        "why = \"\"\nlines = [\"src/f.rs: \"]",
        "why = \"\"\nlines = []\nother = 1",
    ] {
        let text = format!("[[reason]]\n{reason}\n");
        assert!(Reasons::read(&text).is_err(), "{reason}");
    }
}

/// Whether the lines run, only `make coverage` can tell.
#[test]
fn each_reason_is_about_lines_that_are_there() -> Result<()> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| {
        fs::read_to_string(project.join(path)).with_context(|| format!("cannot read {path}"))
    };
    let reasons = Reasons::read(&read("tests/kernel/coverage/reasons.toml")?)?;
    assert_eq!(reasons.absent(read)?, [""; 0]);
    // Its lines are in a kernel's source.
    Reasons::read(&read("tests/kernel/kunit/reasons.toml")?).map(drop)
}
