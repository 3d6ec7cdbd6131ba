// SPDX-License-Identifier: GPL-2.0-only

//! Reads the detail lines of a function.

use rules::{acs::AcsFlags, pcie::PcieType};

use super::{found::Block, lines::CUT};
use crate::{Acs, Function, Header, Hex, Port, Sriov, Subsystem, hex, text::quoted};

/// The ACS flags by the names that lspci uses, in register order.
const FLAGS: [(&str, AcsFlags); 7] = [
    ("SrcValid", AcsFlags::SV),
    ("TransBlk", AcsFlags::TB),
    ("ReqRedir", AcsFlags::RR),
    ("CmpltRedir", AcsFlags::CR),
    ("UpstreamFwd", AcsFlags::UF),
    ("EgressCtrl", AcsFlags::EC),
    ("DirectTrans", AcsFlags::DT),
];

/// A fault of a line: its number, and what is wrong.
pub(super) type Fault = (usize, String);

/// Fills in what the lines contain. Without lines, nothing is known.
///
/// # Errors
///
/// The fault of a line that would change the result, and of a line that no function has twice: it
/// belongs to another function whose first line is missing.
pub(super) fn read(function: &mut Function, block: &Block) -> Result<(), Fault> {
    let begins = |line: &(usize, String)| {
        let begins = ["control:", "flags:", "capabilities:"];
        begins.iter().any(|begin| line.1.starts_with(begin))
    };
    let has_details = block.lines.iter().any(begins);
    function.pcie_known = has_details;
    function.acs_known = has_details;
    let mut seen = Seen::default();
    for (at, (number, line)) in block.lines.iter().enumerate() {
        let fault = |problem: String| (*number, problem);
        // A broken line may continue on the next one.
        let whole = || {
            let lines = block.lines[at..].iter().take(4);
            let lines: Vec<_> = lines.map(|(_, line)| line.as_str()).collect();
            lines.join(" ")
        };
        if let Some(rest) = line.strip_prefix("subsystem: ") {
            function.subsystem = ids(rest).or(function.subsystem);
        } else if let Some(rest) = line.strip_prefix("bus: ") {
            seen.once(Part::Details, "Bus:", *number)?;
            buses(function, rest).map_err(fault)?;
        } else if let Some(rest) = line.strip_prefix("iommu group") {
            seen.once(Part::Details, "IOMMU group", *number)?;
            function.iommu_group = Some(group(rest).map_err(fault)?);
        } else if let Some(rest) = line.strip_prefix("flags: ") {
            // Capabilities have flags, too: "Flags: PMEClk- DSI-".
            if rest.contains("devsel") {
                seen.once(Part::Command, "Flags:", *number)?;
            }
            if let Some((_, rest)) = rest.split_once("iommu group") {
                seen.once(Part::Details, "IOMMU group", *number)?;
                function.iommu_group = Some(group(rest).map_err(fault)?);
            }
        } else if line.starts_with("control: i/o") {
            seen.once(Part::Command, "Control:", *number)?;
        } else if line.starts_with("!!! unknown header type 7f") {
            function.unreadable = true;
        } else if let Some(rest) = line.strip_prefix("capabilities:") {
            seen.part(Part::Details, *number)?;
            capability(function, rest.trim_start(), &whole, &mut seen, *number)?;
        } else if line.starts_with("acscap:") {
            seen.once(Part::Details, "ACSCap:", *number)?;
            let acs = function.acs.get_or_insert(NOT_SHOWN);
            acs.cap = Some(flags(&whole(), "acscap:").map_err(fault)?);
        } else if line.starts_with("acsctl:") {
            seen.once(Part::Details, "ACSCtl:", *number)?;
            let acs = function.acs.get_or_insert(NOT_SHOWN);
            acs.ctl = Some(flags(&whole(), "acsctl:").map_err(fault)?);
        } else if line.starts_with("initial vfs:") || line.starts_with("vf offset:") {
            sriov(function, &whole());
        } else if line.starts_with("kernel driver") {
            seen.once(Part::Kernel, "Kernel driver in use", *number)?;
        } else if line.starts_with("kernel modules") {
            seen.once(Part::Kernel, "Kernel modules", *number)?;
        }
    }
    // What was left out may have been a capability.
    if block.lines.iter().any(|(_, line)| line == CUT) {
        function.pcie_known &= function.pcie_type.is_some();
        function.acs_known &= function.acs.is_some_and(|acs| acs.cap.is_some());
    }
    // A type that lspci does not print is a damaged or translated one.
    let is_damaged = |port: &Port| match port {
        Port::Known(_) => false,
        Port::Unknown(name) => !name.starts_with("unknown type"),
    };
    if function.pcie_type.as_ref().is_some_and(is_damaged) {
        function.pcie_known = false;
    }
    if function.unreadable {
        (function.pcie_known, function.acs_known) = (false, false);
    }
    if !function.pcie_known {
        function.pcie_type = None;
    }
    if !function.acs_known {
        function.acs = None;
    }
    // One register without the other: the line that is missing is lost, with all that was around it.
    if function
        .acs
        .is_some_and(|acs| acs.cap.is_some() != acs.ctl.is_some())
    {
        (function.acs_known, function.acs) = (false, None);
    }
    contradiction(function, block)?;
    // A port whose line with the buses is missing.
    let is_port = function
        .pcie_type
        .as_ref()
        .and_then(Port::kind)
        .is_some_and(|kind| {
            matches!(
                kind,
                PcieType::RootPort | PcieType::UpstreamPort | PcieType::DownstreamPort
            )
        });
    let is_bridge = function.class.is_some_and(|class| class.0 >> 8 == 0x0604);
    // A host bridge of some Xeons has the type of a root port, and no buses.
    let is_port = is_port && function.class.is_none();
    if function.header == Header::Endpoint && (is_port || is_bridge) {
        function.header = Header::Bridge;
    }
    Ok(())
}

/// Checks that the lines can be of one function: its class, its header (which the line with the buses shows), and its PCI
/// Express type agree. A function without a dump has nothing else that shows its registers.
///
/// # Errors
///
/// The fault of the first line that contradicts another.
fn contradiction(function: &Function, block: &Block) -> Result<(), Fault> {
    if !block.dump.is_empty() {
        return Ok(());
    }
    let number_of = |part: &str| {
        let line = block.lines.iter().find(|(_, line)| line.contains(part));
        line.map_or(block.line, |(number, _)| *number)
    };
    let base = function.class.map(|class| class.0 >> 16);
    let has_buses = function.secondary.is_some();
    let fault = |part: &str, shown: &str, contrary: &str| {
        let problem = format!("{shown}, and {contrary}: these lines are of two functions");
        Err((number_of(part), problem))
    };
    // lspci says so if this is true of one function.
    let is_said = block
        .lines
        .iter()
        .any(|(_, line)| line.starts_with("!!! invalid class"));
    if has_buses && base.is_some_and(|base| base != BRIDGES) && !is_said {
        return fault(
            "bus: ",
            "the line has the buses of a bridge",
            "the class is that of no bridge",
        );
    }
    if let Some(primary) = function
        .primary
        .filter(|&bus| bus != 0 && bus != function.bdf.bus)
    {
        let shown = format!("the primary bus is {primary:02x}");
        return fault(
            "bus: ",
            &shown,
            &format!("the function is on bus {:02x}", function.bdf.bus),
        );
    }
    // A control that the capability lacks is hard-wired to 0 (PCI Express Base Specification 6.0, 7.7.11.3).
    let shown = function.acs.and_then(|acs| acs.ctl.zip(acs.cap));
    if shown.is_some_and(|(ctl, cap)| ctl & !cap != 0) {
        return fault("acsctl:", "a control is on", "ACSCap does not have it");
    }
    let Some(kind) = function.pcie_type.as_ref().and_then(Port::kind) else {
        return Ok(());
    };
    let is_endpoint = matches!(
        kind,
        PcieType::Endpoint
            | PcieType::LegacyEndpoint
            | PcieType::RcEndpoint
            | PcieType::RcEventCollector
    );
    if has_buses && is_endpoint {
        return fault(
            "] express",
            "the type is that of an endpoint",
            "the function has the buses of a bridge",
        );
    }
    // The host bridges of some Xeons have the type of a root port, and no buses.
    if !has_buses && !is_endpoint && base.is_some_and(|base| base != BRIDGES) {
        return fault(
            "] express",
            "the type is that of a port",
            "the class is that of no bridge",
        );
    }
    Ok(())
}

/// The base class of bridges (PCI Code and ID Assignment Specification).
const BRIDGES: u32 = 0x06;

/// The parts of a function's lines in the order in which lspci prints them (`show_verbose()` in its `lspci.c`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Command,
    /// The group, the buses, and the capabilities.
    Details,
    Kernel,
}

/// The lines that were read of a function: those that it has once with their numbers, and the last one's part.
#[derive(Default)]
struct Seen {
    once: Vec<(&'static str, usize)>,
    last: Option<(Part, usize)>,
}

impl Seen {
    fn part(&mut self, part: Part, number: usize) -> Result<(), Fault> {
        if let Some((_, last)) = self.last.filter(|(last, _)| part < *last) {
            let problem = format!(
                "lspci prints this line before line {last}: one of the two belongs to another function, whose first line \
                 is missing"
            );
            return Err((number, problem));
        }
        self.last = Some((part, number));
        Ok(())
    }

    fn once(&mut self, part: Part, what: &'static str, number: usize) -> Result<(), Fault> {
        if let Some((_, first)) = self.once.iter().find(|(found, _)| *found == what) {
            let problem = format!(
                "\"{what}\" comes a second time, first in line {first}: this line belongs to a function \
                 whose first line is missing"
            );
            return Err((number, problem));
        }
        self.once.push((what, number));
        self.part(part, number)
    }
}

/// A capability without shown registers, as in the output of `lspci -v`.
const NOT_SHOWN: Acs = Acs {
    cap: None,
    ctl: None,
    dword8: None,
};

/// Reads the number in `: 2`, ` 2` or `: 2, ...`.
fn group(text: &str) -> Result<u32, String> {
    let text = text.trim_start_matches([':', ' ']);
    let end = text.find([',', ' ']).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    // A line that was joined may have the rest of the number.
    let is_whole = !rest.trim_start().starts_with(|c: char| c.is_ascii_digit());
    let number = number.parse().ok().filter(|_| is_whole);
    number.ok_or_else(|| format!("{} is not the number of an IOMMU group", quoted(text)))
}

fn capability(
    function: &mut Function,
    text: &str,
    whole: &impl Fn() -> String,
    seen: &mut Seen,
    number: usize,
) -> Result<(), Fault> {
    if text.is_empty() || text.starts_with("<access denied>") {
        (function.pcie_known, function.acs_known) = (false, false);
        return Ok(());
    }
    // `[40] Express (v2) Root Port (Slot+), MSI 00`
    let Some((_, text)) = text.split_once("] ") else {
        return Ok(());
    };
    if text.starts_with("access control services") {
        seen.once(Part::Details, "Access Control Services", number)?;
        function.acs.get_or_insert(NOT_SHOWN);
    } else if let Some(rest) = text.strip_prefix("express") {
        seen.once(Part::Details, "Express", number)?;
        express(function, rest.trim_start());
        if !matches!(function.pcie_type, Some(Port::Known(_))) {
            // The line may be broken inside of the name.
            let mut again = function.clone();
            let all = whole();
            if let Some((_, rest)) = all.split_once("] express") {
                express(&mut again, rest.trim_start());
            }
            if matches!(again.pcie_type, Some(Port::Known(_))) {
                *function = again;
            }
        }
    }
    Ok(())
}

fn express(function: &mut Function, rest: &str) {
    let (version, rest) = match rest
        .strip_prefix("(v")
        .and_then(|rest| rest.split_once(')'))
    {
        Some((version, rest)) => (version.parse().ok(), rest.trim_start()),
        None => (None, rest),
    };
    function.pcie_version = version;
    let end = rest.find([',', '(']).unwrap_or(rest.len());
    let kind = rest[..end].trim();
    let kind = kind.strip_suffix(" msi").unwrap_or(kind);
    function.pcie_type = Some(Port::shown(kind));
    if rest.contains("(slot+)") {
        function.slot = Some(true);
    } else if rest.contains("(slot-)") {
        function.slot = Some(false);
    }
}

/// Reads all flags of a line: `SrcValid+ TransBlk- ...`
fn flags(text: &str, name: &str) -> Result<u16, String> {
    let text = text.strip_prefix(name).unwrap_or(text);
    let words: Vec<_> = text.split_whitespace().take(FLAGS.len()).collect();
    let mut bits = 0;
    for (at, (flag, bit)) in FLAGS.iter().enumerate() {
        let flag_lower = flag.to_ascii_lowercase();
        let shown = words
            .get(at)
            .and_then(|word| word.strip_prefix(flag_lower.as_str()));
        match shown {
            Some("+") => bits |= bit.bits(),
            Some("-") => {}
            _ => {
                let name = if name == "acscap:" {
                    "ACSCap:"
                } else {
                    "ACSCtl:"
                };
                return Err(format!("{name} does not say whether {flag} is there"));
            }
        }
    }
    Ok(bits)
}

/// Reads `primary=00, secondary=01, subordinate=05, sec-latency=0`.
fn buses(function: &mut Function, text: &str) -> Result<(), String> {
    let number = |key: &str| -> Result<u8, String> {
        let rest = text.split_once(key).map(|(_, rest)| rest);
        let digits = rest.and_then(|rest| rest.get(..2));
        let value = digits.and_then(|digits| hex::parse(digits, 2));
        let value = value.and_then(|value| u8::try_from(value).ok());
        value.ok_or_else(|| format!("{} does not tell {key}", quoted(text)))
    };
    // A CardBus bridge has the same line; its class distinguishes it.
    let is_cardbus = function.class.is_some_and(|class| class.0 >> 8 == 0x0607);
    function.header = if is_cardbus {
        Header::Cardbus
    } else {
        Header::Bridge
    };
    function.primary = Some(number("primary=")?);
    function.secondary = Some(number("secondary=")?);
    function.subordinate = Some(number("subordinate=")?);
    Ok(())
}

/// Reads `Initial VFs: 8, Total VFs: 8, Number of VFs: 2, ...` and `VF offset: 128, stride: 2,
/// Device ID: 1520`.
fn sriov(function: &mut Function, text: &str) {
    let after = |key: &str| text.split_once(key).map(|(_, rest)| rest.trim_start());
    let number = |key: &str| -> Option<u16> {
        let rest = after(key)?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..end].parse().ok()
    };
    let (total, count) = (number("total vfs:"), number("number of vfs:"));
    let (offset, stride) = (number("vf offset:"), number("stride:"));
    let device = after("device id:").and_then(|rest| hex::parse(rest.get(..4)?, 4));
    if let (Some(total_vfs), Some(num_vfs), Some(offset), Some(stride), Some(device)) =
        (total, count, offset, stride, device)
    {
        function.sriov = Some(Sriov {
            total_vfs,
            num_vfs,
            offset,
            stride,
            vf_device: Hex(device),
        });
    }
}

/// Reads the ids at the end of a line: `... [1043:8712]`, or `1043:8712` alone.
fn ids(text: &str) -> Option<Subsystem> {
    let text = text.trim_end();
    let text = match text.rfind('[') {
        Some(at) => text[at + 1..].split(']').next()?,
        None => text,
    };
    Subsystem::try_from(text.to_owned()).ok()
}
