//! HTTP/1.1 servers whose applications are plain blocking functions, in the
//! shape of WSGI.
//!
//! ```
//! use maypole_http::{StatusCode, pywsgi::WsgiServer};
//!
//! let server = WsgiServer::bind("127.0.0.1:0", |env, start_response| match env.path_info() {
//!     "/" => start_response
//!         .header("Content-Type", "text/html")
//!         .send(StatusCode::OK, b"<b>hello world</b>"),
//!     _ => start_response.send(StatusCode::NOT_FOUND, b"<h1>Not Found</h1>"),
//! })?;
//! server.start()?;
//! # use std::io::{Read, Write};
//! # let mut client = std::net::TcpStream::connect(server.local_addr())?;
//! # client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
//! # let mut answer = String::new();
//! # client.read_to_string(&mut answer)?;
//! # assert!(answer.ends_with("<b>hello world</b>"), "{answer}");
//! # server.stop(std::time::Duration::from_secs(1));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The application gets an [`Environ`], the request, and a [`StartResponse`], the
//! right to answer it once. Applications of other shapes are adapted:
//! [`respond_with`], [`iterable`]; [`HttpServer`] has handlers in the manner of
//! the old `gevent.http`. [`AccessLog`] and [`Metrics`] tell what a server does.
//!
//! # Buffered or streaming
//!
//! There are two servers, and the same application runs on both. Take [`pywsgi`]
//! unless you know that [`wsgi`] suits you.
//!
//! | | [`pywsgi`], streaming | [`wsgi`], buffered |
//! |---|---|---|
//! | body of a request | read while it arrives | in memory before the application is called |
//! | its largest size | as the application likes | 1 MiB unless set; beyond it 413 |
//! | memory for a request | a few buffers | both bodies, whole |
//! | slow clients | hold the application up | are waited for outside of it |
//! | response | as it is written, in chunks or with its length | whole, with its length |
//! | flush, trailers, upgrades | yes | an error that names pywsgi |
//! | connections | kept | closed after each answer, unless `keep_alive(true)` |
//! | when the pool is full | clients wait | 503 at once |
//! | TLS | yes, feature `tls` | no: a proxy's business |
//! | `Server` line | if set | by default |
//! | strictness, time-outs, access log, metrics | the same | the same |
//! | CPU of a GET, of a POST of 10 KiB, in proportion | 1, 1 | 1.01, 1.00, connections kept |
//! | memory of an idle connection on `may`; of one that holds a body of 1 MiB | 13.6 KB; – | 13.6 KB; 1.12 MB |
//!
//! The figures are of one machine, `benches/compare --quick`; the last one of an
//! earlier version.
//!
//! The feature `minihttp` adds `wsgi::minihttp`, a third one for trusted clients
//! only. The feature `standalone` adds `standalone`, which makes a program of its
//! own of either server, with workers, settings and logs.

// Libraries log, they do not print. Examples may.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod app;
mod buffers;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod life;
mod observe;
mod proto;
pub mod pywsgi;
mod serving;
#[cfg(feature = "standalone")]
pub mod standalone;
pub mod wsgi;

pub use app::{
    BodyWriter, Disconnected, Environ, Input, LateResponse, StartResponse, TrustedProxies,
    Upgraded, iterable, respond_with, respond_with_limit,
};
pub use http::{Method, Request, Response, StatusCode, Version, header};
pub use observe::{AccessLog, FormatError, Histogram, Metrics, Snapshot};
pub use proto::{Limits, ProtoError, ResponseError};
pub use wsgi::{HttpRequest, HttpServer};

/// The README, whose example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
