// SPDX-License-Identifier: GPL-2.0-only

//! Writes the file of a drafted entry.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use rules::entry::{CatchAll, Kind};
use serde_json::json;
use topology::{Function, Partition, names::Names};

use super::device::{Device, is_port};
use crate::{export::prose, format::QUESTION, limits::Limits, replay};

/// The width of comments, in columns.
const WIDTH: usize = 100;

/// The section with the groups, for the file of an entry whose capture has the file name `capture`.
pub(super) fn expect(device: &Device, capture: &str) -> String {
    let mut expect = String::new();
    // Writing to a string cannot fail.
    let _ = expectation(&mut expect, device, capture);
    expect
}

/// The text of the file for a new entry of this number, up to the section with the groups.
pub(super) fn page(device: &Device, number: u16, notices: &[String], names: &Names) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut page, device, number, notices, names);
    page
}

fn write(
    page: &mut String,
    device: &Device,
    number: u16,
    notices: &[String],
    names: &Names,
) -> fmt::Result {
    let kinds: Vec<_> = device
        .kinds
        .iter()
        .map(|kind| quoted(kind.name()))
        .collect();
    let kind = match &kinds[..] {
        [kind] => kind.clone(),
        kinds => format!("[{}]", kinds.join(", ")),
    };
    let first = device.functions.first();
    let title = first.and_then(|function| named(names, function));
    let title = title.unwrap_or_else(|| format!("{QUESTION} what is the silicon called?"));
    writeln!(page, "# SPDX-License-Identifier: GPL-2.0-only")?;
    writeln!(page, "#:schema ../schema.json\n")?;
    writeln!(
        page,
        "schema = 1\nnumber = {number}\nname = {}",
        quoted(&title)
    )?;
    writeln!(page, "status = \"validated\"\nkind = {kind}")?;
    let from = match (has_ports(device), has_endpoints(device)) {
        (true, true) => "of each function, and from below each port,",
        (true, false) => "from below each port",
        (false, _) => "of each function",
    };
    writeln!(
        page,
        "# Which flags does the statement cover? {}, if every request and completion\n\
         # {from} goes upstream; the vendor's guide explains each flag.",
        grantable(&device.kinds)
    )?;
    writeln!(page, "acs = []")?;
    if let Some(handler) = device.supersedes {
        let name = CatchAll::name(handler);
        writeln!(
            page,
            "# The kernel's handler says \"not isolated\" of every device that it does not list."
        )?;
        writeln!(page, "supersedes = {}", quoted(name))?;
    }
    for section in device.sections() {
        let ids: Vec<_> = section.ids().iter().map(|ids| quoted(ids)).collect();
        writeln!(
            page,
            "\n[[match]]\nvendor = \"{:04x}\"\ndevices = [{}]",
            section.vendor,
            ids.join(", ")
        )?;
        limits(page, section.limits)?;
        writeln!(
            page,
            "about = {}",
            quoted(&format!("{QUESTION} what are these?"))
        )?;
        writeln!(
            page,
            "# Does it hold for every one with these ids? If not: class, revisions, subsystems."
        )?;
        let functions = section.functions.into_iter();
        let seen: BTreeSet<_> = functions.map(particulars).collect();
        for line in seen {
            writeln!(page, "# Seen: {line}.")?;
        }
    }
    for (bdf, why) in &device.left_out {
        writeln!(page, "# Left out: {bdf}: {why}.")?;
    }
    writeln!(page, "\n# What the maintainers will ask:")?;
    for question in questions(device) {
        for line in prose::wrap(&question, WIDTH, "# - ", "#   ") {
            writeln!(page, "{line}")?;
        }
    }
    evidence(page, device)?;

    for notice in notices {
        writeln!(page)?;
        let notice = prose::sentence(notice);
        for line in prose::wrap(&notice, WIDTH, "# ", "# ") {
            writeln!(page, "{line}")?;
        }
    }
    writeln!(page)
}

/// Writes the section on the evidence, with its questions.
fn evidence(page: &mut String, device: &Device) -> fmt::Result {
    writeln!(page, "[evidence]")?;
    let statement = match (has_ports(device), has_endpoints(device)) {
        (true, true) => {
            "in the vendor's words: can a function, or a device below a port, send requests to another \
             one without passing the IOMMU?"
        }
        (true, false) => {
            "in the vendor's words: does each port forward every request from below upstream, also for a \
             device below the same or another port?"
        }
        (false, _) => {
            "in the vendor's words: can a function send requests to another one of the device without \
             passing the IOMMU?"
        }
    };
    writeln!(
        page,
        "statement = {}",
        quoted(&format!("{QUESTION} {statement}"))
    )?;
    let who = "who states that, and how can a reader verify that they speak for the vendor?";
    writeln!(page, "stated-by = {}", quoted(&format!("{QUESTION} {who}")))?;
    writeln!(page, "# date = the day of the statement, as 2014-11-03")?;
    writeln!(
        page,
        "# At which public addresses can it be read?\nsources = []"
    )
}

/// Writes the section with the groups of the captured machine.
fn expectation(page: &mut String, device: &Device, capture: &str) -> fmt::Result {
    writeln!(page, "[[expect]]\ncapture = {}", quoted(capture))?;
    groups(page, "before", &device.before)?;
    match device.beyond() {
        Some(_) => writeln!(page, "# A function is beyond the limits of the entry.")?,
        None => writeln!(page, "# If the statement covers SV, RR, CR and UF.")?,
    }
    groups(page, "after", &device.after)
}

/// Questions that maintainers ask. An answer in the statement saves a round of mails.
fn questions(device: &Device) -> Vec<String> {
    let mut questions: Vec<String> = Vec::new();
    let mut ask = |question: &str| questions.push(question.to_owned());
    if has_endpoints(device) {
        ask(
            "Can a function reach the registers or memory of another one by an address of its BARs?",
        );
        ask(
            "Is there a switch, bridge, mailbox or loopback between the functions, inside the device?",
        );
    }
    if has_ports(device) {
        ask(
            "Can a request or completion from below one port reach a device below another port, or a \
             function beside the ports, without going upstream (RR, CR)?",
        );
        ask("Does a port turn a request from below around, to a device below the same port (UF)?");
        ask(
            "Does a port pass a request from below whose requester ID does not belong below it (SV)?",
        );
        ask(
            "Can the ports be set up so that they pass traffic to each other, as by partitions or \
             multicast?",
        );
    }
    ask("Is that a property of the silicon, or of a firmware or configuration that may change?");
    ask("Why has the device no ACS capability, and will the next revision have one?");
    let virtual_ids = device.functions.iter().filter_map(|function| {
        let sriov = function.sriov?;
        Some(format!("{}:{}", function.vendor, sriov.vf_device))
    });
    let virtual_ids: BTreeSet<_> = virtual_ids.collect();
    if !virtual_ids.is_empty() {
        let ids: Vec<_> = virtual_ids.into_iter().collect();
        ask(&format!(
            "Does the statement hold for the virtual functions ({}) too: can one of them reach another \
             one, or a physical function, inside the device?",
            ids.join(", ")
        ));
    }
    let kinds: Vec<_> = device.kinds.iter().map(|&kind| noun(kind)).collect();
    ask(&format!(
        "Does the statement name each of the ids above, as {}, and no others?",
        kinds.join(" or ")
    ));
    questions
}

/// The name of a kind in a statement, as the check reads it.
const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::MfEndpoint => "endpoints",
        Kind::RcEndpoint => "root complex integrated endpoints",
        Kind::RootPort => "root ports",
        Kind::DownstreamPort => "downstream ports",
    }
}

fn has_ports(device: &Device) -> bool {
    device.kinds.iter().any(|&kind| is_port(kind))
}

fn has_endpoints(device: &Device) -> bool {
    !device.kinds.iter().all(|&kind| is_port(kind))
}

/// Writes the keys of the limits.
fn limits(page: &mut String, limits: &Limits) -> fmt::Result {
    let keys = serde_json::to_value(limits).unwrap_or_default();
    let keys = keys.as_object().into_iter().flatten();
    // What JSON has here, TOML has too.
    for (key, value) in keys.filter(|(_, value)| !value.is_null() && **value != json!([])) {
        writeln!(page, "{key} = {value}")?;
    }
    Ok(())
}

fn groups(page: &mut String, key: &str, groups: &Partition) -> fmt::Result {
    let shown = replay::shown(groups);
    if shown.len() < 100 {
        return writeln!(page, "{key} = {shown}");
    }
    writeln!(page, "{key} = [")?;
    for group in groups {
        let one = replay::shown(&vec![group.clone()]);
        let one = one.strip_prefix('[').and_then(|one| one.strip_suffix(']'));
        writeln!(page, "    {},", one.unwrap_or_default())?;
    }
    writeln!(page, "]")
}

fn grantable(kinds: &[Kind]) -> String {
    let kinds = kinds.iter().map(|kind| kind.grantable());
    let common = kinds.reduce(rules::acs::AcsFlags::intersection);
    common.map_or_else(String::new, |flags| flags.to_string())
}

/// The properties of a function that a limit could use.
fn particulars(function: &Function) -> String {
    let id = function.device.map_or(0, topology::Hex::value);
    let mut line = format!("{id:04x}");
    if let Some(revision) = function.revision {
        let _ = write!(line, ", revision {:02x}", revision.0);
    }
    if let Some(class) = function.class {
        let _ = write!(line, ", class {:06x}", class.0);
    }
    if let Some(subsystem) = function.subsystem {
        let _ = write!(
            line,
            ", subsystem {:04x}:{:04x}",
            subsystem.vendor, subsystem.device
        );
    }
    line
}

/// The name of a device in pci.ids.
fn named(names: &Names, function: &Function) -> Option<String> {
    let device = names.device(function)?;
    Some(format!(
        "{} {device}",
        names.vendor(function.vendor.value())
    ))
}

/// The text as a JSON string, which is also a valid TOML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
