// SPDX-License-Identifier: GPL-2.0-only

//! The guest's initramfs: busybox, kmod with its libraries, the modules, acsctl and the programs of
//! `tests/guest`, and an init.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufWriter, Cursor, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use cpio::newc::{self, Builder, ModeFileType};

use crate::{arch::Arch, kernel::Kernel};

const INIT: &[u8] = include_bytes!("../guest/init");
/// Scripts for the guest's shell, in addition to the programs.
const SCRIPTS: [(&str, &[u8]); 4] = [
    ("to-vfio", include_bytes!("../guest/to-vfio")),
    ("hold", include_bytes!("../guest/hold")),
    ("release", include_bytes!("../guest/release")),
    ("user-mode", include_bytes!("../guest/user-mode")),
];
/// kmod opens this library at run time to read compressed modules, so kmod's list of needed
/// libraries lacks it.
const LZMA: &str = "liblzma.so.5";
/// Names that kmod provides.
const KMOD_NAMES: [&str; 3] = ["modprobe", "rmmod", "modinfo"];

/// Writes the initramfs for `kernel` to `out`, an uncompressed cpio archive.
///
/// # Errors
///
/// When a program is missing, or the archive cannot be written.
pub fn write(kernel: &Kernel, out: &Path) -> Result<()> {
    let file = File::create(out).with_context(|| format!("cannot write {}", out.display()))?;
    let mut archive = Archive {
        out: BufWriter::new(file),
        folders: BTreeSet::new(),
    };
    for folder in ["dev", "proc", "sys", "run", "tmp"] {
        archive.folder(Path::new(folder))?;
    }
    archive.file(Path::new("init"), INIT, true)?;
    for (name, script) in SCRIPTS {
        archive.file(&Path::new("bin").join(name), script, true)?;
    }
    let programs = Path::new(kernel.arch.programs);
    let kmod = programs.join("kmod");
    archive.copy(&programs.join("busybox"), Path::new("bin/busybox"))?;
    archive.copy(&kmod, Path::new("sbin/kmod"))?;
    for name in KMOD_NAMES {
        archive.link(&Path::new("sbin").join(name), "kmod")?;
    }
    let folder = Path::new(kernel.arch.libraries);
    let lzma = folder.join(LZMA);
    let mut found = libraries(&kmod, folder)?;
    found.extend(libraries(&lzma, folder)?);
    found.insert(lzma);
    for library in &found {
        archive.here(library)?;
    }
    archive.tree(&kernel.modules, Path::new(""))?;
    archive
        .tree(&kernel.programs, Path::new("bin"))
        .context("the programs for guests are missing; run: make boot-test")?;
    archive.finish()
}

/// Appends files to the initramfs `archive`. Each is a path without a leading slash, and content.
///
/// # Errors
///
/// When the archive cannot be written.
pub fn append<'a>(archive: &Path, files: impl Iterator<Item = (String, &'a [u8])>) -> Result<()> {
    let mut archive = reopen(archive)?;
    for (path, content) in files {
        archive.file(Path::new(&path), content, false)?;
    }
    archive.finish()
}

/// Appends a program of the build root to the initramfs `archive`, with its libraries and the
/// `files` that it reads, libraries with those that they need. Each keeps its path.
///
/// # Errors
///
/// When one of them is missing, or the archive cannot be written.
pub fn append_program(
    archive: &Path,
    arch: &Arch,
    program: &Path,
    files: &[PathBuf],
) -> Result<()> {
    let mut archive = reopen(archive)?;
    let mut all = BTreeSet::from([program.to_owned()]);
    all.extend(files.iter().cloned());
    let is_library = |file: &&PathBuf| file.to_string_lossy().contains(".so");
    let own = files.iter().filter(is_library);
    for file in own.map(PathBuf::as_path).chain([program]) {
        all.extend(libraries(file, Path::new(arch.libraries))?);
    }
    for file in &all {
        archive.here(file)?;
    }
    archive.finish()
}

/// Opens an archive to append another: the kernel unpacks a sequence of archives as one.
fn reopen(archive: &Path) -> Result<Archive> {
    let file = File::options().append(true).open(archive)?;
    // Each archive begins at a multiple of four bytes.
    let length = file.metadata()?.len();
    let mut out = BufWriter::new(file);
    let padding = usize::try_from(length.next_multiple_of(4) - length)?;
    out.write_all(&[0; 3][..padding])?;
    Ok(Archive {
        out,
        folders: BTreeSet::new(),
    })
}

/// The dynamic loader and the shared libraries in `folder` that a program or library needs.
/// `readelf` finds them: programs of another architecture cannot run here.
fn libraries(program: &Path, folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut left = vec![program.to_owned()];
    while let Some(file) = left.pop() {
        let output = Command::new("readelf")
            .args(["--wide", "--program-headers", "--dynamic"])
            .arg(&file)
            .output()?;
        if !output.status.success() {
            bail!("readelf cannot read {}; run: make root", file.display());
        }
        let text = String::from_utf8(output.stdout)?;
        let named = |begin: &'static str| {
            let rests = text.split(begin).skip(1);
            rests.filter_map(|rest| rest.split(']').next())
        };
        let loader = named("program interpreter: ").map(PathBuf::from);
        // A program may have a folder for libraries of its own.
        let in_own = |name: &str| {
            let mut paths = named("Library runpath: [").map(|own| Path::new(own).join(name));
            paths.find(|path| path.exists())
        };
        let needed = named("Shared library: [")
            .map(|name| in_own(name).unwrap_or_else(|| folder.join(name)));
        for path in loader.chain(needed) {
            if found.insert(path.clone()) {
                left.push(path);
            }
        }
    }
    Ok(found)
}

/// An archive that is being written.
struct Archive {
    out: BufWriter<File>,
    folders: BTreeSet<PathBuf>,
}

impl Archive {
    fn entry(&mut self, path: &Path, kind: ModeFileType, mode: u32, data: &[u8]) -> Result<()> {
        let name = path.to_str().context("a file name is not UTF-8")?;
        let header = Builder::new(name)
            .mode(mode)
            .nlink(1)
            .set_mode_file_type(kind);
        let mut writer = header.write(&mut self.out, u32::try_from(data.len())?);
        writer.write_all(data)?;
        writer.finish()?;
        Ok(())
    }

    /// Adds a folder and its parents, each once.
    fn folder(&mut self, path: &Path) -> Result<()> {
        if path.as_os_str().is_empty() || !self.folders.insert(path.to_owned()) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        self.entry(path, ModeFileType::Directory, 0o755, &[])
    }

    fn file(&mut self, path: &Path, data: &[u8], executable: bool) -> Result<()> {
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        let mode = if executable { 0o755 } else { 0o644 };
        self.entry(path, ModeFileType::Regular, mode, data)
    }

    fn link(&mut self, path: &Path, target: &str) -> Result<()> {
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        self.entry(path, ModeFileType::Symlink, 0o777, target.as_bytes())
    }

    fn copy(&mut self, from: &Path, to: &Path) -> Result<()> {
        let data = fs::read(from).with_context(|| {
            format!(
                "{} is missing in the build root; run: make root",
                from.display()
            )
        })?;
        self.file(to, &data, true)
    }

    /// Adds a file of the build root under its own path.
    fn here(&mut self, path: &Path) -> Result<()> {
        self.copy(path, path.strip_prefix("/")?)
    }

    /// Adds everything below `from` except links: a folder of installed modules links to its
    /// sources.
    fn tree(&mut self, from: &Path, to: &Path) -> Result<()> {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let inside = to.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.tree(&entry.path(), &inside)?;
            } else if kind.is_file() {
                self.copy(&entry.path(), &inside)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        let mut end = Cursor::new(Vec::new());
        newc::trailer(&mut end)?;
        self.out.write_all(end.get_ref())?;
        self.out.flush()?;
        Ok(())
    }
}
