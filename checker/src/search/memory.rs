//! The configurations that were tried, and the packed counts of used unknown steps.

use crate::hash::FastHasher;
use std::hash::Hasher;

/// How counts of many classes are packed into words, each with a guard bit above it, so that
/// whole words of counts are compared at once.
pub(crate) struct Fields {
    /// Per class: word, shift, mask.
    places: Vec<(u32, u32, u64)>,
    /// The guard bits of each word.
    guards: Vec<u64>,
}

impl Fields {
    /// Room for counts up to these.
    pub(crate) fn new(totals: impl Iterator<Item = u32>) -> Fields {
        let mut fields = Fields {
            places: Vec::with_capacity(FEW / 2),
            guards: Vec::with_capacity(4),
        };
        let mut shift = 64;
        for total in totals {
            let width = 32 - total.leading_zeros();
            if shift + width + 1 > 64 {
                fields.guards.push(0);
                shift = 0;
            }
            let word = fields.guards.len() - 1;
            fields.places.push((word as u32, shift, (1 << width) - 1));
            fields.guards[word] |= 1 << (shift + width);
            shift += width + 1;
        }
        fields
    }

    pub(crate) fn words(&self) -> usize {
        self.guards.len()
    }

    pub(crate) fn get(&self, words: &[u64], class: u32) -> u32 {
        let (word, shift, mask) = self.places[class as usize];
        (words[word as usize] >> shift & mask) as u32
    }

    pub(crate) fn increment(&self, words: &mut [u64], class: u32) {
        let (word, shift, _) = self.places[class as usize];
        words[word as usize] += 1 << shift;
    }

    /// Whether no count of `fewer` is above that of `more`.
    fn at_most(&self, fewer: &[u64], more: &[u64]) -> bool {
        self.guards
            .iter()
            .zip(fewer.iter().zip(more))
            .all(|(guard, (fewer, more))| ((more | guard) - fewer) & guard == *guard)
    }
}

/// Configurations by level, state and linearized slots; a chained hash table over flat words.
pub(crate) struct Visited {
    slot_words: usize,
    used_words: usize,
    /// Level and state, linearized, hideable, used.
    entries: Vec<u64>,
    /// Per entry the next one in its chain.
    next: Vec<u32>,
    heads: Vec<u32>,
}

const END: u32 = u32::MAX;

/// Room for so many is made in the beginning: for a small history that is enough.
const FEW: usize = 64;

/// The table of chains becomes so many times larger.
const GROWTH: usize = 4;

impl Visited {
    pub(crate) fn new(slot_words: usize, used_words: usize) -> Visited {
        Visited {
            slot_words,
            used_words,
            entries: Vec::with_capacity(FEW / 4 * (1 + 2 * slot_words + used_words)),
            next: Vec::with_capacity(FEW),
            heads: vec![END; FEW],
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.entries.capacity() * 8 + self.next.capacity() * 4 + self.heads.capacity() * 4
    }

    /// Bytes that it takes more while it grows, if it soon does.
    pub(crate) fn growth(&self) -> usize {
        if self.heads.len() - self.next.len() < super::pace::ROUNDS_MAX as usize {
            self.heads.len() * GROWTH * 4
        } else {
            0
        }
    }

    /// Remembers a configuration, given by its level, its state, and words of linearized slots, of
    /// hideable slots and of used classes; false if one at least as good is there already.
    pub(crate) fn insert(
        &mut self,
        level: u32,
        state: u32,
        identity: &[u64],
        fields: &Fields,
    ) -> bool {
        let (linearized, others) = identity.split_at(self.slot_words);
        let (hideable, used) = others.split_at(self.slot_words);
        let head = u64::from(level) << 32 | u64::from(state);
        let bucket = self.bucket(head, linearized);
        let stride = self.stride();
        let (slots, mut at) = (self.slot_words, self.heads[bucket]);
        while at != END {
            let entry = &self.entries[at as usize * stride..(at as usize + 1) * stride];
            if entry[0] == head
                && entry[1..=slots] == *linearized
                && entry[1 + slots..1 + 2 * slots]
                    .iter()
                    .zip(hideable)
                    .all(|(e, h)| h & !e == 0)
                && fields.at_most(&entry[1 + 2 * slots..], used)
            {
                return false;
            }
            at = self.next[at as usize];
        }
        let number = self.next.len() as u32;
        self.entries.push(head);
        self.entries.extend_from_slice(identity);
        self.next.push(self.heads[bucket]);
        self.heads[bucket] = number;
        if self.next.len() > self.heads.len() {
            self.grow();
        }
        true
    }

    fn stride(&self) -> usize {
        1 + 2 * self.slot_words + self.used_words
    }

    fn bucket(&self, head: u64, linearized: &[u64]) -> usize {
        let mut hasher = FastHasher::default();
        hasher.write_u64(head);
        for word in linearized {
            hasher.write_u64(*word);
        }
        hasher.finish() as usize & (self.heads.len() - 1)
    }

    fn grow(&mut self) {
        self.heads = vec![END; self.heads.len() * GROWTH];
        let stride = self.stride();
        for number in 0..self.next.len() {
            let entry = &self.entries[number * stride..];
            let bucket = self.bucket(entry[0], &entry[1..=self.slot_words]);
            self.next[number] = self.heads[bucket];
            self.heads[bucket] = number as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packed_counts_compare_like_single_ones(
            classes in prop::collection::vec((1..5_u32, 0..5_u32, 0..5_u32), 1..40),
        ) {
            let fields = Fields::new(classes.iter().map(|(total, ..)| *total));
            let pack = |counts: &dyn Fn(&(u32, u32, u32)) -> u32| {
                let mut words = vec![0; fields.words()];
                for (class, counts_of) in classes.iter().enumerate() {
                    for _ in 0..counts(counts_of) {
                        fields.increment(&mut words, class as u32);
                    }
                }
                words
            };
            let few = |(total, one, _): &(u32, u32, u32)| (*one).min(*total);
            let many = |(total, _, other): &(u32, u32, u32)| (*other).min(*total);
            let (few_words, many_words) = (pack(&few), pack(&many));
            for (class, counts) in classes.iter().enumerate() {
                prop_assert_eq!(fields.get(&few_words, class as u32), few(counts));
            }
            prop_assert_eq!(
                fields.at_most(&few_words, &many_words),
                classes.iter().all(|counts| few(counts) <= many(counts))
            );
        }
    }

    #[test]
    fn only_what_no_earlier_configuration_dominates_is_new() {
        let fields = Fields::new([3].into_iter());
        let mut visited = Visited::new(1, fields.words());
        let mut insert = |linearized: u64, hideable: u64, used: u64| {
            visited.insert(7, 1, &[linearized, hideable, used], &fields)
        };
        assert!(insert(0b01, 0, 2));
        assert!(!insert(0b01, 0, 2), "the same again");
        assert!(!insert(0b01, 0, 3), "it used more");
        assert!(insert(0b01, 0, 1), "it used fewer");
        assert!(insert(0b01, 0b10, 3), "it is freer to hide");
        assert!(insert(0b11, 0, 3), "other operations");
        // Also after the table has grown.
        for other in 0..1000 {
            assert!(insert(other << 2, 0, 0));
        }
        assert!(!insert(0b11, 0, 3));
    }
}
