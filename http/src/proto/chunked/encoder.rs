//! Writes chunks.

/// What follows the data of a chunk.
pub(crate) const CHUNK_END: &[u8] = b"\r\n";

/// Appends what precedes the data of a chunk: its size in lower-case hexadecimal, and a line end.
///
/// `size` must not be 0: that would be the last chunk.
pub(crate) fn write_chunk_head(out: &mut Vec<u8>, size: usize) {
    debug_assert_ne!(size, 0);
    const DIGITS: usize = 2 * size_of::<usize>();
    let mut text = [0; DIGITS + 2];
    text[DIGITS..].copy_from_slice(b"\r\n");
    let mut at = DIGITS;
    let mut rest = size;
    loop {
        at -= 1;
        text[at] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

/// Appends the end of a body, with complete trailer lines.
pub(crate) fn write_last_chunk(trailers: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    out.extend_from_slice(trailers);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_heads() {
        for (size, text) in [
            (1, "1\r\n"),
            (15, "f\r\n"),
            (16, "10\r\n"),
            (0xabcdef, "abcdef\r\n"),
            (usize::MAX, "ffffffffffffffff\r\n"),
        ] {
            let mut out = Vec::new();
            write_chunk_head(&mut out, size);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn ends() {
        let mut out = Vec::new();
        write_last_chunk(b"", &mut out);
        assert_eq!(out, b"0\r\n\r\n");
        out.clear();
        write_last_chunk(b"A: b\r\n", &mut out);
        assert_eq!(out, b"0\r\nA: b\r\n\r\n");
    }
}
