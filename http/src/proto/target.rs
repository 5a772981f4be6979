//! The request target, RFC 9112 section 3.2, and the host it names.

use std::net::Ipv6Addr;

use http::Method;

use super::error::ProtoError;
use super::grammar;

/// The target of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Target<'a> {
    /// The target as it was sent: visible ASCII without `#`.
    pub(crate) raw: &'a str,
    /// In which form it was sent.
    pub(crate) form: TargetForm,
    // What occurs in `raw`: `ODD` bits.
    odd: u8,
}

/// The four forms of RFC 9112 section 3.2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TargetForm {
    /// `/path?query`
    Origin,
    /// `http://host/path?query`, as sent to proxies; a server must accept it.
    Absolute,
    /// `host:port`, for CONNECT.
    Authority,
    /// `*`, for OPTIONS.
    Asterisk,
}

impl<'a> Target<'a> {
    /// Takes a target apart. `raw` holds no space and no control character.
    ///
    /// Bytes that RFC 3986 reserves but browsers send (`|`, `"`, brackets) pass, and so do broken
    /// percent codes: they decide neither framing nor host.
    ///
    /// # Errors
    ///
    /// [`ProtoError::Target`] unless the form fits the method and its parts are valid.
    #[inline]
    pub(super) fn parse(raw: &'a str, method: &Method) -> Result<Self, ProtoError> {
        let odd = raw
            .bytes()
            .fold(0, |odd, byte| odd | ODD[usize::from(byte)]);
        if odd & REFUSED != 0 {
            return Err(ProtoError::Target);
        }
        let form = match raw.as_bytes() {
            [b'/', ..] if *method != Method::CONNECT => TargetForm::Origin,
            _ => other_form(raw, method)?,
        };
        Ok(Self { raw, form, odd })
    }

    /// Returns the path, still percent-encoded: `/` if an absolute target has none, `*` in
    /// asterisk form, empty in authority form.
    #[inline]
    pub(crate) fn path(&self) -> &'a str {
        let (_, path) = self.split();
        let path = &path[..self.query_mark(path).unwrap_or(path.len())];
        if path.is_empty() && self.form == TargetForm::Absolute {
            "/"
        } else {
            path
        }
    }

    /// Returns what follows the first `?`, if there is one.
    pub(crate) fn query(&self) -> Option<&'a str> {
        let (_, path) = self.split();
        self.query_mark(path).map(|at| &path[at + 1..])
    }

    /// Whether there may be percent codes in it.
    pub(crate) fn is_encoded(&self) -> bool {
        self.odd & PERCENT != 0
    }

    fn query_mark(&self, path: &str) -> Option<usize> {
        if self.odd & QUERY == 0 {
            return None;
        }
        memchr::memchr(b'?', path.as_bytes())
    }

    /// Returns host and port, if the target itself names them: in absolute and authority form. They
    /// outrank the `Host` line, section 3.2.2.
    pub(crate) fn authority(&self) -> Option<&'a str> {
        self.split().0
    }

    /// Splits into authority, and path with query.
    fn split(&self) -> (Option<&'a str>, &'a str) {
        match self.form {
            TargetForm::Origin | TargetForm::Asterisk => (None, self.raw),
            TargetForm::Authority => (Some(self.raw), ""),
            TargetForm::Absolute => {
                let (authority, path) = split_absolute(self.raw).unwrap_or_default();
                (Some(authority), path)
            }
        }
    }
}

/// The bytes of a target that are looked for, all in one pass: those that it must not hold, `?`,
/// and `%`.
const REFUSED: u8 = 1;
const QUERY: u8 = 2;
const PERCENT: u8 = 4;

static ODD: [u8; 256] = {
    let mut table = [REFUSED; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        table[byte] = match byte as u8 {
            b'#' => REFUSED,
            b'?' => QUERY,
            b'%' => PERCENT,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// Names the form of all but the usual targets.
#[cold]
fn other_form(raw: &str, method: &Method) -> Result<TargetForm, ProtoError> {
    if *method == Method::CONNECT {
        // RFC 9112 section 3.2.3; RFC 9110 section 9.3.6 wants a valid port.
        return match host_and_port(raw.as_bytes()) {
            Some((host, Some(1..))) if !host.is_empty() => Ok(TargetForm::Authority),
            _ => Err(ProtoError::Target),
        };
    }
    if raw == "*" && *method == Method::OPTIONS {
        return Ok(TargetForm::Asterisk);
    }
    let (authority, _) = split_absolute(raw).ok_or(ProtoError::Target)?;
    // User information is refused, RFC 9110 section 4.2.4: `@` is in no host.
    match host_and_port(authority.as_bytes()) {
        Some((host, _)) if !host.is_empty() => Ok(TargetForm::Absolute),
        _ => Err(ProtoError::Target),
    }
}

/// Splits `http://authority/path?query` behind the authority; RFC 9112 section 3.2.2.
fn split_absolute(raw: &str) -> Option<(&str, &str)> {
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = raw.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })?;
    Some(rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())))
}

/// Checks the value of a `Host` line, RFC 9112 section 3.2: a host with an optional port, in ASCII.
///
/// The empty value is valid: clients send it when the target has no authority.
///
/// # Errors
///
/// [`ProtoError::Host`] if it is anything else.
pub(super) fn check_host(value: &[u8]) -> Result<(), ProtoError> {
    match host_and_port(value) {
        Some((host, _)) if !host.is_empty() || value.is_empty() => Ok(()),
        _ => Err(ProtoError::Host),
    }
}

/// Splits `uri-host [":" port]` of RFC 3986 section 3.2 and checks both parts. A port may be empty
/// (then it is `None`) but not beyond 65535.
fn host_and_port(bytes: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let plain = bytes
        .iter()
        .position(|&byte| !REG_NAME[usize::from(byte)])
        .unwrap_or(bytes.len());
    let end = match bytes.get(plain) {
        None | Some(b':') => plain,
        Some(b'[') if plain == 0 => ipv6_len(bytes)?,
        Some(b'%') => encoded_name_len(bytes)?,
        Some(_) => return None,
    };
    let (host, port) = bytes.split_at(end);
    let port = match port {
        [] | [b':'] => None,
        [b':', digits @ ..] => Some(u16::try_from(grammar::decimal(digits)?).ok()?),
        _ => return None,
    };
    Some((host, port))
}

/// The length of an address in brackets. The future address formats of RFC 3986 and zone
/// identifiers are refused: nobody sends them.
#[cold]
fn ipv6_len(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memchr(b']', bytes)?;
    let address = str::from_utf8(bytes.get(1..end)?).ok()?;
    address.parse::<Ipv6Addr>().ok()?;
    Some(end + 1)
}

/// The length of a name that contains percent codes, up to the port.
#[cold]
fn encoded_name_len(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] | [b':', ..] => return Some(bytes.len() - rest.len()),
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [byte, rest @ ..] if REG_NAME[usize::from(*byte)] => rest,
            _ => return None,
        };
    }
}

/// `unreserved` and `sub-delims` of RFC 3986.
static REG_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(
                byte as u8,
                b'-' | b'.'
                    | b'_'
                    | b'~'
                    | b'!'
                    | b'$'
                    | b'&'
                    | b'\''
                    | b'('
                    | b')'
                    | b'*'
                    | b'+'
                    | b','
                    | b';'
                    | b'='
            );
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        use TargetForm::{Absolute, Asterisk, Authority, Origin};
        // method, target, form, authority, path, query
        for (method, raw, form, authority, path, query) in [
            (Method::GET, "/", Origin, None, "/", None),
            (
                Method::GET,
                "/a%20b?c=d?e",
                Origin,
                None,
                "/a%20b",
                Some("c=d?e"),
            ),
            (Method::GET, "/?", Origin, None, "/", Some("")),
            (Method::GET, "//a/b", Origin, None, "//a/b", None),
            (Method::GET, "/x|y\"{}[]", Origin, None, "/x|y\"{}[]", None),
            (Method::OPTIONS, "/a", Origin, None, "/a", None),
            (Method::OPTIONS, "*", Asterisk, None, "*", None),
            (Method::GET, "http://a", Absolute, Some("a"), "/", None),
            (
                Method::GET,
                "HTTP://a:80/b?c",
                Absolute,
                Some("a:80"),
                "/b",
                Some("c"),
            ),
            (
                Method::GET,
                "https://[::1]:1/b",
                Absolute,
                Some("[::1]:1"),
                "/b",
                None,
            ),
            (
                Method::GET,
                "http://a?b/c",
                Absolute,
                Some("a"),
                "/",
                Some("b/c"),
            ),
            (Method::CONNECT, "a:443", Authority, Some("a:443"), "", None),
            (
                Method::CONNECT,
                "[::1]:443",
                Authority,
                Some("[::1]:443"),
                "",
                None,
            ),
        ] {
            let target = Target::parse(raw, &method).unwrap();
            assert_eq!(target.form, form, "{raw}");
            assert_eq!(target.authority(), authority, "{raw}");
            assert_eq!(target.path(), path, "{raw}");
            assert_eq!(target.query(), query, "{raw}");
        }
    }

    #[test]
    fn refused_forms() {
        for (method, raw) in [
            (Method::GET, ""),
            (Method::GET, "a"),
            (Method::GET, "*"),
            (Method::OPTIONS, "**"),
            (Method::OPTIONS, "*/"),
            (Method::GET, "?a"),
            (Method::GET, "a:80"),
            (Method::GET, "/a#b"),
            (Method::GET, "#"),
            (Method::GET, "/\u{e9}"),
            (Method::GET, "ftp://a/"),
            (Method::GET, "http:/a"),
            (Method::GET, "http:a"),
            (Method::GET, "http://"),
            (Method::GET, "http:///a"),
            (Method::GET, "http://:80/"),
            (Method::GET, "http://u@a/"),
            (Method::GET, "http://a:b@c/"),
            (Method::GET, "http://a:99999/"),
            (Method::GET, "http://[::1/"),
            (Method::GET, "javascript:alert(1)"),
            (Method::CONNECT, "/"),
            (Method::CONNECT, "a"),
            (Method::CONNECT, "a:"),
            (Method::CONNECT, "a:0"),
            (Method::CONNECT, ":443"),
            (Method::CONNECT, "a:443/"),
            (Method::CONNECT, "http://a:443"),
        ] {
            assert_eq!(
                Target::parse(raw, &method),
                Err(ProtoError::Target),
                "{method} {raw}"
            );
        }
    }

    #[test]
    fn hosts() {
        for good in [
            "",
            "a",
            "example.com",
            "example.com:80",
            "example.com:",
            "127.0.0.1:8080",
            "[::1]",
            "[::ffff:1.2.3.4]:80",
            "a_b",
            "a%2Db",
            "a:0",
            "a:00080",
            "a:65535",
            "xn--e1afmkfd",
        ] {
            assert_eq!(check_host(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [
            "a b",
            "a, b",
            "a/b",
            "a?b",
            "a#b",
            "u@a",
            ":80",
            ":",
            "a:b",
            "a:-1",
            "a:65536",
            "a:1:2",
            "[::1",
            "::1",
            "[]",
            "[::1]a",
            "[::1%25lo]",
            "[v1.a]",
            "a%2",
            "a%",
            "a%zz",
            "a\\b",
            "\u{e9}",
            "http://a",
            "a:99999999999999999999999",
            "a\tb",
            "[a]",
            "\"a\"",
            "<a>",
        ] {
            assert_eq!(check_host(bad.as_bytes()), Err(ProtoError::Host), "{bad}");
        }
    }
}
