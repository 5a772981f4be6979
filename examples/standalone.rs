//! Hello world as a stand-alone server, after gunicorn's quick start.
//!
//! Build it: `cargo build --release --features standalone --example standalone`
//! Run it:   `target/release/examples/standalone -w 4`
//! Try it:   `curl -i http://127.0.0.1:8000/`
//!
//! Then, with the number in brackets that its lines begin with, the master's:
//!
//! ```sh
//! kill -HUP PID                  # new workers take over, no request is lost
//! kill -TTIN PID                 # one worker more; TTOU: one less
//! kill -USR2 PID; kill -TERM PID # another program file takes over
//! kill -TERM PID                 # the end, when what runs is finished
//! ```
//!
//! And with settings: `standalone --help`, or a file named `maypole.toml`:
//!
//! ```toml
//! bind = ["127.0.0.1:8000", "unix:/tmp/standalone.sock"]
//! workers = 4
//! accesslog = "-"
//! control_socket = "/tmp/standalone.ctl" # for `standalone ctl stats`
//! ```

use std::io;

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::standalone;

fn main() {
    standalone::run(app)
}

fn app(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let start_response = start_response.header("Content-Type", "text/plain");
    match env.path_info() {
        "/" => start_response.send(StatusCode::OK, b"Hello, World!\n"),
        _ => start_response.send(StatusCode::NOT_FOUND, b"Not Found\n"),
    }
}
