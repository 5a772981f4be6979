//! Several processes on one port: the kernel deals the connections out.
//!
//! Run it: `cargo run --release --example prefork -- 127.0.0.1:8088 4`
//! Try it: `curl http://127.0.0.1:8088/`, several times.

use std::io::ErrorKind::InvalidInput;
use std::time::Duration;
use std::{env, io, process};

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::process::{Command, Stdio};
use maypole::pywsgi::WsgiServer;

/// Set in the processes that the first one starts: where to listen.
const ADDR: &str = "PREFORK_ADDR";

/// For the answers at hand when it ends.
const GRACE: Duration = Duration::from_secs(10);

fn main() -> io::Result<()> {
    if let Ok(addr) = env::var(ADDR) {
        let server = bind(&addr)?;
        let stopped = server.clone();
        // The first process holds the other end: when it ends, however it does,
        // so does this one.
        let _watching = maypole::spawn(move || {
            let _ = io::copy(&mut maypole::io::stdin(), &mut io::sink());
            stopped.stop(GRACE);
        });
        return server.serve_forever();
    }
    let mut args = env::args().skip(1);
    let addr = args.next();
    let server = bind(addr.as_deref().unwrap_or("127.0.0.1:8088"))?;
    let addr = server.local_addr().to_string();
    let processes = args.next().map_or(Ok(2_usize), |n| n.parse());
    let processes = processes.map_err(|error| io::Error::new(InvalidInput, error))?;
    let mut command = Command::new(env::current_exe()?);
    command.env(ADDR, &addr).stdin(Stdio::piped());
    let others: io::Result<Vec<_>> = (1..processes).map(|_| command.spawn()).collect();
    let mut others = others?;
    println!("Serving on http://{addr}");
    server.serve_forever()?; // until SIGINT or SIGTERM
    for other in &mut others {
        drop(other.stdin.take());
    }
    for mut other in others {
        println!("Process {} ended: {}", other.id(), other.wait()?);
    }
    Ok(())
}

fn bind(addr: &str) -> io::Result<WsgiServer> {
    WsgiServer::builder()
        .server(|server| server.reuse_port(true).stop_timeout(GRACE))
        .bind(addr, |_env: &mut Environ<'_>, start: StartResponse<'_>| {
            start.send(StatusCode::OK, format!("process {}\n", process::id()))
        })
}
