//! What its workers do: a client sends a line and gets one.

use std::io::{self, BufRead, BufReader, Write};
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use std::{env, fs};

use maypole::server::arbiter::{Figures, Serve, Worker, WorkerHandle};
use maypole::server::{Addr, Stream, StreamServer};

use crate::settings::value;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

pub(crate) fn work(worker: &mut Worker) -> io::Result<()> {
    // As many hubs as the tests want, and greenlets that can be seen.
    maypole::Config::from_env()
        .map_err(io::Error::other)?
        .install()?;
    match value("boot").as_deref() {
        Some("fail") => return Err(io::Error::other("the database is not there")),
        Some("panic") => panic!("a bug at boot"),
        Some("die") => process::exit(7),
        Some("return") => return Ok(()),
        Some("hang") => thread::sleep(LONG),
        _ => {}
    }
    let handle = worker.handle();
    let listeners = worker.listeners()?.into_iter();
    let builder = listeners.fold(StreamServer::builder(), |all, one| all.listener(one));
    let server = builder.serve(move |stream, _peer| talk(stream, &handle))?;
    let mut servers: Vec<StreamServer> = vec![server.clone()];
    if let Ok(metrics) = worker.listener("metrics") {
        let handle = worker.handle();
        let tell =
            move |mut stream: Stream, _peer: Addr| write!(stream, "{}", handle.total_figures()?);
        servers.push(StreamServer::builder().listener(metrics).serve(tell)?);
    }
    worker.figures(move || {
        let counters = server.counters();
        Figures::new()
            .counter("clients_total", counters.accepted as f64)
            .gauge("clients", counters.active as f64)
    });
    let name = format!("{} {}", worker.number(), process::id());
    worker.on_reopen(move || println!("reopened by {name}"));
    let slow = value("started").map(SlowStart);
    let mut all: Vec<&dyn Serve> = servers.iter().map(|server| server as &dyn Serve).collect();
    all.extend(slow.as_ref().map(|slow| slow as &dyn Serve));
    worker.serve(&*all)
}

/// Has started when there is a file.
struct SlowStart(String);

impl Serve for SlowStart {
    fn start(&self) -> io::Result<()> {
        while !fs::exists(&self.0)? {
            maypole::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn is_started(&self) -> bool {
        true
    }

    fn close(&self) {}

    fn stop(&self, _limit: Duration) {}
}

fn talk(stream: Stream, worker: &WorkerHandle) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let answers = Arc::new(format!(
        "{} {} {}",
        worker.number(),
        worker.age(),
        process::id()
    ));
    while stream.read_line(&mut line)? > 0 {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap_or_default();
        match word() {
            "who" => {}
            "slow" => {
                stream.get_mut().write_all(b"wait\n")?;
                maypole::sleep(Duration::from_millis(word().parse().unwrap()));
            }
            "block" => thread::sleep(LONG),
            "block_on" => {
                let hub = word().parse().unwrap();
                drop(maypole::spawn_on(hub, || thread::sleep(LONG)));
            }
            "exit" => process::exit(word().parse().unwrap()),
            "start" => {
                let program = env::current_exe()?;
                drop(
                    maypole::process::Command::new(program)
                        .arg(word())
                        .spawn()?,
                );
            }
            "retire" => worker.retire()?,
            "total" => {
                let total = worker.total_figures()?;
                let clients = total.get("clients_total").unwrap();
                writeln!(stream.get_mut(), "{clients}")?;
            }
            other => panic!("{other:?}"),
        }
        writeln!(stream.get_mut(), "{answers}")?;
        line.clear();
        if stream.buffer().is_empty() && !stream.get_ref().wait_request()? {
            break;
        }
    }
    Ok(())
}
