// SPDX-License-Identifier: GPL-2.0-only

//! The part of QEMU's machine protocol that hot-plug needs.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A connection to QEMU's monitor.
#[derive(Debug)]
pub struct Qmp {
    reader: BufReader<UnixStream>,
    /// Ids of devices that QEMU has deleted.
    deleted: BTreeSet<String>,
}

impl Qmp {
    /// Takes over a new connection.
    ///
    /// # Errors
    ///
    /// When QEMU does not answer within 20 seconds, or not in the protocol.
    pub fn new(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut qmp = Self {
            reader: BufReader::new(stream),
            deleted: BTreeSet::new(),
        };
        qmp.message()?;
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Runs a command and returns its result.
    ///
    /// # Errors
    ///
    /// QEMU's error message.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments }).to_string();
        self.reader.get_ref().write_all(request.as_bytes())?;
        loop {
            let mut message = self.message()?;
            if let Some(error) = message.pointer("/error/desc") {
                bail!("QEMU: {command}: {error}");
            }
            if let Some(value) = message.get_mut("return") {
                return Ok(value.take());
            }
            self.note(&message);
        }
    }

    /// Waits until QEMU has deleted the devices. A request must have preceded.
    ///
    /// # Errors
    ///
    /// When that does not happen within 20 seconds of the last event.
    pub fn wait_deleted(&mut self, ids: &[String]) -> Result<()> {
        while let Some(id) = ids.iter().find(|id| !self.deleted.contains(*id)) {
            let message = self
                .message()
                .with_context(|| format!("while {id} is unplugged"))?;
            self.note(&message);
        }
        self.deleted.clear();
        Ok(())
    }

    /// Records an event. Events can arrive between a command and its result.
    fn note(&mut self, message: &Value) {
        if message["event"] == "DEVICE_DELETED" {
            if let Some(id) = message["data"]["device"].as_str() {
                self.deleted.insert(id.to_owned());
            }
        }
    }

    fn message(&mut self) -> Result<Value> {
        let mut line = String::new();
        let read = self
            .reader
            .read_line(&mut line)
            .context("QEMU's monitor is silent")?;
        if read == 0 {
            bail!("QEMU has closed its monitor");
        }
        Ok(serde_json::from_str(&line)?)
    }
}
