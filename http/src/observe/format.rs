//! The format of an access log, in gunicorn's atoms.

use std::{error, fmt, io};

/// Why a format is none.
///
/// # Examples
///
/// ```
/// use maypole_http::AccessLog;
///
/// assert!(AccessLog::new("%(s)s").is_ok());
/// assert!(AccessLog::new("%(status)s").is_err()); // no such atom
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FormatError {
    text: Box<str>,
}

impl FormatError {
    fn at(rest: &str) -> Self {
        // The atom, not the rest of the format.
        let end = rest.find(|c: char| c.is_whitespace() || c == '"');
        Self {
            text: rest[..end.unwrap_or(rest.len())].into(),
        }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no atom of an access log: {}", self.text)
    }
}

impl error::Error for FormatError {}

impl From<FormatError> for io::Error {
    fn from(error: FormatError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

/// One part of a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Piece {
    Text(Box<str>),
    Atom(Atom),
}

/// What is filled in for each request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Atom {
    Client,
    Nobody,
    User,
    ApacheTime,
    PlainTime,
    RequestLine,
    Method,
    Path,
    Query,
    Protocol,
    Status,
    BodyBytes,
    BodyBytesOrDash,
    Bytes,
    Referer,
    Agent,
    Seconds,
    Millis,
    Micros,
    DecimalSeconds,
    Process,
    RequestHeader(Box<str>),
    ResponseHeader(Box<str>),
    Var(Box<str>),
}

impl Atom {
    fn named(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix('{') {
            let (name, kind) = rest.split_once('}')?;
            return Some(match kind {
                "i" => Self::RequestHeader(name.into()),
                "o" => Self::ResponseHeader(name.into()),
                "e" => Self::Var(name.into()),
                _ => return None,
            });
        }
        Some(match name {
            "h" => Self::Client,
            "l" => Self::Nobody,
            "u" => Self::User,
            "t" => Self::ApacheTime,
            "time" => Self::PlainTime,
            "r" => Self::RequestLine,
            "m" => Self::Method,
            "U" => Self::Path,
            "q" => Self::Query,
            "H" => Self::Protocol,
            "s" => Self::Status,
            "B" => Self::BodyBytes,
            "b" => Self::BodyBytesOrDash,
            "bytes" => Self::Bytes,
            "f" => Self::Referer,
            "a" => Self::Agent,
            "T" => Self::Seconds,
            "M" => Self::Millis,
            "D" => Self::Micros,
            "L" => Self::DecimalSeconds,
            "p" => Self::Process,
            _ => return None,
        })
    }

    /// Whether it takes a clock to fill it in.
    pub(super) fn is_duration(&self) -> bool {
        matches!(
            self,
            Self::Seconds | Self::Millis | Self::Micros | Self::DecimalSeconds
        )
    }
}

/// Takes a format apart.
pub(super) fn parse(format: &str) -> Result<Box<[Piece]>, FormatError> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = format;
    while let Some((before, from)) = rest.find('%').map(|at| rest.split_at(at)) {
        text.push_str(before);
        if let Some(after) = from.strip_prefix("%%") {
            text.push('%');
            rest = after;
            continue;
        }
        let atom = from.strip_prefix("%(").and_then(|inner| {
            let (name, after) = inner.split_once(')')?;
            // Python's conversions; what is shown is the same.
            let after = after.strip_prefix(['s', 'd'])?;
            Some((Atom::named(name)?, after))
        });
        let Some((atom, after)) = atom else {
            return Err(FormatError::at(from));
        };
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text).into()));
        }
        pieces.push(Piece::Atom(atom));
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into()));
    }
    Ok(pieces.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    #[test]
    fn formats() {
        for (format, pieces) in [
            ("", vec![]),
            ("plain", vec![text("plain")]),
            ("100%%", vec![text("100%")]),
            ("%(h)s", vec![Piece::Atom(Atom::Client)]),
            (
                "a %(s)s%(D)d %% b",
                vec![
                    text("a "),
                    Piece::Atom(Atom::Status),
                    Piece::Atom(Atom::Micros),
                    text(" % b"),
                ],
            ),
            (
                "%({X-Id}i)s %({Server}o)s %({REMOTE_PORT}e)s",
                vec![
                    Piece::Atom(Atom::RequestHeader("X-Id".into())),
                    text(" "),
                    Piece::Atom(Atom::ResponseHeader("Server".into())),
                    text(" "),
                    Piece::Atom(Atom::Var("REMOTE_PORT".into())),
                ],
            ),
        ] {
            assert_eq!(parse(format).unwrap().into_vec(), pieces, "{format:?}");
        }
    }

    #[test]
    fn faults_name_what_is_wrong() {
        for (format, shown) in [
            ("%", "%"),
            ("%h x", "%h"),
            ("a %(zz)s b", "%(zz)s"),
            ("\"%(h\" %(s)s", "%(h"),
            ("%(h)", "%(h)"),
            ("%(h)x", "%(h)x"),
            ("%({a}x)s", "%({a}x)s"),
            ("%({a)s", "%({a)s"),
        ] {
            let error = parse(format).unwrap_err();
            assert_eq!(&*error.text, shown, "{format:?}");
            assert!(error.to_string().contains(shown));
        }
    }
}
