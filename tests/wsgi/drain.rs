//! Stopping while clients are at it: nothing that was begun is lost.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use maypole::Event;
use maypole::http::StatusCode;

use crate::support::{Client, Counter, LONG, PATIENCE, is_refused, until, watchdog};
use crate::{GET, WsgiServer, differs, get, hello, patient, post, serve_with, tell_target};

/// Stops a server elsewhere, with all the time in the world; returns when its
/// connections have been told.
fn stop(server: &WsgiServer) -> JoinHandle<()> {
    let open = server.metrics().open_connections;
    let mut idle = Client::connect(server.local_addr());
    until("one more", || server.metrics().open_connections > open);
    let server = server.clone();
    let stopping = thread::spawn(move || server.stop(LONG));
    idle.expect_end();
    stopping
}

#[test]
fn idle_connections_close_at_once() {
    let _watchdog = watchdog();
    let server = serve_with(patient(), hello);
    let mut used = Client::connect(server.local_addr());
    assert_eq!(used.ask(GET).status, 200);
    let mut unused = Client::connect(server.local_addr());
    until("both", || server.active() == 2);
    server.stop(LONG);
    used.expect_end();
    unused.expect_end();
}

#[test]
fn the_last_answer_says_that_it_closes() {
    if differs("drain::the_last_answer_says_that_it_closes") {
        return;
    }
    let _watchdog = watchdog();
    let go = Event::new();
    let begun = Counter::default();
    let (wait, count) = (go.clone(), begun.clone());
    let server = serve_with(patient(), move |env, start_response| {
        if env.path_info() == "/streamed" {
            count.add();
            wait.wait();
            let mut body = start_response.start(StatusCode::OK)?;
            body.write_all(b"streamed")?;
            return body.flush();
        }
        count.add();
        wait.wait();
        hello(env, start_response)
    });
    let mut whole = Client::with(server.local_addr(), GET);
    let mut streamed = Client::with(server.local_addr(), get("/streamed"));
    let mut with_body = Client::with(server.local_addr(), post("/", b"body"));
    begun.reaches(3);
    let stopping = stop(&server);
    go.set();
    for client in [&mut whole, &mut streamed, &mut with_body] {
        let response = client.response();
        assert_eq!(response.status, 200);
        assert_eq!(response.header("connection"), Some("close"));
        client.expect_end();
    }
    stopping.join().unwrap();
}

#[test]
fn what_has_come_whole_is_answered() {
    let _watchdog = watchdog();
    let go = Event::new();
    let begun = Counter::default();
    let (wait, count) = (go.clone(), begun.clone());
    let server = serve_with(patient(), move |env, start_response| {
        count.add();
        wait.wait();
        tell_target(env, start_response)
    });
    let requests = ["/1", "/2", "/3"].map(get).concat();
    let mut client = Client::with(server.local_addr(), requests);
    begun.reaches(1);
    let stopping = stop(&server);
    go.set();
    for (target, closes) in [("/1", None), ("/2", None), ("/3", Some("close"))] {
        let response = client.response();
        assert_eq!(response.text(), target);
        assert_eq!(response.header("connection"), closes);
    }
    client.expect_end();
    stopping.join().unwrap();
}

#[test]
fn half_a_request_may_be_completed() {
    let _watchdog = watchdog();
    let server = serve_with(patient(), tell_target);
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(get("/1")).status, 200);
    client.send("GET /2 HTTP/1.1\r\n");
    let stopping = stop(&server);
    client.send("Host: x\r\n\r\n");
    let response = client.response();
    assert_eq!(response.text(), "/2");
    assert_eq!(response.header("connection"), Some("close"));
    client.expect_end();
    stopping.join().unwrap();
}

#[test]
fn a_last_request_may_come() {
    let _watchdog = watchdog();
    let server = serve_with(patient().drain_timeout(LONG), tell_target);
    let mut used = Client::connect(server.local_addr());
    assert_eq!(used.ask(get("/1")).header("connection"), None);
    let mut unused = Client::connect(server.local_addr());
    let mut leaving = Client::connect(server.local_addr());
    until("all", || server.active() == 3);
    let stopped = server.clone();
    let stopping = thread::spawn(move || stopped.stop(LONG));
    until("closed", || is_refused(server.local_addr()));
    leaving.expect_silence();
    for client in [&mut used, &mut unused] {
        let response = client.ask(get("/2"));
        assert_eq!(response.text(), "/2");
        assert_eq!(response.header("connection"), Some("close"));
        client.expect_end();
    }
    drop(leaving);
    stopping.join().unwrap();
}

#[test]
fn a_last_request_is_not_waited_for_longer() {
    let _watchdog = watchdog();
    let moment = Duration::from_millis(20);
    let server = serve_with(patient().drain_timeout(moment), hello);
    let mut idle = Client::connect(server.local_addr());
    assert_eq!(idle.ask(GET).status, 200);
    server.stop(LONG);
    idle.expect_end();
}

/// Asks until the server closes; how many answers were complete.
fn ask_until_closed(addr: SocketAddr) -> usize {
    let mut answers = 0;
    let Ok(mut stream) = TcpStream::connect_timeout(&addr, PATIENCE) else {
        return 0;
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut buffer = Vec::new();
    while stream.write_all(GET).is_ok() {
        buffer.clear();
        let mut part = [0; 1024];
        while !buffer.ends_with(b"complete") {
            match stream.read(&mut part) {
                Ok(0) | Err(_) => {
                    // Between two answers, never within one.
                    assert!(buffer.is_empty(), "{}", buffer.escape_ascii());
                    return answers;
                }
                Ok(n) => buffer.extend_from_slice(&part[..n]),
            }
        }
        answers += 1;
        let head = String::from_utf8_lossy(&buffer);
        if head.contains("Connection: close") {
            return answers;
        }
    }
    answers
}

#[test]
fn no_request_is_lost_under_load() {
    let _watchdog = watchdog();
    for _ in 0..5 {
        let begun = Counter::default();
        let count = begun.clone();
        let server = serve_with(patient(), move |_env, start_response| {
            count.add();
            maypole::sleep(Duration::from_micros(200));
            start_response.send(StatusCode::OK, "complete")
        });
        let addr = server.local_addr();
        let clients: Vec<_> = (0..16)
            .map(|_| thread::spawn(move || ask_until_closed(addr)))
            .collect();
        begun.reaches(200);
        let before = Instant::now();
        server.stop(LONG);
        assert!(before.elapsed() < PATIENCE);
        let answers: usize = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum();
        // Whatever the application was called for has reached its client.
        assert_eq!(answers, begun.get());
    }
}
