// SPDX-License-Identifier: GPL-2.0-only

//! Machines for the tests.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use rules::{decision::KernelVerdict, pcie::PcieType};
use topology::{Acs, Bdf, Function, Header, Partition, Port, Topology};

/// The recorded machines of the source tree: path and text.
pub(crate) fn recorded() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/topologies");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let files = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    files
        .map(|path| {
            (
                path.clone(),
                fs::read_to_string(path).expect("it can be read"),
            )
        })
        .collect()
}

pub(crate) fn bdf(text: &str) -> Bdf {
    text.parse().expect("an address")
}

pub(crate) fn function(at: &str) -> Function {
    Function::new(bdf(at), 0x1234, 0x5678)
}

pub(crate) fn express(at: &str, kind: PcieType) -> Function {
    Function {
        pcie_type: Some(Port::Known(kind)),
        ..function(at)
    }
}

/// A bridge of this type that leads to this bus, with or without ACS.
pub(crate) fn port(at: &str, kind: PcieType, secondary: u8, has_acs: bool) -> Function {
    let on = Acs {
        cap: Some(0x1d),
        ctl: Some(0x1d),
        dword8: None,
    };
    Function {
        header: Header::Bridge,
        secondary: Some(secondary),
        subordinate: Some(0xff),
        acs: has_acs.then_some(on),
        ..express(at, kind)
    }
}

pub(crate) fn machine(functions: Vec<Function>) -> Topology {
    Topology {
        functions,
        ..Topology::default()
    }
}

/// The groups without any answer of a quirk; each as a line of addresses.
#[track_caller]
pub(crate) fn groups(topology: &Topology) -> Vec<String> {
    let mut text = Vec::new();
    topology::write(topology, &mut text).expect("memory can be written to");
    let text = String::from_utf8(text).expect("it is text");
    let topology = topology::parse("the test", &text).expect("it is sound");
    let view = grouping::view(&topology);
    let found: Partition =
        grouping::partition(&view, |_| KernelVerdict::NoOpinion).expect("it is sound");
    let line = |group: Vec<Bdf>| {
        let members: Vec<_> = group.iter().map(ToString::to_string).collect();
        members.join(" ")
    };
    found.into_iter().map(line).collect()
}
