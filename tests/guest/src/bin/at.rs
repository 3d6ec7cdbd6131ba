// SPDX-License-Identifier: GPL-2.0-only

//! Runs a command and intervenes at one of its system calls that change something: a write to a
//! file or pipe other than the standard ones, renaming or removing a file, and unloading a module.
//!
//! `at NUMBER COMMAND...` kills the command before the call with this number, counted from 1. The
//! status is 137 then. If the command makes fewer calls, its own status is returned.
//!
//! `at TEXT FILE COMMAND...` stops the command before a write that contains TEXT, creates FILE, and
//! continues when FILE is removed.

use std::{
    env,
    fs::{self, File},
    os::unix::{fs::FileExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, ExitCode},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    libc,
    sys::{
        ptrace,
        signal::{Signal, kill},
        wait::{WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// Status of a command that was killed.
const KILLED: u8 = 137;
const PAUSE: Duration = Duration::from_millis(20);

/// The intervention.
enum When {
    /// Kill the command before the call with this number.
    Kill(usize),
    /// Stop the command before a write of this text, until the file is removed.
    Halt(String, String),
}

fn main() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("at: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<u8> {
    let mut arguments = env::args().skip(1);
    let first = arguments.next().context("say at which call")?;
    let when = match first.parse() {
        Ok(number) => When::Kill(number),
        Err(_) => When::Halt(first, arguments.next().context("name a file")?),
    };
    let command: Vec<_> = arguments.collect();
    let [program, rest @ ..] = &command[..] else {
        bail!("name a command");
    };
    let mut command = Command::new(program);
    command.args(rest);
    // SAFETY: between fork and exec, the closure makes one system call, which takes no memory and
    // no lock.
    unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
    let child = command
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    follow(Pid::from_raw(child.id().try_into()?), &when)
}

/// Follows the command from call to call.
fn follow(child: Pid, when: &When) -> Result<u8> {
    waitpid(child, None)?;
    ptrace::setoptions(
        child,
        ptrace::Options::PTRACE_O_TRACESYSGOOD | ptrace::Options::PTRACE_O_EXITKILL,
    )?;
    let mut calls = 0;
    let mut is_entry = true;
    let mut signal = None;
    loop {
        ptrace::syscall(child, signal.take())?;
        match waitpid(child, None)? {
            WaitStatus::Exited(_, status) => return Ok(u8::try_from(status)?),
            WaitStatus::Signaled(_, signal, _) => bail!("it was ended by {signal}"),
            WaitStatus::Stopped(_, found) => signal = Some(found),
            WaitStatus::PtraceSyscall(_) => {
                let text = if is_entry { change(child)? } else { None };
                is_entry = !is_entry;
                let Some(text) = text else { continue };
                calls += 1;
                match when {
                    When::Kill(number) if calls == *number => {
                        kill(child, Signal::SIGKILL)?;
                        waitpid(child, None)?;
                        return Ok(KILLED);
                    }
                    When::Halt(wanted, file) if text.contains(wanted) => halt(file)?,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// The text of a write, or an empty text for another call that changes something. `None` for a call
/// that changes nothing.
fn change(child: Pid) -> Result<Option<String>> {
    let call = ptrace::syscall_info(child)?;
    if call.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        bail!("the calls are out of step");
    }
    // SAFETY: the kernel has filled in the field of the union that `op` selects.
    let entry = unsafe { call.u.entry };
    let [target, at, length, ..] = entry.args;
    match libc::c_long::try_from(entry.nr)? {
        libc::SYS_write if target > 2 => {
            let mut text = vec![0; length.try_into()?];
            let memory = File::open(format!("/proc/{child}/mem"))?;
            memory.read_exact_at(&mut text, at)?;
            Ok(Some(String::from_utf8_lossy(&text).into_owned()))
        }
        libc::SYS_renameat2 | libc::SYS_renameat | libc::SYS_unlinkat | libc::SYS_delete_module => {
            Ok(Some(String::new()))
        }
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename | libc::SYS_unlink => Ok(Some(String::new())),
        _ => Ok(None),
    }
}

/// Creates a file and waits until it is removed.
fn halt(file: &str) -> Result<()> {
    fs::write(file, "")?;
    while Path::new(file).exists() {
        thread::sleep(PAUSE);
    }
    Ok(())
}
