//! Ten thousand connections at once, and one more.

use std::io::{Read, Write, stdin};
use std::net::{SocketAddr, TcpStream};

use maypole::pool::Pool;
use maypole::server::StreamServer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{Child, Client, PATIENCE, in_child, until, watchdog};
use crate::{check_echo, echo};

/// Connections that the pool has room for.
const MANY: usize = 10_000;

/// Descriptors that either process needs: one each, and a few for itself.
const DESCRIPTORS: u64 = MANY as u64 + 200;

/// Lets this process open as many descriptors; false if it may not.
fn may_open_many() -> bool {
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= DESCRIPTORS) {
        return true;
    }
    let raised = Rlimit {
        current: Some(DESCRIPTORS),
        maximum: now.maximum,
    };
    now.maximum.is_none_or(|maximum| maximum >= DESCRIPTORS)
        && setrlimit(Resource::Nofile, raised).is_ok()
}

#[test]
fn one_more_than_ten_thousand_waits_for_the_first_that_leaves() {
    let _watchdog = watchdog();
    const NAME: &str = "many::one_more_than_ten_thousand_waits_for_the_first_that_leaves";
    if in_child(NAME) {
        return serve_many();
    }
    if !may_open_many() {
        println!("skipped: the hard limit on open files is below {DESCRIPTORS}");
        return;
    }
    let mut child = Child::of_test(NAME);
    let addr: SocketAddr = child.line("listening on ").parse().unwrap();
    let mut clients: Vec<TcpStream> = (0..MANY)
        .map(|_| {
            let mut stream = TcpStream::connect_timeout(&addr, PATIENCE).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"x").unwrap();
            stream
        })
        .collect();
    for client in &mut clients {
        client.read_exact(&mut [0]).unwrap();
    }
    // All are served, and all at once.
    let mut one_more = Client::with(addr, "patience");
    one_more.expect_silence();
    for client in clients.iter_mut().step_by(100) {
        client.write_all(b"y").unwrap();
        client.read_exact(&mut [0]).unwrap();
    }
    one_more.expect_silence();
    drop(clients.swap_remove(MANY / 2));
    one_more.expect(b"patience");
    check_echo(&mut one_more);
    drop(clients);
    assert!(child.wait());
}

fn serve_many() {
    assert!(may_open_many());
    let pool = Pool::new(MANY);
    let server = StreamServer::builder()
        .pool(pool.clone())
        .bind("127.0.0.1:0", echo)
        .unwrap();
    server.start().unwrap();
    println!("listening on {}", server.local_addr());
    // The parent says when it is done.
    stdin().read_to_end(&mut Vec::new()).unwrap();
    until("the end of all but one", || server.active() <= 1);
    let accepted = server.counters().accepted;
    assert_eq!(accepted, MANY as u64 + 1);
    assert!(pool.len() <= 1);
}
