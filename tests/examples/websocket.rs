//! WebSockets, with a client library at the other end.

use super::{Client, Example, start, watchdog};

fn websocket() -> Example {
    start("websocket", "Serving on http://")
}

type Talk = tungstenite::WebSocket<std::net::TcpStream>;

/// A client of a library's, past its handshake.
#[track_caller]
fn talk(example: &Example) -> Talk {
    let stream = Client::connect(example.addr).into_stream();
    let url = format!("ws://{}/chat?room=1", example.addr);
    let (socket, response) = tungstenite::client(url, stream).unwrap();
    assert_eq!(response.status(), 101);
    socket
}

#[test]
fn websocket_sends_messages_back() {
    let _watchdog = watchdog();
    let example = websocket();
    let (mut first, mut second) = (talk(&example), talk(&example));
    for text in ["hello", "", "grüezi", &"long ".repeat(100_000)] {
        for socket in [&mut first, &mut second] {
            socket.send(text.into()).unwrap();
            assert_eq!(socket.read().unwrap().into_text().unwrap(), text);
            socket.send(b"\0\xff".to_vec().into()).unwrap();
            assert_eq!(socket.read().unwrap().into_data(), &b"\0\xff"[..]);
        }
    }
    // A ping is answered by the library, in its turn.
    first
        .send(tungstenite::Message::Ping(b"?".to_vec().into()))
        .unwrap();
    assert!(first.read().unwrap().is_pong());
    first.close(None).unwrap();
    assert!(first.read().unwrap().is_close());
    // The server closes the connection after that.
    let end = first.read().unwrap_err();
    assert!(
        matches!(end, tungstenite::Error::ConnectionClosed),
        "{end:?}"
    );
    second.send("still there".into()).unwrap();
    assert_eq!(second.read().unwrap().into_text().unwrap(), "still there");
}

#[test]
fn websocket_is_a_page_to_who_asks_for_one() {
    let _watchdog = watchdog();
    let example = websocket();
    let mut client = Client::connect(example.addr);
    let response = client.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(response.text().contains("new WebSocket"));
    // What is no proper handshake is refused.
    let response = client.ask(
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 8\r\n\r\n",
    );
    assert_eq!(response.status, 400);
    assert_eq!(response.header("sec-websocket-version"), Some("13"));
}
