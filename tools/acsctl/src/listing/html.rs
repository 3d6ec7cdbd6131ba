// SPDX-License-Identifier: GPL-2.0-only

//! The PCI tree as a web page: one file without scripts, in which each function unfolds to the answer
//! of `acsctl why`.

use std::collections::{BTreeMap, BTreeSet};

use quirk_data::error::Error;
use topology::{Bdf, Domain, names::Names};

use super::{Group, Listing, hue, text, tree::Row};
use crate::{
    host::Source,
    markup::Markup,
    why::{Explainer, address_list},
};

/// The greatest number of answers, multiplied by the number of functions. An answer costs a few
/// computations of the groups and names at most the functions of one group, so time and size of the
/// answers are O(n²) for n functions up to this product, and O(n) beyond.
const WORK: usize = 400_000;
/// The least number of answers, if the machine has as many functions.
const ANSWERS: usize = 64;

/// The number of members of shared groups up to which the page unfolds their list.
const UNFOLDED: usize = 100;

const CSS: &str = include_str!("html.css");

/// A device: the domain, bus and number that its functions share.
type Device = (Domain, u8, u8);

impl Listing<'_> {
    /// The page. `source` is where the machine was read from, and `warning` says what could not be
    /// read.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] for an impossible topology.
    pub fn html(
        &self,
        names: &Names,
        source: &Source,
        warning: Option<&str>,
    ) -> Result<String, Error> {
        let rows = self.rows();
        let mut html = Markup::default();
        self.head(&mut html, &source.title(), rows.len());
        if let Some(warning) = warning {
            note(&mut html, warning);
        }
        if !self.from_kernel && !self.groups.is_empty() {
            let words = self.note();
            note(
                &mut html,
                &format!("{words} A number in parentheses counts the groups of this page."),
            );
        }
        html.raw("</header>\n<main>\n");
        self.shared(&mut html);
        self.uncertain(&mut html);
        html.raw(
            "<h2>Devices</h2>\n<p>The PCI tree: below each port, the devices behind it. Open a function \
             to read what shares its group, why, and what would change that.</p>\n",
        );
        Tree::new(self, names, &rows)?.write(&mut html)?;
        html.raw("</main>\n</body>\n</html>\n");
        Ok(html.into_string())
    }

    fn head(&self, html: &mut Markup, source: &str, functions: usize) {
        html.raw(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta \
             name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta \
             http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
             'unsafe-inline'\">\n",
        );
        html.element("title", "", &format!("IOMMU groups of {source}"));
        html.raw("\n<style>\n");
        html.raw(CSS);
        html.raw("</style>\n</head>\n<body>\n<header>\n");
        html.raw("<h1>IOMMU groups</h1>");
        let machine = self.states.machine();
        let kernel = machine.kernel_name();
        let release = kernel.strip_prefix("kernel ");
        let iommu = machine.topology.iommu.as_deref();
        html.raw("\n<dl>\n");
        for (what, value) in [
            ("Read from", source),
            ("Kernel", release.unwrap_or("release not known")),
            ("IOMMU", iommu.unwrap_or("not known")),
            ("Answers are about", &self.states.under().about),
            ("Made by", concat!("acsctl ", env!("CARGO_PKG_VERSION"))),
        ] {
            html.element("dt", "", what);
            html.element("dd", "", value);
            html.raw("\n");
        }
        html.raw("</dl>\n");
        html.element("p", "", &format!("{}.", self.summary(functions)));
        html.raw("\n");
    }

    /// The groups that hold several functions, or that VFIO or `acsctl regroup` concerns.
    fn shared(&self, html: &mut Markup) {
        for words in self.torn_words() {
            note(html, &words);
        }
        html.raw("<h2>Shared groups</h2>\n");
        let is_noted = |group: &Group| {
            group.is_shared() || group.vfio_words().is_some() || group.regroup.is_some()
        };
        let groups = self.groups.iter().enumerate();
        let groups: Vec<_> = groups.filter(|(_, group)| is_noted(group)).collect();
        if groups.is_empty() {
            html.raw("<p>No listed group has more than one function, not counting bridges.</p>\n");
            return;
        }
        let members: usize = groups.iter().map(|(_, group)| group.members.len()).sum();
        html.raw("<ul class=\"groups\">\n");
        for (index, group) in groups {
            html.raw("<li>");
            html.raw(if members > UNFOLDED {
                "<details><summary>"
            } else {
                "<details open=\"\"><summary>"
            });
            self.badge(html, Some(index), "");
            if group.ties_devices() {
                html.element("span", "mark", &format!("{} devices", group.devices));
                html.raw(" ");
            }
            html.element("small", "", &format!("functions {}", group.members.len()));
            if let Some(words) = group.vfio_words() {
                html.raw(" ");
                html.text(&words);
            }
            if let Some(endpoint) = group.regroup {
                html.raw(" ");
                html.element("span", "mark", text::SPLITS);
                html.raw(": ");
                html.element("code", "", &format!("acsctl regroup {endpoint}"));
            }
            html.raw("</summary><ul>");
            for member in &group.members {
                html.raw("<li>");
                let function = member.function.to_string();
                html.open("a", &[("href", &format!("#{function}"))]);
                html.element("code", "", &function);
                html.close("a");
                html.raw(" ");
                html.text(&member.name);
                html.raw("</li>");
            }
            html.raw("</ul></details></li>\n");
        }
        html.raw("</ul>\n");
    }

    /// What the input does not show, and what is assumed about it.
    fn uncertain(&self, html: &mut Markup) {
        let assumptions = self
            .about_functions()
            .map(|one| (one.text.as_str(), &one.functions[..]));
        let unknown = Some((text::NOT_KNOWN, &self.undetermined[..]));
        let unknown = unknown.filter(|(_, functions)| !functions.is_empty());
        let all: Vec<_> = unknown.into_iter().chain(assumptions).collect();
        if all.is_empty() && self.open.is_empty() {
            return;
        }
        html.raw("<h2>Not known or assumed</h2>\n<ul>\n");
        for (words, functions) in all {
            html.element("li", "", &format!("{words}: {}", address_list(functions)));
            html.raw("\n");
        }
        for one in &self.open {
            let [functions, together, depends] = one.words();
            html.element(
                "li",
                "",
                &format!("open: {functions}: {together}; {depends}"),
            );
            html.raw("\n");
        }
        html.raw("</ul>\n");
    }

    /// The label of a group; `none` for a function in no group.
    fn badge(&self, html: &mut Markup, group: Option<usize>, none: &str) {
        let is_shared = |&index: &usize| self.groups.get(index).is_some_and(Group::is_shared);
        let label = match group {
            Some(_) => format!("group {}", self.label(group)),
            None => none.to_owned(),
        };
        match group.filter(is_shared) {
            Some(index) => {
                let style = format!("--hue:{}", hue(index));
                html.open("span", &[("class", "group shared"), ("style", &style)]);
                html.text(&label);
                html.close("span");
            }
            None => html.element("span", "group", &label),
        }
        html.raw(" ");
    }
}

fn note(html: &mut Markup, words: &str) {
    html.element("p", "note", words);
    html.raw("\n");
}

/// The tree of functions.
struct Tree<'t, 'l> {
    listing: &'t Listing<'l>,
    rows: &'t [Row<'t>],
    explainer: Explainer<'t, 'l>,
    /// The number of functions of each device.
    devices: BTreeMap<Device, usize>,
    listed: BTreeSet<Bdf>,
    assumed: BTreeSet<Bdf>,
    answered: BTreeSet<Bdf>,
}

impl<'t, 'l> Tree<'t, 'l> {
    fn new(listing: &'t Listing<'l>, names: &'t Names, rows: &'t [Row<'t>]) -> Result<Self, Error> {
        let mut devices = BTreeMap::new();
        for row in rows {
            *devices.entry(device(row)).or_default() += 1;
        }
        let is_shared = |row: &&Row<'_>| {
            let group = row.group.and_then(|group| listing.groups.get(group));
            group.is_some_and(Group::is_shared)
        };
        let (shared, others): (Vec<_>, Vec<_>) = rows.iter().partition(is_shared);
        let order = shared.into_iter().chain(others);
        // The answer of a function depends on all functions of the machine, listed or not.
        let functions = listing.states.machine().view.functions.len();
        let answers = (WORK / functions.max(1)).max(ANSWERS);
        let assumed = listing.assumptions.iter().flat_map(|one| &one.functions);
        Ok(Self {
            listing,
            rows,
            explainer: Explainer::new(listing.states.machine(), names)?,
            devices,
            listed: rows.iter().map(|row| row.member.function).collect(),
            assumed: assumed.copied().collect(),
            answered: order.take(answers).map(|row| row.member.function).collect(),
        })
    }

    fn write(&self, html: &mut Markup) -> Result<(), Error> {
        // The open lists, outermost first. Each has an open item, and may have an open device of
        // several functions around it.
        let mut lists: Vec<Option<Device>> = Vec::new();
        for row in self.rows {
            let kept = if row.root.is_some() { 0 } else { row.depth + 1 };
            while lists.len() > kept {
                html.raw("</li>");
                end_device(html, lists.pop().flatten());
                html.raw("</ul>\n");
            }
            if let Some(root) = &row.root {
                html.element("h3", "", &format!("Bus {root}"));
            }
            let own = Some(device(row));
            let mut open = None;
            if lists.len() > row.depth {
                html.raw("</li>\n");
                open = lists.pop().flatten();
                if open != own {
                    end_device(html, open.take());
                }
            } else {
                html.raw("\n<ul class=\"tree\">\n");
            }
            let functions = self.devices.get(&device(row)).copied().unwrap_or_default();
            if open.is_none() && functions > 1 {
                start_device(html, row, functions);
                open = own;
            }
            lists.push(open);
            self.function(html, row)?;
        }
        while let Some(open) = lists.pop() {
            html.raw("</li>");
            end_device(html, open);
            html.raw("</ul>\n");
        }
        Ok(())
    }

    /// Adds a function with its answer. Its item stays open for the functions below it.
    fn function(&self, html: &mut Markup, row: &Row<'_>) -> Result<(), Error> {
        let member = row.member;
        let function = member.function.to_string();
        let class = if member.matches { "asked" } else { "unasked" };
        html.open("li", &[("id", &function), ("class", class)]);
        html.raw("<details><summary>");
        html.element("code", "", &function);
        html.raw(" ");
        let is_hidden = self.listing.undetermined.contains(&member.function);
        let none = if is_hidden {
            "group not known"
        } else {
            "in no group"
        };
        self.listing.badge(html, row.group, none);
        html.text(&member.name);
        if let Some(driver) = &member.driver {
            html.raw(" ");
            html.element("small", "", &format!("driver {driver}"));
        }
        html.raw(" ");
        html.element("small", "", &member.acs.summary);
        if self.assumed.contains(&member.function) {
            html.raw(" <span class=\"mark\">assumed</span>");
        }
        html.raw("</summary>\n<div class=\"why\">");
        if self.answered.contains(&member.function) {
            let answer = self.explainer.explain(member.function, None)?;
            let listed = |bdf| self.listed.contains(&bdf).then(|| format!("#{bdf}"));
            answer.html(html, listed);
        } else {
            html.raw("<p>This page has no room for the answer. It is printed by ");
            html.element("code", "", &format!("acsctl why {function}"));
            html.raw("; with options such as -s, acsctl groups makes a smaller page.</p>");
        }
        html.raw("</div></details>");
        Ok(())
    }
}

fn device(row: &Row<'_>) -> Device {
    let bdf = row.member.function;
    (bdf.domain, bdf.bus, bdf.slot())
}

/// Starts the list of the functions of a device.
fn start_device(html: &mut Markup, row: &Row<'_>, functions: usize) {
    let (domain, bus, slot) = device(row);
    html.raw("<li class=\"device\">");
    let words = format!("device {domain}:{bus:02x}:{slot:02x}, functions {functions}");
    html.element("p", "", &words);
    html.raw("<ul>\n");
}

fn end_device(html: &mut Markup, open: Option<Device>) {
    if open.is_some() {
        html.raw("</ul></li>\n");
    }
}
