// SPDX-License-Identifier: GPL-2.0-only

//! The demonstration: a stock kernel, a six-function adapter, and two virtual machines that want
//! one function each.
//!
//! With `ACS_QUIRKS_WITHDRAWN`, the entries of the module are withdrawn, and the second machine
//! gets no function.
//!
//! Exit status: 0 when the results are as expected, 1 when they are not, 2 when the demonstration
//! could not run.

use std::{
    env, fs,
    os::unix::fs::{MetadataExt as _, chown},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, Result};
use boot::{
    groups::Groups,
    kernel::Kernel,
    machine::Iommu,
    setup::Setup,
    two_guests::{self, ADAPTER, Story},
};

/// Ids and purpose of the adapter's functions, by function number.
const FUNCTIONS: [&str; 6] = [
    "1077:8030 network",
    "1077:8030 network",
    "1077:8031 Fibre Channel over Ethernet",
    "1077:8031 Fibre Channel over Ethernet",
    "1077:8032 iSCSI",
    "1077:8032 iSCSI",
];

fn main() -> ExitCode {
    match demonstrate() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            boot::host::say(format_args!(
                "The demonstration could not be run: {error:#}"
            ));
            ExitCode::from(2)
        }
    }
}

fn demonstrate() -> Result<bool> {
    let start = Instant::now();
    let say = |text: &str| println!("[{:5.1} s] {text}", start.elapsed().as_secs_f64());
    let withdrawn = env::var_os("ACS_QUIRKS_WITHDRAWN").is_some_and(|value| !value.is_empty());

    println!();
    say("packing the guest's files; the first time also trying whether KVM works here");
    let kernel = Kernel::from_env()?.pop().context("no kernel is prepared")?;
    let folder = tempfile::tempdir()?;
    let setup = Setup::new(kernel, folder.path())?;

    say(&format!(
        "booting Debian's unmodified kernel {} in QEMU, with an Intel IOMMU",
        setup.kernel.name
    ));
    let story = two_guests::with_adapter(&setup, Iommu::Intel, "demo", |vm| {
        say(&format!(
            "it is up; a two-port adapter with six functions is at {ADAPTER}"
        ));
        two_guests::run(vm, withdrawn, &say)
    })?;
    say("done");

    table(&story);
    draw(&story)?;
    let fault = story.fault(withdrawn);
    match &fault {
        None if withdrawn => println!("{WITHDRAWN}"),
        None => println!("{WORKED}"),
        Some(fault) => println!("This is not what should have come out: {fault}"),
    }
    Ok(fault.is_none())
}

/// Paths of the diagrams in the checkout.
const PICTURES: [&str; 2] = ["build/demo-before.svg", "build/demo-with-module.svg"];

/// Writes the diagrams. Their owner is the owner of the checkout, because the demonstration may run
/// as root.
fn draw(story: &Story) -> Result<()> {
    let owner = fs::metadata(".")?;
    fs::create_dir_all("build")?;
    chown("build", Some(owner.uid()), Some(owner.gid()))?;
    for (path, picture) in PICTURES.iter().zip(&story.pictures) {
        fs::write(path, format!("{picture}\n")).with_context(|| format!("cannot write {path}"))?;
        chown(path, Some(owner.uid()), Some(owner.gid()))?;
    }
    println!("The machine as a picture: {}\n", PICTURES.join(", "));
    Ok(())
}

/// Prints the groups side by side.
fn table(story: &Story) {
    println!();
    println!("                                                      IOMMU group");
    println!("  function                                            before   control  with module");
    println!("  --------------------------------------------------  -------  -------  -----------");
    for (number, what) in FUNCTIONS.iter().enumerate() {
        let address = format!("{ADAPTER}.{number}");
        let group = |groups: &Groups| {
            groups
                .of(&address)
                .map_or_else(|| "-".to_owned(), |group| group.to_string())
        };
        println!(
            "  {address}  {what:<41}  {:>7}  {:>7}  {:>11}",
            group(&story.before),
            group(&story.control),
            group(&story.after)
        );
    }
    println!();
}

const WORKED: &str = "\
Before, the whole adapter could go to one virtual machine only; with the module each function can go to its
own, and two machines had one each at the same time. The kernel is the one that Debian ships.

The entry behind this is a test entry: no vendor has stated that these functions are isolated, so it builds
only into a test module, which taints the kernel. `make demo WITHDRAWN=1` does the same without the entry.";

const WITHDRAWN: &str = "\
The entry was withdrawn, so the module made no claim, and the adapter could go to one virtual machine only.";
