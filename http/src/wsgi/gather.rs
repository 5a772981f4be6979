//! Requests become whole before the application is called.

use std::io;

use http::StatusCode;
use maypole_runtime::Pool;

use crate::app::{Environ, StartResponse};

/// What a client that finds the pool full is told to wait, in seconds. Who
/// comes back at once makes it worse; longer than this, a burst is over.
const RETRY_AFTER: &str = "1";

/// What stands between a connection and an application.
#[derive(Debug)]
pub(super) struct Gather {
    pub(super) max_body: usize,
    pub(super) pool: Option<Pool>,
}

impl Gather {
    /// An application before which this stands.
    pub(super) fn before<F>(
        self,
        application: F,
    ) -> impl Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        move |env: &mut Environ<'_>, start_response: StartResponse<'_>| {
            self.call(env, start_response, &application)
        }
    }

    /// Calls the application with a request that is whole, if there is room for
    /// it.
    fn call<F>(
        &self,
        env: &mut Environ<'_>,
        mut start_response: StartResponse<'_>,
        application: &F,
    ) -> io::Result<()>
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()>,
    {
        // Known in advance: then the client need not send it.
        let announced = env.content_length().unwrap_or(0);
        let is_too_large = announced > self.max_body as u64;
        if is_too_large || !env.input().gather(announced, self.max_body)? {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return refuse(start_response, status, "Payload Too Large");
        }
        // Not earlier: a client that takes its time takes nobody's place.
        if let Some(pool) = &self.pool {
            let Some(slot) = pool.try_acquire() else {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let start_response = start_response.header("Retry-After", RETRY_AFTER);
                return refuse(start_response, status, "Service Temporarily Unavailable");
            };
            start_response.hold(slot);
        }
        application(env, start_response)
    }
}

fn refuse(start_response: StartResponse<'_>, status: StatusCode, text: &str) -> io::Result<()> {
    start_response
        .header("Connection", "close")
        .header("Content-Type", "text/plain")
        .send(status, text)
}
