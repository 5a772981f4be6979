//! The two larger examples: a proxy, and a chat.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use super::support::{Response, until};
use super::{Client, Example, start, watchdog, wsgi_server};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn web_proxy() -> Example {
    start("web_proxy", "Serving on http://")
}

/// What the proxy makes of a page.
#[track_caller]
fn through(proxy: &Example, path: &str) -> Response {
    Client::connect(proxy.addr).ask(get(path))
}

/// A server that gives the same answer to everybody.
fn upstream(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    addr
}

#[test]
fn web_proxy_fetches_pages() {
    let _watchdog = watchdog();
    let (proxy, server) = (web_proxy(), wsgi_server());
    assert!(through(&proxy, "/").text().contains("maypole example"));
    let page = through(&proxy, &format!("/http://{}/", server.addr));
    assert_eq!((page.status, page.text()), (200, "<b>hello world</b>"));
    assert_eq!(page.header("content-type"), Some("text/html"));
    let page = through(&proxy, &format!("/{}/xxx", server.addr));
    assert_eq!((page.status, page.text()), (404, "<h1>Not Found</h1>"));
    let page = through(&proxy, &format!("/{}", server.addr));
    let with_slash = format!("/http://{}/", server.addr);
    assert_eq!(
        (page.status, page.header("location")),
        (302, Some(&*with_slash))
    );

    assert_eq!(through(&proxy, "/http://127.0.0.1:1/").status, 502);
    assert_eq!(through(&proxy, "/https://localhost/").status, 501);
    let mut client = Client::connect(proxy.addr);
    let post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(client.ask(post).status, 501);
}

#[test]
fn web_proxy_leads_links_through_itself() {
    let _watchdog = watchdog();
    let proxy = web_proxy();
    let server = upstream(
        "HTTP/1.0 302 Found\r\nLocation: /there\r\nSet-Cookie: a=b\r\nContent-Type: text/html\r\n\r\n\
         <a href=\"/a\"> <img src='//other/b'> <form action=\"http://third/c\"> \
         <a href='d'> <a href=\"https://fourth/\">",
    );
    let page = through(&proxy, &format!("/http://{server}/x?y=/z"));
    assert_eq!(page.status, 302);
    let there = format!("/http://{server}/there");
    assert_eq!(page.header("location"), Some(&*there));
    assert_eq!(page.header("set-cookie"), None);
    assert_eq!(
        page.text(),
        format!(
            "<a href=\"/http://{server}/a\"> <img src='/http://other/b'> \
             <form action=\"/http://third/c\"> <a href='d'> <a href=\"https://fourth/\">"
        )
    );
    for broken in [
        "nothing like HTTP\r\n\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let server = upstream(broken);
        let page = through(&proxy, &format!("/http://{server}/"));
        assert_eq!(page.status, 502, "{broken:?}");
    }
}

fn web_chat() -> Example {
    start("web_chat", "Serving on http://")
}

fn post(text: &str) -> String {
    let length = text.len();
    format!(
        "POST /room/lobby/new HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{text}"
    )
}

#[test]
fn web_chat_wakes_all_who_poll() {
    let _watchdog = watchdog();
    let example = web_chat();
    let mut poster = Client::connect(example.addr);
    for (path, room) in [("/", "/room/lobby"), ("/?poll", "/room/lobby?poll")] {
        assert_eq!(poster.ask(get(path)).header("location"), Some(room));
    }
    assert!(
        poster
            .ask(get("/room/lobby"))
            .text()
            .contains("maypole chat")
    );
    assert_eq!(poster.ask(get("/room/none")).status, 404);

    let poll = get("/room/lobby/updates?after=0");
    let mut polls: Vec<_> = (0..3).map(|_| Client::with(example.addr, &poll)).collect();
    let mut other = Client::with(example.addr, get("/room/weather/updates?after=0"));
    polls[0].expect_silence();
    assert_eq!(poster.ask(post("ada: grüezi\r\n1 no line\n")).status, 204);
    for client in &mut polls {
        assert_eq!(client.response().text(), "1 ada: grüezi  1 no line\n");
    }
    other.expect_silence();
    // What is there already is not waited for; what is empty or long is nothing.
    assert_eq!(poster.ask(post(" \n")).status, 204);
    assert_eq!(poster.ask(post(&"x".repeat(1001))).status, 413);
    let mut late = Client::connect(example.addr);
    let polled = late.ask(&poll);
    assert_eq!(polled.text(), "1 ada: grüezi  1 no line\n");
}

#[test]
fn web_chat_remembers_the_last_messages() {
    let _watchdog = watchdog();
    let example = web_chat();
    let mut client = Client::connect(example.addr);
    for number in 1..=203 {
        assert_eq!(client.ask(post(&format!("message {number}"))).status, 204);
    }
    let answer = client.ask(get("/room/lobby/updates?after=0"));
    let text = answer.text();
    assert_eq!(text.lines().count(), 200);
    assert!(text.starts_with("4 message 4\n"), "{text}");
    assert!(text.ends_with("\n203 message 203\n"), "{text}");
    let answer = client.ask(get("/room/lobby/updates?after=202"));
    let text = answer.text();
    assert_eq!(text, "203 message 203\n");
}

#[test]
fn web_chat_talks_by_websocket() {
    let _watchdog = watchdog();
    let example = web_chat();
    let connect = || {
        let stream = Client::connect(example.addr).into_stream();
        let url = format!("ws://{}/room/lobby/socket?after=0", example.addr);
        tungstenite::client(url, stream).unwrap().0
    };
    let (mut ada, mut bob) = (connect(), connect());
    let mut poll = Client::with(example.addr, get("/room/lobby/updates?after=0"));
    ada.send("ada: hello".into()).unwrap();
    for socket in [&mut ada, &mut bob] {
        assert_eq!(socket.read().unwrap().into_text().unwrap(), "1 ada: hello");
    }
    assert_eq!(poll.response().text(), "1 ada: hello\n");
    let mut poster = Client::connect(example.addr);
    assert_eq!(poster.ask(post("cyd: by post")).status, 204);
    for socket in [&mut ada, &mut bob] {
        assert_eq!(
            socket.read().unwrap().into_text().unwrap(),
            "2 cyd: by post"
        );
    }
    // Many at once, in order.
    for number in 0..100 {
        ada.send(format!("ada: {number}").into()).unwrap();
    }
    for number in 0..100 {
        let text = bob.read().unwrap().into_text().unwrap();
        assert_eq!(text, format!("{} ada: {number}", number + 3));
    }
    // A client that leaves, and one that says too much, are gone alone.
    bob.close(None).unwrap();
    while bob.read().is_ok() {}
    let mut loud = connect();
    loud.send("x".repeat(2000).into()).unwrap();
    until("the end of the loud one", || loud.read().is_err());
    ada.send("ada: still here".into()).unwrap();
    until("the last message", || {
        let text = ada.read().unwrap().into_text().unwrap();
        text == "103 ada: still here"
    });
}
