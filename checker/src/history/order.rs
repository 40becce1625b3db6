//! Whether events stand in the order that their own indices and times tell.

use super::{Builder, Problem};

/// Whether numbers that should grow from event to event do. Zero is no number.
#[derive(Debug, Default)]
pub(super) struct Order {
    greatest: u64,
    /// The first event at which they do not, with the greatest number before it and its own.
    first: Option<(u32, u64, u64)>,
    backwards: usize,
}

impl Order {
    #[inline]
    pub(super) fn follow(&mut self, position: u32, number: u64) {
        if number >= self.greatest {
            self.greatest = number;
        } else if number > 0 {
            self.backwards += 1;
            self.first.get_or_insert((position, self.greatest, number));
        }
    }
}

impl Builder {
    /// Says where the events' own indices and times contradict the order of the file.
    pub(super) fn tell_order(&mut self) {
        self.history.times_go_back = self.times.backwards > 0;
        let orders = [
            (&self.indices, "index", "", 1),
            (&self.times, "time", " ns", 0),
        ];
        let told: Vec<Problem> = orders
            .into_iter()
            .filter_map(|(order, what, unit, offset)| {
                let (position, from, to) = order.first?;
                let more = match order.backwards {
                    1 => String::new(),
                    all => format!(", and so it does at {} more events", all - 1),
                };
                let (from, to) = (from - offset, to - offset);
                Some(Problem {
                    event: self.history.index(position),
                    text: format!(
                        "the {what} goes back from {from}{unit} to {to}{unit}{more}; the order of the file counts"
                    ),
                    grave: false,
                    doubt: false,
                })
            })
            .collect();
        self.history.problems.extend(told);
    }
}
