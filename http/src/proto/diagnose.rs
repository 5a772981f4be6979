//! Names the fault in a head that httparse refused.
//!
//! httparse tells only roughly what it disliked. This slow second walk goes from the first byte to
//! the first wrong one; its answer depends on no byte behind that, so a head that arrives in
//! pieces is refused for the same reason as one that arrives whole.

use super::error::ProtoError;
use super::grammar::{is_token_byte, is_value_byte};

/// Returns what is wrong with the head at the start of `buf`, which has no leading empty lines.
/// `None`: nothing yet.
#[cold]
pub(super) fn diagnose(buf: &[u8]) -> Option<ProtoError> {
    walk(buf).err()
}

/// What follows the part that was walked over; `None` at the end of the bytes or of the head.
type Walk<'a> = Result<Option<&'a [u8]>, ProtoError>;

fn walk(buf: &[u8]) -> Walk<'_> {
    let mut rest = request_line(buf)?;
    while let Some(lines) = rest {
        rest = field_line(lines)?;
    }
    Ok(None)
}

fn request_line(line: &[u8]) -> Walk<'_> {
    let Some((method, rest)) = split(line, is_token_byte) else {
        return Ok(None);
    };
    match rest {
        [b' ', ..] if !method.is_empty() => {}
        [b'\n', ..] => return Err(ProtoError::BareLf),
        _ => return Err(ProtoError::RequestLine),
    }
    let Some((target, rest)) = split(&rest[1..], |byte| byte.is_ascii_graphic()) else {
        return Ok(None);
    };
    match rest {
        [b' ', ..] if !target.is_empty() => {}
        [b'\n', ..] => return Err(ProtoError::BareLf),
        [b' ' | b'\r', ..] => return Err(ProtoError::RequestLine),
        _ => return Err(ProtoError::Target),
    }
    version(&rest[1..])
}

fn version(line: &[u8]) -> Walk<'_> {
    for (at, &pattern) in b"HTTP/0.0".iter().enumerate() {
        let fits = match line.get(at) {
            None => return Ok(None),
            Some(b'\n') => return Err(ProtoError::BareLf),
            Some(b' ' | b'\r') if at == 0 => return Err(ProtoError::RequestLine),
            Some(byte) if pattern == b'0' => byte.is_ascii_digit(),
            Some(byte) => *byte == pattern,
        };
        if !fits {
            return Err(ProtoError::Version);
        }
    }
    let (version, rest) = line.split_at(8);
    match rest {
        [] => return Ok(None),
        [b'\r', ..] => {}
        [b'\n', ..] => return Err(ProtoError::BareLf),
        [b' ', ..] => return Err(ProtoError::RequestLine),
        _ => return Err(ProtoError::Version),
    }
    match line_end(rest)? {
        Some(_) if !matches!(version, b"HTTP/1.0" | b"HTTP/1.1") => {
            Err(ProtoError::UnsupportedVersion)
        }
        rest => Ok(rest),
    }
}

/// Walks over one header or trailer line with its end. The empty line ends the walk.
fn field_line(line: &[u8]) -> Walk<'_> {
    let Some((name, rest)) = split(line, is_token_byte) else {
        return Ok(None);
    };
    match (name, rest) {
        ([], [b'\r', ..]) => return line_end(rest).map(|_| None),
        (_, [b'\n', ..]) => return Err(ProtoError::BareLf),
        ([], [b' ' | b'\t', ..]) => return Err(ProtoError::Folded),
        (_, [b' ' | b'\t', ..]) => return Err(ProtoError::SpaceInName),
        ([_, ..], [b':', ..]) => {}
        ([_, ..], [b'\r', ..]) => {
            return match line_end(rest)? {
                Some(_) => Err(ProtoError::MissingColon),
                None => Ok(None),
            };
        }
        _ => return Err(ProtoError::FieldName),
    }
    match split(&rest[1..], is_value_byte) {
        None => Ok(None),
        Some((_, rest @ [b'\r', ..])) => line_end(rest),
        Some((_, [b'\n', ..])) => Err(ProtoError::BareLf),
        Some(_) => Err(ProtoError::FieldValue),
    }
}

/// Splits before the first byte that does not fit; `None` if all do.
fn split(bytes: &[u8], fits: impl Fn(u8) -> bool) -> Option<(&[u8], &[u8])> {
    Some(bytes.split_at(bytes.iter().position(|&byte| !fits(byte))?))
}

/// Walks over CR LF; the first byte is known to be CR.
fn line_end(bytes: &[u8]) -> Walk<'_> {
    match bytes {
        [_, b'\n', rest @ ..] => Ok(Some(rest)),
        [_, _, ..] => Err(ProtoError::BareCr),
        _ => Ok(None),
    }
}

/// Names the fault in one complete trailer line, given without its end.
pub(super) fn diagnose_field(line: &[u8]) -> Option<ProtoError> {
    let name = line.iter().take_while(|&&byte| is_token_byte(byte)).count();
    match (name, &line[name..]) {
        (0, [b' ' | b'\t', ..]) => Some(ProtoError::Folded),
        (_, [b' ' | b'\t', ..]) => Some(ProtoError::SpaceInName),
        (_, []) => Some(ProtoError::MissingColon),
        (1.., [b':', value @ ..]) => {
            (!value.iter().all(|&byte| is_value_byte(byte))).then_some(ProtoError::FieldValue)
        }
        _ => Some(ProtoError::FieldName),
    }
}
