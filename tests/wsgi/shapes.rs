//! Applications of other shapes: iterators of chunks, requests to responses.

use std::io::{self, Read};
use std::iter;

use maypole::Event;
use maypole::http::{Request, Response, StatusCode, iterable, respond_with, respond_with_limit};

use crate::support::{Client, Counter, noise, watchdog};
use crate::{GET, differs, get, post, post_chunked, serve};

#[test]
fn each_item_is_a_chunk_and_empty_ones_are_none() {
    if differs("shapes::each_item_is_a_chunk_and_empty_ones_are_none") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| {
        let items = ["one", "", "two", "three", ""];
        start_response.send_chunks(StatusCode::OK, items)
    });
    let mut client = Client::connect(server.local_addr());
    for _ in 0..2 {
        let response = client.ask(GET);
        let chunks = response.chunks.unwrap();
        assert_eq!(chunks, [&b"one"[..], b"two", b"three"]);
    }
    let response = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(response.text(), "onetwothree");
}

#[test]
fn an_item_is_sent_when_it_comes_and_the_head_with_the_first() {
    if differs("shapes::an_item_is_sent_when_it_comes_and_the_head_with_the_first") {
        return;
    }
    let _watchdog = watchdog();
    let events = [(); 2].map(|()| Event::new());
    let theirs = events.clone();
    let server = serve(move |_env, start_response| {
        let items = theirs.iter().map(|event| {
            event.wait();
            "item"
        });
        start_response.send_chunks(StatusCode::OK, items)
    });
    let mut client = Client::with(server.local_addr(), GET);
    client.expect_silence();
    events[0].set();
    client.response_head();
    assert_eq!(client.chunk(), b"item");
    client.expect_silence();
    events[1].set();
    assert_eq!(client.chunk(), b"item");
    assert_eq!(client.chunk(), b"");
}

#[test]
fn a_known_total_is_sent_as_length() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let ok = StatusCode::OK;
        match env.path_info() {
            "/single" => start_response.send_chunks(ok, ["whole"]),
            "/none" => start_response.send_chunks(ok, iter::empty::<&str>()),
            "/declared" => start_response
                .header("Content-Length", "5")
                .send_chunks(ok, ["wh", "ole"]),
            "/parts" => start_response.send_parts(ok, &["wh", "", "ole"]),
            "/large" => start_response.send_parts(ok, &[noise(100_000), noise(1)]),
            other => panic!("{other}"),
        }
    });
    let mut client = Client::connect(server.local_addr());
    for (path, length) in [
        ("/single", "5"),
        ("/none", "0"),
        ("/declared", "5"),
        ("/parts", "5"),
        ("/large", "100001"),
    ] {
        let response = client.ask(get(path));
        assert_eq!(response.header("content-length"), Some(length), "{path}");
        client.send(get(path).replace("GET", "HEAD"));
        client.response_to_head();
    }
}

#[test]
fn an_iterator_is_dropped_once_however_it_ends() {
    if differs("shapes::an_iterator_is_dropped_once_however_it_ends") {
        return;
    }
    let _watchdog = watchdog();
    let dropped = Counter::default();
    let count = dropped.clone();
    let server = serve(move |env, start_response| {
        let on_drop = count.on_drop();
        let fails = env.path_info() == "/panic";
        let endless = env.path_info() == "/endless";
        let items = (0..).map_while(move |n| {
            let _kept = &on_drop;
            assert!(!fails || n < 2, "on purpose");
            (endless || n < 3).then_some([b'x'; 10_000])
        });
        start_response.send_chunks(StatusCode::OK, items)
    });
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(GET).body.len(), 30_000);
    dropped.reaches(1);
    client.send(get("/panic"));
    client.response_head();
    assert_eq!(client.chunk().len() + client.chunk().len(), 20_000);
    client.expect_end();
    dropped.reaches(2);
    let mut client = Client::with(server.local_addr(), get("/endless"));
    client.response_head();
    drop(client);
    dropped.reaches(3);
    assert_eq!(Client::connect(server.local_addr()).ask(GET).status, 200);
    dropped.reaches(4);
    assert_eq!(dropped.get(), 4);
}

#[test]
fn an_application_may_return_its_chunks() {
    if differs("shapes::an_application_may_return_its_chunks") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(iterable(|env| {
        let mut body = String::new();
        env.input().read_to_string(&mut body)?;
        if body == "error" {
            return Err(io::Error::other("on purpose"));
        }
        let words: Vec<_> = body.split(' ').map(str::to_owned).collect();
        let response = Response::builder().status(201).header("X-Own", "1");
        Ok(response.body(words).unwrap())
    }));
    let mut client = Client::connect(server.local_addr());
    let response = client.ask(post("/", b"some words"));
    assert_eq!(
        (response.status, response.header("x-own")),
        (201, Some("1"))
    );
    assert_eq!(response.chunks.unwrap(), [&b"some"[..], b"words"]);
    assert_eq!(client.ask(post("/", b"single")).chunks, None);
    assert_eq!(client.ask(post("/", b"error")).status, 500);
    client.expect_end();
}

#[test]
fn an_application_may_be_a_function_of_the_request() {
    let _watchdog = watchdog();
    let server = serve(respond_with(|request: Request<Vec<u8>>| {
        let response = Response::builder().status(StatusCode::CREATED);
        let response = response.header("X-Method", request.method().as_str());
        let path = request.uri().path().as_bytes().to_owned();
        let body = [path, request.into_body()].concat();
        response.body(body).unwrap()
    }));
    let mut client = Client::connect(server.local_addr());
    for request in [
        post("/path?q", b"body"),
        post_chunked("/path?q", b"body", 3),
    ] {
        let response = client.ask(request);
        assert_eq!(response.status, 201);
        assert_eq!(response.header("x-method"), Some("POST"));
        assert_eq!(response.text(), "/pathbody");
    }
    assert_eq!(client.ask(get("/empty")).text(), "/empty");
}

#[test]
fn a_body_that_is_too_large_is_answered_413() {
    if differs("shapes::a_body_that_is_too_large_is_answered_413") {
        return;
    }
    let _watchdog = watchdog();
    let calls = Counter::default();
    let count = calls.clone();
    let server = serve(respond_with_limit(10, move |request: Request<Vec<u8>>| {
        count.add();
        Response::new(request.into_body())
    }));
    let mut client = Client::connect(server.local_addr());
    for request in [post("/", &[b'x'; 11]), post_chunked("/", &[b'x'; 11], 4)] {
        assert_eq!(client.ask(request).status, 413);
    }
    for request in [post("/", &[b'x'; 10]), post_chunked("/", &[b'x'; 10], 4)] {
        assert_eq!(client.ask(request).status, 200);
    }
    assert_eq!(calls.get(), 2);
    // Known in advance: then it is not asked for.
    let request =
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(client.ask(request).status, 413);
    client.expect_end();
}

#[test]
fn the_server_names_itself_if_it_is_told_to() {
    let _watchdog = watchdog();
    let builder = crate::builder().server_header("maypole");
    let server = crate::serve_with(builder, |env, start_response| match env.path_info() {
        "/own" => start_response
            .header("server", "app")
            .send(StatusCode::OK, ""),
        _ => start_response.send(StatusCode::OK, ""),
    });
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(GET).header("server"), Some("maypole"));
    assert_eq!(client.ask(get("/own")).header("server"), Some("app"));
    assert_eq!(client.ask(GET).header("server"), Some("maypole"));
    let server = serve(crate::hello);
    let response = Client::connect(server.local_addr()).ask(GET);
    assert_eq!(response.header("server"), None);
    let bad = crate::builder().server_header("a\r\nb");
    let error = bad.bind("127.0.0.1:0", crate::hello).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
