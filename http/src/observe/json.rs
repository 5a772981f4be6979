//! Lines of JSON: one object for each request.

use std::fmt::{self, Display, Write as _};

use super::access_log::{Entry, Request};
use super::clock::LocalTime;
use super::line::{MAX_REFUSED, basic_user, first_line, path, protocol};
use crate::app::{Environ, Reply};

/// Shows a request and its answer as one object of JSON, without a line end.
pub(super) struct Json<'a>(pub(super) &'a Entry<'a>);

impl Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.0;
        write!(f, "{{\"time\":\"{}\"", LocalTime::now().iso())?;
        match entry.peer {
            Some(peer) => write!(f, ",\"remote_addr\":\"{}\"", peer.ip())?,
            None => f.write_str(",\"remote_addr\":null")?,
        }
        match entry.request {
            Request::Answered(environ, reply) => answered(environ, reply, f)?,
            Request::Refused(bytes) => {
                write!(f, ",\"request\":{}", Text(first_line(bytes, MAX_REFUSED)))?;
            }
        }
        match entry.status {
            Some(status) => write!(f, ",\"status\":{}", status.as_u16())?,
            None => f.write_str(",\"status\":null")?,
        }
        write!(f, ",\"bytes\":{}", entry.bytes)?;
        if let Some(elapsed) = entry.elapsed {
            let micros = elapsed.subsec_micros();
            write!(f, ",\"duration\":{}.{micros:06}", elapsed.as_secs())?;
        }
        write!(f, ",\"pid\":{}}}", std::process::id())
    }
}

fn answered(environ: &Environ<'_>, reply: &Reply, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut maybe = |name: &str, value: Option<&[u8]>| match value {
        Some(value) => write!(f, ",\"{name}\":{}", Text(value)),
        None => Ok(()),
    };
    let user = environ.header("Authorization").and_then(basic_user);
    maybe("user", user.as_deref())?;
    maybe("method", Some(environ.method().as_str().as_bytes()))?;
    maybe("path", Some(path(environ).as_bytes()))?;
    maybe("query", Some(environ.query_string().as_bytes()))?;
    maybe("protocol", Some(protocol(environ).as_bytes()))?;
    maybe("host", environ.host().map(str::as_bytes))?;
    maybe("referer", environ.header("Referer"))?;
    maybe("user_agent", environ.header("User-Agent"))?;
    write!(f, ",\"body_bytes\":{}", reply.body_sent())
}

/// A string of JSON, RFC 8259 section 7, with its quotes. What is not UTF-8
/// shows as U+FFFD.
pub(crate) struct Text<'a>(pub(crate) &'a [u8]);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in String::from_utf8_lossy(self.0).chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                // Line ends of Unicode, too: a line is to stay one.
                c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                    write!(f, "\\u{:04x}", u32::from(c))?;
                }
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use std::time::Duration;

    #[test]
    fn texts() {
        for (bytes, shown) in [
            (&b"plain"[..], r#""plain""#),
            (b"a\"b\\c", r#""a\"b\\c""#),
            (b"a\r\nb\x00", r#""a\u000d\nb\u0000""#),
            (b"\xff", "\"\u{fffd}\""),
            ("é\u{2028}".as_bytes(), "\"é\\u2028\""),
        ] {
            assert_eq!(Text(bytes).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_request() {
        let entry = Entry {
            peer: "[::1]:5".parse().ok(),
            request: Request::Refused(b"GET \"/\r\nHost"),
            status: Some(StatusCode::BAD_REQUEST),
            bytes: 12,
            elapsed: Some(Duration::from_millis(1_500)),
        };
        let line = Json(&entry).to_string();
        let rest = format!(
            ",\"remote_addr\":\"::1\",\"request\":\"GET \\\"/\",\"status\":400,\"bytes\":12,\
             \"duration\":1.500000,\"pid\":{}}}",
            std::process::id()
        );
        assert!(line.starts_with("{\"time\":\"2"), "{line}");
        assert!(line.ends_with(&rest), "{line}");
    }
}
