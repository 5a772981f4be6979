//! A way into the parser for `fuzz/`. Not part of the API: the feature
//! `fuzzing` has to ask for it, and it may change at any time.

use crate::proto::{BodyDecoder, BodyFraming, HeadParser, HeaderTable, Limits, ProtoError};

/// A head, without its borrows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    /// The method.
    pub method: String,
    /// The target, as sent.
    pub target: String,
    /// Names and values of the header lines.
    pub headers: Vec<(String, Vec<u8>)>,
    /// How many bytes it takes up.
    pub len: usize,
    /// How its body ends.
    pub framing: Framing,
    /// Whether another request may follow.
    pub keep_alive: bool,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length(u64),
    /// After its last chunk.
    Chunked,
}

/// Parses a head that comes in pieces of `step` bytes.
///
/// # Errors
///
/// Why it is none.
pub fn head(bytes: &[u8], step: usize) -> Result<Option<Head>, ProtoError> {
    let limits = Limits::DEFAULT;
    let mut parser = HeadParser::default();
    let mut end = 0_usize;
    loop {
        end = bytes.len().min(end.saturating_add(step.max(1)));
        let mut table = HeaderTable::new(&limits);
        if let Some(head) = parser.parse(&bytes[..end], &limits, &mut table)? {
            return Ok(Some(Head {
                method: head.method.to_string(),
                target: head.target.raw.to_owned(),
                headers: head
                    .headers
                    .iter()
                    .map(|line| (line.name.to_owned(), line.value.to_owned()))
                    .collect(),
                len: head.len,
                framing: match head.framing {
                    BodyFraming::None => Framing::None,
                    BodyFraming::Length(length) => Framing::Length(length),
                    BodyFraming::Chunked => Framing::Chunked,
                },
                keep_alive: head.keep_alive,
            }));
        }
        if end == bytes.len() {
            return Ok(None);
        }
    }
}

/// What a body came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Body {
    /// Its data.
    pub data: Vec<u8>,
    /// Its trailer lines.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// How many bytes it took up.
    pub len: usize,
    /// Whether that is all of it.
    pub done: bool,
}

/// Decodes a body that comes in pieces of `step` bytes.
///
/// # Errors
///
/// What is wrong with its framing.
pub fn body(framing: Framing, bytes: &[u8], step: usize) -> Result<Body, ProtoError> {
    let limits = Limits::DEFAULT;
    let mut decoder = BodyDecoder::new(match framing {
        Framing::None => BodyFraming::None,
        Framing::Length(length) => BodyFraming::Length(length),
        Framing::Chunked => BodyFraming::Chunked,
    });
    let mut body = Body::default();
    let mut end = 0_usize;
    while !decoder.is_done() {
        let found = decoder.decode(&bytes[body.len..end], &limits)?;
        body.len += found.skip;
        let data = &bytes[body.len..body.len + found.data];
        body.data.extend_from_slice(data);
        body.len += found.data;
        if found.skip == 0 && found.data == 0 && !found.done {
            if end == bytes.len() {
                return Ok(body);
            }
            end = bytes.len().min(end.saturating_add(step.max(1)));
        }
    }
    body.done = true;
    if let Some(trailers) = decoder.trailers() {
        body.trailers = trailers
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
    }
    Ok(body)
}
