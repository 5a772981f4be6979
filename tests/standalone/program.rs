//! The program that the tests of the stand-alone server start.

use std::io::{self, Read};
use std::process;
use std::time::Duration;

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::standalone::{Hooks, RequestEnd, Standalone};

fn main() -> process::ExitCode {
    Standalone::load(|| {
        if std::env::var_os("PROGRAM_FAILS").is_some() {
            return Err(io::Error::other("there is no database"));
        }
        Ok(app)
    })
    .default("worker_connections", "500")
    .hooks(Tell)
    .run()
}

fn app(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let text = match env.path_info() {
        "/pid" => process::id().to_string(),
        "/sleep" => {
            let millis = env.query_string().parse().unwrap_or(0);
            maypole::sleep(Duration::from_millis(millis));
            process::id().to_string()
        }
        "/block" => {
            let millis = env.query_string().parse().unwrap_or(0);
            block(Duration::from_millis(millis));
            "blocked".to_owned()
        }
        "/environ" => {
            let name = env.query_string().to_owned();
            env.var(&name).unwrap_or_default().into_owned()
        }
        "/variable" => std::env::var(env.query_string()).unwrap_or_default(),
        "/folder" => std::env::current_dir()?.display().to_string(),
        "/length" => {
            let mut body = Vec::new();
            env.input().read_to_end(&mut body)?;
            body.len().to_string()
        }
        "/panic" => panic!("as asked for"),
        _ => "hello".to_owned(),
    };
    start_response
        .header("Content-Type", "text/plain")
        .send(StatusCode::OK, text)
}

/// Keeps the hub from everything else.
#[allow(clippy::disallowed_methods, reason = "that is what is asked for")]
fn block(time: Duration) {
    std::thread::sleep(time);
}

/// Says in the log what was called.
struct Tell;

impl Hooks for Tell {
    fn on_starting(&self) {
        log::info!("hook on_starting");
    }

    fn listening(&self, addrs: &[String]) {
        log::info!("hook listening {}", addrs.len());
    }

    fn when_ready(&self) {
        log::info!("hook when_ready");
    }

    fn on_reload(&self) {
        log::info!("hook on_reload");
    }

    fn pre_exec(&self) {
        log::info!("hook pre_exec");
    }

    fn worker_starting(&self, number: usize) {
        log::info!("hook worker_starting {number}");
    }

    fn worker_init(&self, worker: &maypole::server::arbiter::Worker) {
        log::info!("hook worker_init {}", worker.number());
    }

    fn worker_started(&self, worker: &maypole::server::arbiter::WorkerInfo) {
        log::info!("hook worker_started {}", worker.number);
    }

    fn worker_exit(&self, worker: &maypole::server::arbiter::Worker) {
        log::info!("hook worker_exit {}", worker.number());
    }

    fn worker_exited(
        &self,
        worker: &maypole::server::arbiter::WorkerInfo,
        status: process::ExitStatus,
    ) {
        log::info!("hook worker_exited {}: {status}", worker.number);
    }

    fn workers_changed(&self, now: usize, before: usize) {
        log::info!("hook workers_changed {before} to {now}");
    }

    fn request_start(&self, environ: &Environ<'_>) {
        log::debug!("hook request_start {}", environ.path_info());
        assert_ne!(environ.path_info(), "/hook-panics");
    }

    fn request_end(&self, environ: &Environ<'_>, end: &RequestEnd) {
        let status = end.status.map_or(0, |status| status.as_u16());
        log::debug!("hook request_end {} {status}", environ.path_info());
    }

    fn on_exit(&self) {
        log::info!("hook on_exit");
    }
}
