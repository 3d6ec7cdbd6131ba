// SPDX-License-Identifier: GPL-2.0-only

//! Decides whether an entry can be sent to mainline: its status, its evidence, and whether C can
//! express it.

use rules::{acs::AcsFlags, condition::Place, entry::CatchAll, pcie::HeaderLayout};

use super::{error::Error, prose};
use crate::entry::{Entry, Evidence, Requirement, Status};

/// Extended capability id of ACS.
const ACS: u16 = 0x000d;

/// An exportable entry, with the parts that a patch needs.
pub(super) struct Claim<'a> {
    /// The entry.
    pub(super) entry: &'a Entry,
    /// The name of the devices.
    pub(super) name: &'a str,
    /// The vendor's statement.
    pub(super) statement: &'a str,
    /// The author of the statement.
    pub(super) stated_by: &'a str,
    /// The date of the statement, as `2014-11-03`.
    pub(super) date: &'a str,
    /// The addresses of the statement.
    pub(super) sources: &'a [String],
}

impl<'a> Claim<'a> {
    /// Examines an entry.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] and [`Error::Inexpressible`].
    pub(super) fn examine(entry: &'a Entry) -> Result<Self, Error> {
        let refused = |why: String| Error::Refused {
            entry: entry.name.clone(),
            why,
        };
        let evidence = entry.evidence.as_ref();
        status(entry, evidence).map_err(refused)?;
        let lacking = || {
            refused(format!(
                "it lacks {}: write what the vendor stated, who did, when and where",
                missing(evidence).join(", ")
            ))
        };
        let evidence = evidence.ok_or_else(lacking)?;
        let claim = Self {
            entry,
            name: name(entry).map_err(refused)?,
            statement: evidence.statement.as_deref().ok_or_else(lacking)?,
            stated_by: evidence.stated_by.as_deref().ok_or_else(lacking)?,
            date: evidence.date.as_deref().ok_or_else(lacking)?,
            sources: &evidence.sources,
        };
        if claim.sources.is_empty() {
            return Err(lacking());
        }
        claim
            .expressible()
            .map_err(|why| claim.inexpressible(why))?;
        Ok(claim)
    }

    /// The error for a claim that C cannot express.
    pub(super) fn inexpressible(&self, why: impl Into<String>) -> Error {
        Error::Inexpressible {
            entry: self.entry.name.clone(),
            why: why.into(),
        }
    }

    /// Whether virtual functions are of the kinds, so that the handler must leave them alone. A port is never
    /// virtual.
    pub(super) fn may_be_virtual(&self) -> bool {
        let mut kinds = self.entry.kinds();
        kinds.any(|kind| kind.layout() == HeaderLayout::Endpoint)
    }

    /// The deliberate exclusions, each with its reason, as prose.
    pub(super) fn excluded(&self) -> Vec<String> {
        let excludes = self.entry.excludes.iter();
        excludes
            .map(|excluded| {
                let ids: Vec<_> = excluded.ids.iter().map(ToString::to_string).collect();
                let why = prose::sentence(&excluded.why);
                format!("Left out on purpose: {}. {why}", ids.join(", "))
            })
            .collect()
    }

    /// Fails with the reason if C or a mail cannot express the claim.
    fn expressible(&self) -> Result<(), String> {
        let entry = self.entry;
        if let Some(layout) = entry.acs_registers {
            return Err(format!(
                "acs-registers = \"{}\" takes a handler that reads registers, and that is to be \
                 written by hand",
                layout.name()
            ));
        }
        // The handler tests for an ACS capability in any case.
        let unknown = |one: &&Requirement| **one != Requirement::NoAcsCapability;
        if let Some(condition) = entry.requires.iter().find(unknown) {
            return Err(format!(
                "requires = \"{}\": no handler is written that looks at this; take the condition \
                 out of the entry, if its statement holds without, or write the handler by hand",
                condition.name()
            ));
        }
        if let Some(write) = entry.program.first() {
            return Err(format!(
                "program: {} takes a quirk that writes registers, and that is to be written by hand",
                write.register
            ));
        }
        let acs = Place::Extended(ACS);
        if entry.conditions.iter().any(|one| one.register.at == acs) {
            return Err(format!(
                "condition.at = \"{acs}\": a function with an ACS capability is left to the kernel, \
                 which goes by that; take the condition out of the entry"
            ));
        }
        let named = AcsFlags::NAMED.iter();
        let known = named.fold(AcsFlags::NONE, |all, (_, flag)| all.union(*flag));
        if entry.acs == AcsFlags::NONE || !known.contains(entry.acs) {
            return Err(format!(
                "acs: it grants the flags: {}; name one at least, and none that has no name",
                entry.acs
            ));
        }
        let sources = self.sources.iter().map(String::as_str);
        for (field, text) in texts(entry) {
            prose::check_for_comment(text).map_err(|why| format!("{field}: {why}"))?;
        }
        for text in sources {
            prose::check(text).map_err(|why| format!("evidence.sources: {why}"))?;
        }
        prose::check(self.name).map_err(|why| format!("name: {why}"))
    }
}

/// The prose of an entry that goes into comments of a patch, with the names of its fields.
pub(crate) fn texts(entry: &Entry) -> Vec<(&'static str, &str)> {
    let mut texts = Vec::new();
    let evidence = entry.evidence.as_ref();
    texts.extend(entry.title.as_deref().map(|text| ("name", text)));
    texts.extend(entry.partial.as_deref().map(|text| ("partial", text)));
    let abouts = entry.devices.iter().filter_map(|one| one.about.as_deref());
    texts.extend(abouts.map(|text| ("match.about", text)));
    let whys = entry.excludes.iter().map(|one| one.why.as_str());
    texts.extend(whys.map(|text| ("match.excludes.why", text)));
    let registers = entry.conditions.iter().map(|one| one.about.as_str());
    texts.extend(registers.map(|text| ("condition.about", text)));
    let statement = evidence.and_then(|one| one.statement.as_deref());
    texts.extend(statement.map(|text| ("evidence.statement", text)));
    let stated_by = evidence.and_then(|one| one.stated_by.as_deref());
    texts.extend(stated_by.map(|text| ("evidence.stated-by", text)));
    texts
}

/// Fails with the reason if an entry of this status is not exported.
fn status(entry: &Entry, evidence: Option<&Evidence>) -> Result<(), String> {
    const REMEDY: &str =
        "only a validated entry is exported, as one with a statement of the vendor is";
    let reason = entry.reason.as_deref().unwrap_or("no reason is given");
    let reason = reason.trim_end_matches('.');
    match entry.status {
        Status::Validated => Ok(()),
        Status::Candidate => {
            let missing = missing(evidence);
            let lacks = if missing.is_empty() {
                String::new()
            } else {
                format!(" and it lacks {}", missing.join(", "))
            };
            Err(format!(
                "it is a candidate, whose evidence does not suffice{lacks}: {reason}; {REMEDY}"
            ))
        }
        Status::Mainline => {
            let since = entry.mainline.as_ref().and_then(|it| it.since.as_deref());
            Err(format!(
                "its status is mainline: mainline has it, since {}, and there is nothing to send",
                since.unwrap_or("a release that is not known")
            ))
        }
        Status::Rejected => Err(format!("it is rejected: {reason}; {REMEDY}")),
        Status::Withdrawn => Err(format!("it is withdrawn: {reason}; {REMEDY}")),
        Status::NotIsolated => Err(format!(
            "its status is not-isolated: the functions are stated not to be isolated; {REMEDY}"
        )),
        Status::Test => Err(format!(
            "its status is test: it is for an emulated device; {REMEDY}"
        )),
    }
}

/// The required parts that the evidence lacks.
fn missing(evidence: Option<&Evidence>) -> Vec<&'static str> {
    let has = |there: fn(&Evidence) -> bool| evidence.is_some_and(there);
    [
        ("evidence.statement", has(|it| it.statement.is_some())),
        ("evidence.stated-by", has(|it| it.stated_by.is_some())),
        ("evidence.date", has(|it| it.date.is_some())),
        ("evidence.sources", has(|it| !it.sources.is_empty())),
    ]
    .into_iter()
    .filter_map(|(field, there)| (!there).then_some(field))
    .collect()
}

/// The longest name that fits into a subject of 75 characters.
pub(crate) const NAME_WIDTH: usize = 75 - super::message::SUBJECT.len();

fn name(entry: &Entry) -> Result<&str, String> {
    let about = || entry.devices.iter().find_map(|one| one.about.as_deref());
    let name = entry.title.as_deref().or_else(about);
    let name = name.map_or("", |name| name.trim().trim_end_matches('.'));
    let length = name.chars().count();
    if name.is_empty() {
        return Err("it lacks a name for the subject: give it one, as name = \"Acme X100\"".into());
    }
    if length > NAME_WIDTH {
        return Err(format!(
            "what it is called has {length} characters, and the subject has room for {NAME_WIDTH}: \
             give it a short name = \"...\""
        ));
    }
    Ok(name)
}

/// The C function of a catch-all handler.
pub(super) const fn handler_of(catch_all: CatchAll) -> &'static str {
    match catch_all {
        CatchAll::Wangxun => "pci_quirk_wangxun_nic_acs",
        CatchAll::ZhaoxinPort => "pci_quirk_zhaoxin_pcie_ports_acs",
    }
}
