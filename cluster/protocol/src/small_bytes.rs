//! Bytes of which there are mostly few.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What fits into the value itself.
const SHORT_BYTES: usize = 22;

/// Immutable bytes. A few stand in the value itself: they take no allocation, and are read and
/// compared without a look elsewhere, which in a large map is most of the work. More of them are
/// shared by all copies. It is encoded as [`Bytes`] are.
#[derive(Clone)]
pub struct SmallBytes(Place);

#[derive(Clone)]
enum Place {
    /// Unused bytes are zeros.
    Here {
        length: u8,
        bytes: [u8; SHORT_BYTES],
    },
    There(Arc<[u8]>),
}

impl From<&[u8]> for SmallBytes {
    #[inline]
    fn from(given: &[u8]) -> Self {
        let mut bytes = [0; SHORT_BYTES];
        SmallBytes(match bytes.get_mut(..given.len()) {
            Some(beginning) => {
                beginning.copy_from_slice(given);
                let length = u8::try_from(given.len()).expect("it is short");
                Place::Here { length, bytes }
            }
            None => Place::There(given.into()),
        })
    }
}

impl Deref for SmallBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Place::Here { length, bytes } => &bytes[..usize::from(*length)],
            Place::There(bytes) => bytes,
        }
    }
}

impl Ord for SmallBytes {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            // The zeros after a text order like its end, but for texts that differ only in zeros.
            (
                Place::Here { length, bytes },
                Place::Here {
                    length: other_length,
                    bytes: other_bytes,
                },
            ) => bytes.cmp(other_bytes).then(length.cmp(other_length)),
            _ => self[..].cmp(&other[..]),
        }
    }
}

impl PartialOrd for SmallBytes {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SmallBytes {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for SmallBytes {}

impl Hash for SmallBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl fmt::Debug for SmallBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Bytes::copy_from_slice(self).fmt(f)
    }
}

impl Serialize for SmallBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for SmallBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        Ok(SmallBytes::from(&bytes[..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Vec<u8>> {
        let mut samples = vec![Vec::new()];
        for byte in [0, 1, b'a', 0xff] {
            for length in [1, 2, SHORT_BYTES - 1, SHORT_BYTES, SHORT_BYTES + 1, 100] {
                samples.push(vec![byte; length]);
                let mut other = vec![b'a'; length];
                other[length - 1] = byte;
                samples.push(other);
            }
        }
        samples
    }

    #[test]
    fn they_compare_as_the_bytes_do_wherever_they_stand() {
        for one in samples() {
            for other in samples() {
                let small = (SmallBytes::from(&one[..]), SmallBytes::from(&other[..]));
                assert_eq!(small.0.cmp(&small.1), one.cmp(&other), "{one:?} {other:?}");
                assert_eq!(small.0 == small.1, one == other, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn they_are_encoded_as_bytes_are() {
        for sample in samples() {
            let small = SmallBytes::from(&sample[..]);
            assert_eq!(small[..], sample[..]);
            let encoded = postcard::to_stdvec(&small).expect("bytes can be encoded");
            let bytes = postcard::to_stdvec(&Bytes::from(sample)).expect("bytes can be encoded");
            assert_eq!(encoded, bytes);
            assert_eq!(postcard::from_bytes(&encoded), Ok(small));
        }
    }
}
