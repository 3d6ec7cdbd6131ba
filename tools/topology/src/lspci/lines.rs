// SPDX-License-Identifier: GPL-2.0-only

//! Splits the lines into functions, their details and their hex dumps. Accounts for every line that
//! begins like a function: it begins one, or it is refused.

use std::collections::BTreeSet;

use super::{
    AGAIN,
    found::{Block, Found, Named},
    recognise::{
        InFolder, Place, STRONG, decorated, described, dump_line, ends_in_message, has_class,
        has_ids, has_key, has_name_of_class, header, in_folder, is_cut, is_description, is_detail,
        is_foreign, is_ids, is_like_class, is_like_header, is_like_heading, is_link_of_group,
        is_logged, lacks_class, logged, names_group, starts_item, stray, without_bullet,
        without_pages,
    },
};
use crate::{
    Bdf, Error,
    bdf::{self, Word},
    groups::{self, GroupLine},
    text::{Line, quoted},
};

/// The size of a whole configuration space.
const SPACE: usize = 4096;

/// What stands for lines that were left out of a function.
pub(super) const CUT: &str = "[...]";

/// The number of lines that one long line may be broken into.
const PARTS: usize = 6;

/// Where a line that is not the first of a function belongs.
enum Open {
    /// To no function: nothing was read yet, or other text came in between.
    Foreign,
    /// An empty line ended the function.
    Ended,
    /// To the last function.
    Function,
}

/// A line of bare addresses of a group, which may go on in the next line.
#[derive(Clone, Copy)]
struct Continued {
    line: usize,
    group: u32,
    ends_in_comma: bool,
}

impl Continued {
    fn at(line: &Line, group: u32) -> Self {
        Self {
            line: line.number,
            group,
            ends_in_comma: line.text.ends_with(','),
        }
    }
}

/// Whether the text has a list of groups.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    /// Not so far.
    No,
    /// The lines are those of one, up to the prompt of a shell or a log.
    Open,
    /// It was above.
    Ended,
}

/// Reads the functions of the text.
pub(super) fn found(name: &str, lines: &[Line]) -> Result<Found, Error> {
    let mut reader = Reader {
        name,
        found: Found::default(),
        open: Open::Foreign,
        heading: None,
        list: List::No,
        names_listed: false,
        is_after_log: false,
        numbered: None,
        heading_indent: 0,
        doubt: None,
        joined: 0,
        described: Vec::new(),
        continued: None,
        broken_link: None,
        mentioned: Vec::new(),
        unfilled: Vec::new(),
    };
    let mut before: Option<&Line> = None;
    for line in lines {
        reader.line(line, before.is_some_and(|before| before.broken))?;
        before = Some(line);
    }
    reader.check_last(lines)?;
    reader.check_described()?;
    reader.check_mentioned()?;
    reader.check_unfilled()?;
    reader.found.without_inherited(&lines_with_headings(lines));
    Ok(reader.found)
}

/// The numbers of the lines that name a group, as headings or with functions.
fn lines_with_headings(lines: &[Line]) -> Vec<usize> {
    let is_heading = |line: &&Line| {
        let found = groups::line(&line.text);
        matches!(
            found,
            Some(GroupLine::Heading(_) | GroupLine::Members { .. })
        )
    };
    let found = lines.iter().filter(is_heading);
    found.map(|line| line.number).collect()
}

/// Whether a line names a group or a function of one.
fn is_of_list(line: &Line) -> bool {
    groups::line(&line.text).is_some() || in_folder(&line.text).is_some()
}

/// Whether a line has the beginning of another one.
fn begins(line: &Line, other: &Line) -> bool {
    let is_mark = without_bullet(&line.text).is_empty();
    !is_mark && line.indent == other.indent && other.text.starts_with(&line.text)
}

struct Reader<'a> {
    name: &'a str,
    found: Found,
    open: Open,
    /// The group of the heading above.
    heading: Option<u32>,
    /// The indentation of that heading.
    heading_indent: usize,
    /// A line where the next heading could be, and which is none.
    doubt: Option<Line>,
    list: List,
    /// Whether bare addresses followed the heading.
    names_listed: bool,
    /// Whether the line before is one of a kernel log.
    is_after_log: bool,
    /// The number of the last line if it names a group and ends in a digit.
    numbered: Option<usize>,
    /// The number of lines that were joined with the last one.
    joined: usize,
    /// The lines before the first function that describe one behind other text.
    described: Vec<Line>,
    continued: Option<Continued>,
    /// The number of the last line if it is a part of a link of a group's folder.
    broken_link: Option<usize>,
    /// The functions that lines of a list name in other words, with these lines.
    mentioned: Vec<(Bdf, Line)>,
    /// The headings without a function, with their groups; the last one may get one.
    unfilled: Vec<(u32, Line)>,
}

impl Reader<'_> {
    fn refuse(&self, line: &Line, problem: impl Into<String>, remedy: &str) -> Error {
        Error::at(self.name, "", problem, remedy).on_line(line.number)
    }

    fn without_address(&self, line: &Line) -> Error {
        let shown = quoted(&line.text);
        let problem = format!("looks like a function without its address: {shown}");
        self.refuse(line, problem, "add the address, or make the text again")
    }

    fn unknown_heading(&self, line: &Line) -> Error {
        let problem = format!(
            "names a group or stands in place of one, and is no heading that acsctl knows: {}",
            quoted(&line.text)
        );
        let remedy = "write it as \"IOMMU Group 1:\", or remove the line";
        self.refuse(line, problem, remedy)
    }

    /// Notes the group of a function that this line names and does not describe.
    fn name(&mut self, line: &Line, bdf: Bdf, group: Option<u32>, is_log: bool) {
        self.fill(group);
        self.found.named.push(Named {
            bdf,
            group,
            line: line.number,
            is_log,
        });
    }

    fn is_list(&self) -> bool {
        self.list != List::No
    }

    fn end_list(&mut self) {
        if self.list == List::Open {
            self.list = List::Ended;
        }
    }

    /// Checks that the text does not end within the line of a function.
    fn check_last(&self, lines: &[Line]) -> Result<(), Error> {
        let Some(line) = lines.last() else {
            return Ok(());
        };
        let problem = "the text ends within the line of a function or a group";
        if !is_of_list(line)
            && lines
                .iter()
                .any(|other| begins(line, other) && is_of_list(other))
        {
            return Err(self.refuse(line, problem, AGAIN));
        }
        if self.found.blocks.is_empty() {
            return Ok(());
        }
        let text = line.text.as_str();
        let is_part = |c: char| c.is_ascii_hexdigit() || ":./".contains(c);
        let is_address =
            (1..13).contains(&text.len()) && text.chars().all(is_part) && header(text).is_none();
        if line.indent > 0 || !is_address {
            return Ok(());
        }
        Err(self.refuse(line, problem, AGAIN))
    }

    /// Checks that each function that text before the first one describes is there.
    fn check_described(&self) -> Result<(), Error> {
        let Found { blocks, named, .. } = &self.found;
        let blocks = blocks.iter().filter_map(Block::bdf);
        let found: BTreeSet<Bdf> = blocks.chain(named.iter().map(|one| one.bdf)).collect();
        let is_found = |word: &&str| bdf::shown(word).is_some_and(|bdf| found.contains(&bdf));
        let is_lost = |line: &&Line| !described(&line.text).iter().any(is_found);
        match self
            .described
            .iter()
            .find(is_lost)
            .filter(|_| !found.is_empty())
        {
            Some(line) => {
                let problem = format!(
                    "describes a function behind other text: {}",
                    quoted(&line.text)
                );
                Err(self.refuse(
                    line,
                    problem,
                    "begin the line with the address, or remove it",
                ))
            }
            None => Ok(()),
        }
    }

    /// Checks that each function that other words of a list name has its group from another line.
    fn check_mentioned(&self) -> Result<(), Error> {
        let Found { blocks, named, .. } = &self.found;
        let in_group = |block: &&Block| {
            let mut lines = block.lines.iter();
            block.group.is_some() || lines.any(|(_, line)| line.contains("iommu group"))
        };
        let blocks = blocks.iter().filter(in_group).filter_map(Block::bdf);
        let found: BTreeSet<Bdf> = blocks.chain(named.iter().map(|one| one.bdf)).collect();
        match self.mentioned.iter().find(|(bdf, _)| !found.contains(bdf)) {
            Some((bdf, line)) => Err(self.not_read(line, &bdf.to_string())),
            None => Ok(()),
        }
    }

    /// Checks that no heading without a function is what is left of a line that has one: the group has other functions. A
    /// group without any function has devices that are none of PCI.
    fn check_unfilled(&self) -> Result<(), Error> {
        let Found { blocks, named, .. } = &self.found;
        let blocks = blocks.iter().filter_map(|block| block.group);
        let filled: BTreeSet<u32> = blocks
            .chain(named.iter().filter_map(|one| one.group))
            .collect();
        match self
            .unfilled
            .iter()
            .find(|(group, _)| filled.contains(group))
        {
            Some((group, line)) => {
                let problem = format!(
                    "no function of group {group} follows, which other lines say has some: {}",
                    quoted(&line.text)
                );
                Err(self.refuse(line, problem, "add what is missing, or make the list again"))
            }
            None => Ok(()),
        }
    }

    /// Notes that a function of this group follows its heading.
    fn fill(&mut self, group: Option<u32>) {
        let last = self.unfilled.last();
        if last.is_some_and(|(unfilled, _)| Some(*unfilled) == group) {
            self.unfilled.pop();
        }
    }

    fn not_read(&self, line: &Line, place: &str) -> Error {
        let shown = quoted(&line.text);
        let problem =
            format!("stands in a list of groups, and may name a function of one: {shown}");
        let remedy = "begin the line with the whole address, or remove it";
        Error::at(self.name, place, problem, remedy).on_line(line.number)
    }

    /// Notes a line of a list that has an address and is none of the known ones.
    fn mention(&mut self, line: &Line) -> Result<(), Error> {
        let text = without_pages(&line.text);
        match stray(&text) {
            Some(Word::Damaged) if line.text.ends_with(':') => Err(self.unknown_heading(line)),
            Some(Word::Damaged) => Err(self.not_read(line, "")),
            Some(_) => {
                let found = bdf::words(&text).filter_map(bdf::in_word);
                self.mentioned.extend(found.map(|bdf| (bdf, line.clone())));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Takes further addresses of a group, which a terminal or a mail program put into a line of their own.
    fn continues(&mut self, line: &Line, above: Continued) -> bool {
        let is_word = |word: &&str| word.contains(char::is_alphanumeric);
        let all: Option<Vec<Bdf>> = bdf::words(&line.text)
            .filter(is_word)
            .map(bdf::in_word)
            .collect();
        let is_joined = above.ends_in_comma || line.text.starts_with(',');
        let Some(all) = all.filter(|all| is_joined && !all.is_empty()) else {
            return false;
        };
        for bdf in all {
            self.name(line, bdf, Some(above.group), false);
        }
        self.continued = Some(Continued::at(line, above.group));
        true
    }

    /// Takes a line below a heading that shows a function behind marks.
    fn decorated(&mut self, line: &Line) -> Result<bool, Error> {
        let Some((bdf, rest, words)) = decorated(&line.text) else {
            return Ok(false);
        };
        let addresses: Option<Vec<_>> = rest.split_whitespace().map(bdf::in_word).collect();
        let rest = match &addresses {
            Some(all) => {
                let all: Vec<_> = all.iter().map(ToString::to_string).collect();
                all.join(" ")
            }
            None => rest.to_owned(),
        };
        // "What about 0a:00.0?" is no function of a list whose lines say what each is.
        let above = self.found.blocks.last();
        let is_bare = above.is_none_or(|above| above.header.is_empty());
        let is_read = match &addresses {
            Some(all) => is_bare && (words < 2 || !all.is_empty()),
            None => is_description(&rest),
        };
        if is_read {
            self.begin(line, Place::Address(bdf), &rest)?;
        }
        Ok(is_read)
    }

    fn last(&mut self) -> Option<&mut Block> {
        self.found.blocks.last_mut()
    }

    fn line(&mut self, line: &Line, is_rest: bool) -> Result<(), Error> {
        let text = line.text.as_str();
        if text.is_empty() {
            // A folder's contents end here.
            if std::mem::take(&mut self.names_listed) {
                self.heading = None;
            }
            if matches!(self.open, Open::Function) {
                self.open = Open::Ended;
                if let Some(block) = self.last() {
                    block.closed = true;
                }
            }
            return Ok(());
        }
        // Messages of lspci itself, on standard error.
        if ["pcilib: ", "lspci: "]
            .iter()
            .any(|begin| text.starts_with(begin))
        {
            return Ok(());
        }
        let lower = text.to_ascii_lowercase();
        // What follows a line that a terminal broke belongs to that line.
        if is_rest
            && matches!(self.open, Open::Function)
            && line.indent == 0
            && header(text).is_none()
            && groups::line(text).is_none()
            && !is_detail(&lower)
        {
            self.join(line, "");
            return Ok(());
        }
        if let Some(logged) = logged(&lower) {
            self.found.logged.push(logged);
            return Ok(());
        }
        if ends_in_message(&lower) {
            let problem = format!("ends within a message of the kernel: {}", quoted(text));
            return Err(self.refuse(line, problem, "join it with the next line"));
        }
        let is_after_log = std::mem::replace(&mut self.is_after_log, is_logged(text));
        let above = Some(line.number.saturating_sub(1));
        let is_next = self.numbered.take() == above;
        let is_after_link = self.broken_link.take() == above;
        let continued = self.continued.take().filter(|one| Some(one.line) == above);
        if self.group(line)? {
            return Ok(());
        }
        if continued.is_some_and(|one| self.continues(line, one)) {
            return Ok(());
        }
        let begins_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
        if is_next && line.indent == 0 && begins_with_digit && header(text).is_none() {
            let problem = format!(
                "may be the rest of the number of a group in the line above: {}",
                quoted(text)
            );
            return Err(self.refuse(line, problem, "join it with that line, or remove it"));
        }
        if let Some(group) = self.heading {
            if self.below_heading(line, group, is_after_link)? {
                return Ok(());
            }
        }
        self.check_ids(line)?;
        if let Some((place, rest)) = header(text) {
            // The rest of a line of a kernel log; a class begins with a capital.
            if is_after_log && lacks_class(rest) && rest.starts_with(|c: char| c.is_lowercase()) {
                return Ok(());
            }
            return self.begin(line, place, rest);
        }
        if self.heading.is_some() && self.decorated(line)? {
            return Ok(());
        }
        if is_like_header(text) {
            let problem = format!("begins like a function, but {} is no address", quoted(text));
            return Err(self.refuse(line, problem, "correct the address, or remove the line"));
        }
        if let Some((offset, bytes)) = dump_line(text) {
            return self.dump(line, offset, bytes);
        }
        if is_logged(text) || lower.contains(" kernel: ") {
            self.end_list();
        }
        // Records and folders of other things.
        let is_other = lower.starts_with("slot:") || lower.contains(" -> ../../../devices/");
        if self.list == List::Open
            && !is_other
            && !self.found.blocks.last().is_some_and(Block::is_verbose)
        {
            self.mention(line)?;
        }
        match self.open {
            Open::Function => self.detail(line, lower),
            Open::Ended | Open::Foreign => self.outside(line, &lower),
        }
    }

    /// Takes a line below a heading that is a link or a function behind ids. Returns whether it is one.
    fn below_heading(
        &mut self,
        line: &Line,
        group: u32,
        is_after_link: bool,
    ) -> Result<bool, Error> {
        let text = line.text.as_str();
        // The target of a link that a terminal broke.
        if is_after_link && !text.contains(' ') && line.indent == 0 {
            self.broken_link = Some(line.number);
            return Ok(true);
        }
        match in_folder(text) {
            Some(InFolder::Function(bdf, is_whole)) => {
                self.name(line, bdf, Some(group), false);
                self.names_listed = true;
                self.broken_link = Some(line.number).filter(|_| !is_whole);
                return Ok(true);
            }
            Some(InFolder::Nothing) => return Ok(true),
            Some(InFolder::Damaged) => {
                let problem = format!("is no whole link of one function: {}", quoted(text));
                return Err(self.refuse(line, problem, "make the list again, or correct the line"));
            }
            None => {}
        }
        // A further function of the group, by a script that prints ids in front of the address.
        let text = without_bullet(text);
        let member =
            groups::member(text).filter(|(_, header)| text.starts_with('[') && !header.is_empty());
        if let Some((bdf, header)) = member {
            self.check_single(line, &header)?;
            self.push(line, Place::Address(bdf), &header, Some(group));
            return Ok(true);
        }
        Ok(false)
    }

    /// Checks a line of a list that begins with ids.
    fn check_ids(&mut self, line: &Line) -> Result<(), Error> {
        let text = line.text.as_str();
        // Ids whose address is in the next line; joined with the line above, they would be those of its function.
        let above = self.found.blocks.last().map_or("", |block| &block.header);
        let is_known = above.contains(text) || self.heading.is_some() && !has_ids(above);
        if self.list == List::Open && is_ids(text) && !is_known {
            return Err(self.not_read(line, ""));
        }
        // A function behind ids is one of a list of groups.
        if self.heading.is_none() && self.list == List::Open && text.starts_with('[') {
            let member = groups::member(text).map(|(bdf, _)| (bdf, line.clone()));
            self.mentioned.extend(member);
        }
        Ok(())
    }

    /// Takes a line that names a group. Returns whether it is one.
    fn group(&mut self, line: &Line) -> Result<bool, Error> {
        let Some(found) = groups::line(&line.text) else {
            return Ok(false);
        };
        let is_described = match &found {
            GroupLine::Members { members, .. } => {
                members.iter().any(|(_, header)| !header.is_empty())
            }
            _ => false,
        };
        let one_group = match &found {
            GroupLine::Members { group, .. } if !is_described => Some(*group),
            _ => None,
        };
        match found {
            GroupLine::Heading(group) => {
                let is_open = matches!(self.open, Open::Function);
                let is_list = self.is_list();
                let is_detail = is_open
                    && self.last().is_some_and(|block| {
                        line.indent > block.indent || block.is_verbose() || !is_list
                    });
                if is_detail {
                    return Ok(false);
                }
                // A folder comes before those in it.
                if !line.text.contains('/') {
                    self.unfilled.push((group, line.clone()));
                }
                self.heading = Some(group);
                self.heading_indent = line.indent;
                self.doubt = None;
                self.list = List::Open;
                self.open = Open::Foreign;
            }
            GroupLine::Members { group, members } => {
                self.heading = is_described.then_some(group);
                self.heading_indent = line.indent;
                self.doubt = None;
                self.list = List::Open;
                self.open = Open::Foreign;
                for (bdf, header) in members {
                    if header.is_empty() {
                        self.name(line, bdf, Some(group), false);
                    } else {
                        self.check_single(line, &header)?;
                        self.push(line, Place::Address(bdf), &header, Some(group));
                    }
                }
            }
            GroupLine::Log { bdf, group } => self.name(line, bdf, group, true),
            // A folder of something else, or another device.
            GroupLine::Other => self.heading = None,
            GroupLine::Damaged => {
                let problem = format!(
                    "the address is damaged, or the number of the group: {}",
                    quoted(&line.text)
                );
                return Err(self.refuse(line, problem, "correct the line, or remove it"));
            }
        }
        self.continued = one_group.map(|group| Continued::at(line, group));
        let ends_in_digit = line.text.ends_with(|c: char| c.is_ascii_digit());
        self.numbered = Some(line.number).filter(|_| ends_in_digit && !is_described);
        Ok(true)
    }

    fn push(&mut self, line: &Line, place: Place, header: &str, group: Option<u32>) {
        self.fill(group);
        if group.is_some() {
            let others = bdf::words(header).filter_map(bdf::in_word);
            self.mentioned.extend(others.map(|bdf| (bdf, line.clone())));
        }
        self.found.blocks.push(Block {
            place,
            line: line.number,
            end: line.number,
            header: header.to_owned(),
            lines: Vec::new(),
            dump: Vec::new(),
            group,
            closed: false,
            left_out: false,
            indent: line.indent,
        });
        self.joined = 0;
        self.open = Open::Function;
    }

    fn begin(&mut self, line: &Line, place: Place, rest: &str) -> Result<(), Error> {
        self.found.check_end(self.name)?;
        self.check_single(line, rest)?;
        if let (Some(doubt), Some(_)) = (self.doubt.take(), self.heading) {
            if line.indent > self.heading_indent {
                return Err(self.unknown_heading(&doubt));
            }
            self.heading = None;
        }
        let addresses: Vec<_> = rest.split_whitespace().map(bdf::shown).collect();
        // A folder's contents, several in a line.
        let is_names = self.heading.is_some() && addresses.iter().all(Option::is_some);
        if let (Some(group), true, Place::Address(first)) = (self.heading, is_names, &place) {
            for bdf in std::iter::once(*first).chain(addresses.into_iter().flatten()) {
                self.name(line, bdf, Some(group), false);
            }
            self.names_listed = true;
            return Ok(());
        }
        self.push(line, place, rest, self.heading);
        Ok(())
    }

    /// Checks that no other function begins in the rest of a first line.
    fn check_single(&self, line: &Line, rest: &str) -> Result<(), Error> {
        let is_second =
            |(word, after): (&str, &str)| bdf::shown(word).is_some() && !lacks_class(after);
        let words = rest.match_indices(char::is_whitespace);
        let mut words =
            words.filter_map(|(at, _)| rest[at..].trim_start().split_once(char::is_whitespace));
        let lower = rest.to_ascii_lowercase();
        if lower.contains("iommu") && names_group(&lower) {
            return Err(self.unknown_heading(line));
        }
        if words.any(is_second) {
            let problem = format!("begins two functions: {}", quoted(&line.text));
            return Err(self.refuse(line, problem, "put each function into lines of its own"));
        }
        Ok(())
    }

    /// Takes a line between the first line of a function and the next empty line.
    fn detail(&mut self, line: &Line, lower: String) -> Result<(), Error> {
        let Some(block) = self.found.blocks.last() else {
            return Ok(());
        };
        let is_known = is_detail(&lower);
        if is_cut(&lower) {
            // What was left out may have a heading.
            if !block.is_verbose() {
                self.heading = None;
            }
            self.joined = PARTS;
            let number = line.number;
            if let Some(block) = self.last() {
                block.end = number;
                block.lines.push((number, CUT.to_owned()));
            }
            return Ok(());
        }
        if self.is_list() && !is_known && (names_group(&lower) || is_like_heading(&lower)) {
            return Err(self.unknown_heading(line));
        }
        if !is_known && self.is_in_place_of_heading(line, block) {
            self.doubt = Some(line.clone());
            if let Some(block) = self.last() {
                block.left_out = true;
            }
            return Ok(());
        }
        // Marks that were not recognised precede such a detail, or two columns were read as one.
        let within = |one: &&str| lower.find(*one).is_some_and(|at| at > 0);
        if [
            "control: i/o",
            "acscap:",
            "acsctl:",
            "capabilities: [",
            "bus: primary=",
            "iommu group: ",
        ]
        .iter()
        .any(within)
        {
            let problem = format!(
                "is a detail with other text before it: {}",
                quoted(&line.text)
            );
            return Err(self.refuse(line, problem, AGAIN));
        }
        let is_broken = lacks_class(&block.header) && block.lines.is_empty();
        if !is_known && is_foreign(&line.text) {
            self.open = Open::Foreign;
            self.heading = None;
            self.end_list();
            return Ok(());
        }
        if !is_known && is_broken && self.joined < PARTS {
            self.join(line, " ");
            return Ok(());
        }
        let is_class =
            is_like_class(&line.text) || self.heading.is_some() && has_name_of_class(&line.text);
        if is_class && !self.may_continue(line) {
            return Err(self.without_address(line));
        }
        let is_own =
            is_known || has_key(&line.text) || line.indent > block.indent && starts_item(&lower);
        if !is_own && self.joined < PARTS {
            self.join(line, " ");
            return Ok(());
        }
        self.joined = 0;
        let number = line.number;
        if let Some(block) = self.last() {
            block.end = number;
            block.lines.push((number, lower));
        }
        Ok(())
    }

    /// Whether a line behind a function of a list stands where the next heading would, and is not the rest of the
    /// function's lines.
    fn is_in_place_of_heading(&self, line: &Line, block: &Block) -> bool {
        let is_deeper = line.indent > self.heading_indent;
        if self.heading.is_none() || is_deeper || block.is_verbose() || is_like_class(&line.text) {
            return false;
        }
        let is_even =
            |open, close| block.header.matches(open).count() == block.header.matches(close).count();
        match block.lines.last() {
            Some((_, last)) => block.indent > self.heading_indent && !last.ends_with(','),
            None if line.text.starts_with(['(', '[']) => false,
            None => {
                let has_ids = block.header.contains("(rev ") || is_like_class(&block.header);
                line.text.ends_with(':') || has_ids && is_even('(', ')') && is_even('[', ']')
            }
        }
    }

    /// Whether a line can be the rest of the last function's first line.
    fn may_continue(&self, line: &Line) -> bool {
        let Some(block) = self.found.blocks.last() else {
            return false;
        };
        let lacks_ids = !block.header.contains("(rev ") && !is_like_class(&block.header);
        let closes = line.text.matches(']').count() > line.text.matches('[').count();
        block.lines.is_empty()
            && lacks_ids
            && (closes || line.indent <= block.indent && !has_class(&line.text))
    }

    /// Takes a line outside of functions.
    fn outside(&mut self, line: &Line, lower: &str) -> Result<(), Error> {
        if self.is_list() && is_like_heading(lower) {
            return Err(self.unknown_heading(line));
        }
        let in_group = self.heading.is_some();
        // A folder's contents end with the first other line, and a group with a line in place of a heading, or
        // where lines were left out.
        let is_gap = is_cut(lower);
        if let Some(block) = self.last().filter(|_| is_gap) {
            block.left_out = true;
        }
        let is_end = line.indent <= self.heading_indent || is_gap;
        if std::mem::take(&mut self.names_listed) || is_end {
            self.heading = None;
        }
        if self.is_list() && is_link_of_group(&line.text) {
            let problem = format!(
                "is a link of a group, but the name of the group is not above it: {}",
                quoted(&line.text)
            );
            let remedy = "write the folder above it, as /sys/kernel/iommu_groups/1/devices:";
            return Err(self.refuse(line, problem, remedy));
        }
        if is_foreign(&line.text) {
            self.open = Open::Foreign;
            self.heading = None;
            self.end_list();
            return Ok(());
        }
        let is_strong = STRONG.iter().any(|begin| lower.starts_with(begin));
        let is_indented = line.indent > 0 && matches!(self.open, Open::Ended);
        if is_strong || is_indented && is_detail(lower) {
            let problem = format!(
                "is a detail of a function, but no first line of a function is above it: {}",
                quoted(&line.text)
            );
            return Err(self.refuse(line, problem, AGAIN));
        }
        let has_functions = !self.found.blocks.is_empty();
        if has_functions && is_like_class(&line.text) || in_group && has_name_of_class(&line.text) {
            return Err(self.without_address(line));
        }
        // Text before the first function may describe one that follows.
        if !described(&line.text).is_empty() {
            self.described.push(line.clone());
        }
        self.open = Open::Foreign;
        Ok(())
    }

    /// Joins a line with the one before.
    fn join(&mut self, line: &Line, between: &str) {
        self.joined += 1;
        let number = line.number;
        let Some(block) = self.last() else {
            return;
        };
        block.end = number;
        let (to, text) = match block.lines.last_mut() {
            Some((_, last)) => (last, line.text.to_ascii_lowercase()),
            None => (&mut block.header, line.text.clone()),
        };
        // A mail program also breaks a line behind these. A flag that is off ends in one, too.
        let is_flag = starts_item(&text) || to.ends_with('-') && to.starts_with("acsc");
        if !to.is_empty() && (is_flag || !to.ends_with(['-', '/'])) {
            to.push_str(between);
        }
        to.push_str(&text);
    }

    /// Takes a line of a hex dump.
    fn dump(&mut self, line: &Line, offset: usize, bytes: Vec<u8>) -> Result<(), Error> {
        let name = self.name;
        let is_open = matches!(self.open, Open::Function);
        let Some(block) = self.found.blocks.last_mut().filter(|_| is_open) else {
            let problem = "is part of a hex dump, but no first line of a function is above it";
            return Err(self.refuse(line, problem, AGAIN));
        };
        // A missing line would shift all bytes after it.
        if offset != block.dump.len() || offset + bytes.len() > SPACE {
            let problem = format!(
                "the dump goes on at {offset:02x}, but {:02x} bytes came before",
                block.dump.len()
            );
            return Err(Error::at(name, block.shown(), problem, AGAIN).on_line(line.number));
        }
        block.dump.extend(bytes);
        block.end = line.number;
        Ok(())
    }
}
