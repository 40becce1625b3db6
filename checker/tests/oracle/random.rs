//! Random small histories, and how their verdicts are counted.

use kensho_checker::generate::Random;
use kensho_checker::history::{Event, History, Kind, NEVER, Process};
use kensho_checker::judge::{Model, Settings};
use kensho_checker::report::{Report, Verdict};
use serde_json::Value;

/// Histories for each test.
pub(crate) const CASES: u64 = 10_000;

/// An operation to be put somewhere in a history.
pub(crate) struct Planned {
    pub(crate) f: &'static str,
    pub(crate) argument: Value,
    pub(crate) result: Value,
    pub(crate) kind: Kind,
    pub(crate) observed: Option<Value>,
}

impl Planned {
    pub(crate) fn ok(f: &'static str, argument: Value, result: Value) -> Planned {
        Planned {
            f,
            argument,
            result,
            kind: Kind::Ok,
            observed: None,
        }
    }
}

/// Says whether a history is valid; nothing where nothing was checked.
pub(crate) type Expected = Box<dyn Fn(&History) -> Option<bool>>;

/// Makes an operation, given how many came before.
pub(crate) type Plan = Box<dyn Fn(&mut Random, usize) -> Planned>;

/// A model, how its operations are made, and what its oracle says of a history (nothing where
/// nothing was checked).
pub(crate) struct Subject {
    pub(crate) model: &'static Model,
    pub(crate) settings: Settings,
    pub(crate) plan: Plan,
    pub(crate) expected: Expected,
}

/// So many operations; some fail, and some have an unknown outcome.
pub(crate) fn planned(
    random: &mut Random,
    count: usize,
    plan: &dyn Fn(&mut Random, usize) -> Planned,
) -> Vec<Planned> {
    (0..count)
        .map(|before| {
            let planned = plan(random, before);
            let kind = match random.below(10) {
                0 => Kind::Info,
                1 => Kind::Fail,
                _ => planned.kind,
            };
            Planned { kind, ..planned }
        })
        .collect()
}

/// A history of these operations at random times; each event takes a microsecond. Some processes
/// do one operation after the other, others only one.
pub(crate) fn history(random: &mut Random, planned: &[Planned]) -> History {
    History::from_events(&events(random, planned))
}

/// The events of such a history.
pub(crate) fn events(random: &mut Random, planned: &[Planned]) -> Vec<Event> {
    let mut points: Vec<(usize, bool, usize, u64)> = Vec::new();
    let mut free_from = [0_usize; 2];
    for (at, plan) in planned.iter().enumerate() {
        let (length, session) = (random.below(10), random.below(4));
        let mut begin = random.below(16);
        let mut process = at as u64 + 2;
        if session < 2 && plan.kind != Kind::Info {
            begin = begin.max(free_from[session]);
            free_from[session] = begin + length + 1;
            process = session as u64;
        }
        points.push((begin * 2, false, at, process));
        points.push(((begin + length) * 2 + 1, true, at, process));
    }
    points.sort_unstable();
    let mut events = Vec::new();
    for (_, completes, at, process) in points {
        let (plan, index) = (&planned[at], events.len() as u64);
        let invoke = Event::invoke(index, index * 1000, Process::Client(process), plan.f);
        events.push(match (completes, plan.kind) {
            (false, _) => invoke.with_value(plan.argument.clone()),
            (true, Kind::Ok) => invoke
                .complete(index, index * 1000, Kind::Ok)
                .with_value(plan.result.clone()),
            (true, kind) => Event {
                observed: plan.observed.clone(),
                ..invoke
                    .complete(index, index * 1000, kind)
                    .with_value(plan.argument.clone())
            },
        });
    }
    events
}

/// Whether the verdict is that nothing was observed at all.
pub(crate) fn nothing_checked(report: &Report) -> bool {
    match &report.verdict {
        Verdict::Unknown(unknown) => unknown.reason.starts_with("nothing was checked"),
        _ => false,
    }
}

/// How often each verdict was met.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) valid: u64,
    pub(crate) invalid: u64,
}

impl Counts {
    /// Compares a report with what the oracle says.
    pub(crate) fn compare(&mut self, report: &Report, expected: bool, seed: u64) {
        if nothing_checked(report) {
            assert!(expected, "seed {seed}: {report:?}");
            return;
        }
        assert!(
            !matches!(report.verdict, Verdict::Unknown(_)),
            "seed {seed}: {report:?}"
        );
        assert_eq!(report.is_valid(), expected, "seed {seed}: {report:#?}");
        self.valid += u64::from(expected);
        self.invalid += u64::from(!expected);
    }

    /// Both verdicts were met often enough for the comparison to mean something.
    pub(crate) fn assert_both(&self) {
        let least = (self.valid + self.invalid) / 20;
        assert!(
            self.valid > least && self.invalid > least,
            "{} valid, {} invalid",
            self.valid,
            self.invalid
        );
    }
}

/// An operation of an oracle: what it does, when it began and ended.
#[derive(Clone, Debug)]
pub(crate) struct Step<E> {
    pub(crate) effect: E,
    pub(crate) inv: u32,
    /// [`NEVER`] if the outcome is unknown.
    pub(crate) ret: u32,
    pub(crate) place: u32,
}

/// Whether some order explains all steps: tries each order, and each choice of unknown ones.
pub(crate) fn is_linearizable<E, S: Clone>(
    steps: &[Step<E>],
    state: &S,
    apply: &dyn Fn(&S, &E) -> Option<S>,
) -> bool {
    fn explore<E, S: Clone>(
        steps: &[Step<E>],
        state: &S,
        apply: &dyn Fn(&S, &E) -> Option<S>,
        done: u32,
    ) -> bool {
        let open = |at: &usize| done >> at & 1 == 0;
        let Some(first) = (0..steps.len()).filter(open).map(|at| steps[at].ret).min() else {
            return true;
        };
        if first == NEVER {
            return true;
        }
        (0..steps.len())
            .filter(open)
            .filter(|at| steps[*at].inv <= first)
            .any(|at| {
                apply(state, &steps[at].effect)
                    .is_some_and(|next| explore(steps, &next, apply, done | 1 << at))
            })
    }
    explore(steps, state, apply, 0)
}

/// Whether this order of places is one that explains all steps.
pub(crate) fn is_witness<E, S: Clone>(
    steps: &[Step<E>],
    order: &[u32],
    initial: &S,
    apply: &dyn Fn(&S, &E) -> Option<S>,
) -> bool {
    let mut state = initial.clone();
    let mut taken: Vec<&Step<E>> = Vec::new();
    for place in order {
        let Some(step) = steps.iter().find(|step| step.place == *place) else {
            return false;
        };
        if taken
            .iter()
            .any(|before| before.place == *place || step.ret < before.inv)
        {
            return false;
        }
        taken.push(step);
        match apply(&state, &step.effect) {
            Some(next) => state = next,
            None => return false,
        }
    }
    steps
        .iter()
        .all(|step| step.ret == NEVER || order.contains(&step.place))
}

/// Forgets how a step ended: what only looks is left out, anything else may have happened at any
/// later time, or not at all.
pub(crate) fn forget<E>(steps: &mut Vec<Step<E>>, at: usize, looks: &dyn Fn(&E) -> bool) {
    if looks(&steps[at].effect) {
        steps.remove(at);
    } else {
        steps[at].ret = NEVER;
    }
}

/// The places of all violations: what fits no order, given all that returned before it but earlier
/// violations.
pub(crate) fn misfits<E: Clone>(
    steps: &[Step<E>],
    looks: &dyn Fn(&E) -> bool,
    linearizable: impl Fn(&[Step<E>]) -> bool,
) -> Vec<u32> {
    let mut left = steps.to_vec();
    let mut returns: Vec<(u32, u32)> = steps.iter().map(|step| (step.ret, step.place)).collect();
    returns.retain(|(ret, _)| *ret != NEVER);
    returns.sort_unstable();
    let mut misfits = Vec::new();
    for (end, place) in returns {
        let mut prefix: Vec<Step<E>> = left.clone();
        prefix.retain(|step| step.inv < end && (step.ret <= end || !looks(&step.effect)));
        for step in &mut prefix {
            if step.ret > end {
                step.ret = NEVER;
            }
        }
        if !linearizable(&prefix) {
            misfits.push(place);
            let at = left.iter().position(|step| step.place == place).unwrap();
            forget(&mut left, at, looks);
        }
    }
    misfits
}
