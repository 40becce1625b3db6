//! How many operations, and when: limit, time limit, stagger, delay, after.

use fastrand::Rng;

use super::{Completion, Context, Generate, Generator, Next, Scheduled};

/// See [`Generator::limit`].
#[derive(Clone, Debug)]
pub(super) struct Limit {
    pub(super) inner: Generator,
    pub(super) left: u64,
}

impl Generate for Limit {
    fn next(&self, context: &Context) -> (Next, Generator) {
        if self.left == 0 {
            return (Next::Done, Generator::done());
        }
        let (next, inner) = self.inner.next(context);
        let used = u64::from(matches!(next, Next::Run(_)));
        (
            next,
            Generator::new(Limit {
                inner,
                left: self.left - used,
            }),
        )
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let inner = self.inner.update(context, completion);
        Some(Generator::new(Limit {
            inner,
            left: self.left,
        }))
    }
}

/// See [`Generator::time_limit`].
#[derive(Clone, Debug)]
pub(super) struct TimeLimit {
    inner: Generator,
    nanoseconds: u64,
    /// Known once it has been asked.
    deadline: Option<u64>,
}

impl TimeLimit {
    pub(super) fn new(inner: Generator, nanoseconds: u64) -> TimeLimit {
        TimeLimit {
            inner,
            nanoseconds,
            deadline: None,
        }
    }
}

impl Generate for TimeLimit {
    fn next(&self, context: &Context) -> (Next, Generator) {
        let deadline = self
            .deadline
            .unwrap_or(context.time.saturating_add(self.nanoseconds));
        if context.time >= deadline {
            return (Next::Done, Generator::done());
        }
        let (next, inner) = self.inner.next(context);
        let next = match next {
            Next::Pending { until } => Next::Pending {
                until: Some(until.map_or(deadline, |until| until.min(deadline))),
            },
            other => other,
        };
        (
            next,
            Generator::new(TimeLimit {
                inner,
                deadline: Some(deadline),
                ..*self
            }),
        )
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let inner = self.inner.update(context, completion);
        Some(Generator::new(TimeLimit { inner, ..*self }))
    }
}

/// See [`Generator::stagger`].
#[derive(Clone, Debug)]
pub(super) struct Stagger {
    inner: Generator,
    nanoseconds: u64,
    draw: Rng,
    /// The next intended time; known once it has been asked.
    at: Option<u64>,
}

impl Stagger {
    pub(super) fn new(inner: Generator, nanoseconds: u64, seed: u64) -> Stagger {
        Stagger {
            inner,
            nanoseconds,
            draw: Rng::with_seed(seed),
            at: None,
        }
    }
}

impl Generate for Stagger {
    fn next(&self, context: &Context) -> (Next, Generator) {
        let at = self.at.unwrap_or(context.time);
        let mut after = Stagger {
            at: Some(at),
            ..self.clone()
        };
        if context.time < at {
            return (Next::Pending { until: Some(at) }, Generator::new(after));
        }
        let (next, inner) = self.inner.next(context);
        after.inner = inner;
        let next = match next {
            Next::Run(scheduled) => {
                after.at = Some(at + after.draw.u64(0..=2 * self.nanoseconds));
                Next::Run(Scheduled {
                    time: at,
                    ..scheduled
                })
            }
            other => other,
        };
        (next, Generator::new(after))
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let inner = self.inner.update(context, completion);
        Some(Generator::new(Stagger {
            inner,
            ..self.clone()
        }))
    }
}

/// See [`Generator::delay`].
#[derive(Clone, Debug)]
pub(super) struct Delay {
    pub(super) inner: Generator,
    pub(super) nanoseconds: u64,
    pub(super) not_before: u64,
}

impl Generate for Delay {
    fn next(&self, context: &Context) -> (Next, Generator) {
        if context.time < self.not_before {
            let until = Some(self.not_before);
            return (Next::Pending { until }, Generator::new(self.clone()));
        }
        let (next, inner) = self.inner.next(context);
        let mut after = Delay { inner, ..*self };
        if matches!(next, Next::Run(_)) {
            after.not_before = context.time + self.nanoseconds;
        }
        (next, Generator::new(after))
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let inner = self.inner.update(context, completion);
        Some(Generator::new(Delay { inner, ..*self }))
    }
}

/// See [`Generator::after`].
#[derive(Clone, Debug)]
pub(super) struct After {
    pub(super) inner: Generator,
    pub(super) nanoseconds: u64,
    /// When the inner one may begin; known once it has been asked.
    pub(super) begin: Option<u64>,
}

impl Generate for After {
    fn next(&self, context: &Context) -> (Next, Generator) {
        let begin = self
            .begin
            .unwrap_or(context.time.saturating_add(self.nanoseconds));
        if context.time < begin {
            let after = After {
                begin: Some(begin),
                ..self.clone()
            };
            return (Next::Pending { until: Some(begin) }, Generator::new(after));
        }
        self.inner.next(context)
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let inner = self.inner.update(context, completion);
        Some(Generator::new(After { inner, ..*self }))
    }
}
