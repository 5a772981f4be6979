//! Hello world with requests as values that are answered when it suits.
//!
//! Run it: `cargo run --release --example http_server`
//! Try it: `curl -i http://127.0.0.1:8088/`, `curl -d hello http://127.0.0.1:8088/later`

use std::io;
use std::time::Duration;

use maypole::http::{HttpRequest, HttpServer, StatusCode};
use maypole::spawn_later;

fn main() -> io::Result<()> {
    let addr = std::env::args().nth(1);
    let server = HttpServer::bind(addr.as_deref().unwrap_or("127.0.0.1:8088"), handle)?;
    println!("Serving on http://{}", server.local_addr());
    server.serve_forever()
}

fn handle(mut request: HttpRequest) -> io::Result<()> {
    request.add_header("Content-Type", "text/html");
    match request.path() {
        "/" => request.send_reply(StatusCode::OK, "<b>hello world</b>"),
        // The request goes along to a greenlet that answers it in its own time.
        "/later" => drop(spawn_later(Duration::from_millis(100), move || {
            let text = format!("you sent {} bytes", request.body().len());
            request.send_reply(StatusCode::OK, text);
        })),
        _ => request.send_reply(StatusCode::NOT_FOUND, "<h1>Not Found</h1>"),
    }
    Ok(())
}
