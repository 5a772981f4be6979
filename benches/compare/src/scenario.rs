//! What the servers are asked to do.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

/// The path requested, answered with status 200 and [`BODY`].
pub(crate) const PATH: &str = "/";
/// The path answered with [`STREAM_SIZE`] bytes, chunked.
pub(crate) const STREAM_PATH: &str = "/stream";
/// The path that takes [`UPLOAD_SIZE`] bytes in a POST, and answers as [`PATH`].
pub(crate) const UPLOAD_PATH: &str = "/upload";
/// The body every peer answers [`PATH`] with.
pub(crate) const BODY: &str = "<b>hello world</b>";
/// The body every peer answers another path with, with status 404.
pub(crate) const NOT_FOUND_BODY: &str = "<h1>Not Found</h1>";
/// The `Content-Type` of all three.
pub(crate) const CONTENT_TYPE: &str = "text/html";

/// Bytes that [`UPLOAD_PATH`] takes: a large form, or a small document.
pub(crate) const UPLOAD_SIZE: usize = 10 * 1024;
/// Bytes of the answer to [`STREAM_PATH`].
pub(crate) const STREAM_SIZE: usize = 1 << 30;
/// Bytes that a peer hands over at once of it.
const STREAM_PIECE: usize = 64 * 1024;
/// What the streamed answer is made of.
pub(crate) const FILL: u8 = b'x';
/// One piece.
pub(crate) static PIECE: [u8; STREAM_PIECE] = [FILL; STREAM_PIECE];

/// What is sent to an echo server, and to come back.
pub(crate) const MESSAGE: [u8; 64] =
    *b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/";

/// How long a server lets a connection without a request be, where it can be
/// told: longer than it takes to open all of a scenario.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The longest message that an echo server needs a buffer for.
pub(crate) const ECHO_BUFFER: usize = 4096;

/// All scenarios, in the order in which they run.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "keep-alive",
        about: "GET on 64 connections, one request in flight on each",
        service: Service::Http,
        connections: 64,
        work: Work::Exchanges { depth: 1 },
    },
    Scenario {
        name: "pipelined",
        about: "GET on 64 connections, 16 requests written at once on each",
        service: Service::Http,
        connections: 64,
        work: Work::Exchanges { depth: 16 },
    },
    Scenario {
        name: "post",
        about: "POST of 10 KiB on 64 connections, one request in flight on each",
        service: Service::Post,
        connections: 64,
        work: Work::Exchanges { depth: 1 },
    },
    Scenario {
        name: "close",
        about: "GET with `Connection: close`, 64 connections at a time",
        service: Service::Close,
        connections: 64,
        work: Work::Visits,
    },
    Scenario {
        name: "tls",
        about: "GET over TLS 1.2 on 64 connections, one request in flight on each",
        service: Service::Https,
        connections: 64,
        work: Work::Exchanges { depth: 1 },
    },
    Scenario {
        name: "stream",
        about: "answers of 1 GiB, chunked, one after the other on one connection",
        service: Service::Stream,
        connections: 1,
        work: Work::Download,
    },
    Scenario {
        name: "idle",
        about: "10,000 connections that wait after a request each",
        service: Service::Http,
        connections: 10_000,
        work: Work::Idle,
    },
    Scenario {
        name: "echo-64",
        about: "64 bytes to and fro on 64 connections",
        service: Service::Echo,
        connections: 64,
        work: Work::Exchanges { depth: 1 },
    },
    Scenario {
        name: "echo-1000",
        about: "64 bytes to and fro on 1000 connections",
        service: Service::Echo,
        connections: 1000,
        work: Work::Exchanges { depth: 1 },
    },
    Scenario {
        name: "visits",
        about: "a connection for each 64 bytes, 64 at a time",
        service: Service::Echo,
        connections: 64,
        work: Work::Visits,
    },
    Scenario {
        name: "tls-echo",
        about: "64 bytes to and fro over TLS 1.2 on 64 connections",
        service: Service::TlsEcho,
        connections: 64,
        work: Work::Exchanges { depth: 1 },
    },
    Scenario {
        name: "handshakes",
        about: "a TLS 1.2 connection for each 64 bytes, 16 at a time",
        service: Service::TlsEcho,
        connections: 16,
        work: Work::Visits,
    },
    sweep("at-1", "GET on one connection", 1),
    sweep("at-10", "GET on 10 connections", 10),
    sweep("at-100", "GET on 100 connections", 100),
    sweep("at-1000", "GET on 1000 connections", 1000),
    sweep("at-10000", "GET on 10,000 connections", 10_000),
];

/// The name for all of a sweep.
const SWEEP: &str = "sweep";

/// One of several scenarios that differ in the number of connections.
const fn sweep(name: &'static str, about: &'static str, connections: usize) -> Scenario {
    Scenario {
        name,
        about,
        service: Service::Http,
        connections,
        work: Work::Exchanges { depth: 1 },
    }
}

/// Scenarios that run only when they are named.
const EXPERIMENTS: &[Scenario] = &[Scenario {
    name: "echo-8",
    about: "64 bytes to and fro on 8 connections",
    service: Service::Echo,
    connections: 8,
    work: Work::Exchanges { depth: 1 },
}];

/// One kind of load.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// What the servers must be able to do.
    pub(crate) service: Service,
    /// Connections open at once.
    pub(crate) connections: usize,
    pub(crate) work: Work,
}

/// What a server can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Service {
    Http,
    Https,
    /// HTTP with [`UPLOAD_PATH`].
    Post,
    /// HTTP, and it closes a connection when it is told to.
    Close,
    /// HTTP with [`STREAM_PATH`].
    Stream,
    Echo,
    TlsEcho,
}

/// What the client does with its connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Work {
    /// Sends over and over, `depth` requests or messages written together, and
    /// the next ones when all of them are answered.
    Exchanges { depth: usize },
    /// Opens one for each request or message.
    Visits,
    /// Reads one streamed answer after another.
    Download,
    /// Has each answer once, then leaves them alone.
    Idle,
}

impl Scenario {
    /// Whether it belongs to the sweep over numbers of connections.
    pub(crate) fn is_of_sweep(&self) -> bool {
        self.name.starts_with("at-")
    }

    /// What is counted.
    pub(crate) fn unit(&self) -> &'static str {
        match (self.work, self.service) {
            (Work::Visits, _) => "connection",
            (Work::Download, _) => "MiB",
            (_, Service::Echo | Service::TlsEcho) => "message",
            _ => "request",
        }
    }
}

impl Service {
    const ALL: [Self; 7] = [
        Self::Http,
        Self::Https,
        Self::Post,
        Self::Close,
        Self::Stream,
        Self::Echo,
        Self::TlsEcho,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Post => "post",
            Self::Close => "close",
            Self::Stream => "stream",
            Self::Echo => "echo",
            Self::TlsEcho => "tls-echo",
        }
    }

    pub(crate) fn find(name: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|one| one.name() == name) {
            Some(service) => Ok(service),
            None => {
                bail!("no service {name:?}: http, https, post, close, stream, echo or tls-echo")
            }
        }
    }

    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::TlsEcho)
    }

    pub(crate) fn is_echo(self) -> bool {
        matches!(self, Self::Echo | Self::TlsEcho)
    }

    /// The peers that the others are put in proportion to.
    pub(crate) fn baselines(self) -> [&'static str; 2] {
        match self {
            Self::Http => ["may_minihttp", "hyper"],
            Self::Post => ["may_minihttp", "maypole"],
            Self::Https | Self::Close => ["hyper", "nginx"],
            Self::Stream => ["hyper", "go"],
            Self::Echo => ["may", "tokio"],
            Self::TlsEcho => ["tokio", "go"],
        }
    }
}

/// The scenario with this name, or all of the sweep.
pub(crate) fn find(name: &str) -> Result<Vec<&'static Scenario>> {
    let all = SCENARIOS.iter().chain(EXPERIMENTS);
    let found: Vec<_> = match name {
        SWEEP => all.filter(|scenario| scenario.is_of_sweep()).collect(),
        _ => all.filter(|scenario| scenario.name == name).collect(),
    };
    ensure!(!found.is_empty(), "no scenario {name:?}; --list lists them");
    Ok(found)
}
