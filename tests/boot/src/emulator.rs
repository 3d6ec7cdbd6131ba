// SPDX-License-Identifier: GPL-2.0-only

//! Emulated functions. Each is a process that runs `server.rs`.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::{
    server::{Order, READY},
    space::Space,
};

/// The server program. It is in the folder of the running program or, for a test, in the folder
/// above.
const PROGRAM: &str = "emulate";

/// An emulated function in service. Dropping it ends the server. Drop it after QEMU has ended.
#[derive(Debug)]
pub struct Served {
    path: PathBuf,
    space: Space,
    process: Process,
}

#[derive(Debug)]
struct Process {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    /// Starts to serve `space` on a socket at `path`.
    ///
    /// # Errors
    ///
    /// When the program is missing, or cannot make the socket.
    pub fn start(space: Space, path: &Path) -> Result<Self> {
        Ok(Self {
            process: Process::start(&space, path)?,
            path: path.to_owned(),
            space,
        })
    }

    /// Makes the function answer `reads` further reads, and then read as all ones.
    ///
    /// # Errors
    ///
    /// When the server process is gone.
    pub fn answer(&mut self, reads: u64) -> Result<()> {
        self.process.tell(&Order::Answer(reads))
    }

    /// Kills the server process. QEMU sees a device that was removed by surprise.
    ///
    /// # Errors
    ///
    /// When the process is gone already.
    pub fn kill(&mut self) -> Result<()> {
        self.process.child.kill()?;
        self.process.child.wait()?;
        Ok(())
    }

    /// Restarts the server, before the device is plugged in again.
    ///
    /// # Errors
    ///
    /// As [`Served::start`].
    pub fn revive(&mut self) -> Result<()> {
        // The socket of the killed process still exists.
        let _ = std::fs::remove_file(&self.path);
        self.process = Process::start(&self.space, &self.path)?;
        Ok(())
    }
}

impl Process {
    fn start(space: &Space, path: &Path) -> Result<Self> {
        let program = program()?;
        let mut child = Command::new(&program)
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let said = child.stdout.take().context("no output")?;
        let mut process = Self {
            child,
            said: BufReader::new(said),
        };
        process
            .tell(space)
            .with_context(|| format!("cannot serve {}", path.display()))?;
        Ok(process)
    }

    /// Sends an order, and waits until the server has followed it.
    fn tell(&mut self, what: &impl Serialize) -> Result<()> {
        let orders = self.child.stdin.as_mut().context("no input")?;
        writeln!(orders, "{}", serde_json::to_string(what)?)?;
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        if line.trim() != READY {
            bail!("the emulator of a function has ended");
        }
        Ok(())
    }
}

fn program() -> Result<PathBuf> {
    let this = env::current_exe()?;
    let found = this
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(PROGRAM))
        .find(|program| program.is_file());
    found.with_context(|| {
        format!(
            "there is no program {PROGRAM} beside {}; build it: cargo build --package boot",
            this.display()
        )
    })
}
