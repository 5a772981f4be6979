//! The access log: a line for each request.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::app::{Environ, Reply};

use super::format::{self, FormatError, Piece};
use super::json::Json;
use super::line::Line;

/// Where access lines go: `log`'s target, at level info.
pub(crate) const TARGET: &str = "maypole::access";

/// The access log of a server: one line for each answer, through the `log`
/// crate, with target `maypole::access` and level info.
///
/// A line is written when the answer is complete. A request that breaks HTTP's
/// rules is logged with the status it has earned; its duration is `-`. What a
/// client sent is escaped, so that it cannot forge a line.
///
/// A server logs in gevent's format unless it is told otherwise. While the
/// logger does not want that target or level, nothing is formatted and no clock
/// is read. Times are local, as gevent's and gunicorn's are; the zone is that of
/// the `TZ` variable, else of the machine, as it is when the first log is made.
///
/// # Format
///
/// gunicorn's: text with atoms, `%%` for a percent sign.
///
/// | Atom | |
/// |---|---|
/// | `%(h)s` | the client's address, without port; `-` if it has none |
/// | `%(l)s` | `-` |
/// | `%(u)s` | user name of basic authentication, or `-` |
/// | `%(t)s` | time as `[22/Nov/2026:05:59:40 +0100]` |
/// | `%(time)s` | time as `2026-11-22 05:59:40`; not in gunicorn |
/// | `%(r)s` | request line |
/// | `%(m)s`, `%(U)s`, `%(q)s`, `%(H)s` | method; path and query, as sent; protocol |
/// | `%(s)s` | status |
/// | `%(B)s`, `%(b)s` | bytes of the body; the latter `-` for none |
/// | `%(bytes)s` | bytes sent, head and framing included; not in gunicorn |
/// | `%(f)s`, `%(a)s` | `Referer` and `User-Agent` |
/// | `%(T)s`, `%(M)s`, `%(D)s` | duration in whole seconds, milliseconds, microseconds |
/// | `%(L)s` | duration in seconds with six decimals |
/// | `%(p)s` | process, as `<42>` |
/// | `%({name}i)s`, `%({name}o)s` | header of the request, of the response |
/// | `%({name}e)s` | what [`Environ::var`] finds |
///
/// What is missing shows as `-`. An unknown atom is an error, where gunicorn
/// shows `-`: a typing error should be found when a server starts.
///
/// # Examples
///
/// ```
/// use maypole_http::{AccessLog, StatusCode, pywsgi::WsgiServer};
///
/// let format = AccessLog::new(r#"%(h)s "%(r)s" %(s)s %(D)sus %({X-Request-Id}i)s"#)?;
/// let server = WsgiServer::builder()
///     .access_log(format)
///     .bind("127.0.0.1:0", |_env, start_response| {
///         start_response.send(StatusCode::OK, "logged\n")
///     })?;
/// let silent = WsgiServer::builder().access_log(None);
/// # drop((server, silent));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "LoggingLogAdapter")]
#[doc(alias = "error_log")]
#[derive(Clone)]
pub struct AccessLog {
    lines: Lines,
    is_timed: bool,
}

/// What lines look like.
#[derive(Clone)]
enum Lines {
    Pieces(Arc<[Piece]>),
    Json,
}

impl AccessLog {
    /// gevent's line: `127.0.0.1 - - [2026-11-22 05:59:40] "GET / HTTP/1.1" 200
    /// 113 0.000197`.
    pub const GEVENT: &str = r#"%(h)s - - [%(time)s] "%(r)s" %(s)s %(bytes)s %(L)s"#;

    /// gunicorn's default, the "combined" format of Apache.
    pub const GUNICORN: &str = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#;

    /// A log with lines of this format.
    ///
    /// # Errors
    ///
    /// When it has an atom that is none.
    ///
    /// See the example of [`AccessLog`].
    #[doc(alias = "access_log_format")]
    pub fn new(format: &str) -> Result<Self, FormatError> {
        let pieces: Arc<[Piece]> = format::parse(format)?.into();
        let is_timed = pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Atom(atom) if atom.is_duration()));
        // Now, and not while a request waits.
        super::clock::zone();
        let lines = Lines::Pieces(pieces);
        Ok(Self { lines, is_timed })
    }

    /// A log whose lines are objects of JSON, with the keys `time` (RFC 3339),
    /// `remote_addr`, `user`, `method`, `path`, `query`, `protocol`, `host`,
    /// `referer`, `user_agent`, `body_bytes`, `status`, `bytes`, `duration` (in
    /// seconds) and `pid`. What is missing is left out, or `null`. A request
    /// that breaks HTTP's rules has its first line as `request`.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::{AccessLog, pywsgi::WsgiServer};
    ///
    /// let server = WsgiServer::builder().access_log(AccessLog::json());
    /// # drop(server);
    /// ```
    #[must_use]
    pub fn json() -> Self {
        super::clock::zone();
        Self {
            lines: Lines::Json,
            is_timed: true,
        }
    }

    /// Whether lines are wanted by anybody now.
    pub(super) fn is_enabled() -> bool {
        log::log_enabled!(target: TARGET, log::Level::Info)
    }

    /// Whether its lines have durations.
    pub(super) fn is_timed(&self) -> bool {
        self.is_timed
    }

    pub(super) fn write(&self, entry: &Entry<'_>) {
        match &self.lines {
            Lines::Pieces(pieces) => {
                log::info!(target: TARGET, "{}", Line::new(pieces, entry));
            }
            Lines::Json => log::info!(target: TARGET, "{}", Json(entry)),
        }
    }
}

impl Default for AccessLog {
    /// gevent's format.
    fn default() -> Self {
        match Self::new(Self::GEVENT) {
            Ok(log) => log,
            Err(error) => unreachable!("{error}"),
        }
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog")
            .field("is_timed", &self.is_timed)
            .finish_non_exhaustive()
    }
}

/// What a line is about.
pub(super) struct Entry<'a> {
    pub(super) peer: Option<SocketAddr>,
    pub(super) request: Request<'a>,
    pub(super) status: Option<StatusCode>,
    /// With head and framing.
    pub(super) bytes: u64,
    pub(super) elapsed: Option<Duration>,
}

/// What was asked.
pub(super) enum Request<'a> {
    /// A request, and its answer.
    Answered(&'a Environ<'a>, &'a Reply),
    /// The first bytes of something that is no request.
    Refused(&'a [u8]),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_formats() {
        assert!(AccessLog::default().is_timed());
        assert!(!AccessLog::new(AccessLog::GUNICORN).unwrap().is_timed());
        assert!(!AccessLog::new("").unwrap().is_timed());
        assert!(AccessLog::new("%(nope)s").is_err());
    }
}
