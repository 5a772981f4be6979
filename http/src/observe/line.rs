//! One line of an access log.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

use http::Version;

use crate::app::{Environ, Reply};

use super::access_log::{Entry, Request};
use super::clock::LocalTime;
use super::format::{Atom, Piece};

/// How much of a line that is no request is shown.
pub(super) const MAX_REFUSED: usize = 256;

/// What is missing.
const DASH: &str = "-";

/// Shows a line, straight into the logger: nothing is kept.
pub(super) struct Line<'a> {
    pieces: &'a [Piece],
    entry: &'a Entry<'a>,
}

impl<'a> Line<'a> {
    pub(super) fn new(pieces: &'a [Piece], entry: &'a Entry<'a>) -> Self {
        Self { pieces, entry }
    }

    fn environ(&self) -> Option<&'a Environ<'a>> {
        match self.entry.request {
            Request::Answered(environ, _) => Some(environ),
            Request::Refused(_) => None,
        }
    }

    fn reply(&self) -> Option<&'a Reply> {
        match self.entry.request {
            Request::Answered(_, reply) => Some(reply),
            Request::Refused(_) => None,
        }
    }

    fn body_bytes(&self) -> Option<u64> {
        self.reply().map(Reply::body_sent)
    }

    fn header(&self, name: &str) -> Option<Escaped<'a>> {
        self.environ()?.header(name).map(Escaped)
    }

    fn atom(&self, atom: &Atom, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let environ = self.environ();
        match atom {
            Atom::Client => maybe(self.entry.peer.map(|peer| peer.ip()), f),
            Atom::Nobody => f.write_str(DASH),
            Atom::User => {
                let user = environ
                    .and_then(|environ| environ.header("Authorization"))
                    .and_then(basic_user);
                maybe(user.as_deref().map(Escaped), f)
            }
            Atom::ApacheTime => write!(f, "[{}]", LocalTime::now().apache()),
            Atom::PlainTime => f.write_str(LocalTime::now().plain()),
            Atom::RequestLine => self.request_line(f),
            Atom::Method => maybe(environ.map(Environ::method), f),
            Atom::Path => maybe(environ.map(|environ| Escaped(path(environ).as_bytes())), f),
            Atom::Query => {
                let query = environ.map(|environ| environ.query_string().as_bytes());
                query.map_or(Ok(()), |query| Escaped(query).fmt(f))
            }
            Atom::Protocol => maybe(environ.map(protocol), f),
            Atom::Status => maybe(self.entry.status.map(|status| status.as_u16()), f),
            Atom::BodyBytes => self.body_bytes().unwrap_or_default().fmt(f),
            Atom::BodyBytesOrDash => maybe(self.body_bytes().filter(|&n| n > 0), f),
            Atom::Bytes => maybe(Some(self.entry.bytes).filter(|&n| n > 0), f),
            Atom::Referer => maybe(self.header("Referer"), f),
            Atom::Agent => maybe(self.header("User-Agent"), f),
            Atom::Seconds => self.elapsed(f, |elapsed| elapsed.as_secs().into()),
            Atom::Millis => self.elapsed(f, |elapsed| elapsed.as_millis()),
            Atom::Micros => self.elapsed(f, |elapsed| elapsed.as_micros()),
            Atom::DecimalSeconds => match self.entry.elapsed {
                Some(elapsed) => {
                    write!(f, "{}.{:06}", elapsed.as_secs(), elapsed.subsec_micros())
                }
                None => f.write_str(DASH),
            },
            Atom::Process => write!(f, "<{}>", std::process::id()),
            Atom::RequestHeader(name) => maybe(self.header(name), f),
            Atom::ResponseHeader(name) => {
                let value = self.reply().and_then(|reply| reply.header_value(name));
                maybe(value.map(Escaped), f)
            }
            Atom::Var(name) => {
                let value = environ.and_then(|environ| environ.var(name));
                maybe(value.as_ref().map(|value| Escaped(value.as_bytes())), f)
            }
        }
    }

    fn elapsed(&self, f: &mut fmt::Formatter<'_>, unit: fn(Duration) -> u128) -> fmt::Result {
        maybe(self.entry.elapsed.map(unit), f)
    }

    fn request_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry.request {
            Request::Answered(environ, _) => {
                let target = Escaped(environ.target().as_bytes());
                write!(f, "{} {target} {}", environ.method(), protocol(environ))
            }
            Request::Refused(bytes) => Escaped(first_line(bytes, MAX_REFUSED)).fmt(f),
        }
    }
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Atom(atom) => self.atom(atom, f)?,
            }
        }
        Ok(())
    }
}

/// Bytes of a client, made harmless: quotes and backslashes with a backslash
/// before them, and `\x` with two digits for what is not printable ASCII.
struct Escaped<'a>(&'a [u8]);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.0 {
            match byte {
                b'"' | b'\\' => {
                    f.write_char('\\')?;
                    f.write_char(byte.into())?;
                }
                b' '..=b'~' => f.write_char(byte.into())?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

fn maybe(value: Option<impl Display>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        Some(value) => value.fmt(f),
        None => f.write_str(DASH),
    }
}

/// The first line of what a client sent, or as much of it as is shown.
pub(super) fn first_line(bytes: &[u8], most: usize) -> &[u8] {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    &bytes[..end.unwrap_or(bytes.len()).min(most)]
}

/// The path as it was sent.
pub(super) fn path<'a>(environ: &'a Environ<'_>) -> &'a str {
    let target = environ.target();
    let end = target.find('?');
    &target[..end.unwrap_or(target.len())]
}

pub(super) fn protocol(environ: &Environ<'_>) -> &'static str {
    if environ.version() == Version::HTTP_10 {
        "HTTP/1.0"
    } else {
        "HTTP/1.1"
    }
}

/// The user name in `Basic` credentials, RFC 7617; never the password.
pub(super) fn basic_user(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let mut decoded = base64(rest.trim_ascii())?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    decoded.truncate(colon);
    (!decoded.is_empty()).then_some(decoded)
}

/// Decodes RFC 4648 section 4; padding may be missing.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut bits = 0_u32;
    let mut count = 0;
    for &byte in text.iter().filter(|&&byte| byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push((bits >> count) as u8);
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes() {
        for (bytes, shown) in [
            (&b"plain text"[..], "plain text"),
            (b"a\"b\\c", r#"a\"b\\c"#),
            (b"a\r\nb\t", r"a\x0d\x0ab\x09"),
            (b"\x1b[31m\x7f", r"\x1b[31m\x7f"),
            ("é".as_bytes(), r"\xc3\xa9"),
        ] {
            assert_eq!(Escaped(bytes).to_string(), shown);
        }
    }

    #[test]
    fn users() {
        for (value, user) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some("Aladdin")),
            ("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", Some("Aladdin")),
            ("Basic OnNlY3JldA==", None), // ":secret"
            ("Basic c2VjcmV0", None),     // "secret"
            ("Basic !!!", None),
            ("Basic ", None),
            ("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", None),
            ("", None),
        ] {
            let found = basic_user(value.as_bytes());
            assert_eq!(found.as_deref(), user.map(str::as_bytes), "{value:?}");
        }
    }
}
