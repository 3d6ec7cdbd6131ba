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

/// Capture this host's PCI functions into a file, without personal data.
///
/// Records for each function: address, ids, class, revision, header type, PCIe type, ACS and SR-IOV
/// registers, the buses behind a bridge, and the IOMMU group; for the host: the kernel version, the
/// kind of IOMMU, and the value of `pcie_acs_override=` if set. Records no serial number, host
/// name, network address, or stored data. Attach the file to a bug report, or give it to other
/// commands with --topology.
///
/// Exit status: 0 when the file is written; 2 when the host cannot be read or the file cannot be
/// written.
#[derive(Args, Debug)]
pub(super) struct Capture {
    /// Write to FILE [default: -, the standard output].
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Include the machine's model, as firmware reports it.
    #[arg(long)]
    model: bool,
    /// Convert FILE, the output of lspci or another text that shows functions and groups, instead of
    /// capturing this host. Give it again to add another file about the same machine.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["root", "model"])]
    topology: Vec<PathBuf>,
    /// Read sysfs and procfs below DIR instead of /.
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

impl Capture {
    pub(super) fn run(&self) -> Result<String, Error> {
        let source = match &self.topology[..] {
            [] => Source::Host(HostPaths::below(&self.root)),
            files => Source::Files(files.to_vec()),
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
            "{}: functions {}; contains no serial numbers or names\n",
            out.display(),
            topology.functions.len()
        ))
    }
}

/// The text of a capture file.
fn text(topology: &Topology) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let failed = |error: &dyn std::fmt::Display| {
        Error::CouldNotRun(format!("cannot write the topology: {error}"))
    };
    topology::write(topology, &mut bytes).map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

/// A message on what the capture lacks because it was made without root.
pub(super) fn unseen(topology: &Topology, source: &Source) -> Option<String> {
    let functions = topology.functions.iter();
    let unseen = functions.filter(|one| !one.unreadable && (!one.pcie_known || !one.acs_known));
    let (count, all) = (unseen.count(), topology.functions.len());
    let remedy = match source {
        Source::Host(_) => "run acsctl as root to read them",
        Source::Files(_) => "the file does not contain them; capture the machine as root",
    };
    (count > 0).then(|| {
        format!(
            "the capabilities of {count} of {all} functions could not be read, and the groups \
             depend on them; {remedy}"
        )
    })
}
