//! Other shapes of applications, turned into the one that servers run.

use std::io::{self, Read};

use http::{Request, Response, StatusCode};

use super::environ::Environ;
use super::start_response::StartResponse;

/// The largest body that [`respond_with`] reads unless told otherwise.
///
/// What a form without files, or a document, takes; all of it is in memory, for
/// each request at hand.
const MAX_BODY: usize = 1024 * 1024;

/// An application out of a function from request to response, with bodies in
/// memory, in the types of the `http` crate.
///
/// A body beyond 1 MiB is answered 413, see
/// [`respond_with_limit`]. The request is that of
/// [`Environ::to_request`]. Suspends while the body arrives.
///
/// # Examples
///
/// ```
/// use http::{Request, Response};
/// use maypole_http::{pywsgi::WsgiServer, respond_with};
///
/// let application = respond_with(|request: Request<Vec<u8>>| {
///     let length = request.body().len();
///     Response::new(format!("{} sent {length} bytes\n", request.method()))
/// });
/// let server = WsgiServer::bind("127.0.0.1:0", application)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn respond_with<F, B>(
    respond: F,
) -> impl Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static
where
    F: Fn(Request<Vec<u8>>) -> Response<B> + Send + Sync + 'static,
    B: AsRef<[u8]>,
{
    respond_with_limit(MAX_BODY, respond)
}

/// As [`respond_with`], for bodies of up to `limit` bytes.
///
/// # Examples
///
/// ```
/// use http::{Request, Response};
/// use maypole_http::{pywsgi::WsgiServer, respond_with_limit};
///
/// let uploads = respond_with_limit(64 << 20, |request: Request<Vec<u8>>| {
///     Response::new(format!("{} bytes\n", request.body().len()))
/// });
/// let server = WsgiServer::bind("127.0.0.1:0", uploads)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn respond_with_limit<F, B>(
    limit: usize,
    respond: F,
) -> impl Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static
where
    F: Fn(Request<Vec<u8>>) -> Response<B> + Send + Sync + 'static,
    B: AsRef<[u8]>,
{
    move |env, start_response| {
        let request = env.to_request()?;
        let Some(body) = read_body(env, limit)? else {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return start_response.send(status, "Payload Too Large");
        };
        let (head, body) = respond(request.map(|()| body)).into_parts();
        with_headers(start_response, &head.headers).send(head.status, body)
    }
}

/// The body, unless it is larger than `limit`.
fn read_body(env: &mut Environ<'_>, limit: usize) -> io::Result<Option<Vec<u8>>> {
    // Known in advance: then the client need not send it.
    if env.content_length().is_some_and(|len| len > limit as u64) {
        return Ok(None);
    }
    let mut body = Vec::new();
    let most = (limit as u64).saturating_add(1);
    env.input().take(most).read_to_end(&mut body)?;
    Ok((body.len() <= limit).then_some(body))
}

/// An application out of a function that returns an iterator of chunks, as WSGI
/// applications do: head and chunks in a [`Response`].
///
/// Each chunk is sent as it comes, see
/// [`StartResponse::send_chunks`]. The function may read the request's body
/// before it returns; its error becomes a 500.
///
/// # Examples
///
/// ```
/// use http::Response;
/// use maypole_http::{iterable, pywsgi::WsgiServer};
///
/// let application = iterable(|env| {
///     let path = env.path_info().to_owned();
///     let chunks = (0..3).map(move |n| format!("{path} {n}\n"));
///     Ok(Response::new(chunks))
/// });
/// let server = WsgiServer::bind("127.0.0.1:0", application)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn iterable<F, I>(
    application: F,
) -> impl Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static
where
    F: Fn(&mut Environ<'_>) -> io::Result<Response<I>> + Send + Sync + 'static,
    I: IntoIterator,
    I::Item: AsRef<[u8]>,
{
    move |env, start_response| {
        let (head, chunks) = application(env)?.into_parts();
        with_headers(start_response, &head.headers).send_chunks(head.status, chunks)
    }
}

fn with_headers<'a>(
    start_response: StartResponse<'a>,
    headers: &http::HeaderMap,
) -> StartResponse<'a> {
    headers
        .iter()
        .fold(start_response, |start_response, (name, value)| {
            start_response.header(name, value)
        })
}
