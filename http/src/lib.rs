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
//! [`pywsgi`] is the streaming server: request and response bodies are read and
//! written while they travel. The application gets an [`Environ`], the request,
//! and a [`StartResponse`], the right to answer it once. Applications of other
//! shapes are adapted: [`respond_with`], [`iterable`]. [`AccessLog`] and
//! [`Metrics`] tell what a server does.

// Libraries log, they do not print. Examples may.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod app;
mod buffers;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod observe;
mod proto;
pub mod pywsgi;
mod serving;

pub use app::{
    BodyWriter, Disconnected, Environ, Input, StartResponse, TrustedProxies, Upgraded, iterable,
    respond_with, respond_with_limit,
};
pub use http::{Method, Request, Response, StatusCode, Version, header};
pub use observe::{AccessLog, FormatError, Histogram, Metrics, Snapshot};
pub use proto::{Limits, ProtoError, ResponseError};
