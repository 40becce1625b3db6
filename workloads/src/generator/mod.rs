//! Generators: pure values that say which operation comes next.
//!
//! [`Generator::next`] takes a [`Context`] (the time, and who is free) and gives what to do
//! ([`Next`]) together with the generator for everything after it. Nothing happens by asking: who
//! asks twice with the same context gets the same answer twice. Completions are told by
//! [`Generator::update`].
//!
//! Jepsen's generators may answer with an operation of the future, which an interpreter then must
//! hold back, or forget when a completion comes first. Here an operation is always one for *now*,
//! and what lies in the future is [`Next::Pending`] with the time at which to ask again: one case
//! less for combinators and interpreters.
//!
//! The combinators carry the names that Jepsen gave them: [`Generator::stagger`],
//! [`delay`](Generator::delay), [`limit`](Generator::limit),
//! [`time_limit`](Generator::time_limit), [`repeat`](Generator::repeat), [`mix`], [`any`],
//! [`sequence`], [`then`](Generator::then), [`phases`], [`each_thread`], [`reserve`],
//! [`until_ok`](Generator::until_ok), [`concurrency_limit`](Generator::concurrency_limit),
//! [`on_clients`](Generator::on_clients), [`on_nemesis`](Generator::on_nemesis).
//!
//! Choices are drawn from a seed handed in; a generator has no other source of chance. Unlike
//! Jepsen's, an operation goes to the thread that has been idle longest rather than to a random
//! one: it is as fair and needs no randomness.

mod choice;
mod context;
mod order;
mod pace;
mod place;

use std::fmt::Debug;
use std::sync::Arc;

use kensho_checker::history::Kind;

pub use choice::{any, mix};
pub use context::{Context, Thread};
pub use order::{phases, sequence};
pub use place::{each_thread, reserve};

use crate::operation::Operation;

/// What a generator answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// This operation, on that free thread, now.
    Run(Scheduled),
    /// Nothing now; ask again when an operation has completed, or at the time `until` (nanoseconds
    /// since the start) if there is one.
    Pending {
        /// When time alone may change the answer.
        until: Option<u64>,
    },
    /// Nothing any more, ever.
    Done,
}

/// An operation with the time and the thread meant for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    /// When it was meant to begin, in nanoseconds since the start: now, or earlier if the threads
    /// could not keep up.
    pub time: u64,
    /// Who performs it.
    pub thread: Thread,
    /// What to do.
    pub operation: Operation,
}

/// The end of an operation, as generators are told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Who performed it.
    pub thread: Thread,
    /// How it ended; never [`Kind::Invoke`].
    pub kind: Kind,
}

/// The behaviour of one generator; implement it for a source of operations or a combinator, and
/// wrap it by [`Generator::new`].
pub trait Generate: Debug + Send + Sync {
    /// The next operation, and the generator for what follows it.
    fn next(&self, context: &Context) -> (Next, Generator);

    /// The generator after `completion`, or `None` if that makes no difference to it.
    fn update(&self, _context: &Context, _completion: &Completion) -> Option<Generator> {
        None
    }
}

/// A pure value that says which operation comes next. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Generator(Arc<dyn Generate>);

impl Generator {
    /// Wraps a behaviour.
    pub fn new(behaviour: impl Generate + 'static) -> Generator {
        Generator(Arc::new(behaviour))
    }

    /// Nothing at all.
    pub fn done() -> Generator {
        Generator::new(Nothing)
    }

    /// `operation`, once.
    pub fn once(operation: Operation) -> Generator {
        Generator::new(Once { operation })
    }

    /// The next operation, and the generator for what follows it.
    pub fn next(&self, context: &Context) -> (Next, Generator) {
        self.0.next(context)
    }

    /// The generator after `completion`.
    #[must_use]
    pub fn update(&self, context: &Context, completion: &Completion) -> Generator {
        self.0
            .update(context, completion)
            .unwrap_or_else(|| self.clone())
    }

    /// At most `count` operations.
    #[must_use]
    pub fn limit(self, count: u64) -> Generator {
        Generator::new(pace::Limit {
            inner: self,
            left: count,
        })
    }

    /// Operations until `nanoseconds` after it was first asked.
    #[must_use]
    pub fn time_limit(self, nanoseconds: u64) -> Generator {
        Generator::new(pace::TimeLimit::new(self, nanoseconds))
    }

    /// Operations at random times, `nanoseconds` apart on average (uniform in 0 … 2 x). The
    /// intended times do not depend on completions: what could not begin in time keeps its
    /// intended time, so that waiting shows (*open loop*).
    #[must_use]
    pub fn stagger(self, nanoseconds: u64, seed: u64) -> Generator {
        Generator::new(pace::Stagger::new(self, nanoseconds, seed))
    }

    /// Operations at least `nanoseconds` after the one before, the first one at once.
    #[must_use]
    pub fn delay(self, nanoseconds: u64) -> Generator {
        Generator::new(pace::Delay {
            inner: self,
            nanoseconds,
            not_before: 0,
        })
    }

    /// Nothing for `nanoseconds` after it was first asked, then everything.
    #[must_use]
    pub fn after(self, nanoseconds: u64) -> Generator {
        Generator::new(pace::After {
            inner: self,
            nanoseconds,
            begin: None,
        })
    }

    /// The first operation of this generator, again and again.
    #[must_use]
    pub fn repeat(self) -> Generator {
        Generator::new(order::Repeat { inner: self })
    }

    /// This one, then, when it has no more operations, `second`; without waiting for completions.
    #[must_use]
    pub fn then(self, second: Generator) -> Generator {
        sequence([self, second])
    }

    /// This one and `companion` at the same time, until this one has no more operations.
    #[must_use]
    pub fn alongside(self, companion: Generator) -> Generator {
        Generator::new(choice::Alongside {
            lead: self,
            companion,
        })
    }

    /// Nothing before the time `nanoseconds` after the start, then everything.
    #[must_use]
    pub fn not_before(self, nanoseconds: u64) -> Generator {
        Generator::new(pace::After {
            inner: self,
            nanoseconds: 0,
            begin: Some(nanoseconds),
        })
    }

    /// Operations until one of them is `ok`.
    #[must_use]
    pub fn until_ok(self) -> Generator {
        Generator::new(order::UntilOk {
            inner: self,
            open: Vec::new(),
            ok: false,
        })
    }

    /// At most `limit` operations of this generator open at a time.
    #[must_use]
    pub fn concurrency_limit(self, limit: usize) -> Generator {
        Generator::new(place::ConcurrencyLimit {
            inner: self,
            limit,
            open: Vec::new(),
        })
    }

    /// On clients only.
    #[must_use]
    pub fn on_clients(self) -> Generator {
        Generator::new(place::Only {
            inner: self,
            place: place::Place::Clients,
        })
    }

    /// On the nemesis only.
    #[must_use]
    pub fn on_nemesis(self) -> Generator {
        Generator::new(place::Only {
            inner: self,
            place: place::Place::Nemesis,
        })
    }
}

#[derive(Debug)]
struct Nothing;

impl Generate for Nothing {
    fn next(&self, _context: &Context) -> (Next, Generator) {
        (Next::Done, Generator::done())
    }
}

#[derive(Clone, Debug)]
struct Once {
    operation: Operation,
}

impl Generate for Once {
    fn next(&self, context: &Context) -> (Next, Generator) {
        match context.schedule(self.operation.clone()) {
            run @ Next::Run(_) => (run, Generator::done()),
            other => (other, Generator::new(self.clone())),
        }
    }
}

#[cfg(test)]
mod tests;
