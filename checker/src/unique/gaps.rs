//! Gaps that become covered, one after the other, and the next one that is not.

/// Gaps that only ever become covered.
pub(crate) struct FreeGaps {
    /// Per gap, a gap at or after it that may be free: a forest whose roots are free.
    next: Vec<u32>,
}

impl FreeGaps {
    /// The gaps `0..=events`, all of them free; the last one is never covered.
    pub(crate) fn new(events: u32) -> FreeGaps {
        FreeGaps {
            next: (0..=events).collect(),
        }
    }

    /// The first free gap at or after this one.
    pub(crate) fn first_from(&mut self, gap: u32) -> u32 {
        let mut root = gap;
        while self.next[root as usize] != root {
            root = self.next[root as usize];
        }
        let mut gap = gap;
        while gap != root {
            gap = std::mem::replace(&mut self.next[gap as usize], root);
        }
        root
    }

    /// Covers these gaps.
    pub(crate) fn cover(&mut self, gaps: std::ops::Range<u32>) {
        let mut gap = self.first_from(gaps.start);
        while gap < gaps.end {
            self.next[gap as usize] = gap + 1;
            gap = self.first_from(gap + 1);
        }
    }
}

/// How often each gap is covered, when what covers it may also go.
pub(crate) struct CoveredGaps {
    size: usize,
    /// A tree whose leaves are the gaps: how often all below it are covered at once, and the least
    /// of what is below it, that included.
    all: Vec<i32>,
    least: Vec<i32>,
}

impl CoveredGaps {
    /// The gaps `0..=events`, none of them covered.
    pub(crate) fn new(events: u32) -> CoveredGaps {
        let size = (events as usize + 1).next_power_of_two();
        CoveredGaps {
            size,
            all: vec![0; size * 2],
            least: vec![0; size * 2],
        }
    }

    /// Covers these gaps once more, or once less.
    pub(crate) fn add(&mut self, gaps: std::ops::Range<u32>, times: i32) {
        let (mut left, mut right) = (
            gaps.start as usize + self.size,
            gaps.end as usize + self.size,
        );
        let (first, last) = (left, right - 1);
        while left < right {
            if left & 1 == 1 {
                self.all[left] += times;
                self.least[left] += times;
                left += 1;
            }
            if right & 1 == 1 {
                right -= 1;
                self.all[right] += times;
                self.least[right] += times;
            }
            left /= 2;
            right /= 2;
        }
        for mut node in [first / 2, last / 2] {
            while node > 0 {
                self.least[node] =
                    self.all[node] + self.least[node * 2].min(self.least[node * 2 + 1]);
                node /= 2;
            }
        }
    }

    /// The first gap at or after this one that nothing covers. There must be one.
    pub(crate) fn first_free_from(&self, gap: u32) -> u32 {
        // Up from the leaf until the least to the right is zero, and down to it. What covers a node
        // as a whole counts for all below it.
        let above = |mut node: usize| {
            let mut covered = 0;
            while node > 1 {
                node /= 2;
                covered += self.all[node];
            }
            covered
        };
        let mut node = gap as usize + self.size;
        if self.least[node] + above(node) > 0 {
            loop {
                let is_left = node & 1 == 0;
                if is_left && self.least[node + 1] + above(node + 1) == 0 {
                    node += 1;
                    break;
                }
                node /= 2;
                debug_assert!(node > 1, "the gap after the last event is free");
            }
        }
        let mut covered = above(node);
        while node < self.size {
            covered += self.all[node];
            node *= 2;
            if self.least[node] + covered > 0 {
                node += 1;
            }
        }
        (node - self.size) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Random;

    #[test]
    fn both_find_the_next_free_gap() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let events = 1 + random.below(20) as u32;
            let mut plain = vec![0; events as usize + 1];
            let mut covered = CoveredGaps::new(events);
            let mut free = FreeGaps::new(events);
            let mut added = Vec::new();
            for _ in 0..30 {
                let from = random.below(events as usize) as u32;
                let to = from + 1 + random.below((events - from) as usize) as u32;
                covered.add(from..to, 1);
                free.cover(from..to);
                added.push(from..to);
                plain[from as usize..to as usize]
                    .iter_mut()
                    .for_each(|n| *n += 1);
                for gap in 0..=events {
                    let next = (gap..).find(|g| plain[*g as usize] == 0).unwrap();
                    assert_eq!(free.first_from(gap), next);
                    assert_eq!(covered.first_free_from(gap), next);
                }
            }
            for gaps in added {
                covered.add(gaps.clone(), -1);
                plain[gaps.start as usize..gaps.end as usize]
                    .iter_mut()
                    .for_each(|n| *n -= 1);
                for gap in 0..=events {
                    let next = (gap..).find(|g| plain[*g as usize] == 0).unwrap();
                    assert_eq!(covered.first_free_from(gap), next);
                }
            }
        }
    }
}
