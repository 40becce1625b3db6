//! Many numbers of which all up to a place are lowered at once, and the least is asked for.

/// A segment tree: lower a prefix, ask for the least of a suffix, each in `O(log n)`.
pub(super) struct Slack {
    /// The first power of two that is not below the count.
    width: usize,
    /// Per node the least below it, without what is still to be subtracted above it.
    least: Vec<i64>,
    /// Per node what is subtracted from all below it.
    lowered: Vec<i64>,
}

impl Slack {
    pub(super) fn new(numbers: &[i64]) -> Slack {
        let width = numbers.len().next_power_of_two().max(1);
        let mut least = vec![i64::MAX / 2; 2 * width];
        least[width..width + numbers.len()].copy_from_slice(numbers);
        for node in (1..width).rev() {
            least[node] = least[2 * node].min(least[2 * node + 1]);
        }
        Slack {
            width,
            least,
            lowered: vec![0; 2 * width],
        }
    }

    /// Subtracts one from each of the first `count` numbers.
    pub(super) fn lower(&mut self, count: usize) {
        self.lower_within(1, 0, self.width, count);
    }

    fn lower_within(&mut self, node: usize, from: usize, to: usize, count: usize) {
        if count <= from {
            return;
        }
        if count >= to {
            self.least[node] -= 1;
            self.lowered[node] += 1;
            return;
        }
        let middle = (from + to) / 2;
        self.lower_within(2 * node, from, middle, count);
        self.lower_within(2 * node + 1, middle, to, count);
        self.least[node] = self.least[2 * node].min(self.least[2 * node + 1]) - self.lowered[node];
    }

    /// The least of all numbers from a place on; very large if there is none.
    pub(super) fn least_from(&self, place: usize) -> i64 {
        self.least_within(1, 0, self.width, place)
    }

    fn least_within(&self, node: usize, from: usize, to: usize, place: usize) -> i64 {
        if to <= place {
            return i64::MAX / 4;
        }
        if place <= from {
            return self.least[node];
        }
        let middle = (from + to) / 2;
        let left = self.least_within(2 * node, from, middle, place);
        let right = self.least_within(2 * node + 1, middle, to, place);
        left.min(right) - self.lowered[node]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_row_of_numbers(
            mut numbers in prop::collection::vec(-5..5_i64, 1..20),
            counts in prop::collection::vec(0..21_usize, 0..20),
        ) {
            let mut slack = Slack::new(&numbers);
            for count in counts {
                slack.lower(count);
                for number in numbers.iter_mut().take(count) {
                    *number -= 1;
                }
                for place in 0..numbers.len() {
                    let least = *numbers[place..].iter().min().unwrap();
                    prop_assert_eq!(slack.least_from(place), least);
                }
            }
        }
    }
}
