//! HTTP over TLS.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::pywsgi::WsgiServer;

use super::support::{Client, TlsClient, has_command, has_openssl, noise, testdata, tls_config};
use super::support::{until, watchdog};

fn https_server() -> WsgiServer {
    let application = |env: &mut Environ<'_>, start_response: StartResponse<'_>| {
        let mut text = format!("{} {}|", env.scheme(), env.target());
        env.input().read_to_string(&mut text)?;
        start_response.send(StatusCode::OK, text)
    };
    let server = WsgiServer::builder()
        .tls(tls_config())
        .bind("127.0.0.1:0", application)
        .unwrap();
    server.start().unwrap();
    server
}

/// Sends back what it gets, while it gets it.
fn mirror() -> WsgiServer {
    let application = |env: &mut Environ<'_>, start_response: StartResponse<'_>| {
        let mut body = start_response.start(StatusCode::OK)?;
        let mut buffer = vec![0; 50_000];
        loop {
            let n = env.input().read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            body.write_all(&buffer[..n])?;
            body.flush()?;
        }
    };
    let server = WsgiServer::builder()
        .tls(tls_config())
        .bind("127.0.0.1:0", application)
        .unwrap();
    server.start().unwrap();
    server
}

/// The bodies of answers with a length.
fn bodies(answers: &str) -> Vec<&str> {
    answers
        .split("HTTP/1.1 200 OK\r\n")
        .skip(1)
        .map(|answer| answer.split_once("\r\n\r\n").unwrap().1)
        .collect()
}

#[test]
fn requests_on_one_connection() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = https_server();
    let mut client = TlsClient::connect(server.local_addr());
    client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    client.send("POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
    client.send("GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answers = String::from_utf8(client.read_to_end()).unwrap();
    assert_eq!(
        bodies(&answers),
        ["https /1|", "https /2|", "https /3|body", "https /4|"]
    );
}

#[test]
fn many_requests_written_at_once() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = https_server();
    let mut client = TlsClient::connect(server.local_addr());
    let mut requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(999);
    requests += "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    client.send(requests);
    let answers = String::from_utf8(client.read_to_end()).unwrap();
    assert_eq!(bodies(&answers), ["https /|"; 1000]);
}

#[test]
fn chunks_in_both_directions() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = mirror();
    let mut client = TlsClient::connect(server.local_addr());
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n");
    client.send("Connection: close\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    let answer = String::from_utf8(client.read_to_end()).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Transfer-Encoding: chunked"), "{head}");
    let lines: Vec<_> = body.split("\r\n").collect();
    let text: String = lines.iter().skip(1).step_by(2).copied().collect();
    assert_eq!(text, "hello world");
    assert!(body.ends_with("\r\n0\r\n\r\n"), "{body:?}");
}

fn curl() -> Command {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--noproxy", "*", "--cacert"])
        .arg(testdata("cert.pem"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

#[test]
fn curl_keeps_the_connection() {
    let _watchdog = watchdog();
    if !has_command("curl", "--version") {
        return;
    }
    let server = https_server();
    let url = format!("https://{}/page[1-3]", server.local_addr());
    let output = curl()
        .args(["--write-out", " %{num_connects};", &url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "https /page1| 1;https /page2| 0;https /page3| 0;");
}

/// Without a length, so in chunks, both ways at once.
#[test]
fn curl_sends_and_receives_much() {
    let _watchdog = watchdog();
    if !has_command("curl", "--version") {
        return;
    }
    let server = mirror();
    let mut process = curl()
        .args(["--upload-file", "-", "--expect100-timeout", "30"])
        .arg(format!("https://{}/", server.local_addr()))
        .spawn()
        .unwrap();
    let data = noise(8 << 20);
    let sent = data.clone();
    let mut stdin = process.stdin.take().unwrap();
    let writing = thread::spawn(move || stdin.write_all(&sent).unwrap());
    let output = process.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success(), "{}", output.status);
    assert!(output.stdout == data);
}

#[test]
fn a_client_that_speaks_no_tls_hurts_nobody() {
    let _watchdog = watchdog();
    let server = https_server();
    let mut plain = Client::with(server.local_addr(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    plain.expect_closed();
    // Neither does one that says nothing, nor one that leaves at once.
    let _silent = Client::connect(server.local_addr());
    drop(Client::connect(server.local_addr()));
    until("the silent one only", || server.active() == 1);
    if !has_openssl() {
        return;
    }
    let mut client = TlsClient::connect(server.local_addr());
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(client.read_to_end().ends_with(b"https /|"));
}
