//! What a get saw, as the sequence of those who wrote it.
//!
//! If each text is put or appended only once, and none is the beginning of another one, then a
//! text can be cut into them in only one way: from the left. Of lists the elements are what was
//! appended.

use super::KeyValueStep;
use crate::hash::FastMap;
use crate::linearizable::Timed;
use crate::value::Value;
use std::ops::Range;

/// The steps that wrote one text or element: those that put it, and those that appended it.
#[derive(Clone, Debug, Default)]
pub(super) struct Label {
    pub(super) puts: Vec<u32>,
    pub(super) appends: Vec<u32>,
}

/// Cuts what was seen into what was written.
pub(super) struct Sequences<'a> {
    initial: &'a Value,
    pub(super) labels: Vec<Label>,
    code: Code<'a>,
    /// What was cut last, so that of the next one only what differs needs to be.
    last: Option<&'a Value>,
    sequence: Vec<u32>,
    /// Where each part of the sequence ends.
    ends: Vec<usize>,
}

enum Code<'a> {
    /// Sorted; the numbers of their labels.
    Texts(Vec<(&'a str, u32)>),
    Elements(FastMap<&'a Value, u32>),
}

/// It is not made of what was written, put first and then appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unreadable;

impl<'a> Sequences<'a> {
    /// None if values cannot be cut in only one way.
    pub(super) fn new(initial: &'a Value, steps: &[Timed<'a, KeyValueStep>]) -> Option<Self> {
        let mut labels: Vec<Label> = Vec::new();
        let mut numbers: FastMap<&Value, u32> = FastMap::default();
        for (at, step) in steps.iter().enumerate() {
            let (value, puts) = match step.step {
                KeyValueStep::Get(_) => continue,
                KeyValueStep::Put(value) => (value, true),
                KeyValueStep::Append(value) => (value, false),
            };
            let number = *numbers.entry(value).or_insert(labels.len() as u32) as usize;
            if number == labels.len() {
                labels.push(Label::default());
            }
            let label = &mut labels[number];
            let steps = if puts {
                &mut label.puts
            } else {
                &mut label.appends
            };
            steps.push(at as u32);
        }
        let texts = numbers.keys().all(|value| matches!(value, Value::Text(_)));
        let code = if texts {
            Code::texts(initial, &numbers)?
        } else {
            Code::elements(initial, &labels, numbers)?
        };
        Some(Sequences {
            initial,
            labels,
            code,
            last: None,
            sequence: Vec::new(),
            ends: Vec::new(),
        })
    }

    /// Whether an append to what was there in the beginning can be the first part of a sequence.
    pub(super) fn begins_empty(&self) -> bool {
        match (&self.code, self.initial) {
            (Code::Texts(_), Value::Text(initial)) => initial.is_empty(),
            _ => true,
        }
    }

    /// What was seen, as the labels of what was written, in their order. Empty for what was there
    /// in the beginning.
    pub(super) fn sequence(&mut self, seen: &'a Value) -> Result<&[u32], Unreadable> {
        let range = self.cut(seen)?;
        Ok(self.parts(..range.end))
    }

    /// Some parts of what was cut last.
    pub(super) fn parts(&self, range: std::ops::RangeTo<usize>) -> &[u32] {
        &self.sequence[range]
    }

    /// Cuts what was seen; returns which parts of its sequence are new, compared with what was cut
    /// before.
    pub(super) fn cut(&mut self, seen: &'a Value) -> Result<Range<usize>, Unreadable> {
        if seen == self.initial {
            return Ok(0..0);
        }
        let mut at = self.keep_common(seen);
        let kept = self.sequence.len();
        self.last = Some(seen);
        let length = match (&self.code, seen) {
            (Code::Texts(_), Value::Text(text)) => text.len(),
            (Code::Elements(_), Value::List(list)) if !list.is_empty() => list.len(),
            _ => return Err(self.unreadable()),
        };
        if length == 0 {
            return Err(self.unreadable());
        }
        let begins_empty = self.begins_empty();
        while at < length {
            let next = match (&self.code, seen) {
                (Code::Texts(texts), Value::Text(text)) => {
                    let rest = &text.as_bytes()[at..];
                    let after = texts.partition_point(|(text, _)| text.as_bytes() <= rest);
                    let found = after.checked_sub(1).map(|before| texts[before]);
                    let found = found.filter(|(text, _)| rest.starts_with(text.as_bytes()));
                    found.map(|(text, number)| (number, text.len()))
                }
                (Code::Elements(numbers), Value::List(list)) => {
                    numbers.get(&list[at]).map(|number| (*number, 1))
                }
                _ => None,
            };
            let Some((number, length)) = next else {
                return Err(self.unreadable());
            };
            let first = self.sequence.is_empty() && at == 0;
            let fits = match self.labels.get(number as usize) {
                // What was there in the beginning has no label.
                None => first,
                Some(label) if first => {
                    !label.puts.is_empty() || begins_empty && !label.appends.is_empty()
                }
                Some(label) => !label.appends.is_empty(),
            };
            if !fits {
                return Err(self.unreadable());
            }
            at += length;
            if number != INITIAL {
                self.sequence.push(number);
                self.ends.push(at);
            }
        }
        Ok(kept..self.sequence.len())
    }

    /// Keeps the parts that the last value and this one have in common; returns where they end.
    fn keep_common(&mut self, seen: &Value) -> usize {
        let common = match (self.last, seen) {
            (Some(Value::Text(last)), Value::Text(text)) => {
                common(last.as_bytes(), text.as_bytes())
            }
            (Some(Value::List(last)), Value::List(list)) => common(last, list),
            _ => 0,
        };
        while self.ends.last().is_some_and(|end| *end > common) {
            self.ends.pop();
            self.sequence.pop();
        }
        self.ends.last().copied().unwrap_or(0)
    }

    fn unreadable(&mut self) -> Unreadable {
        self.last = None;
        self.ends.clear();
        self.sequence.clear();
        Unreadable
    }
}

/// The number of what was there in the beginning.
const INITIAL: u32 = u32::MAX;

fn common<T: PartialEq>(one: &[T], other: &[T]) -> usize {
    // Most often the one continues the other.
    let shorter = one.len().min(other.len());
    if one[..shorter] == other[..shorter] {
        return shorter;
    }
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

impl<'a> Code<'a> {
    fn texts(initial: &'a Value, numbers: &FastMap<&'a Value, u32>) -> Option<Code<'a>> {
        let mut texts: Vec<(&str, u32)> = Vec::with_capacity(numbers.len() + 1);
        for (value, number) in numbers {
            texts.push((value.as_text()?, *number));
        }
        match initial {
            Value::Text(text) if text.is_empty() => {}
            Value::Text(text) => texts.push((text, INITIAL)),
            Value::Nil => {}
            _ => return None,
        }
        texts.sort_unstable();
        let is_code = texts
            .windows(2)
            .all(|pair| !pair[1].0.starts_with(pair[0].0));
        let some = texts.first().is_none_or(|(text, _)| !text.is_empty());
        (is_code && some).then_some(Code::Texts(texts))
    }

    fn elements(
        initial: &Value,
        labels: &[Label],
        numbers: FastMap<&'a Value, u32>,
    ) -> Option<Code<'a>> {
        let begins_empty = match initial {
            Value::List(list) => list.is_empty(),
            Value::Nil => true,
            Value::Text(text) => text.is_empty(),
            _ => false,
        };
        // Text that is appended to nothing makes a text, and not a list.
        let appends = labels.iter().all(|label| label.puts.is_empty())
            && numbers.keys().all(|value| !matches!(value, Value::Text(_)));
        (begins_empty && appends).then_some(Code::Elements(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_all(
        initial: &str,
        written: &[&str],
        seen: &[&str],
    ) -> Vec<Result<Vec<u32>, Unreadable>> {
        let text = |text: &&str| Value::from(*text);
        let (initial, seen): (Value, Vec<Value>) =
            (text(&initial), seen.iter().map(text).collect());
        let steps: Vec<KeyValueStep> = written
            .iter()
            .map(|written| match written.strip_prefix('!') {
                Some(put) => KeyValueStep::Put(text(&put)),
                None => KeyValueStep::Append(text(written)),
            })
            .collect();
        let timed: Vec<Timed<'_, KeyValueStep>> = steps
            .iter()
            .map(|step| Timed {
                step,
                inv: 1,
                ret: 2,
            })
            .collect();
        let mut sequences = Sequences::new(&initial, &timed).expect("a code");
        seen.iter()
            .map(|seen| sequences.sequence(seen).map(<[u32]>::to_vec))
            .collect()
    }

    #[test]
    fn texts_are_cut_into_what_was_written() {
        let written = ["!p,", "a,", "b,", "ab,"];
        assert_eq!(
            cut_all(
                "",
                &written,
                &["", "a,", "a,b,", "a,ab,", "p,b,a,", "p,", "b,"]
            ),
            [
                Ok(vec![]),
                Ok(vec![1]),
                Ok(vec![1, 2]),
                Ok(vec![1, 3]),
                Ok(vec![0, 2, 1]),
                Ok(vec![0]),
                Ok(vec![2]),
            ]
        );
        assert_eq!(
            cut_all("", &written, &["a", "a,p,", "a,b,a,", "c,", "a,b,"]),
            [
                Err(Unreadable),
                Err(Unreadable),
                Ok(vec![1, 2, 1]),
                Err(Unreadable),
                Ok(vec![1, 2])
            ]
        );
        assert_eq!(
            cut_all("i,", &written, &["i,", "i,a,", "a,", "p,a,", "p,i,", ""]),
            [
                Ok(vec![]),
                Ok(vec![1]),
                Err(Unreadable),
                Ok(vec![0, 1]),
                Err(Unreadable),
                Err(Unreadable),
            ]
        );
    }
}
