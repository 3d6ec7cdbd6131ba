// SPDX-License-Identifier: GPL-2.0-only

//! The basic blocks of the project's modules that ran in guests, as `tests/kernel/coverage/main.c` records them, and
//! the source lines that they are from.

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsStr,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail, ensure};
use object::{
    File, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionFlags, elf,
};

use crate::{
    kernel::{Kernel, cache},
    vm::Vm,
};

/// What the compilers call in each block.
const CALLED: &str = "__sanitizer_cov_trace_pc";
/// The bytes from the address in the relocation of a call to the next instruction.
const TO_NEXT: u64 = 4;
/// The operation code of a near call. At the end of a function, the compilers jump instead, and the recorded place is
/// after the call of the function.
const CALL: u8 = 0xe8;
/// The ending of the names of the files with the blocks that ran in a guest.
const ENDING: &str = "coverage";

/// A place in a module's memory: whether it is in the text that is freed after initialization, and the offset.
type Place = (bool, u64);

/// The source lines of each file that have code, and whether any block of the line ran. Paths are relative to the
/// project.
pub type Lines = BTreeMap<(String, u32), bool>;

/// Saves the blocks that ran in the guest since it booted, beside its log. A guest that does not answer any more
/// has none to save.
pub(crate) fn save(vm: &mut Vm, log: &Path) -> Result<()> {
    let Ok(answer) = vm.run("cat /sys/kernel/debug/acs_quirks_coverage 2>/dev/null") else {
        return Ok(());
    };
    let file = log.with_extension(ENDING);
    fs::create_dir_all(file.parent().context("it is in a folder")?)?;
    Ok(fs::write(file, answer.text)?)
}

/// The lines of the modules' sources, from all guests of the kernel that ran since the modules were built.
///
/// # Errors
///
/// When no guest has recorded a block, or most of what a guest has recorded is no block of the module.
pub fn lines(kernel: &Kernel) -> Result<Lines> {
    let folder = cache()?.join("modules").join(&kernel.name);
    let mut modules = BTreeMap::new();
    for path in files(&folder, "ko")? {
        let name = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        modules.insert(name.to_owned(), path.clone());
    }
    let built = modules.values().map(|path| fs::metadata(path)?.modified());
    let built = built.collect::<std::io::Result<Vec<_>>>()?;
    let built = built.into_iter().max().context("no module was built")?;
    let mut ran: BTreeMap<String, HashSet<Place>> = BTreeMap::new();
    for path in files(&kernel.logs, ENDING)? {
        if fs::metadata(&path)?.modified()? < built {
            continue;
        }
        for line in fs::read_to_string(&path)?.lines() {
            let (module, place) =
                parse(line).with_context(|| format!("{}: {line}", path.display()))?;
            ran.entry(module.to_owned()).or_default().insert(place);
        }
    }
    ensure!(
        !ran.is_empty(),
        "no guest on {} has recorded which code ran",
        kernel.name
    );
    let mut lines = Lines::new();
    for (module, ran) in ran {
        let path = modules
            .get(&module)
            .with_context(|| format!("there is no {module}.ko"))?;
        let blocks = blocks(path)?;
        let places: HashSet<_> = blocks.iter().map(|block| block.place).collect();
        ensure!(
            places.intersection(&ran).count() > ran.len() / 2,
            "most of what ran of {} is no block of it: boot the modules that are there",
            path.display()
        );
        for (block, line) in blocks.iter().zip(sources(path, &blocks)?) {
            if let Some(line) = line {
                *lines.entry(line).or_default() |= ran.contains(&block.place);
            }
        }
    }
    Ok(lines)
}

fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    let has_ending = |path: &PathBuf| path.extension().is_some_and(|found| found == ending);
    Ok(paths.into_iter().filter(has_ending).collect())
}

fn parse(line: &str) -> Result<(&str, Place)> {
    let mut words = line.split(' ');
    let mut word = || words.next().context("a word is missing");
    let module = word()?;
    let is_init = match word()? {
        "text" => false,
        "init" => true,
        other => bail!("{other} is neither text nor init"),
    };
    Ok((module, (is_init, u64::from_str_radix(word()?, 16)?)))
}

/// A block of a module.
struct Block {
    place: Place,
    section: String,
    /// The address in the section.
    address: u64,
}

/// The blocks of a module, by the calls in it. The kernel puts the sections with code behind each other
/// (`layout_sections()` in `kernel/module/main.c`).
fn blocks(path: &Path) -> Result<Vec<Block>> {
    let bytes = fs::read(path)?;
    let file = File::parse(&*bytes)?;
    let mut ends = [0u64; 2];
    let mut blocks = Vec::new();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags } = section.flags() else {
            continue;
        };
        let of_code = u64::from(elf::SHF_ALLOC | elf::SHF_EXECINSTR);
        if sh_flags & of_code != of_code {
            continue;
        }
        let name = section.name()?;
        let is_init = name.starts_with(".init");
        let end = &mut ends[usize::from(is_init)];
        let begin = end.next_multiple_of(section.align().max(1));
        *end = begin + section.size();
        let code = section.data()?;
        for (at, relocation) in section.relocations() {
            let RelocationTarget::Symbol(symbol) = relocation.target() else {
                continue;
            };
            let before = usize::try_from(at)?.checked_sub(1);
            let is_call = before.and_then(|at| code.get(at)) == Some(&CALL);
            if is_call && file.symbol_by_index(symbol)?.name()? == CALLED {
                blocks.push(Block {
                    place: (is_init, begin + at + TO_NEXT),
                    section: name.to_owned(),
                    address: at + TO_NEXT,
                });
            }
        }
    }
    Ok(blocks)
}

/// The source line of each block, by the module's debugging information: of inlined code, the innermost line that is
/// in the project. `None` for code of the compiler's library.
fn sources(path: &Path, blocks: &[Block]) -> Result<Vec<Option<(String, u32)>>> {
    let mut found = Vec::new();
    for of in blocks.chunk_by(|a, b| a.section == b.section) {
        let mut child = Command::new("addr2line")
            .args([
                "--inlines",
                "--addresses",
                "--section",
                &of[0].section,
                "--exe",
            ])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start addr2line")?;
        let mut to = child.stdin.take().context("addr2line has no input")?;
        // Within the call, which is the block's.
        let addresses: Vec<_> = of
            .iter()
            .map(|block| format!("{:#x}\n", block.address - 1))
            .collect();
        let writer = thread::spawn(move || to.write_all(addresses.concat().as_bytes()));
        let output = child.wait_with_output()?;
        ensure!(
            writer.join().is_ok_and(|written| written.is_ok()),
            "addr2line reads nothing"
        );
        let text = String::from_utf8(output.stdout)?;
        let before = found.len();
        for line in text.lines() {
            if line.starts_with("0x") {
                found.push(None);
            } else if let Some(last) = found.last_mut().filter(|last| last.is_none()) {
                *last = in_project(line);
            }
        }
        ensure!(
            found.len() - before == of.len(),
            "addr2line did not answer for each block"
        );
    }
    Ok(found)
}

/// A line of the module's own source: `/cache/modules/NAME/src/rules/decision.rs:12 (discriminator 3)`, or another
/// edition's path to it, `/cache/modules/NAME/src/candidates/../rules/decision.rs:12`.
fn in_project(line: &str) -> Option<(String, u32)> {
    let (path, number) = line.rsplit_once(':')?;
    let (_, path) = path.split_once("@coverage/")?;
    let mut parts = Vec::new();
    for part in path.split('/') {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    let number = number.split(' ').next()?.parse().ok()?;
    (parts.first() == Some(&"src")).then(|| (parts.join("/"), number))
}
