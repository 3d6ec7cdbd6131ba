// SPDX-License-Identifier: GPL-2.0-only

//! Trust rule `evidence`: the ids and kinds that a statement must name for an entry to claim them,
//! in each notation, and texts that must not count as a name.

mod about;
mod except;
mod guide;
mod ids;
mod kinds;
mod opposite;
mod plain;
mod random;
mod words;

use quirk_data::{
    folder::{self, Scope},
    source::DataFile,
};

/// An entry of a vendor's.
struct Entry<'a> {
    status: &'a str,
    kind: &'a str,
    /// The lines of `[[match]]`.
    matches: &'a str,
    statement: &'a str,
}

const OUR: &str = "[[match]]\nvendor = \"10de\"\ndevices = ";

/// A sentence that says that something is isolated.
const ISOLATED: &str = "\n\nThey are isolated.";

/// The statement rules that an entry violates, each once. Its statement also says that something is isolated,
/// because most of these statements are about what names ids.
fn broken(entry: &Entry<'_>, beside: Option<&str>) -> Vec<&'static str> {
    let statement = format!("{}{ISOLATED}", entry.statement);
    let statement = &statement;
    broken_as_it_is(
        &Entry {
            statement,
            ..*entry
        },
        beside,
    )
}

/// As [`broken`], with the statement alone.
fn broken_as_it_is(entry: &Entry<'_>, beside: Option<&str>) -> Vec<&'static str> {
    let Entry {
        status,
        kind,
        matches,
        statement,
    } = entry;
    let text = format!(
        "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 1\nname = \"X\"\nstatus = \"{status}\"\n{}kind = {kind}\n\
         acs = [\"SV\", \"RR\", \"CR\", \"UF\"]\n{matches}\n[evidence]\nstatement = '''{statement}'''\n\
         stated-by = \"Jo, Acme\"\ndate = 2024-01-01\nsources = [\"https://example.org/x\"]\n\
         [[expect]]\ncapture = \"x.json\"\nbefore = [[\"0000:01:00.0\"]]\nafter = [[\"0000:01:00.0\"]]\n",
        match *status {
            "candidate" => "reason = \"So.\"\n",
            "mainline" => "[mainline]\nsince = \"v5.8\"\nhandler = \"pci_quirk_x\"\n",
            _ => "",
        }
    );
    // Top-level keys precede sections.
    let text = match text.split_once("[mainline]") {
        Some((head, rest)) => {
            let (section, keys) = rest.split_once("kind").expect("it is there");
            format!("{head}kind{keys}[mainline]{section}")
        }
        None => text,
    };
    let file = |number: usize, text: String| DataFile {
        path: format!("nvidia/x{number}.toml").into(),
        name: format!("nvidia/x{number}"),
        text,
        built_in: false,
    };
    let mut files = vec![file(1, text)];
    files.extend(beside.map(|text| file(2, text.to_owned())));
    let found = folder::check(&files, Scope::now(None))
        .err()
        .unwrap_or_default();
    let codes = found.iter().map(|one| {
        let code = one.rule.code();
        // The capture does not exist. It is checked only if there is no other fault.
        let is_ours = code.starts_with("statement-") || code.starts_with("capture-");
        assert!(is_ours, "{one}");
        code
    });
    let mut codes: Vec<_> = codes
        .filter(|code| code.starts_with("statement-"))
        .collect();
    codes.dedup();
    codes
}

/// The violations of a validated entry for endpoints with these devices and this statement.
fn validated(devices: &str, statement: &str) -> Vec<&'static str> {
    validated_as_it_is(devices, &format!("{statement}{ISOLATED}"))
}

/// As [`validated`], with the statement alone.
fn validated_as_it_is(devices: &str, statement: &str) -> Vec<&'static str> {
    let entry = Entry {
        status: "validated",
        kind: "\"mf-endpoint\"",
        matches: &format!("{OUR}{devices}"),
        statement,
    };
    broken_as_it_is(&entry, None)
}

#[track_caller]
fn accepts(devices: &str, statement: &str) {
    assert_eq!(
        validated(devices, statement),
        [""; 0],
        "{devices}: {statement}"
    );
}

#[track_caller]
fn refuses(rule: &str, devices: &str, statement: &str) {
    let found = validated(devices, statement);
    assert!(found.contains(&rule), "{devices}: {statement}: {found:?}");
}

const IDS: &str = "statement-ids";
const EXCEPTS: &str = "statement-excepts";
const PLAIN: &str = "statement-plain";
const UNCLAIMED: &str = "statement-unclaimed";
const KINDS: &str = "statement-kinds";
