//! Messages within a body: each is its length in four bytes (little endian), then itself (postcard).

use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::settings::limits;

/// A message longer than this is not believed. Besides a statement there is little in one.
const LIMIT_BYTES: usize = limits::statement_bytes(limits::LARGEST_BODY_BYTES) + (1 << 20);
const LENGTH_BYTES: usize = 4;
const _: () = assert!(LIMIT_BYTES < u32::MAX as usize);

/// Collects messages to one node.
#[derive(Default)]
pub(crate) struct Encoder {
    buffer: Vec<u8>,
}

impl Encoder {
    /// Appends a message.
    pub(crate) fn push<M: Serialize>(&mut self, message: &M) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; LENGTH_BYTES]);
        let buffer = std::mem::take(&mut self.buffer);
        self.buffer =
            postcard::to_extend(message, buffer).expect("messages have no maps of unknown size");
        let length = self.buffer.len() - start - LENGTH_BYTES;
        assert!(
            length <= LIMIT_BYTES,
            "a message of {length} bytes is too long"
        );
        let length = u32::try_from(length).expect("within the limit");
        self.buffer[start..start + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// All messages since the last call.
    pub(crate) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.buffer).into()
    }
}

/// What came is no message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {0}")]
pub(crate) struct Malformed(String);

/// Finds the messages in what arrives.
#[derive(Default)]
pub(super) struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    /// Takes the next piece, and appends all messages that are complete to `out`.
    pub(super) fn decode<M: DeserializeOwned>(
        &mut self,
        piece: &[u8],
        out: &mut Vec<M>,
    ) -> Result<(), Malformed> {
        if self.buffer.is_empty() {
            // Mostly a piece is one or more whole messages: no need to copy it.
            let rest = decode_whole(piece, out)?;
            self.buffer.extend_from_slice(&piece[piece.len() - rest..]);
        } else {
            self.buffer.extend_from_slice(piece);
            let rest = decode_whole(&self.buffer, out)?;
            self.buffer.advance(self.buffer.len() - rest);
        }
        Ok(())
    }
}

/// Appends all whole messages of `bytes` to `out`, and says how many bytes are left.
fn decode_whole<M: DeserializeOwned>(
    mut bytes: &[u8],
    out: &mut Vec<M>,
) -> Result<usize, Malformed> {
    while let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() {
        let length = u32::from_le_bytes(*length) as usize;
        if length > LIMIT_BYTES {
            return Err(Malformed(format!("it claims to be {length} bytes long")));
        }
        let Some((message, rest)) = rest.split_at_checked(length) else {
            break;
        };
        out.push(postcard::from_bytes(message).map_err(|error| Malformed(error.to_string()))?);
        bytes = rest;
    }
    Ok(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_any_cut() {
        let messages = [String::from("first"), String::new(), "third".repeat(100)];
        let mut encoder = Encoder::default();
        for message in &messages {
            encoder.push(message);
        }
        let bytes = encoder.take();
        assert!(encoder.is_empty());
        for size in [1, 2, 3, 5, 7, 11, 100, bytes.len()] {
            let mut decoder = Decoder::default();
            let mut out: Vec<String> = Vec::new();
            for piece in bytes.chunks(size) {
                decoder.decode(piece, &mut out).expect("well-formed");
            }
            assert_eq!(out, messages, "in pieces of {size}");
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        let mut out: Vec<String> = Vec::new();
        let too_long = [0xff; 8];
        assert!(Decoder::default().decode(&too_long, &mut out).is_err());
        let no_text = [1, 0, 0, 0, 9];
        assert!(Decoder::default().decode(&no_text, &mut out).is_err());
    }
}
