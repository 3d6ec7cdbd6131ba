// SPDX-License-Identifier: GPL-2.0-only

//! Compiles `quirks.c` as the kernel does.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, ensure};

use boot::mails::run;

/// Compiles files in place of a kernel's `quirks.c`, with the kernel's own flags, and warnings as
/// errors. The kernel's tree is not changed.
pub(crate) fn compile(prepared: &Path, files: &[(String, String)]) -> Result<()> {
    let tree = prepared.join("tree");
    let folder = tempfile::tempdir()?;
    let mut objects = Vec::new();
    let mut kbuild = String::new();
    for (name, text) in files {
        let name = name.replace('/', "-");
        fs::write(folder.path().join(format!("{name}.c")), text)?;
        objects.push(format!("{name}.o"));
        kbuild += &["obj-m += ", &name, ".o\n"].concat();
    }
    fs::write(folder.path().join("Kbuild"), kbuild)?;
    fs::copy(tree.join("drivers/pci/pci.h"), folder.path().join("pci.h"))?;
    let arguments = fs::read_to_string(prepared.join("make-args"))?;
    let mut make = Command::new("make");
    make.arg("-C").arg(&tree).arg("-j2");
    make.args(arguments.split_whitespace());
    make.arg(format!("M={}", folder.path().display()));
    make.args(["W=1", "KCFLAGS=-Werror"]).args(&objects);
    let output = run(&mut make)?;
    for object in objects {
        let built = folder.path().join(&object).is_file();
        ensure!(built, "there is no {object}: {output}");
    }
    Ok(())
}
