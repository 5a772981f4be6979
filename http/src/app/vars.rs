//! The names that CGI and WSGI have for the parts of a request.

use std::borrow::Cow;

use http::Version;
use maypole_runtime::Hub;

use crate::proto::HeaderLine;

use super::environ::Environ;

impl Environ<'_> {
    /// The value that a CGI or WSGI program finds under `name`.
    ///
    /// `REMOTE_ADDR` and `REMOTE_PORT` are absent on a Unix socket, `SERVER_NAME`
    /// and `SERVER_PORT` empty.
    ///
    /// Header lines are found as `HTTP_` and the name in capitals with `_` for
    /// `-`; several of one name are joined, by `; ` for cookies and `,` else.
    /// Lines whose name has a `_` are not found: they could pass for another.
    /// Neither is `HTTP_PROXY`, which programs take for their own setting.
    /// `HTTP_HOST` is what [`host`](Self::host) says. Bytes beyond ASCII read as
    /// Latin-1, as in WSGI.
    ///
    /// What the request says goes first, then what was set by
    /// [`Builder::environ`](crate::pywsgi::Builder::environ), then the server's
    /// own values. Flags read `true` or `false`; what is not text has methods
    /// instead: [`input`](Self::input) for `wsgi.input`, the crate `log` for
    /// `wsgi.errors`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// WsgiServer::bind("127.0.0.1:8088", |env, start_response| {
    ///     let agent = env.var("HTTP_USER_AGENT").unwrap_or_default();
    ///     let text = format!("you use {agent}\n");
    ///     start_response.send(StatusCode::OK, text)
    /// })?
    /// .serve_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn var(&self, name: &str) -> Option<Cow<'_, str>> {
        self.of_request(name)
            .or_else(|| self.server.environ.get(name).map(Cow::from))
            .or_else(|| self.of_server(name))
    }

    fn of_request(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match name {
            "REQUEST_METHOD" => self.method().as_str().into(),
            "PATH_INFO" => latin1(&percent_decode(self.head.target.path()))
                .into_owned()
                .into(),
            "QUERY_STRING" => self.query_string().into(),
            "REQUEST_URI" | "RAW_URI" => self.target().into(),
            "SERVER_PROTOCOL" => version_name(self.version()).into(),
            "REMOTE_ADDR" => self.origin.peer?.ip().to_string().into(),
            "REMOTE_PORT" => self.origin.peer?.port().to_string().into(),
            "CONTENT_TYPE" => return self.joined("Content-Type"),
            "CONTENT_LENGTH" => return self.joined("Content-Length"),
            "HTTP_HOST" => self.host()?.into(),
            // The first two are found without the prefix; the third is httpoxy.
            "HTTP_CONTENT_TYPE" | "HTTP_CONTENT_LENGTH" | "HTTP_PROXY" => return None,
            _ => return self.joined(&header_name(name)?),
        })
    }

    fn of_server(&self, name: &str) -> Option<Cow<'_, str>> {
        let local = self.local.inet();
        Some(match name {
            "SCRIPT_NAME" => "".into(),
            // Empty on a Unix socket.
            "SERVER_NAME" => local.map_or_else(Cow::default, |addr| addr.ip().to_string().into()),
            "SERVER_PORT" => local.map_or_else(Cow::default, |addr| addr.port().to_string().into()),
            "SERVER_SOFTWARE" => concat!("maypole/", env!("CARGO_PKG_VERSION")).into(),
            "GATEWAY_INTERFACE" => "CGI/1.1".into(),
            "wsgi.version" => "1.0".into(),
            "wsgi.url_scheme" => self.scheme().into(),
            // Whether another thread may be in the application, too.
            "wsgi.multithread" => flag(Hub::count() > 1),
            "wsgi.multiprocess" | "wsgi.run_once" => flag(false),
            // Reading stops at the end of the body by itself.
            "wsgi.input_terminated" => flag(true),
            _ => return None,
        })
    }

    fn joined(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self
            .head
            .headers
            .iter()
            .filter(|line| line.name.eq_ignore_ascii_case(name))
            .map(|line: &HeaderLine<'_>| latin1(line.value));
        let first = values.next()?;
        let separator = if name.eq_ignore_ascii_case("cookie") {
            "; "
        } else {
            ","
        };
        Some(values.fold(first, |all, value| all + separator + value))
    }
}

/// The header line's name behind a variable's. Two names never share one: that
/// of a variable has neither small letters nor `-`.
fn header_name(variable: &str) -> Option<String> {
    let name = variable.strip_prefix("HTTP_")?;
    let odd = |byte: u8| byte == b'-' || byte.is_ascii_lowercase();
    (!name.bytes().any(odd)).then(|| name.replace('_', "-"))
}

fn flag(is_set: bool) -> Cow<'static, str> {
    if is_set { "true" } else { "false" }.into()
}

fn version_name(version: Version) -> &'static str {
    if version == Version::HTTP_10 {
        "HTTP/1.0"
    } else {
        "HTTP/1.1"
    }
}

fn latin1(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => text.into(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Decodes `%` and two hex digits; anything else stays as it is.
pub(super) fn percent_decode(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if memchr::memchr(b'%', bytes).is_none() {
        return bytes.into();
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'%', [high, low, after @ ..]) if let Some(value) = hex(*high, *low) => {
                decoded.push(value);
                after
            }
            _ => {
                decoded.push(byte);
                after
            }
        };
    }
    decoded.into()
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_codes() {
        for (text, decoded) in [
            ("", &b""[..]),
            ("/plain", b"/plain"),
            ("/a%20b", b"/a b"),
            ("%2F%2f", b"//"),
            ("%00", b"\0"),
            ("%C3%A9", "é".as_bytes()),
            ("100%", b"100%"),
            ("%4", b"%4"),
            ("%zz%41", b"%zzA"),
            ("%%41", b"%A"),
        ] {
            assert_eq!(&*percent_decode(text), decoded, "{text}");
        }
    }

    #[test]
    fn latin1_bytes() {
        assert_eq!(latin1(b"plain"), "plain");
        assert_eq!(latin1("é".as_bytes()), "Ã©");
        assert_eq!(latin1(b"\xff"), "ÿ");
    }

    #[test]
    fn names_of_header_lines() {
        for (variable, name) in [
            ("HTTP_ACCEPT", Some("ACCEPT")),
            ("HTTP_X_A_1", Some("X-A-1")),
            ("HTTP_", Some("")),
            ("HTTP_X-A", None),
            ("HTTP_accept", None),
            ("ACCEPT", None),
            ("http_ACCEPT", None),
        ] {
            assert_eq!(header_name(variable).as_deref(), name, "{variable}");
        }
    }
}
