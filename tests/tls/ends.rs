//! What an application can do to a TLS connection: an upgrade, a body that is cut
//! short, a file.

use std::io::{self, Read, Write};

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::pywsgi::WsgiServer;

use super::support::{TlsClient, has_openssl, noise, tls_config, watchdog};

fn application(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    if env.asks_for_upgrade("echo") {
        let mut stream = start_response.header("Upgrade", "echo").upgrade(env)?;
        let mut word = [0; 5];
        stream.read_exact(&mut word)?;
        return stream.write_all(&word);
    }
    if env.path_info() == "/file" {
        let mut file = tempfile::tempfile()?;
        file.write_all(&noise(500_000))?;
        return start_response.send_file(StatusCode::OK, &file, 1000..400_000);
    }
    let mut body = start_response.start(StatusCode::OK)?;
    body.write_all(b"begun")?;
    body.flush()?;
    match env.path_info() {
        "/fails" => Err(io::Error::other("on purpose")),
        _ => Ok(()),
    }
}

fn server() -> WsgiServer {
    let builder = WsgiServer::builder().tls(tls_config());
    let server = builder.bind("127.0.0.1:0", application).unwrap();
    server.start().unwrap();
    server
}

#[test]
fn an_upgrade_over_tls() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = server();
    let mut client = TlsClient::connect(server.local_addr());
    let head = "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    client.send(head.to_owned() + "hello");
    let answer = String::from_utf8(client.read_to_end()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
}

#[test]
fn what_is_cut_short_does_not_end_properly() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = server();
    for (path, is_whole) in [("/", true), ("/fails", false)] {
        for version in ["1.0", "1.1"] {
            let mut client = TlsClient::connect(server.local_addr());
            client.send(format!(
                "GET {path} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n"
            ));
            assert_eq!(client.ends_properly(), is_whole, "{path} {version}");
        }
    }
}

#[test]
fn a_file_is_encrypted() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = server();
    let mut client = TlsClient::connect(server.local_addr());
    client.send("GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = client.read_to_end();
    let body = &noise(500_000)[1000..400_000];
    assert!(answer.ends_with(body), "{} bytes", answer.len());
    assert!(answer.len() < body.len() + 500);
}
