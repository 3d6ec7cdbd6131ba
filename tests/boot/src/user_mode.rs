// SPDX-License-Identifier: GPL-2.0-only

//! Kernels that run as programs of the host (Linux's `arch/um`). Nothing is emulated, so they are fast, and they have no
//! hardware: a module describes it.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::setup::Setup;

/// How often to look whether the kernel has ended.
const PERIOD: Duration = Duration::from_millis(20);

/// The running kernel. Dropping it kills and reaps the process, which ends those of the kernel's programs.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots the kernel of `setup` and returns what `script`, lines of shell, prints there. The kernel sees `folder` as
/// `/host`. After an error, `log` has the kernel's log.
///
/// # Errors
///
/// When the kernel does not end within `limit`, warns, or the script fails.
pub fn run(
    setup: &Setup,
    folder: &Path,
    script: &str,
    limit: Duration,
    log: &Path,
) -> Result<String> {
    fs::write(folder.join("script"), script)?;
    let mut kernel = Running::start(setup, folder, log)?;
    let output = kernel
        .end(limit)
        .and_then(|end| output(folder, end))
        .with_context(|| format!("the kernel's log: {}", log.display()))?;
    fs::remove_file(log)?;
    Ok(output)
}

impl Running {
    fn start(setup: &Setup, folder: &Path, log: &Path) -> Result<Self> {
        if let Some(logs) = log.parent() {
            fs::create_dir_all(logs)?;
        }
        let out = File::create(log)?;
        let image = &setup.kernel.image;
        let started = Command::new(image)
            .arg(format!("mem={}M", setup.memory))
            .arg(format!("initrd={}", setup.initramfs.display()))
            // The folder for the sockets of its console of management.
            .arg(format!("uml_dir={}", folder.display()))
            .args(["rdinit=/bin/user-mode", "con=null", "loglevel=5"])
            .args(["panic_on_warn=1", "oops=panic"])
            .args(setup.options.split_whitespace())
            .arg(format!("FOLDER={}", folder.display()))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn();
        let started = started.with_context(|| format!("cannot start {}", image.display()))?;
        Ok(Self(started))
    }

    /// Waits until the kernel has ended.
    fn end(&mut self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(end) = self.0.try_wait()? {
                return Ok(end);
            }
            if Instant::now() > deadline {
                bail!("the kernel has not ended after {} seconds", limit.as_secs());
            }
            thread::sleep(PERIOD);
        }
    }
}

/// What the script of a kernel that has ended printed, if it succeeded.
fn output(folder: &Path, end: ExitStatus) -> Result<String> {
    let output = fs::read_to_string(folder.join("output"))
        .with_context(|| format!("the kernel ended before the script started, with {end}"))?;
    let status = fs::read_to_string(folder.join("status"));
    match status.as_deref().map(str::trim) {
        Ok("0") => Ok(output),
        Ok(status) => bail!("the script ended with status {status}:\n{output}"),
        // A warning of the kernel is a panic.
        Err(_) => bail!("the kernel ended before the script, with {end}:\n{output}"),
    }
}
