// SPDX-License-Identifier: GPL-2.0-only

//! Writes to sysfs from a separate process.
//!
//! Some writes block in the kernel. A write to `remove` waits, uninterruptibly, until the last
//! process that holds the function through VFIO closes it. A process that waits this way cannot
//! end. Therefore a separate process waits, and the main process can report the situation and end.

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

/// How long to wait for a write after a signal asked the run to stop.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait for a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// Until the timeout, or shortly after a signal.
    Interruptible,
    /// Until the timeout. A signal is answered at the end of the run.
    Timeout,
    /// As long as the kernel takes. What protects the host comes after this write.
    Complete,
    /// Until the timeout, for a driver that probes a function. Nothing else waits for it.
    Driver,
}

/// The hidden command of `acsctl` that runs the writer.
pub const COMMAND: &str = "write-sysfs";

/// Why a write failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The kernel refused the write.
    Refused(PathBuf, io::Error),
    /// The kernel is blocked in the write.
    Pending(PathBuf),
    /// The writer itself does not work.
    Broken(io::Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(path, error) => write!(f, "cannot write to {}: {error}", path.display()),
            Self::Pending(path) => {
                write!(f, "the kernel is blocked in a write to {}", path.display())
            }
            Self::Broken(error) => write!(f, "the writer process failed: {error}"),
        }
    }
}

/// The writer process.
#[derive(Debug)]
pub(super) struct Writer {
    process: Child,
    /// The writer's standard input; closed to end the writer.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    timeout: Duration,
    stop: Arc<AtomicBool>,
}

impl Writer {
    /// Starts a writer. A write may take `timeout`, and at most [`GRACE`] more once `stop` is set.
    pub(super) fn start(timeout: Duration, stop: Arc<AtomicBool>) -> Result<Self, Failure> {
        // An upgrade of the package may have removed the file of this program.
        let program = env::current_exe().ok().filter(|program| program.exists());
        let mut process = Command::new(program.unwrap_or_else(|| "/proc/self/exe".into()))
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A separate process group, so that an interrupt from the terminal does not end the
            // writer. The writer ends when its standard input closes.
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

    pub(super) fn write(&mut self, path: &Path, value: &str, wait: Wait) -> Result<(), Failure> {
        let request = format!("{}\t{value}\n", path.display());
        let to = self.to.as_mut();
        to.ok_or_else(|| Failure::Broken(io::ErrorKind::BrokenPipe.into()))?
            .write_all(request.as_bytes())
            .map_err(Failure::Broken)?;
        let mut deadline = Instant::now() + self.timeout;
        while !self.has_answered().map_err(Failure::Broken)? {
            if wait == Wait::Interruptible && self.stop.load(Ordering::Relaxed) {
                deadline = deadline.min(Instant::now() + GRACE);
            }
            if Instant::now() <= deadline {
                continue;
            }
            if wait != Wait::Complete {
                self.to = None;
                return Err(Failure::Pending(path.to_owned()));
            }
            // The terminal may be gone.
            let _ = writeln!(
                io::stderr(),
                "the kernel has not returned from a write to {} for {} s; acsctl waits for it, \
                 because the groups must be compared afterwards",
                path.display(),
                self.timeout.as_secs()
            );
            deadline = Instant::now() + self.timeout;
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

    /// Waits a short while. Returns whether there is an answer or the end of the stream.
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
    /// Waits for the writer's end, unless the kernel blocks it.
    fn drop(&mut self) {
        if self.to.take().is_some() {
            let _ = self.process.wait();
        }
    }
}

/// Runs the writer. Reads a path and a value from each line of the standard input, and answers with
/// the error number, or 0.
///
/// # Errors
///
/// [`io::Error`] when the standard input or output fails.
pub fn serve() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (path, value) = line.split_once('\t').unwrap_or((&line, ""));
        let answer = match fs::OpenOptions::new().write(true).open(path) {
            Err(error) => Err(error),
            // sysfs expects the whole value in one write.
            Ok(mut file) => file.write(format!("{value}\n").as_bytes()),
        };
        let number = answer.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0);
        println!("{number}");
        io::stdout().flush()?;
    }
    Ok(())
}
