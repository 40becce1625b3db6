//! The lists that were interned last, with the data of all their beginnings.
//!
//! Lists that grow are read again and again, and each time all that was there before is the same. To
//! walk through the table of lists from the first element to the last one is a jump in memory for
//! each; a list of the same beginning is found here, and only compared with.

use super::Datum;

/// So many lists are kept, each where its first two elements lead to.
const LISTS: usize = 64;

/// So many elements are kept of a list.
const ELEMENTS_MAX: usize = 8192;

/// Some lists that were interned lately.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentLists {
    lists: Vec<Recent>,
}

#[derive(Clone, Debug, Default)]
struct Recent {
    elements: Vec<Datum>,
    /// What the list is called that ends with the element of this place, from the third one on.
    data: Vec<Datum>,
}

/// The elements that are a pair, and no list of the table.
const PAIR: usize = 2;

impl RecentLists {
    /// Shorter lists are not worth it, and would displace others: there are many more of them.
    pub(super) const ELEMENTS_MIN: usize = 8;

    /// The longest known beginning of a list that is longer than a pair: its datum and its length.
    pub(super) fn longest_known(&self, elements: &[Datum]) -> Option<(Datum, usize)> {
        let recent = self.lists.get(place(elements))?;
        let same = |(one, other): &(&Datum, &Datum)| one == other;
        let common = recent
            .elements
            .iter()
            .zip(elements)
            .take_while(same)
            .count();
        let last = common.checked_sub(PAIR + 1)?;
        Some((recent.data[last], common))
    }

    /// Keeps what a list is called, which was interned after all its beginnings.
    pub(super) fn add(&mut self, elements: &[Datum], list: Datum) {
        if self.lists.is_empty() {
            self.lists.resize(LISTS, Recent::default());
        }
        let recent = &mut self.lists[place(elements)];
        let before = elements.len() - 1;
        // (What is called next was just compared with, or is new; so only its end can be other.)
        recent.elements.truncate(before);
        recent.data.truncate(before.saturating_sub(PAIR));
        if before == PAIR {
            recent.elements.clear();
            recent.elements.extend(&elements[..PAIR]);
        }
        if recent.elements.len() == before && before < ELEMENTS_MAX {
            recent.elements.push(elements[before]);
            recent.data.push(list);
        }
    }
}

fn place(elements: &[Datum]) -> usize {
    let [first, second] = [elements[0], elements[1]].map(Datum::bits);
    crate::hash::hash_number(first ^ second.rotate_left(32)) as usize % LISTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Random;
    use crate::history::History;
    use std::collections::HashMap;

    #[test]
    fn lists_have_one_datum_each_in_whatever_order_they_come() {
        let mut random = Random::new(3);
        let mut history = History::default();
        let mut seen: HashMap<Vec<Datum>, Datum> = HashMap::new();
        let mut lists: Vec<Vec<Datum>> = vec![Vec::new()];
        for _ in 0..20_000 {
            // One that goes on from somewhere in an earlier one, or begins anew.
            let before = &lists[random.below(lists.len())];
            let mut list = before[..random.below(before.len() + 1)].to_vec();
            for _ in 0..random.below(6) {
                list.extend(Datum::small(random.below(4) as i64));
            }
            let datum = history.intern_list(&list);
            let mut elements = Vec::new();
            assert!(history.list_elements(datum, &mut elements));
            assert_eq!(elements, list);
            assert_eq!(*seen.entry(list.clone()).or_insert(datum), datum);
            lists.push(list);
        }
    }

    #[test]
    fn what_is_longer_than_is_kept_goes_on_in_the_table() {
        let mut history = History::default();
        let numbers: Vec<Datum> = (0..2 * ELEMENTS_MAX as i64)
            .filter_map(Datum::small)
            .collect();
        let whole = history.intern_list(&numbers);
        let half = history.intern_list(&numbers[..ELEMENTS_MAX + 1]);
        assert_eq!(history.list_length(half), Some(ELEMENTS_MAX + 1));
        assert_eq!(history.intern_list(&numbers), whole);
    }
}
