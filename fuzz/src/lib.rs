//! What the fuzz targets have in common: hyper's view of the same bytes.
//!
//! hyper finds the words of a head by httparse, as we do, but decides about
//! framing, decodes chunks and keeps connections in code of its own. It is the
//! more lenient one. So whatever we accept it must accept, and see the same
//! request; and where it accepts what we refuse, the reason must be on the list
//! in [`is_known`].

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use hyper::{Request, Response};
use maypole_http::ProtoError;
use maypole_http::fuzzing;

/// A request as both sides can be asked about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    pub method: String,
    pub target: String,
    /// `None` when it is broken or incomplete.
    pub body: Option<Vec<u8>>,
}

/// What we make of the bytes of a connection.
#[derive(Debug)]
pub struct Ours {
    pub seen: Vec<Seen>,
    /// Why it ended, if that was an error.
    pub refused: Option<ProtoError>,
    /// Bytes that were not looked at: behind the last request, or of another
    /// protocol.
    pub ended: bool,
}

/// Reads requests one after the other, in pieces of `step` bytes.
pub fn ours(mut bytes: &[u8], step: usize) -> Ours {
    let mut ours = Ours {
        seen: Vec::new(),
        refused: None,
        ended: false,
    };
    while !bytes.is_empty() {
        let head = match fuzzing::head(bytes, step) {
            Ok(Some(head)) => head,
            Ok(None) => return ours,
            Err(error) => {
                ours.refused = Some(error);
                return ours;
            }
        };
        let body = fuzzing::body(head.framing, &bytes[head.len..], step);
        let (data, len) = match body {
            Ok(body) if body.done => (Some(body.data), body.len),
            Ok(_) => (None, 0),
            Err(error) => {
                ours.refused = Some(error);
                (None, 0)
            }
        };
        let whole = data.is_some();
        ours.seen.push(Seen {
            method: head.method,
            target: head.target,
            body: data,
        });
        if !whole {
            return ours;
        }
        bytes = &bytes[head.len + len..];
        if !head.keep_alive {
            ours.ended = true;
            return ours;
        }
    }
    ours
}

/// What hyper makes of them.
pub fn theirs(bytes: &[u8]) -> Vec<Seen> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let writes = seen.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let writes = writes.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.ok();
            writes.lock().unwrap().push(Seen {
                method: head.method.to_string(),
                target: head.uri.to_string(),
                body: body.map(|body| body.to_bytes().to_vec()),
            });
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let mut connection = Box::pin(
        hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .max_headers(100)
            .serve_connection(Bytes0(bytes.to_vec(), 0), service),
    );
    let waker = std::task::Waker::noop();
    let mut context = Context::from_waker(waker);
    // Nothing in it waits for anything but itself.
    for _ in 0..10_000 {
        if connection.as_mut().poll(&mut context).is_ready() {
            break;
        }
    }
    let seen = seen.lock().unwrap();
    seen.clone()
}

/// Bytes to be read, and a sink.
struct Bytes0(Vec<u8>, usize);

impl Read for Bytes0 {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let n = buf.remaining().min(self.0.len() - self.1);
        buf.put_slice(&self.0[self.1..self.1 + n]);
        self.1 += n;
        Poll::Ready(Ok(()))
    }
}

impl Write for Bytes0 {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Where hyper is known to accept what we refuse, and by which rule we do.
pub fn is_known(error: ProtoError) -> bool {
    use ProtoError as E;
    match error {
        // httparse takes them for line ends. RFC 9112 section 2.2 lets us refuse.
        E::BareLf | E::BareCr | E::EmptyLines => true,
        // hyper leaves hosts and targets to the application. Section 3.2.
        E::Target | E::MissingHost | E::DuplicateHost | E::Host => true,
        // hyper takes lists of equal lengths, and a repeated line. Section 6.3.
        E::ContentLength | E::DuplicateContentLength => true,
        // hyper lets the coding win and drops the length. Section 6.1.
        E::LengthAndEncoding => true,
        // hyper takes whatever ends in `chunked`, and decodes that only.
        E::UnknownCoding | E::TransferEncoding | E::ChunkedNotFinal => true,
        // hyper ignores other expectations. RFC 9110 section 10.1.1.
        E::Expectation => true,
        // hyper skips extensions, and trailers, with less of a look at them.
        E::ChunkExtension | E::ChunkExtensionTooLong | E::ChunkSize => true,
        E::Folded | E::SpaceInName | E::MissingColon | E::FieldName | E::FieldValue => true,
        E::TrailerLineTooLong | E::TooManyTrailers => true,
        // hyper bounds the head as a whole.
        E::RequestLineTooLong | E::HeaderLineTooLong | E::TooManyHeaders | E::HeadTooLarge => true,
        _ => false,
    }
}

/// Compares both views.
///
/// # Panics
///
/// Where they differ for no known reason.
pub fn compare(bytes: &[u8]) {
    let ours = ours(bytes, usize::MAX);
    let theirs = theirs(bytes);
    for (at, own) in ours.seen.iter().enumerate() {
        let Some(other) = theirs.get(at) else {
            // A body that is broken or not complete ends it for both.
            assert!(
                own.body.is_none() || is_lost_on_hyper(own),
                "hyper lost {own:?}\n{theirs:?}"
            );
            return;
        };
        if is_lost_on_hyper(own) {
            return;
        }
        assert_eq!(own.method, other.method);
        if own.body.is_none() {
            let known = ours.refused.is_none_or(is_known);
            assert!(
                other.body.is_none() || known,
                "{own:?} {other:?} {:?}",
                ours.refused
            );
            return;
        }
        assert_eq!(own.body, other.body, "bodies of {}", own.target);
    }
    if theirs.len() > ours.seen.len() && !ours.ended {
        let error = ours.refused;
        assert!(
            error.is_some_and(is_known),
            "only hyper takes {:?}: {error:?}",
            theirs.last()
        );
    }
}

/// What hyper handles as something else: it leaves HTTP after CONNECT, and its
/// URIs are narrower than a request target.
fn is_lost_on_hyper(seen: &Seen) -> bool {
    seen.method == "CONNECT" || seen.target.parse::<hyper::Uri>().is_err()
}
