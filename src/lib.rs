#![doc = include_str!("../README.md")]

pub use maypole_runtime::{
    Builder, Elapsed, Event, Greenlet, GreenletError, GreenletRef, Group, Hub, LocalGreenlet,
    Permit, Semaphore, Timeout, Unwinding, catch_panic, current, net, sleep, spawn, spawn_local,
    spawn_on, with_timeout, yield_now,
};

/// Pools: a limit on how many greenlets run at once.
pub mod pool {
    pub use maypole_runtime::{Group, Pool, Slot};
}

/// Servers whose handlers are plain blocking functions.
pub mod server {
    pub use maypole_server::*;
}

/// Requests and responses.
pub mod http {
    pub use maypole_http::{
        BodyWriter, Environ, Input, Limits, Method, ProtoError, ResponseError, StartResponse,
        StatusCode, Version, header,
    };
}

pub use maypole_http::pywsgi;
