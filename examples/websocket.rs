//! A WebSocket that sends back what it gets, and a page that talks to it.
//!
//! Run it: `cargo run --release --example websocket`
//! Try it: open http://127.0.0.1:8088/ in a browser.

use std::io;

use maypole::http::{Environ, StartResponse, StatusCode, Upgraded};
use maypole::pywsgi::WsgiServer;
use tungstenite::handshake::derive_accept_key;
use tungstenite::{Error, WebSocket, protocol::Role};

const PAGE: &str = "<!doctype html><meta charset=utf-8><title>WebSocket</title>
<input id=text autofocus> <pre id=log></pre>
<script>
  const socket = new WebSocket(location.href.replace(/^http/, 'ws'));
  socket.onopen = () => socket.send('hello');
  socket.onmessage = event => log.textContent += event.data + '\\n';
  socket.onclose = () => log.textContent += '(closed)\\n';
  text.onchange = () => { socket.send(text.value); text.value = ''; };
</script>";

fn main() -> io::Result<()> {
    let addr = std::env::args().nth(1);
    let server = WsgiServer::bind(addr.as_deref().unwrap_or("127.0.0.1:8088"), application)?;
    println!("Serving on http://{}", server.local_addr());
    server.serve_forever()
}

fn application(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    if !env.asks_for_upgrade("websocket") {
        let start_response = start_response.header("Content-Type", "text/html");
        return start_response.send(StatusCode::OK, PAGE);
    }
    let key = env.header("Sec-WebSocket-Key").map(derive_accept_key);
    let (Some(accept), Some(b"13")) = (key, env.header("Sec-WebSocket-Version")) else {
        let start_response = start_response.header("Sec-WebSocket-Version", "13");
        return start_response.send(StatusCode::BAD_REQUEST, "not a WebSocket of version 13");
    };
    let stream = start_response
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Accept", accept)
        .upgrade(env)?;
    match talk(WebSocket::from_raw_socket(stream, Role::Server, None)) {
        Ok(()) | Err(Error::ConnectionClosed) => Ok(()),
        Err(Error::Io(error)) => Err(error),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Blocking code: the greenlet sleeps while nothing comes.
fn talk(mut socket: WebSocket<Upgraded>) -> tungstenite::Result<()> {
    loop {
        let message = socket.read()?;
        if message.is_text() || message.is_binary() {
            socket.send(message)?;
        }
    }
}
