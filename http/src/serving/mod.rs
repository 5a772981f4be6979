//! What the servers do with a connection: requests in, the application called,
//! answers out.

mod caller;
mod connection;
mod received;
mod settings;
mod unread;

pub(crate) use connection::serve;
pub(crate) use settings::Settings;
