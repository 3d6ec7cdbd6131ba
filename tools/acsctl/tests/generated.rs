// SPDX-License-Identifier: GPL-2.0-only

//! The generated files of the checkout.

mod common;

use std::{fs, path::Path};

use common::{
    command::{acsctl, assert_fails, path, printed},
    root, scratch,
};

/// Every generated file is what `make generate` writes.
#[test]
fn generated_files_are_current() {
    printed(&acsctl(&[
        "generate",
        "--check",
        "--source",
        &path(&root()),
    ]));
}

/// A file that differs is named, and is not written. `generate` then makes it current.
#[test]
fn another_file_is_named() {
    let copy = scratch("generated");
    copy_folder(&root().join("quirks"), &copy.join("quirks"));
    copy_folder(&root().join("tests/kernel"), &copy.join("tests/kernel"));
    for folder in ["Documentation", "src/candidates"] {
        fs::create_dir_all(copy.join(folder)).expect("it can be made");
    }
    let generate = ["generate", "--source", &path(&copy)];
    printed(&acsctl(&generate));
    let check = [&generate[..], &["--check"]].concat();
    printed(&acsctl(&check));
    let page = copy.join("Documentation/quirks.md");
    fs::write(&page, "# Others\n").expect("it can be written");
    assert_fails(
        &acsctl(&check),
        1,
        "not current: Documentation/quirks.md; run \"make generate\"",
    );
    let text = fs::read_to_string(&page).expect("it is there");
    assert_eq!(text, "# Others\n");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("it can be made");
    for entry in fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("it can be read").path();
        let to = to.join(entry.file_name().expect("it has a name"));
        if entry.is_dir() {
            copy_folder(&entry, &to);
        } else {
            fs::copy(&entry, &to).expect("it can be copied");
        }
    }
}
