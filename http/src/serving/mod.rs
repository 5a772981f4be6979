//! What the servers do with a connection: requests in, the application called,
//! answers out.

mod caller;
mod connection;
mod received;
mod settings;
mod unread;

#[cfg(feature = "minihttp")]
pub(crate) use caller::Caller;
pub(crate) use connection::serve;
pub(crate) use settings::Settings;
