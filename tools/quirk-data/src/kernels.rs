// SPDX-License-Identifier: GPL-2.0-only

//! The lists in `quirks/kernels/`: the ACS quirk table of one Linux kernel each. `acsctl quirk
//! kernel` makes a list from the kernel's source. The check compares mainline entries with the
//! lists of the checked folder, or with the built-in lists if the folder has none.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::OnceLock,
};

use include_dir::{Dir, include_dir};

pub use crate::export::{Held, Which};
use rules::release::Release;

use crate::{entry::Ids, error::Error, export};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../quirks/kernels");

/// The kind of source tree: a mainline release, or a distribution's or stable tree's version of
/// one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Tree {
    /// An unmodified mainline release: it has exactly mainline's rows.
    Mainline,
    /// A later kernel of the series: it has the rows of the release that the series started with,
    /// and may have more.
    Later,
}

impl Tree {
    const fn name(self) -> &'static str {
        match self {
            Self::Mainline => "mainline",
            Self::Later => "later",
        }
    }
}

/// The ACS quirk table of one kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kernel {
    /// The mainline release that the kernel is, or is based on.
    pub release: Release,
    /// Whether the kernel is that release or a later one of its series.
    pub tree: Tree,
    /// The version, such as `7.3.4`.
    pub version: String,
    /// The origin of the source: package and version, or repository and commit.
    pub source: String,
    /// The rows, in the order of the table.
    pub rows: Vec<Held>,
}

impl Kernel {
    /// Reads the kernel source in the folder `tree`; `source` names its origin. With `is_mainline`,
    /// the caller states that the tree is an unmodified mainline release. Only a version such as
    /// `7.3` or `7.3.0` can be one.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] if the source cannot be read or does not have the expected structure.
    pub fn read(tree: &Path, source: &str, is_mainline: bool) -> Result<Self, Error> {
        let file = tree.join("Makefile");
        let wrong = |what: &str| Error::CouldNotRun(format!("{}: {what}", file.display()));
        let makefile =
            fs::read_to_string(&file).map_err(|error| Error::io("read", &file, &error))?;
        let value = |name: &str| {
            let mut lines = makefile.lines();
            lines.find_map(|line| {
                let (key, value) = line.split_once('=')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        let number = |name: &str| value(name).ok_or_else(|| wrong(&format!("no {name}")));
        let sublevel = number("SUBLEVEL")?;
        let version = format!(
            "{}.{}.{sublevel}",
            number("VERSION")?,
            number("PATCHLEVEL")?
        );
        let release = topology::release_of(&version)
            .ok_or_else(|| wrong(&format!("{version} is not a version")))?;
        let extra = value("EXTRAVERSION").unwrap_or_default();
        if extra.starts_with("-rc") {
            return Err(wrong(&format!(
                "{version}{extra} is a candidate and not a release; take the source of a release"
            )));
        }
        if is_mainline && (sublevel != "0" || !extra.is_empty()) {
            return Err(wrong(&format!(
                "{version}{extra} is not the release v{release} as it was made; leave out --mainline"
            )));
        }
        if source.trim() != source || source.is_empty() || source.contains(char::is_control) {
            return Err(Error::CouldNotRun(
                "the source is named in words on one line: package and version, or repository and \
                 commit"
                    .to_owned(),
            ));
        }
        Ok(Self {
            release,
            tree: if is_mainline {
                Tree::Mainline
            } else {
                Tree::Later
            },
            version,
            source: source.to_owned(),
            rows: export::held(tree)?,
        })
    }

    /// The name in messages.
    pub(crate) fn called(&self) -> String {
        match self.tree {
            Tree::Mainline => format!("v{} ({})", self.release, self.source),
            Tree::Later => format!("{} ({})", self.version, self.source),
        }
    }

    /// The first of these devices that the handler does not answer for.
    pub(crate) fn lacks(&self, ids: Ids, handler: &str) -> Option<u16> {
        let rows = self.rows.iter();
        let mut ranges: Vec<_> = rows
            .filter(|row| row.vendor == ids.vendor && row.handler == handler)
            .filter_map(|row| match row.devices {
                // A handler that compares no id answers for every device. For one whose ids were
                // not read, assume that it does.
                Which::Any | Which::Unread => Some((u16::MIN, u16::MAX)),
                // A list of ids does not cover "every device".
                Which::Range(first, last) => (!ids.is_any()).then_some((first, last)),
            })
            .collect();
        ranges.sort_unstable();
        let mut next = ids.first;
        for (first, last) in ranges {
            if first > next {
                break;
            }
            if last >= ids.last {
                return None;
            }
            next = next.max(last + 1);
        }
        Some(next)
    }

    /// Whether a row names one of these devices. "Every device" matches only a row for every
    /// device.
    fn names(row: &Held, ids: Ids) -> bool {
        let shares = match row.devices {
            Which::Any => ids.is_any(),
            Which::Unread => false,
            Which::Range(first, last) => !ids.is_any() && first <= ids.last && ids.first <= last,
        };
        row.vendor == ids.vendor && shares
    }

    /// The handler of these devices, if it is not `handler`.
    pub(crate) fn other_handler(&self, ids: Ids, handler: &str) -> Option<&str> {
        let mut rows = self.rows.iter();
        let other = rows.find(|row| Self::names(row, ids) && row.handler != handler);
        other.map(|row| row.handler.as_str())
    }

    /// Whether the handler has a row for one of these devices. Rows of other handlers are for
    /// functions of another PCIe type.
    pub(crate) fn has(&self, ids: Ids, handler: &str) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|row| Self::names(row, ids) && row.handler == handler)
    }
}

const HEADER: &str = "\
# SPDX-License-Identifier: GPL-2.0-only
#
# What pci_dev_acs_enabled[] of one Linux kernel holds: vendor, device, handler. Made from its source by
# `acsctl quirk kernel`, and by nothing else. Each row is a row of the table, in its order. A row for every
# device of a vendor whose handler lists ids is replaced by these ids; \"unread\" replaces ids that the handler
# finds by comparing, which this does not read.
";

/// Writes the list in the form of its file.
impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, source) = (&self.version, &self.source);
        writeln!(
            f,
            "{HEADER}\nversion {version}\ntree {}\nsource {source}\n",
            self.tree.name()
        )?;
        for row in &self.rows {
            write!(f, "{:04x} ", row.vendor)?;
            match row.devices {
                Which::Any => f.write_str("any")?,
                Which::Unread => f.write_str("unread")?,
                Which::Range(first, last) if first == last => write!(f, "{first:04x}")?,
                Which::Range(first, last) => write!(f, "{first:04x}-{last:04x}")?,
            }
            writeln!(f, " {}", row.handler)?;
        }
        Ok(())
    }
}

/// Reads the form that [`Kernel`] writes; the error names the line.
impl FromStr for Kernel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut version, mut tree, mut source, mut rows) = (None, None, None, Vec::new());
        for (at, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.split_once(' ') {
                Some(("version", value)) => version = Some(value.to_owned()),
                Some(("source", value)) => source = Some(value.to_owned()),
                Some(("tree", value)) => {
                    let trees = [Tree::Mainline, Tree::Later];
                    tree = trees.into_iter().find(|tree| tree.name() == value);
                }
                _ => rows.push(row(line).ok_or_else(|| {
                    format!("line {}: not VENDOR DEVICES HANDLER: {line}", at + 1)
                })?),
            }
        }
        let missing = |what: &str| format!("no line \"{what} ...\"");
        let version = version.ok_or_else(|| missing("version"))?;
        Ok(Self {
            release: topology::release_of(&version).ok_or_else(|| missing("version"))?,
            tree: tree.ok_or_else(|| missing("tree"))?,
            source: source.ok_or_else(|| missing("source"))?,
            version,
            rows,
        })
    }
}

fn row(line: &str) -> Option<Held> {
    let id = |text: &str| {
        u16::from_str_radix(text, 16)
            .ok()
            .filter(|_| text.len() == 4)
    };
    let words: Vec<_> = line.split(' ').collect();
    let [vendor, devices, handler] = words[..] else {
        return None;
    };
    let (first, last) = devices.split_once('-').unwrap_or((devices, devices));
    let devices = match devices {
        "any" => Which::Any,
        "unread" => Which::Unread,
        _ => Which::Range(id(first)?, id(last)?),
    };
    Some(Held {
        vendor: id(vendor)?,
        devices,
        handler: handler.to_owned(),
    })
}

/// The path below the source root and the text of every built-in list.
pub fn files() -> impl Iterator<Item = (PathBuf, &'static str)> {
    let lists = FILES
        .files()
        .filter(|file| file.path().extension().is_some_and(|end| end == "txt"));
    lists.filter_map(|file| {
        Some((
            Path::new("quirks/kernels").join(file.path()),
            file.contents_utf8()?,
        ))
    })
}

/// The built-in lists, oldest kernel first.
pub fn known() -> &'static [Kernel] {
    static KNOWN: OnceLock<Vec<Kernel>> = OnceLock::new();
    // A test checks that every list can be read.
    KNOWN.get_or_init(|| sorted(files().filter_map(|(_, text)| text.parse().ok())))
}

/// Sorts kernels, oldest first.
pub(crate) fn sorted(kernels: impl Iterator<Item = Kernel>) -> Vec<Kernel> {
    let mut all: Vec<_> = kernels.collect();
    all.sort_by(|a, b| (a.release, a.tree, &a.version).cmp(&(b.release, b.tree, &b.version)));
    all
}

/// Whether `release` is newer than every listed kernel, so that statements about it cannot be
/// checked.
#[must_use]
pub fn is_to_come(release: Release, kernels: &[Kernel]) -> bool {
    kernels.iter().all(|kernel| kernel.release < release)
}
