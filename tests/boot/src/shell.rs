// SPDX-License-Identifier: GPL-2.0-only

//! The guest's shell, behind its second serial port: see `guest/init`.

use std::{
    io::{
        ErrorKind::{Interrupted, WouldBlock},
        Read, Write,
    },
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// A connection to the guest's shell.
#[derive(Debug)]
pub struct Shell {
    stream: UnixStream,
    pending: Vec<u8>,
    deadline: Instant,
}

/// The result of a command.
#[derive(Debug)]
pub struct Answer {
    /// Exit status of the command.
    pub status: u8,
    /// Standard output and standard error, without the last newline.
    pub text: String,
}

impl Shell {
    /// Waits until `boot_by` for the guest to boot. No later call on this connection waits beyond `deadline`.
    ///
    /// # Errors
    ///
    /// When the guest does not boot in time, or ends.
    pub fn new(stream: UnixStream, boot_by: Instant, deadline: Instant) -> Result<Self> {
        let mut shell = Self {
            stream,
            pending: Vec::new(),
            deadline: boot_by,
        };
        shell.until(b"@ready\n").context("while the guest boots")?;
        shell.deadline = deadline;
        Ok(shell)
    }

    /// Runs one line of shell.
    ///
    /// # Errors
    ///
    /// When the guest does not answer in time, or ends. A command that fails is not an error.
    pub fn run(&mut self, line: &str) -> Result<Answer> {
        writeln!(self.stream, "{line}")?;
        let text = self
            .until(b"\n@end ")
            .with_context(|| format!("while it runs: {line}"))?;
        let status = self.until(b"\n")?;
        Ok(Answer {
            status: status.trim().parse()?,
            text: text.trim_end().to_owned(),
        })
    }

    /// Reads up to `mark` and returns the text before it. O(n) for n bytes.
    fn until(&mut self, mark: &[u8]) -> Result<String> {
        // The mark cannot begin before this offset: that part is already searched.
        let mut from = 0;
        loop {
            let found = self.pending[from..]
                .windows(mark.len())
                .position(|part| part == mark);
            if let Some(index) = found.map(|index| from + index) {
                let rest = self.pending.split_off(index + mark.len());
                let taken = std::mem::replace(&mut self.pending, rest);
                return Ok(String::from_utf8_lossy(&taken[..index]).into_owned());
            }
            from = (self.pending.len() + 1).saturating_sub(mark.len());
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("the guest has run out of time");
            }
            self.stream
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let mut buffer = [0; 0x4000];
            match self.stream.read(&mut buffer) {
                Ok(0) => bail!("the guest has ended"),
                Ok(count) => self.pending.extend_from_slice(&buffer[..count]),
                Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
