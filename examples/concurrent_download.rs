//! Fetches several pages at once, one greenlet each.
//!
//! Run it: `cargo run --release --example concurrent_download`
//! Try it: give it addresses of your own, as in `127.0.0.1:8088/ 127.0.0.1:8088/x`
//! while `wsgi_server` runs. Without any it fetches from a server of its own.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use maypole::http::StatusCode;
use maypole::net::TcpStream;
use maypole::pywsgi::WsgiServer;
use maypole::{join_all_timeout, spawn};

fn main() -> io::Result<()> {
    let mut pages: Vec<String> = std::env::args().skip(1).collect();
    let server = WsgiServer::bind("127.0.0.1:0", |env, start_response| {
        maypole::sleep(Duration::from_millis(100)); // a slow page
        start_response.send(StatusCode::OK, format!("this is {}", env.path_info()))
    })?;
    if pages.is_empty() {
        server.start()?;
        pages.extend((1..=5).map(|n| format!("{}/page{n}", server.local_addr())));
    }
    let begun = Instant::now();
    let downloads: Vec<_> = pages.into_iter().map(|page| spawn(|| tell(page))).collect();
    let all = downloads.len();
    let ended = join_all_timeout(downloads, Duration::from_secs(10)).into_iter();
    let good = ended.filter_map(|one| one.get().ok()?.ok()).count();
    println!("{good} of {all} in {:.1?}", begun.elapsed());
    Ok(())
}

fn tell(page: String) -> io::Result<()> {
    let fetched = fetch(&page);
    match &fetched {
        Ok(bytes) => println!("{page}: {} bytes", bytes.len()),
        Err(error) => println!("{page}: {error}"),
    }
    fetched.map(drop)
}

/// The body of a page, as in `host:port/path`. Plain sockets, to show them.
fn fetch(page: &str) -> io::Result<Vec<u8>> {
    let page = page.trim_start_matches("http://");
    let (host, path) = page.split_once('/').unwrap_or((page, ""));
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let head = head.ok_or(io::ErrorKind::InvalidData)?;
    Ok(answer.split_off(head + 4))
}
