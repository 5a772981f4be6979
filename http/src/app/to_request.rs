//! The request in the types of the `http` crate.

use std::io;

use http::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use http::{Request, Uri};

use crate::proto::ProtoError;

use super::environ::Environ;

impl Environ<'_> {
    /// The head of this request as a request of the `http` crate, for what
    /// works with those: routers, decoders, signatures.
    ///
    /// All header lines are in it, those with credentials marked as sensitive,
    /// which keeps them out of its `Debug`. The peer's address is among its
    /// extensions, as a [`SocketAddr`](std::net::SocketAddr), if it has one.
    ///
    /// # Errors
    ///
    /// `InvalidData` for a target that the `http` crate does not take for a URI.
    /// Returned from the application it becomes a 400.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// WsgiServer::bind("127.0.0.1:8088", |env, start_response| {
    ///     let request = env.to_request()?;
    ///     let text = format!("{} {}\n", request.method(), request.uri().path());
    ///     start_response.send(StatusCode::OK, text)
    /// })?
    /// .serve_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn to_request(&self) -> io::Result<Request<()>> {
        let mut request = Request::new(());
        *request.method_mut() = self.method().clone();
        *request.version_mut() = self.version();
        *request.uri_mut() =
            Uri::try_from(self.target()).map_err(|_| io::Error::from(ProtoError::Target))?;
        if let Some(peer) = self.peer_addr() {
            request.extensions_mut().insert(peer);
        }
        let headers = request.headers_mut();
        for (name, value) in self.headers() {
            // Checked already, and by the same rules.
            let (Ok(name), Ok(mut value)) = (
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_bytes(value),
            ) else {
                return Err(ProtoError::FieldName.into());
            };
            value.set_sensitive([AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(&name));
            headers
                .try_append(name, value)
                .map_err(|_| io::Error::from(ProtoError::TooManyHeaders))?;
        }
        Ok(request)
    }
}
