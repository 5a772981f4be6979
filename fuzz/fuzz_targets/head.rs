//! Heads: no panics, the same however the bytes come, and as hyper sees them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maypole_fuzz::compare;
use maypole_http::fuzzing::head;

fuzz_target!(|bytes: &[u8]| {
    let whole = head(bytes, usize::MAX);
    for step in [1, 2, 7, 64] {
        let pieces = head(bytes, step);
        match (&whole, &pieces) {
            // Where the end is not there, a parser that has waited for it before
            // does not look closer.
            (Err(_), Err(_) | Ok(None)) => {}
            _ => assert_eq!(pieces, whole, "step {step}"),
        }
    }
    if let Ok(Some(head)) = &whole {
        assert!(head.len <= bytes.len());
        assert!(head.headers.len() <= 100);
    }
    compare(bytes);
});
