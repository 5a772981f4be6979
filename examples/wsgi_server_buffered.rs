//! Hello world from the buffered server, gevent's old `gevent.wsgi`: applications
//! see whole requests, clients get whole answers, connections close after one.
//!
//! Run it: `cargo run --release --example wsgi_server_buffered`
//! Try it: `curl -i -d '<hello>' http://127.0.0.1:8088/`

use std::io::{self, Read};

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::wsgi::WsgiServer;

fn main() -> io::Result<()> {
    let addr = std::env::args().nth(1);
    let server = WsgiServer::builder()
        .max_body(64 * 1024) // more is answered 413
        .bind(addr.as_deref().unwrap_or("127.0.0.1:8088"), application)?;
    println!("Serving on http://{}", server.local_addr());
    server.serve_forever()
}

fn application(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let mut body = Vec::new();
    env.input().read_to_end(&mut body)?; // in memory already: no wait
    match env.path_info() {
        "/" if body.is_empty() => start_response
            .header("Content-Type", "text/html")
            .send(StatusCode::OK, "<b>hello world</b>"),
        "/" => start_response
            .header("Content-Type", "application/octet-stream")
            .send(StatusCode::OK, body),
        _ => start_response
            .header("Content-Type", "text/html")
            .send(StatusCode::NOT_FOUND, "<h1>Not Found</h1>"),
    }
}
