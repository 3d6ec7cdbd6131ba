// SPDX-License-Identifier: GPL-2.0-only

//! Writes a topology.

use std::io::{self, Write};

use crate::Topology;

/// Writes the text of a file: JSON, with one line for each function.
///
/// # Errors
///
/// What `to` has against being written to.
pub fn write(topology: &Topology, to: &mut impl Write) -> io::Result<()> {
    let head = Topology {
        functions: Vec::new(),
        ..topology.clone()
    };
    let whole = serde_json::to_string_pretty(&head)?;
    // The functions come last, so that a line for each can be put in.
    let Some(head) = whole.strip_suffix("[]\n}") else {
        return Err(io::Error::other("the functions are not the last field"));
    };
    write!(to, "{head}[")?;
    let mut separator = "\n";
    for function in &topology.functions {
        write!(to, "{separator}    {}", serde_json::to_string(function)?)?;
        separator = ",\n";
    }
    to.write_all(b"\n  ]\n}\n")
}
