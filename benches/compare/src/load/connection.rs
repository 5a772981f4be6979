//! One connection of the built-in client.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use native_tls::TlsConnector;

use super::Checker;
use super::wire::Wire;

/// Room for the responses of one batch; a larger response is an error.
const INPUT_SIZE: usize = 16 * 1024;

/// A non-blocking connection that writes a batch of requests, waits for all
/// their responses, and writes the next.
pub(super) struct Connection {
    wire: Wire,
    /// Bytes received and not yet taken: `input[..filled]`.
    input: Box<[u8]>,
    filled: usize,
    /// Bytes of the batch that the socket did not take yet, at its end.
    unsent: usize,
    /// Requests of the batch that are not answered yet.
    awaited: usize,
    sent_at: Instant,
}

impl Connection {
    pub(super) fn open(addr: SocketAddr, tls: Option<&TlsConnector>) -> Result<Self> {
        Ok(Self {
            wire: Wire::open(addr, tls)?,
            input: Box::default(),
            filled: 0,
            unsent: 0,
            awaited: 0,
            sent_at: Instant::now(),
        })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        self.wire.socket()
    }

    /// Whether a batch is not answered yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.awaited > 0
    }

    /// When the batch in flight was sent.
    pub(super) fn sent_at(&self) -> Instant {
        self.sent_at
    }

    /// Takes a pause out of the latency of the batch in flight.
    pub(super) fn forget(&mut self, pause: Duration) {
        self.sent_at += pause;
    }

    /// Sends a batch of `depth` requests.
    pub(super) fn send(&mut self, batch: &[u8], depth: usize, now: Instant) -> Result<()> {
        self.unsent = batch.len();
        self.awaited = depth;
        self.sent_at = now;
        self.flush(batch)
    }

    /// Does what the socket is ready for; returns how many responses came.
    pub(super) fn advance(&mut self, batch: &[u8], checker: &mut Checker) -> Result<u64> {
        if self.unsent > 0 {
            self.flush(batch)?;
        }
        let mut answered = 0;
        while self.receive()? {
            // Room left means the socket is drained: what comes later is a new event.
            let drained = self.wire.short_read_drains() && self.filled < self.input.len();
            answered += self.take_responses(checker)?;
            if drained {
                break;
            }
        }
        Ok(answered)
    }

    fn flush(&mut self, batch: &[u8]) -> Result<()> {
        while self.unsent > 0 {
            match self.wire.write(&batch[batch.len() - self.unsent..]) {
                Ok(n) => self.unsent -= n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot send"),
            }
        }
        Ok(())
    }

    /// Reads once; false when there is nothing to read.
    fn receive(&mut self) -> Result<bool> {
        if self.input.is_empty() {
            self.input = vec![0; INPUT_SIZE].into_boxed_slice();
        }
        loop {
            match self.wire.read(&mut self.input[self.filled..]) {
                Ok(0) if self.filled == self.input.len() => {
                    bail!("a response is larger than {INPUT_SIZE} bytes")
                }
                Ok(0) => bail!("the server closed the connection"),
                Ok(n) => {
                    self.filled += n;
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot receive"),
            }
        }
    }

    /// Takes the complete responses out of the input.
    fn take_responses(&mut self, checker: &mut Checker) -> Result<u64> {
        let mut taken = 0;
        let mut count = 0;
        while taken < self.filled {
            let Some(length) = checker.front(&self.input[taken..self.filled])? else {
                break;
            };
            ensure!(self.awaited > 0, "more responses than requests");
            self.awaited -= 1;
            taken += length;
            count += 1;
        }
        self.input.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        Ok(count)
    }
}
