// SPDX-License-Identifier: GPL-2.0-only

//! Checks registers in configuration space: the required values, and the kernel's writes.

use std::ops::Range;

use rules::condition::{Condition, Place};
use toml::Spanned;

use super::{not_of_form, prose, settled, spoken};
use crate::{
    entry::Status,
    finding::Notes,
    format, notation,
    register::{Precondition, Register, Write, Written},
    rule::Rule,
};

/// The end of the configuration header; capabilities start here.
const HEADER: u16 = 0x40;
/// Extended capability id of ACS.
const ACS: u16 = 0x000d;

/// Reads the `[[condition]]` sections. An invalid one is dropped with a finding.
pub(super) fn conditions(
    sections: &[Spanned<format::Register>],
    status: Option<Status>,
    statement: Option<&str>,
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
    let mut seen: Vec<(Condition, usize)> = Vec::new();
    let each = sections.iter().filter_map(|section| {
        let place = section.span();
        let section = section.get_ref();
        let register = register(section, "condition", notes)?;
        if let Some(mask) = &section.mask {
            lasts(
                &register,
                status,
                statement.unwrap_or_default(),
                mask,
                notes,
            );
        }
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
        let found = Precondition {
            register,
            value: bits,
            about: prose(section.about.as_ref())?,
        };
        once(&found, &place, &mut seen, notes);
        // What the statement says may be about any of several.
        if let ([_], Some(statement), Some(mask)) = (sections, statement, &section.mask) {
            stated(&found, statement, mask, value, notes);
        }
        Some(found)
    });
    each.collect()
}

/// Checks that no bit is in two conditions, also if they read it with different widths.
fn once(
    found: &Precondition,
    place: &Range<usize>,
    seen: &mut Vec<(Condition, usize)>,
    notes: &mut Notes<'_>,
) {
    let dword = found.in_dword();
    let shared = |one: &Condition| {
        let is_same = one.at == dword.at && one.offset == dword.offset;
        if is_same { one.mask & dword.mask } else { 0 }
    };
    let before = seen.iter().find(|(one, _)| shared(one) != 0);
    if let Some((before, line)) = before {
        let excludes = (before.value ^ dword.value) & shared(before) != 0;
        let (problem, help) = if excludes {
            (
                format!(
                    "it and the one in line {line} exclude each other: no function fulfils both"
                ),
                "read each bit once, with the value that the statement says",
            )
        } else {
            (
                format!("some of its bits are in the one in line {line} too"),
                "name each bit once",
            )
        };
        notes.add(Rule::ConditionTwice, place, "condition", problem, help);
    }
    seen.push((dword, notes.line(place)));
}

/// Checks that the only condition does not ask for other bits than the statement says, or for the opposite of them.
fn stated(
    condition: &Precondition,
    statement: &str,
    mask: &Spanned<String>,
    value: &Spanned<String>,
    notes: &mut Notes<'_>,
) {
    let said = spoken::bits(statement);
    let bits = condition.register.mask;
    // The register of the statement may begin some bytes before or behind that of the condition.
    let is_asked = |number: &u32| (0..4).any(|byte| bits & (1 << (byte * 8 + number % 8)) != 0);
    if let Some(number) = said.numbers.iter().find(|number| !is_asked(number)) {
        let problem =
            format!("the statement speaks of bit {number}, which is not in the mask {bits:#x}");
        let help = "read the bits that the statement names; bit 0 is 0x1";
        notes.add(
            Rule::ConditionStated,
            &mask.span(),
            "condition.mask",
            problem,
            help,
        );
    }
    let is_opposite = match said.are_set {
        Some(true) => condition.value == 0,
        Some(false) => condition.value == bits,
        None => false,
    };
    if is_opposite {
        let (stated, asked) = if condition.value == 0 {
            ("set", "clear")
        } else {
            ("clear", "set")
        };
        let problem = format!(
            "the statement says that the bits are {stated}, and the condition asks that they are {asked}"
        );
        let help = "ask for the value at which the functions are isolated, as the statement says";
        notes.add(
            Rule::ConditionStated,
            &value.span(),
            "condition.value",
            problem,
            help,
        );
    }
}

/// Checks that the bits of a condition never change, or that the statement names their register.
/// The module reads the register once, when the group is created, and gets no notice of a later
/// change. For a register that only the vendor can know, the statement of a `validated` entry must
/// name it. A mainline entry needs no statement, because the merged change is the statement. A
/// rejected or withdrawn entry claims nothing.
fn lasts(
    register: &Register,
    status: Option<Status>,
    statement: &str,
    mask: &Spanned<String>,
    notes: &mut Notes<'_>,
) {
    if status.is_none_or(|status| status == Status::Mainline || status.is_negative()) {
        return;
    }
    // A register in the configuration header has its own rule and finding.
    if register.at == Place::Config && register.offset < HEADER {
        return;
    }
    let field = "condition.mask";
    let bits = settled::bits(register);
    if bits.in_header {
        let problem = "some of these bits are the id of the capability, or where the next one is";
        let help = "take them out: the id is what the capability is found by, and where the next \
                    one is says nothing on the silicon";
        notes.add(Rule::RegisterHeader, &mask.span(), field, problem, help);
    }
    let first = register.offset + u16::try_from(register.mask.trailing_zeros() / 8).unwrap_or(0);
    let at = register.at;
    for (capability, standard) in bits.change {
        let offsets = [register.offset, standard.offset, first];
        if spoken::by_name(statement, standard) || spoken::by_offset(statement, at, &offsets) {
            continue;
        }
        let name = standard.name;
        let problem = format!(
            "these bits of {name} can change while the system runs ({}, section {} of the PCI \
             Express Base Specification)",
            capability.name, capability.section
        );
        let help = format!(
            "ask for bits that are read-only; or let the statement say what they must be and who \
             keeps them so, and name the register in it: \"{name}\", or \"{at} + {:#04x}\"",
            standard.offset
        );
        notes.add(Rule::ConditionChanges, &mask.span(), field, problem, help);
    }
    let needs_word = status == Some(Status::Validated) || !settled::is_vendors_own(at);
    if bits.unlisted && needs_word && !spoken::by_offset(statement, at, &[register.offset, first]) {
        let what = if settled::is_vendors_own(at) {
            "only the vendor can know whether these bits keep their value"
        } else {
            "these bits are in no register that is known to keep its value"
        };
        let problem = format!("{what}, and the statement does not speak of them");
        let help = format!(
            "let the statement say what they must be, and name the register in it: \"{at} + \
             {:#04x}\"",
            register.offset
        );
        notes.add(Rule::ConditionChanges, &mask.span(), field, problem, help);
    }
}

/// Reads the `[[program]]` sections. Only mainline entries may have them.
pub(super) fn program(
    sections: &[Spanned<format::Register>],
    is_of_kernel: bool,
    notes: &mut Notes<'_>,
) -> Vec<Write> {
    if let Some(first) = sections.first() {
        if !is_of_kernel {
            notes.add(
                Rule::KeyUnneeded,
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

/// Reads the position of the register and its compared bits.
fn register(section: &format::Register, heading: &str, notes: &mut Notes<'_>) -> Option<Register> {
    let at = section.at.as_ref().and_then(|value| {
        let at = notation::place(value.get_ref());
        if at.is_none() {
            let help = notation::corrected_place(value.get_ref()).map_or_else(
                || {
                    "write \"config\", or a capability by its id, as \"capability:10\" or \
                     \"extended:000b\""
                        .to_owned()
                },
                |text| format!("write \"{text}\", if that is meant"),
            );
            not_of_form(value, &format!("{heading}.at"), &help, notes);
        }
        at.filter(|&at| has_registers(at, value, heading, notes))
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
            let problem = format!("{} has no bit", value.get_ref());
            notes.add(Rule::RegisterBits, &value.span(), &field, problem, help);
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

/// Whether the capability id can have registers. Some ids mark an absent capability or the end of
/// the list.
fn has_registers(at: Place, value: &Spanned<String>, heading: &str, notes: &mut Notes<'_>) -> bool {
    let is_none = matches!(
        at,
        Place::Capability(0x00 | 0xff) | Place::Extended(0x0000 | 0xffff)
    );
    if is_none {
        let problem = format!(
            "{at} is no capability: this id marks an absent capability or the end of the list"
        );
        let help = "name the capability that the register is in";
        let field = format!("{heading}.at");
        notes.add(Rule::RegisterPlace, &value.span(), &field, problem, help);
    }
    !is_none
}

/// The offset, if it is aligned and the register lies within the space.
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

/// Reads the bits of a register, written with all digits of its width.
fn bits(value: &Spanned<String>, width: u8, field: &str, notes: &mut Notes<'_>) -> Option<u32> {
    let found = notation::bits(value.get_ref(), width);
    if found.is_none() {
        let count = width / 4;
        let help = format!(
            "write 0x and {count} lowercase hexadecimal digits, for the width is {width} bits"
        );
        not_of_form(value, field, &help, notes);
    }
    found
}

/// The value, if it has no bit outside the mask.
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
