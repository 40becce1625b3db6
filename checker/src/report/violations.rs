//! All violations of a history, counted.

use super::seconds;
use crate::anomaly::AnomalyName;
use crate::history::History;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An operation whose result fits no order, given all that returned before it but earlier
/// violations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Violation {
    pub(crate) name: AnomalyName,
    /// Its place in [`History::operations`].
    pub(crate) place: u32,
}

/// All violations of a history, counted. A violation is an operation whose result fits no order,
/// given all that completed before it but earlier violations: so each operation counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Violations {
    /// How many.
    pub count: usize,
    /// Whether there may be more: where they are found by search, only some are looked for.
    pub at_least: bool,
    /// How many of each name.
    pub by_name: BTreeMap<&'static str, usize>,
    /// How many processes saw them.
    pub processes: usize,
    /// When the first and the last of them completed, in nanoseconds.
    pub first_ns: u64,
    /// See [`Violations::first_ns`].
    pub last_ns: u64,
    /// On how many keys they are.
    pub keys: usize,
    /// How many keys there are.
    pub of_keys: usize,
    /// Whether the times mean anything: they do not if there are none, or if they go back.
    #[serde(skip)]
    pub timed: bool,
}

impl Violations {
    pub(crate) fn of(
        history: &History,
        violations: &[Violation],
        all_counted: bool,
        of_keys: usize,
    ) -> Violations {
        let mut by_name = BTreeMap::new();
        let mut processes = BTreeSet::new();
        let mut keys = BTreeSet::new();
        let (mut first_ns, mut last_ns) = (u64::MAX, 0);
        for violation in violations {
            let operation = &history.operations[violation.place as usize];
            *by_name.entry(violation.name.as_str()).or_default() += 1;
            processes.insert(operation.process);
            keys.insert(operation.key);
            first_ns = first_ns.min(operation.complete_time);
            last_ns = last_ns.max(operation.complete_time);
        }
        Violations {
            count: violations.len(),
            at_least: !all_counted,
            by_name,
            processes: processes.len(),
            first_ns: first_ns.min(last_ns),
            last_ns,
            keys: keys.len(),
            of_keys,
            timed: !history.times_go_back && last_ns > 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// `1,203 stale reads by 14 processes, from 12.665 s to 29.400 s, on 1 of 1 keys`.
impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at_least {
            f.write_str("at least ")?;
        }
        for (place, (name, count)) in self.by_name.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}", Counted(*count, name))?;
        }
        write!(f, " by {}", Counted(self.processes, "process"))?;
        let (first, last) = (seconds(self.first_ns), seconds(self.last_ns));
        match self.timed {
            false => {}
            true if self.first_ns == self.last_ns => write!(f, ", at {first} s")?,
            true => write!(f, ", from {first} s to {last} s")?,
        }
        write!(
            f,
            ", on {} of {}",
            grouped(self.keys),
            Counted(self.of_keys, "key")
        )
    }
}

/// A number with its noun.
struct Counted<'a>(usize, &'a str);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counted(count, noun) = *self;
        let plural = match noun {
            _ if count == 1 => noun.to_owned(),
            // "read from the future", "out of order": what has no plural is counted as it is.
            "read from the future" => "reads from the future".to_owned(),
            "not linearizable" | "out of order" | "empty though full" | "lock held twice" => {
                noun.to_owned()
            }
            _ if noun.ends_with('s') => format!("{noun}es"),
            _ => format!("{noun}s"),
        };
        write!(f, "{} {plural}", grouped(count))
    }
}

/// A number with commas between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_read_as_a_sentence() {
        let violations = Violations {
            count: 1204,
            by_name: [("stale read", 1203), ("phantom read", 1)].into(),
            processes: 14,
            first_ns: 12_665_000_000,
            last_ns: 29_400_000_000,
            keys: 1,
            of_keys: 1,
            at_least: false,
            timed: true,
        };
        assert_eq!(
            violations.to_string(),
            "1 phantom read, 1,203 stale reads by 14 processes, from 12.665 s to 29.400 s, on 1 of 1 key"
        );
    }
}
