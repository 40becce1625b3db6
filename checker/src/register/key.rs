//! Judges one key: by zones where they are exact, or else by search.

use super::access::{Access, access};
use super::deletes::{self, Deleted};
use super::zones::{Conflict, Judgement, Zones};
use super::{BAD_WITNESS, Explain, Task, explain, searched, witness};
use crate::anomaly::AnomalyName;
use crate::history::{History, NEVER, Operation};
use crate::report::{Anomaly, Engines, KeyOrder, OperationView, Role, Unknown, Violation};
use crate::search::Found;

/// How many operations are copied at a time.
const GATHERED: usize = 64;

/// What was found of one key.
pub(super) struct KeyFinding {
    pub(super) outcome: KeyOutcome,
    pub(super) engines: Engines,
    pub(super) must_have_happened: Vec<u32>,
    pub(super) violations: Vec<Violation>,
    /// Whether these are all.
    pub(super) all_counted: bool,
}

impl KeyFinding {
    fn new(outcome: KeyOutcome, engines: Engines) -> KeyFinding {
        KeyFinding {
            outcome,
            engines,
            must_have_happened: Vec::new(),
            violations: Vec::new(),
            all_counted: true,
        }
    }
}

pub(super) enum KeyOutcome {
    Valid(KeyOrder),
    Invalid(Box<Anomaly>),
    /// Refuted by search, and not explained yet.
    Refuted(Refuted),
    Unknown(Unknown),
}

/// A key that the search refutes.
#[derive(Clone, Copy)]
pub(super) struct Refuted {
    pub(super) key: u32,
    /// The access, by its place in the slice, whose return no order goes beyond; and that return.
    pub(super) stuck: u32,
    pub(super) ret: u32,
}

#[derive(Default)]
pub(super) struct Engine {
    pub(super) zones: Zones,
    gathered: Vec<Operation>,
    pub(super) accesses: Vec<Access>,
}

impl Engine {
    /// Turns the operations at these places into accesses, in the order of their invocations.
    #[inline]
    pub(super) fn gather(&mut self, task: &Task<'_>, places: &[u32]) -> Result<(), String> {
        let Task {
            history,
            options,
            names,
            ..
        } = task;
        let (nil_read, failed_cas) = (options.nil_read, options.failed_cas);
        self.accesses.clear();
        self.accesses.reserve(places.len());
        for places in places.chunks(GATHERED) {
            // A key's operations lie far apart. To copy some of them first, without looking at
            // them, lets the processor fetch them all at once.
            let operations = places
                .iter()
                .map(|place| history.operations[*place as usize]);
            self.gathered.clear();
            self.gathered.extend(operations);
            for (operation, place) in self.gathered.iter().zip(places) {
                match access(history, names, nil_read, failed_cas, operation, *place) {
                    Ok(access) => self.accesses.extend(access),
                    Err(problem) => return Err(problem),
                }
            }
        }
        // Only where a completion had no invocation are they not yet in the order of invocation.
        if !self.accesses.is_sorted_by_key(|access| access.inv) {
            self.accesses.sort_by_key(|access| access.inv);
        }
        Ok(())
    }
}

impl Task<'_> {
    pub(super) fn judge_key(&self, engine: &mut Engine, key: u32, places: &[u32]) -> KeyFinding {
        let Task {
            history, initial, ..
        } = *self;
        let unknown = |reason: String| {
            let unknown = Unknown {
                reason,
                key: history.key_text(key),
                ..Unknown::default()
            };
            KeyFinding::new(KeyOutcome::Unknown(unknown), Engines::default())
        };
        if self.deadline.passed() {
            return unknown("the budget of time ran out before this key's turn".to_owned());
        }
        if let Err(problem) = engine.gather(self, places) {
            return unknown(problem);
        }
        let accesses = &engine.accesses;
        let zones = &mut engine.zones;
        let (order, must_have_happened) = match zones.judge(accesses, initial) {
            Judgement::NotExact => match deletes::judge(zones, accesses, initial) {
                Deleted::Open => return self.judge_by_search(accesses, key),
                Deleted::Invalid { weaker, conflict } => {
                    return KeyFinding {
                        all_counted: false,
                        ..self.refuted_by_zones(zones, &weaker, key, &conflict, |_| {})
                    };
                }
                Deleted::Valid {
                    order,
                    must_have_happened,
                } => (order, must_have_happened),
            },
            Judgement::Invalid(conflict) => {
                return self.refuted_by_zones(zones, accesses, key, &conflict, |anomaly| {
                    tell_staleness(history, zones, accesses, &conflict, anomaly);
                });
            }
            Judgement::Valid => {
                let must_have_happened = (0..accesses.len())
                    .filter(|at| accesses[*at].ret == NEVER && zones.happened(*at))
                    .map(|at| accesses[at].place)
                    .collect();
                (zones.witness(accesses), must_have_happened)
            }
        };
        if !witness::is_linearization(accesses, &order, initial) {
            return unknown(BAD_WITNESS.to_owned());
        }
        let order = (order.iter())
            .map(|at| accesses[*at as usize].place)
            .collect();
        KeyFinding {
            must_have_happened,
            ..KeyFinding::new(KeyOutcome::Valid(KeyOrder { key, order }), BY_ZONES)
        }
    }

    /// What is told of a key that zones have just refuted.
    fn refuted_by_zones(
        &self,
        zones: &Zones,
        accesses: &[Access],
        key: u32,
        conflict: &Conflict,
        add: impl FnOnce(&mut Anomaly),
    ) -> KeyFinding {
        let history = self.history;
        let must_have_happened = (0..accesses.len())
            .filter(|at| accesses[*at].ret == NEVER && zones.happened(*at))
            .map(|at| accesses[at].place)
            .collect();
        let found = |anomaly: Anomaly| KeyFinding {
            must_have_happened,
            ..KeyFinding::new(KeyOutcome::Invalid(Box::new(anomaly)), BY_ZONES)
        };
        if self.options.explain == Explain::VerdictOnly {
            return found(unexplained(history, key));
        }
        let (misfits, all_counted) = zones.violations(accesses);
        let violations = (misfits.iter())
            .map(|misfit| Violation {
                name: explain::name_of_conflict(accesses, zones, &misfit.conflict),
                place: accesses[misfit.access as usize].place,
            })
            .collect();
        let first = misfits.first();
        let told = first.map_or(conflict, |first| &first.conflict);
        let came_to_it = first.map(|first| first.access);
        let mut anomaly =
            explain::explain(history, accesses, self.initial, zones, told, came_to_it);
        add(&mut anomaly);
        KeyFinding {
            violations,
            all_counted,
            ..found(anomaly)
        }
    }

    /// Judges a key on which zones are not exact.
    fn judge_by_search(&self, accesses: &[Access], key: u32) -> KeyFinding {
        let Task {
            history,
            initial,
            deadline,
            ..
        } = *self;
        let mut effort = self.options.budget.for_verdict(deadline);
        let outcome = match searched::find(accesses, initial, &mut effort) {
            Found::Valid(mut order) => {
                if witness::is_linearization(accesses, &order, initial) {
                    for at in &mut order {
                        *at = accesses[*at as usize].place;
                    }
                    KeyOutcome::Valid(KeyOrder { key, order })
                } else {
                    KeyOutcome::Unknown(Unknown {
                        reason: BAD_WITNESS.to_owned(),
                        key: history.key_text(key),
                        ..Unknown::default()
                    })
                }
            }
            Found::Invalid { stuck } => KeyOutcome::Refuted(Refuted {
                key,
                stuck,
                ret: accesses[stuck as usize].ret,
            }),
            Found::OutOfBudget {
                why,
                explained,
                stuck,
            } => {
                let stuck = accesses[stuck as usize].place;
                KeyOutcome::Unknown(Unknown {
                    reason: format!(
                        "the budget of {why} ran out; give more of it, or write unique values, which need no search"
                    ),
                    key: history.key_text(key),
                    explained: Some(explained),
                    stopped_at: Some(Box::new(OperationView::of(history, stuck, Role::Proof))),
                    keys_undecided: 0,
                })
            }
        };
        let engines = Engines {
            zones: 0,
            search: 1,
        };
        KeyFinding::new(outcome, engines)
    }
}

pub(super) fn unexplained(history: &History, key: u32) -> Anomaly {
    let text =
        "No order explains the results; it was not asked, or there was no time, to find out why."
            .to_owned();
    let mut anomaly = Anomaly::new(AnomalyName::NotLinearizable, text, Vec::new());
    anomaly.key = history.key_text(key);
    anomaly
}

const BY_ZONES: Engines = Engines {
    zones: 1,
    search: 0,
};

/// Adds how stale the reads of a key are that zones have just refuted, if that explains it.
fn tell_staleness(
    history: &History,
    zones: &Zones,
    accesses: &[Access],
    conflict: &Conflict,
    anomaly: &mut Anomaly,
) {
    let between_blocks = matches!(conflict, Conflict::Blocks { .. } | Conflict::Order { .. });
    if !between_blocks || history.times_go_back {
        return;
    }
    let operation = |access: &Access| &history.operations[access.place as usize];
    let stale = zones.stale_by(
        accesses,
        |access| operation(access).invoke_time,
        |access| operation(access).complete_time,
    );
    if let Some(ns) = stale.filter(|ns| *ns > 0) {
        anomaly.set_stale(ns);
    }
}
