//! All models, each described where it is implemented.

use super::Model;

pub use crate::checks::adya_g2::MODEL as G2;
pub use crate::checks::backup_reads::MODEL as BACKUP_READS;
pub use crate::checks::bank::MODEL as BANK;
pub use crate::checks::causal_reverse::MODEL as CAUSAL_REVERSE;
pub use crate::checks::converge::{BROADCAST, G_SET};
pub use crate::checks::counter::MODEL as COUNTER;
pub use crate::checks::dirty_reads::MODEL as DIRTY_READS;
pub use crate::checks::echo::MODEL as ECHO;
pub use crate::checks::kafka::MODEL as KAFKA;
pub use crate::checks::long_fork::MODEL as LONG_FORK;
pub use crate::checks::monotonic::MODEL as MONOTONIC;
pub use crate::checks::pn_counter::{G_COUNTER, PN_COUNTER};
pub use crate::checks::queue::MODEL as QUEUE;
pub use crate::checks::sequential::MODEL as SEQUENTIAL;
pub use crate::checks::session::MODEL as SESSION;
pub use crate::checks::set::MODEL as SET;
pub use crate::checks::set_full::MODEL as SET_FULL;
pub use crate::checks::unique_ids::MODEL as UNIQUE_IDS;
pub use crate::checks::watch::MODEL as WATCH;
pub use crate::linearizable::models::lock::{
    FENCED_MUTEX, OWNED_MUTEX, REENTRANT_FENCED_MUTEX, REENTRANT_MUTEX,
};
pub use crate::linearizable::models::{
    FIFO_QUEUE, KV, LINEARIZABLE_SET, MULTI_REGISTER, MUTEX, PRIORITY_QUEUE, SEMAPHORE, STACK,
    UNORDERED_QUEUE,
};
pub use crate::linearizable::table::MODEL as MODEL_FILE;
pub use crate::register::models::{CAS_REGISTER, DELETABLE_REGISTER, ETCD_REGISTER, REGISTER};
pub use crate::transactions::{
    list_append::MODEL as LIST_APPEND, rw_register::MODEL as RW_REGISTER,
};

/// Every model that has a name of its own (not [`MODEL_FILE`]), in the order in which they are listed, and in which they are asked whether a
/// history suggests them.
pub static ALL: &[&Model] = &[
    &CAS_REGISTER,
    &REGISTER,
    &ETCD_REGISTER,
    &DELETABLE_REGISTER,
    &KV,
    &MULTI_REGISTER,
    &MUTEX,
    &OWNED_MUTEX,
    &REENTRANT_MUTEX,
    &FENCED_MUTEX,
    &REENTRANT_FENCED_MUTEX,
    &SEMAPHORE,
    &QUEUE,
    &FIFO_QUEUE,
    &UNORDERED_QUEUE,
    &PRIORITY_QUEUE,
    &STACK,
    &SET_FULL,
    &SET,
    &LINEARIZABLE_SET,
    &COUNTER,
    &G_COUNTER,
    &PN_COUNTER,
    &G_SET,
    &BROADCAST,
    &BANK,
    &LIST_APPEND,
    &RW_REGISTER,
    &LONG_FORK,
    &CAUSAL_REVERSE,
    &SEQUENTIAL,
    &G2,
    &DIRTY_READS,
    &UNIQUE_IDS,
    &ECHO,
    &MONOTONIC,
    &SESSION,
    &BACKUP_READS,
    &KAFKA,
    &WATCH,
];
