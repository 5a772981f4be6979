//! Files as bodies.

use std::fs::File;
use std::io::Write;
use std::ops::Range;

use maypole::http::StatusCode;
use maypole::pool::Pool;

use crate::support::{Client, noise, until, watchdog};
use crate::{GET, builder, get, serve, serve_with};

/// A file with these bytes and no name.
fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn range_of(query: &str) -> Range<u64> {
    let (start, end) = query.split_once('-').unwrap();
    start.parse().unwrap()..end.parse().unwrap()
}

#[test]
fn a_file_goes_out_with_its_length() {
    let _watchdog = watchdog();
    for len in [0, 1, 16 * 1024, 16 * 1024 + 1, 5_000_000] {
        let data = noise(len);
        let file = file_of(&data);
        let server =
            serve(move |_env, start_response| start_response.send_file(StatusCode::OK, &file, ..));
        let mut client = Client::connect(server.local_addr());
        for _ in 0..2 {
            let response = client.ask(GET);
            assert_eq!(response.header("content-length"), Some(&*len.to_string()));
            assert!(response.body == data, "{len}");
        }
        client.send(get("/").replace("GET", "HEAD"));
        let response = client.response_to_head();
        assert_eq!(response.header("content-length"), Some(&*len.to_string()));
        let response = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert!(response.body == data, "{len}");
        // Between others, in order.
        client.send([GET, GET].concat());
        assert!(client.response().body == data, "{len}");
        assert!(client.response().body == data, "{len}");
    }
}

#[test]
fn ranges_are_the_application_s() {
    let _watchdog = watchdog();
    let data = noise(100_000);
    let file = file_of(&data);
    let server = serve(move |env, start_response| {
        let range = range_of(env.query_string());
        start_response
            .header(
                "Content-Range",
                format!("bytes {}-{}/100000", range.start, range.end - 1),
            )
            .send_file(StatusCode::PARTIAL_CONTENT, &file, range)
    });
    let mut client = Client::connect(server.local_addr());
    for range in [0..1, 5..10, 99_999..100_000, 10..90_000, 0..100_000] {
        let response = client.ask(get(&format!("/?{}-{}", range.start, range.end)));
        assert_eq!(response.status, 206);
        assert!(response.body == data[range]);
    }
    // Beyond the end: found before a byte is sent.
    let response = client.ask(get("/?5-100001"));
    assert_eq!(response.status, 500);
    client.expect_end();
}

#[test]
fn a_length_that_is_not_the_file_s_is_found_in_time() {
    let _watchdog = watchdog();
    let file = file_of(&noise(50_000));
    let server = serve(move |_env, start_response| {
        start_response
            .header("Content-Length", "49999")
            .send_file(StatusCode::OK, &file, ..)
    });
    let mut client = Client::with(server.local_addr(), GET);
    assert_eq!(client.response().status, 500);
    client.expect_end();
}

#[test]
fn a_file_that_shrinks_on_the_way_is_cut() {
    let _watchdog = watchdog();
    let len = 50_000_000;
    let file = tempfile::tempfile().unwrap();
    file.set_len(len).unwrap();
    let same = file.try_clone().unwrap();
    let server =
        serve(move |_env, start_response| start_response.send_file(StatusCode::OK, &same, ..));
    let mut client = Client::with(server.local_addr(), GET);
    let head = client.response_head();
    assert_eq!(head.header("content-length"), Some(&*len.to_string()));
    // More than the buffers between us hold is still to be read.
    file.set_len(1000).unwrap();
    let got = client.read_to_end().len() as u64;
    assert!(got < len, "{got}");
}

#[test]
fn a_client_that_leaves_ends_it() {
    let _watchdog = watchdog();
    let pool = Pool::new(1);
    let file = tempfile::tempfile().unwrap();
    file.set_len(50_000_000).unwrap();
    let builder = builder().pool(pool.clone());
    let server = serve_with(builder, move |env, start_response| match env.path_info() {
        "/file" => start_response.send_file(StatusCode::OK, &file, ..),
        _ => start_response.send(StatusCode::OK, "small"),
    });
    let mut client = Client::with(server.local_addr(), get("/file"));
    client.response_head();
    drop(client);
    // Who comes before that may be told to come again.
    until("the place", || pool.free_slots() == 1);
    assert_eq!(
        Client::connect(server.local_addr()).ask(GET).text(),
        "small"
    );
}
