// SPDX-License-Identifier: GPL-2.0-only

//! `acsctl capture`.

use std::path::PathBuf;

use clap::Args;
use quirk_data::error::Error;
use topology::Topology;

use super::warn;
use crate::{
    host::{HostPaths, Source},
    output,
};

/// Writes what is seen of this host's PCI functions to a file.
///
/// It has, of each function: address, ids, class, revision, the kind of its header, PCIe type, ACS
/// and SR-IOV registers, the buses behind a bridge, and the number of its IOMMU group; of the host:
/// the version of its kernel, the kind of its IOMMU, and the value of `pcie_acs_override=` if there is
/// one. It has no serial number, no name, no address of a network, and nothing that is stored on a
/// device. Good as a bug report, as evidence, and as what every other command reads.
///
/// Exit status: 0 when it is written; 2 when the host cannot be read or the file cannot be written.
#[derive(Args, Debug)]
pub(super) struct Capture {
    /// The file to write [default: the standard output, as is -].
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Tell the model of the machine as well, which firmware has.
    #[arg(long)]
    model: bool,
    /// Write what lspci has printed into this file in the form of a capture, instead of this host.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["root", "model"])]
    topology: Option<PathBuf>,
    /// Where the file systems of the host are, as they are after a copy of sys and proc.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

impl Capture {
    pub(super) fn run(&self) -> Result<String, Error> {
        let source = match &self.topology {
            Some(file) => Source::File(file.clone()),
            None => Source::Host(HostPaths::below(&self.root)),
        };
        let topology = source.capture(self.model)?;
        if let Some(text) = unseen(&topology, &source) {
            warn(&text);
        }
        let text = text(&topology)?;
        let Some(out) = self.out.as_deref().filter(|out| !output::is_standard(out)) else {
            return Ok(text);
        };
        output::write(out, &text)?;
        Ok(format!(
            "{}: functions {}; no serial numbers or names are in it\n",
            out.display(),
            topology.functions.len()
        ))
    }
}

/// A topology as its file has it.
fn text(topology: &Topology) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let failed = |error: &dyn std::fmt::Display| {
        Error::CouldNotRun(format!("cannot write the topology: {error}"))
    };
    topology::write(topology, &mut bytes).map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

/// What a capture lacks, if it was made without the right to see it.
pub(super) fn unseen(topology: &Topology, source: &Source) -> Option<String> {
    let functions = topology.functions.iter();
    let unseen = functions.filter(|one| !one.unreadable && (!one.pcie_known || !one.acs_known));
    let (count, all) = (unseen.count(), topology.functions.len());
    let remedy = match source {
        Source::Host(_) => "run it as root to see them",
        Source::File(_) => "they are not in the file; capture the machine as root",
    };
    (count > 0).then(|| {
        format!(
            "the capabilities of {count} of {all} functions could not be read, and these decide on \
             groups; {remedy}"
        )
    })
}
