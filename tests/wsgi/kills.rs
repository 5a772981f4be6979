//! Applications that are killed, by themselves or by a stop.

use std::io::Write;
use std::time::Duration;

use maypole::http::{Environ, StartResponse, StatusCode};

use crate::support::{Client, Counter, Response, noise, until, watchdog};
use crate::{differs, get, post, serve};

#[track_caller]
fn check_503(response: &Response) {
    assert_eq!(response.status, 503);
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(response.text(), "Service Unavailable");
}

/// Is killed when it has got as far as the path says.
fn is_killed(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> std::io::Result<()> {
    let die = || {
        maypole::current().unwrap().start_kill();
        maypole::sleep(Duration::MAX);
    };
    match env.path_info() {
        "/unsent" => die(),
        "/gathering" => {
            let mut body = start_response.start(StatusCode::OK)?;
            body.write_all(b"never seen")?;
            die();
        }
        "/begun" => {
            let mut body = start_response.start(StatusCode::OK)?;
            body.write_all(b"begun")?;
            body.flush()?;
            die();
        }
        "/sent" => {
            start_response.send(StatusCode::OK, "complete")?;
            die();
        }
        _ => return start_response.send(StatusCode::OK, "alive"),
    }
    Ok(())
}

#[test]
fn before_the_head_the_answer_is_503() {
    let _watchdog = watchdog();
    let server = serve(is_killed);
    for path in ["/unsent", "/gathering"] {
        let mut client = Client::with(server.local_addr(), get(path));
        check_503(&client.response());
        client.expect_end();
    }
}

#[test]
fn after_it_the_answer_is_cut() {
    if differs("kills::after_it_the_answer_is_cut") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(is_killed);
    let mut client = Client::with(server.local_addr(), get("/begun"));
    assert_eq!(client.response_head().status, 200);
    assert_eq!(client.chunk(), b"begun");
    client.expect_end();
}

#[test]
fn a_complete_answer_is_sent() {
    let _watchdog = watchdog();
    let server = serve(is_killed);
    let mut client = Client::with(server.local_addr(), get("/sent"));
    assert_eq!(client.response().text(), "complete");
    client.expect_end();
}

#[test]
fn answers_that_wait_to_be_sent_are_sent_before_it() {
    let _watchdog = watchdog();
    let server = serve(is_killed);
    let requests = [get("/1"), get("/2"), get("/unsent"), get("/3")].concat();
    let mut client = Client::with(server.local_addr(), requests);
    assert_eq!(client.response().text(), "alive");
    assert_eq!(client.response().text(), "alive");
    check_503(&client.response());
    client.expect_end();
}

#[test]
fn unread_input_does_not_destroy_it() {
    let _watchdog = watchdog();
    let server = serve(is_killed);
    for _ in 0..20 {
        let mut client = Client::with(server.local_addr(), post("/unsent", &noise(100_000)));
        check_503(&client.response());
        client.expect_closed();
    }
}

#[test]
fn a_stop_that_has_no_time_tells_its_clients() {
    let _watchdog = watchdog();
    let begun = Counter::default();
    let count = begun.clone();
    let server = serve(move |_env, start_response| {
        count.add();
        maypole::sleep(Duration::MAX);
        start_response.send(StatusCode::OK, "never")
    });
    let mut clients: Vec<_> = (0..10)
        .map(|_| Client::with(server.local_addr(), get("/")))
        .collect();
    begun.reaches(10);
    server.stop(Duration::ZERO);
    for client in &mut clients {
        check_503(&client.response());
        client.expect_end();
    }
    until("no handlers", || server.active() == 0);
}
