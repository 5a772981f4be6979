//! Reads streamed answers, one after the other.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::chunks::Chunks;
use super::wire::connect;
use super::{Dialog, Generator, Load, response};
use crate::scenario::{STREAM_SIZE, Scenario};

/// Room for what is read at once.
const INPUT_SIZE: usize = 256 * 1024;
const MIB: u64 = 1 << 20;

/// One blocking connection.
pub(super) struct Download {
    stream: TcpStream,
    request: Vec<u8>,
    input: Vec<u8>,
    /// Where the answer that is being read is, between two answers `None`.
    chunks: Option<Chunks>,
}

impl Download {
    pub(super) fn new(addr: SocketAddr, scenario: &Scenario) -> Result<Self> {
        Ok(Self {
            stream: connect(addr)?,
            request: Dialog::new(addr, scenario.service, scenario.work).message,
            input: vec![0; INPUT_SIZE],
            chunks: None,
        })
    }

    /// Asks for an answer and reads its head.
    fn ask(&mut self) -> Result<Chunks> {
        self.stream.write_all(&self.request)?;
        let mut filled = 0;
        let head = loop {
            filled += self.receive(filled)?;
            if let Some(head) = response::parse_chunked(&self.input[..filled])? {
                break head;
            }
        };
        let mut chunks = Chunks::default();
        chunks.take(&self.input[head..filled])?;
        Ok(chunks)
    }

    fn receive(&mut self, at: usize) -> Result<usize> {
        match self.stream.read(&mut self.input[at..]) {
            Ok(0) => bail!("the server closed the connection"),
            Ok(n) => Ok(n),
            Err(error) => Err(error).context("cannot receive"),
        }
    }
}

impl Generator for Download {
    fn run(&mut self, duration: Duration) -> Result<Load> {
        let start = Instant::now();
        let mut bytes = 0;
        while start.elapsed() < duration {
            let mut chunks = match self.chunks.take() {
                Some(chunks) => chunks,
                None => self.ask()?,
            };
            let n = self.receive(0)?;
            chunks.take(&self.input[..n])?;
            bytes += n as u64;
            if chunks.is_complete() {
                let size = chunks.size();
                ensure!(size == STREAM_SIZE as u64, "{size} bytes");
            } else {
                self.chunks = Some(chunks);
            }
        }
        Ok(Load {
            requests: bytes / MIB,
            elapsed: start.elapsed(),
            latency: None,
        })
    }
}
