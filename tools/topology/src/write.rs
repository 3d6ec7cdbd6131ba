// SPDX-License-Identifier: GPL-2.0-only

//! Writes a topology to a file.

use std::io::{self, Write};

use crate::Topology;

/// Writes a topology as JSON, with one line for each function.
///
/// # Errors
///
/// The error of writing to `to`.
pub fn write(topology: &Topology, to: &mut impl Write) -> io::Result<()> {
    let head = Topology {
        functions: Vec::new(),
        ..topology.clone()
    };
    let whole = serde_json::to_string_pretty(&head)?;
    // The functions come last, so that one line for each can be inserted.
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
