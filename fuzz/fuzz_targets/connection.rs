//! Whole connections, through a socket: the server answers what the parser
//! accepts and refuses what it refuses, and survives all of it.

#![no_main]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use maypole::http::StatusCode;
use maypole::pywsgi::WsgiServer;
use maypole_fuzz::ours;

/// Every answer begins with it, and no request can make one that does.
const MARK: &[u8] = b"HTTP/1.1 ";

fn server() -> &'static WsgiServer {
    static SERVER: OnceLock<WsgiServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = WsgiServer::bind("127.0.0.1:0", |env, start_response| {
            io::copy(env.input(), &mut io::sink())?;
            // A tunnel would be no HTTP any more.
            let status = match env.method().as_str() {
                "CONNECT" => StatusCode::METHOD_NOT_ALLOWED,
                _ => StatusCode::OK,
            };
            start_response.send(status, "seen")
        })
        .unwrap();
        server.start().unwrap();
        server
    })
}

fuzz_target!(|bytes: &[u8]| {
    let mut stream = TcpStream::connect(server().local_addr()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // The server may have closed already.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    match stream.read_to_end(&mut answers) {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => {}
    }
    let statuses: Vec<&[u8; 3]> = answers
        .windows(MARK.len() + 3)
        .filter_map(|window| window.strip_prefix(MARK)?.try_into().ok())
        .filter(|status| *status != b"100")
        .collect();
    let expected = ours(bytes, usize::MAX);
    let answered = statuses
        .iter()
        .filter(|status| [b"200", b"405"].contains(status))
        .count();
    let complete = expected
        .seen
        .iter()
        .filter(|seen| seen.body.is_some())
        .count();
    assert_eq!(
        answered,
        complete,
        "{expected:?}\n{}",
        answers.escape_ascii()
    );
    // After what is wrong there is one answer at most, and it is no success.
    let others = statuses.len() - answered;
    assert!(others <= 1, "{}", answers.escape_ascii());
    if expected.refused.is_some() {
        let last = statuses.last();
        assert!(
            last.is_some_and(|status| status[0] >= b'4'),
            "{}",
            answers.escape_ascii()
        );
    }
});
