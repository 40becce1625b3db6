//! Registers that are judged while their history is read: what is settled of each key is forgotten.
//!
//! Window by window, each key is judged by zones from the value on that its settled past left
//! behind, and the witness is validated; see [`super::zones`] for what is settled then. The
//! settled beginnings of a key's witnesses, one after the other, are the beginning of a witness of
//! its whole history: so *valid* is as exact as if all had been judged at once. A key that zones
//! refute, or cannot judge, is left to a second reading. (A value that is written again when the
//! first one is settled does not hinder zones, as it would in the whole history.)

use super::access::{Effect, Names};
use super::key::Engine;
use super::zones::{Horizon, Judgement};
use super::{Options, Task, check, witness};
use crate::hash::FastMap;
use crate::history::{Datum, History, NEVER, Outcome};
use crate::keys::Groups;
use crate::report::{MustHaveHappened, OperationView, Report, Role, Verdict};

/// What is known of a key.
#[derive(Clone, Debug)]
struct Key {
    /// What its settled past left behind.
    value: Datum,
    state: State,
    /// How many operations its witness has so far.
    ordered: usize,
    must_have_happened: usize,
    /// The first of those, with their invocations.
    first_of_them: Vec<(u32, OperationView)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No operation was on it yet.
    Unused,
    /// All that was read of it is linearizable.
    Valid,
    /// It has to be judged as a whole.
    Left,
}

/// Keys that are judged while their history is read.
pub(crate) struct Settling {
    options: Options,
    engine: Engine,
    initial: Datum,
    /// By [`slot`].
    keys: Vec<Key>,
    /// Operations that are open, though their effect is settled, by their invocation.
    placed: FastMap<u32, ()>,
}

/// The place of a key in a table of all keys.
fn slot(key: u32) -> usize {
    match key {
        NEVER => 0,
        key => key as usize + 1,
    }
}

impl Settling {
    pub(crate) fn new(options: Options, history: &mut History) -> Settling {
        Settling {
            initial: history.intern(&options.initial),
            options,
            engine: Engine::default(),
            keys: Vec::new(),
            placed: FastMap::default(),
        }
    }

    /// Does this with each datum that it keeps.
    pub(crate) fn each_datum(&mut self, call_anew: &mut dyn FnMut(&mut Datum)) {
        call_anew(&mut self.initial);
        self.keys
            .iter_mut()
            .for_each(|key| call_anew(&mut key.value));
    }

    /// Judges what the history holds, and marks what has to be kept: what is open, and what is not
    /// settled. If these are the last operations, then none is open, and all are settled.
    pub(crate) fn look(&mut self, history: &History, open: Option<&[bool]>) -> Vec<bool> {
        let mut kept = match open {
            Some(open) => open.to_vec(),
            None => vec![false; history.operations.len()],
        };
        let unused = Key {
            value: self.initial,
            state: State::Unused,
            ordered: 0,
            must_have_happened: 0,
            first_of_them: Vec::new(),
        };
        self.keys.resize(history.key_count() + 1, unused);
        let names = Names::of(history);
        let keyless = match history.key_count() {
            0 => END,
            // Nobody knows yet which keys these are on.
            _ => {
                let all = 0..history.operations.len() as u32;
                let key_of = |place: &u32| history.operations[*place as usize].key;
                horizon(
                    history,
                    open,
                    &names,
                    all.filter(|one| key_of(one) == NEVER),
                )
            }
        };
        for (key, places) in Groups::of(history).iter() {
            if self.keys[slot(key)].state == State::Left {
                continue;
            }
            let places = self.without_placed(history, open, key, places);
            let own = horizon(history, open, &names, places.iter().copied());
            let horizon = Horizon {
                joining: own.joining.min(keyless.joining),
                any: own.any.min(keyless.any),
            };
            let end = open.map(|_| horizon);
            let valid = self.judge(history, names, key, &places, end, &mut kept);
            let state = &mut self.keys[slot(key)].state;
            if *state != State::Left {
                *state = if valid { State::Valid } else { State::Left };
            }
        }
        kept
    }

    /// Whether any key has to be judged as a whole.
    pub(crate) fn left_any(&self) -> bool {
        self.keys.iter().any(|key| key.state == State::Left)
    }

    /// Whether this key has to be judged as a whole.
    pub(crate) fn is_left(&self, key: u32) -> bool {
        let key = self.keys.get(slot(key));
        key.is_some_and(|key| key.state == State::Left)
    }

    /// Whether most of these operations are on keys that have to be judged as a whole.
    pub(crate) fn left_most(&self, history: &History) -> bool {
        let left = history
            .operations
            .iter()
            .filter(|operation| self.is_left(operation.key));
        2 * left.count() > history.operations.len()
    }

    /// The report of the whole history, of which `history` has those operations that are on keys
    /// that have to be judged as a whole.
    pub(crate) fn report(&self, history: &History) -> Report {
        let mut report = check(history, &self.options);
        let valid = || self.keys.iter().filter(|key| key.state == State::Valid);
        let keys = valid().count();
        report.engines.zones += keys;
        report.violations.of_keys += keys;
        if let Verdict::Valid(witness) = &mut report.verdict {
            witness.settled = valid().map(|key| key.ordered).sum();
        }
        let must = &mut report.must_have_happened;
        must.count += valid().map(|key| key.must_have_happened).sum::<usize>();
        let invoke = |view: &OperationView| history.operations[view.place as usize].invoke;
        let mut first: Vec<(u32, OperationView)> = std::mem::take(&mut must.operations)
            .into_iter()
            .map(|view| (invoke(&view), view))
            .chain(valid().flat_map(|key| key.first_of_them.iter().cloned()))
            .collect();
        first.sort_by_key(|(invoke, _)| *invoke);
        first.truncate(MustHaveHappened::LISTED_MAX);
        must.operations
            .extend(first.into_iter().map(|(_, mut view)| {
                // That they go back may have been seen later.
                view.timed &= !history.times_go_back;
                view
            }));
        report
    }

    /// The operations of a key whose effect is not settled. Those that have ended meanwhile are
    /// looked at for the last time.
    fn without_placed(
        &mut self,
        history: &History,
        open: Option<&[bool]>,
        key: u32,
        places: &[u32],
    ) -> Vec<u32> {
        if self.placed.is_empty() {
            return places.to_vec();
        }
        let mut others = Vec::with_capacity(places.len());
        for place in places {
            let operation = &history.operations[*place as usize];
            if !self.placed.contains_key(&operation.invoke) {
                others.push(*place);
                continue;
            }
            if open.is_some_and(|open| open[*place as usize]) {
                continue;
            }
            self.placed.remove(&operation.invoke);
            match operation.outcome {
                Outcome::Ok => {}
                Outcome::Unknown => self.keys[slot(key)].must_have_happened(history, *place),
                // It had no effect, they say; but it was seen.
                Outcome::Fail => self.keys[slot(key)].state = State::Left,
            }
        }
        others
    }

    /// Judges the operations of a key, and forgets those that are settled; all of them if there is
    /// no horizon. False if the key has to be judged as a whole.
    fn judge(
        &mut self,
        history: &History,
        names: Names,
        key: u32,
        places: &[u32],
        horizon: Option<Horizon>,
        kept: &mut [bool],
    ) -> bool {
        let Settling {
            options,
            engine,
            keys,
            placed,
            ..
        } = self;
        let initial = keys[slot(key)].value;
        let task = Task {
            history,
            options,
            names,
            initial,
            deadline: options.budget.deadline(),
        };
        if engine.gather(&task, places).is_err() {
            return false;
        }
        let Engine {
            zones, accesses, ..
        } = engine;
        if zones.judge(accesses, initial) != Judgement::Valid {
            return false;
        }
        let order = zones.witness(accesses);
        if !witness::is_linearization(accesses, &order, initial) {
            return false;
        }
        let settled = match horizon {
            Some(horizon) => zones.settled(accesses, horizon),
            None => order.len(),
        };
        let key = &mut keys[slot(key)];
        let mut is_settled = vec![false; accesses.len()];
        for at in &order[..settled] {
            let access = &accesses[*at as usize];
            is_settled[*at as usize] = true;
            if let Effect::Write(value) | Effect::Cas(_, value) = access.effect {
                key.value = value;
            }
            if access.ret != NEVER {
                continue;
            }
            match kept[access.place as usize] {
                true => {
                    let invoke = history.operations[access.place as usize].invoke;
                    placed.insert(invoke, ());
                }
                false => key.must_have_happened(history, access.place),
            }
        }
        key.ordered += settled;
        for (access, settled) in accesses.iter().zip(is_settled) {
            kept[access.place as usize] |= !settled && horizon.is_some();
        }
        true
    }
}

impl Key {
    fn must_have_happened(&mut self, history: &History, place: u32) {
        self.must_have_happened += 1;
        let invoke = history.operations[place as usize].invoke;
        let first = &mut self.first_of_them;
        if first.len() == MustHaveHappened::LISTED_MAX {
            if first.last().is_some_and(|last| last.0 < invoke) {
                return;
            }
            first.pop();
        }
        let view = OperationView::of(history, place, Role::Source);
        let at = first.partition_point(|other| other.0 < invoke);
        first.insert(at, (invoke, view));
    }
}

/// Where nothing is open.
const END: Horizon = Horizon {
    joining: NEVER,
    any: NEVER,
};

/// The earliest invocations of those operations at these places that are open.
fn horizon(
    history: &History,
    open: Option<&[bool]>,
    names: &Names,
    places: impl Iterator<Item = u32>,
) -> Horizon {
    let mut horizon = END;
    let Some(open) = open else {
        return horizon;
    };
    for place in places.filter(|place| open[*place as usize]) {
        let operation = &history.operations[place as usize];
        let (inv, _) = operation.span();
        horizon.any = horizon.any.min(inv);
        if !names.is_write(operation.f) {
            horizon.joining = horizon.joining.min(inv);
        }
    }
    horizon
}
