//! A configuration's bits and counts in one row of words, so that it is saved and brought back in
//! one move.

/// Words of linearized slots, of hideable slots, of packed counts of used unknown steps, and of the
/// unknown classes that have invoked steps left.
pub(crate) struct Configuration {
    words: Vec<u64>,
    /// Where the second, third and fourth part begin.
    hideable: usize,
    used: usize,
    left: usize,
}

impl Configuration {
    /// Nothing linearized, hideable, used or left; room for parts of so many words.
    pub(crate) fn new(slot_words: usize, used_words: usize, left_words: usize) -> Configuration {
        let (hideable, used) = (slot_words, slot_words * 2);
        let left = used + used_words;
        Configuration {
            words: vec![0; left + left_words],
            hideable,
            used,
            left,
        }
    }

    /// Words of 64 slots.
    pub(crate) fn slot_words(&self) -> usize {
        self.hideable
    }

    /// Words of 64 unknown classes.
    pub(crate) fn left_words(&self) -> usize {
        self.words.len() - self.left
    }

    /// The slots, among the word's 64, whose step is linearized.
    pub(crate) fn linearized(&self, word: usize) -> u64 {
        self.words[word]
    }

    pub(crate) fn is_linearized(&self, slot: u32) -> bool {
        self.words[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    pub(crate) fn set_linearized(&mut self, slot: u32) {
        self.words[slot as usize / 64] |= 1 << (slot % 64);
    }

    /// Makes the slot ready for the next step: its own returned.
    pub(crate) fn free(&mut self, slot: u32) {
        self.words[slot as usize / 64] &= !(1 << (slot % 64));
        self.set_not_hideable(slot);
    }

    /// The slots, among the word's 64, whose blind write may be hidden.
    pub(crate) fn hideable(&self, word: usize) -> u64 {
        self.words[self.hideable + word]
    }

    pub(crate) fn is_hideable(&self, slot: u32) -> bool {
        self.hideable(slot as usize / 64) >> (slot % 64) & 1 == 1
    }

    pub(crate) fn set_hideable(&mut self, word: usize, slots: u64) {
        self.words[self.hideable + word] |= slots;
    }

    pub(crate) fn set_not_hideable(&mut self, slot: u32) {
        self.words[self.hideable + slot as usize / 64] &= !(1 << (slot % 64));
    }

    /// The packed counts.
    pub(crate) fn used(&self) -> &[u64] {
        &self.words[self.used..self.left]
    }

    pub(crate) fn used_mut(&mut self) -> &mut [u64] {
        &mut self.words[self.used..self.left]
    }

    /// The unknown classes, among the word's 64, that have invoked steps left.
    pub(crate) fn left(&self, word: usize) -> u64 {
        self.words[self.left + word]
    }

    pub(crate) fn left_mut(&mut self) -> &mut [u64] {
        &mut self.words[self.left..]
    }

    /// What tells it from other configurations of one level and state: all but what is left, which
    /// follows from the others.
    pub(crate) fn identity(&self) -> &[u64] {
        &self.words[..self.left]
    }

    /// How many words it has.
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    pub(crate) fn save(&self, saved: &mut Vec<u64>) {
        saved.extend_from_slice(&self.words);
    }

    /// Becomes the one that was saved last.
    pub(crate) fn restore(&mut self, saved: &[u64]) {
        let start = saved.len() - self.words.len();
        self.words.copy_from_slice(&saved[start..]);
    }
}
