//! A proxy in a page: it fetches the pages of others, and makes their links lead
//! through itself. Plain HTTP only.
//!
//! Run it: `cargo run --release --example web_proxy`
//! Try it: while `wsgi_server` runs, open http://127.0.0.1:8087/ in a browser and
//! enter `127.0.0.1:8088`, or `curl -i http://127.0.0.1:8087/http://127.0.0.1:8088/`.
//!
//! Whoever reaches it reaches what this machine reaches: keep it on loopback.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

use maypole::http::{Environ, Method, StartResponse, StatusCode};
use maypole::net::TcpStream;
use maypole::pywsgi::WsgiServer;
use maypole::with_timeout;

/// For all of a page, the lookup of its host included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pages are held in memory while their links are changed.
const MAX_PAGE: u64 = 8 * 1024 * 1024;

const MAX_HEAD: u64 = 64 * 1024;

const FORM: &str = "<!doctype html><title>maypole example: a web proxy</title>
<h1>maypole example: a web proxy</h1>
<form onsubmit=\"location = '/' + url.value; return false\">
<input id=url autofocus placeholder=http://> <button>Go</button></form>";

/// What is handed on of an answer.
struct Page {
    status: StatusCode,
    content_type: String,
    location: Option<String>,
    body: Vec<u8>,
}

fn main() -> io::Result<()> {
    let addr = std::env::args().nth(1);
    let server = WsgiServer::bind(addr.as_deref().unwrap_or("127.0.0.1:8087"), application)?;
    println!("Serving on http://{}", server.local_addr());
    server.serve_forever()
}

fn application(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    if !matches!(*env.method(), Method::GET | Method::HEAD) {
        return start_response.send(StatusCode::NOT_IMPLEMENTED, "only GET\n");
    }
    // As the client wrote it, query included; `path_info` is decoded.
    let url = env.target().trim_start_matches('/');
    let url = match url.split_once("://") {
        None if url.is_empty() => {
            let start_response = start_response.header("Content-Type", "text/html");
            return start_response.send(StatusCode::OK, FORM);
        }
        None => url,
        Some(("http", url)) => url,
        Some(_) => return start_response.send(StatusCode::NOT_IMPLEMENTED, "only http\n"),
    };
    let Some((host, path)) = url.split_once('/') else {
        // So that the page's relative links mean what they should.
        let start_response = start_response.header("Location", format!("/http://{url}/"));
        return start_response.send(StatusCode::FOUND, "");
    };
    let fetched = with_timeout(PATIENCE, || fetch(host, path)).map_err(io::Error::other);
    match fetched.flatten() {
        Ok(page) => {
            let mut start_response = start_response.header("Content-Type", page.content_type);
            if let Some(location) = page.location {
                start_response = start_response.header("Location", location);
            }
            start_response.send(page.status, page.body)
        }
        Err(error) => {
            let start_response = start_response.header("Content-Type", "text/plain");
            start_response.send(StatusCode::BAD_GATEWAY, format!("{host}: {error}\n"))
        }
    }
}

/// Asks a host for a page, in HTTP/1.0: the answer ends with the connection.
fn fetch(host: &str, path: &str) -> io::Result<Page> {
    let mut stream = match host.rsplit_once(':') {
        Some(_) => TcpStream::connect(host)?,
        None => TcpStream::connect((host, 80))?,
    };
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = BufReader::new(stream);
    let mut head = String::new();
    let mut lines = answer.by_ref().take(MAX_HEAD);
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head)? == 0 {
            return Err(io::Error::other("no head, or one that is too long"));
        }
    }
    let header = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = fields.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(value.trim().to_owned())
    };
    if header("Transfer-Encoding").is_some() {
        return Err(io::Error::other("HTTP/1.0 has no transfer encodings"));
    }
    let mut body = Vec::new();
    if answer.take(MAX_PAGE + 1).read_to_end(&mut body)? as u64 > MAX_PAGE {
        return Err(io::Error::other("the page is too large"));
    }
    let content_type = header("Content-Type").unwrap_or_else(|| "text/plain".to_owned());
    if content_type.starts_with("text/html") {
        // What is no UTF-8 stays as it is.
        body = match String::from_utf8(body) {
            Ok(page) => links_through_us(page, host).into_bytes(),
            Err(error) => error.into_bytes(),
        };
    }
    let status = head.split(' ').nth(1).unwrap_or_default();
    Ok(Page {
        status: status.parse().map_err(io::Error::other)?,
        content_type,
        location: header("Location").map(|link| through_us(&link, host)),
        body,
    })
}

/// The page with links that lead through this server.
fn links_through_us(mut page: String, host: &str) -> String {
    for attribute in ["href", "src", "action"] {
        for quote in ['"', '\''] {
            let begin = format!("{attribute}={quote}");
            let mut parts = page.split(&begin);
            let mut changed = parts.next().unwrap_or_default().to_owned();
            for link_and_more in parts {
                changed += &begin;
                changed += &through_us(link_and_more, host);
            }
            page = changed;
        }
    }
    page
}

/// A link of a page of `host`, and whatever follows it. One that begins at the
/// page's own place does as it is.
fn through_us(link: &str, host: &str) -> String {
    let absolute = link.strip_prefix("http:").unwrap_or(link);
    if let Some(rest) = absolute.strip_prefix("//") {
        format!("/http://{rest}")
    } else if let Some(rest) = link.strip_prefix('/') {
        format!("/http://{host}/{rest}")
    } else {
        link.to_owned()
    }
}
