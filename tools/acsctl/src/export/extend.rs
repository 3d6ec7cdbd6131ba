// SPDX-License-Identifier: GPL-2.0-only

//! More devices in the switch of a handler which the kernel has.

use std::ops::Range;

use isolation::acs::AcsFlags;

use super::{
    claim::Claim,
    code::Code,
    error::Error,
    handler::{call, case, range},
    known::{Listed, flags, labels},
    place::Edit,
    prose,
};
use crate::quirk::Ids;

/// The labels of a switch that share an answer.
struct Group {
    labels: Vec<Listed>,
    grants: AcsFlags,
}

/// Finds what to change for the devices of an entry to be in the handler `name`.
///
/// # Errors
///
/// [`Error::Unexpected`] when the handler has no switch on the device id, or one of a form that is
/// not known; [`Error::Inexpressible`] for an entry on every device of the vendor.
pub(super) fn edits(claim: &Claim<'_>, code: &Code, name: &str) -> Result<Vec<Edit>, Error> {
    if claim.quirk.ids().any(Ids::is_any) {
        return Err(claim.inexpressible(format!(
            "{name}() lists devices, and the entry speaks for every device of the vendor"
        )));
    }
    let body = switch(code, name)?;
    let groups = groups(code, body.clone(), name)?;
    let indent = groups
        .first()
        .and_then(|group| group.labels.first())
        .map(|label| &code.text[code.line_start(label.at)..label.at])
        .filter(|indent| indent.trim().is_empty())
        .unwrap_or("\t");

    let same = groups.iter().find(|group| group.grants == claim.quirk.acs);
    let (widened, new) = match same {
        Some(group) => widen(claim, code, group),
        None => (Vec::new(), claim.quirk.ids().collect()),
    };
    let mut comment = String::new();
    for excluded in claim.excluded(None) {
        comment += &prose::short_comment(indent, &excluded);
    }
    let mut edits = widened;
    if !new.is_empty() {
        let mut text = prose::short_comment(indent, claim.name);
        text.extend(new.into_iter().map(|ids| format!("{indent}{}", case(ids))));
        let beside = same.and_then(|group| group.labels.last());
        let at = if let Some(label) = beside {
            code.next_line(label.at)
        } else {
            let start = format!("{indent}\treturn ");
            let answer = call(&start, &format!("{indent}\t\t"), claim.quirk.acs);
            text.extend([start, answer, ";\n".to_owned()]);
            code.line_start(body.end)
        };
        edits.push(Edit { at: at..at, text });
    }
    if let Some(first) = edits
        .iter()
        .map(|edit| code.line_start(edit.at.start))
        .min()
    {
        edits.insert(
            0,
            Edit {
                at: first..first,
                text: comment,
            },
        );
    }
    Ok(edits)
}

/// Widens the ranges that end where devices of the entry begin, or the other way round, and that
/// no comment says more of. Returns the changes, and the devices that no such range is beside.
fn widen<'a>(claim: &Claim<'a>, code: &Code, group: &Group) -> (Vec<Edit>, Vec<&'a Ids>) {
    let mut spans: Vec<_> = group
        .labels
        .iter()
        .map(|label| (label, label.first, label.last))
        .filter(|(label, ..)| is_alone(code, label))
        .collect();
    let mut new = Vec::new();
    for ids in claim.quirk.ids() {
        let beside = spans.iter_mut().find(|(_, first, last)| {
            last.checked_add(1) == Some(ids.first) || ids.last.checked_add(1) == Some(*first)
        });
        match beside {
            Some((_, first, last)) => {
                *first = ids.first.min(*first);
                *last = ids.last.max(*last);
            }
            None => new.push(ids),
        }
    }
    let changed = spans
        .into_iter()
        .filter(|(label, first, last)| (label.first, label.last) != (*first, *last));
    let edits = changed.map(|(label, first, last)| Edit {
        at: label.at..label.at + code.mask[label.at..].find(':').unwrap_or_default(),
        text: format!("case {}", range(first, last)),
    });
    (edits.collect(), new)
}

/// Whether a label has its line for itself.
fn is_alone(code: &Code, label: &Listed) -> bool {
    let line = code.text[code.line_start(label.at)..code.next_line(label.at)].trim();
    line.starts_with("case") && line.find(':') == Some(line.len() - 1)
}

/// What is between the braces of the handler's `switch (dev->device)`.
fn switch(code: &Code, name: &str) -> Result<Range<usize>, Error> {
    let function = code.function(name).ok_or_else(|| {
        code.unexpected(format!(
            "looked for the definition of {name}() and did not find it"
        ))
    })?;
    let mut switches = code.words("switch", function.body).filter_map(|at| {
        let open = code.follows(at + "switch".len(), '(')?;
        let close = code.close(open)?;
        let value = code.mask[open + 1..close].trim();
        let start = code
            .follows(close + 1, '{')
            .filter(|_| value == "dev->device")?;
        Some(start + 1..code.close(start)?)
    });
    switches.next().ok_or_else(|| {
        code.unexpected(format!(
            "looked for \"switch (dev->device) {{\" in {name}() and did not find it"
        ))
    })
}

/// The labels of a switch by the statement that follows them.
fn groups(code: &Code, body: Range<usize>, name: &str) -> Result<Vec<Group>, Error> {
    let mut groups = Vec::new();
    let mut at = body.start;
    // Each group is one return statement with its labels before it, and nothing else.
    while let Some(end) = code.mask[at..body.end].find(';').map(|found| at + found) {
        let unclear = || {
            code.unexpected(format!(
                "looked for case labels, and below them \"return pci_acs_ctrl_enabled(...);\", in \
                 the switch of {name}(), and line {} is something else",
                code.line(end)
            ))
        };
        let statement = code.words("return", at..end).next().ok_or_else(unclear)?;
        let answers = code.words("pci_acs_ctrl_enabled", statement..end).next();
        let labels = labels(code, at..statement);
        let colons = code.mask[at..statement].matches(':').count();
        let same_line = |label: &Listed| code.next_line(label.at) > statement;
        if answers.is_none()
            || labels.is_empty()
            || labels.len() != colons
            || labels.iter().any(same_line)
        {
            return Err(unclear());
        }
        groups.push(Group {
            labels,
            grants: flags(code, statement..end),
        });
        at = end + 1;
    }
    Ok(groups)
}
