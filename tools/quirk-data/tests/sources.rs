// SPDX-License-Identifier: GPL-2.0-only

//! Faults of a file that show before its contents are read.

mod common;

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use quirk_data::{
    folder::{self, Scope},
    source::{self, Sources},
};

use common::{scratch, tests};

/// A folder with one valid file, and one that `make` creates.
fn folder(test: &str, make: impl Fn(&Path)) -> Sources {
    let folder = scratch(test);
    fs::create_dir(folder.join("acme")).expect("the folder is the test's own");
    let sound = tests().join("accepted/acme/refused.toml");
    fs::copy(sound, folder.join("acme/nic.toml")).expect("the folder is the test's own");
    make(&folder.join("acme/other.toml"));
    source::read(&folder).expect("the folder can be read")
}

#[track_caller]
fn assert_found(sources: Sources, file: &str, expected: &str) {
    let found = folder::check_all(sources, Scope::now(None)).expect_err("there is a fault");
    let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 1, "{texts:#?}");
    let (path, text) = texts[0].split_once(':').expect("FILE:");
    assert!(path.ends_with(file), "{path}");
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn a_sound_file_beside_the_sound_file_is_no_fault() {
    let sources = folder("sound", |path| {
        let sound = tests().join("accepted/acme/taken-back.toml");
        fs::copy(sound, path).expect("the folder is the test's own");
    });
    let entries = folder::check_all(sources, Scope::now(None)).expect("there is no fault");
    assert_eq!(entries.len(), 2);
}

#[test]
fn an_ending_in_capitals() {
    let sources = folder("capitals", |path| {
        let sound = tests().join("accepted/acme/taken-back.toml");
        fs::copy(sound, path.with_extension("TOML")).expect("the folder is the test's own");
    });
    let expected = "1:1: file-name: file: the ending is not in lowercase letters; ";
    assert_found(sources, "acme/other.TOML", expected);
}

#[test]
fn a_file_that_is_not_utf8() {
    let sources = folder("encoding", |path| {
        let sound = tests().join("accepted/acme/taken-back.toml");
        let sound = fs::read(sound).expect("it is there");
        fs::write(path, [&sound, &b"# caf\xe9\n"[..]].concat()).expect("it is writable");
    });
    let line = sources.files[1].text.lines().count();
    let expected = format!("1:1: file-encoding: file: line {line} is not UTF-8; ");
    assert_found(sources, "acme/other.toml", &expected);
    // It hides no fault. UTF-16 has no other fault.
    let found = |text: &'static [u8]| {
        let sources = folder("encoding-and-more", |path| {
            fs::write(path, text).expect("it is writable");
        });
        let found = folder::check_all(sources, Scope::now(None)).expect_err("there are faults");
        found.len()
    };
    assert!(found(b"schema = 1\nname = \"\xe9\"\n") > 3);
    assert_eq!(found(b"\xff\xfes\0c\0h\0"), 1);
}

#[test]
fn a_file_of_ten_megabytes() {
    let sources = folder("size", |path| {
        fs::write(path, "# nothing\n".repeat(1 << 20)).expect("it is writable");
    });
    let expected = "1:1: file-size: file: larger than 256 KiB; ";
    assert_found(sources, "acme/other.toml", expected);
}

#[test]
fn a_symbolic_link_to_a_file() {
    let sources = folder("link", |path| {
        symlink("nic.toml", path).expect("links can be made");
    });
    let expected = "1:1: file-kind: file: a symbolic link; ";
    assert_found(sources, "acme/other.toml", expected);
}

#[test]
fn a_symbolic_link_that_leads_nowhere() {
    let sources = folder("dangling", |path| {
        symlink("x", path).expect("links can be made");
    });
    let expected = "1:1: file-kind: file: a symbolic link; ";
    assert_found(sources, "acme/other.toml", expected);
}

#[test]
fn a_symbolic_link_to_a_folder() {
    let sources = folder("folder-link", |path| {
        let again = path.with_file_name("../again");
        symlink("acme", again).expect("links can be made");
    });
    assert_found(sources, "again", "1:1: file-kind: file: a symbolic link; ");
}

/// Opening a pipe would block.
#[test]
fn a_pipe() {
    let sources = folder("pipe", |path| {
        let made = Command::new("mkfifo").arg(path).status();
        assert!(made.expect("coreutils are there").success());
    });
    let expected = "1:1: file-kind: file: not a regular file; ";
    assert_found(sources, "acme/other.toml", expected);
}

/// A folder with an entry whose capture `make` creates.
fn with_capture(test: &str, make: impl Fn(&Path)) -> Sources {
    let folder = scratch(test);
    fs::create_dir(folder.join("acme")).expect("the folder is the test's own");
    let sound = tests().join("accepted/acme/nic.toml");
    fs::copy(sound, folder.join("acme/nic.toml")).expect("the folder is the test's own");
    make(&folder.join("acme/nic.capture.json"));
    source::read(&folder).expect("the folder can be read")
}

#[test]
fn a_capture_that_is_a_pipe() {
    let sources = with_capture("capture-pipe", |path| {
        let made = Command::new("mkfifo").arg(path).status();
        assert!(made.expect("coreutils are there").success());
    });
    let found = folder::check_all(sources, Scope::now(None)).expect_err("there is a fault");
    assert!(
        found[0]
            .to_string()
            .contains("capture-read: expect.capture: nic.capture.json is not a regular file; ")
    );
}

#[test]
fn a_capture_that_is_a_symbolic_link() {
    let sources = with_capture("capture-link", |path| {
        let sound = tests().join("accepted/acme/nic.capture.json");
        symlink(sound, path).expect("links can be made");
    });
    let found = folder::check_all(sources, Scope::now(None)).expect_err("there is a fault");
    assert!(
        found[0]
            .to_string()
            .contains("capture-read: expect.capture: nic.capture.json is not a regular file; ")
    );
}

#[test]
fn a_folder_with_the_name_of_a_file() {
    let sources = folder("folder", |path| {
        fs::create_dir(path).expect("the folder is the test's own");
        let sound = tests().join("accepted/acme/taken-back.toml");
        fs::copy(sound, path.join("nic.toml")).expect("the folder is the test's own");
    });
    assert_found(
        sources,
        "acme/other.toml",
        "1:1: file-kind: file: not a regular file",
    );
}

/// Each of these names would hide an entry: the file would not be read.
#[test]
fn a_file_whose_name_does_not_end_as_that_of_a_data_file() {
    for (name, help) in [
        ("other.toml.txt", "rename it to other.toml"),
        ("other.toml~", "rename it to other.toml"),
        ("other.toml.orig", "rename it to other.toml"),
        ("other.yaml", "rename it to other.toml"),
        (
            "lspci.log",
            "rename it, or take it out: a vendor's folder has data files",
        ),
    ] {
        let sources = folder("stray", |path| {
            let sound = if name == "lspci.log" {
                "nic.capture.json"
            } else {
                "taken-back.toml"
            };
            let sound = tests().join("accepted/acme").join(sound);
            fs::copy(sound, path.with_file_name(name)).expect("the folder is the test's own");
        });
        let expected = format!(
            "1:1: file-name: file: {name} is not a data file, and not a capture in the folder of a \
             vendor; {help}"
        );
        assert_found(sources, &format!("acme/{name}"), &expected);
    }
    // The remedy does not overwrite a file.
    let sources = folder("backup", |path| {
        let sound = tests().join("accepted/acme/taken-back.toml");
        fs::copy(&sound, path).expect("the folder is the test's own");
        fs::copy(sound, path.with_file_name("other.toml.bak"))
            .expect("the folder is the test's own");
    });
    let found = folder::check_all(sources, Scope::now(None)).expect_err("there is a fault");
    assert_eq!(found[0].help, "take it out: other.toml is beside it");
    // A capture in no vendor's folder.
    let sources = folder("capture-at-top", |path| {
        let vendor = path.parent().expect("a vendor's folder");
        fs::write(vendor.with_file_name("nic.capture.json"), "{}").expect("it is writable");
        fs::write(vendor.with_file_name("numbers.txt"), "12 acme/nic\n").expect("it is writable");
        fs::write(vendor.with_file_name("schema.json"), "{}").expect("it is writable");
    });
    assert_found(
        sources,
        "nic.capture.json",
        "1:1: file-name: file: nic.capture.json is not a data file",
    );
    // Control: what editors and git keep there is hidden.
    let sources = folder("hidden", |path| {
        fs::write(path.with_file_name(".gitkeep"), "").expect("it is writable");
    });
    folder::check_all(sources, Scope::now(None)).expect("there is no fault");
}

/// A file that is named on the command line may lie outside the folder.
#[test]
fn a_named_file_that_does_not_exist_may_have_another_ending() {
    let folder = scratch("named");
    let mut sources = Sources::default();
    let path = folder.join("x1.toml");
    let error = sources
        .add(&path)
        .expect_err("it does not exist")
        .to_string();
    assert!(!error.contains("rename"), "{error}");
    fs::write(folder.join("x1.toml.txt"), "schema = 1").expect("it is writable");
    let error = sources
        .add(&path)
        .expect_err("it does not exist")
        .to_string();
    assert!(error.ends_with("x1.toml.txt"), "{error}");
    assert!(
        error.contains("a data file ends in .toml: rename"),
        "{error}"
    );
}

/// What is named and is no data file has that one finding: it is not read as one.
#[test]
fn a_named_file_that_is_no_data_file() {
    let folder = scratch("named-other");
    fs::create_dir(folder.join("acme")).expect("the folder is the test's own");
    fs::write(folder.join("acme/x1.capture.json"), "{}").expect("it is writable");
    for (name, help) in [
        ("acme/x1.capture.json", "rename it, or take it out"),
        (
            "acme",
            "name the data files in it, or the folder of all vendors with --quirks",
        ),
    ] {
        let mut sources = Sources::default();
        sources.add(&folder.join(name)).expect("it is there");
        let file = name.rsplit('/').next().expect("a name");
        let expected = format!(
            "1:1: file-name: file: {file} is not a data file, and not a capture in the folder of a vendor; {help}"
        );
        assert_found(sources, name, &expected);
    }
    // Control: what looks like a data file is read.
    fs::write(folder.join("acme/x1.toml.txt"), "schema = 1\n").expect("it is writable");
    let mut sources = Sources::default();
    sources
        .add(&folder.join("acme/x1.toml.txt"))
        .expect("it is there");
    let found = folder::check_all(sources, Scope::now(None)).expect_err("there is a fault");
    assert!(found.len() > 1, "{found:?}");
}

/// What is beside a named file and belongs to no entry is told, as in a folder that is read whole.
#[test]
fn what_is_beside_a_named_file() {
    let folder = scratch("beside");
    let sound = tests().join("accepted/acme");
    for (file, name) in [
        ("nic.toml", "acme/nic.toml"),
        ("nic.capture.json", "acme/nic.capture.json"),
        ("nic.capture.json", "acme/other.capture.json"),
        // The second names the capture with another name than its own.
        ("function.toml", "acme/function.toml"),
        (
            "function-integrated.capture.json",
            "acme/function-integrated.capture.json",
        ),
        ("nic.capture.json", "acme/third.capture.txt"),
        ("taken-back.toml", "acme/back.TOML"),
        ("taken-back.toml", "acme/.back.toml.swp"),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a vendor's folder"))
            .expect("it is the test's own");
        fs::copy(sound.join(file), path).expect("it is the test's own");
    }
    // The folder may have anything else.
    for (name, text) in [
        ("photo.jpg", "\u{1}"),
        ("package.json", "{}"),
        ("notes.txt", "x"),
    ] {
        fs::write(folder.join("acme").join(name), text).expect("it is writable");
    }
    let mut sources = Sources::default();
    sources
        .add(&folder.join("acme/nic.toml"))
        .expect("it is there");
    let found = folder::check_all(sources, Scope::now(None)).expect_err("three files are odd");
    let files: Vec<_> = found
        .iter()
        .map(|one| one.file.strip_prefix(&folder))
        .collect();
    let odd = [
        "acme/back.TOML",
        "acme/other.capture.json",
        "acme/third.capture.txt",
    ];
    assert_eq!(files, odd.map(|name| Ok(Path::new(name))), "{found:#?}");
}

/// A wrong ending hides no fault of the contents, and makes no orphan of the capture that they name.
#[test]
fn an_entry_with_another_ending_is_read() {
    let capture = tests().join("accepted/acme/nic.capture.json");
    for name in ["nic.TOML", "nic.toml.txt", "nic.tml", "nic"] {
        let of = |text: &dyn Fn(&str) -> String| {
            let folder = scratch("ending");
            fs::create_dir(folder.join("acme")).expect("it is the test's own");
            let sound = fs::read_to_string(tests().join("accepted/acme/nic.toml"));
            let sound = sound.expect("it is there");
            fs::write(folder.join("acme").join(name), text(&sound)).expect("it is writable");
            fs::copy(&capture, folder.join("acme/nic.capture.json")).expect("it is the test's own");
            let sources = source::read(&folder).expect("the folder can be read");
            let found = folder::check_all(sources, Scope::now(None)).expect_err("the ending");
            found.iter().map(|one| one.rule.code()).collect::<Vec<_>>()
        };
        assert_eq!(of(&str::to_owned), ["file-name"], "{name}");
        let cut = |text: &str| text.replace("schema = 1", "schema = 1\ncolour = 1");
        let both = of(&cut);
        assert!(
            both.contains(&"file-name") && both.contains(&"key-unknown"),
            "{name}: {both:?}"
        );
    }
}

#[test]
fn a_capture_that_no_entry_names() {
    let capture = tests().join("accepted/acme/nic.capture.json");
    let sources = folder("orphan", |path| {
        fs::copy(&capture, path.with_extension("capture.json"))
            .expect("the folder is the test's own");
    });
    let expected = "1:1: capture-orphan: file: no entry in this folder names the capture \
                    other.capture.json; ";
    assert_found(sources, "acme/other.capture.json", expected);
    // Control: an entry that is refused keeps its capture as a record.
    let sources = folder("record", |path| {
        fs::copy(&capture, path.with_file_name("nic.capture.json"))
            .expect("the folder is the test's own");
    });
    folder::check_all(sources, Scope::now(None)).expect("there is no fault");
}

/// A capture is no data file, and the check of its entry reads it.
#[test]
fn a_capture_as_the_file_to_check() {
    let tests = tests().join("accepted/acme");
    let check = |file: &Path| {
        let mut sources = Sources::default();
        sources.add(file).expect("it can be examined");
        let found = folder::check_all(sources, Scope::now(None)).expect_err("it is no data file");
        found[0].to_string()
    };
    let found = check(&tests.join("nic.capture.json"));
    let expected = "nic.capture.json is a capture, and not a data file; name nic.toml: ";
    assert!(found.contains(expected), "{found}");
    let folder = scratch("capture-alone");
    let alone = folder.join("nic.capture.json");
    fs::copy(tests.join("nic.capture.json"), &alone).expect("the folder is the test's own");
    let found = check(&alone);
    assert!(
        found.contains("not a capture in the folder of a vendor; "),
        "{found}"
    );
}
