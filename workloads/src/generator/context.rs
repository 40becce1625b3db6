//! What a generator may know of the world when it is asked: the time, and who is free.

use super::{Next, Scheduled};
use crate::operation::Operation;

/// One who performs operations, one at a time. Threads last for the whole run; the *processes* of
/// a history are their incarnations, which retire after an unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thread {
    /// A client, counted from 0.
    Client(usize),
    /// The nemesis.
    Nemesis,
}

/// The time, and the threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// Nanoseconds since the start.
    pub time: u64,
    /// Those with nothing to do, the one idle longest first.
    free: Vec<Thread>,
    /// All of them, busy or free.
    threads: Vec<Thread>,
}

impl Context {
    /// `clients` clients and the nemesis, all free, at time 0.
    pub fn new(clients: usize) -> Context {
        let threads: Vec<Thread> = (0..clients)
            .map(Thread::Client)
            .chain([Thread::Nemesis])
            .collect();
        Context {
            time: 0,
            free: threads.clone(),
            threads,
        }
    }

    /// Those with nothing to do, the one idle longest first.
    pub fn free(&self) -> &[Thread] {
        &self.free
    }

    /// All threads, busy or free.
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// Whether nobody has anything to do.
    pub fn all_free(&self) -> bool {
        self.free.len() == self.threads.len()
    }

    /// `thread` begins an operation.
    ///
    /// # Panics
    /// If it has one open already.
    pub fn occupy(&mut self, thread: Thread) {
        let position = self.free.iter().position(|&free| free == thread);
        self.free
            .remove(position.expect("a thread performs one operation at a time"));
    }

    /// `thread` has completed its operation.
    pub fn release(&mut self, thread: Thread) {
        assert!(
            !self.free.contains(&thread),
            "only a busy thread can complete an operation"
        );
        self.free.push(thread);
    }

    /// The same world with only those threads for which `keep` holds.
    #[must_use]
    pub fn restrict(&self, keep: impl Fn(Thread) -> bool) -> Context {
        let kept = |threads: &[Thread]| threads.iter().copied().filter(|&t| keep(t)).collect();
        Context {
            time: self.time,
            free: kept(&self.free),
            threads: kept(&self.threads),
        }
    }

    /// `operation` now, on the thread idle longest; pending if nobody is free.
    pub fn schedule(&self, operation: Operation) -> Next {
        match self.free.first() {
            Some(&thread) => Next::Run(Scheduled {
                time: self.time,
                thread,
                operation,
            }),
            None => Next::Pending { until: None },
        }
    }
}
