// SPDX-License-Identifier: GPL-2.0-only

//! The command line: output, files and exit status.

mod common;

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Output, Stdio},
};

use quirk_data::{
    entry::Status,
    folder::{self, Scope},
    page,
};

use common::{root, scratch, tests};

fn acsctl<A: AsRef<OsStr>>(arguments: &[A]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_acsctl"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("the command starts")
}

/// Runs `acsctl quirk build` for the validated edition, with more arguments.
fn build(quirks: &Path, out: &Path, more: &[&str]) -> Output {
    let mut arguments: Vec<&OsStr> = ["quirk", "build", "--edition", "validated", "--quirks"]
        .map(OsStr::new)
        .into();
    arguments.extend([quirks.as_os_str(), OsStr::new("--out"), out.as_os_str()]);
    arguments.extend(more.iter().map(OsStr::new));
    acsctl(&arguments)
}

#[track_caller]
fn assert_ends(output: &Output, status: i32, message: &str) {
    let text = String::from_utf8_lossy(if status == 0 {
        &output.stdout
    } else {
        &output.stderr
    });
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(text.contains(message), "{text}");
}

#[test]
fn build_writes_only_a_changed_file() {
    let folder = scratch("build");
    let (quirks, out) = (tests().join("accepted"), folder.join("table.rs"));
    assert_ends(&build(&quirks, &out, &["--check"]), 1, "is not current");
    assert!(!out.exists(), "--check writes nothing");
    assert_ends(&build(&quirks, &out, &[]), 0, "written, entries 3");
    let inode = fs::metadata(&out).expect("it is written").ino();
    assert_ends(&build(&quirks, &out, &["--check"]), 0, "is current");
    assert_ends(&build(&quirks, &out, &[]), 0, "is current");
    let metadata = fs::metadata(&out).expect("it is there");
    assert_eq!(metadata.ino(), inode, "a current file is left alone");
    let names = fs::read_dir(&folder).expect("it is there").count();
    assert_eq!(names, 1, "no draft is left");
}

#[test]
fn check_detects_any_change_and_names_the_remedy() {
    let folder = scratch("check");
    let (quirks, out) = (tests().join("accepted"), folder.join("table.rs"));
    assert_ends(&build(&quirks, &out, &[]), 0, "written");
    let current = fs::read_to_string(&out).expect("it is written");
    for changed in [
        current.replacen("number: 10", "number: 11", 1),
        format!("{current}\n"),
        current[..current.len() - 1].to_owned(),
        String::new(),
    ] {
        fs::write(&out, &changed).expect("it is writable");
        let remedy = "`acsctl quirk build --edition validated --quirks ";
        assert_ends(&build(&quirks, &out, &["--check"]), 1, remedy);
        assert_eq!(fs::read_to_string(&out).expect("it is there"), changed);
    }
    assert_ends(&build(&quirks, &out, &[]), 0, "written");
    assert_eq!(fs::read_to_string(&out).expect("it is there"), current);
}

#[test]
fn kernel_option_selects_the_mainline_entries() {
    let folder = scratch("kernel");
    let (quirks, out) = (tests().join("accepted"), folder.join("table.rs"));
    let build = |more: &[&str]| build(&quirks, &out, more);
    assert_ends(&build(&["--kernel", "5.7"]), 0, "written, entries 4");
    let check = build(&["--kernel", "5.7", "--check"]);
    assert_ends(&check, 0, "is current, entries 4");
    assert_ends(&build(&["--check"]), 1, "is not current");
    let newer = build(&["--kernel", "5.8", "--check"]);
    assert_ends(&newer, 1, " --kernel 5.8 --out ");
    assert_ends(&build(&["--kernel", "5.8"]), 0, "written, entries 3");
    // Linux 4.6 lacks an in-tree quirk that no module can replace.
    let finding = build(&["--kernel", "4.6"]);
    assert_ends(&finding, 1, "acme/ports.toml:8:17");
    assert_ends(&build(&["--kernel", "v5.8"]), 2, "not a release");
}

#[test]
fn the_file_keeps_its_mode_and_a_link_stays_a_link() {
    let folder = scratch("mode");
    let (quirks, out) = (tests().join("accepted"), folder.join("table.rs"));
    let link = folder.join("link.rs");
    fs::write(&out, "stale").expect("it is writable");
    fs::set_permissions(&out, fs::Permissions::from_mode(0o640)).expect("it is the test's own");
    symlink(&out, &link).expect("links can be made");
    assert_ends(&build(&quirks, &link, &[]), 0, "written");
    assert!(link.is_symlink());
    let mode = fs::metadata(&out)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o640);
    assert_ends(&build(&quirks, &out, &["--check"]), 0, "is current");
}

#[test]
fn findings_exit_with_1_and_write_nothing() {
    let folder = scratch("findings");
    let out = folder.join("table.rs");
    fs::write(&out, "as it was").expect("it is writable");
    let output = build(&tests().join("rejected"), &out, &[]);
    assert_ends(&output, 1, "rejected/acs-none.toml:6:7\n");
    assert!(output.stdout.is_empty());
    assert_eq!(fs::read_to_string(&out).expect("it is there"), "as it was");
}

#[test]
fn an_io_error_exits_with_2() {
    let folder = scratch("errors");
    let (quirks, out) = (folder.join("quirks"), folder.join("table.rs"));
    assert_ends(&build(&quirks, &out, &[]), 2, "cannot read the folder");
    fs::create_dir(&quirks).expect("the folder is the test's own");
    assert_ends(&build(&quirks, &out, &[]), 2, "no data file (*.toml) below");
    fs::write(quirks.join("README"), "not data").expect("the folder is the test's own");
    assert_ends(&build(&quirks, &out, &[]), 2, "no data file (*.toml) below");

    fs::create_dir(quirks.join("acme")).expect("the folder is the test's own");
    let file = quirks.join("acme/nic.toml");
    let sound = tests().join("accepted/acme/refused.toml");
    fs::copy(&sound, &file).expect("the folder is the test's own");
    let nowhere = folder.join("missing/table.rs");
    assert_ends(&build(&quirks, &nowhere, &[]), 2, "cannot write");
    assert!(!out.exists());

    assert_ends(&acsctl(&["quirk", "build"]), 2, "--edition");
    assert_ends(
        &acsctl(&["quirk", "build", "--edition", "all"]),
        2,
        "validated",
    );
}

#[test]
fn the_folder_follows_the_edition() {
    let oldest = quirk_data::supported::oldest().expect("one is supported");
    let oldest = oldest.to_string();
    for (edition, table) in [
        ("validated", "src/table.rs"),
        ("candidate", "src/candidates/table.rs"),
        ("test", "tests/kernel/module/table.rs"),
    ] {
        let arguments = [
            "quirk",
            "build",
            "--edition",
            edition,
            "--out",
            table,
            "--kernel",
            &oldest,
            "--check",
        ];
        assert_ends(&acsctl(&arguments), 0, "is current");
    }
}

#[test]
fn list_shows_every_entry_by_number() {
    let accepted = tests().join("accepted");
    let output = acsctl(&[
        OsStr::new("quirk"),
        OsStr::new("list"),
        OsStr::new("--quirks"),
        accepted.as_os_str(),
    ]);
    let expected =
        "    8  acme/function    validated     rciep,mf-endpoint          acee:0130 (class 010802, revisions 03-07, subsystem 1028:0001, subsystem 1028:0010), acee:0131 (class 0200, revision 0a), in a certain state
    9  acme/nic-next    validated     rciep                      acee:0110
   10  acme/nic         validated     mf-endpoint                acee:0100-010f, acee:0120, acef:0100
   11  acme/root-port   mainline      root-port                  acee:0200
   12  acme/refused     rejected      mf-endpoint                acee:0300-03ff
   13  acme/taken-back  withdrawn     mf-endpoint                acee:0380
   14  wangxun/nic      candidate     mf-endpoint                8088:0a03
   16  acme/any         mainline      downstream-port            acee:any
   17  acme/ports       mainline      root-port,downstream-port  aced:0100-010f
    -  acme/loops       not-isolated  mf-endpoint                acee:any (class 0403), acee:0a80
";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert_eq!(output.status.code(), Some(0));
}

/// What mainline removed is told from what it has, in the list, in the entry, and on the page. Control: the same without
/// `until`.
#[test]
fn what_mainline_removed_is_shown() {
    let folder = scratch("removed");
    fs::create_dir(folder.join("acme")).expect("it is the test's own");
    let text = fs::read_to_string(tests().join("accepted/acme/root-port.toml"));
    let text = text
        .expect("it is accepted")
        .replace("These ports pass", "The root ports acee:0200 pass");
    let path = folder.join("acme/root-port.toml");
    let shown = |until: &str| {
        let since = "since = \"v5.8\"\n";
        assert!(text.contains(since), "{text}");
        let text = text.replace(since, &format!("since = \"v7.4\"\n{until}"));
        fs::write(&path, text).expect("it is the test's own");
        let run = |words: &[&str]| {
            let words = words.iter().map(OsStr::new);
            let quirks = [OsStr::new("--quirks"), folder.as_os_str()];
            let output = acsctl(&words.chain(quirks).collect::<Vec<_>>());
            String::from_utf8(output.stdout).expect("it is text")
        };
        let entries = folder::load(&folder, Scope::now(None)).expect("it has no fault");
        [
            run(&["quirk", "list"]),
            run(&["quirk", "show", "acme/root-port"]),
            page::quirks(&entries),
        ]
    };
    let words = [
        "acee:0200, removed in v7.6\n",
        "status      mainline, which has removed the quirk: no module has it\n",
        "| v7.4, removed in v7.6 |",
    ];
    let (removed, kept) = (shown("until = \"v7.6\"\n"), shown(""));
    for ((removed, kept), words) in removed.iter().zip(&kept).zip(words) {
        assert!(removed.contains(words), "{removed}");
        assert!(!kept.contains("removed"), "{kept}");
    }

    // An entry that was taken back says which releases grant it, and what replaces it.
    let mut entries = folder::load(&folder, Scope::now(None)).expect("it has no fault");
    entries[0].status = Status::Withdrawn;
    entries[0].replaced_by = Some("acme/x2".to_owned());
    let page = page::quirks(&entries);
    for words in [
        "Replaced by [acme/x2](../quirks/acme/x2.toml).\n",
        "In mainline since v7.4.\n",
    ] {
        assert!(page.contains(words), "{page}");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_acsctl"))
        .args(["quirk", "list"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let status = child.wait().expect("the command ends");
    assert!(status.success(), "{status}");
}

/// The finding names the later file, whichever of the two files is checked. While any file has a
/// fault, no captured machine is checked.
#[test]
fn a_faulty_other_file_is_reported() {
    let folder = scratch("check-one");
    let copy = |from: &str, to: &str| {
        let to = folder.join(to);
        fs::create_dir_all(to.parent().expect("it has one")).expect("it is the test's own");
        fs::copy(tests().join("accepted").join(from), &to).expect("it is the test's own");
        to
    };
    let early = copy("acme/refused.toml", "acme/early.toml");
    let check = || {
        acsctl(&[
            "quirk".as_ref(),
            "check".as_ref(),
            "--quirks".as_ref(),
            folder.as_os_str(),
            early.as_os_str(),
        ])
    };
    assert_ends(&check(), 0, "1 checked, no findings");
    let late = copy("acme/refused.toml", "acme/late.toml");
    let output = check();
    assert_ends(&output, 1, "late.toml");
    assert_ends(&output, 1, "12 is the number of acme/early");
    fs::remove_file(late).expect("it is the test's own");
    assert_ends(&check(), 0, "1 checked, no findings");
}

#[test]
fn a_special_file_is_not_replaced() {
    let folder = scratch("out");
    let pipe = folder.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("coreutils are there").success());
    for out in [&pipe, &folder] {
        let output = build(&tests().join("accepted"), out, &[]);
        assert_ends(&output, 2, "not a regular file");
    }
    let kind = fs::metadata(&pipe).expect("it is there").file_type();
    assert!(!kind.is_file());
}

#[test]
fn an_entry_has_several_names_and_a_folder_is_none() {
    let (quirks, kernel) = (tests().join("accepted"), tests().join("export/kernel"));
    let run = |words: &[&str]| {
        let mut all: Vec<&OsStr> = vec![OsStr::new("quirk")];
        all.extend(words.iter().map(OsStr::new));
        all.extend([OsStr::new("--quirks"), quirks.as_os_str()]);
        if words[0] == "export" {
            all.extend([OsStr::new("--kernel-source"), kernel.as_os_str()]);
        }
        acsctl(&all)
    };
    for name in ["acme/nic", "10", "acme/nic.toml", "quirks/acme/nic.toml"] {
        assert_ends(&run(&["show", name]), 0, "acme/nic (number 10)");
        assert_ends(
            &run(&["export", "acme/nic", name]),
            1,
            "acme/nic is given twice",
        );
    }
    for folder in ["acme", "acme/", "quirks/acme"] {
        let problem = "is a folder and not an entry; name one of its entries: acme/any, ";
        assert_ends(&run(&["show", folder]), 1, problem);
        assert_ends(&run(&["export", "acme/nic", folder]), 1, problem);
    }
    // Controls: what only looks like them.
    for none in ["nic.toml", "xacme/nic.toml", "acm", "acme/ni"] {
        assert_ends(&run(&["show", none]), 1, "no entry");
    }
}

/// An entry that mainline does not get is refused. Control: without the source of a kernel, the command cannot run.
/// Documents from before the first release call it `table`. Help does not name it.
#[test]
fn the_older_name_of_the_command_works() {
    let list = |name: &str| acsctl(&[name, "list", "--quirks", "quirks"]);
    assert_eq!(list("table").status.code(), Some(0));
    assert_eq!(list("table").stdout, list("quirk").stdout);
    let help = acsctl(&["--help"]);
    let help = String::from_utf8_lossy(&help.stdout);
    assert!(help.contains("quirk ") && !help.contains("table"), "{help}");
}

#[test]
fn a_file_that_cannot_be_read_hides_no_finding() {
    let folder = scratch("unread");
    fs::create_dir(folder.join("acme")).expect("it is the test's own");
    let (faulty, absent) = (folder.join("acme/x1.toml"), folder.join("acme/zz.toml"));
    fs::write(&faulty, "schema = 1\n").expect("it is writable");
    let arguments = [
        OsStr::new("quirk"),
        OsStr::new("check"),
        faulty.as_os_str(),
        absent.as_os_str(),
    ];
    let output = acsctl(&arguments);
    assert_ends(&output, 2, "cannot read");
    assert_ends(&output, 2, "acme/x1.toml");
    assert_ends(&acsctl(&arguments[..3]), 1, "acme/x1.toml");
}

#[test]
fn a_refused_export_exits_with_1() {
    let (quirks, kernel) = (tests().join("accepted"), tests().join("export/kernel"));
    let export = |entry: &str, kernel: &Path| {
        acsctl(&[
            "quirk".as_ref(),
            "export".as_ref(),
            entry.as_ref(),
            "--quirks".as_ref(),
            quirks.as_os_str(),
            "--kernel-source".as_ref(),
            kernel.as_os_str(),
        ])
    };
    let candidate = export("wangxun/nic", &kernel);
    assert_ends(
        &candidate,
        1,
        "wangxun/nic is not exported: it is a candidate",
    );
    let nowhere = export("acme/nic", &quirks);
    assert_ends(&nowhere, 2, "name the top folder of a kernel's source");
}

/// A file or an address without its option: the message names the option.
#[test]
fn an_argument_without_its_option_is_explained() {
    let file = "tests/topologies/lenovo-2325kz5-dc5a79.json";
    let reads = format!("tip: to read the machine from a file, write '--topology {file}'");
    for arguments in [
        &["groups", file][..],
        &["predict", file],
        &["capture", file],
        &["why", "01:00.0", "02:00.0", file],
        &["why", file, "01:00.0"],
        &["plan", "01:00.0", file],
        &["plan", file],
        &["quirk", "new", file],
    ] {
        assert_ends(&acsctl(arguments), 2, &reads);
    }
    let standard = "write '--topology -'";
    assert_ends(&acsctl(&["groups", "-"]), 2, standard);
    assert_ends(&acsctl(&["why", "-", "01:00.0"]), 2, standard);
    assert_ends(
        &acsctl(&["capture", "host.json"]),
        2,
        "write '--out host.json'",
    );
    assert_ends(&acsctl(&["groups", "01:00.0"]), 2, "write '--slot 01:00.0'");
    // The controls: no such option, another mistake, and a sound command.
    for arguments in [
        &["doctor", file][..],
        &["groups", "--topolgy"],
        &["why", "0000.01.00"],
        &["why", "01:00.0", "--kernel", file],
    ] {
        let output = acsctl(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            !text.contains("--topology -") && !text.contains("write '"),
            "{text}"
        );
    }
    assert_ends(&acsctl(&["groups", "--topology", file]), 0, "group");
}
