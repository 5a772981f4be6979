//! Character classes and lists of RFC 9110 section 5.6.

/// Says whether a byte may occur in a token: a method, a field name, a coding.
pub(super) fn is_token_byte(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Says whether the bytes are a token. The empty string is none.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    // No early exit: most are right, and a branch for each byte costs more.
    !bytes.is_empty()
        && bytes
            .iter()
            .fold(true, |good, &byte| good & is_token_byte(byte))
}

/// Says whether a byte may occur in a field value: all but control characters, HTAB excepted.
pub(super) fn is_value_byte(byte: u8) -> bool {
    (byte >= b' ' && byte != 0x7f) || byte == b'\t'
}

/// Says whether all bytes may occur in a field value.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks();
    let all = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(true, |good, &byte| good & is_value_byte(byte))
    };
    words
        .iter()
        .all(|word| !has_control(u64::from_ne_bytes(*word)) || all(word))
        && all(rest)
}

/// Whether one of eight bytes is below 0x20, or 0x7f.
fn has_control(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // A borrow out of a byte comes only from one that is found anyway.
    let low = word.wrapping_sub(ONES * 0x20) & !word;
    let del = word ^ (ONES * 0x7f);
    let del = del.wrapping_sub(ONES) & !del;
    (low | del) & HIGH != 0
}

/// Cuts spaces and tabs off both ends.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Splits a list at its commas and trims the elements. Empty elements are included.
pub(super) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(trim)
}

/// Reads a plain decimal number: digits only, within 64 bits.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(
                byte as u8,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        assert!(is_token(b"Content-Type"));
        assert!(is_token(b"!#$%&'*+-.^_`|~09azAZ"));
        for bad in [
            &b""[..],
            b"a b",
            b"a:",
            b"\x00",
            b"\x7f",
            b"\xe9",
            b"a\r",
            b"(",
            b"\"",
        ] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }

    #[test]
    fn values() {
        assert!(is_value(b""));
        assert!(is_value(b"a\tb \xff~"));
        for byte in (0..=8).chain(10..=31).chain([127]) {
            assert!(!is_value(&[b'a', byte]), "{byte}");
        }
    }

    #[test]
    fn values_by_words() {
        for byte in 0..=u8::MAX {
            for at in 0..9 {
                let mut value = *b"abc\tef~\xffi";
                value[at] = byte;
                assert_eq!(is_value(&value), is_value_byte(byte), "{byte} at {at}");
            }
        }
    }

    #[test]
    fn lists() {
        let split = |list: &'static [u8]| elements(list).collect::<Vec<_>>();
        assert_eq!(split(b"a , \tb,,c "), [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(split(b""), [&b""[..]]);
    }

    #[test]
    fn decimals() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"007"), Some(7));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in [
            &b""[..],
            b"18446744073709551616",
            b"+1",
            b"-1",
            b"1 ",
            b"1_0",
            b"0x1",
            b"1,1",
        ] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }
}
