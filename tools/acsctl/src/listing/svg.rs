// SPDX-License-Identifier: GPL-2.0-only

//! The PCI tree as an SVG diagram: one line per function, in columns, with each group as a coloured
//! area behind the lines.

use std::fmt::Write as _;

use svg::{
    Document,
    node::element::{Path, Rectangle, Style, Text, Title, path::Data},
};

use super::{Listing, hue, tree::Row};

/// The height of a line, in pixels.
const LINE: usize = 13;
/// The width of a column in a diagram with several columns, and the gap between columns.
const COLUMN: usize = 460;
const GAP: usize = 22;
const MARGIN: usize = 24;
/// The indent of each level of the tree.
const INDENT: usize = 14;
/// The left edge of the tree in a column, right of the group numbers.
const LABEL: usize = 40;
const HEADER: usize = 58;
/// The font size.
const LETTERS: usize = 9;
/// The least width of a diagram, so that the heading fits.
const LEAST: usize = 760;

const CSS: &str = "text { font: 9px 'DejaVu Sans', Verdana, sans-serif; fill: #1a1a1a } .title { \
                   font-size: 15px; font-weight: bold } .number { font-weight: bold } .root { \
                   fill: #555; font-weight: bold } .acs { fill: #666 } .line { stroke: #777; \
                   stroke-width: 1; fill: none }";

/// The position and width of a column.
#[derive(Clone, Copy)]
struct Area {
    left: usize,
    width: usize,
}

enum Line<'l> {
    /// The heading of a root bus.
    Root(&'l str),
    Function(&'l Row<'l>),
}

impl Listing<'_> {
    /// The diagram as SVG text.
    #[must_use]
    pub fn svg(&self) -> String {
        let rows = self.rows();
        let lines = rows.iter().flat_map(|row| {
            let root = row.root.as_deref().map(Line::Root);
            root.into_iter().chain([Line::Function(row)])
        });
        let lines: Vec<_> = lines.collect();
        let columns = columns(&lines);
        let highest = columns.iter().map(|column| column.len()).max().unwrap_or(0);
        let wide = match columns.len() {
            0 | 1 => LEAST - 2 * MARGIN,
            _ => COLUMN,
        };
        let width = 2 * MARGIN + (columns.len().max(1) * (wide + GAP)) - GAP;
        // Omit the domain if all functions are in domain 0.
        let is_single = rows.iter().all(|row| row.member.function.domain.0 == 0);
        let height = HEADER + highest * LINE + MARGIN;
        let mut document = Document::new()
            .set("viewBox", (0, 0, width, height))
            .set("width", width)
            .set("height", height)
            .add(Style::new(CSS))
            .add(
                Rectangle::new()
                    .set("width", "100%")
                    .set("height", "100%")
                    .set("fill", "#ffffff"),
            );
        document = self.header(document, rows.len());
        for (number, column) in columns.iter().enumerate() {
            let area = Area {
                left: MARGIN + number * (wide + GAP),
                width: wide,
            };
            document = self.areas(document, column, area);
            document = draw(document, column, area, is_single);
        }
        let mut text = document.to_string();
        text.push('\n');
        text
    }

    fn header(&self, document: Document, functions: usize) -> Document {
        let title = self.summary(functions);
        let note = if self.from_kernel {
            "Each colour is a group. A strong colour marks several devices, which can only be \
             passed through together. The number is the kernel's."
                .to_owned()
        } else {
            self.note()
        };
        document
            .add(put(
                Text::new(title).set("class", "title"),
                MARGIN,
                MARGIN + 6,
            ))
            .add(put(Text::new(note), MARGIN, MARGIN + 22))
    }

    /// Adds the coloured areas: one for each run of lines of the same group.
    fn areas(&self, mut document: Document, column: &[Line<'_>], area: Area) -> Document {
        let Area { left, width } = area;
        let group = |line: &Line<'_>| match line {
            Line::Root(_) => None,
            Line::Function(row) => row.group,
        };
        let mut from = 0;
        for run in column.chunk_by(|one, two| group(one) == group(two) && group(one).is_some()) {
            if let Some(index) = run.first().and_then(group) {
                let (fill, stroke) = self.color(index);
                let area = Rectangle::new()
                    .set("x", left)
                    .set("y", top(from))
                    .set("width", width)
                    .set("height", run.len() * LINE - 1)
                    .set("rx", 3)
                    .set("fill", fill)
                    .set("stroke", stroke)
                    .add(Title::new(self.about(index)));
                let number = Text::new(self.label(Some(index))).set("class", "number");
                document = document
                    .add(area)
                    .add(put(number, left + 5, top(from) + 10));
            }
            from += run.len();
        }
        document
    }

    /// The fill and border colours of a group. Neighbouring groups differ.
    fn color(&self, index: usize) -> (String, String) {
        let hue = hue(index);
        let is_shared = self
            .groups
            .get(index)
            .is_some_and(super::Group::ties_devices);
        if is_shared {
            (rgb(hue, 85, 80), rgb(hue, 60, 45))
        } else {
            (rgb(hue, 45, 95), rgb(hue, 25, 80))
        }
    }

    /// The tooltip of a group.
    fn about(&self, index: usize) -> String {
        let mut text = format!("group {}", self.label(Some(index)));
        if let Some(group) = self.groups.get(index) {
            let _ = write!(
                text,
                ": functions {}, devices {}",
                group.members.len(),
                group.devices
            );
        }
        text
    }
}

/// Converts hue (degrees), saturation and lightness (percent) to `#rrggbb`, which every viewer
/// supports. CSS Color Module Level 4, section 7.1, defines the conversion.
fn rgb(hue: i32, saturation: i32, lightness: i32) -> String {
    let spread = saturation * lightness.min(100 - lightness);
    let channel = |shift: i32| {
        let angle = (shift + hue) % 360;
        let dark = (angle - 90).min(270 - angle).clamp(-30, 30);
        (lightness * 3000 - spread * dark) * 51 / 60_000
    };
    format!(
        "#{:02x}{:02x}{:02x}",
        channel(0),
        channel(240),
        channel(120)
    )
}

/// Draws the lines of a column.
fn draw(mut document: Document, column: &[Line<'_>], area: Area, is_single: bool) -> Document {
    let Area { left, width } = area;
    let mut lines = Data::new();
    for (index, line) in column.iter().enumerate() {
        let base = top(index) + 10;
        let row = match line {
            Line::Root(root) => {
                let text = Text::new(format!("root bus {root}")).set("class", "root");
                document = document.add(put(text, left + LABEL, base));
                continue;
            }
            Line::Function(row) => row,
        };
        let x = |level: usize| left + LABEL + level * INDENT + 4;
        for (level, more) in row.more.iter().enumerate() {
            let is_own = level == row.depth;
            let (top, middle) = (top(index), top(index) + LINE / 2);
            if is_own {
                lines = lines.move_to((x(level), top)).line_to((x(level), middle));
                lines = lines.line_to((x(level) + 6, middle));
            }
            if *more {
                lines = lines
                    .move_to((x(level), top))
                    .line_to((x(level), top + LINE));
            }
        }
        let start = LABEL + (row.depth + 1) * INDENT;
        let acs = &row.member.acs.summary;
        // The ACS summary is right of the name.
        let room = width.saturating_sub(start + letters(acs) + 10);
        let (function, name) = (row.member.function.to_string(), &row.member.name);
        let brief = format!("{function} {}", row.member.brief);
        let brief = brief
            .strip_prefix("0000:")
            .filter(|_| is_single)
            .unwrap_or(&brief);
        let whole = format!("{function} {name}");
        let text = Text::new(fit(brief, room)).add(Title::new(whole.as_str()));
        let acs = Text::new(acs.as_str())
            .set("class", "acs")
            .set("text-anchor", "end");
        document =
            document
                .add(put(text, left + start, base))
                .add(put(acs, left + width - 4, base));
    }
    document.add(Path::new().set("class", "line").set("d", lines))
}

/// Splits the lines into columns so that the diagram has about the shape of a page.
fn columns<'l, 'r>(lines: &'l [Line<'r>]) -> Vec<&'l [Line<'r>]> {
    let width = |count: usize| count * (COLUMN + GAP);
    let height = |count: usize| lines.len().div_ceil(count) * LINE;
    // A page is 1.4 times as high as wide. A higher diagram leaves the letters larger.
    let fits = |&count: &usize| 10 * height(count) <= 17 * width(count);
    let count = (1..=lines.len().max(1)).find(fits).unwrap_or(1);
    lines.chunks(lines.len().div_ceil(count).max(1)).collect()
}

fn top(line: usize) -> usize {
    HEADER + line * LINE
}

fn put(text: Text, x: usize, y: usize) -> Text {
    text.set("x", x).set("y", y)
}

/// The width of a letter in 1/2048 of its height, measured in `DejaVu` Sans, the widest of the
/// common fonts.
const fn width(letter: char) -> usize {
    match letter {
        'i' | 'j' | 'l' => 569,
        ' ' | '.' | ',' => 651,
        'I' | ':' | ';' | '/' | '|' => 690,
        'f' | '-' => 739,
        'r' | 't' | '[' | ']' | '(' | ')' => 842,
        'c' | 's' | 'z' => 1126,
        'a'
        | 'b'
        | 'd'
        | 'e'
        | 'g'
        | 'h'
        | 'k'
        | 'n'
        | 'o'
        | 'p'
        | 'q'
        | 'u'
        | 'v'
        | 'x'
        | 'y'
        | '0'..='9'
        | 'E'
        | 'F'
        | 'J'
        | 'L'
        | 'P'
        | 'S'
        | 'T'
        | 'Y' => 1303,
        'A'..='D' | 'G' | 'H' | 'K' | 'N' | 'O' | 'Q' | 'R' | 'U' | 'V' | 'X' | 'Z' => 1612,
        _ => 2048,
    }
}

/// The width of a text, in pixels.
fn letters(text: &str) -> usize {
    let sum: usize = text.chars().map(width).sum();
    (sum * LETTERS).div_ceil(2048)
}

/// Shortens a name to the available width. The ids at its end are kept.
fn fit(text: &str, room: usize) -> String {
    const MORE: char = '\u{2026}';
    if letters(text) <= room {
        return text.to_owned();
    }
    let (name, ids) = text.split_at(text.rfind(" [").unwrap_or(text.len()));
    // Include the ellipsis.
    let mut sum = width(MORE) + ids.chars().map(width).sum::<usize>();
    let fits = |letter: &char| {
        sum += width(*letter);
        sum * LETTERS <= room * 2048
    };
    let mut short: String = name.chars().take_while(fits).collect();
    short.push(MORE);
    short + ids
}
