//! The operations that are open at a level, that is before the n-th return, as bits of slots.

use super::{Nature, Step};
use crate::history::NEVER;

/// Walks forward and back over the returns, keeping track of what is open.
pub(crate) struct Window {
    /// Steps with a known outcome in the order of their returns.
    returns: Vec<u32>,
    placed: Vec<Placed>,
    /// The steps that are invoked before the n-th return, and after the one before it, are those
    /// from `entries[n]` to `entries[n + 1]`.
    entries: Vec<u32>,
    unknown_classes: Vec<UnknownClass>,
    /// Steps of unknown outcome, those of one class together.
    unknown_steps: Vec<u32>,
    level: u32,
    started: bool,
    occupants: Vec<u32>,
    slots: Vec<Slots>,
}

/// 64 slots.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Slots {
    open: u64,
    /// The open ones whose step changes nothing.
    looks: u64,
    /// The open ones whose step is a blind write.
    blinds: u64,
}

/// Where a step has its place.
#[derive(Clone, Copy)]
struct Placed {
    /// Its slot; for one of unknown outcome the place of its class among the unknown classes.
    slot: u32,
    /// Who had its slot before, [`NEVER`] if nobody.
    predecessor: u32,
    nature: Nature,
    unknown: bool,
}

/// Equal steps of unknown outcome.
struct UnknownClass {
    class: u32,
    total: u32,
    /// How many of them have been invoked.
    available: u32,
    /// Where its steps begin in `unknown_steps`.
    start: u32,
}

/// Room for so many is made in the beginning.
const FEW: usize = 16;

impl Window {
    /// The window before the first return; call [`Window::forward`] to come there.
    pub(crate) fn new(steps: &[Step], nature: impl Fn(u32) -> Nature) -> Window {
        let returns = by_return(steps);
        let classes = steps.iter().map(|step| step.class + 1).max().unwrap_or(0);
        let mut unknown_of_class = vec![NEVER; classes as usize];
        let mut unknown_classes: Vec<UnknownClass> = Vec::with_capacity(FEW);
        let mut last_of_slot: Vec<u32> = Vec::with_capacity(FEW);
        let mut free: Vec<u32> = Vec::with_capacity(FEW);
        let mut placed: Vec<Placed> = Vec::with_capacity(steps.len());
        let mut entries = Vec::with_capacity(returns.len() + 1);
        entries.push(0);
        for returning in &returns {
            let ret = steps[*returning as usize].ret;
            while let Some(step) = steps.get(placed.len()).filter(|step| step.inv < ret) {
                let (unknown, next) = (step.ret == NEVER, placed.len() as u32);
                let (slot, predecessor) = if unknown {
                    let number = &mut unknown_of_class[step.class as usize];
                    if *number == NEVER {
                        *number = unknown_classes.len() as u32;
                        unknown_classes.push(UnknownClass {
                            class: step.class,
                            total: 0,
                            available: 0,
                            start: 0,
                        });
                    }
                    unknown_classes[*number as usize].total += 1;
                    (*number, NEVER)
                } else {
                    let slot = free.pop().unwrap_or_else(|| {
                        last_of_slot.push(NEVER);
                        last_of_slot.len() as u32 - 1
                    });
                    let last = &mut last_of_slot[slot as usize];
                    (slot, std::mem::replace(last, next))
                };
                placed.push(Placed {
                    slot,
                    predecessor,
                    nature: nature(step.class),
                    unknown,
                });
            }
            entries.push(placed.len() as u32);
            free.push(placed[*returning as usize].slot);
        }
        let unknown_steps = group(&placed, &mut unknown_classes);
        let words = last_of_slot.len().div_ceil(64).max(1);
        Window {
            returns,
            placed,
            entries,
            unknown_classes,
            unknown_steps,
            level: 0,
            started: false,
            occupants: vec![NEVER; last_of_slot.len()],
            slots: vec![Slots::default(); words],
        }
    }

    /// Words of 64 slots.
    pub(crate) fn words(&self) -> usize {
        self.slots.len()
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
        self.placed[step as usize].slot
    }

    pub(crate) fn occupant(&self, slot: u32) -> u32 {
        self.occupants[slot as usize]
    }

    /// The open slots among the word's 64.
    pub(crate) fn open(&self, word: usize) -> u64 {
        self.slots[word].open
    }

    /// Those of them whose step changes nothing.
    pub(crate) fn looks(&self, word: usize) -> u64 {
        self.slots[word].looks
    }

    /// Those of them whose step is a blind write.
    pub(crate) fn blinds(&self, word: usize) -> u64 {
        self.slots[word].blinds
    }

    /// How many unknown classes there are.
    pub(crate) fn unknown_count(&self) -> usize {
        self.unknown_classes.len()
    }

    /// How many steps of each unknown class there are in all.
    pub(crate) fn unknown_totals(&self) -> impl Iterator<Item = u32> + '_ {
        self.unknown_classes.iter().map(|unknown| unknown.total)
    }

    pub(crate) fn unknown_class(&self, unknown: u32) -> u32 {
        self.unknown_classes[unknown as usize].class
    }

    /// How many of an unknown class have been invoked.
    pub(crate) fn available(&self, unknown: u32) -> u32 {
        self.unknown_classes[unknown as usize].available
    }

    /// The n-th step of an unknown class.
    pub(crate) fn unknown_step(&self, unknown: u32, nth: u32) -> u32 {
        self.unknown_steps[(self.unknown_classes[unknown as usize].start + nth) as usize]
    }

    /// Passes the return before which we stand (the first time: none). Sets the bit of each unknown
    /// class of which a step was invoked since, and says whether one was that changes nothing.
    pub(crate) fn forward(&mut self, invoked: &mut [u64]) -> bool {
        if self.started {
            let returned = self.returns[self.level as usize];
            self.close(returned);
            self.level += 1;
        }
        self.started = true;
        let mut looks = false;
        for step in self.entered(self.level) {
            let Placed {
                slot,
                unknown,
                nature,
                ..
            } = self.placed[step as usize];
            looks |= nature == Nature::Look;
            if unknown {
                self.unknown_classes[slot as usize].available += 1;
                invoked[slot as usize / 64] |= 1 << (slot % 64);
            } else {
                self.reopen(step);
            }
        }
        looks
    }

    /// Goes back before the return that was passed last.
    pub(crate) fn back(&mut self) {
        for step in self.entered(self.level).rev() {
            let placed = self.placed[step as usize];
            if placed.unknown {
                self.unknown_classes[placed.slot as usize].available -= 1;
            } else {
                self.close(step);
                self.occupants[placed.slot as usize] = placed.predecessor;
            }
        }
        self.level -= 1;
        self.reopen(self.returns[self.level as usize]);
    }

    fn entered(&self, level: u32) -> std::ops::Range<u32> {
        self.entries[level as usize]..self.entries[level as usize + 1]
    }

    #[inline(always)] // a few instructions, once for each step that is passed
    fn reopen(&mut self, step: u32) {
        let Placed { slot, nature, .. } = self.placed[step as usize];
        self.occupants[slot as usize] = step;
        let slots = &mut self.slots[slot as usize / 64];
        slots.open |= 1 << (slot % 64);
        slots.looks |= u64::from(nature == Nature::Look) << (slot % 64);
        slots.blinds |= u64::from(nature == Nature::Blind) << (slot % 64);
    }

    #[inline(always)]
    fn close(&mut self, step: u32) {
        let slot = self.placed[step as usize].slot;
        let slots = &mut self.slots[slot as usize / 64];
        let others = !(1 << (slot % 64));
        slots.open &= others;
        slots.looks &= others;
        slots.blinds &= others;
    }
}

/// The steps with a known outcome in the order of their returns, which all differ.
fn by_return(steps: &[Step]) -> Vec<u32> {
    let known = |step: &&Step| step.ret != NEVER;
    let last = steps.iter().filter(known).map(|step| step.ret).max();
    let end = last.map_or(0, |last| last as usize + 1);
    if end > steps.len() * 8 {
        let known = |at: &u32| steps[*at as usize].ret != NEVER;
        let mut returns: Vec<u32> = (0..steps.len() as u32).filter(known).collect();
        returns.sort_unstable_by_key(|at| steps[*at as usize].ret);
        return returns;
    }
    // Where returns lie close together, each is put where it belongs, and gaps are closed.
    let mut returns = vec![NEVER; end];
    for (at, step) in steps.iter().enumerate() {
        if step.ret != NEVER {
            returns[step.ret as usize] = at as u32;
        }
    }
    let mut count = 0;
    for position in 0..end {
        let at = returns[position];
        returns[count] = at;
        count += usize::from(at != NEVER);
    }
    returns.truncate(count);
    returns
}

/// The steps of unknown outcome by class, in the order of their invocations; says each class where
/// its own begin.
fn group(placed: &[Placed], classes: &mut [UnknownClass]) -> Vec<u32> {
    let mut end = 0;
    for class in &mut *classes {
        end += class.total;
        class.start = end;
    }
    let mut grouped = vec![0; end as usize];
    for (step, placed) in placed.iter().enumerate().rev() {
        if placed.unknown {
            let start = &mut classes[placed.slot as usize].start;
            *start -= 1;
            grouped[*start as usize] = step as u32;
        }
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Level, natures of what is open, what is open, how many of each unknown class there are.
    type State = (u32, Vec<(u64, u64)>, Vec<u32>, Vec<u32>);

    fn state(window: &Window) -> State {
        let open: Vec<u32> = (0..window.words() * 64)
            .filter(|slot| window.open(slot / 64) >> (slot % 64) & 1 == 1)
            .map(|slot| window.occupant(slot as u32))
            .collect();
        let natures = (0..window.words())
            .map(|word| (window.looks(word), window.blinds(word)))
            .collect();
        let unknown = 0..window.unknown_count() as u32;
        let available = unknown.map(|unknown| window.available(unknown)).collect();
        (window.level(), natures, open, available)
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
            let mut invoked = vec![0; window.unknown_count().div_ceil(64)];
            window.forward(&mut invoked);
            let mut states = vec![state(&window)];
            for level in 1..window.levels() {
                window.forward(&mut invoked);
                let now = state(&window);
                let ret = steps[window.returning(level) as usize].ret;
                let mut open = now.2.clone();
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
