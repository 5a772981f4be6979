//! What the servers are asked to do.

use anyhow::{Result, bail};

/// The path requested, answered with status 200 and [`BODY`].
pub(crate) const PATH: &str = "/";
/// The body every peer answers [`PATH`] with.
pub(crate) const BODY: &str = "<b>hello world</b>";
/// The body every peer answers another path with, with status 404.
pub(crate) const NOT_FOUND_BODY: &str = "<h1>Not Found</h1>";
/// The `Content-Type` of both.
pub(crate) const CONTENT_TYPE: &str = "text/html";

/// All scenarios, in the order in which they run.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "keep-alive",
        about: "GET on 64 connections, one request in flight on each",
        connections: 64,
        depth: 1,
    },
    Scenario {
        name: "pipelined",
        about: "GET on 64 connections, 16 requests written at once on each",
        connections: 64,
        depth: 16,
    },
];

/// One kind of load.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Connections kept open at once.
    pub(crate) connections: usize,
    /// Requests in flight on a connection. They are written together, and the
    /// next ones when all of them are answered.
    pub(crate) depth: usize,
}

pub(crate) fn find(name: &str) -> Result<&'static Scenario> {
    match SCENARIOS.iter().find(|scenario| scenario.name == name) {
        Some(scenario) => Ok(scenario),
        None => bail!("no scenario {name:?}; --list lists them"),
    }
}
