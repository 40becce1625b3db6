//! The operations that are open at a level, that is before the n-th return, as bits of slots.

use super::{Nature, Step};
use crate::history::NEVER;

/// Walks forward and back over the returns, keeping track of what is open.
pub(crate) struct Window {
    /// Steps with a known outcome in the order of their returns.
    returns: Vec<u32>,
    /// Per step its slot; for an unknown one its unknown class.
    slots: Vec<u32>,
    /// Per step who had its slot before, [`NEVER`] if nobody.
    predecessors: Vec<u32>,
    /// The steps that are invoked before the n-th return, and after the one before it, are those
    /// from `entries[n]` to `entries[n + 1]`.
    entries: Vec<u32>,
    natures: Vec<Nature>,
    unknown: Vec<bool>,
    /// Per unknown class: the class, and its steps.
    unknown_classes: Vec<(u32, Vec<u32>)>,
    level: u32,
    started: bool,
    occupants: Vec<u32>,
    open: Vec<u64>,
    looks: Vec<u64>,
    blinds: Vec<u64>,
    available: Vec<u32>,
}

impl Window {
    /// The window before the first return; call [`Window::forward`] to come there.
    pub(crate) fn new(steps: &[Step], nature: impl Fn(u32) -> Nature) -> Window {
        let mut returns: Vec<u32> = (0..steps.len() as u32)
            .filter(|at| steps[*at as usize].ret != NEVER)
            .collect();
        returns.sort_by_key(|at| steps[*at as usize].ret);
        let mut slots = vec![0; steps.len()];
        let mut predecessors = vec![NEVER; steps.len()];
        let mut last_of_slot: Vec<u32> = Vec::new();
        let mut free: Vec<u32> = Vec::new();
        let mut unknown_classes: Vec<(u32, Vec<u32>)> = Vec::new();
        let classes = steps.iter().map(|step| step.class + 1).max().unwrap_or(0);
        let mut unknown_of_class = vec![NEVER; classes as usize];
        let mut entries = vec![0];
        let mut next = 0;
        for returning in &returns {
            let ret = steps[*returning as usize].ret;
            while next < steps.len() && steps[next].inv < ret {
                let step = steps[next];
                if step.ret == NEVER {
                    let unknown = &mut unknown_of_class[step.class as usize];
                    if *unknown == NEVER {
                        *unknown = unknown_classes.len() as u32;
                        unknown_classes.push((step.class, Vec::new()));
                    }
                    slots[next] = *unknown;
                    unknown_classes[*unknown as usize].1.push(next as u32);
                } else {
                    let slot = free.pop().unwrap_or_else(|| {
                        last_of_slot.push(NEVER);
                        last_of_slot.len() as u32 - 1
                    });
                    slots[next] = slot;
                    predecessors[next] =
                        std::mem::replace(&mut last_of_slot[slot as usize], next as u32);
                }
                next += 1;
            }
            entries.push(next as u32);
            free.push(slots[*returning as usize]);
        }
        let words = last_of_slot.len().div_ceil(64).max(1);
        Window {
            returns,
            slots,
            predecessors,
            entries,
            natures: steps.iter().map(|step| nature(step.class)).collect(),
            unknown: steps.iter().map(|step| step.ret == NEVER).collect(),
            available: vec![0; unknown_classes.len()],
            unknown_classes,
            level: 0,
            started: false,
            occupants: vec![NEVER; last_of_slot.len()],
            open: vec![0; words],
            looks: vec![0; words],
            blinds: vec![0; words],
        }
    }

    /// Words of 64 slots.
    pub(crate) fn words(&self) -> usize {
        self.open.len()
    }

    /// How many returns there are.
    pub(crate) fn levels(&self) -> u32 {
        self.returns.len() as u32
    }

    /// The return before which we stand.
    pub(crate) fn level(&self) -> u32 {
        self.level
    }

    /// The step of the n-th return.
    pub(crate) fn returning(&self, level: u32) -> u32 {
        self.returns[level as usize]
    }

    pub(crate) fn slot(&self, step: u32) -> u32 {
        self.slots[step as usize]
    }

    pub(crate) fn occupant(&self, slot: u32) -> u32 {
        self.occupants[slot as usize]
    }

    /// The open slots among the word's 64.
    pub(crate) fn open(&self, word: usize) -> u64 {
        self.open[word]
    }

    /// Those of them whose step changes nothing.
    pub(crate) fn looks(&self, word: usize) -> u64 {
        self.looks[word]
    }

    /// Those of them whose step is a blind write.
    pub(crate) fn blinds(&self, word: usize) -> u64 {
        self.blinds[word]
    }

    /// How many steps of each unknown class there are in all.
    pub(crate) fn unknown_totals(&self) -> impl Iterator<Item = u32> + '_ {
        self.unknown_classes
            .iter()
            .map(|(_, steps)| steps.len() as u32)
    }

    pub(crate) fn unknown_class(&self, unknown: u32) -> u32 {
        self.unknown_classes[unknown as usize].0
    }

    /// How many of an unknown class have been invoked.
    pub(crate) fn available(&self, unknown: u32) -> u32 {
        self.available[unknown as usize]
    }

    /// The n-th step of an unknown class.
    pub(crate) fn unknown_step(&self, unknown: u32, nth: u32) -> u32 {
        self.unknown_classes[unknown as usize].1[nth as usize]
    }

    /// Passes the return before which we stand (the first time: none).
    pub(crate) fn forward(&mut self) {
        if self.started {
            let returned = self.returns[self.level as usize];
            self.close(returned);
            self.level += 1;
        }
        self.started = true;
        for step in self.entered(self.level) {
            if self.unknown[step as usize] {
                self.available[self.slots[step as usize] as usize] += 1;
            } else {
                self.reopen(step);
            }
        }
    }

    /// Goes back before the return that was passed last.
    pub(crate) fn back(&mut self) {
        for step in self.entered(self.level).rev() {
            if self.unknown[step as usize] {
                self.available[self.slots[step as usize] as usize] -= 1;
            } else {
                self.close(step);
                self.occupants[self.slots[step as usize] as usize] =
                    self.predecessors[step as usize];
            }
        }
        self.level -= 1;
        self.reopen(self.returns[self.level as usize]);
    }

    fn entered(&self, level: u32) -> std::ops::Range<u32> {
        self.entries[level as usize]..self.entries[level as usize + 1]
    }

    fn reopen(&mut self, step: u32) {
        let slot = self.slots[step as usize];
        self.occupants[slot as usize] = step;
        let (word, bit) = (slot as usize / 64, 1 << (slot % 64));
        self.open[word] |= bit;
        match self.natures[step as usize] {
            Nature::Look => self.looks[word] |= bit,
            Nature::Blind => self.blinds[word] |= bit,
            Nature::Change => {}
        }
    }

    fn close(&mut self, step: u32) {
        let slot = self.slots[step as usize];
        let (word, bit) = (slot as usize / 64, 1 << (slot % 64));
        self.open[word] &= !bit;
        self.looks[word] &= !bit;
        self.blinds[word] &= !bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is open, and how many of each unknown class there are.
    fn state(window: &Window) -> (u32, Vec<u64>, Vec<u64>, Vec<u32>, Vec<u32>) {
        let open: Vec<u32> = (0..window.words() * 64)
            .filter(|slot| window.open[slot / 64] >> (slot % 64) & 1 == 1)
            .map(|slot| window.occupant(slot as u32))
            .collect();
        let (looks, blinds) = (window.looks.clone(), window.blinds.clone());
        (
            window.level(),
            looks,
            blinds,
            open,
            window.available.clone(),
        )
    }

    proptest! {
        #[test]
        fn what_goes_forward_comes_back(spans in prop::collection::vec((0..40_u32, 1..20_u32, 0..5_u32), 1..120)) {
            let mut steps: Vec<Step> = spans
                .iter()
                .enumerate()
                .map(|(at, (begin, length, class))| {
                    // Positions differ: each step has its own pair of remainders.
                    let position = |time: u32, half: u32| (time * 256 + at as u32) * 2 + half + 1;
                    Step {
                        class: *class,
                        inv: position(*begin, 0),
                        ret: if *class == 4 { NEVER } else { position(begin + length, 1) },
                    }
                })
                .collect();
            steps.sort_by_key(|step| step.inv);
            let nature = |class| match class {
                0 => Nature::Look,
                1 => Nature::Blind,
                _ => Nature::Change,
            };
            let mut window = Window::new(&steps, nature);
            if window.levels() == 0 {
                return Ok(());
            }
            window.forward();
            let mut states = vec![state(&window)];
            for level in 1..window.levels() {
                window.forward();
                let now = state(&window);
                let ret = steps[window.returning(level) as usize].ret;
                let mut open = now.3.clone();
                open.sort_unstable();
                let expected: Vec<u32> = (0..steps.len() as u32)
                    .filter(|at| {
                        let step = steps[*at as usize];
                        step.inv < ret && step.ret >= ret && step.ret != NEVER
                    })
                    .collect();
                prop_assert_eq!(open, expected);
                states.push(now);
            }
            while let Some(before) = states.pop() {
                prop_assert_eq!(state(&window), before);
                if !states.is_empty() {
                    window.back();
                }
            }
        }
    }
}
