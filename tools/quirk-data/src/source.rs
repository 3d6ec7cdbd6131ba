// SPDX-License-Identifier: GPL-2.0-only

//! Finds and reads entries' files.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};

pub use crate::data_file::DataFile;
use crate::{
    error::Error,
    finding::{Finding, Notes},
    kernels::{self, Kernel},
    rule::Rule,
};

/// The file name of the list of issued numbers.
pub const NUMBERS: &str = "numbers.txt";

/// The file name of the JSON Schema of the format, beside the list.
const SCHEMA: &str = "schema.json";

/// The largest size of a file, in bytes. It is far above the size of any entry, and bounds the cost
/// of reading a folder.
const MAX_SIZE: u64 = 256 << 10;

/// The files that were read, and the findings for the others.
#[derive(Debug, Default)]
pub struct Sources {
    /// The files, sorted by name.
    pub files: Vec<DataFile>,
    /// One finding for each file that could not be read as text, or whose name says that it is
    /// neither a data file nor a capture.
    pub findings: Vec<Finding>,
    /// The captures beside the files.
    pub captures: Vec<PathBuf>,
    /// The list of issued numbers, if the folder has one.
    pub numbers: Option<DataFile>,
    /// The kernels' tables from the folder `kernels/`, oldest kernel first, if there is such a
    /// folder.
    pub kernels: Option<Vec<Kernel>>,
}

impl Sources {
    /// Reads one more file, which may be outside the folder. The entry is named by the file's
    /// folder and name.
    ///
    /// # Errors
    ///
    /// [`Error::CouldNotRun`] if the file does not exist or cannot be examined. The error names
    /// files beside it that may be meant.
    pub fn add(&mut self, path: &Path) -> Result<(), Error> {
        let same = |file: &DataFile| is_same(&file.path, path);
        if self.files.iter().any(same) || self.findings.iter().any(|one| is_same(&one.file, path)) {
            return Ok(());
        }
        let whole = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
        let parts = whole.components().rev().take(2).collect::<Vec<_>>();
        let name: PathBuf = parts.into_iter().rev().collect();
        let mut name = name_of(&name);
        if !is_data(path) {
            self.findings.push(stray(path));
            // Nothing else is read as a data file.
            if path.is_dir() || !(is_like_data(path) || is_entry_of_other_name(path)) {
                return Ok(());
            }
            name = without_ending(name);
        }
        self.add_beside(path);
        // The file of an entry that is built in is the newer one.
        self.files
            .retain(|file| !(file.built_in && file.name == name));
        self.take(path, name)?;
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    /// Adds the captures beside a file, and findings for the files there that are neither data files nor
    /// captures. The folder may be anybody's, so only files count that are for an entry.
    fn add_beside(&mut self, path: &Path) {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        let is_of_all = [NUMBERS, SCHEMA]
            .iter()
            .any(|name| folder.join(name).exists());
        if is_of_all {
            return; // the folder of all vendors
        }
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = files
            .map(|found| path.with_file_name(found.file_name()))
            .filter(|file| file.is_file() && !is_same(file, path) && belongs_to_an_entry(file))
            .collect();
        files.sort();
        let others = files.iter().filter(|file| is_data(file));
        let others: Vec<String> = others.map(|file| contents(file)).collect();
        // Another data file names it.
        let is_named = |capture: &Path| {
            let name = capture.file_name().map(|name| name.to_string_lossy());
            let quoted = name.map(|name| format!("\"{name}\""));
            quoted.is_some_and(|name| others.iter().any(|text| text.contains(&name)))
        };
        for file in files {
            if is_capture(&file) {
                let is_known = self.captures.iter().any(|one| is_same(one, &file));
                if !is_known && !is_named(&file) {
                    self.captures.push(file);
                }
                continue;
            }
            let is_told = || self.findings.iter().any(|one| is_same(&one.file, &file));
            let is_lowercase = file.extension().is_some_and(|ending| ending == "toml");
            if !is_lowercase && is_stray(Path::new(""), folder, &file) && !is_told() {
                self.findings.push(stray(&file));
            }
        }
    }

    /// Reads the lists of kernels' tables.
    fn read_kernels(&mut self, folder: &Path) -> Result<(), Error> {
        let error = |error| Error::io("read the folder", folder, &error);
        let mut kernels = Vec::new();
        for found in fs::read_dir(folder).map_err(error)? {
            let path = found.map_err(error)?.path();
            if path.extension().is_none_or(|ending| ending != "txt") {
                continue;
            }
            let Some(list) = read_one(&path, name_of(&path), &mut self.findings)? else {
                continue;
            };
            match list.text.parse() {
                Ok(kernel) => kernels.push(kernel),
                Err(problem) => {
                    let help = "make it with acsctl quirk kernel";
                    let finding = fault(&list, Rule::KernelList, problem, help);
                    self.findings.push(finding);
                }
            }
        }
        self.kernels = Some(kernels::sorted(kernels.into_iter()));
        Ok(())
    }

    fn take(&mut self, path: &Path, name: String) -> Result<(), Error> {
        let file = read_one(path, name, &mut self.findings)?;
        self.files.extend(file);
        Ok(())
    }
}

/// The error for a file that cannot be read, with files beside it that have another ending.
fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let beside = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut strays: Vec<_> = beside
        .map(|found| found.path())
        .filter(|path| !is_data(path) && is_like_data(path))
        .map(|path| path.display().to_string())
        .collect();
    strays.sort();
    let shown = path.display();
    if strays.is_empty() {
        return Error::io("read", path, error);
    }
    Error::CouldNotRun(format!(
        "cannot read {shown}: {error}; a data file ends in .toml: rename {}",
        strays.join(", ")
    ))
}

/// The name of an entry, from a path with another ending than that of a data file.
fn without_ending(mut name: String) -> String {
    let end = name.rfind('/').map_or(0, |at| at + 1);
    let family = name[end..].find('.').map_or(name.len(), |at| end + at);
    name.truncate(family);
    name
}

/// Whether a file that is neither a data file nor a capture by its name is an entry by its contents,
/// without the data file that it would be.
fn is_entry_of_other_name(path: &Path) -> bool {
    if path.is_symlink() || is_capture(path) {
        return false;
    }
    let target = path.with_file_name(format!("{}.toml", family_of(path)));
    let text = contents(path);
    let has = |name: &str| {
        let mut keys = text.lines().filter_map(|line| line.split_once('='));
        keys.any(|(key, _)| key.trim_end() == name)
    };
    !target.exists() && has("schema") && has("status")
}

/// The part of a file's name before its first dot.
fn family_of(path: &Path) -> String {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// Whether the file's name is that of a capture.
fn is_capture(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

/// Whether a file is for an entry, by its name or its contents: a data file or a capture, also with another ending.
fn belongs_to_an_entry(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    let is_named = name.is_some_and(|name| !name.starts_with('.') && name.contains(".capture."));
    let has_functions = || is_capture(path) && contents(path).contains("\"functions\"");
    is_named || is_like_data(path) || is_entry_of_other_name(path) || has_functions()
}

/// The contents of a file that is not too large; empty if they cannot be read.
fn contents(path: &Path) -> String {
    let is_small = fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() <= MAX_SIZE);
    let bytes = is_small.then(|| fs::read(path).ok()).flatten();
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

/// Whether the file's name looks like that of a data file with something behind it.
fn is_like_data(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase());
    name.is_some_and(|name| !name.starts_with('.') && name.contains(".toml"))
}

/// The finding for a file in a vendor's folder that is neither a data file nor a capture.
fn stray(path: &Path) -> Finding {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let target = format!("{}.toml", family_of(path));
    let is_of_entry = is_capture(path) && path.with_file_name(&target).exists();
    let problem = if is_of_entry {
        format!("{name} is a capture, and not a data file")
    } else {
        format!("{name} is not a data file, and not a capture in the folder of a vendor")
    };
    let help = if is_of_entry {
        format!("name {target}: the check of an entry reads its captures")
    } else if path.is_dir() {
        "name the data files in it, or the folder of all vendors with --quirks".to_owned()
    } else if is_like_data(path) && path.with_file_name(&target).exists() {
        format!("take it out: {target} is beside it")
    } else if is_like_data(path) || is_entry_of_other_name(path) {
        format!("rename it to {target}")
    } else {
        "rename it, or take it out: a vendor's folder has data files (*.toml) and captures (*.json)"
            .to_owned()
    };
    fault(&nothing(path), Rule::FileName, problem, &help)
}

/// Findings for captures that no entry names. A capture beside the entry of its name is no orphan if
/// the entry needs no expectation (`is_spared`), or has faults that hide its expectations.
pub(crate) fn orphans(
    captures: &[PathBuf],
    named: &[PathBuf],
    is_spared: impl Fn(&Path, &str) -> bool,
) -> Vec<Finding> {
    let is_orphan = |capture: &&PathBuf| {
        let data = capture.with_file_name(format!("{}.toml", family_of(capture)));
        let name = capture.file_name().unwrap_or_default().to_string_lossy();
        !named.iter().any(|one| is_same(one, capture)) && !is_spared(&data, &name)
    };
    let orphans = captures.iter().filter(is_orphan);
    let each = orphans.map(|capture| {
        let name = capture
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let help = "name it in the [[expect]] of its entry, with the groups, or take it out";
        let problem = format!("no entry in this folder names the capture {name}");
        fault(&nothing(capture), Rule::CaptureOrphan, problem, help)
    });
    each.collect()
}

/// A file without text, for a finding on its name.
fn nothing(path: &Path) -> DataFile {
    DataFile {
        path: path.to_path_buf(),
        name: String::new(),
        text: String::new(),
        built_in: false,
    }
}

/// Whether two paths lead to the same file.
#[must_use]
pub fn is_same(one: &Path, other: &Path) -> bool {
    one == other
        || match (fs::canonicalize(one), fs::canonicalize(other)) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        }
}

/// The project's quirk database at build time.
static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../quirks");

/// The built-in files, for hosts without the source tree.
#[must_use]
pub fn built_in() -> Sources {
    let folders = BUILT_IN.dirs().flat_map(Dir::files);
    let files = folders.filter(|file| is_data(file.path()));
    let numbers = BUILT_IN.get_file(NUMBERS);
    let mut sources = Sources {
        kernels: None,
        numbers: numbers.and_then(|file| {
            Some(DataFile {
                path: Path::new("quirks").join(file.path()),
                name: name_of(file.path()),
                text: file.contents_utf8()?.to_owned(),
                built_in: true,
            })
        }),
        files: files
            .filter_map(|file| {
                Some(DataFile {
                    path: Path::new("quirks").join(file.path()),
                    name: name_of(file.path()),
                    text: file.contents_utf8()?.to_owned(),
                    built_in: true,
                })
            })
            .collect(),
        findings: Vec::new(),
        captures: Vec::new(),
    };
    sources.files.sort_by(|a, b| a.name.cmp(&b.name));
    sources
}

/// How a file differs from the one of its name in the database that is built in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Difference {
    None,
    Changed,
    Absent,
}

/// Compares a file with the one of its name in the database that is built in.
pub(crate) fn difference(file: &DataFile) -> Difference {
    match BUILT_IN.get_file(format!("{}.toml", file.name)) {
        None => Difference::Absent,
        Some(built_in) if built_in.contents() == file.text.as_bytes() => Difference::None,
        Some(_) => Difference::Changed,
    }
}

/// Whether the file's name is that of an entry. An extension in capitals counts too, because a
/// skipped file would look free of faults.
fn is_data(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
}

/// Whether a file in the folder `at` below `folder` has no place there.
fn is_stray(folder: &Path, at: &Path, path: &Path) -> bool {
    let is_hidden = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let is_of_vendor = at != folder && at != folder.join("kernels");
    let is_schema = path.file_name().is_some_and(|name| name == SCHEMA);
    !is_hidden && (is_of_vendor || is_like_data(path) || (is_capture(path) && !is_schema))
}

/// Reads every `*.toml` at any depth below `folder`.
///
/// # Errors
///
/// [`Error::CouldNotRun`] if something cannot be read, or if there is no such file, which most
/// likely means the wrong folder.
pub fn read(folder: &Path) -> Result<Sources, Error> {
    let mut sources = Sources::default();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for found in fs::read_dir(&at).map_err(|error| Error::io("read the folder", &at, &error))? {
            let found = found.map_err(|error| Error::io("read the folder", &at, &error))?;
            let path = found.path();
            let kind = found
                .file_type()
                .map_err(|error| Error::io("examine", &path, &error))?;
            if kind.is_dir() && is_data(&path) {
                sources.take(&path, name_of(path.strip_prefix(folder).unwrap_or(&path)))?;
            } else if kind.is_dir() {
                folders.push(path);
            } else if is_data(&path) || (kind.is_symlink() && path.is_dir()) {
                let name = name_of(path.strip_prefix(folder).unwrap_or(&path));
                sources.take(&path, name)?;
            } else if at.as_path() != folder && is_capture(&path) {
                sources.captures.push(path);
            } else if is_stray(folder, &at, &path) {
                sources.findings.push(stray(&path));
                let name = name_of(path.strip_prefix(folder).unwrap_or(&path));
                if is_entry_of_other_name(&path) {
                    sources.take(&path, without_ending(name))?;
                }
            }
        }
    }
    sources.captures.sort();
    if sources.files.is_empty() && sources.findings.is_empty() {
        return Err(Error::CouldNotRun(format!(
            "no data file (*.toml) below {}; name the right folder with --quirks",
            folder.display()
        )));
    }
    sources.files.sort_by(|a, b| a.name.cmp(&b.name));
    let list = folder.join(NUMBERS);
    if fs::symlink_metadata(&list).is_ok() {
        let name = name_of(Path::new(NUMBERS));
        sources.numbers = read_one(&list, name, &mut sources.findings)?;
    } else if folder.join(SCHEMA).exists() {
        // The folder is a database, and no collection of drafts.
        let problem = "the list of issued numbers is missing";
        let help = "restore it from the history of the folder: owners withdraw entries by number, so a \
                    number is never issued twice";
        let finding = fault(&nothing(&list), Rule::NumberList, problem, help);
        sources.findings.push(finding);
    }
    let lists = folder.join("kernels");
    if lists.is_dir() {
        sources.read_kernels(&lists)?;
    }
    Ok(sources)
}

/// The name of an entry, from its file's path below the folder.
fn name_of(below: &Path) -> String {
    let parts: Vec<_> = below
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}

/// Reads one file, or adds the findings that prevent it. A file with a wrong ending, or with some bytes
/// that are not UTF-8, has a finding and is read.
fn read_one(
    path: &Path,
    name: String,
    findings: &mut Vec<Finding>,
) -> Result<Option<DataFile>, Error> {
    let error = |error| Error::io("read", path, &error);
    let mut file = DataFile {
        path: path.to_path_buf(),
        name,
        text: String::new(),
        built_in: false,
    };
    let kind = fs::symlink_metadata(path).map_err(error)?.file_type();
    if is_data(path) && path.extension().is_none_or(|ending| ending != "toml") {
        let problem = "the ending is not in lowercase letters";
        let help = "name it so that it ends in .toml";
        findings.push(fault(&file, Rule::FileName, problem, help));
    }
    if kind.is_symlink() {
        let help = "put the file or folder itself there";
        findings.push(fault(&file, Rule::FileKind, "a symbolic link", help));
        return Ok(None);
    }
    // Opening a pipe would block.
    if !kind.is_file() {
        let help = "put a file there";
        findings.push(fault(&file, Rule::FileKind, "not a regular file", help));
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let opened = fs::File::open(path).map_err(error)?;
    opened
        .take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(error)?;
    if bytes.len() as u64 > MAX_SIZE {
        let problem = format!("larger than {} KiB", MAX_SIZE >> 10);
        let help = "an entry is a page of text; put captures and documents beside it";
        findings.push(fault(&file, Rule::FileSize, problem, help));
        return Ok(None);
    }
    match String::from_utf8(bytes) {
        Ok(text) => file.text = text,
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            file.text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let line = file.line(valid);
            let problem = format!("line {line} is not UTF-8");
            let help = "save the file as UTF-8";
            findings.push(fault(&file, Rule::FileEncoding, problem, help));
            // In UTF-16, every letter would be a fault.
            if file.text.contains('\0') {
                return Ok(None);
            }
        }
    }
    Ok(Some(file))
}

/// The finding for a file that is not read further.
fn fault(file: &DataFile, rule: Rule, problem: impl Into<String>, help: &str) -> Finding {
    let mut notes = Notes::on(file);
    notes.add(rule, &(0..0), "file", problem, help);
    notes.into_findings().remove(0)
}
