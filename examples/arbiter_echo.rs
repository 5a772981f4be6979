//! An echo server with a master and workers: workers that crash are replaced, and
//! a reload or an upgrade loses no line. An idle `nc` ends then: connect again.
//!
//! Run it: `cargo run --release --example arbiter_echo -- 127.0.0.1:7000 2 /tmp/echo.ctl`
//! Try it: `nc 127.0.0.1 7000`. Send HUP, TTIN, USR2 or TERM to the process that it
//! names, KILL to a worker. `echo help | socat - UNIX-CONNECT:/tmp/echo.ctl`

use std::io::{self, BufRead, BufReader, Write};
use std::process::{self, ExitCode};
use std::{env, error};

use maypole::server::arbiter::{Arbiter, Figures, Hooks, Options, Worker};
use maypole::server::{Addr, Stream, StreamServer};

fn main() -> ExitCode {
    Arbiter::new(load).hooks(Tell).run(work)
}

/// Read at the start, and again at each SIGHUP.
fn load() -> Result<Options, Box<dyn error::Error + Send + Sync>> {
    let mut args = env::args().skip(1);
    let addr = args.next().unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let workers = args.next().map_or(Ok(2), |workers| workers.parse())?;
    let options = Options::new().bind(addr.parse()?).workers(workers);
    Ok(args.fold(options, Options::control))
}

struct Tell;

impl Hooks for Tell {
    fn listening(&self, addrs: &[String]) {
        println!("Process {} listens on {}", process::id(), addrs.join(", "));
    }
}

/// What each worker does, in a process of its own.
fn work(worker: &mut Worker) -> io::Result<()> {
    let listeners = worker.listeners()?.into_iter();
    let server = listeners.fold(StreamServer::builder(), |all, one| all.listener(one));
    let server = server.serve(echo)?;
    let counted = server.clone();
    let clients = move || counted.counters().accepted as f64;
    worker.figures(move || Figures::new().counter("echo_clients_total", clients()));
    worker.serve(&server)
}

fn echo(stream: Stream, _peer: Addr) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    // A client's first line is waited for; between lines a worker may end.
    while io::Read::take(&mut stream, 4096).read_until(b'\n', &mut line)? > 0 {
        stream.get_mut().write_all(&line)?;
        line.clear();
        if stream.buffer().is_empty() && !stream.get_ref().wait_request()? {
            break;
        }
    }
    Ok(())
}
