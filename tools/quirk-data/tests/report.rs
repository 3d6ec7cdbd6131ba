// SPDX-License-Identifier: GPL-2.0-only

//! Findings for people: the fault is shown and marked, whatever the line contains.

use std::path::PathBuf;

use quirk_data::{
    folder::{self, Scope},
    report,
    source::DataFile,
};

/// The report on a file, without colours.
fn report(text: String) -> String {
    let file = DataFile {
        path: PathBuf::from("acme/x1.toml"),
        name: "acme/x1".to_owned(),
        text,
        built_in: false,
    };
    let findings = folder::check(&[file], Scope::now(None)).expect_err("it has a fault");
    let mut plain = String::new();
    let mut coloured = false;
    for c in report::text(&findings).chars() {
        match c {
            '\u{1b}' => coloured = true,
            'm' if coloured => coloured = false,
            _ if coloured => {}
            _ => plain.push(c),
        }
    }
    plain
}

#[test]
fn a_fault_is_marked_in_its_line() {
    let report = report(
        "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 7\ncolour = 3\n".to_owned(),
    );
    let expected = "\
error[key-unknown]: colour: ";
    assert!(report.contains(expected), "{report}");
    let expected = "
 --> acme/x1.toml:4:1
  |
4 | colour = 3
  | ^^^^^^
";
    assert!(report.contains(expected), "{report}");
}

#[test]
fn a_fault_is_shown_however_far_out_in_its_line_it_is() {
    for fill in ['\t', ' ', 'a', '語', '\u{301}'] {
        for length in [0, 1, 19, 21, 59, 60, 61, 119, 120, 121, 200, 5000] {
            let before: String = std::iter::repeat_n(fill, length).collect();
            let report = report(format!(
                "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1 # {before}\nabout = [\"{before}\", §, 1]\n"
            ));
            let at = report.find('§').unwrap_or_else(|| panic!("{report}"));
            let after = &report[at..];
            assert!(
                after
                    .lines()
                    .nth(1)
                    .is_some_and(|marks| marks.contains('^'))
            );
            let longest = report.lines().map(|line| line.chars().count()).max();
            assert!(longest < Some(160), "{report}");
        }
    }
}

/// A line can be as long as the file; each finding shows a part of it.
#[test]
fn many_faults_in_a_long_line_are_no_burden() {
    let text = |range: &str, count| {
        let ranges = format!("\"{range}\", ").repeat(count);
        format!(
            "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 7\nstatus = \"candidate\"\nkind = \"rciep\"\nacs = [\"SV\"]\n\
             reason = \"x\"\n[[match]]\nvendor = \"acee\"\ndevices = [{ranges}]\n"
        )
    };
    for (fault, count) in [("x", 3000), ("0001-0002", 3000)] {
        let report = report(text(fault, count));
        let found = report.matches("error[").count();
        assert!(found >= count - 1, "{found}");
        // Each range is reported once, not once for each overlap.
        assert!(found <= count, "{found}");
        assert!(report.len() < 1000 * count, "{}", report.len());
    }
}
