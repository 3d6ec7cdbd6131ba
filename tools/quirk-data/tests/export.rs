// SPDX-License-Identifier: GPL-2.0-only

//! Patches against a file with the structure of the kernel's. `tests/boot/tests/export` checks on
//! real kernel sources that patches apply and compile.

mod common;

use std::{fs, path::PathBuf};

use quirk_data::{
    entry::{Entry, Status},
    export::{Error, Options, Patch, Person, export, export_series},
    folder::{self, Scope},
    register::{Precondition, Write, Written},
    source::DataFile,
};
use rules::{acs::AcsFlags, condition::Place};

use common::{root, scratch, tests};

const QUIRKS: &str = "drivers/pci/quirks.c";

fn kernel() -> PathBuf {
    tests().join("export/kernel")
}

fn checked(files: &[DataFile]) -> Vec<Entry> {
    vouched_for(folder::check(files, Scope::now(None)).expect("the files have no fault"))
}

/// The same entries, as if all were validated.
fn vouched_for(mut entries: Vec<Entry>) -> Vec<Entry> {
    for entry in &mut entries {
        entry.status = Status::Validated;
        entry.mainline = None;
    }
    entries
}

/// The entries of the tests.
fn entries() -> Vec<Entry> {
    let folder = tests().join("export/entries");
    vouched_for(folder::load(&folder, Scope::now(None)).expect("the files have no fault"))
}

fn entry(name: &str) -> Entry {
    let mut entries = entries().into_iter();
    entries
        .find(|entry| entry.name == name)
        .expect("there is such an entry")
}

/// An entry with these lines between `status` and `[evidence]`.
fn made(claim: &str) -> Entry {
    let text = format!(
        "# SPDX-License-Identifier: GPL-2.0-only\nschema = 1\nnumber = 1\nstatus = \"candidate\"\nreason = \"Made up.\"\n{claim}\n[evidence]\nstatement = \"So.\"\n\
         stated-by = \"A. Engineer, Acme\"\ndate = 2024-02-29\nsources = [\"https://example.org/x\"]\n"
    );
    let file = DataFile {
        path: PathBuf::from("acme/made.toml"),
        name: "acme/made".to_owned(),
        text,
        built_in: false,
    };
    checked(&[file]).remove(0)
}

/// An entry for one kind and one list of devices.
fn simple(kind: &str, vendor: &str, devices: &str) -> Entry {
    let more = if kind == "mf-endpoint" {
        ", \"TB\", \"DT\""
    } else {
        ""
    };
    // The check requires the name of the catch-all handler for these ids.
    let (more, supersedes) = match vendor {
        "1d17" if kind.contains("port") => ("", "supersedes = \"zhaoxin-port\"\n"),
        "8088" => ("", "supersedes = \"wangxun\"\n"),
        _ => (more, ""),
    };
    made(&format!(
        "name = \"Acme\"\nkind = \"{kind}\"\nacs = [\"SV\", \"RR\", \"CR\", \"UF\"{more}]\n{supersedes}[[match]]\n\
         vendor = \"{vendor}\"\ndevices = [{devices}]"
    ))
}

fn patch(entry: &Entry) -> Patch {
    let signed_off_by = "A. Signer <signer@example.org>".parse().expect("a person");
    let options = Options {
        signed_off_by: Some(signed_off_by),
        date: Some(1_709_164_800),
    };
    export(entry, &kernel(), &options).expect("it can be exported")
}

fn refusal(entry: &Entry) -> String {
    refusal_of(entry, &kernel())
}

fn refusal_of(entry: &Entry, source: &std::path::Path) -> String {
    match export(entry, source, &Options::default()) {
        Ok(patch) => panic!("it is exported:\n{}", patch.text),
        Err(error) => error.to_string(),
    }
}

/// The lines that a patch adds, without the leading plus sign.
fn added(patch: &Patch) -> String {
    let (_, diff) = patch.text.split_once("\n+++ ").expect("there is a diff");
    let lines = diff.lines().filter_map(|line| line.strip_prefix('+'));
    lines.fold(String::new(), |all, line| all + line + "\n")
}

fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no {part:?} in:\n{text}");
}

/// A kernel whose `quirks.c` has `new` instead of the one `old`.
fn changed_kernel(name: &str, old: &str, new: &str) -> PathBuf {
    let folder = scratch(name);
    for file in [QUIRKS, "include/linux/pci_ids.h"] {
        let text = fs::read_to_string(kernel().join(file)).expect("it is there");
        if file == QUIRKS {
            assert_eq!(text.matches(old).count(), 1, "{old}");
        }
        let target = folder.join(file);
        fs::create_dir_all(target.parent().expect("it has one")).expect("made");
        fs::write(target, text.replace(old, new)).expect("written");
    }
    folder
}

#[test]
fn the_same_bytes_come_out_each_time() {
    for entry in entries() {
        assert_eq!(patch(&entry), patch(&entry));
    }
}

#[test]
fn the_whole_mail_is_this() {
    let expected = r#"From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: "A. Signer" <signer@example.org>
Date: Thu, 29 Feb 2024 00:00:00 +0000
Subject: [PATCH] PCI: Add ACS quirk for Acme C400

These Root Ports do not advertise an ACS capability, so Linux makes no
IOMMU group of its own for each of them with what is below it:

  acee:0400-0403 (root ports of an invented processor)

They are isolated from each other nevertheless, as stated by A. Engineer,
Acme (2024-02-29):

  These ports pass everything upstream, and each has a segment of its own.

Add an ACS quirk that treats Source Validation (SV), P2P Request Redirect
(RR), P2P Completion Redirect (CR) and Upstream Forwarding (UF) as though
they were set, so that each, with what is below it, can be in an IOMMU
group of its own.

pci_quirk_acme_rp_acs() returns -ENOTTY for everything else: another PCIe
type, and a function that has an ACS capability. It is asked about each
function alone, so a listed function also counts as isolated from functions
of the same device that are not listed.

Link: https://example.org/acme/root-port
Signed-off-by: A. Signer <signer@example.org>
---
 drivers/pci/quirks.c | 23 +++++++++++++++++++++++
 1 file changed, 23 insertions(+)

diff --git a/drivers/pci/quirks.c b/drivers/pci/quirks.c
index 04bbffe..228b8e3 100644
--- a/drivers/pci/quirks.c
+++ b/drivers/pci/quirks.c
@@ -79,6 +79,24 @@ static int pci_quirk_wangxun_nic_acs(struct pci_dev *dev, u16 acs_flags)
 	return 0;
 }
 
+/*
+ * Acme C400: these Root Ports don't advertise an ACS capability. These ports
+ * pass everything upstream, and each has a segment of its own. Allow each to be
+ * in a separate IOMMU group by masking out SV, RR, CR and UF.
+ */
+static int pci_quirk_acme_rp_acs(struct pci_dev *dev, u16 acs_flags)
+{
+	if (pci_pcie_type(dev) != PCI_EXP_TYPE_ROOT_PORT)
+		return -ENOTTY;
+
+	if (dev->acs_cap)
+		return -ENOTTY;
+
+	return pci_acs_ctrl_enabled(acs_flags,
+				    PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR |
+				    PCI_ACS_UF);
+}
+
 /* What belongs to the table stays with it. */
 static const struct pci_dev_acs_enabled {
 	u16 vendor;
@@ -93,6 +111,11 @@ static const struct pci_dev_acs_enabled {
 	{ 0xaceb, 0x710, pci_quirk_mf_endpoint_acs }, /* written short */
 	{ PCI_VENDOR_ID_ZHAOXIN, PCI_ANY_ID, pci_quirk_zhaoxin_pcie_ports_acs },
 	{ PCI_VENDOR_ID_WANGXUN, PCI_ANY_ID, pci_quirk_wangxun_nic_acs },
+	/* Acme C400 */
+	{ 0xacee, 0x0400, pci_quirk_acme_rp_acs },
+	{ 0xacee, 0x0401, pci_quirk_acme_rp_acs },
+	{ 0xacee, 0x0402, pci_quirk_acme_rp_acs },
+	{ 0xacee, 0x0403, pci_quirk_acme_rp_acs },
 	{ 0 }
 };
 
"#;
    let patch = patch(&entry("acme/root-port"));
    let end = format!("-- \nacsctl {}\n\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(patch.text, format!("{expected}{end}"));
    assert_eq!(patch.notices.len(), 1);
    has(&patch.notices[0], "each function alone");
}

/// The handlers that mainline shares do not check everything in an entry, such as the PCIe type.
#[test]
fn no_handler_is_shared() {
    let endpoints = added(&patch(&entry("broadcom/next")));
    has(&endpoints, "{ 0x14e4, 0xa762, pci_quirk_broadcom_mf_acs },");
    has(&endpoints, "{ 0xaced, 0x0100, pci_quirk_broadcom_mf_acs },");
    has(
        &endpoints,
        "Left out on purpose: 14e4:a763. That one has an embedded",
    );
    has(&endpoints, "\tif (dev->acs_cap || dev->is_virtfn)\n");
    let endpoints = added(&patch(&entry("acme/rciep")));
    has(&endpoints, "{ 0xacee, 0x0801, pci_quirk_acme_rciep_acs },");
}

#[test]
fn a_handler_grants_what_the_entry_does() {
    let fewer = added(&patch(&entry("acme/fewer-flags")));
    has(&fewer, "{ 0xacee, 0x0201, pci_quirk_acme_mf_acs },");
    has(
        &fewer,
        "PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR |\n\t\t\t\t    PCI_ACS_UF);",
    );
    has(&fewer, "pci_pcie_type(dev) != PCI_EXP_TYPE_LEG_END");
    assert!(!fewer.contains("PCI_ACS_DT"), "{fewer}");
    for (name, handler) in [
        ("acme/two-flags", "pci_quirk_acme_mf_acs"),
        ("acme/rciep-two-flags", "pci_quirk_acme_rciep_acs"),
    ] {
        let two = patch(&entry(name));
        has(&added(&two), handler);
        has(
            &added(&two),
            "\tif (!pci_acs_ctrl_enabled(acs_flags, PCI_ACS_RR | PCI_ACS_CR))\n\t\treturn -ENOTTY;",
        );
        has(&two.text, "splits no group.");
    }
}

#[test]
fn many_devices_go_into_a_switch_that_leaves_others_alone() {
    let ports = added(&patch(&entry("acme/many-ports")));
    has(
        &ports,
        "\t/* root ports of the second generation */\n\tcase 0x0680 ... 0x06bf:\n\tcase 0x06c1 ... 0x06ff:\n\t\tbreak;\n\tdefault:\n\t\treturn -ENOTTY;",
    );
    has(&ports, "{ 0xacee, PCI_ANY_ID, pci_quirk_acme_rp_acs },");
    // 0xffff in a row would be PCI_ANY_ID.
    let last = added(&patch(&simple("mf-endpoint", "acee", "\"ffff\"")));
    has(&last, "\tcase 0xffff:\n");
    let any = added(&patch(&entry("acme/any-port")));
    has(&any, "{ 0xacef, PCI_ANY_ID, pci_quirk_acme_dp_acs },");
    assert!(!any.contains("switch ("), "{any}");
    let mut two_vendors = entry("acme/many-ports");
    two_vendors.devices.extend(entry("broadcom/next").devices);
    has(&refusal(&two_vendors), "cannot tell its vendors apart");
}

#[test]
fn several_kinds_share_a_handler() {
    let patch = patch(&entry("acme/both-ports"));
    has(
        &patch.text,
        "These Root Ports and Switch Downstream Ports do",
    );
    has(
        &patch.text,
        "\nThe upstream port of the switch is not among them.\n",
    );
    let ports = added(&patch);
    has(
        &ports,
        "PCI_EXP_TYPE_ROOT_PORT &&\n\t    pci_pcie_type(dev) != PCI_EXP_TYPE_DOWNSTREAM)\n\t\treturn -ENOTTY;",
    );
    has(
        &ports,
        " * Left out on purpose: acee:0501, acee:0520-052f. Those do not redirect.",
    );
}

/// The kernel takes the first answer, so rows that correct a handler come before it.
#[test]
fn a_catch_all_is_corrected_by_rows_before_it() {
    for (name, catch_all) in [
        ("zhaoxin/next", "{ PCI_VENDOR_ID_ZHAOXIN, PCI_ANY_ID, "),
        ("wangxun/next", "{ PCI_VENDOR_ID_WANGXUN, PCI_ANY_ID, "),
        (
            "wangxun/fewer-flags",
            "{ PCI_VENDOR_ID_WANGXUN, PCI_ANY_ID, ",
        ),
    ] {
        let text = patch(&entry(name)).text;
        has(&text, "\nThe rows stand before that of pci_quirk_");
        let mut lines = text.lines();
        let before = lines
            .rfind(|line| line.contains(catch_all))
            .and(lines.next_back());
        assert!(
            before.is_some_and(|line| line.starts_with("+\t{ ")),
            "{text}"
        );
    }
    // Next to the vendor's other rows, if those are before the handler, together with their
    // comment.
    let kernel = changed_kernel(
        "export-comment",
        "\t{ PCI_VENDOR_ID_WANGXUN, PCI_ANY_ID,",
        "\t{ PCI_VENDOR_ID_WANGXUN, 0x0001, pci_quirk_mf_endpoint_acs },\n\t{ 0xacec, 2, pci_quirk_mf_endpoint_acs },\n\t/* Wangxun */\n\t{ PCI_VENDOR_ID_WANGXUN, PCI_ANY_ID,",
    );
    let next = export(&entry("wangxun/next"), &kernel, &Options::default());
    has(
        &next.expect("it can be exported").text,
        " \t{ PCI_VENDOR_ID_WANGXUN, 0x0001, pci_quirk_mf_endpoint_acs },\n+\t/* Wangxun adapters",
    );
    let kernel = changed_kernel(
        "export-comment-alone",
        "\t{ PCI_VENDOR_ID_WANGXUN, PCI_ANY_ID,",
        "\t/* Wangxun */\n\t{ PCI_VENDOR_ID_WANGXUN, PCI_ANY_ID,",
    );
    let next = export(&entry("wangxun/next"), &kernel, &Options::default());
    has(
        &next.expect("it can be exported").text,
        "pci_quirk_wangxun_mf_acs },\n \t/* Wangxun */\n",
    );
}

/// The handler checks every limit of the claim, and the message mentions them. `export_verdicts.rs`
/// checks that the handler is right.
#[test]
fn limits_and_conditions_are_written_out() {
    let limits = patch(&entry("acme/limits"));
    has(
        &limits.text,
        "acee:1300, acee:1302-1303, only class 0200, revisions 03-07",
    );
    has(&limits.text, "what is outside the limits above, and");
    let limits = added(&limits);
    for check in [
        "\tif (dev->class >> 8 != 0x0200)\n\t\treturn -ENOTTY;\n",
        "\tif (dev->revision < 0x03 || dev->revision > 0x07)\n\t\treturn -ENOTTY;\n",
        "\tif ((dev->subsystem_vendor != 0x1028 ||\n\t     dev->subsystem_device != 0x0010) &&\n",
    ] {
        has(&limits, check);
    }
    let differ = added(&patch(&entry("acme/limits-differ")));
    has(
        &differ,
        "\tcase 0x1403 ... 0x1404:\n\t\tif (dev->revision != 0x0a)\n\t\t\treturn -ENOTTY;\n\t\tbreak;\n",
    );
    let conditions = patch(&entry("acme/conditions"));
    has(
        &conditions.text,
        "\nThis holds only where capability:10 + 0x04, 32 bits, mask 0x10000000 reads\n0x10000000: Function",
    );
    let conditions = added(&conditions);
    for check in [
        "\tif (dev->pcie_cap + 0x04 >= PCI_CFG_SPACE_SIZE)\n",
        "\tpos = pci_find_capability(dev, 0x09);\n\tif (!pos || pos + 0x10 >= PCI_CFG_SPACE_SIZE)\n",
        "\tif ((val & 0x00f00000) != 0x00500000)\n",
        "\tpos = pci_find_ext_capability(dev, 0x000b);\n\tif (!pos || pos + 0x14 >= PCI_CFG_SPACE_EXP_SIZE)\n",
        "\tif (PCI_POSSIBLE_ERROR(val) || (val & 0x80000001) != 0x80000001)\n",
        "\tpci_read_config_dword(dev, 0x80, &val);\n\tif (val & 0x0f000000)\n",
    ] {
        has(&conditions, check);
    }
}

#[test]
fn the_name_is_the_one_that_the_file_uses() {
    let entry = simple("mf-endpoint", "acec", "\"0100\"");
    let patch = patch(&entry);
    has(&added(&patch), "{ PCI_VENDOR_ID_SECOND_NAME, 0x0100,");
    // Next to the vendor's other rows for one device.
    has(
        &patch.text,
        " PCI_DEVICE_ID_NAMED, pci_quirk_mf_endpoint_acs },\n+\t/* Acme */\n",
    );
}

#[test]
fn a_name_that_is_taken_is_not_used() {
    let old = "static int pci_quirk_rciep_acs(";
    let taken = format!("static int pci_quirk_acme_rp_acs(int x)\n{{\n\treturn x;\n}}\n\n{old}");
    let kernel = changed_kernel("export-taken", old, &taken);
    let patch = export(&entry("acme/root-port"), &kernel, &Options::default());
    has(
        &added(&patch.expect("there are more names")),
        "pci_quirk_acme_root_port_acs(struct",
    );
}

#[test]
fn what_is_there_already_is_named_with_its_line() {
    let text = fs::read_to_string(kernel().join(QUIRKS)).expect("it is there");
    for (entry, place, what) in [
        (
            simple("mf-endpoint", "acec", "\"0000-0005\""),
            "_NAME, 0x0001",
            "acec:0001, answered by pci_quirk_mf_endpoint_acs()",
        ),
        (
            simple("mf-endpoint", "acec", "\"0042\""),
            "_NAME, PCI_DEVICE_ID_NAMED",
            "acec:0042",
        ),
        (
            simple("mf-endpoint", "aceb", "\"0710\""),
            "0xaceb, 0x710",
            "aceb:0710",
        ),
        (
            simple("rciep", "acec", "\"0100\""),
            "PCI_ANY_ID, pci_quirk_rciep_acs",
            "as for every device of this kind",
        ),
        (
            simple("root-port", "acec", "\"0011\""),
            "{ 0x0010, 0x0011 }",
            "acec:0011, answered by pci_quirk_listed_acs()",
        ),
        (
            simple("root-port", "acec", "\"0030-0031\""),
            "case 0x0030",
            "acec:0030-0031",
        ),
        (
            simple("root-port", "1d17", "\"0752-0753\""),
            "case 0x0740",
            "1d17:0752",
        ),
    ] {
        let line = text
            .lines()
            .position(|line| line.contains(place))
            .expect("it is there")
            + 1;
        let refusal = refusal(&entry);
        has(
            &refusal,
            " is not exported: match.devices: already there, in ",
        );
        has(&refusal, &format!("{QUIRKS}:{line}: "));
        has(&refusal, what);
    }
    // Not present: other ids, and other kinds.
    for entry in [
        simple("root-port", "acec", "\"0020\""),
        simple("mf-endpoint", "acec", "\"0030\""),
        simple("mf-endpoint", "1d17", "\"0740\""),
    ] {
        patch(&entry);
    }
}

#[test]
fn a_catch_all_is_corrected_only_by_an_entry_that_says_so() {
    for (kind, vendor, handler) in [
        (
            "root-port",
            "1d17",
            "pci_quirk_zhaoxin_pcie_ports_acs() in line",
        ),
        ("mf-endpoint", "8088", "pci_quirk_wangxun_nic_acs() in line"),
    ] {
        let unsaid = Entry {
            supersedes: None,
            ..simple(kind, vendor, "\"0a00\"")
        };
        let refusal = refusal(&unsaid);
        has(&refusal, handler);
        has(&refusal, "supersedes");
    }
}

#[test]
fn only_a_vendors_statement_is_sent() {
    let mut entry = entry("acme/root-port");
    entry.reason = Some("Because.".to_owned());
    for (status, why) in [
        (Status::Mainline, "mainline has it"),
        (Status::Rejected, "it is rejected: Because; only"),
        (Status::Withdrawn, "it is withdrawn: Because; only"),
        (Status::Test, "emulated"),
        (
            Status::Candidate,
            "evidence does not suffice: Because; only",
        ),
    ] {
        entry.status = status;
        has(&refusal(&entry), why);
    }
    if let Some(evidence) = &mut entry.evidence {
        evidence.date = None;
        evidence.sources.clear();
    }
    entry.status = Status::Candidate;
    has(
        &refusal(&entry),
        "and it lacks evidence.date, evidence.sources: Because; only",
    );
    entry.status = Status::Validated;
    has(
        &refusal(&entry),
        "acme/root-port is not exported: it lacks evidence.date, evidence.sources",
    );
    entry.evidence = None;
    has(&refusal(&entry), "evidence.statement");
}

/// The reason that the project's own entries give.
#[test]
fn no_committed_entry_is_sent() {
    let entries = folder::load(&root().join("quirks"), Scope::now(None));
    for entry in entries.expect("the data has no fault") {
        if entry.status != Status::Validated {
            has(&refusal(&entry), "is not exported");
        }
    }
}

#[test]
fn a_patch_needs_a_name() {
    let mut entry = entry("acme/root-port");
    entry.title = None;
    has(
        &patch(&entry).text,
        "quirk for root ports of an invented processor\n",
    );
    entry.devices[0].about = None;
    has(&refusal(&entry), "it lacks a name");
    entry.title =
        Some("A name that takes far more room than the subject of a patch has".to_owned());
    has(&refusal(&entry), "room for 52");
}

#[test]
fn what_c_has_no_words_for_is_said() {
    let mut comment = entry("acme/root-port");
    comment.evidence.as_mut().expect("it has").statement = Some("Ends */ here.".to_owned());
    has(&refusal(&comment), "no C comment can");
    let mut control = entry("acme/root-port");
    control.title = Some("Acme \u{1b}[1m".to_owned());
    has(&refusal(&control), "U+001B");
    let refused = |change: fn(&mut Entry), field: &str| {
        let mut entry = entry("acme/conditions");
        patch(&entry);
        change(&mut entry);
        let refusal = refusal(&entry);
        has(
            &refusal,
            &format!("acme/conditions cannot be written as a patch: {field}"),
        );
    };
    refused(
        |entry| entry.requires = vec![quirk_data::entry::Requirement::RootBus],
        "requires = \"root-bus\": ",
    );
    refused(
        |entry| entry.acs_registers = Some(quirk_data::entry::AcsRegisters::Dword),
        "acs-registers = \"dword\" ",
    );
    refused(
        |entry| {
            let Precondition { register, .. } = entry.conditions[0].clone();
            entry.program = vec![Write {
                register,
                value: Written::AsCapable,
                about: "It is switched on.".to_owned(),
            }];
        },
        "program: capability:10 + 0x04",
    );
    refused(
        |entry| entry.conditions[2].register.at = Place::Extended(0x000d),
        "condition.at = \"extended:000d\": ",
    );
    refused(|entry| entry.acs = AcsFlags::NONE, "acs: ");
    refused(
        |entry| entry.conditions[0].about = "A comment */ ends.".to_owned(),
        "condition.about: ",
    );
    refused(
        |entry| {
            let mut other = entry.devices[0].clone();
            other.ids[0].vendor = 0xacea;
            other.limits.revisions = None;
            entry.devices.push(other);
        },
        "match.vendor: ",
    );
}

#[test]
fn a_source_that_looks_different_is_named() {
    let nowhere = scratch("export-nowhere");
    let error = export(&entry("acme/root-port"), &nowhere, &Options::default());
    assert!(matches!(error, Err(Error::Unreadable { .. })));

    let root_port = entry("acme/root-port");
    let listed = simple("root-port", "acec", "\"0100\"");
    let zhaoxin = entry("zhaoxin/next");
    for (test, entry, old, new, sought) in [
        (
            "no-table",
            &root_port,
            "} pci_dev_acs_enabled[] = {",
            "} other[] = {",
            "pci_dev_acs_enabled[] = { ... }",
        ),
        ("no-end", &root_port, "\t{ 0 }\n}", "}", "{ 0 } at the end"),
        (
            "preprocessor",
            &root_port,
            "\t/* { 0 } */",
            "#ifdef X",
            "without preprocessor lines",
        ),
        (
            "designated",
            &root_port,
            "{ 0xaceb, 0x710,",
            "{ .vendor = 0xaceb, 0x710,",
            "{ vendor, device, handler }",
        ),
        (
            "no-handler",
            &listed,
            "static int pci_quirk_listed_acs(struct pci_dev *dev, u16 acs_flags)\n{",
            "static int other(void)\n{",
            "the definition of pci_quirk_listed_acs()",
        ),
        (
            "no-catch-all",
            &zhaoxin,
            "\t{ PCI_VENDOR_ID_ZHAOXIN, PCI_ANY_ID, pci_quirk_zhaoxin_pcie_ports_acs },\n",
            "",
            "which zhaoxin/next supersedes",
        ),
    ] {
        let kernel = changed_kernel(&format!("export-{test}"), old, new);
        let refusal = refusal_of(entry, &kernel);
        has(
            &refusal,
            &format!("{QUIRKS} does not look as expected: looked for "),
        );
        has(&refusal, sought);
    }
}

#[test]
fn who_signs_off_is_the_author_and_nobody_is_invented() {
    let patch = export(&entry("acme/root-port"), &kernel(), &Options::default());
    let patch = patch.expect("it can be exported");
    assert!(!patch.text.contains("\nSigned-off-by"), "{}", patch.text);
    has(&patch.text, ".invalid>\n");
    assert_eq!(patch.notices.len(), 2);

    let options = Options {
        signed_off_by: Some("Jörg Müller <j@example.org>".parse().expect("a person")),
        date: Some(1_000_000_000),
    };
    let patch = export(&entry("acme/root-port"), &kernel(), &options);
    let text = patch.expect("it can be exported").text;
    has(
        &text,
        "\nFrom: =?UTF-8?q?J=C3=B6rg=20M=C3=BCller?= <j@example.org>\n",
    );
    has(&text, "\nSigned-off-by: Jörg Müller <j@example.org>\n---\n");
    has(&text, "\nDate: Sun, 9 Sep 2001 01:46:40 +0000\n");

    for bad in [
        "",
        "Name",
        "Name <>",
        "<a@b>",
        "Name <a@b> x",
        "N\n <a@b>",
        "Name <a b@c>",
        "Name <a@b@c>",
    ] {
        assert!(bad.parse::<Person>().is_err(), "{bad:?}");
    }
}

/// Prose that looks like the end of a message, a header or a tag is escaped.
#[test]
fn prose_is_prose() {
    let mut entry = entry("acme/root-port");
    let long = "x".repeat(75);
    entry.partial = Some(format!(
        "{long} --- {long} Signed-off-by: Somebody {long} cc: x@y {long} diff --git a b"
    ));
    let text = patch(&entry).text;
    for line in [
        "\n ---\n",
        "\n Signed-off-by: Somebody\n",
        "\n cc: x@y\n",
        "\n diff --git a b.\n",
    ] {
        has(&text, line);
    }
}

/// The sender is not named as somebody else, by the mail address or the name. Another person is.
#[test]
fn the_sender_is_no_third_person() {
    let by = |stated_by: &str, person: &str| {
        let mut entry = entry("acme/root-port");
        entry.evidence.as_mut().expect("it has").stated_by = Some(stated_by.to_owned());
        let options = Options {
            signed_off_by: Some(person.parse().expect("a person")),
            date: Some(0),
        };
        let patch = export(&entry, &kernel(), &options);
        patch.expect("it can be exported").text
    };
    for (stated_by, person) in [
        ("A. Engineer, Acme", "A. Engineer <engineer@acme.example>"),
        ("Jo Smith, Acme", "jo smith <jo@acme.example>"),
        ("Jo Smith of Acme", "Jo A. Smith <jo@acme.example>"),
        ("Jo A. Smith, Acme", "Jo Smith <jo@acme.example>"),
        ("Jo Smith, Acme", "Smith, Jo <jo@acme.example>"),
        ("Smith, Jo, Acme", "Jo Smith <jo@acme.example>"),
        (
            "J. Smith <Jo@acme.example>, Acme",
            "Jo Smith <jo@acme.example>",
        ),
    ] {
        let own = by(stated_by, person);
        has(&own, "\nThey are isolated from each other nevertheless:\n");
        let (name, _) = person.split_once(" <").expect("it has an address");
        assert_eq!(own.matches(name).count(), 2, "{own}");
    }
    for (stated_by, person) in [
        ("A. Engineer, Acme", "A. Engineering <someone@example.org>"),
        ("A. Engineer, Acme", "B. Engineer <someone@example.org>"),
        ("A. Engineer, Acme", "Engineer <someone@example.org>"),
        ("Jo A. Smith, Acme", "Jo B. Smith <someone@example.org>"),
        ("Jo Smith and Al Doe, Acme", "Al Doe <someone@example.org>"),
        ("Jo <jo@acme.example>, Acme", "Al <al@acme.example>"),
    ] {
        let of_another = by(stated_by, person);
        let first = stated_by.split(' ').next().expect("a word");
        has(&of_another, &format!("as stated by {first}"));
    }
}

/// The message says of the handler only what the handler checks.
#[test]
fn the_message_is_about_this_handler() {
    for (kind, is_checked) in [
        ("mf-endpoint", true),
        ("rciep", true),
        ("root-port", false),
        ("downstream-port", false),
    ] {
        let text = patch(&simple(kind, "acee", "\"0500\"")).text;
        let text = text.replace('\n', " ");
        assert_eq!(text.contains("dev->is_virtfn"), is_checked, "{text}");
        assert_eq!(text.contains("is virtual"), is_checked, "{text}");
    }
}

/// The error of a series names each entry that cannot be exported.
#[test]
fn a_series_tells_all_that_is_refused() {
    let mut entries = [
        entry("acme/root-port"),
        entry("acme/rciep"),
        entry("acme/conditions"),
    ];
    entries[0].status = Status::Candidate;
    entries[2].evidence = None;
    let all: Vec<_> = entries.iter().collect();
    let error = export_series(&all, &kernel(), &Options::default());
    let error = error.expect_err("two are refused").to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    has(
        lines[0],
        "acme/root-port is not exported: it is a candidate",
    );
    has(lines[1], "acme/conditions is not exported: it lacks");
}

/// The entries of one vendor become a series, each patch on top of the one before.
#[test]
fn several_entries_become_a_series() {
    let entries = [entry("acme/root-port"), entry("acme/rciep")];
    let options = Options {
        signed_off_by: None,
        date: Some(0),
    };
    let both: Vec<_> = entries.iter().collect();
    let patch = export_series(&both, &kernel(), &options).expect("it can be exported");
    has(
        &patch.text,
        "\nSubject: [PATCH 1/2] PCI: Add ACS quirk for Acme C400\n",
    );
    has(
        &patch.text,
        "\nSubject: [PATCH 2/2] PCI: Add ACS quirk for ",
    );
    let alone = export(&entries[1], &kernel(), &options).expect("it can be exported");
    assert!(
        !alone.text.contains("pci_quirk_acme_rp_acs"),
        "{}",
        alone.text
    );

    let twice = export_series(&[both[0], both[0]], &kernel(), &options);
    has(
        &twice.expect_err("it is there").to_string(),
        "acme/root-port is given twice",
    );
    // Control: another entry for the same device is what the kernel then has.
    let again = Entry {
        name: "acme/again".to_owned(),
        ..entries[0].clone()
    };
    let again = export_series(&[both[0], &again], &kernel(), &options);
    has(
        &again.expect_err("it is there").to_string(),
        "already there",
    );
    let other = entry("broadcom/next");
    let mixed = export_series(&[both[0], &other], &kernel(), &options);
    has(
        &mixed.expect_err("two vendors").to_string(),
        "several vendors (acme, broadcom)",
    );
}

/// Older kernels lack what newer handlers use.
#[test]
fn a_patch_uses_what_the_kernel_has() {
    let text = |header: Option<&str>| {
        let kernel = changed_kernel("export-older", "/* What belongs", "/* What belongs");
        if let Some(header) = header {
            fs::write(kernel.join("include/linux/pci.h"), header).expect("written");
        }
        let patch = export(&entry("acme/conditions"), &kernel, &Options::default());
        patch.expect("it can be exported").text
    };
    let newest = text(None);
    has(&newest, "dev->acs_cap");
    has(&newest, "PCI_POSSIBLE_ERROR(val)");
    let older = text(Some("struct pci_dev {\n\tu16 pcie_cap;\n};\n"));
    has(&older, "pci_find_ext_capability(dev, PCI_EXT_CAP_ID_ACS)");
    has(&older, "val == (u32)~0");
    let between = text(Some("struct pci_dev {\n\tu16 acs_cap;\n};\n"));
    has(&between, "dev->acs_cap");
    has(&between, "val == (u32)~0");
    let kernel = changed_kernel("export-oldest", "int pci_acs_ctrl_enabled(", "int other(");
    let refusal = refusal_of(&entry("acme/root-port"), &kernel);
    has(&refusal, "looked for the function pci_acs_ctrl_enabled()");
}
