// SPDX-License-Identifier: GPL-2.0-only

//! The edits in the vendor's guide, "The life of an entry": each is read from the guide, applied to
//! the entry that the guide shows, and checked.

mod common;

use std::{fs, path::PathBuf};

use quirk_data::{
    draft,
    edition::Edition,
    entry::{Entry, Status},
    export::{Options, export},
    folder::{self, Scope},
    handlers, source,
};
use rules::release::Release;

use common::{root, scratch, tests};

/// The text of the guide.
fn guide() -> String {
    let guide = root().join("Documentation/vendors-guide.md");
    fs::read_to_string(guide).expect("the guide is there")
}

/// The block of TOML after a mark in the guide, with the rest of the mark.
fn block(mark: &str) -> (String, String) {
    let guide = guide();
    let (_, rest) = guide
        .split_once(mark)
        .unwrap_or_else(|| panic!("no {mark} in the guide"));
    let (options, rest) = rest.split_once('\n').expect("a line end");
    let rest = rest.strip_prefix("```toml\n").expect("a block of TOML");
    let (text, _) = rest.split_once("```").expect("the end of the block");
    (
        options.trim_end_matches("-->").trim().to_owned(),
        text.to_owned(),
    )
}

/// The entry that the guide shows in its step on drafts, with the groups of the captured machine.
fn shown() -> String {
    let guide = guide();
    let (_, rest) = guide
        .split_once("```toml\nschema = 1\nnumber = 59\n")
        .expect("the entry");
    let (rest, _) = rest.split_once("```").expect("the end of the block");
    format!(
        "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 59\n{rest}\n[[expect]]\ncapture = \"x1.capture.json\"\n\
         before = [[\"0000:01:00.0\", \"0000:01:00.1\"]]\n\
         after = [[\"0000:01:00.0\"], [\"0000:01:00.1\"]]\n"
    )
}

/// The top-level keys and the sections of a file, in order: each with its first line as its name.
fn parts(text: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    let (mut in_text, mut in_section) = (false, false);
    for line in text.lines() {
        // The line on the licence is a part of its own.
        let starts = !in_text
            && (line.starts_with('[')
                || line.starts_with("# SPDX")
                || (!in_section && line.contains(" = ")));
        if starts {
            in_section = line.starts_with('[');
            let name = line.split(" = ").next().unwrap_or(line);
            parts.push((name.to_owned(), String::new()));
        }
        if line.matches("\"\"\"").count() == 1 {
            in_text = !in_text;
        }
        if let Some((_, part)) = parts.last_mut() {
            *part += line;
            part.push('\n');
        }
    }
    parts
}

/// A file with an edit applied: its keys and sections replace those of the same name, and others
/// are added. `without` is a key that goes.
fn edited(text: &str, edit: &str, without: Option<&str>) -> String {
    let mut all = parts(text);
    all.retain(|(name, _)| Some(name.as_str()) != without);
    for (name, part) in parts(edit) {
        if let Some(old) = all.iter_mut().find(|(old, _)| *old == name) {
            old.1 = part;
        } else if name.starts_with('[') {
            all.push((name, part));
        } else {
            let first = all.iter().position(|(name, _)| name.starts_with('['));
            all.insert(first.unwrap_or(all.len()), (name, part + "\n"));
        }
    }
    all.into_iter().map(|(_, part)| part).collect()
}

/// The edits that the tests below apply.
const TRIED: [&str; 9] = [
    "candidate",
    "validated",
    "rejected",
    "mainline",
    "removed-by-mainline",
    "withdrawn",
    "withdrawn-from-mainline",
    "replaced",
    "replaced-in-mainline",
];

/// The edit with this name, applied to a file.
fn by(name: &str, text: &str) -> String {
    assert!(TRIED.contains(&name), "add {name} to the list");
    let alone = format!("<!-- edit: {name} -->");
    let (options, edit) = if guide().contains(&alone) {
        block(&alone)
    } else {
        block(&format!("<!-- edit: {name}; "))
    };
    let without = options.strip_prefix("without: ");
    edited(text, &edit, without)
}

/// A folder with the captured machine, and these files of the vendor.
fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = scratch(test);
    fs::create_dir(folder.join("acme")).expect("it is the test's own");
    let capture = fs::read_to_string(tests().join("accepted/acme/nic.capture.json"));
    let capture = capture.expect("the capture is there");
    for from in ["acee", "0100", "0120"] {
        assert!(capture.contains(&format!("\"{from}\"")), "{from}");
    }
    let capture = capture
        .replace("\"acee\"", "\"10de\"")
        .replace("\"0100\"", "\"0a01\"")
        .replace("\"0120\"", "\"0a10\"");
    fs::write(folder.join("acme/x1.capture.json"), capture).expect("it is the test's own");
    for (name, text) in files {
        fs::write(folder.join("acme").join(name), text).expect("it is the test's own");
    }
    folder
}

/// The entries of these files, or the codes of the findings.
fn checked(test: &str, files: &[(&str, &str)]) -> Result<Vec<Entry>, Vec<String>> {
    let sources = source::read(&folder(test, files)).expect("the folder can be read");
    folder::check_all(sources, Scope::now(Some(Edition::Validated))).map_err(|found| {
        let codes = found
            .iter()
            .map(|one| format!("{}: {}", one.rule, one.problem));
        codes.collect()
    })
}

/// The one entry of a sound file.
fn entry(of: &str, text: &str) -> Entry {
    let entries = checked(of, &[("x1.toml", text)]);
    let mut entries = entries.unwrap_or_else(|found| panic!("{found:#?}\n{text}"));
    entries.remove(0)
}

/// Whether a module for this kernel has the entry.
fn is_built(entry: &Entry, edition: Edition, kernel: (u16, u16)) -> bool {
    let kernel = Some(Release::new(kernel.0, kernel.1));
    edition.takes(entry.status, entry.mainline.as_ref(), kernel)
}

/// Whether a kernel answers for the entry itself.
fn grants(entry: &Entry, kernel: (u16, u16)) -> bool {
    let kernel = Some(Release::new(kernel.0, kernel.1));
    let handlers = handlers::in_kernel([entry], kernel);
    handlers.by_entry(entry.number).is_some()
}

/// The text of this file without a part.
fn less(text: &str, part: &str) -> String {
    let kept = parts(text).into_iter().filter(|(name, _)| name != part);
    kept.map(|(_, part)| part).collect()
}

#[test]
fn every_edit_of_the_guide_is_tried() {
    let guide = guide();
    let edits = guide.split("<!-- edit: ").skip(1);
    let names = edits.map(|edit| edit.split([';', ' ']).next().unwrap_or_default());
    let mut names: Vec<_> = names.collect();
    let mut tried = TRIED.to_vec();
    names.sort_unstable();
    tried.sort_unstable();
    assert_eq!(names, tried);
}

/// As `acsctl quirk new` writes it, with the answers that a candidate needs.
#[test]
fn a_draft_becomes_a_candidate() {
    let machine = folder("life-draft-machine", &[]).join("acme/x1.capture.json");
    let machine = topology::read(&machine).expect("the capture is sound");
    let at = "0000:01:00.0".parse().expect("an address");
    let capture_of = |_: &str| "x1.capture.json".to_owned();
    let made = draft::draft(&machine, at, Some("acme/x1"), &[], 59, capture_of);
    let (_, draft) = made.unwrap_or_else(|refused| panic!("{refused}"));
    let data = draft.data.expect("no entry lists the device");
    let answered = data
        .replace("acs = []", "acs = [\"SV\", \"RR\", \"CR\", \"UF\"]")
        .replace("QUESTION: what are these?", "functions")
        .replace("QUESTION: what is the silicon called?", "Acme X1");
    let text = by("candidate", &answered);
    let candidate = entry("life-draft", &less(&text, "[evidence]"));
    assert_eq!(candidate.status, Status::Candidate);
    // Control: the questions of the evidence are still open.
    let found = checked("life-draft-open", &[("x1.toml", &text)]).expect_err("open questions");
    assert!(
        found.iter().any(|one| one.starts_with("unanswered")),
        "{found:?}"
    );
}

#[test]
fn mainline_removes_a_quirk() {
    let merged = by("mainline", &shown());
    let removed = entry("life-removed", &by("removed-by-mainline", &merged));
    assert_eq!(removed.status, Status::Mainline);
    for edition in Edition::ALL {
        assert!(!is_built(&removed, edition, (7, 3)));
    }
    assert!(grants(&removed, (7, 5)));
    assert!(!grants(&removed, (7, 6)));
    // Control: without `until`, it is built for kernels that lack it, and the last one grants it.
    let merged = entry("life-not-removed", &merged);
    assert!(is_built(&merged, Edition::Validated, (7, 3)));
    assert!(grants(&merged, (7, 6)));
}

#[test]
fn the_entry_that_the_guide_shows_is_sound() {
    let shown = entry("life-shown", &shown());
    assert_eq!(shown.status, Status::Validated);
    assert!(is_built(&shown, Edition::Validated, (7, 3)));
}

#[test]
fn a_candidate_needs_no_evidence() {
    let text = by("candidate", &shown());
    let candidate = entry("life-candidate", &text);
    assert_eq!(candidate.status, Status::Candidate);
    assert!(is_built(&candidate, Edition::Candidate, (7, 3)));
    assert!(!is_built(&candidate, Edition::Validated, (7, 3)));
    let less = less(&text, "[evidence]");
    assert_eq!(entry("life-candidate-less", &less).evidence, None);
}

#[test]
fn a_candidate_becomes_validated() {
    let candidate = by("candidate", &shown());
    let text = by("validated", &candidate);
    assert_eq!(entry("life-validated", &text).status, Status::Validated);
    // Control: a candidate's file with the status alone still says why it is no more.
    let status = candidate.replace("\"candidate\"", "\"validated\"");
    let without = less(&status, "[evidence]");
    let found = checked("life-validated-not", &[("x1.toml", &without)]).expect_err("no evidence");
    assert!(found[0].starts_with("key-missing"), "{found:?}");
}

#[test]
fn a_claim_is_refused() {
    let candidate = by("candidate", &shown());
    let text = by("rejected", &candidate);
    let rejected = entry("life-rejected", &text);
    assert_eq!(rejected.status, Status::Rejected);
    for edition in Edition::ALL {
        assert!(!is_built(&rejected, edition, (7, 3)));
    }
    // It needs neither evidence nor a captured machine.
    let less = less(&less(&text, "[evidence]"), "[[expect]]");
    assert_eq!(entry("life-rejected-less", &less).evidence, None);
    // No other entry may claim the ids. Control: a file of its own may have others.
    for (ids, is_refused) in [("\"0a01\"", true), ("\"0a02\"", false)] {
        let other = candidate
            .replace("number = 59", "number = 60")
            .replace("\"0a01\", \"0a10-0a12\"", ids);
        let (other, _) = other.split_once("[evidence]").expect("it has one");
        let files = [("x1.toml", text.as_str()), ("x2.toml", other)];
        let found = checked("life-rejected-other", &files)
            .err()
            .unwrap_or_default();
        let is_found = found.iter().any(|one| one.starts_with("refused"));
        assert_eq!(is_found, is_refused, "{found:?}");
    }
    // The statement comes.
    let validated = entry("life-rejected-validated", &by("validated", &text));
    assert_eq!(validated.status, Status::Validated);
    assert_eq!(validated.number, rejected.number);
}

#[test]
fn mainline_takes_over_from_its_release_on() {
    let text = by("mainline", &shown());
    assert!(text.contains("[[expect]]"), "{text}");
    let merged = entry("life-mainline", &text);
    assert_eq!(merged.status, Status::Mainline);
    assert!(is_built(&merged, Edition::Validated, (7, 3)));
    assert!(!is_built(&merged, Edition::Validated, (7, 4)));
    assert!(grants(&merged, (7, 4)));
    assert!(!grants(&merged, (7, 3)));
    // Without its expectation, the entry keeps its capture as a record.
    let (less, _) = text.split_once("[[expect]]").expect("it has one");
    let mainline = parts(&text)
        .into_iter()
        .find(|(name, _)| name == "[mainline]");
    let less = format!("{less}{}", mainline.expect("it has one").1);
    entry("life-mainline-less", &less);
}

#[test]
fn a_statement_is_taken_back() {
    let text = by("withdrawn", &shown());
    let withdrawn = entry("life-withdrawn", &text);
    assert_eq!(withdrawn.status, Status::Withdrawn);
    for edition in Edition::ALL {
        assert!(!is_built(&withdrawn, edition, (7, 3)));
    }
    // Released kernels go on to grant what mainline has merged.
    let merged = by("mainline", &shown());
    let kept = entry("life-withdrawn-kept", &by("withdrawn", &merged));
    assert!(grants(&kept, (7, 4)));
    let reverted = by("withdrawn-from-mainline", &merged);
    let reverted = entry("life-withdrawn-reverted", &reverted);
    assert!(grants(&reverted, (7, 5)));
    assert!(!grants(&reverted, (7, 6)));
    for edition in Edition::ALL {
        assert!(!is_built(&reverted, edition, (7, 3)));
    }
}

#[test]
fn an_entry_replaces_another() {
    let old = by("replaced", &shown());
    let new = shown()
        .replace("number = 59", "number = 60")
        .replace("about =", "revisions = \"04-ff\"\nabout =");
    let (new, _) = new.split_once("[[expect]]").expect("it has one");
    let new = by("candidate", new);
    let files = [("x1.toml", old.as_str()), ("x1-rev-b.toml", new.as_str())];
    let entries = checked("life-replaced", &files).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(entries.len(), 2);
    // The finding on both claims leads to the edit, as soon as the new one is validated.
    let valid = shown();
    let validated = valid
        .replace("number = 59", "number = 60")
        .replace("about =", "revisions = \"04-0f\"\nabout =");
    let files = [
        ("x1.toml", valid.as_str()),
        ("x1-rev-b.toml", validated.as_str()),
    ];
    let found = helped("life-replaced-not", &files);
    let help = "; or replace acme/x1: in it, write status = \"withdrawn\", a reason, and replaced-by = \
                \"acme/x1-rev-b\"";
    assert!(found.iter().any(|one| one.ends_with(help)), "{found:#?}");
    // Control: no other entry may claim the ids.
    let refused = by("withdrawn", &shown());
    let files = [
        ("x1.toml", refused.as_str()),
        ("x1-rev-b.toml", new.as_str()),
    ];
    let found = checked("life-not-replaced", &files).expect_err("the ids are refused");
    assert!(
        found.iter().any(|one| one.starts_with("refused")),
        "{found:?}"
    );
}

/// The findings, with their help.
fn helped(test: &str, files: &[(&str, &str)]) -> Vec<String> {
    let sources = source::read(&folder(test, files)).expect("the folder can be read");
    let found = folder::check_all(sources, Scope::now(Some(Edition::Validated)));
    let found = found.expect_err("it has faults").into_iter();
    found
        .map(|one| format!("{}: {}", one.rule, one.help))
        .collect()
}

/// The findings on another claim of the ids lead to the edit, one step after the other.
#[test]
fn an_entry_replaces_one_of_mainline() {
    let new = shown()
        .replace("number = 59", "number = 60")
        .replace("about =", "revisions = \"00-03\"\nabout =");
    let merged = less(&by("mainline", &shown()), "[[expect]]");
    let removed = less(
        &by("removed-by-mainline", &by("mainline", &shown())),
        "[[expect]]",
    );
    let replaced = by("replaced-in-mainline", &merged);
    let early = by("replaced", &merged);
    let step = "or replace acme/x1: in it, write status = \"withdrawn\", a reason, and replaced-by = \
                \"acme/x1-rev-b\"";
    for (old, help) in [
        (
            &merged,
            format!(
                "in-mainline: take the ids out: mainline has the quirk, and the module has it for the supported \
                 kernels that lack it; {step}, when mainline has removed the quirk, and until, the first \
                 release without it, in its section [mainline]"
            ),
        ),
        (
            &removed,
            format!("take the ids out: mainline has removed the quirk; {step}; its section [mainline] stays"),
        ),
        (
            &early,
            "expect-split: when mainline has removed the quirk of acme/x1, add until to its section \
             [mainline], the first release without it; keep this claim back until then"
                .to_owned(),
        ),
    ] {
        let files = [
            ("x1.toml", old.as_str()),
            ("x1-rev-b.toml", new.as_str()),
        ];
        let found = helped("life-mainline-replaced-not", &files);
        assert!(found.iter().any(|one| one.ends_with(&help)), "{found:#?}");
    }
    let files = [
        ("x1.toml", replaced.as_str()),
        ("x1-rev-b.toml", new.as_str()),
    ];
    let entries = checked("life-mainline-replaced", &files);
    let entries = entries.unwrap_or_else(|found| panic!("{found:#?}"));
    let [old, new] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert!(grants(old, (7, 5)) && !grants(old, (7, 6)));
    assert!(is_built(new, Edition::Validated, (7, 3)));
    for edition in Edition::ALL {
        assert!(!is_built(old, edition, (7, 3)));
    }
}

#[test]
fn a_statement_against_isolation_stands_against_a_claim() {
    let (_, against) = block("<!-- file: not-isolated");
    let files = [("x1.toml", shown()), ("audio.toml", against)];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let entries = checked("life-against", &files).unwrap_or_else(|found| panic!("{found:#?}"));
    let against = entries.iter().find(|one| one.status == Status::NotIsolated);
    assert!(
        against
            .expect("it is there")
            .evidence
            .as_ref()
            .is_some_and(|one| one.hearsay)
    );
    // Control: of the class of the captured functions.
    let network = files[1].1.replace("\"0403\"", "\"0200\"");
    let found = checked("life-contradicted", &[files[0], ("audio.toml", &network)]);
    let found = found.expect_err("the claim contradicts the statement");
    assert!(
        found.iter().any(|one| one.starts_with("refused")),
        "{found:?}"
    );
}

/// A statement against the first revision stands beside a claim that leaves this revision out.
#[test]
fn a_statement_against_some_revisions_leaves_the_others() {
    let (_, against) = block("<!-- file: not-isolated");
    let against = against
        .replace("\"any\"", "\"0a01\"")
        .replace("class = \"0403\"", "revisions = \"00-03\"");
    for (revisions, is_apart) in [("04-ff", true), ("03-ff", false), ("00-02", false)] {
        let claim = shown().replace("about =", &format!("revisions = \"{revisions}\"\nabout ="));
        let (claim, _) = claim.split_once("[[expect]]").expect("it has one");
        let claim = by("candidate", claim);
        let files = [
            ("x1.toml", claim.as_str()),
            ("x1-rev-a.toml", against.as_str()),
        ];
        // No entry names the capture, whose device is of another revision.
        let found = checked("life-against-some", &files).expect_err("the capture is left over");
        let is_refused = found.iter().any(|one| one.starts_with("refused"));
        assert_eq!(is_refused, !is_apart, "{revisions}: {found:?}");
    }
}

/// The errors of `acsctl quirk export` that the guide shows, without the place of the kernel.
#[test]
fn the_errors_that_the_guide_shows_are_those_of_an_export() {
    let quirks = "drivers/pci/quirks.c";
    let kernel = scratch("life-kernel");
    fs::create_dir_all(kernel.join("drivers/pci")).expect("it is the test's own");
    fs::create_dir_all(kernel.join("include/linux")).expect("it is the test's own");
    let of_tests = tests().join("export/kernel");
    let read = |file: &str| fs::read_to_string(of_tests.join(file)).expect("it is there");
    let first = "\t{ PCI_VENDOR_ID_SECOND_NAME, 0x0001, ";
    let row = format!("\t{{ 0x10de, 0x0a01, pci_quirk_mf_endpoint_acs }},\n{first}");
    let write = |file: &str, text: String| {
        fs::write(kernel.join(file), text).expect("it is the test's own");
    };
    write("include/linux/pci_ids.h", read("include/linux/pci_ids.h"));
    write(quirks, read(quirks).replace(first, &row));
    for (name, text) in [
        ("candidate", by("candidate", &shown())),
        ("present", shown()),
    ] {
        let entry = entry("life-errors", &text);
        let error = export(&entry, &kernel, &Options::default()).expect_err("no patch");
        let guide = guide();
        let (_, rest) = guide
            .split_once(&format!("<!-- error: {name} -->\n```\n"))
            .expect("the guide has it");
        let (shown, _) = rest.split_once("\n```").expect("the end of the block");
        let error = error.to_string();
        let place = format!("{}:", kernel.join(quirks).display());
        let error = match error.split_once(&place) {
            Some((before, after)) => {
                let (_, after) = after.split_once(": ").expect("the number of a line");
                format!("{before}/home/you/linux/{quirks}:5213: {after}")
            }
            None => error,
        };
        assert_eq!(shown.replace('\n', " "), error);
    }
}
