// SPDX-License-Identifier: GPL-2.0-only

//! Compares mainline entries with the lists of kernels' tables, and the lists with the sources that
//! they come from.

mod common;

use std::{fs, path::Path};

use quirk_data::{
    edition::Edition,
    entry::Entry,
    folder::{self, Scope},
    generate,
    kernels::{self, Kernel, Tree, Which},
    source::{DataFile, Sources},
};
use rules::release::Release;

use common::{scratch, tests};

/// An entry that v4.0 has and v3.17 lacks, with its handler.
const SKYHAWK: &str = r#"
[[match]]
vendor = "10df"
devices = ["0720"]
"#;

/// The text of a mainline entry with these devices and this section.
fn text(devices: &str, mainline: &str) -> String {
    format!(
        r#"# SPDX-License-Identifier: GPL-2.0-only
schema = 1
number = 59
name = "X1"
status = "mainline"
kind = "mf-endpoint"
acs = ["SV", "RR", "CR", "UF"]
{devices}
[mainline]
{mainline}
handler = "pci_quirk_mf_endpoint_acs"
any-type = true

[evidence]
statement = "The functions of the endpoints 10de:0a01 and of 10df:0720 are isolated."
stated-by = "Jo Smith of Acme"
date = 2026-02-01
sources = ["https://lore.kernel.org/linux-pci/1"]
"#
    )
}

fn checked(text: &str) -> Result<Vec<Entry>, Vec<String>> {
    let sources = Sources {
        files: vec![DataFile {
            path: "acme/x1.toml".into(),
            name: "acme/x1".to_owned(),
            text: text.to_owned(),
            built_in: false,
        }],
        ..Sources::default()
    };
    let scope = Scope {
        kernel: Some("7.2".parse().expect("a release")),
        ..Scope::now(Some(Edition::Validated))
    };
    folder::check_all(sources, scope).map_err(|all| all.iter().map(ToString::to_string).collect())
}

/// The findings, one per line.
fn finding(text: &str) -> String {
    checked(text).expect_err("it has a fault").join("\n")
}

fn release(text: &str) -> Release {
    text.parse().expect("a release")
}

/// The number of entries in the table for a kernel.
fn built(entries: &[Entry], kernel: &str) -> usize {
    Edition::Validated
        .select(entries, Some(release(kernel)))
        .len()
}

#[test]
fn an_entry_is_as_the_kernels_have_it() {
    let entries = checked(&text(SKYHAWK, "since = \"v4.0\"")).expect("it is what they have");
    assert_eq!((built(&entries, "3.17"), built(&entries, "4.0")), (1, 0));
    let mainline = entries[0].mainline.as_ref().expect("it has the section");
    assert_eq!(mainline.since_release(), Some(release("4.0")));
}

#[test]
fn a_release_before_or_after_the_first_one_is_refused() {
    let late = finding(&text(SKYHAWK, "since = \"v4.1\""));
    assert!(
        late.contains("mainline-agrees: mainline.since: Linux v4.0 (github.com/"),
        "{late}"
    );
    assert!(
        late.contains("has 10df:0720 already; write the first release that has it"),
        "{late}"
    );
    let early = finding(&text(SKYHAWK, "since = \"v3.16\""));
    assert!(
        early.contains("does not have 10df:0720 with pci_quirk_mf_endpoint_acs"),
        "{early}"
    );
}

#[test]
fn ids_and_handlers_that_no_kernel_has_are_refused() {
    let forged = SKYHAWK.replace("0720", "0001-fffe");
    for since in ["v4.0", "v7.3"] {
        let found = finding(&text(&forged, &format!("since = \"{since}\"")));
        assert!(found.contains("does not have 10df:0001"), "{found}");
    }
    // A part of the ids.
    let found = finding(&text(
        &SKYHAWK.replace("0720", "0720-0721"),
        "since = \"v4.0\"",
    ));
    assert!(found.contains("does not have 10df:0721"), "{found}");
    let other = text(SKYHAWK, "since = \"v4.0\"").replace("mf_endpoint", "brcm");
    let found = finding(&other);
    assert!(
        found.contains("has the handler pci_quirk_mf_endpoint_acs and not pci_quirk_brcm_acs"),
        "{found}"
    );
    let unknown = finding(&text(
        &SKYHAWK.replace("0720", "0721"),
        "since = \"unknown\"",
    ));
    assert!(unknown.contains("does not have 10df:0721"), "{unknown}");
    checked(&text(SKYHAWK, "since = \"unknown\"")).expect("the newest kernel has it");
}

/// A row of a stable or distribution kernel that mainline got later does not date mainline.
#[test]
fn what_was_ported_back_is_no_earlier_release() {
    // quirks/loongson: in v6.16, and in Debian's 5.10, 6.1 and 6.12.
    let text = text(
        "[[match]]\nvendor = \"0014\"\ndevices = [\"3c09\"]",
        "since = \"v6.16\"",
    )
    .replace("mf_endpoint_acs", "loongson_acs");
    checked(&text).expect("it agrees");
}

#[test]
fn a_release_to_come_needs_the_commit_and_what_a_statement_needs() {
    const COMMIT: &str = "since = \"v7.4\"\ncommit = \"0123456789abcdef\"";
    const X1: &str = "[[match]]\nvendor = \"10de\"\ndevices = [\"0a01\"]";
    let good = text(X1, COMMIT);
    let entries = checked(&good).expect("it is complete");
    assert_eq!((built(&entries, "7.3"), built(&entries, "7.4")), (1, 0));
    assert!(
        generate::source(Edition::Validated, &entries, Some(release("7.2")), &[])
            .contains("acme/x1")
    );

    let no_commit = finding(&text(X1, "since = \"v7.4\""));
    assert!(
        no_commit.contains("key-missing: mainline.commit: missing"),
        "{no_commit}"
    );
    let no_date = finding(&good.replace("date = 2026-02-01\n", ""));
    assert!(
        no_date.contains("key-missing: evidence.date: missing"),
        "{no_date}"
    );
    let wide = finding(&text(&X1.replace("0a01", "0001-fffe"), COMMIT));
    assert!(wide.contains("id-wide"), "{wide}");
    let any = text(&X1.replace("0a01", "any"), COMMIT);
    let found = finding(&any.replace("\"mf-endpoint\"", "\"root-port\""));
    assert!(found.contains("unbuildable: match.devices"), "{found}");
}

/// Each form of a release or a commit that is not theirs: one finding, whose help has the right one. A comparison
/// with the kernels would be with others.
#[test]
fn a_wrong_form_has_one_finding_with_the_right_form() {
    let first = "write the first release of mainline that has the entry, with two numbers, as";
    let what = "the first release with the entry, as \"v5.8\", or \"unknown\"";
    let quotes = format!("in quotes: {what}");
    for (since, help) in [
        ("\"6.1\"", format!("{first} \"v6.1\", or \"unknown\"")),
        ("\"V6.1\"", format!("{first} \"v6.1\", or")),
        ("\"Linux 6.1\"", format!("{first} \"v6.1\", or")),
        ("\"v6.1-rc1\"", format!("{first} \"v6.1\", or")),
        ("\"6.1-rc1\"", format!("{first} \"v6.1\", or")),
        // They mean no release of mainline.
        ("\"v6.1.3\"", format!("{first} \"v5.8\", or")),
        ("\"6\"", format!("{first} \"v5.8\", or")),
        ("\"2025\"", format!("{first} \"v5.8\", or")),
        ("6.1", format!("write text {quotes}")),
        ("6", format!("write text {quotes}")),
        ("2025", format!("write text {quotes}")),
        ("2025-03-01", format!("write text {quotes}")),
        (
            "v6.1",
            format!("write it in quotes, as since = \"v6.1\": {what}"),
        ),
        (
            "6.1-rc1",
            format!("write it in quotes, as since = \"6.1-rc1\": {what}"),
        ),
    ] {
        let found = checked(&text(SKYHAWK, &format!("since = {since}"))).expect_err(since);
        assert_eq!(found.len(), 1, "{since}: {found:?}");
        assert!(found[0].contains(&help), "{since}: {found:?}");
    }
    // What no kernel has is not compared by a release that cannot be read.
    let forged = SKYHAWK.replace("0720", "0001-fffe");
    let found = checked(&text(&forged, "since = \"6.1\"")).expect_err("a wrong form");
    assert_eq!(found.len(), 1, "{found:?}");
    let until = finding(&text(SKYHAWK, "since = \"v4.0\"\nuntil = \"6.1-rc1\""));
    assert!(
        until.ends_with("no longer has the entry, with two numbers, as \"v6.1\""),
        "{until}"
    );

    // Of a release to come, which needs the commit.
    let x1 = "[[match]]\nvendor = \"10de\"\ndevices = [\"0a01\"]";
    for (commit, help) in [
        (
            "\"01234567\"",
            "write at least 12 digits: 8 are too short, other commits may begin with them",
        ),
        (
            "\"0123456789AB\"",
            "write 12 to 40 lowercase hexadecimal digits",
        ),
        (
            "12345678",
            "write text in quotes: the commit that brought it, at least 12",
        ),
    ] {
        let mainline = format!("since = \"v7.4\"\ncommit = {commit}");
        let found = checked(&text(x1, &mainline)).expect_err(commit);
        assert_eq!(found.len(), 1, "{commit}: {found:?}");
        assert!(found[0].contains(help), "{commit}: {found:?}");
    }
}

/// If mainline removed a quirk, its silence is a decision: nothing is built, and only the releases
/// between answer.
#[test]
fn what_was_taken_back_is_built_into_nothing() {
    let entries = checked(
        &text(
            "[[match]]\nvendor = \"8086\"\ndevices = [\"a32c-a343\"]",
            "since = \"v4.18\"\nuntil = \"v4.20\"",
        )
        .replace("mf_endpoint", "intel_spt_pch"),
    )
    .expect("v4.18 has it, and no kernel from v4.20 on");
    for kernel in ["4.14", "4.18", "4.20", "7.3"] {
        assert_eq!(built(&entries, kernel), 0, "{kernel}");
    }
    let mainline = entries[0].mainline.as_ref().expect("it has the section");
    let missing =
        ["4.17", "4.18", "4.19", "4.20", "7.3"].map(|at| mainline.is_missing_in(release(at)));
    assert_eq!(missing, [true, false, false, true, true]);

    let still = finding(&text(SKYHAWK, "since = \"v4.0\"\nuntil = \"v4.20\""));
    assert!(
        still.contains("mainline-agrees: mainline.until: Linux v4.20"),
        "{still}"
    );
    let reversed = finding(&text(SKYHAWK, "since = \"v4.0\"\nuntil = \"v4.0\""));
    assert!(
        reversed.contains("v4.0 is not later than v4.0"),
        "{reversed}"
    );
    let form = finding(&text(SKYHAWK, "since = \"v4.0\"\nuntil = \"4.2\""));
    assert!(form.contains("value-form: mainline.until"), "{form}");
}

/// Each list reads back as it was written, so that none is skipped silently.
#[test]
fn every_list_is_read_and_is_as_the_tool_writes_it() {
    let mut read = 0;
    for (path, text) in kernels::files() {
        let kernel: Kernel = text
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(kernel.to_string(), text, "{}", path.display());
        read += 1;
    }
    assert_eq!(read, kernels::known().len());
    for version in ["5.10", "6.1", "6.12", "7.2", "7.3"] {
        let is_debian = |kernel: &&Kernel| {
            kernel.release == release(version) && kernel.source.starts_with("Debian, ")
        };
        assert!(
            kernels::known().iter().any(|kernel| is_debian(&kernel)),
            "{version}"
        );
    }
    assert!(
        kernels::known()
            .iter()
            .filter(|one| one.tree == Tree::Mainline)
            .count()
            >= 18
    );
    assert!(
        "version 7.3.4\ntree later\nsource x\n8086 15 0 1"
            .parse::<Kernel>()
            .is_err()
    );
    assert!("version 7.3.4\nsource x\n".parse::<Kernel>().is_err());
}

/// A kernel source with this table, handlers and version.
fn tree(at: &Path, makefile: &str) {
    for folder in ["drivers/pci", "include/linux"] {
        fs::create_dir_all(at.join(folder)).expect("the folder is the test's own");
    }
    let write = |file: &str, text: &str| fs::write(at.join(file), text).expect("it can be written");
    write("Makefile", makefile);
    write(
        "include/linux/pci_ids.h",
        "#define PCI_VENDOR_ID_ACME 0x10de\n",
    );
    write(
        "drivers/pci/quirks.c",
        "static int pci_quirk_plain_acs(struct pci_dev *dev, u16 f) { return 1; }\n\
         static int pci_quirk_listed_acs(struct pci_dev *dev, u16 f)\n\
         {\n switch (dev->device) {\n case 0x0100 ... 0x010f: case 0x1001: return 1;\n }\n return 0;\n}\n\
         static int pci_quirk_masked_acs(struct pci_dev *dev, u16 f)\n\
         {\n return (dev->device & 0xf800) == 0xa000;\n}\n\
         static const struct pci_dev_acs_enabled {\n u16 vendor;\n} pci_dev_acs_enabled[] = {\n\
         { PCI_VENDOR_ID_ACME, 0x0a01, pci_quirk_plain_acs },\n\
         { PCI_VENDOR_ID_ACME, PCI_ANY_ID, pci_quirk_listed_acs },\n\
         { PCI_VENDOR_ID_ACME, PCI_ANY_ID, pci_quirk_masked_acs },\n\
         { PCI_VENDOR_ID_ACME, PCI_ANY_ID, pci_quirk_plain_acs },\n { 0 }\n};\n",
    );
}

#[test]
fn a_list_is_made_of_a_source() {
    let at = scratch("kernel-source");
    tree(
        &at,
        "VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 0\nEXTRAVERSION =\n",
    );
    let kernel = Kernel::read(&at, "a test", true).expect("it can be read");
    let rows: Vec<_> = kernel
        .rows
        .iter()
        .map(|row| (row.devices, row.handler.as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            (Which::Range(0x0a01, 0x0a01), "pci_quirk_plain_acs"),
            (Which::Range(0x0100, 0x010f), "pci_quirk_listed_acs"),
            (Which::Range(0x1001, 0x1001), "pci_quirk_listed_acs"),
            (Which::Unread, "pci_quirk_masked_acs"),
            (Which::Any, "pci_quirk_plain_acs"),
        ]
    );
    assert_eq!(
        (kernel.release, kernel.tree),
        (release("7.4"), Tree::Mainline)
    );

    // A version that is no release is not accepted as one.
    for (makefile, is_mainline) in [
        (
            "VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\n",
            false,
        ),
        (
            "VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 0\nEXTRAVERSION = -acme\n",
            true,
        ),
        (
            "VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 1\nEXTRAVERSION =\n",
            true,
        ),
        ("VERSION = 7\nPATCHLEVEL = 4\n", false),
    ] {
        tree(&at, makefile);
        assert!(
            Kernel::read(&at, "a test", is_mainline).is_err(),
            "{makefile}"
        );
    }
    tree(
        &at,
        "VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 1\nEXTRAVERSION =\n",
    );
    let later = Kernel::read(&at, "a test", false).expect("it can be read");
    assert_eq!((later.tree, later.version.as_str()), (Tree::Later, "7.4.1"));
    assert!(Kernel::read(&tests(), "a test", false).is_err());
}

/// A folder may have its own lists, and an invalid one is a fault.
#[test]
fn the_lists_of_a_folder_are_those_that_count_there() {
    let at = scratch("kernels-of-a-folder");
    fs::create_dir_all(at.join("acme")).expect("the folder is the test's own");
    let entry = text(
        "[[match]]\nvendor = \"10de\"\ndevices = [\"0a01\"]",
        "since = \"v5.0\"",
    );
    fs::write(at.join("acme/x1.toml"), entry).expect("it can be written");
    let check = || folder::load(&at, Scope::now(Some(Edition::Validated)));
    assert!(check().is_err(), "no kernel has it");
    fs::create_dir(at.join("kernels")).expect("it is new");
    let list =
        |text: &str| fs::write(at.join("kernels/v5.0.txt"), text).expect("it can be written");
    list("version 5.0.0\ntree mainline\nsource a test\n10de 0a01 pci_quirk_mf_endpoint_acs\n");
    check().expect("the kernel of this folder has it");
    list("version 5.0.0\ntree mainline\nsource a test\n10de 0a01\n");
    let error = check().expect_err("that is no list").to_string();
    assert!(
        error.contains("kernel-list") && error.contains("line 4"),
        "{error}"
    );
}

/// A claim of ids that a release has goes by that release. Controls: before a list has them; with an entry that
/// says since when.
#[test]
fn a_claim_that_mainline_has_merged_names_the_release() {
    let at = scratch("kernels-of-a-claim");
    fs::create_dir_all(at.join("acme")).expect("the folder is the test's own");
    let devices = "[[match]]\nvendor = \"10de\"\ndevices = [\"0a01\", \"0a10\"]";
    let merged = text(devices, "since = \"v5.0\"");
    let (head, rest) = merged.split_once("[mainline]").expect("it has one");
    let (_, evidence) = rest.split_once("[evidence]").expect("it has one");
    let candidate = format!("{head}[evidence]{evidence}")
        .replace("\"mainline\"", "\"candidate\"\nreason = \"So.\"")
        .replace("10de:0a01 and of 10df:0720", "10de:0a01 and 10de:0a10");
    let check = |text: &str| {
        fs::write(at.join("acme/x1.toml"), text).expect("it can be written");
        folder::load(&at, Scope::now(None))
    };
    fs::create_dir(at.join("kernels")).expect("it is new");
    let list = |rows: &str| {
        let text = format!("version 5.0.0\ntree mainline\nsource a test\n{rows}");
        fs::write(at.join("kernels/v5.0.txt"), text).expect("it can be written");
    };
    list("10de 0a02 pci_quirk_mf_endpoint_acs\n");
    check(&candidate).expect("no release has it");
    list("10de 0a01 pci_quirk_mf_endpoint_acs\n10de 0a10 pci_quirk_mf_endpoint_acs\n");
    let error = check(&candidate).expect_err("a release has it").to_string();
    let expected =
        "match.devices: Linux v5.0 (a test) has 10de:0a01, with pci_quirk_mf_endpoint_acs";
    assert!(
        error.contains(expected) && error.contains("since = \"v5.0\""),
        "{error}"
    );
    assert_eq!(error.matches("in-mainline").count(), 1, "{error}");
    check(&merged).expect("the entry says since when");
}

/// The expected groups of a captured machine stay valid when mainline merges the entry, because
/// they are for a kernel without it.
#[test]
fn the_groups_of_a_machine_stay_when_mainline_merges_the_entry() {
    let at = scratch("kernels-merged");
    fs::create_dir_all(at.join("acme")).expect("the folder is the test's own");
    let from = tests().join("accepted/acme");
    let file = |name: &str| fs::read_to_string(from.join(name)).expect("it is there");
    for capture in ["function.capture.json", "function-integrated.capture.json"] {
        fs::write(at.join("acme").join(capture), file(capture)).expect("it can be written");
    }
    let merged = file("function.toml").replace("\"validated\"", "\"mainline\"").replace(
        "[evidence]",
        "[mainline]\nsince = \"v7.4\"\ncommit = \"0123456789ab\"\nhandler = \"pci_quirk_acme_acs\"\n\n[evidence]",
    );
    let check = |text: &str| {
        fs::write(at.join("acme/function.toml"), text).expect("it can be written");
        folder::load(&at, Scope::now(Some(Edition::Validated)))
    };
    check(&merged).expect("nothing has changed");
    let apart = "before = [[\"0000:01:00.0\"], [\"0000:01:00.1\"]]";
    let wrong = merged.replace("before = [[\"0000:01:00.0\", \"0000:01:00.1\"]]", apart);
    let error = check(&wrong)
        .expect_err("no kernel without it makes these")
        .to_string();
    assert!(error.contains("expect.before"), "{error}");
}
