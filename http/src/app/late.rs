//! Answers that are given later, from elsewhere.

use std::fmt;

use http::StatusCode;
use maypole_runtime::AsyncResult;

/// The right to answer a request, once, for whoever has it; see
/// [`StartResponse::later`](super::StartResponse::later).
///
/// It may go to another greenlet or thread, and be used after the application
/// has returned. Dropped without an answer it makes the server answer 500.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use maypole_http::{StatusCode, wsgi::WsgiServer};
///
/// WsgiServer::bind("127.0.0.1:8088", |_env, start_response| {
///     let response = start_response.later();
///     drop(maypole_runtime::spawn_later(Duration::from_secs(1), move || {
///         response
///             .header("Content-Type", "text/plain")
///             .send(StatusCode::OK, "sorry for the delay\n");
///     }));
///     Ok(())
/// })?
/// .serve_forever()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "dropped without an answer it becomes a 500"]
pub struct LateResponse {
    lines: Vec<(String, Vec<u8>)>,
    answer: AsyncResult<Answer>,
}

/// A complete answer, as its author gave it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) lines: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl LateResponse {
    pub(super) fn new(answer: AsyncResult<Answer>) -> Self {
        Self {
            lines: Vec::new(),
            answer,
        }
    }

    /// Adds a header line; see
    /// [`StartResponse::header`](super::StartResponse::header).
    ///
    /// See the example of [`LateResponse`].
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.add_header(name.into(), value.into());
        self
    }

    pub(crate) fn add_header(&mut self, name: String, value: Vec<u8>) {
        self.lines.push((name, value));
    }

    /// Answers. Never suspends: the greenlet of the connection sends it.
    ///
    /// A header line or a status that cannot be sent becomes a 500, and is
    /// logged. When the client has gone, nothing happens.
    ///
    /// See the example of [`LateResponse`].
    pub fn send(mut self, status: StatusCode, body: impl Into<Vec<u8>>) {
        let answer = Answer {
            status,
            lines: std::mem::take(&mut self.lines),
            body: body.into(),
        };
        // Set by nobody else: this is used up.
        let _ = self.answer.set(answer);
    }
}

impl Drop for LateResponse {
    fn drop(&mut self) {
        // Does nothing once it was answered.
        self.answer.set_error("dropped");
    }
}

impl fmt::Debug for LateResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateResponse").finish_non_exhaustive()
    }
}
