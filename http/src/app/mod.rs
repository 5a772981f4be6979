//! The application's side: what it is given, and how it answers.

use std::io;
use std::sync::Arc;

mod adapters;
mod body;
mod disconnected;
mod environ;
mod file_range;
mod forwarded;
mod input;
mod late;
mod reply;
mod server;
mod start_response;
mod to_request;
mod upgraded;
mod vars;
mod wire;

pub use adapters::{iterable, respond_with, respond_with_limit};
pub use body::BodyWriter;
pub use disconnected::Disconnected;
pub use environ::Environ;
pub use forwarded::TrustedProxies;
pub use input::Input;
pub use late::LateResponse;
pub use start_response::StartResponse;
pub use upgraded::Upgraded;

pub(crate) use forwarded::Origin;
pub(crate) use input::Arriving;
pub(crate) use reply::{MAX_STREAM_BUFFER, Reply, Verdict};
pub(crate) use server::{BaseEnviron, Server};
pub(crate) use wire::Wire;

/// How much of a body that the application did not read is read and dropped to
/// keep the connection, and of what follows a refusal so that it arrives. About
/// what a new connection would cost; beyond it, closing is cheaper.
pub(crate) const MAX_DISCARD: usize = 256 * 1024;

/// An application: called once for each request, by many greenlets at a time.
pub(crate) type Application =
    Arc<dyn Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync>;
