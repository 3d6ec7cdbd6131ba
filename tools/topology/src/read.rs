// SPDX-License-Identifier: GPL-2.0-only

//! Reads a topology from a file.

use std::{collections::BTreeMap, fs::File, io::Read as _, path::Path};

use serde_json::{Value, error::Category};

use crate::{
    Bdf, Function, Header, Hex, Host, Topology, check,
    error::Error,
    form,
    groups::{self, Listed},
    lspci, merge, text,
};

/// The largest accepted file, in bytes; enough for some 40000 functions.
pub const MAX_BYTES: usize = 16 << 20;

/// Reads and checks a topology: a capture, a text that shows functions or groups, or a folder that
/// is a copy of sysfs. `-` is the standard input.
///
/// # Errors
///
/// [`Error`] if the file cannot be read, is too large, or is not a valid topology.
pub fn read(path: &Path) -> Result<Topology, Error> {
    finished(&path.display().to_string(), part(path)?)
}

/// Reads one machine from several files: what each of them shows, taken together.
///
/// # Errors
///
/// As [`read`], and [`Error`] if two files show different values of the same property.
pub fn read_all<P: AsRef<Path>>(paths: &[P]) -> Result<Topology, Error> {
    let names: Vec<_> = paths
        .iter()
        .map(|path| path.as_ref().display().to_string())
        .collect();
    let name = names.join(" with ");
    let mut merged: Option<Topology> = None;
    for path in paths {
        let part = part(path.as_ref())?;
        merged = Some(match merged {
            None => part,
            Some(before) => merge::machines(&name, before, part)?,
        });
    }
    let mut merged = merged.unwrap_or_default();
    if paths.len() > 1 {
        lspci::derive(&mut merged);
    }
    finished(&name, merged)
}

/// Reads what a file shows, which need not be enough.
fn part(path: &Path) -> Result<Topology, Error> {
    if path.is_dir() {
        return Host::copied(path).capture();
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let is_standard = path == Path::new("-");
    let read = if is_standard {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|error| Error::io(path, &error))?;
    let name = if is_standard {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    check_size(&name, bytes.len())?;
    let text = text::decode(&bytes).map_err(|what| {
        let remedy =
            "unpack it, or use a file that \"acsctl\" has written, or what lspci has printed";
        Error::at(&name, "", what, remedy)
    })?;
    of_text(&name, &text)
}

fn check_size(name: &str, bytes: usize) -> Result<(), Error> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let problem = format!("is larger than {} MiB", MAX_BYTES >> 20);
    let remedy = "no machine has so many functions; capture it again";
    Err(Error::at(name, "", problem, remedy))
}

/// As [`read`], from text; `name` is its name in messages.
///
/// # Errors
///
/// [`Error`] if the text is too long or is not a valid topology.
pub fn parse(name: &str, text: &str) -> Result<Topology, Error> {
    check_size(name, text.len())?;
    finished(name, of_text(name, text)?)
}

/// Reads a text of any known form.
fn of_text(name: &str, text: &str) -> Result<Topology, Error> {
    let begin = text.trim_start();
    if begin.starts_with(['{', '[']) {
        if let Some(listed) = groups::json(text) {
            check_listed(name, &listed)?;
            return Ok(of_listed(&listed));
        }
        if form::is_capture(name, text)? {
            return of_capture(name, text);
        }
    }
    let lines = text::lines(text);
    form::check(name, &lines)?;
    let lines = groups::split(groups::without_tree(lines));
    let (tables, lines) = groups::table(name, lines)?;
    let records = groups::records(name, &lines)?;
    let listed = [groups::libvirt(name, &lines)?, tables, records].concat();
    if !listed.is_empty() {
        check_listed(name, &listed)?;
        let listed = of_listed(&listed);
        // Whether the same text also has the output of lspci, or a list of groups.
        if !lines.iter().any(|line| form::is_of_machine(&line.text)) {
            return Ok(listed);
        }
        let mut topology = merge::machines(name, lspci::parse(name, &lines)?, listed)?;
        lspci::derive(&mut topology);
        return Ok(topology);
    }
    let mut topology = lspci::parse(name, &lines)?;
    lspci::derive(&mut topology);
    if topology.functions.is_empty() {
        return Err(form::unread(name, &lines));
    }
    Ok(topology)
}

/// Reads a text that is a capture.
fn of_capture(name: &str, text: &str) -> Result<Topology, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let topology: Topology = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        of_json(name, text, &path, error.inner())
    })?;
    json.end()
        .map_err(|error| of_json(name, text, ".", &error))?;
    Ok(topology)
}

/// Checks that a list gives each function one group.
fn check_listed(name: &str, listed: &[Listed]) -> Result<(), Error> {
    let mut groups: BTreeMap<Bdf, &Listed> = BTreeMap::new();
    for one in listed {
        let before = groups
            .get(&one.bdf)
            .and_then(|before| before.group.map(|group| (before.line, group)));
        if let (Some((line, before)), Some(group)) = (before, one.group) {
            if before != group {
                let place = match line {
                    0 => "an earlier one".to_owned(),
                    line => format!("that in line {line}"),
                };
                let problem = format!("its IOMMU group differs from {place}");
                let remedy = "put each machine into a file of its own";
                return Err(Error {
                    line: Some(one.line).filter(|&line| line > 0),
                    ..Error::at(name, one.bdf, problem, remedy)
                });
            }
        }
        if one.group.is_some() || !groups.contains_key(&one.bdf) {
            groups.insert(one.bdf, one);
        }
    }
    Ok(())
}

/// The machine of a list without capabilities.
fn of_listed(listed: &[Listed]) -> Topology {
    let mut functions: BTreeMap<Bdf, Function> = BTreeMap::new();
    for one in listed {
        let function = functions
            .entry(one.bdf)
            .or_insert_with(|| lspci::unknown(one.bdf));
        function.iommu_group = function.iommu_group.or(one.group);
        function.group_known = function.iommu_group.is_some();
        function.class = function.class.or(one.class);
        if let Some(vendor) = one.vendor {
            function.vendor = Hex::id(vendor);
            function.device = one.device.map(Hex::id);
        }
        if function.class.is_some_and(|class| class.0 >> 8 == 0x0604) {
            function.header = Header::Bridge;
        }
    }
    Topology {
        evidence: vec!["group list".to_owned()],
        functions: functions.into_values().collect(),
        ..Topology::default()
    }
}

/// Checks what was read.
fn finished(name: &str, mut topology: Topology) -> Result<Topology, Error> {
    check::check(name, &topology)?;
    let is_grouped = topology
        .functions
        .iter()
        .any(|one| one.iommu_group.is_some());
    if !is_grouped {
        for function in &mut topology.functions {
            function.group_known = true;
        }
    }
    let is_text =
        !topology.evidence.is_empty() && !topology.evidence.iter().any(|one| one == "sysfs");
    match form::lacks_capabilities(&topology).filter(|_| is_text && !is_grouped) {
        Some((problem, remedy)) => Err(Error::at(name, "", problem, remedy)),
        None => Ok(topology),
    }
}

/// The error of the JSON reader for the value at `path`.
fn of_json(name: &str, text: &str, path: &str, error: &serde_json::Error) -> Error {
    let is_other_key = error.to_string().starts_with("unknown field ");
    let remedy = match error.classify() {
        // The reader's own words have every key there is.
        Category::Data if is_other_key => {
            "take it out; Documentation/topology.md has all keys, and there is none for serial numbers or VPD"
        }
        Category::Data => "see Documentation/topology.md for what may stand there",
        Category::Eof => "the end is missing: copy the file again",
        Category::Syntax | Category::Io => "write it as JSON",
    };
    // The message ends with line and column.
    let mut problem = error.to_string();
    if let Some(end) = problem.rfind(" at line ") {
        problem.truncate(end);
    }
    if is_other_key {
        "a capture has no such key".clone_into(&mut problem);
    }
    // Behind a fault of the syntax, the reader does not know the key, and writes "?".
    let path = path.strip_suffix('?').unwrap_or(path);
    let path = path
        .strip_suffix('.')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(path);
    let place = match (path, address(text, path)) {
        ("." | "", _) => String::new(),
        (path, None) => path.to_owned(),
        (path, Some(address)) => format!("{path} ({address})"),
    };
    Error {
        line: Some(error.line()).filter(|&line| line > 0),
        ..Error::at(name, place, problem, remedy)
    }
}

/// The address of the function that contains `path`, such as `functions[3].vendor`.
fn address(text: &str, path: &str) -> Option<String> {
    let (index, _) = path.strip_prefix("functions[")?.split_once(']')?;
    let whole: Value = serde_json::from_str(text).ok()?;
    let function = whole.get("functions")?.get(index.parse::<usize>().ok()?)?;
    Some(
        function
            .get("bdf")?
            .as_str()?
            .escape_debug()
            .take(40)
            .collect(),
    )
}
