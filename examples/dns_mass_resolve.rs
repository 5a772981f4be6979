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
        let Some(given) = names.get(1).and_then(|text| text.parse().ok()) else {
            eprintln!("usage: dns_mass_resolve [--seconds 1.5] [NAME...]");
            std::process::exit(2);
        };
        seconds = given;
        names.drain(..2);
    }
    let tells = !names.is_empty();
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
        let look_up = |name: String| (lookup_host((&*name, 80)), name);
        for (addrs, name) in pool.imap_unordered(names, look_up).flatten() {
            found += usize::from(addrs.is_ok());
            match addrs {
                _ if !tells => {}
                Ok(addrs) => {
                    for addr in addrs {
                        println!("{name}: {}", addr.ip());
                    }
                }
                Err(error) => println!("{name}: {error}"),
            }
        }
    });
    pool.kill();
    let why = if in_time.is_ok() {
        "all were tried"
    } else {
        "the time is up"
    };
    println!("found within {seconds} s: {found} of {total} ({why})");
}
