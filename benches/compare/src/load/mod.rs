//! Load generators: the built-in client, and wrk to check it against.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;

use crate::scenario::{PATH, Scenario};

mod client;
mod connection;
mod histogram;
mod response;
mod wrk;

pub(crate) use response::Checker;

/// Which generator to use.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    BuiltIn,
    Wrk,
}

/// Puts one scenario's load on one server, from the calling thread's core.
pub(crate) trait Generator {
    /// Loads the server for about this long. Connections may stay open for the
    /// next call.
    fn run(&mut self, duration: Duration) -> Result<Load>;
}

/// What a stretch of load came to. Every response counted was correct.
pub(crate) struct Load {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    /// Unless the generator cannot tell.
    pub(crate) latency: Option<Latency>,
}

/// From the writing of a request to the arrival of its response.
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

impl Kind {
    /// Prepares a generator for a server that answers.
    pub(crate) fn open(self, addr: SocketAddr, scenario: &Scenario) -> Result<Box<dyn Generator>> {
        Ok(match self {
            Self::BuiltIn => Box::new(client::Client::connect(addr, scenario)?),
            Self::Wrk => Box::new(wrk::Wrk::new(addr, scenario)),
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in client",
            Self::Wrk => "wrk",
        }
    }
}

/// The bytes of one request, the same that wrk sends.
pub(crate) fn request(addr: SocketAddr) -> Vec<u8> {
    format!("GET {PATH} HTTP/1.1\r\nHost: {addr}\r\n\r\n").into_bytes()
}
