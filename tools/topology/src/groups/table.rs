// SPDX-License-Identifier: GPL-2.0-only

//! Tables and records: Proxmox's list of PCI devices, `pvesh`, and `lspci -vmm`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Listed, hex_number, id};
use crate::{
    Bdf, Error, Hex,
    bdf::{self, Word},
    text::{self, Line},
};

/// What separates the cells of a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Marks {
    Rules,
    Tabs,
    Commas,
    Spaces,
}

/// A table with a column for groups: the columns of its head.
struct Table {
    marks: Marks,
    /// What the name of each column says of addresses in it.
    columns: Vec<Column>,
    group: usize,
    /// Whether each column up to the group is one word, so that longer rows can be read.
    is_fixed: bool,
    vendor: Option<usize>,
    device: Option<usize>,
    class: Option<usize>,
}

/// Whose address a column has, by its name; the better names come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    /// The function's, and nothing else.
    Address,
    /// The function's, by a word of the name.
    Own,
    /// The name does not say.
    Any,
    /// That of a bridge above the function.
    Above,
}

impl Column {
    fn of(name: &str) -> Self {
        const ADDRESS: [&str; 9] = [
            "id",
            "bdf",
            "address",
            "addr",
            "slot",
            "pci",
            "pci address",
            "pci id",
            "function",
        ];
        const ABOVE: [&str; 11] = [
            "above", "behind", "below", "bridge", "bridges", "parent", "port", "root", "under",
            "upstream", "via",
        ];
        let has = |words: &[&str]| {
            let mut all = name.split(|c: char| !c.is_ascii_alphanumeric());
            all.any(|word| words.contains(&word))
        };
        if ADDRESS.contains(&name) {
            Self::Address
        } else if has(&ABOVE) {
            Self::Above
        } else if has(&ADDRESS) {
            Self::Own
        } else {
            Self::Any
        }
    }
}

impl Table {
    /// The table whose head these cells are, if they are one.
    fn of_head(row: &Cells) -> Option<Self> {
        const FIXED: [&str; 4] = ["iommugroup", "class", "vendor", "device"];
        let Cells { marks, cells } = row;
        let is_group =
            |cell: &String| matches!(cell.replace(['-', ' ', '_'], "").as_str(), "iommugroup");
        let column = |name: &str| cells.iter().position(|cell| cell == name);
        let columns: Vec<_> = cells.iter().map(|cell| Column::of(cell)).collect();
        // Without rules, a sentence can have the word, too.
        let is_word = |cell: &String| {
            cell.chars()
                .all(|c| c.is_ascii_lowercase() || c == '_' || c == '-')
        };
        let has_address = columns.contains(&Column::Address);
        let is_separated = matches!(marks, Marks::Tabs | Marks::Commas);
        let is_head = match marks {
            Marks::Rules => true,
            Marks::Tabs | Marks::Commas => has_address,
            Marks::Spaces => has_address && cells.iter().all(is_word),
        };
        if !is_head {
            return None;
        }
        let group = cells
            .iter()
            .position(is_group)
            .or_else(|| {
                cells
                    .iter()
                    .position(|cell| cell == "group")
                    .filter(|_| has_address && is_separated)
            })
            .filter(|_| cells.len() > 2)?;
        let fixed = |(cell, column): (&String, &Column)| {
            *column == Column::Address || is_group(cell) || FIXED.contains(&cell.as_str())
        };
        Some(Self {
            marks: *marks,
            is_fixed: cells[..=group].iter().zip(&columns).all(fixed),
            columns,
            group,
            vendor: column("vendor"),
            device: column("device"),
            class: column("class"),
        })
    }

    /// The addresses in the columns with the best name of those that have some.
    fn addresses(&self, cells: &[String]) -> BTreeSet<Bdf> {
        let shown = self.columns.iter().zip(cells);
        let shown = shown.filter_map(|(column, cell)| Some((*column, bdf::in_word(cell)?)));
        let shown: Vec<_> = shown.collect();
        let best = shown.iter().map(|(column, _)| *column).min();
        // Without rules, words of a name can have any place.
        let best = best.filter(|&column| {
            self.marks != Marks::Spaces && column != Column::Above || column == Column::Address
        });
        let found = shown
            .into_iter()
            .filter(|(column, _)| Some(*column) == best);
        found.map(|(_, bdf)| bdf).collect()
    }

    /// Reads a line below the head.
    fn row(&self, name: &str, line: &Line, row: &Cells) -> Result<Row, Error> {
        let Cells { marks, cells } = row;
        let is_ruled = *marks != Marks::Spaces;
        let width = self.columns.len();
        let addresses = self.addresses(cells);
        let bdf = addresses.first().copied();
        let refuse = |problem: String, remedy: &str| {
            Error::at(
                name,
                bdf.map_or(String::new(), |bdf| bdf.to_string()),
                problem,
                remedy,
            )
            .on_line(line.number)
        };
        if *marks != self.marks {
            // A list may follow a table without rules, and an empty line or a border may be in one with rules.
            let is_blank = line.text.is_empty() || is_border(&line.text);
            // A row that ends within its first cell, without the mark in front, which also is one of quoting.
            let first = line.text.split_whitespace().next().unwrap_or("");
            if !is_blank
                && self.marks == Marks::Rules
                && (bdf::is_rest(&line.text) || is_damaged(first))
            {
                return Err(refuse(NO_ADDRESS.0.to_owned(), NO_ADDRESS.1));
            }
            return Ok(if is_blank { Row::Nothing } else { Row::End });
        }
        let is_whole = cells.len() == width || !is_ruled && self.is_fixed && cells.len() > width;
        if addresses.len() > 1 && is_whole {
            let all: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            return Err(Error::at(
                    name,
                    "",
                    format!(
                        "the row has several addresses, and the head does not tell which is that of the function: {}",
                        all.join(", ")
                    ),
                    "name its column Address, and give each function a row of its own",
                ).on_line(line.number));
        }
        let group = cells.get(self.group).map(|cell| group(cell));
        // An empty cell in front of the address may be one that several rows share.
        let is_shared = cells.get(self.group).is_some_and(String::is_empty)
            && bdf.is_some_and(|bdf| {
                let mut after = cells.iter().skip(self.group);
                after.any(|cell| bdf::in_word(cell) == Some(bdf))
            });
        let group = if is_shared { Some(Err(NoGroup)) } else { group };
        match (bdf, group) {
            (Some(bdf), Some(Ok(group))) if is_whole => {
                let cell = |at: Option<usize>| at.and_then(|at| cells.get(at));
                Ok(Row::Function(Listed {
                    group,
                    vendor: cell(self.vendor).and_then(|cell| shown_id(cell)),
                    device: cell(self.device).and_then(|cell| shown_id(cell)),
                    class: cell(self.class).and_then(|cell| hex_number(cell)).map(Hex),
                    ..Listed::new(bdf, line.number)
                }))
            }
            // What lspci prints has a colon behind the class.
            (Some(_), _) if !is_ruled && !line.text.contains(": ") => Err(refuse(
                "the words of the row do not fit the head of the table".to_owned(),
                "write marks between the cells, as in | 0000:01:00.0 | a name | 12 |",
            )),
            _ if !is_ruled => Ok(Row::End),
            (Some(_), Some(Err(NoGroup))) if is_whole => Err(refuse(
                format!("its group is \"{}\", which is no number", cells[self.group]),
                "write the number of the group, or - for none",
            )),
            (Some(_), _) => Err(refuse(
                format!(
                    "the row has {} cells, and the head of the table {}",
                    cells.len(),
                    width
                ),
                "write each function in a row with a cell for each column",
            )),
            // A head again.
            (None, _) if Self::of_head(row).is_some() => Ok(Row::End),
            (None, _) if row.address().is_some() => Err(refuse(
                "by the head, the row has no address of a function, only one above it".to_owned(),
                "name the column of the functions Address",
            )),
            (None, group) if lacks_address(row, line, group.as_ref(), width) => {
                Err(refuse(NO_ADDRESS.0.to_owned(), NO_ADDRESS.1))
            }
            // The heading of a part of the table, or the rest of a cell.
            (None, _) if cells.iter().any(String::is_empty) || is_border(&line.text) => {
                Ok(Row::Nothing)
            }
            (None, _) => Ok(Row::End),
        }
    }
}

/// A line below the head of a table.
enum Row {
    /// A function.
    Function(Listed),
    /// A border, an empty line, or a part without a function.
    Nothing,
    /// A line behind the table.
    End,
}

/// The problem of a row without an address, and the remedy.
const NO_ADDRESS: (&str, &str) = (
    "the row has no address that is whole",
    "write the whole address, alone, into a cell of its own, or remove the row",
);

fn is_damaged(word: &str) -> bool {
    matches!(bdf::word(word), Word::Damaged | Word::Part)
}

/// Whether a row without an address has lost it: it has the number of a group or what is like an address, or it ends
/// within a cell.
fn lacks_address(
    row: &Cells,
    line: &Line,
    group: Option<&Result<Option<u32>, NoGroup>>,
    width: usize,
) -> bool {
    let is_like = |word: &str| bdf::word(word) != Word::Other;
    let has_like = row
        .cells
        .iter()
        .any(|cell| bdf::words(cell).any(is_like) || is_like_address(cell));
    let is_cut = row.marks == Marks::Rules
        && is_rule(line.text.chars().next())
        && !is_rule(line.text.chars().next_back())
        && row.cells.len() <= width;
    has_like || is_cut || matches!(group, Some(Ok(Some(_))))
}

/// Whether a character is a mark between cells.
fn is_rule(c: Option<char>) -> bool {
    matches!(c, Some('|' | '\u{2502}' | '\u{2503}' | '\u{2551}'))
}

fn is_like_address(cell: &str) -> bool {
    let parts = cell.split([':', '.']);
    cell.contains(':')
        && cell.contains('.')
        && (3..=4).contains(&parts.clone().count())
        && parts
            .clone()
            .all(|part| part.len() <= 8 && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// The cells of a line in lower case.
struct Cells {
    marks: Marks,
    cells: Vec<String>,
}

impl Cells {
    fn of(line: &Line) -> Self {
        let marks = if line.text.chars().any(|c| is_rule(Some(c))) {
            Marks::Rules
        } else {
            Marks::Spaces
        };
        Self::with(line, marks)
    }

    /// The cells of a row of a table with these marks, if the line has them.
    fn like(line: &Line, marks: Marks) -> Self {
        let has = |c: char| line.text.contains(c);
        match marks {
            Marks::Tabs if has('\t') => Self::with(line, marks),
            Marks::Commas if has(',') => Self::with(line, marks),
            _ => Self::of(line),
        }
    }

    fn with(line: &Line, marks: Marks) -> Self {
        let text = line.text.replace(['\u{2502}', '\u{2503}', '\u{2551}'], "|");
        // A mark within a cell.
        let text = text.replace("\\|", "/");
        let text = text.strip_prefix('|').unwrap_or(&text);
        let text = text.strip_suffix('|').unwrap_or(text);
        let cells: Vec<_> = match marks {
            Marks::Rules => text.split('|').collect(),
            Marks::Tabs => text.split('\t').collect(),
            Marks::Commas => quoted(text),
            Marks::Spaces => text.split_whitespace().collect(),
        };
        let plain = |cell: &str| {
            let cell = cell.trim().trim_matches(['`', '*', '"']).trim();
            cell.to_ascii_lowercase()
        };
        Self {
            marks,
            cells: cells.into_iter().map(plain).collect(),
        }
    }

    /// The shape, if the line can be a row: it has the address of a function. Spaces make cells of any text.
    fn shape(&self) -> Option<Shape> {
        let is_row =
            self.marks != Marks::Spaces && self.cells.len() > 1 && self.address().is_some();
        is_row.then_some((self.marks, self.cells.len()))
    }

    /// The first address in a cell.
    fn address(&self) -> Option<Bdf> {
        self.cells.iter().find_map(|cell| bdf::in_word(cell))
    }
}

/// The cells of a line with commas between them; one in quotes may have commas.
fn quoted(text: &str) -> Vec<&str> {
    let mut is_open = false;
    let is_end = move |c: char| {
        is_open ^= c == '"';
        c == ',' && !is_open
    };
    text.split(is_end).collect()
}

/// The id in a cell, which may also have a name.
fn shown_id(cell: &str) -> Option<u16> {
    let is_id = cell.starts_with("0x") || cell.len() == 4;
    id(cell).filter(|_| is_id)
}

/// A cell that names neither a group nor none.
struct NoGroup;

/// The group in a cell: `24`, `Group 24`, `3 (shared)`; `None` for `-1`, `n/a` or nothing.
fn group(cell: &str) -> Result<Option<u32>, NoGroup> {
    if matches!(
        cell,
        "" | "-" | "-1" | "n/a" | "none" | "no" | "\u{2013}" | "\u{2014}"
    ) {
        return Ok(None);
    }
    let words = cell.split(|c: char| !c.is_ascii_alphanumeric());
    let mut numbers = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    match (numbers.next().map(str::parse), numbers.next()) {
        (Some(Ok(number)), None) => Ok(Some(number)),
        _ => Err(NoGroup),
    }
}

/// Whether a line has only the marks of a border.
fn is_border(text: &str) -> bool {
    let is_mark = |c: char| "|+-=: ".contains(c) || matches!(c, '\u{2500}'..='\u{257f}');
    !text.is_empty() && text.chars().all(is_mark)
}

/// Reads the tables with a column `iommugroup`, and returns the other lines too. The rows of a table whose head names
/// no group are left out.
///
/// # Errors
///
/// [`Error`] for a row whose group or address cannot be read.
pub(crate) fn table(name: &str, lines: Vec<Line>) -> Result<(Vec<Listed>, Vec<Line>), Error> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    let mut open: Option<Table> = None;
    let mut of_others = OfOthers::No;
    // The shapes of the tables so far, and of what could be rows above a head, with the first line of each.
    let mut shapes: BTreeSet<Shape> = BTreeSet::new();
    let mut headless: BTreeMap<Shape, Line> = BTreeMap::new();
    let mut last = Last::Outside;
    for line in lines {
        let above = std::mem::replace(&mut last, Last::Outside);
        let marks = open.as_ref().map_or(Marks::Spaces, |table| table.marks);
        let own = Cells::like(&line, marks);
        if let Some(table) = &open {
            match table.row(name, &line, &own)? {
                Row::Function(function) => {
                    found.push(function);
                    last = Last::Row;
                    continue;
                }
                Row::Nothing => {
                    last = Last::of(&line.text);
                    continue;
                }
                Row::End => {}
            }
        }
        let [tabs, commas] = [Marks::Tabs, Marks::Commas].map(|marks| Cells::like(&line, marks));
        let rows = [tabs, commas, Cells::of(&line)];
        open = rows.iter().find_map(Table::of_head);
        if let Some(table) = &open {
            let shape = (table.marks, table.columns.len());
            if let Some(row) = headless.get(&shape) {
                return Err(without_head(name, row));
            }
            shapes.insert(shape);
            continue;
        }
        let is_below = match above {
            Last::Outside => false,
            Last::Border => marks != Marks::Spaces && own.marks == marks,
            Last::Row => true,
        };
        let is_apart = Last::of(&line.text) != Last::Row || text::is_between_outputs(&line.text);
        if is_below && !is_apart {
            let problem = format!(
                "stands in a table, directly below a row, and is no row: {}",
                text::quoted(&line.text)
            );
            let remedy = "join it with the row that it belongs to, or put an empty line between the table and it";
            return Err(Error::at(name, "", problem, remedy).on_line(line.number));
        }
        let [.., row] = &rows;
        of_others = of_others.after(&line, row);
        let is_row = row.shape().is_some() && super::line(&line.text).is_none();
        let is_of_others = is_row && of_others == OfOthers::Open;
        if is_of_others {
            continue;
        }
        let own_shapes: Vec<Shape> = rows.iter().filter_map(Cells::shape).collect();
        if is_row && !found.is_empty() || own_shapes.iter().any(|shape| shapes.contains(shape)) {
            return Err(without_head(name, &line));
        }
        for shape in own_shapes {
            headless.entry(shape).or_insert_with(|| line.clone());
        }
        others.push(line);
    }
    Ok((found, others))
}

/// The marks between the cells of a row, and the number of cells.
type Shape = (Marks, usize);

/// What the last line is to the open table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// No line of it.
    Outside,
    Border,
    /// A row, or a part of one.
    Row,
}

impl Last {
    /// By the text of a line in a table.
    fn of(text: &str) -> Self {
        if text.is_empty() {
            Self::Outside
        } else if is_border(text) {
            Self::Border
        } else {
            Self::Row
        }
    }
}

fn without_head(name: &str, line: &Line) -> Error {
    let problem = "is a row of a table whose head is not known";
    Error::at(name, "", problem, "repeat the head of the table above it").on_line(line.number)
}

/// Whether a table of other things is open: its head names no group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OfOthers {
    No,
    /// The line before may be a head.
    Head,
    Open,
}

impl OfOthers {
    fn after(self, line: &Line, row: &Cells) -> Self {
        let names_group = |cell: &String| {
            ["group", "grupp", "iommu"]
                .iter()
                .any(|word| cell.contains(word))
        };
        match self {
            _ if row.marks != Marks::Rules || row.cells.len() < 3 => Self::No,
            Self::Head if is_border(&line.text) => Self::Open,
            Self::Open => Self::Open,
            _ if row.cells.iter().any(names_group) => Self::No,
            _ => Self::Head,
        }
    }
}

/// Reads the output of `pvesh get /nodes/NODE/hardware/pci --output-format json`; `None` for other
/// JSON.
pub(crate) fn json(text: &str) -> Option<Vec<Listed>> {
    if !text.contains("\"iommugroup\"") {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let all = value.as_array().or_else(|| value.get("data")?.as_array())?;
    let read = |one: &Value| {
        let text = |key: &str| one.get(key)?.as_str();
        let group = one.get("iommugroup")?;
        let group = group.as_i64().or_else(|| group.as_str()?.parse().ok())?;
        Some(Listed {
            // A function without a group has -1.
            group: u32::try_from(group).ok(),
            vendor: text("vendor").and_then(id),
            device: text("device").and_then(id),
            class: text("class").and_then(hex_number).map(Hex),
            ..Listed::new(bdf::shown(text("id")?)?, 0)
        })
    };
    let found: Option<Vec<_>> = all.iter().map(read).collect();
    found.filter(|found| !found.is_empty())
}

/// The keys that a record of `lspci -vmm` has once.
const KEYS: [&str; 4] = ["Class", "Vendor", "Device", "IOMMUGroup"];

/// Reads the records of `lspci -vmm`, which begin with `Slot:`.
///
/// # Errors
///
/// [`Error`] for an address or a group that cannot be read.
pub(crate) fn records(name: &str, lines: &[Line]) -> Result<Vec<Listed>, Error> {
    let mut found: Vec<Listed> = Vec::new();
    // The keys of the open record.
    let mut keys: Option<Vec<&str>> = None;
    for line in lines {
        if line.text.is_empty() {
            keys = None;
        }
        let Some((key, value)) = line.text.split_once(':') else {
            continue;
        };
        let value = value.trim();
        // With -n and -nn, ids are in brackets or alone.
        let number = value
            .rsplit_once('[')
            .map_or(value, |(_, rest)| rest.trim_end_matches(']'));
        let is_id = |text: &&str| text.len() == 4;
        let refuse = |what: &str| {
            Error::at(
                name,
                "",
                format!("{key}: \"{value}\" is no {what}"),
                "correct the line",
            )
            .on_line(line.number)
        };
        // "Physical slot: 4" has other words; "Slot: 4" is a line of other programs, which have no tab there.
        if key == "Slot" && (value.contains(':') || line.text.contains(":\t")) {
            let address = value.split_whitespace().next().and_then(bdf::shown);
            let bdf = address.ok_or_else(|| refuse("address"))?;
            found.push(Listed::new(bdf, line.number));
            keys = Some(Vec::new());
            continue;
        }
        let Some(last) = found.last_mut() else {
            continue;
        };
        // Other programs have some of these keys, and not that of the group.
        let is_lost = match &keys {
            Some(keys) => KEYS.contains(&key) && keys.contains(&key),
            None => key == "IOMMUGroup",
        };
        if is_lost {
            return Err(Error::at(
                name,
                "",
                format!("{key}: belongs to a function whose line \"Slot:\" is missing or damaged"),
                "correct the line \"Slot:\", or remove the record",
            )
            .on_line(line.number));
        }
        let Some(keys) = &mut keys else {
            continue;
        };
        keys.push(key);
        let number = Some(number).filter(is_id);
        match key {
            "IOMMUGroup" => last.group = Some(value.parse().map_err(|_| refuse("group"))?),
            "Vendor" => last.vendor = number.and_then(id),
            "Device" => last.device = number.and_then(id),
            "Class" => last.class = number.and_then(hex_number).map(|class| Hex(class << 8)),
            _ => {}
        }
    }
    Ok(found)
}
