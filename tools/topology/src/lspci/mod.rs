// SPDX-License-Identifier: GPL-2.0-only

//! Reads lspci output as a topology: `lspci -vvv` (with `-n`, `-nn` or neither, with or without
//! `-D`), and hex dumps such as `lspci -xxxx`, which contain the most information.
//!
//! | file | contents |
//! |---|---|
//! | `lines.rs` | splits the text into functions, their lines and dumps |
//! | `details.rs` | reads the lines of a function |
//! | `ids.rs` | reads the ids of functions, also from names |

mod details;
mod ids;
mod lines;

use std::collections::BTreeMap;

use self::{ids::Names, lines::Block};
use crate::{Bdf, Error, Function, Topology, check, config::Config, hex::Hex, sysfs};

/// The remedy for output that contains too little.
const AGAIN: &str = "make it again, as root, with \"lspci -D -vvvnn\" or \"lspci -D -xxxx\"";

/// Whether a text is lspci output: one of its first lines starts with an address and a class.
pub(crate) fn is_lspci(text: &str) -> bool {
    let mut lines = text.lines().take(200);
    !text.trim_start().starts_with('{') && lines.any(|line| lines::header(line).is_some())
}

/// Reads lspci output and checks the machine; `name` is its name in messages.
///
/// # Errors
///
/// [`Error`] if a line cannot be from lspci, the text contains too little, or no machine can be
/// like that.
pub(crate) fn parse(name: &str, text: &str) -> Result<Topology, Error> {
    let blocks = lines::blocks(name, text)?;
    // With -xxxx, a function with only 256 bytes has no extended capabilities. With -xxx this is
    // unknown.
    let is_whole = blocks.iter().any(|block| block.dump.len() > 256);
    let mut names = Names::default();
    let mut topology = Topology {
        evidence: vec!["lspci".to_owned()],
        ..Topology::default()
    };
    for block in &blocks {
        let function = function(name, block, is_whole, &mut names)?;
        topology.functions.push(function);
    }
    let tells = |block: &Block<'_>| !block.lines.is_empty() || block.dump.len() >= 64;
    if !blocks.iter().any(tells) {
        let problem = "there is nothing but a list of functions";
        return Err(Error::at(name, "", problem, AGAIN));
    }
    topology.functions.sort_by_key(|function| function.bdf);
    find_physical(&mut topology.functions);
    topology.iommu = amd_iommu(&topology.functions);
    check::check(name, &topology)?;
    Ok(topology)
}

fn function(
    file: &str,
    block: &Block<'_>,
    is_whole: bool,
    names: &mut Names,
) -> Result<Function, Error> {
    let fault = |problem: String| Error {
        line: Some(block.line),
        ..Error::at(file, block.bdf, problem, AGAIN)
    };
    let config = Config(&block.dump);
    let (vendor, device) = (config.word(0), config.word(2));
    let by_dump = vendor.zip(device).filter(|(vendor, _)| *vendor != u16::MAX);
    let shown = ids::of_header(block.header, names);
    let (vendor, device) = match (by_dump, &shown) {
        (Some((vendor, device)), _) => (vendor, Some(device)),
        (None, Some(ids)) => (ids.vendor, ids.device),
        (None, None) if block.dump.len() >= 64 => (u16::MAX, Some(u16::MAX)),
        (None, None) => {
            let shown = quoted(block.header);
            let problem = format!("it is not shown which device {shown} is");
            return Err(fault(problem));
        }
    };
    let mut function = Function::new(block.bdf, vendor, device.unwrap_or(0));
    function.device = device.map(Hex::id);
    if let (None, Some(ids)) = (by_dump, &shown) {
        function.id_from_name = ids.by_name;
        function.device_candidates.clone_from(&ids.candidates);
    }
    function.class = shown.as_ref().and_then(|ids| ids.class);
    function.revision = shown.as_ref().and_then(|ids| ids.revision);
    details::read(&mut function, block).map_err(fault)?;
    if block.dump.len() >= 64 {
        dump(&mut function, block, is_whole);
    }
    Ok(function)
}

/// Adds the contents of a hex dump, which take precedence over the text.
fn dump(function: &mut Function, block: &Block<'_>, is_whole: bool) {
    let by_text = function.clone();
    let config = Config(&block.dump);
    sysfs::registers(function, &config);
    if function.unreadable {
        return;
    }
    function.revision = config.byte(0x08).map(|revision| Hex(revision.into()));
    function.class = config.dword(0x08).map(|dword| Hex(dword >> 8));
    if function.header == crate::Header::Endpoint {
        let ids = config.word(0x2c).zip(config.word(0x2e));
        let known = ids.filter(|(vendor, _)| !matches!(vendor, 0 | 0xffff));
        if let Some((vendor, device)) = known {
            function.subsystem = Some(crate::Subsystem { vendor, device });
        }
    }
    // If the dump is too short, the text may contain more.
    if !function.pcie_known && by_text.pcie_known && !block.lines.is_empty() {
        function.pcie_known = true;
        function.pcie_type.clone_from(&by_text.pcie_type);
    }
    let is_short = block.dump.len() <= 256 && !is_whole && function.pcie_type.is_some();
    if is_short || !function.acs_known {
        let text_knows = by_text.acs_known && !block.lines.is_empty();
        (function.acs_known, function.acs) = if text_knows {
            (true, by_text.acs)
        } else {
            (false, None)
        };
    }
}

/// Quotes a text of the file for a message: shortened, without control characters.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 100;
    let shown: String = text.chars().take(SHOWN).collect();
    format!("\"{}\"", shown.escape_debug())
}

/// Finds the virtual functions: those at the addresses that a physical function's registers give.
fn find_physical(functions: &mut [Function]) {
    let places: BTreeMap<Bdf, usize> = functions
        .iter()
        .enumerate()
        .map(|(at, function)| (function.bdf, at))
        .collect();
    let mut found = Vec::new();
    for function in functions.iter() {
        let Some(sriov) = function.sriov else {
            continue;
        };
        let own = (u32::from(function.bdf.bus) << 8) | u32::from(function.bdf.devfn);
        for number in 0..u32::from(sriov.num_vfs) {
            let id = own + u32::from(sriov.offset) + number * u32::from(sriov.stride);
            let [_, _, bus, devfn] = id.to_be_bytes();
            let bdf = Bdf {
                bus,
                devfn,
                ..function.bdf
            };
            if let Some(&at) = places.get(&bdf).filter(|_| id <= 0xffff && id != own) {
                found.push((at, function.bdf));
            }
        }
    }
    for (at, physical) in found {
        functions[at].physfn = Some(physical);
    }
    // A virtual function has no virtual functions of its own, so drop those that the registers
    // assign to one.
    let virtual_ones: Vec<Bdf> = functions
        .iter()
        .filter(|function| function.physfn.is_some())
        .map(|function| function.bdf)
        .collect();
    for function in functions.iter_mut() {
        if function
            .physfn
            .is_some_and(|physical| virtual_ones.contains(&physical))
        {
            function.physfn = None;
        }
    }
}

/// An AMD IOMMU is a PCI function; no other IOMMU is.
fn amd_iommu(functions: &[Function]) -> Option<String> {
    let is_iommu = |function: &Function| {
        let class = function.class.map(|class| class.0 >> 8);
        class == Some(0x0806) && matches!(function.vendor.value(), 0x1022 | 0x1002)
    };
    let found = functions.iter().any(is_iommu);
    found.then(|| "AMD-Vi".to_owned())
}
