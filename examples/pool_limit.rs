//! A server that serves so many clients at once; more wait until one leaves.
//!
//! Run it: `cargo run --release --example pool_limit`
//! Try it: `cargo run --release --example pool_limit -- 127.0.0.1:16001 1`, then
//! `nc 127.0.0.1 16001` twice: the second is answered when the first leaves.

use std::io::{self, BufRead, BufReader, Read, Write};

use maypole::pool::Pool;
use maypole::server::StreamServer;

/// Longer lines are answered in pieces.
const MAX_LINE: u64 = 4096;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let addr = args.next();
    let addr = addr.as_deref().unwrap_or("127.0.0.1:16001");
    let limit = args.next().map_or(Some(10_000), |text| text.parse().ok());
    let Some(limit @ 1..) = limit else {
        eprintln!("usage: pool_limit [ADDRESS [CLIENTS]], as in 127.0.0.1:16001 1");
        std::process::exit(2);
    };
    let pool = Pool::new(limit);
    let server =
        StreamServer::builder()
            .pool(pool.clone())
            .bind(addr, move |mut stream, _peer| {
                writeln!(stream, "you are one of {} of {limit}", pool.len())?;
                let mut reader = BufReader::new(stream);
                let mut line = Vec::new();
                while reader
                    .by_ref()
                    .take(MAX_LINE)
                    .read_until(b'\n', &mut line)?
                    > 0
                {
                    reader.get_mut().write_all(&line)?;
                    line.clear();
                }
                Ok(())
            })?;
    println!("At most {limit} clients at once on {}", server.local_addr());
    server.serve_forever()
}
