//! Hello world over HTTPS, with a certificate that can be renewed.
//!
//! Get a certificate:
//!
//! ```sh
//! openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.crt \
//!     -subj /CN=localhost -addext subjectAltName=DNS:localhost
//! ```
//!
//! Run it: `cargo run --release --features tls --example wsgi_server_ssl`; where
//! OpenSSL's headers are missing, with `tls-vendored`, which builds an OpenSSL.
//! Try it: `curl -i --cacert server.crt https://localhost:8443/`
//! Renew it: make another, then `kill -HUP` as it says; connections go on.

use std::{env, fs, io, process};

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::pywsgi::WsgiServer;
use maypole::server::TlsConfig;
use maypole::signal::{self, Signal};

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let mut next = |default: &str| args.next().unwrap_or_else(|| default.to_owned());
    let addr = next("127.0.0.1:8443");
    let (cert, key) = (next("server.crt"), next("server.key"));
    let load = move || TlsConfig::from_pem(&read(&cert)?, &read(&key)?);

    let config = load()?;
    let server = WsgiServer::builder()
        .tls(config.clone())
        .bind(addr, application)?;
    let _reloads = signal::handler(Signal::HUP, move || match load() {
        Ok(renewed) => {
            config.reload(renewed);
            println!("Reloaded");
        }
        Err(error) => println!("The old certificate stays: {error}"),
    })?;
    println!("Serving on https://{}", server.local_addr());
    println!("To renew: kill -HUP {}", process::id());
    server.serve_forever()
}

/// A file's bytes, or an error that names it.
fn read(path: &str) -> io::Result<Vec<u8>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"));
    fs::read(path).map_err(named)
}

fn application(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let start_response = start_response.header("Content-Type", "text/html");
    match env.path_info() {
        "/" => start_response.send(StatusCode::OK, b"<b>hello world</b>"),
        _ => start_response.send(StatusCode::NOT_FOUND, b"<h1>Not Found</h1>"),
    }
}
