//! The buffered HTTP server on the wire: the files of `tests/wsgi/`, the
//! streaming server's, and what is its own contract.
//!
//! The same applications get the same answers from both servers, but for the
//! cases of [`DIFFERENT`], and for three files that are not here: `full_pool`,
//! whose pool is one of connections; `failed_ends`, about bodies that end with
//! the connection, which there are none of; `upgrade`, which is refused.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../wsgi/access_log.rs"]
mod access_log;
#[path = "../wsgi/common.rs"]
mod common;
#[path = "../wsgi/disconnect.rs"]
mod disconnect;
#[path = "../wsgi/drain.rs"]
mod drain;
#[path = "../wsgi/environ.rs"]
mod environ;
#[path = "../wsgi/errors.rs"]
mod errors;
#[path = "../wsgi/expect.rs"]
mod expect;
#[path = "../wsgi/files.rs"]
mod files;
#[path = "../wsgi/gevents.rs"]
mod gevents;
#[path = "../wsgi/input.rs"]
mod input;
#[path = "../wsgi/input_errors.rs"]
mod input_errors;
#[path = "../wsgi/interim.rs"]
mod interim;
#[path = "../wsgi/keep_alive.rs"]
mod keep_alive;
#[path = "../wsgi/kills.rs"]
mod kills;
#[path = "../wsgi/late.rs"]
mod late;
#[path = "../wsgi/lifecycle.rs"]
mod lifecycle;
#[path = "../wsgi/limits.rs"]
mod limits;
#[path = "../wsgi/listening.rs"]
mod listening;
#[path = "../wsgi/malformed.rs"]
mod malformed;
#[path = "../wsgi/metrics.rs"]
mod metrics;
#[path = "../wsgi/output.rs"]
mod output;
#[path = "../wsgi/proxies.rs"]
mod proxies;
#[path = "../wsgi/reports.rs"]
mod reports;
#[path = "../wsgi/requests.rs"]
mod requests;
#[path = "../wsgi/shapes.rs"]
mod shapes;
#[path = "../wsgi/slow.rs"]
mod slow;
#[path = "../wsgi/smuggling.rs"]
mod smuggling;

mod bodies;
mod contract;
mod http_server;
mod pools;

use std::env;
use std::io;
use std::process::Command;

use maypole::http::{Environ, StartResponse};
use maypole::wsgi::{Builder, WsgiServer};

use common::{GET, echo, get, hello, post, post_chunked, tell_target};

/// Tests of the streaming server that this one answers differently, by contract.
const DIFFERENT: &[&str] = &[
    // Bodies are not seen before they are whole: what is flushed, or too much to be
    // gathered, or sent to the end of a connection.
    "access_log::a_line_is_gevent_s",
    "drain::the_last_answer_says_that_it_closes",
    "input::a_body_is_answered_while_it_arrives",
    "interim::trailers_come_behind_the_body",
    "limits::a_body_that_is_not_read_has_no_limit",
    "output::a_client_that_does_not_read_is_given_up",
    "output::a_large_body_goes_out_in_chunks",
    "output::a_slow_client_slows_the_application_down",
    "output::http_1_0_reads_until_the_end",
    "output::more_is_gathered_while_no_flush_comes",
    "output::one_large_write_goes_out_in_parts",
    "output::some_answers_have_no_body",
    "output::what_is_flushed_is_visible_at_once",
    "reports::a_client_that_leaves_is_no_news",
    "shapes::an_application_may_return_its_chunks",
    "shapes::an_item_is_sent_when_it_comes_and_the_head_with_the_first",
    "shapes::an_iterator_is_dropped_once_however_it_ends",
    "shapes::each_item_is_a_chunk_and_empty_ones_are_none",
    "slow::a_client_that_does_not_read_ends_on_time",
    // So what goes wrong on the way is a 500, not an answer that is cut.
    "errors::a_body_that_fails_on_the_way_is_cut",
    "kills::after_it_the_answer_is_cut",
    "output::a_length_that_is_declared_frames_the_body",
    "output::less_than_declared_is_cut",
    "output::more_than_declared_is_an_error_and_is_not_sent",
    // The body of a request is read before the application is called, which so
    // never learns what is wrong with it; `bodies` tests that.
    "expect::a_body_that_is_not_wanted_is_not_asked_for",
    "expect::the_body_is_asked_for_at_the_first_read_and_once",
    "gevents::lengths_beyond_the_machine_s_words",
    "input::an_unread_body_that_does_not_come_closes_the_connection",
    "input::an_unread_body_that_is_too_large_closes_the_connection",
    "input_errors::a_body_that_is_framed_wrongly_is_answered_400",
    "input_errors::a_body_that_stalls_is_given_up",
    "input_errors::a_client_that_resets_is_an_error_in_the_application",
    "input_errors::nothing_behind_a_body_that_is_framed_wrongly_is_a_request",
    "input_errors::the_end_within_a_body_is_an_error",
    "shapes::a_body_that_is_too_large_is_answered_413",
    "slow::a_body_that_stands_still_ends_on_time",
    "slow::an_unread_body_is_bounded",
];

/// A server that is started, on a port of its own.
fn serve<F>(application: F) -> WsgiServer
where
    F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
{
    serve_with(builder(), application)
}

/// The same with options.
fn serve_with<F>(builder: Builder, application: F) -> WsgiServer
where
    F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
{
    let server = builder.bind("127.0.0.1:0", application).unwrap();
    server.start().unwrap();
    server
}

/// Options of a server that treats connections as the streaming one does.
fn builder() -> Builder {
    WsgiServer::builder().keep_alive(true).no_server_header()
}

/// Limits that end nothing.
fn patient() -> Builder {
    builder()
        .keep_alive_timeout(support::LONG)
        .head_timeout(support::LONG)
        .stall_timeout(support::LONG)
}

/// Whether this test is one of [`DIFFERENT`].
#[track_caller]
fn differs(test: &str) -> bool {
    assert!(DIFFERENT.contains(&test), "{test} is not listed");
    true
}

#[test]
fn what_is_different_is_there() {
    let tests = Command::new(env::current_exe().unwrap())
        .arg("--list")
        .output()
        .unwrap();
    let tests = String::from_utf8(tests.stdout).unwrap();
    for name in DIFFERENT {
        let line = format!("{name}: test");
        assert!(tests.lines().any(|one| one == line), "{name}");
    }
}
