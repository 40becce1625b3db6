//! Encodes into a buffer that is used again and again.

use postcard::ser_flavors::Flavor;
use serde::Serialize;

/// Adds `value` in postcard's encoding to the end of `bytes`.
pub(crate) fn encode_into<T: Serialize>(bytes: &mut Vec<u8>, value: &T) {
    postcard::serialize_with_flavor(value, Append(bytes))
        .expect("a type of ours can be encoded, and a Vec has room for it");
}

/// Lets postcard write to the end of a buffer.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
