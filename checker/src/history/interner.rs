//! A table of different things, each with a number: what is equal is kept once.
//!
//! Only numbers are in the hash table (four bytes each); what they stand for is kept in a list, and
//! not a second time as a key.

use crate::hash::FastHasher;
use std::hash::{Hash, Hasher};

/// A free slot.
const FREE: u32 = u32::MAX;

/// Different things by number, in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Interner<T> {
    items: Vec<T>,
    /// Numbers by hash, with open addressing; a power of two, or empty in the beginning.
    slots: Vec<u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Interner {
            items: Vec::new(),
            slots: Vec::new(),
        }
    }
}

impl<T: Hash + Eq> Interner<T> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The thing with this number.
    pub(crate) fn get(&self, number: u32) -> &T {
        &self.items[number as usize]
    }

    /// The number of something, if it is there.
    pub(crate) fn find(&self, item: &T) -> Option<u32> {
        let number = *self.slots.get(self.slot(item)?)?;
        (number != FREE).then_some(number)
    }

    /// The number of something, which is added if it is new.
    pub(crate) fn intern(&mut self, item: T) -> u32 {
        if (self.items.len() + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let Some(slot) = self.slot(&item) else {
            return FREE;
        };
        if self.slots[slot] == FREE {
            self.slots[slot] = self.items.len() as u32;
            self.items.push(item);
        }
        self.slots[slot]
    }

    /// Where something is, or where it would be put; none while there are no slots.
    fn slot(&self, item: &T) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = hash(item) as usize & mask;
        loop {
            match self.slots[slot] {
                FREE => return Some(slot),
                number if self.items[number as usize] == *item => return Some(slot),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let mask = (self.slots.len() * 2).max(16) - 1;
        self.slots.clear();
        self.slots.resize(mask + 1, FREE);
        for (number, item) in self.items.iter().enumerate() {
            let mut slot = hash(item) as usize & mask;
            while self.slots[slot] != FREE {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = number as u32;
        }
    }
}

fn hash<T: Hash>(item: &T) -> u64 {
    let mut hasher = FastHasher::default();
    item.hash(&mut hasher);
    // Fewer collisions of consecutive numbers: the high bits of the product are the best ones.
    let hash = hasher.finish();
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn numbers_are_given_as_by_a_hash_map() {
        let mut interner = Interner::default();
        let mut expected: HashMap<u64, u32> = HashMap::new();
        let mut random = crate::generate::Random::new(1);
        for _ in 0..10_000 {
            let item = random.below(3000) as u64;
            assert_eq!(interner.find(&item), expected.get(&item).copied());
            let next = expected.len() as u32;
            let number = *expected.entry(item).or_insert(next);
            assert_eq!(interner.intern(item), number);
            assert_eq!(*interner.get(number), item);
        }
        assert_eq!(interner.items.len(), expected.len());
    }
}
