//! How the body of a request ends, RFC 9112 section 6.

use http::Version;

use super::chunked::{Decoder, Trailers};
use super::error::ProtoError;
use super::grammar;
use super::head::HeaderLine;
use super::limits::Limits;

/// How the body of a request ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BodyFraming {
    /// There is no body: neither `Content-Length` nor `Transfer-Encoding` was sent.
    None,
    /// The body has this many bytes.
    Length(u64),
    /// The body comes in chunks.
    Chunked,
}

/// The header lines that decide the framing.
#[derive(Debug, Default)]
pub(super) struct FramingFields<'a> {
    content_length: Option<u64>,
    transfer_encoding: Option<&'a [u8]>,
    repeated_encoding: bool,
}

impl<'a> FramingFields<'a> {
    /// Takes note of a `Content-Length` line.
    pub(super) fn content_length(&mut self, value: &[u8]) -> Result<(), ProtoError> {
        let length = grammar::decimal(value).ok_or(ProtoError::ContentLength)?;
        match self.content_length.replace(length) {
            None => Ok(()),
            Some(_) => Err(ProtoError::DuplicateContentLength),
        }
    }

    /// Takes note of a `Transfer-Encoding` line.
    pub(super) fn transfer_encoding(&mut self, value: &'a [u8]) {
        self.repeated_encoding |= self.transfer_encoding.replace(value).is_some();
    }

    /// Decides by the rules of section 6.3, refusing wherever they leave room.
    pub(super) fn decide(
        &self,
        version: Version,
        headers: &[HeaderLine<'_>],
    ) -> Result<BodyFraming, ProtoError> {
        match (self.transfer_encoding, self.content_length) {
            (None, None) => Ok(BodyFraming::None),
            (None, Some(length)) => Ok(BodyFraming::Length(length)),
            (Some(_), _) if version == Version::HTTP_10 => Err(ProtoError::EncodingInHttp10),
            (Some(_), Some(_)) => Err(ProtoError::LengthAndEncoding),
            (Some(value), None)
                if !self.repeated_encoding && value.eq_ignore_ascii_case(b"chunked") =>
            {
                Ok(BodyFraming::Chunked)
            }
            (Some(_), None) => Err(diagnose_encoding(headers)),
        }
    }
}

/// Names the fault in `Transfer-Encoding` lines that are not one single `chunked`. Several lines
/// are one list, RFC 9110 section 5.3.
#[cold]
fn diagnose_encoding(headers: &[HeaderLine<'_>]) -> ProtoError {
    let codings = headers
        .iter()
        .filter(|line| line.name.eq_ignore_ascii_case("transfer-encoding"))
        .flat_map(|line| grammar::elements(line.value));
    let mut chunked = false;
    let mut unknown = false;
    for coding in codings {
        let name = coding
            .split(|&byte| byte == b';')
            .next()
            .unwrap_or_default();
        let name = grammar::trim(name);
        if !grammar::is_token(name) {
            return ProtoError::TransferEncoding;
        }
        if chunked {
            return ProtoError::ChunkedNotFinal;
        }
        if !name.eq_ignore_ascii_case(b"chunked") {
            unknown = true;
        } else if name.len() == coding.len() {
            chunked = true;
        } else {
            return ProtoError::TransferEncoding;
        }
    }
    if unknown {
        ProtoError::UnknownCoding
    } else {
        ProtoError::TransferEncoding
    }
}

/// What a decoder found at the front of the input.
///
/// Both parts count as consumed: the next call gets the bytes behind them. Nothing found and not
/// done means that more input is needed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Step {
    /// Bytes of framing, to be thrown away.
    pub(crate) skip: usize,
    /// Bytes of content that follow them, to be lent out.
    pub(crate) data: usize,
    /// The body is complete; no byte behind this step belongs to it.
    pub(crate) done: bool,
}

/// Walks over the body of a request in the input buffer, without copying it.
#[derive(Debug)]
pub(crate) enum BodyDecoder {
    /// So many bytes are left.
    Length(u64),
    /// Chunks.
    Chunked(Decoder),
}

impl BodyDecoder {
    /// Starts at the first byte behind the head.
    pub(crate) fn new(framing: BodyFraming) -> Self {
        match framing {
            BodyFraming::None => Self::Length(0),
            BodyFraming::Length(length) => Self::Length(length),
            BodyFraming::Chunked => Self::Chunked(Decoder::default()),
        }
    }

    /// Looks at the front of the input that no earlier step consumed.
    ///
    /// # Errors
    ///
    /// Those of [`Decoder::decode`].
    pub(crate) fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<Step, ProtoError> {
        match self {
            Self::Length(left) => {
                let data = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= data as u64;
                Ok(Step {
                    skip: 0,
                    data,
                    done: *left == 0,
                })
            }
            Self::Chunked(decoder) => decoder.decode(input, limits),
        }
    }

    /// The trailers of a chunked body, once it is done.
    pub(crate) fn trailers(&self) -> Option<&Trailers> {
        match self {
            Self::Length(_) => None,
            Self::Chunked(decoder) => Some(decoder.trailers()),
        }
    }

    /// Says whether the last step was the end of the body.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(decoder) => decoder.is_done(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        for (lines, expected) in [
            (&["chunked, chunked"][..], ProtoError::ChunkedNotFinal),
            (&["chunked", "chunked"], ProtoError::ChunkedNotFinal),
            (&["chunked", "gzip"], ProtoError::ChunkedNotFinal),
            (&["chunked, identity"], ProtoError::ChunkedNotFinal),
            (&["gzip, chunked"], ProtoError::UnknownCoding),
            (&["gzip", "chunked"], ProtoError::UnknownCoding),
            (&["gzip"], ProtoError::UnknownCoding),
            (&["gzip;a=b, chunked"], ProtoError::UnknownCoding),
            (&["identity"], ProtoError::UnknownCoding),
            (&["xchunked"], ProtoError::UnknownCoding),
            (&["chunkedx"], ProtoError::UnknownCoding),
            (&["chunked;a=b"], ProtoError::TransferEncoding),
            (&["chunked;"], ProtoError::TransferEncoding),
            (&[",chunked"], ProtoError::TransferEncoding),
            (&["chunked,"], ProtoError::TransferEncoding),
            (&[""], ProtoError::TransferEncoding),
            (&["", "chunked"], ProtoError::TransferEncoding),
            (&["chun ked"], ProtoError::TransferEncoding),
            (&["\"chunked\""], ProtoError::TransferEncoding),
            (&["chunked\u{a0}"], ProtoError::TransferEncoding),
        ] {
            let mut fields = FramingFields::default();
            let headers: Vec<_> = lines
                .iter()
                .map(|value| HeaderLine {
                    name: "Transfer-Encoding",
                    value: value.as_bytes(),
                })
                .collect();
            for line in &headers {
                fields.transfer_encoding(line.value);
            }
            assert_eq!(
                fields.decide(Version::HTTP_11, &headers),
                Err(expected),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn counts_a_length_down() {
        let mut decoder = BodyDecoder::new(BodyFraming::Length(5));
        let step = |data, done| {
            Ok(Step {
                skip: 0,
                data,
                done,
            })
        };
        assert_eq!(decoder.decode(b"ab", &Limits::DEFAULT), step(2, false));
        assert_eq!(decoder.decode(b"", &Limits::DEFAULT), step(0, false));
        assert!(!decoder.is_done());
        assert_eq!(decoder.decode(b"cdeGET /", &Limits::DEFAULT), step(3, true));
        assert_eq!(decoder.decode(b"GET /", &Limits::DEFAULT), step(0, true));
        assert!(decoder.is_done());
    }

    #[test]
    fn no_body_is_done_at_once() {
        let mut decoder = BodyDecoder::new(BodyFraming::None);
        assert!(decoder.is_done());
        let done = Step {
            skip: 0,
            data: 0,
            done: true,
        };
        assert_eq!(decoder.decode(b"GET /", &Limits::DEFAULT), Ok(done));
        let mut huge = BodyDecoder::new(BodyFraming::Length(u64::MAX));
        assert_eq!(
            huge.decode(b"ab", &Limits::DEFAULT).map(|step| step.data),
            Ok(2)
        );
    }
}
