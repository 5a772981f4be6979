//! Hello world over HTTP.
//!
//! Run it: `cargo run --release --example wsgi_server`
//! Try it: `curl -i http://127.0.0.1:8088/`

use std::io;

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::pywsgi::WsgiServer;

fn main() -> io::Result<()> {
    let addr = std::env::args().nth(1);
    let server = WsgiServer::bind(addr.as_deref().unwrap_or("127.0.0.1:8088"), application)?;
    println!("Serving on http://{}", server.local_addr());
    server.serve_forever()
}

fn application(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let start_response = start_response.header("Content-Type", "text/html");
    match env.path_info() {
        "/" => start_response.send(StatusCode::OK, b"<b>hello world</b>"),
        _ => start_response.send(StatusCode::NOT_FOUND, b"<h1>Not Found</h1>"),
    }
}
