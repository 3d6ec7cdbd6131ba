// SPDX-License-Identifier: GPL-2.0-only

//! Registers in configuration space: what must stand there, and what the kernel writes there.

use isolation::condition::{Condition, Place};
use toml::Spanned;

use super::{digits, evidence::filled, not_of_form, prose};
use crate::{
    finding::Notes,
    format,
    quirk::Status,
    register::{Precondition, Register, Write, Written},
    rule::Rule,
};

/// Where the header ends and the registers of the device begin.
const HEADER: u16 = 0x40;
/// Extended capability id of ACS.
const ACS: u16 = 0x000d;

/// Reads the `[[condition]]` sections; what is wrong is left out, with a finding.
pub(super) fn conditions(
    sections: &[Spanned<format::Register>],
    notes: &mut Notes<'_>,
) -> Vec<Precondition> {
    if let Some(one) = sections.get(Condition::MAX) {
        notes.add(
            Rule::ConditionMany,
            &one.span(),
            "condition",
            format!("there are {} conditions", sections.len()),
            format!("the module looks at {} at most", Condition::MAX),
        );
    }
    let each = sections.iter().filter_map(|section| {
        let section = section.get_ref();
        filled(section.about.as_ref(), "condition.about", notes);
        let register = register(section, "condition", notes);
        let register = register?;
        let value = section.value.as_ref()?;
        let bits = within(value, &register, "condition", notes)?;
        if bits == u32::MAX {
            let problem = format!(
                "{} is also what an absent function reads as",
                value.get_ref()
            );
            let help = "leave out of mask and value what the statement does not depend on";
            notes.add(
                Rule::RegisterBits,
                &value.span(),
                "condition.value",
                problem,
                help,
            );
        }
        Some(Precondition {
            register,
            value: bits,
            about: prose(section.about.as_ref())?,
        })
    });
    each.collect()
}

/// Reads the `[[program]]` sections, which others than mainline entries must not have.
pub(super) fn program(
    sections: &[Spanned<format::Register>],
    status: Option<Status>,
    notes: &mut Notes<'_>,
) -> Vec<Write> {
    if let Some(first) = sections.first() {
        if status.is_some_and(|status| status != Status::Mainline) {
            notes.add(
                Rule::ProgramMainline,
                &first.span(),
                "program",
                "only mainline entries tell what the kernel writes",
                "the module writes nothing into configuration space: state the bits as a \
                 [[condition]], to be set by firmware or a driver",
            );
        }
    }
    let each = sections.iter().filter_map(|section| {
        let section = section.get_ref();
        filled(section.about.as_ref(), "program.about", notes);
        let register = register(section, "program", notes)?;
        let value = section.value.as_ref()?;
        let value = if value.get_ref() == Written::AS_CAPABLE {
            if register.at != Place::Extended(ACS) {
                let problem = "as-capable is of the ACS capability, and this is another place";
                let help = "write the bits, or at = \"extended:000d\"";
                let span = value.span();
                notes.add(Rule::RegisterPlace, &span, "program.value", problem, help);
                return None;
            }
            Written::AsCapable
        } else {
            Written::Bits(within(value, &register, "program", notes)?)
        };
        Some(Write {
            register,
            value,
            about: prose(section.about.as_ref())?,
        })
    });
    each.collect()
}

/// Reads where the register is and which bits of it matter.
fn register(section: &format::Register, heading: &str, notes: &mut Notes<'_>) -> Option<Register> {
    let at = section.at.as_ref().and_then(|value| {
        let at = place(value.get_ref());
        if at.is_none() {
            let help = "write \"config\", or a capability by its id, as \"capability:10\" or \
                        \"extended:000b\"";
            not_of_form(value, &format!("{heading}.at"), help, notes);
        }
        at
    });
    let width = section.width.as_ref().and_then(|value| {
        let found = Register::WIDTHS
            .into_iter()
            .find(|&width| i64::from(width) == *value.get_ref());
        if found.is_none() {
            let problem = format!("{} is no width", value.get_ref());
            let field = format!("{heading}.width");
            notes.add(
                Rule::ValueUnknown,
                &value.span(),
                &field,
                problem,
                "use one of: 8, 16, 32",
            );
        }
        found
    });
    let offset = section
        .offset
        .as_ref()
        .and_then(|value| offset(value, at?, width?, heading, notes));
    if let (Some(Place::Config), Some(..HEADER), Some(value)) = (at, offset, &section.offset) {
        let problem = format!("0x{:02x} is in the header", value.get_ref());
        let help = "limit class, revisions and subsystems by their keys; what else is there, the \
                    system writes, and it says nothing on the silicon";
        let field = format!("{heading}.offset");
        notes.add(Rule::RegisterHeader, &value.span(), &field, problem, help);
    }
    let mask = section.mask.as_ref().and_then(|value| {
        let mask = bits(value, width?, &format!("{heading}.mask"), notes)?;
        if mask == 0 {
            let help = "name the bits that matter";
            let field = format!("{heading}.mask");
            notes.add(Rule::RegisterBits, &value.span(), &field, "no bit", help);
            return None;
        }
        Some(mask)
    });
    Some(Register {
        at: at?,
        offset: offset?,
        width: width?,
        mask: mask?,
    })
}

fn place(text: &str) -> Option<Place> {
    if text == "config" {
        return Some(Place::Config);
    }
    match text.split_once(':')? {
        ("capability", id) => Some(Place::Capability(u8::try_from(digits(id, 2)?).ok()?)),
        ("extended", id) => Some(Place::Extended(u16::try_from(digits(id, 4)?).ok()?)),
        _ => None,
    }
}

/// The offset, if it is aligned and the register within the space.
fn offset(
    value: &Spanned<i64>,
    at: Place,
    width: u8,
    heading: &str,
    notes: &mut Notes<'_>,
) -> Option<u16> {
    let bytes = u16::from(width / 8);
    let last = at.size() - bytes;
    let found = u16::try_from(*value.get_ref()).ok();
    let found = found.filter(|&offset| offset <= last && offset % bytes == 0);
    if found.is_none() {
        notes.add(
            Rule::RegisterPlace,
            &value.span(),
            &format!("{heading}.offset"),
            format!(
                "{} is no place for {width} bits from {at} on",
                value.get_ref()
            ),
            format!("use a multiple of {bytes} from 0 to {last} (0x{last:x})"),
        );
    }
    found
}

/// Bits of a register, if they are written with all its digits.
fn bits(value: &Spanned<String>, width: u8, field: &str, notes: &mut Notes<'_>) -> Option<u32> {
    let text = value.get_ref();
    let count = usize::from(width / 4);
    let found = text.strip_prefix("0x").and_then(|rest| digits(rest, count));
    if found.is_none() {
        let help = format!(
            "write 0x and {count} lowercase hexadecimal digits, for the width is {width} bits"
        );
        not_of_form(value, field, &help, notes);
    }
    found
}

/// The value, if it has no bit beside the mask.
fn within(
    value: &Spanned<String>,
    register: &Register,
    heading: &str,
    notes: &mut Notes<'_>,
) -> Option<u32> {
    let field = format!("{heading}.value");
    let found = bits(value, register.width, &field, notes)?;
    if found & !register.mask != 0 {
        let mask = register.bits(register.mask);
        let problem = format!("{} has bits beside the mask {mask}", value.get_ref());
        let help = "take them out, or into the mask";
        notes.add(Rule::RegisterBits, &value.span(), &field, problem, help);
        return None;
    }
    Some(found)
}
