// SPDX-License-Identifier: GPL-2.0-only

//! Reads a topology from a file.

use std::{fs::File, io::Read as _, path::Path};

use serde_json::{Value, error::Category};

use crate::{Topology, check, error::Error, lspci};

/// The largest accepted file, in bytes; enough for some 40000 functions.
pub const MAX_BYTES: usize = 16 << 20;

/// Reads and checks a topology: a file in the project's format, or lspci output.
///
/// # Errors
///
/// [`Error`] if the file cannot be read, is too large, or is not a valid topology.
pub fn read(path: &Path) -> Result<Topology, Error> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| Error::io(path, &error))?;
    let name = path.display().to_string();
    let text = String::from_utf8(bytes).or_else(|error| {
        // Strings that devices store, and lspci prints, may have any bytes.
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        if lspci::is_lspci(&text) {
            return Ok(text);
        }
        let remedy = "use a file that \"acsctl\" has written, or what lspci has printed";
        Err(Error::at(&name, "", "is not text in UTF-8", remedy))
    })?;
    parse(&name, &text)
}

/// As [`read`], from text; `name` is its name in messages.
///
/// # Errors
///
/// [`Error`] if the text is too long or is not a valid topology.
pub fn parse(name: &str, text: &str) -> Result<Topology, Error> {
    if text.len() > MAX_BYTES {
        let problem = format!("is larger than {} MiB", MAX_BYTES >> 20);
        return Err(Error::at(
            name,
            "",
            problem,
            "no machine has so many functions; capture it again",
        ));
    }
    if lspci::is_lspci(text) {
        return lspci::parse(name, text);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let topology: Topology = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        of_json(name, text, &path, error.inner())
    })?;
    json.end()
        .map_err(|error| of_json(name, text, ".", &error))?;
    check::check(name, &topology)?;
    Ok(topology)
}

/// The error of the JSON reader for the value at `path`.
fn of_json(name: &str, text: &str, path: &str, error: &serde_json::Error) -> Error {
    let remedy = match error.classify() {
        Category::Data => "see Documentation/topology.md for what may stand there",
        Category::Eof => "the end is missing: copy the file again",
        Category::Syntax | Category::Io => "write it as JSON",
    };
    // The message ends with line and column.
    let mut problem = error.to_string();
    if let Some(end) = problem.rfind(" at line ") {
        problem.truncate(end);
    }
    let place = match (path, address(text, path)) {
        (".", _) => String::new(),
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
