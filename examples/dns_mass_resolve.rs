//! Looks many names up, ten at a time, and stops when the time is up.
//!
//! Run it: `cargo run --release --example dns_mass_resolve`
//! Try it: give it names of your own, or `--seconds 0.001` to see it stop early.

use std::time::Duration;

use maypole::net::lookup_host;
use maypole::pool::Pool;
use maypole::with_timeout;

fn main() {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let mut seconds = 2.0;
    if names.first().is_some_and(|first| first == "--seconds") {
        seconds = names[1].parse().expect("seconds, as in 1.5");
        names.drain(..2);
    }
    if names.is_empty() {
        // They all stand in the hosts file, or are answered without asking a server.
        names.extend((0..1000).map(|n| match n % 2 {
            0 => "localhost".to_owned(),
            _ => format!("127.0.{}.{}", n / 250, n % 250),
        }));
    }

    let total = names.len();
    let pool = Pool::new(10);
    let mut found = 0;
    let in_time = with_timeout(Duration::from_secs_f64(seconds), || {
        let results = pool.imap_unordered(names, |name| lookup_host((&*name, 80)));
        for result in results {
            if matches!(result, Ok(Ok(_))) {
                found += 1;
            }
        }
    });
    pool.kill();
    let why = if in_time.is_ok() {
        "all"
    } else {
        "the time is up"
    };
    println!("finished within {seconds} s: {found} of {total} ({why})");
}
