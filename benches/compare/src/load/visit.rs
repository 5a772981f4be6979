//! One connection that is opened, used once and closed.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use native_tls::{HandshakeError, MidHandshakeTlsStream, TlsConnector, TlsStream};

use super::Dialog;
use super::wire::{HOST, Wire, connect};

/// From connecting to the server's closing.
///
/// An HTTP server closes after its answer; an echo server when it sees that the
/// client writes no more.
pub(super) struct Visit {
    stage: Stage,
    unsent: usize,
    input: Vec<u8>,
    answered: bool,
    begun_at: Instant,
}

enum Stage {
    Shaking(MidHandshakeTlsStream<TcpStream>),
    Open(Wire),
    /// Between two others.
    Changing,
}

impl Visit {
    /// Connects and does what can be done at once.
    pub(super) fn begin(
        addr: SocketAddr,
        tls: Option<&TlsConnector>,
        dialog: &mut Dialog,
    ) -> Result<Self> {
        let begun_at = Instant::now();
        let stream = connect(addr)?;
        stream.set_nonblocking(true)?;
        let stage = match tls {
            None => Stage::Open(Wire::Plain(stream)),
            Some(tls) => Stage::after(tls.connect(HOST, stream))?,
        };
        let mut visit = Self {
            stage,
            unsent: dialog.message.len(),
            input: Vec::new(),
            answered: false,
            begun_at,
        };
        visit.send(dialog)?;
        Ok(visit)
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match &self.stage {
            Stage::Shaking(shaking) => shaking.get_ref(),
            Stage::Open(wire) => wire.socket(),
            Stage::Changing => unreachable!("only while it is being changed"),
        }
    }

    pub(super) fn begun_at(&self) -> Instant {
        self.begun_at
    }

    /// Does what the socket is ready for; true when the visit has ended well.
    pub(super) fn advance(&mut self, dialog: &mut Dialog) -> Result<bool> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Changing) {
            Stage::Shaking(shaking) => Stage::after(shaking.handshake())?,
            other => other,
        };
        self.send(dialog)?;
        self.receive(dialog)
    }

    fn send(&mut self, dialog: &Dialog) -> Result<()> {
        let Stage::Open(wire) = &mut self.stage else {
            return Ok(());
        };
        while self.unsent > 0 {
            let message = &dialog.message;
            match wire.write(&message[message.len() - self.unsent..]) {
                Ok(n) => self.unsent -= n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("cannot send"),
            }
        }
        Ok(())
    }

    fn receive(&mut self, dialog: &mut Dialog) -> Result<bool> {
        let Stage::Open(wire) = &mut self.stage else {
            return Ok(false);
        };
        let mut chunk = [0; 4096];
        loop {
            match wire.read(&mut chunk) {
                Ok(0) if self.answered => return Ok(true),
                Ok(0) => bail!("closed before the answer"),
                Ok(n) => self.input.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // Without a TLS farewell.
                Err(_) if self.answered => return Ok(true),
                Err(error) => return Err(error).context("cannot receive"),
            }
            ensure!(!self.answered, "more than an answer");
            if let Some(length) = dialog.checker.front(&self.input)? {
                ensure!(length == self.input.len(), "more than an answer");
                self.answered = true;
                if dialog.checker.is_echo() {
                    wire.say_goodbye()?;
                }
            }
        }
    }
}

impl Stage {
    fn after(shaken: Result<TlsStream<TcpStream>, HandshakeError<TcpStream>>) -> Result<Self> {
        match shaken {
            Ok(stream) => Ok(Self::Open(Wire::Tls(Box::new(stream)))),
            Err(HandshakeError::WouldBlock(shaking)) => Ok(Self::Shaking(shaking)),
            Err(HandshakeError::Failure(error)) => Err(error).context("handshake"),
        }
    }
}
