// SPDX-License-Identifier: GPL-2.0-only

//! Reads lspci output as a topology: `lspci -vvv` (with `-n`, `-nn` or neither, with or without
//! `-D`, `-P` and `-PP`), hex dumps such as `lspci -xxxx`, which contain the most information, and
//! lists of functions below headings with their groups.
//!
//! | file | contents |
//! |---|---|
//! | `lines.rs` | splits the text into functions, their lines and dumps |
//! | `found.rs` | what it finds |
//! | `recognise.rs` | recognises what a single line is |
//! | `place.rs` | addresses of functions that are shown by the bridges above them |
//! | `details.rs` | reads the lines of a function |
//! | `ids.rs` | reads the ids of functions, also from names |

mod details;
mod found;
mod ids;
mod lines;
mod place;
mod recognise;

use std::collections::{BTreeMap, BTreeSet};

use self::{
    found::{Block, Found, Named},
    ids::Names,
    recognise::Logged,
};
use crate::{
    Bdf, Error, Function, Header, Topology,
    config::Config,
    hex::Hex,
    merge::{self, UNKNOWN_VENDOR},
    release::release_of,
    sysfs,
    text::Line,
};

/// The remedy for output that contains too little.
pub(crate) const AGAIN: &str =
    "make it again, as root, with \"lspci -D -vvvnn\" or \"lspci -D -xxxx\"";

/// Reads the functions and groups in a text; none if it has none.
///
/// # Errors
///
/// [`Error`] if a line begins like a function and is none, a line belongs to no function, or the
/// text describes two machines.
pub(crate) fn parse(name: &str, lines: &[Line]) -> Result<Topology, Error> {
    let found = lines::found(name, lines)?;
    found.check_end(name)?;
    let addresses = place::addresses(name, &found.blocks)?;
    // With -xxxx, a function with only 256 bytes has no extended capabilities. With -xxx this is
    // unknown.
    let is_whole = found.blocks.iter().any(|block| block.dump.len() > 256);
    let names = Names::default();
    let mut topology = Topology {
        kernel: kernel_version(lines),
        acs_override: acs_override(lines),
        ..Topology::default()
    };
    let mut listings: Vec<Vec<merge::Shown>> = Vec::new();
    let mut listed: BTreeSet<Bdf> = BTreeSet::new();
    for (block, &bdf) in found.blocks.iter().zip(&addresses) {
        let function = function(name, block, bdf, is_whole, &names)?;
        // An address that comes again begins another listing.
        if listings.is_empty() || !listed.insert(bdf) {
            listings.push(Vec::new());
            listed = BTreeSet::from([bdf]);
        }
        if let Some(listing) = listings.last_mut() {
            listing.push((block.line, function));
        }
    }
    topology.functions = merge::listings(name, listings)?;
    // lspci -v prints the group of each function that is in one.
    let shows_groups = found.blocks.iter().any(|block| {
        let mut lines = block.lines.iter();
        lines.any(|(_, line)| line.contains("iommu group"))
    });
    let functions = topology.functions.iter();
    let grouped = functions
        .clone()
        .filter(|function| function.iommu_group.is_some());
    let grouped: BTreeSet<_> = grouped.map(|function| function.bdf.bus()).collect();
    let led_to = functions.filter_map(|one| Some((one.bdf.domain, one.secondary?)));
    let led_to: BTreeSet<_> = led_to.collect();
    for function in &mut topology.functions {
        // Beside functions with groups, only an IOMMU and a host bridge are in none. Another function has
        // lost its line, as has one below a bridge: an IOMMU covers all that is behind a function.
        let class = function.class.map(|class| class.0 >> 8);
        let bus = function.bdf.bus();
        let may_have_none = matches!(class, Some(0x0806 | 0x0600))
            || !grouped.contains(&bus) && !led_to.contains(&bus);
        function.group_known = function.iommu_group.is_some() || shows_groups && may_have_none;
    }
    add_groups(name, &mut topology, &found.named)?;
    describe(&mut topology, &found.logged);
    if !found.blocks.is_empty() {
        topology.evidence.push("lspci".to_owned());
    }
    if found.named.iter().any(|named| named.is_log) {
        topology.evidence.push("kernel log".to_owned());
    }
    let is_grouped = found.blocks.iter().any(|block| block.group.is_some());
    if is_grouped || found.named.iter().any(|named| !named.is_log) {
        topology.evidence.push("group list".to_owned());
    }
    let blocks = || found.blocks.iter().zip(&addresses);
    let gaps = blocks().filter(|(block, _)| {
        let last = block.lines.last();
        block.left_out || last.is_some_and(|(_, line)| line == lines::CUT)
    });
    let gaps = gaps.chain(blocks().next_back().filter(|_| ends_within(&found.blocks)));
    topology.gaps = gaps.map(|(_, &bdf)| bdf).collect();
    topology.gaps.sort_unstable();
    topology.gaps.dedup();
    end(&mut topology, &found, &addresses);
    Ok(topology)
}

/// The version of the kernel, from the first line of its log or from `uname -a`; `None` if the text shows
/// none, or several.
fn kernel_version(lines: &[Line]) -> Option<String> {
    let shown = lines.iter().filter_map(|line| {
        let words: Vec<_> = line.text.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "Linux")?;
        let version = match words.get(at + 1..)? {
            ["version", version, ..] => version,
            [_, version, build, ..] if build.starts_with('#') => version,
            _ => return None,
        };
        release_of(version).map(|_| (*version).to_owned())
    });
    let shown: BTreeSet<String> = shown.collect();
    let only = shown.first().filter(|_| shown.len() == 1);
    only.cloned()
}

/// The value of `pcie_acs_override=` in a kernel log; empty if the log shows only that the patch is in effect. The patch logs
/// that line when it accepts its option (`pcie_acs_override_setup()` of the patch).
fn acs_override(lines: &[Line]) -> Option<String> {
    const IN_EFFECT: &str = "PCIe ACS overrides enabled";
    let logged = |text: &str| lines.iter().any(|line| line.text.contains(text));
    let command_lines = lines
        .iter()
        .filter(|line| line.text.to_ascii_lowercase().contains("command line:"));
    let value = command_lines
        .flat_map(|line| line.text.split_whitespace())
        .find_map(sysfs::acs_override);
    value.or_else(|| logged(IN_EFFECT).then(String::new))
}

/// Marks the last function if the text ends within it, or may do so.
fn end(topology: &mut Topology, found: &Found, addresses: &[Bdf]) {
    let (Some(block), Some(&bdf)) = (found.blocks.last(), addresses.last()) else {
        return;
    };
    let Some((_, line)) = block.lines.last() else {
        let has_details = found.blocks.iter().any(|block| !block.lines.is_empty());
        if has_details && block.dump.is_empty() && !block.closed {
            topology.incomplete = Some(bdf);
        }
        return;
    };
    let is_last = line.starts_with("kernel driver") || line.starts_with("kernel modules");
    let is_verbose = block.lines.iter().any(|(_, line)| {
        ["control:", "flags:", "capabilities:"]
            .iter()
            .any(|begin| line.starts_with(begin))
    });
    if block.closed || is_last || !is_verbose || !block.dump.is_empty() {
        return;
    }
    let mut functions = topology.functions.iter_mut();
    let Some(function) = functions.find(|function| function.bdf == bdf) else {
        return;
    };
    topology.incomplete = Some(bdf);
    // A line that is cut in the middle shows that more was there.
    let is_cut = line.starts_with("capabilities:") && !line.contains("] ")
        || !line.contains([':', '+', '-', '=']);
    if is_cut && function.pcie_type.is_none() {
        (function.pcie_known, function.acs_known) = (false, false);
        function.acs = None;
    }
}

/// Whether a list of groups ends within the line of its last function: that line alone lacks ids. Further functions of the
/// group may follow.
fn ends_within(blocks: &[Block]) -> bool {
    let has_ids = |block: &Block| recognise::has_ids(&block.header.to_ascii_lowercase());
    let Some((last, others)) = blocks.split_last() else {
        return false;
    };
    let is_listed = |block: &Block| block.group.is_some() && has_ids(block);
    others.len() > 2
        && last.group.is_some()
        && last.lines.is_empty()
        && !has_ids(last)
        && others.iter().all(is_listed)
}

/// Adds the groups that lines name apart from the functions. A later line of a kernel log replaces
/// an earlier one.
fn add_groups(name: &str, topology: &mut Topology, named: &[Named]) -> Result<(), Error> {
    let mut groups: BTreeMap<Bdf, &Named> = BTreeMap::new();
    // The functions of the part of the text since one was named again, and of the part before that.
    let (mut part, mut before) = (BTreeMap::new(), BTreeMap::new());
    let mut latest: Option<Bdf> = None;
    for one in named {
        let last = groups.insert(one.bdf, one);
        let is_next = latest.replace(one.bdf) == Some(one.bdf);
        let is_left = |last: &&Named| {
            one.is_log && last.is_log && (one.group.is_none() || last.group.is_none())
        };
        if last.is_some_and(|last| is_left(&last)) {
            // It left its group in between, as at a regroup.
            if last.is_some_and(|last| last.group != one.group) {
                topology.regrouped.push(one.bdf);
            }
            continue;
        }
        if let Some(last) = last.filter(|last| last.group != one.group) {
            return Err(two_groups(name, one, last.line));
        }
        // A list may name each function twice; a log does not.
        if is_next && !one.is_log {
            continue;
        }
        if part.contains_key(&one.bdf) {
            before.append(&mut part);
        }
        part.insert(one.bdf, one);
    }
    check_parts(name, &before, &part)?;
    if topology.has_capabilities() {
        let all: BTreeSet<Bdf> = groups.keys().copied().collect();
        if let Some((missing, added)) = merge::apart(&all, &topology.functions) {
            let line = groups.get(&missing).map_or(0, |one| one.line);
            let problem = merge::apart_problem(added);
            return Err(Error::at(name, missing, problem, merge::APART).on_line(line));
        }
    }
    topology.regrouped.sort_unstable();
    topology.regrouped.dedup();
    for (&bdf, one) in &groups {
        let found = topology
            .functions
            .iter_mut()
            .find(|function| function.bdf == bdf);
        match found {
            Some(function) if function.iommu_group.is_none() => {
                function.iommu_group = one.group;
                function.group_known = true;
            }
            Some(function) if function.iommu_group == one.group => {}
            Some(_) => return Err(two_groups(name, one, 0)),
            None => topology.functions.push(Function {
                iommu_group: one.group,
                group_known: true,
                ..unknown(bdf)
            }),
        }
    }
    topology.functions.sort_by_key(|function| function.bdf);
    Ok(())
}

/// Checks that two parts of a text that name the same functions can be of one machine: one of them names all functions
/// of the other. A list may name one function again.
fn check_parts(
    name: &str,
    before: &BTreeMap<Bdf, &Named>,
    part: &BTreeMap<Bdf, &Named>,
) -> Result<(), Error> {
    let again = part.iter().filter(|(bdf, _)| before.contains_key(bdf));
    let is_log = again.clone().any(|(_, one)| one.is_log);
    let missing = before.keys().find(|bdf| !part.contains_key(bdf));
    let added = part.iter().find(|(bdf, _)| !before.contains_key(bdf));
    let (Some(missing), Some((added, one)), true) = (missing, added, is_log || again.count() > 1)
    else {
        return Ok(());
    };
    let problem = format!(
        "another list of groups names it, and lacks {missing}: these are two machines, or two boots of one"
    );
    Err(Error::at(name, added, problem, merge::APART).on_line(one.line))
}

/// Adds what a kernel log says of functions that nothing else describes. The last log is that of the last boot.
fn describe(topology: &mut Topology, logged: &[Logged]) {
    let logged: BTreeMap<Bdf, &Logged> = logged.iter().map(|one| (one.bdf, one)).collect();
    for function in &mut topology.functions {
        let is_described = function.vendor.value() != UNKNOWN_VENDOR || function.class.is_some();
        let Some(logged) = logged.get(&function.bdf).filter(|_| !is_described) else {
            continue;
        };
        function.vendor = Hex::id(logged.vendor);
        function.device = Some(Hex::id(logged.device));
        function.class = Some(Hex(logged.class));
        if logged.is_bridge {
            function.header = Header::Bridge;
        }
    }
}

fn two_groups(name: &str, one: &Named, before: usize) -> Error {
    let place = if before == 0 {
        "the function's own lines".to_owned()
    } else {
        format!("line {before}")
    };
    let problem = format!("its IOMMU group differs from that in {place}");
    let remedy = "put each machine, and each state of a machine, into a file of its own";
    Error::at(name, one.bdf, problem, remedy).on_line(one.line)
}

/// Whether a line is a detail that only lspci prints of a function.
pub(crate) fn is_detail_of_lspci(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    recognise::STRONG
        .iter()
        .any(|begin| lower.starts_with(begin))
}

/// Whether a line begins like a detail that lspci prints.
pub(crate) fn is_detail(text: &str) -> bool {
    recognise::is_detail(&text.to_ascii_lowercase())
}

/// Whether a line begins with the address of a function.
pub(crate) fn begins_function(text: &str) -> bool {
    recognise::header(text).is_some()
}

/// A function with a known address and nothing else known.
pub(crate) fn unknown(bdf: Bdf) -> Function {
    Function {
        device: None,
        pcie_known: false,
        acs_known: false,
        group_known: false,
        ..Function::new(bdf, UNKNOWN_VENDOR, 0)
    }
}

/// Derives what follows from several functions: virtual functions, and the kind of the IOMMU.
pub(crate) fn derive(topology: &mut Topology) {
    find_physical(&mut topology.functions);
    topology.iommu = topology
        .iommu
        .take()
        .or_else(|| amd_iommu(&topology.functions));
}

fn function(
    file: &str,
    block: &Block,
    bdf: Bdf,
    is_whole: bool,
    names: &Names,
) -> Result<Function, Error> {
    let fault = |line: usize, problem: String| Error::at(file, bdf, problem, AGAIN).on_line(line);
    let config = Config(&block.dump);
    let (vendor, device) = (config.word(0), config.word(2));
    let by_dump = vendor.zip(device).filter(|(vendor, _)| *vendor != u16::MAX);
    let shown = ids::of_header(&block.header, names);
    let (vendor, device) = match (by_dump, &shown) {
        (Some((vendor, device)), _) => (Some(vendor), Some(device)),
        (None, Some(ids)) => (ids.vendor, ids.device),
        (None, None) => (None, None),
    };
    let mut function = Function::new(bdf, vendor.unwrap_or(UNKNOWN_VENDOR), device.unwrap_or(0));
    function.device = device.map(Hex::id);
    function.iommu_group = block.group;
    if let (None, Some(ids)) = (by_dump, &shown) {
        function.id_from_name = ids.by_name && ids.vendor.is_some();
        function.device_candidates.clone_from(&ids.candidates);
    }
    function.class = shown.as_ref().and_then(|ids| ids.class);
    function.revision = shown.as_ref().and_then(|ids| ids.revision);
    details::read(&mut function, block).map_err(|(line, problem)| fault(line, problem))?;
    if block.dump.len() >= 64 {
        dump(&mut function, block, is_whole);
    }
    if let (Some(heading), Some(own)) = (block.group, function.iommu_group) {
        if heading != own {
            let problem = format!("it is below group {heading}, and its own lines say {own}");
            return Err(fault(block.line, problem));
        }
    }
    Ok(function)
}

/// Adds the contents of a hex dump, which take precedence over the text.
fn dump(function: &mut Function, block: &Block, is_whole: bool) {
    let by_text = function.clone();
    let config = Config(&block.dump);
    sysfs::registers(function, &config);
    if function.unreadable {
        return;
    }
    function.revision = config.byte(0x08).map(|revision| Hex(revision.into()));
    function.class = config.dword(0x08).map(|dword| Hex(dword >> 8));
    if function.header == Header::Endpoint {
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
