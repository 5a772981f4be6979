//! Connections that leave HTTP: `Upgrade` and CONNECT.

use std::io::{self, Read, Write};
use std::time::Duration;

use maypole::http::{Environ, Method, StartResponse, StatusCode};
use maypole::pool::Pool;

use crate::support::{Client, Counter, logged_about, watchdog};
use crate::{GET, builder, get, serve, serve_with};

const UPGRADE: &str = "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n\
                       Upgrade: other/1, Echo\r\n\r\n";

const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nX-Own: 1\r\n\
                          Connection: upgrade\r\nDate: ";

/// Sends back what comes, after the upgrade.
fn echo(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    if env.path_info() == "/plain" {
        return start_response.send(StatusCode::OK, "plain");
    }
    let start_response = start_response
        .header("Upgrade", "echo")
        .header("X-Own", "1");
    let mut stream = start_response.upgrade(env)?;
    if env.query_string() == "panic" {
        panic!("on purpose");
    }
    let mut buffer = [0; 5];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

/// Past the head of a 101.
#[track_caller]
fn switched(client: &mut Client) {
    client.expect(SWITCHED);
    client.read_until(b"\r\n\r\n");
}

#[test]
fn the_stream_begins_behind_the_request() {
    let _watchdog = watchdog();
    let server = serve(echo);
    // Behind other requests, and with bytes that came along.
    let all = [&get("/plain"), UPGRADE, "GET / HTTP/1.1\r\n\r\n"].concat();
    let mut client = Client::with(server.local_addr(), all);
    assert_eq!(client.response().text(), "plain");
    switched(&mut client);
    client.expect(b"GET / HTTP/1.1\r\n\r\n");
    client.send(b"\0\xff no HTTP");
    client.expect(b"\0\xff no HTTP");
    client.end_sending();
    client.expect_end();
}

#[test]
fn an_upgrade_may_arrive_byte_by_byte() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let mut client = Client::connect(server.local_addr());
    for byte in UPGRADE.bytes().chain(*b"hello") {
        client.send([byte]);
    }
    switched(&mut client);
    client.expect(b"hello");
}

#[test]
fn what_the_client_asks_for() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let asked = ["echo", "other/1", "other", "ECHO", ""].map(|name| env.asks_for_upgrade(name));
        start_response.send(StatusCode::OK, format!("{asked:?}"))
    });
    let mut client = Client::connect(server.local_addr());
    let yes = "[true, true, false, true, false]";
    assert_eq!(client.ask(UPGRADE).text(), yes);
    let no = "[false, false, false, false, false]";
    // Both lines are needed: RFC 9110 section 7.8.
    for request in [
        UPGRADE.replace("keep-alive, Upgrade", "keep-alive"),
        UPGRADE.replace("Upgrade: ", "X: "),
    ] {
        assert_eq!(client.ask(request).text(), no);
    }
    // And not in HTTP/1.0.
    let old = UPGRADE.replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(client.ask(old).text(), no);
}

#[test]
fn who_is_not_asked_cannot_upgrade() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| match env.path_info() {
        "/no-protocol" => start_response.upgrade(env).map(drop),
        "/bad" => start_response
            .header("Upgrade", "echo")
            .header("a b", "c")
            .upgrade(env)
            .map(drop),
        _ => start_response
            .header("Upgrade", "echo")
            .upgrade(env)
            .map(drop),
    });
    for request in [
        get("/"),
        UPGRADE.replace("/echo", "/no-protocol"),
        UPGRADE.replace("/echo", "/bad"),
        UPGRADE.replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        let mut client = Client::with(server.local_addr(), &request);
        assert_eq!(client.response().status, 500, "{request}");
        client.expect_end();
    }
}

#[test]
fn who_refuses_an_upgrade_stays_with_http() {
    let _watchdog = watchdog();
    let server = serve(crate::tell_target);
    // What follows is a request then.
    let all = [UPGRADE, &get("/next")].concat();
    let mut client = Client::with(server.local_addr(), all);
    assert_eq!(client.response().text(), "/echo");
    assert_eq!(client.response().text(), "/next");
    let server = serve(|_env, start_response| {
        start_response
            .header("Upgrade", "echo")
            .send(StatusCode::UPGRADE_REQUIRED, "speak echo")
    });
    let mut client = Client::with(server.local_addr(), GET);
    let response = client.response();
    assert_eq!(response.header("upgrade"), Some("echo"));
    assert_eq!(response.header("connection"), Some("upgrade"));
    assert_eq!(client.ask(GET).status, 426);
}

#[test]
fn the_request_is_complete_before_the_upgrade() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let request = UPGRADE.replace("GET", "POST");
    let with_body = request.replace("Host: x\r\n", "Host: x\r\nContent-Length: 4\r\n");
    let mut client = Client::with(server.local_addr(), &with_body);
    client.expect_silence();
    client.send("bodynext");
    switched(&mut client);
    client.expect(b"next");
    // Who waits to be asked for its body is asked.
    let expecting = with_body.replace("Host: x\r\n", "Host: x\r\nExpect: 100-continue\r\n");
    let mut client = Client::with(server.local_addr(), expecting);
    client.expect(b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("bodynext");
    switched(&mut client);
    client.expect(b"next");
    // A body that does not end is not read for ever.
    let endless = request.replace("Host: x\r\n", "Host: x\r\nContent-Length: 900000000\r\n");
    let mut client = Client::with(server.local_addr(), endless);
    let _ = client.try_send(vec![b'x'; 600_000]);
    assert_eq!(client.response().status, 500);
    client.expect_closed();
}

#[test]
fn connect_makes_a_tunnel() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        if *env.method() != Method::CONNECT || env.target() != "inside:7" {
            return start_response.send(StatusCode::FORBIDDEN, "no");
        }
        let mut stream = start_response.upgrade(env)?;
        let mut bytes = [0; 5];
        stream.read_exact(&mut bytes)?;
        stream.write_all(&bytes)
    });
    let connect = |host: &str| format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(connect("outside:7")).text(), "no");
    client.send(connect("inside:7") + "hello");
    let head = client.response_head();
    assert_eq!(head.status, 200);
    let names: Vec<_> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["date"]);
    client.expect(b"hello");
    client.expect_end();
}

#[test]
fn time_outs_of_http_do_not_apply() {
    let _watchdog = watchdog();
    let short = Duration::from_millis(20);
    let builder = builder()
        .keep_alive_timeout(short)
        .head_timeout(short)
        .stall_timeout(short);
    let server = serve_with(builder, echo);
    let mut client = Client::with(server.local_addr(), UPGRADE);
    switched(&mut client);
    client.expect_silence();
    client.send("late");
    client.expect(b"late");
}

#[test]
fn a_panic_closes_the_connection_and_is_reported_once() {
    let _watchdog = watchdog();
    crate::support::capture_log();
    let server = serve(echo);
    let mut client = Client::with(server.local_addr(), UPGRADE.replace("/echo", "/echo?panic"));
    switched(&mut client);
    client.expect_end();
    let reports = || logged_about(server.local_addr(), client.addr());
    crate::support::until("a report", || !reports().is_empty());
    assert_eq!(reports().len(), 1);
}

#[test]
fn the_connection_holds_its_place_until_the_application_returns() {
    let _watchdog = watchdog();
    let server = serve_with(builder().pool(Pool::new(1)), echo);
    let mut first = Client::with(server.local_addr(), UPGRADE);
    switched(&mut first);
    let mut second = Client::with(server.local_addr(), get("/plain"));
    second.expect_silence();
    drop(first);
    assert_eq!(second.response().text(), "plain");
}

#[test]
fn a_stop_ends_it() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let mut client = Client::with(server.local_addr(), UPGRADE);
    switched(&mut client);
    server.stop(Duration::from_millis(1));
    client.expect_closed();
    assert_eq!(server.active(), 0);
}

#[test]
fn it_may_outlive_the_application() {
    let _watchdog = watchdog();
    let ended = Counter::default();
    let count = ended.clone();
    let server = serve_with(builder().pool(Pool::new(1)), move |env, start_response| {
        if env.path_info() == "/plain" {
            return start_response.send(StatusCode::OK, "plain");
        }
        let mut stream = start_response.header("Upgrade", "echo").upgrade(env)?;
        let on_drop = count.on_drop();
        let _detached = maypole::spawn(move || {
            let _on_drop = on_drop;
            let mut writer = stream.get_ref().try_clone()?;
            io::copy(&mut stream, &mut writer)
        });
        Ok(())
    });
    let mut client = Client::with(server.local_addr(), UPGRADE.to_owned() + "hello");
    client.read_until(b"\r\n\r\n");
    client.expect(b"hello");
    let mut second = Client::with(server.local_addr(), get("/plain"));
    assert_eq!(second.response().text(), "plain");
    client.send("again");
    client.expect(b"again");
    drop(client);
    ended.reaches(1);
}

#[test]
fn it_comes_apart() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let mut stream = start_response.header("Upgrade", "echo").upgrade(env)?;
        let debug = format!("{stream:?}");
        assert!(!debug.contains("hello"), "{debug}");
        let mut begun = [0; 2];
        stream.read_exact(&mut begun)?;
        assert_eq!(stream.get_ref().get_ref().read_timeout()?, None);
        let (mut stream, ahead) = stream.into_parts();
        assert_eq!((&begun, &ahead[..]), (b"he", &b"llo"[..]));
        // HTTP has no part in it any more.
        assert!(env.is_disconnected());
        assert_eq!(env.input().read(&mut [0; 8])?, 0);
        stream.write_all(b"bye")
    });
    let mut client = Client::with(server.local_addr(), UPGRADE.to_owned() + "hello");
    client.read_until(b"\r\n\r\n");
    client.expect(b"bye");
    client.expect_end();
}
