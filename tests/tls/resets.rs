//! Clients whose connection breaks, in each phase of the handshake and after it.

use std::thread;

use super::relay::relay;
use super::support::{TlsClient, has_openssl, until, watchdog};
use super::{assert_echoes, echo_server};

/// More than a client sends in a handshake: its hello of some 200 to 500 bytes,
/// then key, change of cipher and `Finished` of about 100.
const HANDSHAKE: usize = 700;

#[test]
fn a_reset_in_any_phase_hurts_nobody() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = echo_server();
    let addr = server.local_addr();
    let limits: Vec<_> = (0..6).chain((6..HANDSHAKE).step_by(11)).collect();
    thread::scope(|scope| {
        for part in limits.chunks(limits.len().div_ceil(4)) {
            scope.spawn(move || {
                for limit in part {
                    let mut client = TlsClient::connect(relay(addr, *limit));
                    client.try_send("a line, if it came to that\n".repeat(20));
                    client.read_to_end();
                }
            });
        }
    });
    assert_echoes(addr);
    until("all gone", || server.active() == 0);
}
