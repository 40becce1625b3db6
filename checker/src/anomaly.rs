//! The names of violations.

use serde::{Serialize, Serializer};
use std::fmt;

macro_rules! anomaly_names {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// The name of a violation, as the literature has it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum AnomalyName {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl AnomalyName {
            /// All names.
            pub const ALL: &[AnomalyName] = &[$(AnomalyName::$variant,)+];

            /// The name as reports write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(AnomalyName::$variant => $text,)+
                }
            }

            /// What the name means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(AnomalyName::$variant => concat!($($doc,)+).trim_ascii(),)+
                }
            }
        }
    };
}

anomaly_names! {
    /// A value was seen that nobody can have written.
    PhantomRead = "phantom read",
    /// A read returned a value that had been replaced before the read began.
    StaleRead = "stale read",
    /// A value was seen before the operation that wrote it had begun.
    ReadFromTheFuture = "read from the future",
    /// A read returned a newer value, and a later read an older one.
    NewOldInversion = "new-old inversion",
    /// Two operations replaced the same value, each believing that it was current.
    LostUpdate = "lost update",
    /// Compare-and-set operations saw each other's values in a circle.
    CasCycle = "cas cycle",
    /// A write of unknown outcome took effect more than once.
    DuplicateEffect = "duplicate effect",
    /// The results fit no order, for none of the simpler reasons.
    NotLinearizable = "not linearizable",
    /// The lock was held by two at once, or released by one who did not hold it.
    LockHeldTwice = "lock held twice",
    /// A lock was released by one who did not hold it.
    ReleasedByAnother = "released by another",
    /// An acquisition's fencing token was not greater than those before.
    TokenDoesNotRise = "fencing token does not rise",
    /// More permits of a semaphore were out than there are.
    TooManyPermits = "too many permits",
    /// A permit was given back that nobody had.
    PermitNotHeld = "permit not held",
    /// An element came out of a queue that nobody had put in.
    PhantomElement = "phantom element",
    /// An element that was put in never came out, though the queue was drained.
    LostElement = "lost element",
    /// An element came out, or was there, more than once.
    DuplicateElement = "duplicate element",
    /// An element came out although another had to come out before it.
    OutOfOrder = "out of order",
    /// Nothing was found where something must have been.
    EmptyThoughFull = "empty though full",
    /// An acknowledged element is not in the set.
    LostWrite = "lost write",
    /// An element was absent from a read that began after the element had been acknowledged.
    StaleElement = "stale element",
    /// The sum of all balances changed.
    WrongTotal = "wrong total",
    /// A balance was below zero.
    NegativeBalance = "negative balance",
    /// An account was read that does not exist, or an existing one was not read.
    WrongAccounts = "wrong accounts",
    /// A counter was read outside the bounds that its additions allow.
    CounterOutOfBounds = "counter out of bounds",
    /// Two reads saw two writes in opposite orders.
    LongFork = "long fork",
    /// A read saw a write, but not one that had completed before that began.
    CausalReverse = "causal reverse",
    /// A later write of a client was seen without an earlier one of the same client.
    SequentialOrder = "sequential order violated",
    /// Copies that should have come to agree did not.
    NotConverged = "not converged",
    /// A watcher did not see a change, though it saw later ones.
    SkippedChange = "skipped change",
    /// A watcher saw the same change twice.
    DuplicateChange = "duplicate change",
    /// A watcher saw a change after a later one.
    ChangesOutOfOrder = "changes out of order",
    /// Two saw different changes at the same revision.
    InconsistentChanges = "inconsistent changes",
    /// A log has different messages at one offset.
    InconsistentOffsets = "inconsistent offsets",
    /// From one poll to the next, a consumer left out messages.
    PollSkip = "poll skip",
    /// From one poll to the next, a consumer went back.
    NonmonotonicPoll = "nonmonotonic poll",
    /// Within one operation, a consumer left out messages.
    InternalPollSkip = "internal poll skip",
    /// Within one operation, a consumer went back.
    InternalNonmonotonicPoll = "internal nonmonotonic poll",
    /// A producer's message has a smaller offset than one that it had sent before.
    NonmonotonicSend = "nonmonotonic send",
    /// Of two messages of one operation, the second has the smaller offset.
    InternalNonmonotonicSend = "internal nonmonotonic send",
    /// A transaction polled what it had sent itself, before it had ended.
    PrecommittedRead = "precommitted read",
    /// The same identifier was handed out twice.
    DuplicateId = "duplicate id",
    /// Something else came back than was sent.
    WrongEcho = "wrong echo",
    /// A value that may only grow became smaller.
    NotMonotonic = "not monotonic",
    /// A session read an older state than it had read before.
    MonotonicReads = "monotonic reads violated",
    /// A session did not see its own write.
    ReadYourWrites = "read your writes violated",
    /// Write cycle: transactions overwrote each other in a circle.
    G0 = "G0",
    /// Write cycle together with process order.
    G0Process = "G0-process",
    /// Write cycle together with real time.
    G0Realtime = "G0-realtime",
    /// Aborted read: a transaction saw a write of one that failed.
    G1a = "G1a",
    /// Intermediate read: a transaction saw a write that was not the last of its transaction.
    G1b = "G1b",
    /// Circular information flow: a cycle of writes and of reads of what others wrote.
    G1c = "G1c",
    /// Circular information flow together with process order.
    G1cProcess = "G1c-process",
    /// Circular information flow together with real time.
    G1cRealtime = "G1c-realtime",
    /// Read skew: a cycle with exactly one anti-dependency.
    GSingle = "G-single",
    /// Read skew together with process order.
    GSingleProcess = "G-single-process",
    /// Read skew together with real time.
    GSingleRealtime = "G-single-realtime",
    /// A cycle with several anti-dependencies, no two of them adjacent.
    GNonadjacent = "G-nonadjacent",
    /// Non-adjacent anti-dependencies together with process order.
    GNonadjacentProcess = "G-nonadjacent-process",
    /// Non-adjacent anti-dependencies together with real time.
    GNonadjacentRealtime = "G-nonadjacent-realtime",
    /// Write skew: a cycle with adjacent anti-dependencies.
    G2Item = "G2-item",
    /// Write skew together with process order.
    G2ItemProcess = "G2-item-process",
    /// Write skew together with real time.
    G2ItemRealtime = "G2-item-realtime",
    /// An anti-dependency cycle with predicates: each transaction missed what the other inserted.
    G2 = "G2",
    /// A transaction saw something of another one, and later missed what that one had written.
    NonMonotonicView = "non-monotonic view",
    /// A transaction saw one part of another one, and missed another part.
    FracturedRead = "fractured read",
    /// A transaction missed what led to something that it saw.
    CausalityViolation = "causality violation",
    /// No order in which versions of objects can have followed each other explains what was read.
    NoVersionOrder = "no version order",
    /// Versions of an object follow each other in a circle.
    CyclicVersions = "cyclic versions",
    /// A committed write was built on an aborted one.
    DirtyUpdate = "dirty update",
    /// Two reads of one list contradict each other: neither is a prefix of the other.
    IncompatibleOrder = "incompatible order",
    /// A list held the same element twice.
    DuplicateElements = "duplicate elements",
    /// A transaction did not see its own writes and reads.
    Internal = "internal",
    /// A transaction read, before its own write, the value that it was only going to write.
    FutureRead = "future read",
    /// A value was read that nobody wrote.
    GarbageRead = "garbage read",
}

impl fmt::Display for AnomalyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for AnomalyName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
