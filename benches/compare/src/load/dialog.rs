//! What is sent, and what is to come back.

use std::net::SocketAddr;

use anyhow::{Result, ensure};

use super::response;
use crate::scenario::{FILL, MESSAGE, PATH, STREAM_PATH, Service, UPLOAD_PATH, UPLOAD_SIZE, Work};

/// One request or message, as often as it is sent.
pub(crate) struct Dialog {
    pub(crate) message: Vec<u8>,
    pub(crate) checker: Checker,
}

impl Dialog {
    pub(crate) fn new(addr: SocketAddr, service: Service, work: Work) -> Self {
        if service.is_echo() {
            return Self {
                message: MESSAGE.to_vec(),
                checker: Checker::Echo,
            };
        }
        if service == Service::Post {
            let request = format!(
                "POST {UPLOAD_PATH} HTTP/1.1\r\nHost: {addr}\r\nContent-Length: {UPLOAD_SIZE}\r\n\r\n"
            );
            return Self {
                message: [request.as_bytes(), &[FILL; UPLOAD_SIZE]].concat(),
                checker: Checker::Response { last: Vec::new() },
            };
        }
        let path = match work {
            Work::Download => STREAM_PATH,
            _ => PATH,
        };
        let close = match work {
            Work::Visits => "Connection: close\r\n",
            _ => "",
        };
        // But for that line, the same that wrk sends.
        let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n{close}\r\n");
        Self {
            message: request.into_bytes(),
            checker: Checker::Response { last: Vec::new() },
        }
    }
}

/// Recognizes correct answers.
pub(crate) enum Checker {
    /// A server sends the same bytes until its `Date` changes, so a response
    /// equal to the last one that was parsed and found correct needs no parsing.
    Response {
        last: Vec<u8>,
    },
    Echo,
}

impl Checker {
    pub(super) fn is_echo(&self) -> bool {
        matches!(self, Self::Echo)
    }

    /// The length of the answer at the front of the input, or `None` while it is
    /// incomplete.
    ///
    /// Fails when it is not the expected answer.
    pub(crate) fn front(&mut self, input: &[u8]) -> Result<Option<usize>> {
        match self {
            Self::Response { last } => response_at_front(last, input),
            Self::Echo if input.len() < MESSAGE.len() => Ok(None),
            Self::Echo => {
                ensure!(input.starts_with(&MESSAGE), "wrong echo");
                Ok(Some(MESSAGE.len()))
            }
        }
    }
}

fn response_at_front(last: &mut Vec<u8>, input: &[u8]) -> Result<Option<usize>> {
    if !last.is_empty() && input.starts_with(last) {
        return Ok(Some(last.len()));
    }
    let length = response::parse(input)?;
    if let Some(length) = length {
        last.clear();
        last.extend_from_slice(&input[..length]);
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes() {
        let mut checker = Checker::Echo;
        assert_eq!(checker.front(&MESSAGE[..63]).unwrap(), None);
        assert_eq!(checker.front(&MESSAGE.repeat(2)).unwrap(), Some(64));
        assert!(checker.front(&[b'0'; 64]).is_err());
    }
}
