//! Bodies that end with the connection: who fails must not look complete.

use std::io::{self, Read, Write};
use std::time::Duration;

use maypole::Event;
use maypole::http::StatusCode;

use crate::serve;
use crate::support::{Client, watchdog};

#[test]
fn a_body_to_the_end_that_fails_is_reset() {
    let _watchdog = watchdog();
    let go = Event::new();
    let wait = go.clone();
    let server = serve(move |env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        body.write_all(b"begun")?;
        body.flush()?;
        wait.wait();
        match env.path_info() {
            "/error" => Err(io::Error::other("on purpose")),
            "/panic" => panic!("on purpose"),
            "/kill" => {
                maypole::current().unwrap().start_kill();
                maypole::sleep(Duration::MAX);
                Ok(())
            }
            _ => Ok(()),
        }
    });
    for (path, is_whole) in [
        ("/error", false),
        ("/panic", false),
        ("/kill", false),
        ("/whole", true),
    ] {
        go.clear();
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        let mut client = Client::with(server.local_addr(), request);
        let head = client.response_head();
        assert_eq!(head.header("content-length"), None);
        assert_eq!(head.header("connection"), Some("close"));
        client.expect(b"begun");
        go.set();
        let mut rest = Vec::new();
        let end = client.stream().read_to_end(&mut rest);
        assert!(rest.is_empty());
        let reset = end.map_err(|error| error.kind());
        let expected = if is_whole {
            Ok(0)
        } else {
            Err(io::ErrorKind::ConnectionReset)
        };
        assert_eq!(reset, expected, "{path}");
    }
}
