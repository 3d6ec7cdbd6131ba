// SPDX-License-Identifier: GPL-2.0-only

//! Finds the bus numbers of functions that `lspci -P` shows by the bridges above them.

use std::collections::BTreeMap;

use super::{AGAIN, found::Block, recognise::Place};
use crate::{Bdf, Error, bdf};

/// The address of each function, in the order of the text.
///
/// # Errors
///
/// A function below a bridge whose buses the text does not show.
pub(super) fn addresses(name: &str, blocks: &[Block]) -> Result<Vec<Bdf>, Error> {
    let mut found = Vec::with_capacity(blocks.len());
    // The secondary bus of each bridge, by its path.
    let mut buses: BTreeMap<String, (Bdf, u8)> = BTreeMap::new();
    for block in blocks {
        let (path, bdf) = match &block.place {
            Place::Address(bdf) => (block.shown(), *bdf),
            Place::Path(path) => (path.clone(), of_path(path, &buses).ok_or_else(|| Error::at(
                    name,
                    path,
                    "is shown without its bus number, and the text does not show which bus the bridge above leads to",
                    AGAIN,
                ).on_line(block.line))?),
        };
        let secondary = block.lines.iter().find_map(|(_, line)| {
            let (_, rest) = line.strip_prefix("bus: ")?.split_once("secondary=")?;
            u8::from_str_radix(rest.get(..2)?, 16).ok()
        });
        if let Some(bus) = secondary {
            buses.insert(normal(&path), (bdf, bus));
        }
        found.push(bdf);
    }
    Ok(found)
}

/// A path with the whole address of its first part.
fn normal(path: &str) -> String {
    let (first, rest) = path
        .split_once('/')
        .map_or((path, ""), |(first, rest)| (first, rest));
    let first = bdf::shown(first).map_or_else(|| first.to_owned(), |bdf| bdf.to_string());
    if rest.is_empty() {
        first
    } else {
        format!("{first}/{rest}").to_ascii_lowercase()
    }
}

fn of_path(path: &str, buses: &BTreeMap<String, (Bdf, u8)>) -> Option<Bdf> {
    let (above, last) = path.rsplit_once('/')?;
    let (bridge, bus) = buses.get(&normal(above))?;
    let bdf = bdf::shown(&format!("00:{last}"))?;
    Some(Bdf {
        domain: bridge.domain,
        bus: *bus,
        ..bdf
    })
}
