//! A thread of std for each connection: HTTP, and echo.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::SystemTime;

use anyhow::Result;
use httparse::{EMPTY_HEADER, Request, Status};

use super::{Peer, announce, built_in};
use crate::scenario::{BODY, CONTENT_TYPE, ECHO_BUFFER, NOT_FOUND_BODY, PATH, Service};

/// Enough for the buffers.
const STACK_SIZE: usize = 64 * 1024;
/// Room for what is read at once, and the largest batch of requests.
const INPUT_SIZE: usize = 8 * 1024;
const MAX_HEADERS: usize = 32;

pub(super) const PEER: Peer = Peer {
    name: "threads",
    version: || "of std".to_owned(),
    services: &[Service::Http, Service::Close, Service::Echo],
    prepare: built_in,
    serve,
};

fn serve(service: Service, addr: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(addr)?;
    announce(addr, listener.local_addr()?);
    let handler = if service.is_echo() { echo } else { answer };
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        thread::Builder::new()
            .stack_size(STACK_SIZE)
            // The error is of no interest: the client going away is one.
            .spawn(move || handler(stream).unwrap_or_default())?;
    }
    Ok(())
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; ECHO_BUFFER];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

/// The least that HTTP's answers need: no limits, no bodies, no errors.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut input = [0; INPUT_SIZE];
    let mut filled = 0;
    let mut output = Vec::new();
    let mut date = Date::default();
    loop {
        match stream.read(&mut input[filled..])? {
            0 => return Ok(()),
            n => filled += n,
        }
        let mut taken = 0;
        let mut last = false;
        while let Some((length, found, close)) = parse(&input[taken..filled])? {
            taken += length;
            last = close;
            respond(&mut output, &mut date, found, close)?;
        }
        stream.write_all(&output)?;
        if last {
            return Ok(());
        }
        output.clear();
        input.copy_within(taken..filled, 0);
        filled -= taken;
    }
}

/// The request at the front: its length, whether its path is known, whether it
/// asks for the connection's end.
fn parse(input: &[u8]) -> io::Result<Option<(usize, bool, bool)>> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = Request::new(&mut headers);
    let Status::Complete(length) = request.parse(input).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let close = request.headers.iter().any(|header| {
        header.name.eq_ignore_ascii_case("connection")
            && header.value.eq_ignore_ascii_case(b"close")
    });
    Ok(Some((length, request.path == Some(PATH), close)))
}

fn respond(output: &mut Vec<u8>, date: &mut Date, found: bool, close: bool) -> io::Result<()> {
    let (status, body) = match found {
        true => ("200 OK", BODY),
        false => ("404 Not Found", NOT_FOUND_BODY),
    };
    let close = if close { "Connection: close\r\n" } else { "" };
    write!(
        output,
        "HTTP/1.1 {status}\r\nDate: {}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {}\r\n{close}\r\n{body}",
        date.now(),
        body.len(),
    )
}

/// The date, formatted once a second.
#[derive(Default)]
struct Date {
    second: u64,
    text: String,
}

impl Date {
    fn now(&mut self) -> &str {
        let now = SystemTime::now();
        let second = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        if second != self.second {
            self.second = second;
            self.text = httpdate::fmt_http_date(now);
        }
        &self.text
    }
}
