//! The values of a history, each kept once: small numbers in place, everything else in tables.

use super::History;
use super::interner::Interner;
use super::recent_lists::RecentLists;
use crate::hash::FastMap;
use crate::value::Value;

/// A value, interned: equal values have equal data within one history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Datum(u64);

const TAG_INT: u64 = 1;
const TAG_HEAP: u64 = 2;
/// A list of two elements.
const TAG_PAIR: u64 = 3;
/// A list of one element, or of more than two; the three lowest bits.
const TAG_LIST: u64 = 4;

impl Datum {
    /// The absent value.
    pub const NIL: Datum = Datum(0);
    /// A value that no operation of the history has.
    pub const UNUSED: Datum = Datum(8);
    /// The list without elements.
    pub const EMPTY_LIST: Datum = Datum(16);

    /// One of many values that no operation of a history has: they stand for nothing, where one
    /// nothing has to be told from another.
    pub(crate) fn nameless(number: usize) -> Datum {
        Datum((number as u64 + 3) << 3)
    }

    /// A whole number, if it is small enough to be kept in place.
    pub fn small(number: i64) -> Option<Datum> {
        ((number << 2) >> 2 == number).then_some(Datum((number as u64) << 2 | TAG_INT))
    }

    /// The number kept in place.
    pub fn as_small(self) -> Option<i64> {
        (self.0 & 3 == TAG_INT).then_some((self.0 as i64) >> 2)
    }

    /// The bits, as a key for tables.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// The tables of values.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    heap: Interner<Value>,
    pairs: Interner<(Datum, Datum)>,
    /// Lists that are not pairs: all but the last element, and the last one. So lists that grow by
    /// one element at a time, as they are read again and again, take little more than the longest.
    lists: Interner<(Datum, Datum)>,
    lengths: Vec<u32>,
    recent_lists: RecentLists,
    keyword_index: FastMap<String, Datum>,
}

impl History {
    /// The value of a datum.
    pub fn value(&self, datum: Datum) -> Value {
        match datum.0 & 3 {
            TAG_INT => Value::Int((datum.0 as i64) >> 2),
            TAG_HEAP => self.tables.heap.get((datum.0 >> 2) as u32).clone(),
            _ => {
                let mut elements = Vec::new();
                if !self.list_elements(datum, &mut elements) {
                    return Value::Nil;
                }
                let values = elements.into_iter().map(|element| self.value(element));
                Value::List(values.collect())
            }
        }
    }

    /// The value of a datum that is neither absent, nor a small number, nor a list.
    pub fn heap_value(&self, datum: Datum) -> Option<&Value> {
        (datum.0 & 3 == TAG_HEAP).then(|| self.tables.heap.get((datum.0 >> 2) as u32))
    }

    /// The two elements of a datum that is a list of two.
    pub fn pair(&self, datum: Datum) -> Option<(Datum, Datum)> {
        (datum.0 & 3 == TAG_PAIR).then(|| *self.tables.pairs.get((datum.0 >> 2) as u32))
    }

    /// How many elements a list has; none if the datum is no list.
    pub fn list_length(&self, datum: Datum) -> Option<usize> {
        match datum {
            Datum::EMPTY_LIST => Some(0),
            _ if datum.0 & 3 == TAG_PAIR => Some(2),
            _ if datum.0 & 7 == TAG_LIST => {
                Some(self.tables.lengths[(datum.0 >> 3) as usize] as usize)
            }
            _ => None,
        }
    }

    /// The last element of a list that has any.
    pub fn list_last(&self, datum: Datum) -> Option<Datum> {
        match self.pair(datum) {
            Some((_, last)) => Some(last),
            None => self.cell(datum).map(|(_, last)| last),
        }
    }

    /// The list without its last element. (Of a pair the history may not have it, which is none.)
    pub fn list_before(&self, datum: Datum) -> Option<Datum> {
        match self.pair(datum) {
            Some((first, _)) => list(self.tables.lists.find(&(Datum::EMPTY_LIST, first))?).into(),
            None => self.cell(datum).map(|(before, _)| before),
        }
    }

    /// Puts the elements of a list into `elements`, in place of what is there; false if the datum
    /// is no list.
    pub fn list_elements(&self, datum: Datum, elements: &mut Vec<Datum>) -> bool {
        elements.clear();
        let mut rest = datum;
        while let Some((before, last)) = self.cell(rest) {
            elements.push(last);
            rest = before;
        }
        if let Some((first, second)) = self.pair(rest) {
            elements.extend([second, first]);
        } else if rest != Datum::EMPTY_LIST {
            return false;
        }
        elements.reverse();
        true
    }

    /// A list that is no pair and not empty: all but its last element, and that one.
    fn cell(&self, datum: Datum) -> Option<(Datum, Datum)> {
        (datum.0 & 7 == TAG_LIST).then(|| *self.tables.lists.get((datum.0 >> 3) as u32))
    }

    /// The datum of a value, which becomes part of this history's tables.
    pub fn intern(&mut self, value: &Value) -> Datum {
        match value {
            Value::Nil => Datum::NIL,
            Value::Int(number) if Datum::small(*number).is_some() => {
                Datum((*number as u64) << 2 | TAG_INT)
            }
            Value::List(elements) => {
                let elements: Vec<Datum> = elements.iter().map(|one| self.intern(one)).collect();
                self.intern_list(&elements)
            }
            _ => match self.tables.heap.find(value) {
                Some(place) => heap(place),
                None => heap(self.tables.heap.intern(value.clone())),
            },
        }
    }

    /// The datum of a value, if the history has it.
    pub fn find(&self, value: &Value) -> Option<Datum> {
        match value {
            Value::Nil => Some(Datum::NIL),
            Value::Int(number) if Datum::small(*number).is_some() => Datum::small(*number),
            Value::List(elements) => {
                let mut rest = elements.iter();
                let mut list = match &elements[..] {
                    [] => return Some(Datum::EMPTY_LIST),
                    [only] => {
                        let cell = (Datum::EMPTY_LIST, self.find(only)?);
                        return self.tables.lists.find(&cell).map(self::list);
                    }
                    _ => {
                        let pair = (self.find(rest.next()?)?, self.find(rest.next()?)?);
                        self.tables.pairs.find(&pair).map(self::pair)?
                    }
                };
                for element in rest {
                    let cell = (list, self.find(element)?);
                    list = self.tables.lists.find(&cell).map(self::list)?;
                }
                Some(list)
            }
            _ => self.tables.heap.find(value).map(heap),
        }
    }

    /// The datum of a list of two values.
    pub fn intern_pair(&mut self, first: Datum, second: Datum) -> Datum {
        pair(self.tables.pairs.intern((first, second)))
    }

    /// The datum of a [`Value::Name`].
    pub fn intern_keyword(&mut self, name: &str) -> Datum {
        if let Some(datum) = self.tables.keyword_index.get(name) {
            return *datum;
        }
        let datum = self.intern(&Value::Name(name.to_owned()));
        self.tables.keyword_index.insert(name.to_owned(), datum);
        datum
    }

    /// The datum of a list of values.
    pub fn intern_list(&mut self, elements: &[Datum]) -> Datum {
        match elements {
            [] => Datum::EMPTY_LIST,
            [only] => self.intern_longer(Datum::EMPTY_LIST, *only),
            [first, second] => self.intern_pair(*first, *second),
            [first, second, rest @ ..] if elements.len() < RecentLists::ELEMENTS_MIN => {
                let mut list = self.intern_pair(*first, *second);
                for element in rest {
                    list = self.intern_longer(list, *element);
                }
                list
            }
            [first, second, ..] => {
                let (mut list, known) = match self.tables.recent_lists.longest_known(elements) {
                    Some(known) => known,
                    None => (self.intern_pair(*first, *second), 2),
                };
                for (at, element) in elements.iter().enumerate().skip(known) {
                    list = self.intern_longer(list, *element);
                    self.tables.recent_lists.add(&elements[..=at], list);
                }
                list
            }
        }
    }

    /// A list with one element more than `before`, where that does not make it a pair.
    fn intern_longer(&mut self, before: Datum, last: Datum) -> Datum {
        let place = self.tables.lists.intern((before, last));
        if place as usize == self.tables.lengths.len() {
            let length = self.list_length(before).unwrap_or(0) as u32 + 1;
            self.tables.lengths.push(length);
        }
        list(place)
    }

    /// How many values the tables have.
    pub(crate) fn value_count(&self) -> usize {
        let Tables {
            heap, pairs, lists, ..
        } = &self.tables;
        heap.len() + pairs.len() + lists.len()
    }

    /// Forgets the values that neither an operation nor somebody else holds, and calls the others
    /// by new data. `held` is given what is to be done with each datum that somebody else holds.
    pub(super) fn forget_unused_values(&mut self, held: impl FnOnce(&mut dyn FnMut(&mut Datum))) {
        let mut old = History::default();
        std::mem::swap(&mut old.tables, &mut self.tables);
        let mut operations = std::mem::take(&mut self.operations);
        let mut call_anew = |datum: &mut Datum| {
            // These are the same in every table.
            let in_place = datum.as_small().is_some() || *datum == Datum::UNUSED;
            if !in_place {
                *datum = self.intern(&old.value(*datum));
            }
        };
        for operation in &mut operations {
            call_anew(&mut operation.argument);
            call_anew(&mut operation.result);
        }
        held(&mut call_anew);
        self.operations = operations;
    }
}

fn heap(place: u32) -> Datum {
    Datum(u64::from(place) << 2 | TAG_HEAP)
}

fn pair(place: u32) -> Datum {
    Datum(u64::from(place) << 2 | TAG_PAIR)
}

fn list(place: u32) -> Datum {
    Datum(u64::from(place) << 3 | TAG_LIST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_their_data() {
        let mut history = History::default();
        let numbers = |end| Value::List((0..end).map(Value::Int).collect());
        for value in [
            numbers(0),
            numbers(1),
            numbers(2),
            numbers(9),
            numbers(8),
            Value::List(vec![numbers(1), Value::Nil, numbers(0)]),
            Value::Nil,
            Value::Int(-3),
            Value::Int(i64::MAX),
            Value::from("x"),
            Value::List(vec![
                Value::Int(1),
                Value::List(vec![Value::Nil, Value::from("y")]),
            ]),
        ] {
            let datum = history.intern(&value);
            assert_eq!(history.value(datum), value);
            assert_eq!(history.intern(&value), datum);
            assert_eq!(history.find(&value), Some(datum));
        }
    }

    #[test]
    fn lists_share_their_beginnings() {
        let mut history = History::default();
        let numbers: Vec<Datum> = (0..9).filter_map(Datum::small).collect();
        let lists: Vec<Datum> = (0..=9)
            .map(|end| history.intern_list(&numbers[..end]))
            .collect();
        for end in 0..=9 {
            let mut elements = vec![Datum::NIL];
            assert!(history.list_elements(lists[end], &mut elements));
            assert_eq!(elements, numbers[..end]);
            assert_eq!(history.list_length(lists[end]), Some(end));
            let before = end.checked_sub(1);
            assert_eq!(history.list_before(lists[end]), before.map(|at| lists[at]));
            assert_eq!(history.list_last(lists[end]), before.map(|at| numbers[at]));
        }
        assert_eq!(history.list_length(numbers[0]), None);
        assert!(!history.list_elements(Datum::NIL, &mut Vec::new()));
    }
}
