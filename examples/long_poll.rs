//! A handler that waits does not hold the others up: `/long` answers when
//! somebody posts to `/wake`, or after ten seconds.
//!
//! Run it: `cargo run --release --example long_poll`
//! Try it: `curl 127.0.0.1:8089/long &`, `curl 127.0.0.1:8089/`, then
//! `curl -X POST 127.0.0.1:8089/wake`

use std::io;
use std::time::Duration;

use maypole::Event;
use maypole::http::{Method, StatusCode};
use maypole::pywsgi::WsgiServer;

/// A browser asks again after this; a proxy in between would give up later.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> io::Result<()> {
    let addr = std::env::args().nth(1);
    let news = Event::new();
    let server = WsgiServer::bind(
        addr.as_deref().unwrap_or("127.0.0.1:8089"),
        move |env, start_response| {
            let start_response = start_response.header("Content-Type", "text/plain");
            match (env.method(), env.path_info()) {
                (&Method::GET, "/") => start_response.send(StatusCode::OK, "at once\n"),
                (&Method::GET, "/long") => {
                    let woken = news.wait_timeout(PATIENCE);
                    let text = if woken { "woken\n" } else { "nothing new\n" };
                    start_response.send(StatusCode::OK, text)
                }
                (&Method::POST, "/wake") => {
                    // Set, then clear: all who wait now are woken.
                    news.set();
                    news.clear();
                    start_response.send(StatusCode::NO_CONTENT, "")
                }
                _ => start_response.send(StatusCode::NOT_FOUND, "no such page\n"),
            }
        },
    )?;
    println!("Serving on http://{}", server.local_addr());
    server.serve_forever()
}
