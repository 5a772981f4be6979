//! Two connections to a database, shared by many greenlets. What fails is rolled
//! back; what breaks is closed, and the next job opens another connection.
//!
//! Run it: `cargo run --release --example resource_pool -- insert insert insert fail`
//! Try it: a `break` in place of `fail`.

use std::{io, sync::Arc, thread, time::Duration};

use maypole::{lock::Semaphore, queue::LifoQueue, threadpool};

struct Connection;

/// Stands for a driver's, which knows nothing of greenlets.
#[allow(clippy::disallowed_methods, reason = "on a thread of the pool")]
fn execute(_connection: &mut Connection, job: &str) -> io::Result<()> {
    thread::sleep(Duration::from_millis(200));
    match job {
        "fail" => Err(io::Error::other("no such table")),
        "break" => Err(io::ErrorKind::BrokenPipe.into()),
        _ => Ok(()),
    }
}

struct Connections {
    idle: LifoQueue<Connection>,
    places: Semaphore,
}

impl Connections {
    /// Waits for a connection. A caller that is killed gives its place back.
    fn transaction(&self, job: String) -> io::Result<&'static str> {
        let _place = self.places.acquire()?;
        let mut connection = self.idle.try_get().unwrap_or(Connection);
        let (connection, result) = threadpool::run(move || {
            let result = execute(&mut connection, &job);
            (connection, result)
        });
        let ending = match result {
            Ok(()) => "committed",
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(error),
            Err(_) => "rolled back",
        };
        let _ = self.idle.try_put(connection); // there is always room
        Ok(ending)
    }
}

fn main() {
    let (idle, places) = (LifoQueue::unbounded(), Semaphore::new(2));
    let connections = Arc::new(Connections { idle, places });
    let jobs: Vec<String> = std::env::args().skip(1).collect();
    let clients = maypole::pool::Group::new();
    let pool = connections.clone();
    clients.map(jobs, move |job| match pool.transaction(job.clone()) {
        Ok(ending) => println!("{job}: {ending}"),
        Err(error) => println!("{job}: closed, {error}"),
    });
    println!("{} connections are kept", connections.idle.len());
}
