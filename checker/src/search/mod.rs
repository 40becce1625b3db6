//! Engine E2: searches for a linearization of one object, whatever its sequential model.
//!
//! The search of J. Wing and C. Gong ("Testing and verifying concurrent objects", 1993), with the
//! memory of configurations of G. Lowe ("Testing for linearizability", 2017), and these:
//!
//! - A configuration is small: the next return to satisfy, a bit for each *open* operation (slots
//!   are taken at invocation and freed at return), and the number of an interned state.
//! - What changes nothing is linearized as soon as it fits: waiting can never help.
//! - A *blind* write (it fits any state, and the state after it is always the same) is linearized
//!   only when it returns, or when another operation needs what it leaves. Once another blind
//!   write came after its invocation it may be hidden: it can have happened just before that one,
//!   where nobody saw it. So no subsets of unseen writes are ever tried.
//! - Operations of unknown outcome are never forced. Equal ones form a class, and a configuration
//!   only counts how many of each class it used; using fewer, and being free to hide more,
//!   dominates.
//! - Of equal open operations only the one that returns first is tried.
//! - Configurations are remembered only where there is a choice.

mod configuration;
mod memory;
mod model;
mod pace;
mod unknown;
mod window;

pub(crate) use model::{Interned, Machine};
pub use model::{Model, Nature};

use crate::budget::Effort;
use crate::history::NEVER;
use configuration::Configuration;
use memory::{Fields, Visited};
use pace::Pace;
use unknown::Fitting;
use window::Window;

/// An operation as the search sees it: a class of equal effects, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) class: u32,
    pub(crate) inv: u32,
    /// [`NEVER`] if the outcome is unknown.
    pub(crate) ret: u32,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Places of the steps in an order that explains every result.
    Valid(Vec<u32>),
    /// No order explains more than the returns before that of `stuck`.
    Invalid { stuck: u32 },
    /// The budget ran out; some order explains the first `explained` returns.
    OutOfBudget {
        why: &'static str,
        explained: usize,
        stuck: u32,
    },
}

/// No state: the step does not fit.
pub(crate) const ILLEGAL: u32 = u32::MAX;

#[derive(Clone, Copy)]
enum Candidate {
    Known(u32),
    /// One more of this unknown class.
    Unknown(u32),
    /// The blind write that returns happened just before another one, where nobody saw it.
    Hide,
}

struct Frame {
    level: u32,
    state: u32,
    moves: u32,
    /// Where its candidates begin, and the next of them.
    candidates: u32,
    next: u32,
}

/// Searches for a linearization of these steps, given in the order of their invocations.
pub(crate) fn search<M: Machine>(machine: &mut M, steps: &[Step], effort: &mut Effort) -> Found {
    Search::new(machine, steps).run(effort)
}

/// Room for so many is made in the beginning: for a small history that is enough.
const FEW: usize = 16;

struct Search<'a, M> {
    machine: &'a mut M,
    steps: &'a [Step],
    window: Window,
    fields: Fields,
    fitting: Fitting,
    visited: Visited,
    /// The configuration at hand, and its state.
    now: Configuration,
    state: u32,
    /// The choices made: the step, and the level at which it was linearized.
    moves: Vec<(u32, u32)>,
    frames: Vec<Frame>,
    /// The configurations of the frames, one after the other.
    saved: Vec<u64>,
    candidates: Vec<Candidate>,
    deepest: u32,
}

impl<'a, M: Machine> Search<'a, M> {
    fn new(machine: &'a mut M, steps: &'a [Step]) -> Self {
        let window = Window::new(steps, |class| machine.nature(class));
        let words = window.words();
        let fields = Fields::new(window.unknown_totals());
        let fitting = Fitting::new(machine, &window);
        let left_words = window.unknown_count().div_ceil(64);
        let now = Configuration::new(words, fields.words(), left_words);
        let visited = Visited::new(words, fields.words());
        let state = machine.initial();
        let saved = Vec::with_capacity(FEW * now.len());
        Search {
            machine,
            steps,
            window,
            fields,
            fitting,
            visited,
            now,
            state,
            moves: Vec::with_capacity(steps.len()),
            frames: Vec::with_capacity(FEW),
            saved,
            candidates: Vec::with_capacity(FEW),
            deepest: 0,
        }
    }

    fn run(mut self, effort: &mut Effort) -> Found {
        if self.window.levels() == 0 {
            return Found::Valid(Vec::new());
        }
        self.window.forward(self.now.left_mut());
        let mut pace = Pace::new(effort);
        loop {
            if let Some(why) = pace.round(|| (self.bytes(), self.growth())) {
                return Found::OutOfBudget {
                    why,
                    explained: self.deepest as usize,
                    stuck: self.window.returning(self.deepest),
                };
            }
            if self.settle() {
                return Found::Valid(self.witness());
            }
            if !self.choose() && !self.choose_again() {
                return Found::Invalid {
                    stuck: self.window.returning(self.deepest),
                };
            }
        }
    }

    fn bytes(&self) -> usize {
        self.visited.bytes()
            + self.fitting.bytes()
            + self.saved.capacity() * 8
            + self.frames.capacity() * size_of::<Frame>()
            + self.moves.capacity() * 8
            + self.candidates.capacity() * size_of::<Candidate>()
            + self.machine.bytes()
    }

    /// Bytes by which tables will grow at once in the next rounds.
    fn growth(&self) -> usize {
        self.visited.growth() + self.machine.growth()
    }

    /// Linearizes what changes nothing and fits, and passes each return that is satisfied; says
    /// whether the last one was.
    fn settle(&mut self) -> bool {
        self.absorb();
        loop {
            let level = self.window.level();
            let returning = self.window.returning(level);
            let slot = self.window.slot(returning);
            if !self.now.is_linearized(slot) {
                self.deepest = self.deepest.max(level);
                return false;
            }
            self.now.free(slot);
            if level + 1 == self.window.levels() {
                return true;
            }
            // As long as the state stays, only new ones can fit that did not.
            if self.window.forward(self.now.left_mut()) {
                self.absorb();
            }
        }
    }

    /// Linearizes each open step that changes nothing and fits.
    fn absorb(&mut self) {
        for word in 0..self.now.slot_words() {
            let mut open = self.window.looks(word) & !self.now.linearized(word);
            while open != 0 {
                let slot = word as u32 * 64 + open.trailing_zeros();
                open &= open - 1;
                let step = self.window.occupant(slot);
                let class = self.steps[step as usize].class;
                if self.machine.apply(self.state, class) != ILLEGAL {
                    self.now.set_linearized(slot);
                    self.moves.push((step, self.window.level()));
                }
            }
        }
    }

    /// Takes the most promising candidate, and remembers the others, if there are any. There is
    /// none where nothing fits, and where a configuration at least as good was here before.
    fn choose(&mut self) -> bool {
        let start = self.candidates.len();
        self.list_candidates();
        let count = self.candidates.len() - start;
        if count == 0 {
            return false;
        }
        let first = self.candidates[start];
        if count == 1 {
            self.candidates.truncate(start);
        } else if self.visited.insert(
            self.window.level(),
            self.state,
            self.now.identity(),
            &self.fields,
        ) {
            self.open_frame(start as u32);
        } else {
            self.candidates.truncate(start);
            return false;
        }
        self.take(first);
        true
    }

    /// Remembers the configuration at hand, with its candidates after the first.
    fn open_frame(&mut self, candidates: u32) {
        self.frames.push(Frame {
            level: self.window.level(),
            state: self.state,
            moves: self.moves.len() as u32,
            candidates,
            next: candidates + 1,
        });
        self.now.save(&mut self.saved);
    }

    /// Goes back to the last frame and takes its next candidate; false if there is no frame.
    fn choose_again(&mut self) -> bool {
        let Some(frame) = self.frames.last_mut() else {
            return false;
        };
        let candidate = self.candidates[frame.next as usize];
        frame.next += 1;
        let was_last = frame.next as usize == self.candidates.len();
        self.restore();
        if was_last && let Some(frame) = self.frames.pop() {
            self.candidates.truncate(frame.candidates as usize);
            self.saved.truncate(self.saved.len() - self.now.len());
        }
        self.take(candidate);
        true
    }

    /// The steps that can come next, the most promising first: the one that returns, then those
    /// after which it fits, then the others.
    fn list_candidates(&mut self) {
        let returning = self.window.returning(self.window.level());
        let wanted = self.steps[returning as usize].class;
        let start = self.candidates.len();
        let mut helpful = start;
        let after = self.machine.apply(self.state, wanted);
        let slot = self.window.slot(returning);
        if self.now.is_hideable(slot) {
            self.candidates.push(Candidate::Hide);
            // Only somebody who comes later, or could come now, makes it worth to be seen.
            let ret = self.steps[returning as usize].ret;
            if self.machine.seen_until(after) > ret || self.is_followed(after, wanted, false) {
                self.candidates.push(Candidate::Known(returning));
            }
            helpful = self.candidates.len();
        } else if after != ILLEGAL {
            self.candidates.push(Candidate::Known(returning));
            helpful += 1;
        }
        for word in 0..self.now.slot_words() {
            let mut open =
                self.window.open(word) & !self.window.looks(word) & !self.now.linearized(word);
            while open != 0 {
                let slot = word as u32 * 64 + open.trailing_zeros();
                open &= open - 1;
                let step = self.window.occupant(slot);
                if step != returning && !self.has_better_twin(step) {
                    self.consider(Candidate::Known(step), wanted, &mut helpful);
                }
            }
        }
        for word in 0..self.now.left_words() {
            let mut fitting = self.fitting_unknown(self.state, word, u64::MAX);
            while fitting != 0 {
                let unknown = word as u32 * 64 + fitting.trailing_zeros();
                fitting &= fitting - 1;
                if !self.class_is_open(self.window.unknown_class(unknown)) {
                    self.consider(Candidate::Unknown(unknown), wanted, &mut helpful);
                }
            }
        }
    }

    /// Those of some unknown classes, among the word's 64, that fit a state and have steps left.
    fn fitting_unknown(&mut self, state: u32, word: usize, among: u64) -> u64 {
        let among = among & self.now.left(word);
        self.fitting
            .among(self.machine, &self.window, state, word, among)
    }

    /// Adds a candidate if it fits and can matter.
    fn consider(&mut self, candidate: Candidate, wanted: u32, helpful: &mut usize) {
        let class = self.class_of(candidate);
        let after = self.machine.apply(self.state, class);
        if after == ILLEGAL {
            return;
        }
        let helps = self.machine.apply(after, wanted) != ILLEGAL;
        if self.machine.nature(class) == Nature::Blind && !self.is_followed(after, wanted, helps) {
            return;
        }
        // What leaves the state as it is helps only by hiding other writes.
        if after == self.state && matches!(candidate, Candidate::Unknown(_)) && !self.can_hide() {
            return;
        }
        self.candidates.push(candidate);
        if helps {
            let last = self.candidates.len() - 1;
            self.candidates.swap(*helpful, last);
            *helpful += 1;
        }
    }

    /// Whether a blind write is open that could be hidden and is not yet free to be.
    fn can_hide(&self) -> bool {
        (0..self.now.slot_words()).any(|word| {
            self.window.blinds(word) & !self.now.linearized(word) & !self.now.hideable(word) != 0
        })
    }

    /// Whether some step that is not a blind write could come right after this state; if none can,
    /// a blind write that leads there would only be overwritten unseen.
    fn is_followed(&mut self, state: u32, wanted: u32, helps: bool) -> bool {
        if helps && self.machine.nature(wanted) != Nature::Blind {
            return true;
        }
        for word in 0..self.now.left_words() {
            let seeing = self.fitting.seeing(word);
            if self.fitting_unknown(state, word, seeing) != 0 {
                return true;
            }
        }
        for word in 0..self.now.slot_words() {
            let mut open =
                self.window.open(word) & !self.window.blinds(word) & !self.now.linearized(word);
            while open != 0 {
                let slot = word as u32 * 64 + open.trailing_zeros();
                open &= open - 1;
                let class = self.steps[self.window.occupant(slot) as usize].class;
                if self.machine.apply(state, class) != ILLEGAL {
                    return true;
                }
            }
        }
        false
    }

    /// Whether an equal open step returns earlier and is not freer to be hidden: to keep that one
    /// for later is never better than to keep this one.
    fn has_better_twin(&self, step: u32) -> bool {
        let mine = self.steps[step as usize];
        let my_slot = self.window.slot(step);
        for word in 0..self.now.slot_words() {
            let mut open = self.window.open(word) & !self.now.linearized(word);
            while open != 0 {
                let slot = word as u32 * 64 + open.trailing_zeros();
                open &= open - 1;
                let twin = self.steps[self.window.occupant(slot) as usize];
                if slot != my_slot
                    && twin.class == mine.class
                    && twin.ret < mine.ret
                    && self.now.is_hideable(slot) <= self.now.is_hideable(my_slot)
                {
                    return true;
                }
            }
        }
        false
    }

    fn class_is_open(&self, class: u32) -> bool {
        (0..self.now.slot_words()).any(|word| {
            let mut open = self.window.open(word) & !self.now.linearized(word);
            while open != 0 {
                let slot = word as u32 * 64 + open.trailing_zeros();
                open &= open - 1;
                if self.steps[self.window.occupant(slot) as usize].class == class {
                    return true;
                }
            }
            false
        })
    }

    fn class_of(&self, candidate: Candidate) -> u32 {
        match candidate {
            Candidate::Known(step) => self.steps[step as usize].class,
            Candidate::Unknown(unknown) => self.window.unknown_class(unknown),
            Candidate::Hide => {
                self.steps[self.window.returning(self.window.level()) as usize].class
            }
        }
    }

    /// Goes back to the configuration of the last frame.
    fn restore(&mut self) {
        let Some(frame) = self.frames.last() else {
            return;
        };
        while self.window.level() > frame.level {
            self.window.back();
        }
        self.moves.truncate(frame.moves as usize);
        self.state = frame.state;
        self.now.restore(&self.saved);
    }

    /// Linearizes a candidate.
    fn take(&mut self, candidate: Candidate) {
        let level = self.window.level();
        if let Candidate::Hide = candidate {
            let slot = self.window.slot(self.window.returning(level));
            self.now.set_linearized(slot);
            return;
        }
        let class = self.class_of(candidate);
        self.state = self.machine.apply(self.state, class);
        match candidate {
            Candidate::Known(step) => {
                let slot = self.window.slot(step);
                self.now.set_linearized(slot);
                self.now.set_not_hideable(slot);
                self.moves.push((step, level));
            }
            Candidate::Unknown(unknown) => {
                let nth = self.fields.get(self.now.used(), unknown);
                self.fields.increment(self.now.used_mut(), unknown);
                if nth + 1 == self.window.available(unknown) {
                    self.now.left_mut()[unknown as usize / 64] &= !(1 << (unknown % 64));
                }
                self.moves
                    .push((self.window.unknown_step(unknown, nth), level));
            }
            Candidate::Hide => {}
        }
        if self.machine.nature(class) == Nature::Blind {
            for word in 0..self.now.slot_words() {
                let blinds = self.window.blinds(word) & !self.now.linearized(word);
                self.now.set_hideable(word, blinds);
            }
        }
    }

    /// The order found, with each hidden write just before the blind write that hides it.
    fn witness(&self) -> Vec<u32> {
        let mut linearized = vec![false; self.steps.len()];
        for (step, _) in &self.moves {
            linearized[*step as usize] = true;
        }
        let mut hidden = (0..self.steps.len() as u32)
            .filter(|step| !linearized[*step as usize] && self.steps[*step as usize].ret != NEVER)
            .peekable();
        let mut order = Vec::with_capacity(self.steps.len());
        for (step, level) in &self.moves {
            if self.machine.nature(self.steps[*step as usize].class) == Nature::Blind {
                let now = self.steps[self.window.returning(*level) as usize].ret;
                while let Some(one) = hidden.next_if(|one| self.steps[*one as usize].inv < now) {
                    order.push(one);
                }
            }
            order.push(*step);
        }
        order
    }
}
