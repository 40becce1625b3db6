//! A value that many states of a model have in common: states share most of their parts with those
//! that they came from, and are hashed far more often than a part changes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A part of the state that many states have in common: it is hashed once, when it is made.
pub struct Shared<T> {
    value: Arc<T>,
    hash: u64,
}

/// A hash of 64 bits that is the same in every run: each word is multiplied into what came before, and
/// both halves of the product count (as in wyhash). States of models are hashed all the time, so that
/// one multiplication a word matters.
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let word = rest
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        // The length tells a rest that begins with zeros from a shorter one.
        self.mix(word ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, word: u8) {
        self.mix(u64::from(word));
    }

    fn write_u16(&mut self, word: u16) {
        self.mix(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.mix(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }
}

/// A hash of 64 bits that is the same in every run.
pub fn hash<T: Hash>(value: &T) -> u64 {
    let mut hasher = Mixer(0x243f_6a88_85a3_08d3);
    value.hash(&mut hasher);
    hasher.finish()
}

impl<T: Hash> Shared<T> {
    /// Shares `value`.
    #[must_use]
    pub fn new(value: T) -> Self {
        let hash = hash(&value);
        Shared {
            value: Arc::new(value),
            hash,
        }
    }
}

impl<T> Shared<T> {
    /// By which messages in flight are ordered: it does not depend on how they came there.
    #[must_use]
    pub fn order(&self) -> u64 {
        self.hash
    }
}

impl<T> std::ops::Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared {
            value: Arc::clone(&self.value),
            hash: self.hash,
        }
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
            && (Arc::ptr_eq(&self.value, &other.value) || self.value == other.value)
    }
}

impl<T: Eq> Eq for Shared<T> {}

impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
