//! Requests and applications that tests of both servers use.

use std::io::{self, Read};

use maypole::http::{Environ, StartResponse, StatusCode};

/// The smallest request that HTTP/1.1 allows, but for its target.
pub(crate) const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// gevent's hello world.
pub(crate) fn hello(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let start_response = start_response.header("Content-Type", "text/html");
    match env.path_info() {
        "/" => start_response.send(StatusCode::OK, b"<b>hello world</b>"),
        _ => start_response.send(StatusCode::NOT_FOUND, b"<h1>Not Found</h1>"),
    }
}

/// Answers with the target and does not look at the body.
pub(crate) fn tell_target(
    env: &mut Environ<'_>,
    start_response: StartResponse<'_>,
) -> io::Result<()> {
    let target = env.target().to_owned();
    start_response.send(StatusCode::OK, target)
}

/// Answers with the body of the request.
pub(crate) fn echo(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let mut body = Vec::new();
    env.input().read_to_end(&mut body)?;
    start_response.send(StatusCode::OK, body)
}

/// A GET for this target.
pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// A POST with a body of known length.
pub(crate) fn post(target: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A POST whose body comes in chunks of this size.
pub(crate) fn post_chunked(target: &str, body: &[u8], size: usize) -> Vec<u8> {
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut request = head.into_bytes();
    for chunk in body.chunks(size) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend_from_slice(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}
