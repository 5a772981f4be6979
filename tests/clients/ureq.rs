//! ureq.

use std::io::{Cursor, Read};

use ureq::{Agent, Body, SendBody};

use crate::support::{noise, watchdog};
use crate::{STREAMED, application, serve};

fn read(mut body: Body) -> Vec<u8> {
    let mut whole = Vec::new();
    body.as_reader().read_to_end(&mut whole).unwrap();
    whole
}

/// An agent that gives every answer back, refusals too.
fn agent() -> Agent {
    let config = Agent::config_builder().http_status_as_error(false);
    config.build().into()
}

#[test]
fn ureq_asks() {
    let _watchdog = watchdog();
    let (server, url) = serve(application);
    let agent = agent();
    for _ in 0..20 {
        let (head, body) = agent.get(&url).call().unwrap().into_parts();
        assert_eq!(
            (head.status.as_u16(), &*read(body)),
            (200, &b"<b>hello world</b>"[..])
        );
        let (head, body) = agent
            .get(format!("{url}/flushed"))
            .call()
            .unwrap()
            .into_parts();
        assert_eq!(head.headers["transfer-encoding"], "chunked");
        assert_eq!(read(body), b"one two three");
        let missing = agent.get(format!("{url}/nowhere")).call().unwrap();
        assert_eq!(missing.status(), 404);
        read(missing.into_body());
        let (head, body) = agent.head(&url).call().unwrap().into_parts();
        assert_eq!(head.headers["content-length"], "18");
        assert_eq!(read(body), b"");
    }
    let large = agent.get(format!("{url}/stream")).call().unwrap();
    assert_eq!(read(large.into_body()).len(), STREAMED);
    // All over one connection.
    assert_eq!(server.counters().accepted, 1);
}

#[test]
fn ureq_sends() {
    let _watchdog = watchdog();
    let (_server, url) = serve(application);
    let agent = agent();
    let data = noise(2 << 20);
    for path in ["echo", "mirror"] {
        let url = format!("{url}/{path}");
        let known = agent.post(&url).send(&data[..]).unwrap();
        assert!(read(known.into_body()) == data, "{path}");
        // In chunks: nobody knows how long a reader is.
        let mut reader = Cursor::new(&data);
        let body = SendBody::from_reader(&mut reader);
        let unknown = agent.post(&url).send(body).unwrap();
        assert!(read(unknown.into_body()) == data, "{path}");
    }
    let expecting = agent
        .post(format!("{url}/echo"))
        .header("Expect", "100-continue");
    assert_eq!(
        read(expecting.send("asked first").unwrap().into_body()),
        b"asked first"
    );
    let refused = agent
        .post(format!("{url}/unread"))
        .header("Expect", "100-continue");
    assert_eq!(refused.send("not sent").unwrap().status(), 403);
}
