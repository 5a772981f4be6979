//! The chunked transfer coding, RFC 9112 section 7.1.

mod decoder;
mod encoder;
mod trailers;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::{CHUNK_END, write_chunk_head, write_last_chunk};
pub(crate) use trailers::{Trailers, is_forbidden};
