//! A chat with rooms that remember their last messages. A page gets new ones by
//! WebSocket, or by asking again and again (long polling).
//!
//! Run it: `cargo run --release --example web_chat`
//! Try it: open http://127.0.0.1:8086/ in two browsers, one of them with `?poll`
//! behind the address. Or `curl '127.0.0.1:8086/room/lobby/updates?after=0'` and
//! `curl -d 'me: hello' 127.0.0.1:8086/room/lobby/new`.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use maypole::Event;
use maypole::http::{Environ, Method, StartResponse, StatusCode, Upgraded};
use maypole::lock::Mutex;
use maypole::pywsgi::WsgiServer;
use maypole::server::Stream;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, WebSocket};

const PAGE: &str = include_str!("web_chat/page.html");

/// Fixed: whoever comes cannot make more.
const ROOMS: [&str; 3] = ["lobby", "greenlets", "weather"];

/// Messages that a room remembers; gevent's number.
const HISTORY: usize = 200;

/// The longest message, in bytes.
const MAX_MESSAGE: usize = 1000;

/// A poll is answered after this at the latest: proxies would give up later.
const PATIENCE: Duration = Duration::from_secs(25);

/// How long a client may take to receive what it is sent.
const STALL: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Room {
    log: Mutex<Log>,
    news: Event,
}

/// Messages with their numbers, which grow.
#[derive(Default)]
struct Log {
    last: u64,
    messages: VecDeque<(u64, String)>,
}

impl Room {
    fn post(&self, text: &str) -> io::Result<()> {
        // A message is a line, whatever was sent.
        let text = text.trim().replace(char::is_control, " ");
        if text.is_empty() {
            return Ok(());
        }
        let mut log = self.log.lock()?;
        log.last += 1;
        let number = log.last;
        log.messages.push_back((number, text));
        if log.messages.len() > HISTORY {
            log.messages.pop_front();
        }
        drop(log);
        // Set, then clear: all who wait now are woken, nobody who comes later.
        self.news.set();
        self.news.clear();
        Ok(())
    }

    /// The messages after number `seen`; waits for one if there is none. Each is
    /// its number, a space, the text.
    fn after(&self, seen: u64) -> io::Result<Vec<(u64, String)>> {
        let found = self.newer(seen)?;
        // Nothing suspends between the look and the wait, and all greenlets share
        // one thread: no news can come in between.
        if found.is_empty() && self.news.wait_timeout(PATIENCE) {
            return self.newer(seen);
        }
        Ok(found)
    }

    fn newer(&self, seen: u64) -> io::Result<Vec<(u64, String)>> {
        let log = self.log.lock()?;
        // A page that has seen more has outlived an earlier server.
        let seen = if seen > log.last { 0 } else { seen };
        let newer = log.messages.iter().filter(|(number, _)| *number > seen);
        Ok(newer.cloned().collect())
    }
}

fn main() -> io::Result<()> {
    let addr = std::env::args().nth(1);
    let rooms: HashMap<_, _> = ROOMS.map(|name| (name, Arc::<Room>::default())).into();
    let server = WsgiServer::bind(
        addr.as_deref().unwrap_or("127.0.0.1:8086"),
        move |env, start_response| application(&rooms, env, start_response),
    )?;
    println!("Serving on http://{}", server.local_addr());
    server.serve_forever()
}

fn application(
    rooms: &HashMap<&str, Arc<Room>>,
    env: &mut Environ<'_>,
    start_response: StartResponse<'_>,
) -> io::Result<()> {
    let path = env.path_info().to_owned();
    if path == "/" {
        let query = match env.query_string() {
            "" => String::new(),
            query => format!("?{query}"),
        };
        let start_response = start_response.header("Location", format!("/room/lobby{query}"));
        return start_response.send(StatusCode::FOUND, "");
    }
    let mut parts = path
        .strip_prefix("/room/")
        .unwrap_or_default()
        .splitn(2, '/');
    let room = parts.next().and_then(|name| rooms.get(name));
    let (Some(room), what) = (room, parts.next()) else {
        return start_response.send(StatusCode::NOT_FOUND, "no such room\n");
    };
    let after = env.query_string().strip_prefix("after=");
    let after = after.and_then(|number| number.parse().ok()).unwrap_or(0);
    match (env.method(), what) {
        (&Method::GET, None) => {
            let start_response = start_response.header("Content-Type", "text/html");
            start_response.send(StatusCode::OK, PAGE)
        }
        (&Method::GET, Some("updates")) => {
            let lines = room.after(after)?.into_iter();
            let lines = lines.map(|(number, text)| format!("{number} {text}\n"));
            start_response
                .header("Content-Type", "text/plain; charset=utf-8")
                .header("Cache-Control", "no-store")
                .send(StatusCode::OK, lines.collect::<String>())
        }
        (&Method::POST, Some("new")) => {
            let mut text = Vec::new();
            let mut input = env.input().take(MAX_MESSAGE as u64 + 1);
            if input.read_to_end(&mut text)? > MAX_MESSAGE {
                return start_response.send(StatusCode::PAYLOAD_TOO_LARGE, "too long\n");
            }
            room.post(&String::from_utf8_lossy(&text))?;
            start_response.send(StatusCode::NO_CONTENT, "")
        }
        (&Method::GET, Some("socket")) if env.asks_for_upgrade("websocket") => {
            let key = env.header("Sec-WebSocket-Key").map(derive_accept_key);
            let (Some(accept), Some(b"13")) = (key, env.header("Sec-WebSocket-Version")) else {
                let start_response = start_response.header("Sec-WebSocket-Version", "13");
                return start_response.send(StatusCode::BAD_REQUEST, "not version 13\n");
            };
            let connection = start_response
                .header("Upgrade", "websocket")
                .header("Sec-WebSocket-Accept", accept)
                .upgrade(env)?;
            talk(room, after, connection)
        }
        _ => start_response.send(StatusCode::NOT_FOUND, "no such page\n"),
    }
}

/// Posts what comes, while another greenlet sends what others have posted.
fn talk(room: &Arc<Room>, mut seen: u64, connection: Upgraded) -> io::Result<()> {
    let (stream, ahead) = connection.into_parts();
    let turn = Arc::new(Mutex::new(()));
    let half = |stream: &Stream| -> io::Result<Half> {
        let stream = stream.try_clone()?;
        stream.set_write_timeout(Some(STALL))?;
        let turn = turn.clone();
        Ok(Half { stream, turn })
    };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let (incoming, outgoing) = (half(&stream)?, half(&stream)?);
    let mut incoming = WebSocket::from_partially_read(incoming, ahead, Role::Server, Some(limits));
    let mut outgoing = WebSocket::from_raw_socket(outgoing, Role::Server, None);

    let news = room.clone();
    let sender = maypole::spawn(move || {
        let mut send_all = || -> tungstenite::Result<()> {
            loop {
                for (number, text) in news.after(seen)? {
                    outgoing.send(format!("{number} {text}").into())?;
                    seen = number;
                }
            }
        };
        let failed = send_all();
        // So that the other half ends, too.
        let _ = outgoing.get_ref().stream.get_ref().shutdown(Shutdown::Both);
        failed
    });
    // The sender does not outlive this block, however it ends.
    sender.scope(|sender| {
        let ended = receive(room, &mut incoming);
        sender.start_kill();
        ended
    })
}

/// Posts what comes until the client leaves.
fn receive(room: &Room, incoming: &mut WebSocket<Half>) -> io::Result<()> {
    loop {
        match incoming.read() {
            Ok(message) if message.is_text() => room.post(&message.to_string())?,
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return Ok(()),
            Err(Error::Io(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
}

/// One of two that share a connection; they take turns at writing, a whole frame
/// at a time.
struct Half {
    stream: Stream,
    turn: Arc<Mutex<()>>,
}

impl Read for Half {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buf)
    }
}

impl Write for Half {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let _turn = self.turn.lock()?;
        self.stream.write_all(buf)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
