//! Reads chunks.

use super::Trailers;
use crate::proto::error::ProtoError;
use crate::proto::framing::Step;
use crate::proto::grammar::is_value_byte;
use crate::proto::limits::Limits;

/// Sixteen digits hold 64 bits, so a size never overflows. More are refused even if they are zeros.
const SIZE_DIGITS: usize = 16;

/// Walks over a chunked body in the input buffer, wherever the input is cut.
///
/// Stricter than section 7.1 in one point: no white space around a chunk size. Extensions are
/// dropped. Trailers are kept, see [`Trailers`].
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    state: State,
    /// The size of the current chunk, then what is left of it.
    size: u64,
    /// The digits of the current size, then the bytes of its extensions.
    count: usize,
    trailers: Trailers,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    TrailerLf,
    Done,
    Failed(ProtoError),
}

impl Decoder {
    /// Looks at the front of the input that no earlier step consumed. After the end of the body it
    /// consumes nothing.
    ///
    /// # Errors
    ///
    /// The refusals of [`ProtoError`] that concern chunks and trailers. They stick: each later call
    /// fails in the same way.
    pub(crate) fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<Step, ProtoError> {
        let mut skip = 0;
        loop {
            let rest = input.get(skip..).unwrap_or_default();
            let mut step = Step {
                skip,
                data: 0,
                done: false,
            };
            match (self.state, rest) {
                (State::Done, _) => {
                    step.done = true;
                    return Ok(step);
                }
                (State::Failed(error), _) => return Err(error),
                (_, []) => return Ok(step),
                (State::Data, _) => {
                    step.data =
                        usize::try_from(self.size).map_or(rest.len(), |size| size.min(rest.len()));
                    self.size -= step.data as u64;
                    if self.size == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok(step);
                }
                (_, [byte, ..]) => {
                    self.state = match self.framing(*byte, limits) {
                        Ok(state) => state,
                        Err(error) => State::Failed(error),
                    };
                    skip += 1;
                }
            }
        }
    }

    /// Says whether the end of the body was consumed.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Returns the trailers so far: all of them once the body is done.
    pub(crate) fn trailers(&self) -> &Trailers {
        &self.trailers
    }

    fn framing(&mut self, byte: u8, limits: &Limits) -> Result<State, ProtoError> {
        match self.state {
            State::Size => self.size(byte),
            State::Extension => {
                if byte == b'\r' {
                    return Ok(State::SizeLf);
                }
                if !is_value_byte(byte) {
                    return Err(match byte {
                        b'\n' => ProtoError::BareLf,
                        _ => ProtoError::ChunkExtension,
                    });
                }
                self.count += 1;
                if self.count > limits.chunk_extension {
                    return Err(ProtoError::ChunkExtensionTooLong);
                }
                Ok(State::Extension)
            }
            State::SizeLf => {
                self.count = 0;
                match (byte, self.size) {
                    (b'\n', 0) => Ok(State::Trailer),
                    (b'\n', _) => Ok(State::Data),
                    _ => Err(ProtoError::BareCr),
                }
            }
            State::DataCr if byte == b'\r' => Ok(State::DataLf),
            State::DataLf if byte == b'\n' => Ok(State::Size),
            State::DataCr | State::DataLf => Err(ProtoError::ChunkEnd),
            State::Trailer => match byte {
                b'\r' => Ok(State::TrailerLf),
                b'\n' => Err(ProtoError::BareLf),
                _ => {
                    self.trailers.push(byte, limits)?;
                    Ok(State::Trailer)
                }
            },
            State::TrailerLf if byte == b'\n' => {
                if self.trailers.end_line()? {
                    Ok(State::Done)
                } else {
                    Ok(State::Trailer)
                }
            }
            State::TrailerLf => Err(ProtoError::BareCr),
            State::Data | State::Done | State::Failed(_) => Ok(self.state),
        }
    }

    fn size(&mut self, byte: u8) -> Result<State, ProtoError> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\r' | b';' if self.count > 0 => {
                self.count = 0;
                return Ok(match byte {
                    b'\r' => State::SizeLf,
                    _ => State::Extension,
                });
            }
            _ => return Err(ProtoError::ChunkSize),
        };
        if self.count == SIZE_DIGITS {
            return Err(ProtoError::ChunkSize);
        }
        self.size = if self.count == 0 { 0 } else { self.size << 4 } | u64::from(digit);
        self.count += 1;
        Ok(State::Size)
    }
}
