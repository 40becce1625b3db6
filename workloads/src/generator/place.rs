//! Who performs: clients, nemesis, each thread, reserve, concurrency limit.

use super::{Completion, Context, Generate, Generator, Next, Thread};

/// A copy of `generator` for each thread.
pub fn each_thread(generator: Generator) -> Generator {
    Generator::new(EachThread {
        fresh: generator,
        started: Vec::new(),
    })
}

/// The first `count` clients for the first generator, the next ones for the second, …, and all
/// remaining clients for `rest`.
pub fn reserve(ranges: impl IntoIterator<Item = (usize, Generator)>, rest: Generator) -> Generator {
    let mut begin = 0;
    let mut parts = Vec::new();
    for (count, inner) in ranges {
        let place = Place::Range {
            begin,
            end: begin + count,
        };
        parts.push(Generator::new(Only { inner, place }));
        begin += count;
    }
    let place = Place::Range {
        begin,
        end: usize::MAX,
    };
    parts.push(Generator::new(Only { inner: rest, place }));
    super::any(parts)
}

/// Some of the threads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Clients,
    Nemesis,
    /// Clients from `begin` up to, not including, `end`.
    Range {
        begin: usize,
        end: usize,
    },
}

impl Place {
    fn holds(self, thread: Thread) -> bool {
        match (self, thread) {
            (Place::Clients, Thread::Client(_)) | (Place::Nemesis, Thread::Nemesis) => true,
            (Place::Range { begin, end }, Thread::Client(number)) => (begin..end).contains(&number),
            _ => false,
        }
    }
}

/// See [`Generator::on_clients`].
#[derive(Clone, Debug)]
pub(super) struct Only {
    pub(super) inner: Generator,
    pub(super) place: Place,
}

impl Generate for Only {
    fn next(&self, context: &Context) -> (Next, Generator) {
        let (next, inner) = self
            .inner
            .next(&context.restrict(|thread| self.place.holds(thread)));
        (next, Generator::new(Only { inner, ..*self }))
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        if !self.place.holds(completion.thread) {
            return None;
        }
        let context = context.restrict(|thread| self.place.holds(thread));
        let inner = self.inner.update(&context, completion);
        Some(Generator::new(Only { inner, ..*self }))
    }
}

#[derive(Clone, Debug)]
struct EachThread {
    fresh: Generator,
    /// What is left for each thread that was asked for.
    started: Vec<(Thread, Generator)>,
}

impl EachThread {
    fn of(&self, thread: Thread) -> &Generator {
        let started = self.started.iter().find(|(other, _)| *other == thread);
        started.map_or(&self.fresh, |(_, generator)| generator)
    }

    fn with(&self, thread: Thread, generator: Generator) -> EachThread {
        let mut after = self.clone();
        match after.started.iter_mut().find(|(other, _)| *other == thread) {
            Some((_, old)) => *old = generator,
            None => after.started.push((thread, generator)),
        }
        after
    }
}

impl Generate for EachThread {
    fn next(&self, context: &Context) -> (Next, Generator) {
        let mut after = self.clone();
        let mut again: Option<u64> = None;
        let mut left = false;
        for &thread in context.threads() {
            let own = context.restrict(|other| other == thread);
            let (next, inner) = after.of(thread).next(&own);
            after = after.with(thread, inner);
            match next {
                Next::Run(_) => return (next, Generator::new(after)),
                Next::Pending { until } => {
                    left = true;
                    again = match (again, until) {
                        (Some(one), Some(other)) => Some(one.min(other)),
                        (one, other) => one.or(other),
                    };
                }
                Next::Done => {}
            }
        }
        if left {
            (Next::Pending { until: again }, Generator::new(after))
        } else {
            (Next::Done, Generator::done())
        }
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let thread = completion.thread;
        let own = context.restrict(|other| other == thread);
        let inner = self.of(thread).update(&own, completion);
        Some(Generator::new(self.with(thread, inner)))
    }
}

/// See [`Generator::concurrency_limit`].
#[derive(Clone, Debug)]
pub(super) struct ConcurrencyLimit {
    pub(super) inner: Generator,
    pub(super) limit: usize,
    /// Threads that perform an operation of this generator.
    pub(super) open: Vec<Thread>,
}

impl Generate for ConcurrencyLimit {
    fn next(&self, context: &Context) -> (Next, Generator) {
        if self.open.len() >= self.limit {
            return (Next::Pending { until: None }, Generator::new(self.clone()));
        }
        let (next, inner) = self.inner.next(context);
        let mut after = ConcurrencyLimit {
            inner,
            ..self.clone()
        };
        if let Next::Run(scheduled) = &next {
            after.open.push(scheduled.thread);
        }
        (next, Generator::new(after))
    }

    fn update(&self, context: &Context, completion: &Completion) -> Option<Generator> {
        let mut after = self.clone();
        after.inner = self.inner.update(context, completion);
        after.open.retain(|&thread| thread != completion.thread);
        Some(Generator::new(after))
    }
}
