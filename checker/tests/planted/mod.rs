//! Anomalies of locks, logs, watches, counters and sets that converge, and the like.

use crate::Planted;
use kensho_checker::anomaly::AnomalyName as A;
use kensho_checker::judge::models;

/// Three messages that everybody could poll.
const LOG: &str = "0-1 0 send [[:send 0 1]] -> [[:send 0 [0 1]]]; \
     2-3 0 send [[:send 0 2]] -> [[:send 0 [1 2]]]; \
     4-5 0 send [[:send 0 3]] -> [[:send 0 [2 3]]]; \
     6-7 1 poll [[:poll]] -> [[:poll {0 [[0 1] [1 2] [2 3]]}]]";

/// The same, and a consumer that has come to the second message.
const LOG_AND_CONSUMER: &str = "0-1 0 send [[:send 0 1]] -> [[:send 0 [0 1]]]; \
     2-3 0 send [[:send 0 2]] -> [[:send 0 [1 2]]]; \
     4-5 0 send [[:send 0 3]] -> [[:send 0 [2 3]]]; \
     6-7 1 poll [[:poll]] -> [[:poll {0 [[0 1] [1 2] [2 3]]}]]; \
     8-9 2 poll [[:poll]] -> [[:poll {0 [[0 1]]}]]";

/// Two changes, and a watcher that saw both.
const CHANGES: &str = "0-1 0 write 1; 2-3 0 write 2; 4-5 1 watch nil -> [[1 1] [2 2]]";

pub(crate) const PLANTED: &[Planted] = &[
    (
        A::WrongEcho,
        &models::ECHO,
        "0-1 0 echo 1 -> 1",
        "2-3 1 echo 2 -> 1",
        "2-3 1 echo 2 -> 2",
    ),
    (
        A::ReleasedByAnother,
        &models::OWNED_MUTEX,
        "0-1 0 acquire nil",
        "2-3 1 release nil",
        "2-3 0 release nil",
    ),
    (
        A::LockHeldTwice,
        &models::FENCED_MUTEX,
        "0-1 0 acquire nil -> 7",
        "4-5 1 acquire nil -> 8",
        "2-3 0 release nil; 4-5 1 acquire nil -> 8",
    ),
    (
        A::TokenDoesNotRise,
        &models::FENCED_MUTEX,
        "0-1 0 acquire nil -> 7; 2-3 0 release nil",
        "4-5 1 acquire nil -> 7",
        "4-5 1 acquire nil -> 8",
    ),
    (
        A::TokenDoesNotRise,
        &models::REENTRANT_FENCED_MUTEX,
        "0-1 0 acquire nil -> 7",
        "2-3 0 acquire nil -> 8",
        "2-3 0 acquire nil -> 7",
    ),
    (
        A::TooManyPermits,
        &models::SEMAPHORE,
        "0-1 0 acquire nil; 2-3 1 acquire nil",
        "6-7 2 acquire nil",
        "4-5 3 release nil; 6-7 2 acquire nil",
    ),
    (
        A::PermitNotHeld,
        &models::SEMAPHORE,
        "0-1 0 acquire nil",
        "2-3 0 release 2",
        "2-3 0 release 1",
    ),
    (
        A::OutOfOrder,
        &models::STACK,
        "0-1 0 push 1; 2-3 0 push 2",
        "4-5 1 pop nil -> 1",
        "4-5 1 pop nil -> 2",
    ),
    (
        A::OutOfOrder,
        &models::PRIORITY_QUEUE,
        "0-1 0 enqueue 1; 2-3 0 enqueue 2",
        "4-5 1 dequeue 2",
        "4-5 1 dequeue 1",
    ),
    (
        A::EmptyThoughFull,
        &models::UNORDERED_QUEUE,
        "0-1 0 enqueue 1; 2-3 0 enqueue 2; 4-7 1 dequeue 1",
        "5-6 2 dequeue nil",
        "5-6 2 dequeue 2",
    ),
    (
        A::CausalReverse,
        &models::CAUSAL_REVERSE,
        "0-1 0 write 1; 2-3 1 write 2",
        "4-5 2 read [2]",
        "4-5 2 read [1]",
    ),
    (
        A::SequentialOrder,
        &models::SEQUENTIAL,
        "0-1 0 write 5",
        "2-3 1 read [5 [:b nil]]",
        "2-3 1 read [5 [nil :a]]",
    ),
    (
        A::G2,
        &models::G2,
        "0-1 0 insert [7 [1 nil]]",
        "2-3 1 insert [7 [nil 2]]",
        "2-3! 1 insert [7 [nil 2]]",
    ),
    (
        A::G1a,
        &models::DIRTY_READS,
        "0-1! 0 write 1; 2-3 0 write 2",
        "4-5 1 read [2 1]",
        "4-5 1 read [2 2]",
    ),
    (
        A::NotConverged,
        &models::G_SET,
        "0-? 0 add 1; 2-3 1 final-read nil -> [1]",
        "4-5 2 final-read nil -> []",
        "4-5 2 final-read nil -> [1]",
    ),
    (
        A::LostWrite,
        &models::BROADCAST,
        "0-1 0 broadcast 1; 2-3 1 read []",
        "4-5 2 final-read nil -> []",
        "4-5 2 final-read nil -> [1]",
    ),
    (
        A::CounterOutOfBounds,
        &models::PN_COUNTER,
        "0-1 0 add 5; 2-3 0 add -2; 4-? 0 increment 10",
        "6-7 2 final-read nil -> 5",
        "6-7 2 final-read nil -> 13",
    ),
    (
        A::CounterOutOfBounds,
        &models::G_COUNTER,
        "0-1 0 add 2; 2-3 0 add 2; 6-7 1 final-read nil -> 4",
        "4-5 1 read 3",
        "4-5 1 read 2",
    ),
    (
        A::SkippedChange,
        &models::WATCH,
        CHANGES,
        "6-7 2 watch nil -> [[2 2]]",
        "6-7 2 watch {:revision 2} -> [[2 2]]",
    ),
    (
        A::SkippedChange,
        &models::WATCH,
        "0-1 0 write 1; 2-3 0 write 2; 4-5 1 watch nil -> {:log [1 2]}",
        "6-7 2 final-watch nil -> {:log [1]}",
        "6-7 2 watch nil -> {:log [1]}",
    ),
    (
        A::DuplicateChange,
        &models::WATCH,
        CHANGES,
        "6-7 1 watch nil -> [[2 2]]",
        "6-7 1 watch nil -> []",
    ),
    (
        A::ChangesOutOfOrder,
        &models::WATCH,
        "0-1 0 write 1; 2-3 0 write 2",
        "4-5 1 watch nil -> [[1 2] [2 1]]",
        "4-5 1 watch nil -> [[1 1] [2 2]]",
    ),
    (
        A::InconsistentChanges,
        &models::WATCH,
        CHANGES,
        "6-7 2 watch nil -> [[1 1] [2 1]]",
        "6-7 2 watch nil -> [[1 1]]",
    ),
    (
        A::InconsistentOffsets,
        &models::KAFKA,
        LOG,
        "8-9 2 poll [[:poll]] -> [[:poll {0 [[0 2]]}]]",
        "8-9 2 poll [[:poll]] -> [[:poll {0 [[0 1]]}]]",
    ),
    (
        A::LostWrite,
        &models::KAFKA,
        "0-1 0 send [[:send 0 1]] -> [[:send 0 [0 1]]]; 2-3 0 send [[:send 0 2]] -> [[:send 0 [1 2]]]",
        "4-5 1 poll [[:poll]] -> [[:poll {0 [[1 2]]}]]",
        "4-5 1 poll [[:poll]] -> [[:poll {0 [[0 1] [1 2]]}]]",
    ),
    (
        A::PollSkip,
        &models::KAFKA,
        LOG_AND_CONSUMER,
        "10-11 2 poll [[:poll]] -> [[:poll {0 [[2 3]]}]]",
        "10-11 2 poll [[:poll]] -> [[:poll {0 [[1 2]]}]]",
    ),
    (
        A::PollSkip,
        &models::KAFKA,
        LOG_AND_CONSUMER,
        "10-11 2 assign [0]; 12-13 2 poll [[:poll]] -> [[:poll {0 [[2 3]]}]]",
        "10-11 2 subscribe [0]; 12-13 2 poll [[:poll]] -> [[:poll {0 [[2 3]]}]]",
    ),
    (
        A::NonmonotonicPoll,
        &models::KAFKA,
        LOG_AND_CONSUMER,
        "10-11 2 poll [[:poll]] -> [[:poll {0 [[0 1]]}]]",
        "10-11 2 assign [0]; 12-13 2 poll [[:poll]] -> [[:poll {0 [[0 1]]}]]",
    ),
    (
        A::InternalPollSkip,
        &models::KAFKA,
        LOG,
        "8-9 2 poll [[:poll]] -> [[:poll {0 [[0 1] [2 3]]}]]",
        "8-9 2 poll [[:poll]] -> [[:poll {0 [[0 1] [1 2]]}]]",
    ),
    (
        A::InternalNonmonotonicPoll,
        &models::KAFKA,
        LOG,
        "8-9 2 poll [[:poll]] -> [[:poll {0 [[1 2] [0 1]]}]]",
        "8-9 2 poll [[:poll]] -> [[:poll {0 [[0 1] [1 2]]}]]",
    ),
    (
        A::NonmonotonicSend,
        &models::KAFKA,
        "0-1 0 send [[:send 0 1]] -> [[:send 0 [5 1]]]; 6-7 1 poll [[:poll]] -> [[:poll {0 [[4 2] [5 1]]}]]",
        "2-3 0 send [[:send 0 2]] -> [[:send 0 [4 2]]]",
        "2-3 3 send [[:send 0 2]] -> [[:send 0 [4 2]]]",
    ),
    (
        A::InternalNonmonotonicSend,
        &models::KAFKA,
        "8-9 1 poll [[:poll]] -> [[:poll {0 [[4 2] [5 1]]}]]",
        "0-1 0 send [[:send 0 1] [:send 0 2]] -> [[:send 0 [5 1]] [:send 0 [4 2]]]",
        "0-1 0 send [[:send 0 2] [:send 0 1]] -> [[:send 0 [4 2]] [:send 0 [5 1]]]",
    ),
    (
        A::PrecommittedRead,
        &models::KAFKA,
        "6-7 1 poll [[:poll]] -> [[:poll {0 [[0 1]]}]]",
        "0-1 0 txn [[:send 0 1] [:poll]] -> [[:send 0 [0 1]] [:poll {0 [[0 1]]}]]",
        "0-1 0 send [[:send 0 1]] -> [[:send 0 [0 1]]]",
    ),
];
