// SPDX-License-Identifier: GPL-2.0-only

//! Looks at the code in a module: whether it has what the kernel's configuration demands of code.
//! The kernel's own modules pass the same checks.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use boot::kernel::Kernel;
use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, InstructionInfoFactory};
use object::{
    File, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget, SectionFlags,
    SectionIndex, SymbolKind, elf,
};

/// What the configuration demands.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the kernel"
)]
#[derive(Clone, Copy, Debug)]
struct Demands {
    /// Functions that data refers to begin with ENDBR.
    endbr: bool,
    /// No RET: code returns through a thunk.
    return_thunk: bool,
    /// No indirect call or jump: they go through thunks.
    retpoline: bool,
    /// Bytes of NOP before each function.
    padding: u64,
    /// A table for the unwinder.
    orc: bool,
}

impl Demands {
    fn of(config: &str) -> Result<Self> {
        let is_set = |names: &[&str]| {
            let mut names = names.iter();
            names.any(|name| {
                config
                    .lines()
                    .any(|line| line == format!("CONFIG_{name}=y"))
            })
        };
        let padding = config
            .lines()
            .find_map(|line| line.strip_prefix("CONFIG_FUNCTION_PADDING_BYTES="));
        Ok(Self {
            endbr: is_set(&["X86_KERNEL_IBT"]),
            return_thunk: is_set(&["MITIGATION_RETHUNK", "RETHUNK"]),
            retpoline: is_set(&["MITIGATION_RETPOLINE", "RETPOLINE"]),
            padding: match padding {
                Some(bytes) if is_set(&["CALL_PADDING"]) => bytes.parse()?,
                _ => 0,
            },
            orc: is_set(&["UNWINDER_ORC"]),
        })
    }
}

/// A module as the checks read it.
struct Object<'a> {
    file: File<'a>,
    /// The sections with code. Replacements for instructions are not among them: the kernel patches them in for the
    /// processor that it finds.
    texts: HashMap<SectionIndex, &'a [u8]>,
    /// The functions in these sections: section, address, name.
    functions: Vec<(SectionIndex, u64, String)>,
}

impl<'a> Object<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self> {
        let file = File::parse(bytes)?;
        let mut texts = HashMap::new();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else {
                bail!("it is no ELF file");
            };
            let is_text = u64::from(elf::SHF_EXECINSTR) & sh_flags != 0
                && !section.name()?.starts_with(".altinstr");
            if is_text {
                texts.insert(section.index(), section.data()?);
            }
        }
        ensure!(!texts.is_empty(), "it has no code");

        let mut functions = Vec::new();
        for symbol in file.symbols() {
            let section = symbol.section_index().filter(|it| texts.contains_key(it));
            let is_function = symbol.kind() == SymbolKind::Text && symbol.size() > 0;
            if let Some(section) = section.filter(|_| is_function) {
                functions.push((section, symbol.address(), symbol.name()?.to_owned()));
            }
        }
        ensure!(!functions.is_empty(), "it has no functions");
        Ok(Self {
            file,
            texts,
            functions,
        })
    }

    /// The demands that the code breaks.
    fn broken(&self, demands: Demands) -> Result<BTreeSet<String>> {
        let mut broken = self.unpadded(demands.padding)?;
        broken.extend(self.instructions(demands)?);
        if demands.endbr {
            broken.extend(self.without_endbr()?);
        }
        let table = self.file.section_by_name(".orc_unwind");
        if demands.orc && table.is_none_or(|it| it.size() == 0) {
            broken.insert("there is no table for the unwinder".to_owned());
        }
        Ok(broken)
    }

    /// The functions in `.text` without `padding` bytes of NOP before them.
    fn unpadded(&self, padding: u64) -> Result<BTreeSet<String>> {
        let mut broken = BTreeSet::new();
        for (section, address, name) in &self.functions {
            // gcc moves the unlikely part of a function out of it, and nothing calls that part.
            if name.starts_with("__pfx_")
                || name.contains(".cold")
                || self.file.section_by_index(*section)?.name()? != ".text"
            {
                continue;
            }
            let before = address
                .checked_sub(padding)
                .and_then(|start| part(self.texts[section], start, *address));
            let is_padded = before.is_some_and(|before| {
                let mut decoder = Decoder::new(64, before, DecoderOptions::NONE);
                decoder.iter().all(|it| {
                    matches!(
                        it.code(),
                        Code::Nopw | Code::Nopd | Code::Nop_rm16 | Code::Nop_rm32
                    )
                })
            });
            if !is_padded {
                broken.insert(format!("{name} has no {padding} bytes of NOP before it"));
            }
        }
        Ok(broken)
    }

    /// The instructions that `demands` forbids.
    fn instructions(&self, demands: Demands) -> Result<BTreeSet<String>> {
        let mut broken = BTreeSet::new();
        // The kernel replaces these calls at load: paravirt_patch() in arch/x86/kernel/alternative.c.
        let patched = self.targets(|section| section == ".parainstructions")?;
        let mut info = InstructionInfoFactory::new();
        for (index, code) in &self.texts {
            let name = self.file.section_by_index(*index)?.name()?.to_owned();
            for instruction in &mut Decoder::new(64, code, DecoderOptions::NONE) {
                let at = || format!("{name}+{:#x}", instruction.ip());
                match instruction.flow_control() {
                    FlowControl::Return if demands.return_thunk => {
                        broken.insert(format!("{} returns without the thunk", at()));
                    }
                    FlowControl::IndirectBranch | FlowControl::IndirectCall
                        if demands.retpoline && !patched.contains(&(*index, instruction.ip())) =>
                    {
                        broken.insert(format!("{} branches indirectly", at()));
                    }
                    _ => {}
                }
                let mut registers = info.info(&instruction).used_registers().iter();
                if registers.any(|it| {
                    it.register().is_vector_register()
                        || it.register().is_st()
                        || it.register().is_mm()
                }) {
                    broken.insert(format!("{} uses a register of the FPU", at()));
                }
            }
        }
        Ok(broken)
    }

    /// The functions that data points to and that do not begin with ENDBR.
    fn without_endbr(&self) -> Result<BTreeSet<String>> {
        // The tables of the kernel's patching point to code, but nothing calls through them.
        let is_data = |section: &str| {
            !section.starts_with(".debug")
                && ![
                    "__patchable_function_entries",
                    "__mcount_loc",
                    ".parainstructions",
                ]
                .contains(&section)
        };
        let mut broken = BTreeSet::new();
        for (section, address) in self.targets(is_data)? {
            let code = part(self.texts[&section], address, u64::MAX).unwrap_or(&[]);
            let first = Decoder::new(64, code, DecoderOptions::NONE).decode();
            let mut functions = self.functions.iter();
            let function = functions.find(|it| (it.0, it.1) == (section, address));
            let name = function.map_or("?", |(.., name)| name);
            // A tracepoint has the address of its static call's trampoline, which the kernel patches and calls directly.
            if first.code() != Code::Endbr64 && !name.starts_with("__SCT__") {
                broken.insert(format!(
                    "{name} is pointed to and does not begin with ENDBR"
                ));
            }
        }
        Ok(broken)
    }

    /// The places in code whose 64-bit addresses are in the sections that `is_wanted` accepts: their sections and
    /// addresses.
    fn targets(&self, is_wanted: impl Fn(&str) -> bool) -> Result<HashSet<(SectionIndex, u64)>> {
        let mut found = HashSet::new();
        for section in self.file.sections() {
            if self.texts.contains_key(&section.index()) || !is_wanted(section.name()?) {
                continue;
            }
            for (_, relocation) in section.relocations() {
                let RelocationTarget::Symbol(symbol) = relocation.target() else {
                    continue;
                };
                let symbol = self.file.symbol_by_index(symbol)?;
                let object::RelocationFlags::Elf { r_type } = relocation.flags() else {
                    continue;
                };
                if r_type != elf::R_X86_64_64 {
                    continue;
                }
                let address = symbol.address().checked_add_signed(relocation.addend());
                let section = symbol
                    .section_index()
                    .filter(|index| self.texts.contains_key(index));
                found.extend(section.zip(address));
            }
        }
        Ok(found)
    }
}

/// The bytes from `start` to `end`, or to the end of the section.
fn part(section: &[u8], start: u64, end: u64) -> Option<&[u8]> {
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(section.len());
    section.get(index(start)..index(end))
}

/// The bytes of a module, which may be compressed.
fn read(path: &Path) -> Result<Vec<u8>> {
    if path.extension().is_some_and(|extension| extension == "xz") {
        let output = Command::new("xz").arg("-dc").arg(path).output()?;
        ensure!(
            output.status.success(),
            "cannot decompress {}",
            path.display()
        );
        return Ok(output.stdout);
    }
    Ok(fs::read(path)?)
}

/// Checks the modules that guests of `kernel` load: the editions of the project, and with the same demands modules of the
/// kernel itself.
pub(crate) fn check(kernel: &Kernel) -> Result<()> {
    if kernel.arch.name != "amd64" {
        return Ok(());
    }
    let config = Path::new("/lib/modules")
        .join(&kernel.release)
        .join("build/.config");
    let demands = Demands::of(&fs::read_to_string(config)?)?;
    let installed = kernel.modules.join("lib/modules").join(&kernel.release);
    let found = Command::new("find")
        .arg(&installed)
        .args(["-name", "*.ko*"])
        .output()?;
    let found = String::from_utf8(found.stdout)?;
    for name in ["/vfio.ko", "/acs_quirks.ko"] {
        ensure!(found.contains(name), "no {name} in {}", installed.display());
    }
    for file in found.lines().map(Path::new) {
        let bytes = read(file)?;
        let broken = Object::parse(&bytes)
            .and_then(|object| object.broken(demands))
            .with_context(|| file.display().to_string())?;
        ensure!(
            broken.is_empty(),
            "{}: {demands:?}: {broken:#?}",
            file.display()
        );
    }
    Ok(())
}

/// Code of a compiler without the kernel's options breaks every demand.
pub(crate) fn other_code_is_found() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (source, object) = (folder.path().join("a.c"), folder.path().join("a.o"));
    let code = "double half(double x) { return x / 2; }\n\
                int call(int (*f)(void)) { return f() + 1; }\n\
                void *const table[] = { half };\n";
    fs::write(&source, code)?;
    let status = Command::new("gcc")
        .args(["-O2", "-c", "-fcf-protection=none", "-o"])
        .args([&object, &source])
        .status()?;
    ensure!(status.success(), "it does not compile");
    let demands = Demands::of(
        "CONFIG_X86_KERNEL_IBT=y\nCONFIG_RETHUNK=y\nCONFIG_MITIGATION_RETPOLINE=y\nCONFIG_UNWINDER_ORC=y\n\
         CONFIG_CALL_PADDING=y\nCONFIG_FUNCTION_PADDING_BYTES=16\n",
    )?;
    let broken = Object::parse(&fs::read(&object)?)?.broken(demands)?;
    for demand in [
        "half has no 16 bytes of NOP",
        "returns without the thunk",
        "branches indirectly",
        "uses a register of the FPU",
        "half is pointed to and does not begin with ENDBR",
        "no table for the unwinder",
    ] {
        ensure!(
            broken.iter().any(|it| it.contains(demand)),
            "not found: {demand}: {broken:#?}"
        );
    }
    Ok(())
}
