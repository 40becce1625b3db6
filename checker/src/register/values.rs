//! Numbers the values of one key densely, in the order in which they first occur.

use crate::hash::hash_number;
use crate::history::Datum;

/// An open-addressed table from data to small numbers; reused from key to key.
#[derive(Default)]
pub(crate) struct Values {
    slots: Vec<(u64, u32)>,
    shift: u32,
    count: u32,
}

const EMPTY: u64 = u64::MAX;

impl Values {
    /// Forgets everything and makes room for about so many values.
    pub(crate) fn reset(&mut self, expected: usize) {
        let capacity = (expected.max(4) * 2).next_power_of_two();
        self.slots.clear();
        self.slots.resize(capacity, (EMPTY, 0));
        self.shift = capacity.trailing_zeros();
        self.count = 0;
    }

    /// The number of a value: the next one if it is new.
    #[inline]
    pub(crate) fn number(&mut self, datum: Datum) -> u32 {
        self.number_of_bits(datum.bits())
    }

    /// The number of any bits but all of them: the next one if they are new.
    #[inline]
    pub(crate) fn number_of_bits(&mut self, bits: u64) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = self.home(bits);
        loop {
            let (key, number) = self.slots[slot];
            if key == bits {
                return number;
            }
            if key == EMPTY {
                break;
            }
            slot = (slot + 1) & mask;
        }
        let number = self.count;
        self.count += 1;
        self.slots[slot] = (bits, number);
        if self.count as usize * 2 > self.slots.len() {
            self.grow();
        }
        number
    }

    /// Neighbouring numbers get neighbouring slots, since histories walk through their values;
    /// what lies above the table's size is hashed, so that no stride makes all of them collide.
    #[inline]
    fn home(&self, bits: u64) -> usize {
        let low = bits >> 2;
        let high = low >> self.shift;
        (low.wrapping_add(hash_number(high ^ (bits & 3) << 61)) as usize) & (self.slots.len() - 1)
    }

    #[cold]
    fn grow(&mut self) {
        let doubled = vec![(EMPTY, 0); self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, doubled);
        self.shift += 1;
        let mask = self.slots.len() - 1;
        for entry in old {
            if entry.0 == EMPTY {
                continue;
            }
            let mut slot = self.home(entry.0);
            while self.slots[slot].0 != EMPTY {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stride_is_numbered_in_order_of_occurrence() {
        for stride in [1, 2, 1 << 10, 1 << 40, 12_345] {
            let mut values = Values::default();
            values.reset(3);
            for round in 0..2 {
                for place in 0..1000 {
                    let datum = Datum::small(place * stride).unwrap();
                    assert_eq!(values.number(datum), place as u32, "round {round}");
                }
            }
        }
    }
}
