//! A small solver for propositional clauses, with learning: two watched literals, first unique
//! implication point, activities, saved phases (Moskewicz et al., "Chaff", 2001; Eén and Sörensson,
//! "An Extensible SAT-solver", 2003).
//!
//! An own one, since clauses are found while the search runs, with phases guessed from the history;
//! there are few variables, and what a library would bring beyond this is not needed.

use std::collections::BinaryHeap;

/// A variable and its sign: twice its number, and one more if it is negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Literal(u32);

impl Literal {
    pub(super) fn new(variable: u32, truth: bool) -> Literal {
        Literal(variable * 2 + u32::from(!truth))
    }

    pub(super) fn variable(self) -> u32 {
        self.0 / 2
    }

    /// What the variable is if the literal is true.
    pub(super) fn truth(self) -> bool {
        self.0.is_multiple_of(2)
    }

    pub(super) fn not(self) -> Literal {
        Literal(self.0 ^ 1)
    }

    fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a search for values ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All clauses are true.
    Satisfied,
    /// They contradict each other; the number of the one that shows it.
    Contradiction(u32),
    /// The budget ran out.
    Undecided,
}

/// What literals mean beyond clauses.
pub(super) trait Theory {
    /// A literal is true now. An error are literals that are true, this one among them, and cannot
    /// all be: nothing has changed then.
    fn assert(&mut self, literal: Literal) -> Result<(), Vec<Literal>>;

    /// The literal that was asserted last is not true any more.
    fn retract(&mut self);

    /// A literal without value that should be tried; none if no more are needed. It may make
    /// variables.
    fn decide(&mut self, solver: &mut Solver) -> Option<Literal>;
}

/// There is nothing but clauses.
struct Clauses;

impl Theory for Clauses {
    fn assert(&mut self, _: Literal) -> Result<(), Vec<Literal>> {
        Ok(())
    }

    fn retract(&mut self) {}

    fn decide(&mut self, _: &mut Solver) -> Option<Literal> {
        None
    }
}

const NO_REASON: u32 = u32::MAX;

#[derive(Default)]
pub(super) struct Solver {
    clauses: Vec<Vec<Literal>>,
    /// Per literal, the clauses that watch it: they are looked at when it becomes false.
    watches: Vec<Vec<u32>>,
    /// Per variable, its value, once it has one.
    values: Vec<Option<bool>>,
    levels: Vec<u32>,
    reasons: Vec<u32>,
    phases: Vec<bool>,
    activities: Vec<f32>,
    increment: f32,
    /// Variables by activity; some entries are out of date.
    queue: BinaryHeap<(u32, u32)>,
    trail: Vec<Literal>,
    /// Where in the trail each decision stands.
    decisions: Vec<usize>,
    next: usize,
    /// How much of the trail the theory knows.
    asserted: usize,
    /// The clause that cannot be true whatever is decided.
    contradiction: Option<u32>,
    seen: Vec<bool>,
}

impl Solver {
    /// A new variable, which is tried with this value first.
    pub(super) fn variable(&mut self, phase: bool) -> u32 {
        let variable = self.values.len() as u32;
        self.values.push(None);
        self.levels.push(0);
        self.reasons.push(NO_REASON);
        self.phases.push(phase);
        self.activities.push(0.0);
        self.seen.push(false);
        self.watches.extend([Vec::new(), Vec::new()]);
        variable
    }

    /// The value of a variable in the answer.
    pub(super) fn value(&self, variable: u32) -> Option<bool> {
        self.values[variable as usize]
    }

    /// Adds a clause: one of these literals must be true. Returns its number.
    pub(super) fn add(&mut self, mut literals: Vec<Literal>) -> u32 {
        self.back_to(0, &mut Clauses);
        literals.sort_unstable();
        literals.dedup();
        // What is watched must not be false already, where there is a choice.
        literals.sort_by_key(|literal| self.truth(*literal) == Some(false));
        for literal in &literals {
            self.bump(literal.variable());
        }
        let number = self.clauses.len() as u32;
        if literals.len() > 1 {
            for literal in &literals[..2] {
                self.watches[literal.index()].push(number);
            }
        }
        let first = literals.first().copied();
        let second = literals.get(1).copied();
        self.clauses.push(literals);
        match (first, second) {
            (Some(first), second) if self.truth(first) != Some(false) => {
                if second.is_none_or(|second| self.truth(second) == Some(false))
                    && self.truth(first).is_none()
                {
                    self.assign(first, number);
                }
            }
            _ => self.contradiction = Some(number),
        }
        number
    }

    /// Looks for values that make all clauses true; `work` counts down.
    pub(super) fn solve(&mut self, work: &mut u64) -> Answer {
        self.back_to(0, &mut Clauses);
        self.solve_with(&mut Clauses, work)
    }

    /// The same with a theory. It goes on where it was, so that it can be called again and again
    /// with a little work.
    pub(super) fn solve_with(&mut self, theory: &mut impl Theory, work: &mut u64) -> Answer {
        loop {
            if let Some(number) = self.contradiction {
                return Answer::Contradiction(number);
            }
            if *work == 0 {
                return Answer::Undecided;
            }
            let before = self.trail.len();
            let conflict = match self.propagate() {
                Some(number) => Some(self.clauses[number as usize].clone()),
                None => self.assert(theory),
            };
            let cost = (self.trail.len() - before) as u64 + 1;
            *work = work.saturating_sub(cost);
            match conflict {
                Some(clause) if self.decisions.is_empty() => {
                    self.contradiction = Some(self.clauses.len() as u32);
                    self.clauses.push(clause);
                }
                Some(clause) => self.learn(clause, theory),
                None => {
                    let chosen = self.choose().or_else(|| theory.decide(self));
                    let Some(literal) = chosen else {
                        return Answer::Satisfied;
                    };
                    self.decisions.push(self.trail.len());
                    self.assign(literal, NO_REASON);
                }
            }
        }
    }

    /// Tells the theory what is true; the clause that says why that cannot be.
    fn assert(&mut self, theory: &mut impl Theory) -> Option<Vec<Literal>> {
        while let Some(literal) = self.trail.get(self.asserted) {
            if let Err(together) = theory.assert(*literal) {
                return Some(together.into_iter().map(Literal::not).collect());
            }
            self.asserted += 1;
        }
        None
    }

    fn truth(&self, literal: Literal) -> Option<bool> {
        self.values[literal.variable() as usize].map(|value| value == literal.truth())
    }

    fn assign(&mut self, literal: Literal, reason: u32) {
        let variable = literal.variable() as usize;
        self.values[variable] = Some(literal.truth());
        self.phases[variable] = literal.truth();
        self.levels[variable] = self.decisions.len() as u32;
        self.reasons[variable] = reason;
        self.trail.push(literal);
    }

    /// Follows what is decided; the number of a clause that became false.
    fn propagate(&mut self) -> Option<u32> {
        while let Some(literal) = self.trail.get(self.next).copied() {
            self.next += 1;
            let lost = literal.not();
            let mut watching = std::mem::take(&mut self.watches[lost.index()]);
            let mut kept = 0;
            let mut conflict = None;
            let mut at = 0;
            while at < watching.len() {
                let number = watching[at];
                at += 1;
                let clause = &mut self.clauses[number as usize];
                if clause[0] == lost {
                    clause.swap(0, 1);
                }
                let first = clause[0];
                let value = |literal: Literal| {
                    self.values[literal.variable() as usize].map(|value| value == literal.truth())
                };
                let other = (2..clause.len()).find(|place| value(clause[*place]) != Some(false));
                if value(first) != Some(true)
                    && let Some(place) = other
                {
                    clause.swap(1, place);
                    let watched = clause[1];
                    self.watches[watched.index()].push(number);
                    continue;
                }
                watching[kept] = number;
                kept += 1;
                match value(first) {
                    Some(true) => {}
                    Some(false) => {
                        conflict = Some(number);
                        break;
                    }
                    None => self.assign(first, number),
                }
            }
            watching.drain(kept..at);
            self.watches[lost.index()] = watching;
            if conflict.is_some() {
                return conflict;
            }
        }
        None
    }

    /// Learns from a clause that became false, and goes back to where that matters.
    fn learn(&mut self, conflict: Vec<Literal>, theory: &mut impl Theory) {
        let level = self.decisions.len() as u32;
        let mut learned: Vec<Literal> = Vec::new();
        let mut reason = conflict;
        let mut open = 0;
        let mut place = self.trail.len();
        let mut implied: Option<Literal> = None;
        let asserted = loop {
            for literal in reason {
                let variable = literal.variable() as usize;
                if Some(literal) == implied || self.seen[variable] || self.levels[variable] == 0 {
                    continue;
                }
                self.seen[variable] = true;
                self.bump(literal.variable());
                if self.levels[variable] == level {
                    open += 1;
                } else {
                    learned.push(literal);
                }
            }
            loop {
                place -= 1;
                if self.seen[self.trail[place].variable() as usize] {
                    break;
                }
            }
            let literal = self.trail[place];
            self.seen[literal.variable() as usize] = false;
            open -= 1;
            if open == 0 {
                break literal.not();
            }
            implied = Some(literal);
            let number = self.reasons[literal.variable() as usize];
            reason = self.clauses[number as usize].clone();
        };
        for literal in &learned {
            self.seen[literal.variable() as usize] = false;
        }
        learned.sort_by_key(|literal| std::cmp::Reverse(self.levels[literal.variable() as usize]));
        let back = learned
            .first()
            .map_or(0, |literal| self.levels[literal.variable() as usize]);
        self.back_to(back as usize, theory);
        learned.insert(0, asserted);
        let number = self.clauses.len() as u32;
        if learned.len() > 1 {
            for literal in &learned[..2] {
                self.watches[literal.index()].push(number);
            }
        }
        self.clauses.push(learned);
        self.assign(asserted, number);
        self.increment *= 1.05;
    }

    fn back_to(&mut self, level: usize, theory: &mut impl Theory) {
        if self.decisions.len() <= level {
            return;
        }
        let start = self.decisions[level];
        while self.asserted > start {
            theory.retract();
            self.asserted -= 1;
        }
        for literal in self.trail.drain(start..) {
            let variable = literal.variable();
            self.values[variable as usize] = None;
            let activity = self.activities[variable as usize];
            if activity > 0.0 {
                self.queue.push((activity.to_bits(), variable));
            }
        }
        self.decisions.truncate(level);
        self.next = self.next.min(start);
    }

    fn bump(&mut self, variable: u32) {
        self.increment = self.increment.max(1.0);
        self.activities[variable as usize] += self.increment;
        if self.activities[variable as usize] > 1e30 {
            for activity in &mut self.activities {
                *activity *= 1e-30;
            }
            self.increment *= 1e-30;
        }
        let activity = self.activities[variable as usize];
        self.queue.push((activity.to_bits(), variable));
    }

    /// The variable without value that mattered most, of those that are in clauses.
    fn choose(&mut self) -> Option<Literal> {
        while let Some((_, variable)) = self.queue.pop() {
            if self.values[variable as usize].is_none() {
                return Some(Literal::new(variable, self.phases[variable as usize]));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Random;

    #[test]
    fn answers_are_those_of_trying_everything() {
        let (mut satisfied, mut contradictions) = (0, 0);
        for seed in 0..3000 {
            let mut random = Random::new(seed);
            let variables = 1 + random.below(8);
            let mut solver = Solver::default();
            for _ in 0..variables {
                let phase = random.below(2) == 0;
                solver.variable(phase);
            }
            let mut clauses: Vec<Vec<Literal>> = Vec::new();
            for _ in 0..random.below(40) {
                let clause: Vec<Literal> = (0..1 + random.below(3))
                    .map(|_| Literal::new(random.below(variables) as u32, random.below(2) == 0))
                    .collect();
                solver.add(clause.clone());
                clauses.push(clause);
                // Clauses come while the search runs.
                if random.below(4) == 0 {
                    solver.solve(&mut 1_000_000);
                }
            }
            let holds = |value: &dyn Fn(u32) -> bool| {
                clauses.iter().all(|clause| {
                    clause
                        .iter()
                        .any(|one| value(one.variable()) == one.truth())
                })
            };
            let possible = (0..1_u32 << variables).any(|bits| holds(&|at| bits >> at & 1 == 1));
            match solver.solve(&mut 1_000_000) {
                Answer::Satisfied => {
                    assert!(possible, "seed {seed}");
                    assert!(holds(&|at| solver.value(at) == Some(true)), "seed {seed}");
                    satisfied += 1;
                }
                Answer::Contradiction(_) => {
                    assert!(!possible, "seed {seed}");
                    contradictions += 1;
                }
                Answer::Undecided => panic!("seed {seed}"),
            }
        }
        assert!(
            satisfied > 500 && contradictions > 500,
            "{satisfied} {contradictions}"
        );
    }
}
