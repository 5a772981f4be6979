//! Chunked bodies: the same however the bytes come, and as hyper sees them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maypole_fuzz::compare;
use maypole_http::fuzzing::{Framing, body};

fuzz_target!(|bytes: &[u8]| {
    let whole = body(Framing::Chunked, bytes, usize::MAX);
    for step in [1, 3, 16] {
        let pieces = body(Framing::Chunked, bytes, step);
        assert_eq!(
            pieces.is_ok(),
            whole.is_ok(),
            "step {step}: {pieces:?} {whole:?}"
        );
        if whole.is_ok() {
            assert_eq!(pieces, whole, "step {step}");
        }
    }
    let head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    compare(&[head, bytes].concat());
});
