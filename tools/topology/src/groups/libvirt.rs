// SPDX-License-Identifier: GPL-2.0-only

//! Reads the output of `virsh nodedev-dumpxml`: documents one after another, also between lines of other programs. An
//! element that names a group is read as XML or refused, because a part of it that is lost would be a function that is lost.

use roxmltree::{Document, Node};

use super::{Listed, hex_number, id};
use crate::{Bdf, Error, Hex, bdf, text::Line};

/// The elements that are read, with their ends: a device, and the list of a group without its device.
const ELEMENTS: [(&str, &str); 2] = [("<device>", "</device>"), ("<iommuGroup", "</iommuGroup>")];

/// What only such an element contains.
const PARTS: [&str; 3] = ["<name>pci_", "<iommuGroup", "</iommuGroup"];

const REMEDY: &str = "make it again with \"virsh nodedev-dumpxml\", and copy the whole output";

/// A fault of an element: its place in the element, in bytes, and what is wrong.
type Fault = (usize, String);

/// The functions of the documents in the text; empty if it has none.
///
/// # Errors
///
/// [`Error`] for an element that is no whole XML, or that lacks an address or the number of its group.
pub(crate) fn libvirt(name: &str, lines: &[Line]) -> Result<Vec<Listed>, Error> {
    let text: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    let text = text.join("\n");
    let mut found = Vec::new();
    if !PARTS.iter().any(|part| text.contains(part)) {
        return Ok(found);
    }
    let starts: Vec<_> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let number = |at: usize| {
        let row = starts.partition_point(|start| *start <= at);
        lines.get(row).map_or(0, |line| line.number)
    };
    let refuse = |at, problem| Error::at(name, "", problem, REMEDY).on_line(number(at));
    let mut from = 0;
    loop {
        let rest = &text[from..];
        let begin = rest.match_indices('<').find_map(|(at, _)| {
            let mut elements = ELEMENTS.iter();
            let element = elements.find(|(begin, _)| rest[at..].starts_with(begin));
            element.map(|(_, end)| (at, *end))
        });
        let (between, element) = rest.split_at(begin.map_or(rest.len(), |(at, _)| at));
        let mut lost = PARTS
            .iter()
            .filter_map(|part| Some((between.find(part)?, part)));
        if let Some((at, part)) = lost.next() {
            return Err(refuse(
                from + at,
                format!("\"{part}\" stands outside of a <device>"),
            ));
        }
        let Some((_, end)) = begin else {
            return Ok(found);
        };
        from += between.len();
        let Some(length) = element.find(end).map(|at| at + end.len()) else {
            return Err(refuse(
                from,
                format!("the text ends before the end of this element, {end}"),
            ));
        };
        let listed =
            read(&element[..length]).map_err(|(at, problem)| refuse(from + at, problem))?;
        let listed = listed.into_iter().map(|(at, one)| Listed {
            line: number(from + at),
            ..one
        });
        found.extend(listed);
        from += length;
    }
}

/// The device of an element, if it is a PCI function, and the functions of its group, with the place of each in bytes.
fn read(element: &str) -> Result<Vec<(usize, Listed)>, Fault> {
    let document = Document::parse(element).map_err(|error| {
        let row = usize::try_from(error.pos().row).unwrap_or(1);
        let before = element.split_inclusive('\n').take(row - 1);
        let problem = error.to_string();
        // The message ends with the place in the element.
        let problem = problem
            .rsplit_once(" at ")
            .map_or(problem.as_str(), |(problem, _)| problem);
        (
            before.map(str::len).sum(),
            format!("the element is no whole XML: {problem}"),
        )
    })?;
    let place = |node: Node<'_, '_>| node.range().start;
    let root = document.root_element();
    let mut found = Vec::new();
    let name = child(root, "name").filter(|name| text(*name).starts_with("pci_"));
    if let Some(name) = name {
        let bdf = Bdf::written(text(name)).map_err(|problem| (place(name), problem))?;
        let is_pci = |node: &Node<'_, '_>| node.attribute("type") == Some("pci");
        let details = root.children().find(is_pci);
        let of = |name| details.and_then(|details| child(details, name));
        let shown_id = |name| of(name).and_then(|node| id(node.attribute("id")?));
        let device = Listed {
            vendor: shown_id("vendor"),
            device: shown_id("product"),
            class: of("class")
                .and_then(|class| hex_number(text(class)))
                .map(Hex),
            ..Listed::new(bdf, 0)
        };
        found.push((place(name), device));
    }
    let own = found.first().map(|(_, own)| own.bdf);
    for list in document
        .descendants()
        .filter(|node| node.has_tag_name("iommuGroup"))
    {
        let group = list
            .attribute("number")
            .and_then(|number| number.parse().ok());
        let group = group.ok_or_else(|| (place(list), "<iommuGroup> has no number".to_owned()))?;
        let members = list.children().filter(is_content).map(|member| {
            let bdf = address(member);
            let bdf = bdf.ok_or_else(|| {
                (
                    place(member),
                    "it is no whole address of a function".to_owned(),
                )
            })?;
            let member_of = Listed {
                group: Some(group),
                ..Listed::new(bdf, 0)
            };
            Ok((place(member), member_of))
        });
        let members = members.collect::<Result<Vec<_>, Fault>>()?;
        let is_in = |own: Bdf| members.iter().any(|(_, member)| member.bdf == own);
        if let Some(own) = own.filter(|own| !is_in(*own)) {
            return Err((
                place(list),
                format!("the list of group {group} lacks {own}, whose group it is"),
            ));
        }
        found.extend(members);
    }
    Ok(found)
}

/// Whether a node is more than space or a comment.
fn is_content(node: &Node<'_, '_>) -> bool {
    node.is_element() || node.is_text() && !text(*node).is_empty()
}

fn child<'a, 'input>(of: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    of.children().find(|node| node.has_tag_name(name))
}

fn text<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or("").trim()
}

/// Reads `<address domain='0x0000' bus='0x01' slot='0x00' function='0x1'/>`.
fn address(node: Node<'_, '_>) -> Option<Bdf> {
    let number = |key| node.attribute(key).and_then(hex_number);
    let (domain, bus) = (number("domain")?, number("bus")?);
    let (slot, function) = (number("slot")?, number("function")?);
    let is_address = node.has_tag_name("address");
    bdf::shown(&format!("{domain:04x}:{bus:02x}:{slot:02x}.{function:x}")).filter(|_| is_address)
}
