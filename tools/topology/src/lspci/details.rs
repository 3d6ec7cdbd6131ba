// SPDX-License-Identifier: GPL-2.0-only

//! Reads the detail lines of a function.

use rules::acs::AcsFlags;

use super::{lines::Block, quoted};
use crate::{Acs, Function, Header, Hex, Port, Sriov, Subsystem, hex};

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

/// Fills in what the lines contain. Without lines, nothing is known.
///
/// # Errors
///
/// The fault of a line that would change the result.
pub(super) fn read(function: &mut Function, block: &Block<'_>) -> Result<(), String> {
    let has_details = block.lines.iter().any(|line| {
        line.starts_with("Control:")
            || line.starts_with("Flags:")
            || line.starts_with("Capabilities:")
    });
    function.pcie_known = has_details;
    function.acs_known = has_details;
    for (at, line) in block.lines.iter().enumerate() {
        // A broken line may continue on the next one.
        let whole = || {
            block.lines[at..]
                .iter()
                .take(4)
                .copied()
                .collect::<Vec<_>>()
                .join(" ")
        };
        if let Some(rest) = line.strip_prefix("Subsystem: ") {
            function.subsystem = ids(rest).or(function.subsystem);
        } else if let Some(rest) = line.strip_prefix("Bus: ") {
            buses(function, rest)?;
        } else if let Some(group) = line.strip_prefix("IOMMU group: ") {
            let number = group.trim().parse();
            let wrong = |_| format!("{} is not the number of an IOMMU group", quoted(group));
            function.iommu_group = Some(number.map_err(wrong)?);
        } else if line.starts_with("!!! Unknown header type 7f") {
            function.unreadable = true;
        } else if let Some(rest) = line.strip_prefix("Capabilities: ") {
            capability(function, rest);
        } else if line.starts_with("ACSCap:") {
            let acs = function.acs.get_or_insert(NOT_SHOWN);
            acs.cap = Some(flags(&whole(), "ACSCap:")?);
        } else if line.starts_with("ACSCtl:") {
            let acs = function.acs.get_or_insert(NOT_SHOWN);
            acs.ctl = Some(flags(&whole(), "ACSCtl:")?);
        } else if line.starts_with("Initial VFs:") || line.starts_with("VF offset:") {
            sriov(function, &whole());
        }
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
    if let Some(acs) = &mut function.acs {
        // One register without the other is not enough.
        if acs.cap.is_none() || acs.ctl.is_none() {
            *acs = NOT_SHOWN;
        }
    }
    Ok(())
}

/// A capability without shown registers, as in the output of `lspci -v`.
const NOT_SHOWN: Acs = Acs {
    cap: None,
    ctl: None,
    dword8: None,
};

fn capability(function: &mut Function, text: &str) {
    if text.starts_with("<access denied>") {
        (function.pcie_known, function.acs_known) = (false, false);
        return;
    }
    // `[40] Express (v2) Root Port (Slot+), MSI 00`
    let Some((_, text)) = text.split_once("] ") else {
        return;
    };
    if text.starts_with("Access Control Services") {
        function.acs.get_or_insert(NOT_SHOWN);
    } else if let Some(rest) = text.strip_prefix("Express ") {
        let (version, rest) = match rest
            .strip_prefix("(v")
            .and_then(|rest| rest.split_once(") "))
        {
            Some((version, rest)) => (version.parse().ok(), rest),
            None => (None, rest),
        };
        function.pcie_version = version;
        let end = rest.find([',', '(']).unwrap_or(rest.len());
        let kind = rest[..end].trim();
        let kind = kind.strip_suffix(" MSI").unwrap_or(kind);
        let port = Port::try_from(kind.to_owned());
        function.pcie_type = Some(port.unwrap_or_else(|_| Port::Unknown(kind.to_owned())));
        if rest.contains("(Slot+)") {
            function.slot = Some(true);
        } else if rest.contains("(Slot-)") {
            function.slot = Some(false);
        }
    }
}

/// Reads all flags of a line: `SrcValid+ TransBlk- ...`
fn flags(text: &str, name: &str) -> Result<u16, String> {
    let text = text.strip_prefix(name).unwrap_or(text);
    let words: Vec<_> = text.split_whitespace().take(FLAGS.len()).collect();
    let mut bits = 0;
    for (at, (flag, bit)) in FLAGS.iter().enumerate() {
        let shown = words.get(at).and_then(|word| word.strip_prefix(flag));
        match shown {
            Some("+") => bits |= bit.bits(),
            Some("-") => {}
            _ => return Err(format!("{name} does not say whether {flag} is there")),
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
    let (total, count) = (number("Total VFs:"), number("Number of VFs:"));
    let (offset, stride) = (number("VF offset:"), number("stride:"));
    let device = after("Device ID:").and_then(|rest| hex::parse(rest.get(..4)?, 4));
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
