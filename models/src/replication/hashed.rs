//! A value that is hashed once: states of a model share most of their parts with the states that
//! they came from, and are hashed far more often than a part changes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A shared, immutable value with its hash.
#[derive(Debug)]
pub struct Hashed<T> {
    value: Arc<T>,
    hash: u64,
}

impl<T: Hash> Hashed<T> {
    /// Hashes `value`.
    #[must_use]
    pub fn new(value: T) -> Self {
        // Not drawn anew for each run, so that a model explores in the same order every time.
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        Hashed {
            hash: hasher.finish(),
            value: Arc::new(value),
        }
    }

    /// Its hash, which orders values in a fixed way.
    #[must_use]
    pub fn order(&self) -> u64 {
        self.hash
    }
}

impl<T> Clone for Hashed<T> {
    fn clone(&self) -> Self {
        Hashed {
            value: Arc::clone(&self.value),
            hash: self.hash,
        }
    }
}

impl<T> Deref for Hashed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Hashed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.value == other.value
    }
}

impl<T: Eq> Eq for Hashed<T> {}

impl<T> Hash for Hashed<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
