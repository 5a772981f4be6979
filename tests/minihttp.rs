//! `wsgi::minihttp` on the wire: what it cannot answer safely never reaches an
//! application, and whatever an application does, the client sees no more than it
//! may.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};

use maypole::Event;
use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::pool::Pool;
use maypole::wsgi::minihttp::{self, Builder};

#[path = "wsgi/common.rs"]
mod common;
mod support;

use common::{GET, echo, get, hello, post, post_chunked, tell_target};
use support::{Client, Counter, watchdog};

/// What hides in what is a body to somebody.
const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

/// Starts a server, which lives as long as the process, on a port of its own.
#[track_caller]
fn start<F>(set: impl Fn(Builder) -> Builder, application: F) -> SocketAddr
where
    F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Clone + Send + Sync + 'static,
{
    loop {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = free.local_addr().unwrap();
        drop(free);
        match set(minihttp::builder()).start(addr, application.clone()) {
            Ok(()) => return addr,
            // Somebody was quicker.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn with_defaults(builder: Builder) -> Builder {
    builder
}

/// All that comes until the server closes, however it does.
#[track_caller]
fn until_closed(client: Client) -> String {
    let mut bytes = Vec::new();
    match client.into_stream().read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("not closed: {error}"),
    }
    String::from_utf8(bytes).unwrap()
}

/// Each of these ends the connection: no answer, and no application.
#[track_caller]
fn refused<B: AsRef<[u8]>>(requests: impl IntoIterator<Item = B>) {
    let _watchdog = watchdog();
    let calls = Counter::default();
    let counter = calls.clone();
    let addr = start(with_defaults, move |env, start_response| {
        counter.add();
        tell_target(env, start_response)
    });
    for request in requests {
        let request = request.as_ref();
        let seen = until_closed(Client::with(addr, request));
        let request = request.escape_ascii();
        assert_eq!(seen, "", "{request}");
        assert_eq!(calls.get(), 0, "{request}");
    }
    assert_eq!(Client::connect(addr).ask(get("/a")).text(), "/a");
}

#[track_caller]
fn refused_heads(heads: &[&str], body: &str) {
    let request = |head| format!("POST /a HTTP/1.1\r\nHost: x\r\n{head}\r\n{body}");
    refused(heads.iter().map(request));
}

#[test]
fn no_body_with_a_coding_is_read() {
    let chunks = format!("0\r\n\r\n{HIDDEN}");
    let heads = [
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 6\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 6\r\nTransfer-Encoding:\r\n",
        "content-length:6\r\nTRANSFER-ENCODING:chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: cow\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: \u{b}chunked\r\n",
        "Transfer-Encoding: \u{a0}chunked\r\n",
        "Transfer-Encoding: chunked\0\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n",
        "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "\tTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding\r\n: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding:\n chunked\r\n",
        "X: a\nTransfer-Encoding: chunked\r\n",
        "X: a\rTransfer-Encoding: chunked\r\n",
        "X: a\0\r\nTransfer-Encoding: chunked\r\n",
        "X: a\r\r\nTransfer-Encoding: chunked\r\n",
        "\0Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding;: chunked\r\n",
        "Transfer Encoding: chunked\r\n",
        "Transfer-Encoding chunked\r\n",
        ": chunked\r\n",
    ];
    refused_heads(&heads, &chunks);
    let hidden = format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len());
    refused_heads(&heads, &hidden);
}

#[test]
fn no_odd_length_is_believed() {
    refused_heads(
        &[
            "Content-Length: +5\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: -0\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: 5.0\r\n",
            "Content-Length: 5e1\r\n",
            "Content-Length: 1_0\r\n",
            "Content-Length: 5 5\r\n",
            "Content-Length: 4, 4\r\n",
            "Content-Length: 5, 6\r\n",
            "Content-Length: 5;x\r\n",
            "Content-Length: \"5\"\r\n",
            "Content-Length: 5\u{b}\r\n",
            "Content-Length: \u{665}\r\n",
            "Content-Length:\r\n",
            "Content-Length: \u{ff}\r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Content-Length: 4294967296999999999999\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 0\r\nContent-Length: 44\r\n",
            "Content-Length: 44\r\ncontent-length: 0\r\n",
            "Content-Length: 5\r\n 0\r\n",
            "Content-Length : 5\r\n",
            "Content-Length\t: 5\r\n",
            // Beyond what is read; none of it may be taken for a request.
            "Content-Length: 1048577\r\n",
            "Content-Length: 18446744073709551615\r\n",
        ],
        HIDDEN,
    );
}

#[test]
fn no_odd_head_is_believed() {
    let heads = [
        "GET /a\r\n\r\n",
        "GET  /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a  HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1 \r\nHost: x\r\n\r\n",
        "GET\t/a\tHTTP/1.1\r\nHost: x\r\n\r\n",
        " GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1\rHost: x\r\r",
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\r\n",
        "GET /a HTTP/1.1x\r\nHost: x\r\n\r\n",
        "GET /a HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET /a http/1.1\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x, y\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: u@x\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nExpect: cake\r\n\r\n",
        // What would follow the answer is not HTTP.
        "CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n",
        "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    let mut requests: Vec<String> = heads.map(|head| format!("{head}{HIDDEN}")).into();
    let lines: String = (0..17).map(|n| format!("X-{n}: a\r\n")).collect();
    requests.push(format!("GET /a HTTP/1.1\r\nHost: x\r\n{lines}\r\n"));
    let long = "a".repeat(9000);
    requests.push(get(&format!("/{long}")));
    requests.push(format!("GET /a HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"));
    refused(requests);
}

#[test]
fn a_body_is_never_a_request() {
    let _watchdog = watchdog();
    // The application looks at none of them.
    let addr = start(with_defaults, tell_target);
    let len = HIDDEN.len();
    for method in ["GET", "DELETE", "OPTIONS", "POST", "BREW"] {
        for length in [format!("{len}"), format!("00{len}")] {
            let mut client = Client::with(
                addr,
                format!(
                    "{method} /a HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{HIDDEN}"
                ),
            );
            assert_eq!(client.response().text(), "/a", "{method}");
            assert_eq!(client.ask(get("/last")).text(), "/last", "{method}");
            client.expect_silence();
        }
    }
}

#[test]
fn a_body_that_does_not_come_reaches_nobody() {
    let _watchdog = watchdog();
    let calls = Counter::default();
    let counter = calls.clone();
    let addr = start(with_defaults, move |env, start_response| {
        counter.add();
        tell_target(env, start_response)
    });
    for begun in ["", "half"] {
        let head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n";
        let mut client = Client::with(addr, format!("{head}{begun}"));
        client.end_sending();
        assert_eq!(until_closed(client), "");
    }
    assert_eq!(calls.get(), 0);
}

#[test]
fn it_answers() {
    let _watchdog = watchdog();
    let addr = start(with_defaults, hello);
    let mut client = Client::connect(addr);
    for _ in 0..3 {
        let response = client.ask(GET);
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some("text/html"));
        assert_eq!(response.text(), "<b>hello world</b>");
        assert_eq!(client.ask(get("/x")).status, 404);
        client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(client.response_to_head().status, 200);
    }
    // Several at once, and one in pieces.
    client.send([GET, GET, GET].concat());
    for _ in 0..3 {
        assert_eq!(client.response().text(), "<b>hello world</b>");
    }
    for &byte in GET {
        client.send([byte]);
    }
    assert_eq!(client.response().text(), "<b>hello world</b>");
    client.expect_silence();
}

#[test]
fn bodies_come_and_go() {
    let _watchdog = watchdog();
    let addr = start(with_defaults, echo);
    let mut client = Client::connect(addr);
    for len in [0, 1, 4096, 32 * 1024, 1024 * 1024] {
        let body = support::noise(len);
        assert!(client.ask(post("/", &body)).body == body, "{len}");
    }
    client.send(post_chunked("/", b"abc", 1));
    client.expect_closed();
}

#[test]
fn an_answer_that_is_the_last_says_so() {
    let _watchdog = watchdog();
    let calls = Counter::default();
    let counter = calls.clone();
    let addr = start(with_defaults, move |env, start_response| {
        counter.add();
        tell_target(env, start_response)
    });
    for (n, request) in [
        "GET /a HTTP/1.0\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = Client::connect(addr);
        let response = client.ask(request);
        assert_eq!(response.header("connection"), Some("close"));
        assert_eq!(response.text(), "/a");
        client.send(HIDDEN);
        assert_eq!(until_closed(client), "");
        assert_eq!(calls.get(), n + 1);
    }
}

#[test]
fn no_header_line_is_smuggled_into_an_answer() {
    let _watchdog = watchdog();
    for (name, value) in [
        ("X", "a\r\nSet-Cookie: evil=1"),
        ("X", "a\nSet-Cookie: evil=1"),
        ("X", "a\rSet-Cookie: evil=1"),
        ("X", "a\r\n\r\nevil"),
        ("X", "a\0evil"),
        ("X: evil\r\nY", "a"),
        ("X evil", "a"),
        ("X\r\n", "evil"),
        ("", "evil"),
        ("Transfer-Encoding", "evil"),
        ("Content-Length", "999"),
        // Not what its author takes: it must be a text.
        ("X-Latin", "\u{e9}vil"),
    ] {
        let latin = name == "X-Latin";
        let addr = start(with_defaults, move |_env, start_response| {
            let start_response = match latin {
                true => start_response.header(name, b"\xe9vil"),
                false => start_response.header(name, value),
            };
            start_response.send(StatusCode::OK, "body")
        });
        let mut client = Client::connect(addr);
        let response = client.ask(GET);
        assert_eq!(response.status, 500, "{name:?} {value:?}");
        assert_eq!(response.text(), "Internal Server Error");
        client.expect_silence();
    }
}

#[test]
fn failures_are_a_500_and_tell_nothing() {
    let _watchdog = watchdog();
    let addr = start(with_defaults, |env, start_response| match env.path_info() {
        "/panic" => panic!("secret"),
        "/error" => Err(io::Error::other("secret")),
        "/nothing" => Ok(()),
        "/half" => {
            start_response.start(StatusCode::OK)?.write_all(b"secret")?;
            Err(io::Error::other("secret"))
        }
        "/late" => {
            drop(start_response.later());
            Ok(())
        }
        "/stream" => {
            let mut body = start_response.start(StatusCode::OK)?;
            body.write_all(b"secret")?;
            body.flush()
        }
        "/switch" => start_response
            .header("Upgrade", "secret")
            .send(StatusCode::SWITCHING_PROTOCOLS, ""),
        "/upgrade" => {
            let start_response = start_response.header("Upgrade", "secret");
            start_response.upgrade(env).map(drop)
        }
        "/watch" => env.disconnected().map(drop),
        _ => start_response.send(StatusCode::OK, "fine"),
    });
    for path in [
        "/panic", "/error", "/nothing", "/half", "/late", "/stream", "/switch", "/upgrade",
        "/watch",
    ] {
        let request = |method| {
            format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: secret\r\n\r\n"
            )
        };
        let mut client = Client::connect(addr);
        let response = client.ask(request("GET"));
        assert_eq!(response.status, 500, "{path}");
        assert_eq!(response.text(), "Internal Server Error");
        assert_eq!(response.header("upgrade"), None);
        // Nobody else is concerned.
        assert_eq!(Client::connect(addr).ask(GET).text(), "fine");
        let mut client = Client::with(addr, request("HEAD"));
        assert_eq!(client.response_to_head().status, 500, "{path}");
        client.expect_silence();
    }
}

#[test]
fn a_killed_application_is_a_503() {
    let _watchdog = watchdog();
    let addr = start(with_defaults, |env, start_response| {
        if env.path_info() == "/kill" {
            maypole::current().unwrap().start_kill();
            maypole::sleep(support::LONG);
        }
        start_response.send(StatusCode::OK, "fine")
    });
    for _ in 0..10 {
        let response = Client::connect(addr).ask(get("/kill"));
        assert_eq!(response.status, 503);
        assert_eq!(response.text(), "Service Unavailable");
        assert_eq!(Client::connect(addr).ask(GET).text(), "fine");
    }
}

#[test]
fn applications_wait_as_they_like() {
    let _watchdog = watchdog();
    let (asked, news) = (Counter::default(), Event::new());
    let (counter, event) = (asked.clone(), news.clone());
    let addr = start(with_defaults, move |env, start_response| {
        assert!(!env.is_disconnected());
        counter.add();
        if env.path_info() == "/late" {
            let response = start_response.later();
            let event = event.clone();
            drop(maypole::spawn(move || {
                event.wait();
                response.header("X-Late", "1").send(StatusCode::OK, "late");
            }));
            return Ok(());
        }
        event.wait();
        start_response.send(StatusCode::OK, "now")
    });
    let mut clients: Vec<_> = (0..20)
        .map(|n| Client::with(addr, get(if n % 2 == 0 { "/late" } else { "/" })))
        .collect();
    asked.reaches(20);
    news.set();
    for (n, client) in clients.iter_mut().enumerate() {
        let text = client.response().text().to_owned();
        assert_eq!(text, if n % 2 == 0 { "late" } else { "now" });
    }
}

#[test]
fn a_full_pool_is_a_503() {
    let _watchdog = watchdog();
    let (asked, go) = (Counter::default(), Event::new());
    let (counter, event) = (asked.clone(), go.clone());
    let pool = Pool::new(1);
    let addr = start(
        move |builder| builder.pool(pool.clone()),
        move |_env, start_response| {
            counter.add();
            event.wait();
            start_response.send(StatusCode::OK, "done")
        },
    );
    let mut first = Client::with(addr, GET);
    asked.reaches(1);
    let mut second = Client::connect(addr);
    let response = second.ask(GET);
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after"), Some("1"));
    go.set();
    assert_eq!(first.response().text(), "done");
    assert_eq!(Client::connect(addr).ask(GET).text(), "done");
    assert_eq!(asked.get(), 2);
}

#[test]
fn connections_beyond_the_limit_wait() {
    let _watchdog = watchdog();
    let addr = start(|builder| builder.max_connections(2), hello);
    let mut held = [Client::connect(addr), Client::connect(addr)];
    for client in &mut held {
        assert_eq!(client.ask(GET).status, 200);
    }
    let mut waiting = Client::with(addr, GET);
    waiting.expect_silence();
    let [first, mut second] = held;
    drop(first);
    assert_eq!(waiting.response().status, 200);
    // A place comes back however a connection ends.
    for _ in 0..10 {
        second.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n");
        second.expect_closed();
        second = Client::connect(addr);
        assert_eq!(second.ask(GET).status, 200);
    }
}

#[test]
fn header_lines_are_kept_up_to_a_limit() {
    let _watchdog = watchdog();
    let addr = start(
        |builder| builder.max_header_memory(1024),
        |env, start_response| {
            let target = env.target().to_owned();
            start_response
                .header("X-T", target)
                .send(StatusCode::OK, "")
        },
    );
    let ask = |target: &str| Client::connect(addr).ask(get(target)).status;
    assert_eq!(ask("/first"), 200);
    let seen: Vec<_> = (0..100).map(|n| ask(&format!("/{n}"))).collect();
    assert_eq!(seen[0], 200);
    assert!(seen[20..].iter().all(|&status| status == 500), "{seen:?}");
    assert_eq!(ask("/first"), 200);
}

#[test]
fn any_number_of_header_lines() {
    let _watchdog = watchdog();
    let addr = start(with_defaults, |env, mut start_response| {
        let count: usize = env.query_string().parse().unwrap();
        for n in 0..count {
            start_response = start_response.header(format!("X-{n}"), n.to_string());
        }
        start_response
            .header("Server", "mine")
            .header("Date", "mine")
            .send(StatusCode::OK, "body")
    });
    let mut client = Client::connect(addr);
    for count in [0, 1, 15, 16, 17, 18, 64] {
        let response = client.ask(get(&format!("/?{count}")));
        for n in 0..count {
            let value = n.to_string();
            assert_eq!(response.header(&format!("x-{n}")), Some(value.as_str()));
        }
        assert_eq!(response.header("server"), Some("M"));
        assert_ne!(response.header("date"), Some("mine"));
        assert_eq!(response.text(), "body");
    }
}

#[test]
fn files_are_sent_whole() {
    let _watchdog = watchdog();
    let content = support::noise(300_000);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&content).unwrap();
    let path = file.path().to_owned();
    let addr = start(with_defaults, move |_env, start_response| {
        let file = std::fs::File::open(&path)?;
        start_response
            .early_hints([("Link", "</a>")])?
            .send_file(StatusCode::OK, &file, 1000..)
    });
    let mut client = Client::connect(addr);
    assert!(client.ask(GET).body == content[1000..]);
    assert!(client.ask(GET).body == content[1000..]);
}

#[test]
fn what_cannot_be_started_is_an_error() {
    let _watchdog = watchdog();
    let kind = |builder: Builder, addr| builder.start(addr, hello).unwrap_err().kind();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = held.local_addr().unwrap();
    let in_use = io::ErrorKind::AddrInUse;
    assert_eq!(kind(minihttp::builder(), addr), in_use);
    let invalid = io::ErrorKind::InvalidInput;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    assert_eq!(kind(minihttp::builder(), any), invalid);
    let none = minihttp::builder().max_connections(0);
    assert_eq!(kind(none, addr), invalid);
    // Its own port, too, though its socket would share it.
    let own = start(with_defaults, hello);
    assert_eq!(kind(minihttp::builder(), own), in_use);
    // From a greenlet as well.
    let greenlet = maypole::spawn(move || kind(minihttp::builder(), own));
    assert_eq!(greenlet.get().unwrap(), in_use);
}
