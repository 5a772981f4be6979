#![doc = include_str!("front_page.md")]
#![doc = include_str!("../README.md")]

pub use maypole_runtime::{
    AsyncResult, AsyncResultError, Builder, Config, ConfigError, Elapsed, Ending, Event, Greenlet,
    GreenletError, GreenletRef, Group, Hub, Iwait, LinkId, LocalGreenlet, LocalKey, Permit,
    Semaphore, SpawnCallbackGuard, Timeout, UnhandledPanic, Unwinding, Waitable,
    add_spawn_callback, catch_panic, current, fs, greenlet_local, inspect, io, iwait,
    iwait_timeout, join_all, join_all_timeout, kill_all, kill_all_timeout, lock, net, process,
    queue, select, set_error_hook, signal, sleep, spawn, spawn_later, spawn_local, spawn_on,
    start_kill_all, take_error_hook, threadpool, try_join_all, wait, wait_timeout, with_timeout,
    yield_now,
};

/// Things that come, and that any number can wait for.
pub mod event {
    pub use maypole_runtime::{AsyncResult, AsyncResultError, Event};
}

/// Values that each greenlet has for itself.
pub mod local {
    pub use maypole_runtime::{LocalKey, greenlet_local};
}

/// Pools: a limit on how many greenlets run at once.
pub mod pool {
    pub use maypole_runtime::{Group, Imap, ImapUnordered, MemberFailed, Pool, Slot};
}

/// Servers whose handlers are plain blocking functions.
pub mod server {
    pub use maypole_server::*;
}

/// Requests and responses.
pub mod http {
    pub use maypole_http::{
        AccessLog, BodyWriter, Disconnected, Environ, FormatError, Histogram, HttpRequest,
        HttpServer, Input, LateResponse, Limits, Method, Metrics, ProtoError, Request, Response,
        ResponseError, Snapshot, StartResponse, StatusCode, TrustedProxies, Upgraded, Version,
        header, iterable, respond_with, respond_with_limit,
    };
}

#[cfg(feature = "standalone")]
pub use maypole_http::standalone;
pub use maypole_http::{pywsgi, wsgi};

/// The porting guide, whose Rust halves are tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/porting.md")]
struct Porting;
