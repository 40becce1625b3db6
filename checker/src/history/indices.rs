//! The indices that events have of their own.

/// The index of each event by its position. Only where they do not go on by one is anything kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Indices {
    /// Positions from which on indices follow each other, with the first of them.
    runs: Vec<(u32, u64)>,
    /// What comes next if they do.
    next: u64,
}

impl Indices {
    /// Adds the index of the event at the next position.
    pub(super) fn push(&mut self, position: u32, index: u64) {
        if index != self.next {
            self.runs.push((position, index));
        }
        self.next = index.wrapping_add(1);
    }

    /// The index of the event at a position.
    pub(super) fn of(&self, position: u32) -> u64 {
        let later = self.runs.partition_point(|(first, _)| *first <= position);
        let (first, index) = match later.checked_sub(1) {
            Some(run) => self.runs[run],
            None => (0, 0),
        };
        index.wrapping_add(u64::from(position - first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_event_has_its_own(steps in prop::collection::vec(prop_oneof![8 => Just(1), 1 => any::<u64>()], 0..60)) {
            let mut indices = Indices::default();
            let mut all: Vec<u64> = Vec::new();
            for step in steps {
                let index = all.last().map_or(step - step.min(1), |last| last.wrapping_add(step));
                indices.push(all.len() as u32, index);
                all.push(index);
            }
            for (position, index) in all.iter().enumerate() {
                prop_assert_eq!(indices.of(position as u32), *index);
            }
        }
    }
}
