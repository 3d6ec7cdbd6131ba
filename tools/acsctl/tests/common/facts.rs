// SPDX-License-Identifier: GPL-2.0-only

//! Machines and entries as values.

use quirk_data::{
    entry::Entry,
    folder::{self, Scope},
    source,
};
use topology::{Bdf, Function, Topology};

use super::{accepted, root, tests};

pub(crate) fn bdf(text: &str) -> Bdf {
    text.parse().expect("it is an address")
}

/// The project's own entries.
pub(crate) fn own() -> Vec<Entry> {
    folder::check_all(source::built_in(), Scope::now(None)).expect("the data has no fault")
}

/// The entries of the folder of valid entries: `acme/nic` lists the functions of [`adapter`].
pub(crate) fn sound() -> Vec<Entry> {
    folder::check(&accepted(), Scope::now(None)).expect("they have no fault")
}

/// A recorded machine, by the name of its file without the ending.
pub(crate) fn recorded(name: &str) -> Topology {
    let file = root()
        .join("tests/topologies")
        .join(name)
        .with_extension("json");
    topology::read(&file).expect("it is recorded")
}

/// A captured machine: a root port with ACS, and below it an adapter of two functions.
pub(crate) fn adapter() -> Topology {
    let file = tests().join("accepted/acme/nic.capture.json");
    topology::read(&file).expect("it is a capture")
}

pub(crate) fn function<'t>(machine: &'t mut Topology, at: &str) -> &'t mut Function {
    let mut functions = machine.functions.iter_mut();
    functions
        .find(|one| one.bdf == bdf(at))
        .expect("it is there")
}
