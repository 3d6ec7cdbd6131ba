// SPDX-License-Identifier: GPL-2.0-only

//! Writes into sysfs, in a process of its own.
//!
//! The kernel does not come back from some writes: one to `remove` waits until the last process that
//! holds the function by VFIO lets go, and nothing can interrupt it. A process that waits so cannot
//! end, and whoever waits for it waits too; so it is another process that waits, and this one can say
//! what is going on, and end.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a write may take that is not waited for any more.
const GRACE: Duration = Duration::from_secs(2);

/// The command that this program is called with to be a writer.
pub const COMMAND: &str = "write-sysfs";

/// Why a write has failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The kernel refused it.
    Refused(PathBuf, io::Error),
    /// The kernel has not come back from it.
    Pending(PathBuf),
    /// The writer itself does not work.
    Broken(io::Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(path, error) => write!(f, "cannot write to {}: {error}", path.display()),
            Self::Pending(path) => {
                write!(
                    f,
                    "the kernel has not come back from a write to {}",
                    path.display()
                )
            }
            Self::Broken(error) => write!(f, "cannot start the process that writes: {error}"),
        }
    }
}

/// A writer.
#[derive(Debug)]
pub(super) struct Writer {
    process: Child,
    /// Closed when it is to end.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    timeout: Duration,
    stop: Arc<AtomicBool>,
}

impl Writer {
    /// Starts one. A write may take `timeout`, and little once `stop` is set.
    pub(super) fn start(timeout: Duration, stop: Arc<AtomicBool>) -> Result<Self, Failure> {
        let mut process = Command::new(env::current_exe().map_err(Failure::Broken)?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A terminal's interrupt is not for it: it ends when the one that started it does.
            .process_group(0)
            .spawn()
            .map_err(Failure::Broken)?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (to, from) = pipes.ok_or_else(|| Failure::Broken(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self {
            process,
            to: Some(to),
            from: BufReader::new(from),
            timeout,
            stop,
        })
    }

    /// Writes a value to a file.
    pub(super) fn write(&mut self, path: &Path, value: &str) -> Result<(), Failure> {
        let request = format!("{}\t{value}\n", path.display());
        let to = self.to.as_mut();
        to.ok_or_else(|| Failure::Broken(io::ErrorKind::BrokenPipe.into()))?
            .write_all(request.as_bytes())
            .map_err(Failure::Broken)?;
        let mut deadline = Instant::now() + self.timeout;
        while !self.has_answered().map_err(Failure::Broken)? {
            if self.stop.load(Ordering::Relaxed) {
                deadline = deadline.min(Instant::now() + GRACE);
            }
            if Instant::now() > deadline {
                self.to = None;
                return Err(Failure::Pending(path.to_owned()));
            }
        }
        let mut answer = String::new();
        self.from.read_line(&mut answer).map_err(Failure::Broken)?;
        match answer.trim().parse() {
            Ok(0) => Ok(()),
            Ok(number) => {
                let error = io::Error::from_raw_os_error(number);
                Err(Failure::Refused(path.to_owned(), error))
            }
            Err(_) => Err(Failure::Broken(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Whether there is an answer, or none will come; waits for a short while.
    fn has_answered(&self) -> io::Result<bool> {
        let step = Timespec {
            tv_sec: 0,
            tv_nsec: 200_000_000,
        };
        let mut waiting = [PollFd::new(self.from.get_ref(), PollFlags::IN)];
        match poll(&mut waiting, Some(&step)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Writer {
    /// Sees it end, lest somebody else has to; one that the kernel keeps is left alone.
    fn drop(&mut self) {
        if self.to.take().is_some() {
            let _ = self.process.wait();
        }
    }
}

/// Is the writer: takes a path and a value in each line of the standard input, and answers each with
/// the number of the error, or 0.
///
/// # Errors
///
/// When the one that started it does not take the answer.
pub fn serve() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (path, value) = line.split_once('\t').unwrap_or((&line, ""));
        let answer = match fs::OpenOptions::new().write(true).open(path) {
            Err(error) => Err(error),
            // One write with the whole value, as sysfs wants it.
            Ok(mut file) => file.write(format!("{value}\n").as_bytes()),
        };
        let number = answer.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0);
        println!("{number}");
        io::stdout().flush()?;
    }
    Ok(())
}
