//! Bodies of responses, and their framing.

use std::io::{self, Write};
use std::time::Duration;

use maypole::Event;
use maypole::http::StatusCode;

use crate::support::{Client, Counter, LONG, noise, watchdog};
use crate::{GET, builder, differs, get, serve, serve_with};

/// More than is gathered before it is sent.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

#[test]
fn a_small_body_gets_its_length() {
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        body.write_all(b"small")?;
        body.write_all(b"")?;
        body.write_all(b" and whole")
    });
    let mut client = Client::connect(server.local_addr());
    let response = client.ask(GET);
    assert_eq!(response.header("content-length"), Some("15"));
    assert_eq!(response.text(), "small and whole");
    assert_eq!(client.ask(GET).text(), "small and whole");
    // The same to a client that knows no chunks.
    let response = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(response.header("content-length"), Some("15"));
    assert_eq!(client.ask(GET).text(), "small and whole");
}

#[test]
fn an_empty_body_gets_its_length() {
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| start_response.start(StatusCode::OK).map(drop));
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(GET).header("content-length"), Some("0"));
    assert_eq!(client.ask(GET).status, 200);
}

#[test]
fn what_is_flushed_is_visible_at_once() {
    if differs("output::what_is_flushed_is_visible_at_once") {
        return;
    }
    let _watchdog = watchdog();
    let events = [(); 3].map(|()| Event::new());
    let theirs = events.clone();
    let server = serve(move |_env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        body.flush()?;
        for (event, text) in theirs.iter().zip(["one", "two", "three"]) {
            event.wait();
            body.write_all(text.as_bytes())?;
            body.flush()?;
            body.flush()?;
        }
        body.write_all(b"end")
    });
    let mut client = Client::with(server.local_addr(), GET);
    let head = client.response_head();
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    assert_eq!(head.header("content-length"), None);
    client.expect_silence();
    for (event, text) in events[..2].iter().zip(["one", "two"]) {
        event.set();
        assert_eq!(client.chunk(), text.as_bytes());
        client.expect_silence();
    }
    events[2].set();
    assert_eq!(client.chunk(), b"three");
    assert_eq!(client.chunk(), b"end");
    assert_eq!(client.chunk(), b"");
    assert_eq!(client.ask(GET).text(), "onetwothreeend");
}

#[test]
fn a_large_body_goes_out_in_chunks() {
    if differs("output::a_large_body_goes_out_in_chunks") {
        return;
    }
    let _watchdog = watchdog();
    let data = noise(8 << 20);
    let sent = data.clone();
    let server = serve(move |_env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        for piece in sent.chunks(1000) {
            body.write_all(piece)?;
        }
        Ok(())
    });
    let mut client = Client::connect(server.local_addr());
    for _ in 0..2 {
        let response = client.ask(GET);
        assert!(response.body == data, "{} bytes", response.body.len());
        let chunks = response.chunks.unwrap();
        // Gathered, not one for each write.
        assert!(chunks.len() < data.len() / 4000, "{} chunks", chunks.len());
    }
}

#[test]
fn more_is_gathered_while_no_flush_comes() {
    if differs("output::more_is_gathered_while_no_flush_comes") {
        return;
    }
    let _watchdog = watchdog();
    let events = [(); 5].map(|()| Event::new());
    let theirs = events.clone();
    let server = serve(move |_env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        for event in &theirs {
            body.write_all(&PIECE)?;
            event.wait();
        }
        body.flush()?;
        body.write_all(&PIECE)
    });
    let mut client = Client::with(server.local_addr(), GET);
    client.response_head();
    // At 16, 32 and 64 KiB.
    for event in &events[..3] {
        assert_eq!(client.chunk(), PIECE);
        client.expect_silence();
        event.set();
    }
    // Not at 128.
    client.expect_silence();
    events[3].set();
    assert_eq!(client.chunk(), PIECE);
    assert_eq!(client.chunk(), PIECE);
    client.expect_silence();
    events[4].set();
    // After a flush it begins anew.
    assert_eq!(client.chunk(), PIECE);
    assert_eq!(client.chunk(), b"");
}

#[test]
fn one_large_write_goes_out_in_parts() {
    if differs("output::one_large_write_goes_out_in_parts") {
        return;
    }
    let _watchdog = watchdog();
    let data = noise(1 << 20);
    let sent = data.clone();
    let server =
        serve(move |_env, start_response| start_response.start(StatusCode::OK)?.write_all(&sent));
    let response = Client::connect(server.local_addr()).ask(GET);
    assert!(response.body == data, "{} bytes", response.body.len());
    let lens: Vec<usize> = response.chunks.unwrap().iter().map(Vec::len).collect();
    assert_eq!(lens, [448 << 10, 448 << 10, 128 << 10]);
}

#[test]
fn a_large_body_that_is_complete_goes_out_with_its_length() {
    let _watchdog = watchdog();
    let data = noise(8 << 20);
    let sent = data.clone();
    let server = serve(move |_env, start_response| start_response.send(StatusCode::OK, &sent));
    let mut client = Client::connect(server.local_addr());
    for _ in 0..2 {
        let response = client.ask(GET);
        assert_eq!(response.chunks, None);
        assert!(response.body == data, "{} bytes", response.body.len());
    }
}

#[test]
fn http_1_0_reads_until_the_end() {
    if differs("output::http_1_0_reads_until_the_end") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        body.write_all(b"one")?;
        body.flush()?;
        body.write_all(b"two")
    });
    for line in ["", "Connection: keep-alive\r\n"] {
        let request = format!("GET / HTTP/1.0\r\n{line}\r\n");
        let mut client = Client::with(server.local_addr(), request);
        let response = client.response();
        assert_eq!(response.header("transfer-encoding"), None);
        assert_eq!(response.header("content-length"), None);
        assert_eq!(response.header("connection"), Some("close"));
        assert_eq!(response.text(), "onetwo");
    }
}

#[test]
fn a_length_that_is_declared_frames_the_body() {
    if differs("output::a_length_that_is_declared_frames_the_body") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| {
        let start_response = start_response.header("content-length", "6");
        let mut body = start_response.start(StatusCode::OK)?;
        body.write_all(b"one")?;
        body.flush()?;
        body.write_all(b"two")
    });
    let mut client = Client::connect(server.local_addr());
    for _ in 0..2 {
        let response = client.ask(GET);
        assert_eq!(response.header("content-length"), Some("6"));
        assert_eq!(response.text(), "onetwo");
    }
    let response = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(response.header("connection"), Some("keep-alive"));
    assert_eq!(client.ask(GET).text(), "onetwo");
}

#[test]
fn more_than_declared_is_an_error_and_is_not_sent() {
    if differs("output::more_than_declared_is_an_error_and_is_not_sent") {
        return;
    }
    let _watchdog = watchdog();
    let failed = Counter::default();
    let count = failed.clone();
    let server = serve(move |_env, start_response| {
        let start_response = start_response.header("Content-Length", "5");
        let mut body = start_response.start(StatusCode::OK)?;
        body.write_all(b"four")?;
        body.flush()?;
        let error = body.write_all(b"excess").and_then(|()| body.flush());
        if error.is_err() {
            count.add();
        }
        Ok(())
    });
    let all = [GET, GET].concat();
    let mut client = Client::with(server.local_addr(), all);
    assert_eq!(client.response_head().header("content-length"), Some("5"));
    client.expect(b"four");
    client.expect_closed();
    assert_eq!(failed.get(), 1);
}

#[test]
fn less_than_declared_is_cut() {
    if differs("output::less_than_declared_is_cut") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| {
        let start_response = start_response.header("Content-Length", "5");
        let mut body = start_response.start(StatusCode::OK)?;
        body.write_all(b"four")?;
        body.flush()
    });
    let all = [GET, GET].concat();
    let mut client = Client::with(server.local_addr(), all);
    assert_eq!(client.response_head().header("content-length"), Some("5"));
    client.expect(b"four");
    client.expect_closed();
}

#[test]
fn some_answers_have_no_body() {
    if differs("output::some_answers_have_no_body") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let status = env.path_info()[1..].parse().unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        match env.query_string() {
            "send" => start_response.send(status, "no body, please"),
            _ => {
                let mut body = start_response.start(status)?;
                body.write_all(b"no body")?;
                body.flush()?;
                body.write_all(b", please")
            }
        }
    });
    let mut client = Client::connect(server.local_addr());
    for status in [204, 304] {
        for how in ["send", "start"] {
            let response = client.ask(get(&format!("/{status}?{how}")));
            assert_eq!(response.status, status);
            assert_eq!(response.header("content-length"), None);
            assert_eq!(response.header("transfer-encoding"), None);
        }
    }
    for how in ["send", "start"] {
        let response = client.ask(get(&format!("/205?{how}")));
        assert_eq!(response.header("content-length"), Some("0"));
        client.send(get(&format!("/200?{how}")).replace("GET", "HEAD"));
        assert_eq!(client.response_to_head().status, 200);
    }
    // Had there been any, this would be out of step.
    assert_eq!(client.ask(get("/200?send")).text(), "no body, please");
    assert_eq!(client.ask(get("/200?start")).text(), "no body, please");
}

#[test]
fn the_application_s_header_lines_are_sent_in_order() {
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| {
        start_response
            .header("X-One", "1")
            .header("Set-Cookie", "a=b")
            .header("Set-Cookie", "c=d")
            .header("x-bytes", b"\xe9")
            .header("X-Empty", "")
            .header("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
            .send(StatusCode::CREATED, "x")
    });
    let mut client = Client::with(server.local_addr(), GET);
    let expected = b"HTTP/1.1 201 Created\r\nX-One: 1\r\nSet-Cookie: a=b\r\n\
                     Set-Cookie: c=d\r\nx-bytes: \xe9\r\nX-Empty: \r\n\
                     Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 1\r\n\r\nx";
    client.expect(expected);
}

#[test]
fn a_slow_client_slows_the_application_down() {
    if differs("output::a_slow_client_slows_the_application_down") {
        return;
    }
    let _watchdog = watchdog();
    let written = Counter::default();
    let count = written.clone();
    let pieces = 1000;
    let server = serve(move |_env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        for _ in 0..pieces {
            body.write_all(&PIECE)?;
            count.add();
        }
        Ok(())
    });
    let mut client = Client::with(server.local_addr(), GET);
    written.reaches(1);
    client.read_until(b"\r\n\r\n");
    // More than the buffers of a connection can take.
    assert!(written.get() < pieces, "all was written, nothing read");
    let mut len = 0;
    loop {
        let chunk = client.chunk();
        if chunk.is_empty() {
            break;
        }
        len += chunk.len();
    }
    assert_eq!(len, pieces * PIECE.len());
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    if differs("output::a_client_that_does_not_read_is_given_up") {
        return;
    }
    let _watchdog = watchdog();
    let error = Event::new();
    let told = error.clone();
    let builder = builder()
        .stall_timeout(Duration::from_millis(30))
        .keep_alive_timeout(LONG)
        .head_timeout(LONG);
    let server = serve_with(builder, move |_env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        loop {
            if let Err(error) = body.write_all(&PIECE) {
                assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                // It stays so.
                assert!(body.write_all(&PIECE).is_err());
                told.set();
                return Err(error);
            }
        }
    });
    let mut client = Client::with(server.local_addr(), GET);
    assert!(error.wait_timeout(LONG));
    client.expect_closed();
}
