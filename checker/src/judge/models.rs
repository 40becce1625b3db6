//! All models, each described where it is implemented.

use super::Model;

pub use crate::checks::bank::MODEL as BANK;
pub use crate::checks::counter::MODEL as COUNTER;
pub use crate::checks::long_fork::MODEL as LONG_FORK;
pub use crate::checks::monotonic::MODEL as MONOTONIC;
pub use crate::checks::queue::MODEL as QUEUE;
pub use crate::checks::session::MODEL as SESSION;
pub use crate::checks::set::MODEL as SET;
pub use crate::checks::set_full::MODEL as SET_FULL;
pub use crate::checks::unique_ids::MODEL as UNIQUE_IDS;
pub use crate::linearizable::models::{FIFO_QUEUE, KV, LINEARIZABLE_SET, MULTI_REGISTER, MUTEX};
pub use crate::register::models::{CAS_REGISTER, ETCD_REGISTER, REGISTER};
pub use crate::transactions::{
    list_append::MODEL as LIST_APPEND, rw_register::MODEL as RW_REGISTER,
};

/// Every model, in the order in which they are listed, and in which they are asked whether a
/// history suggests them.
pub static ALL: &[&Model] = &[
    &CAS_REGISTER,
    &REGISTER,
    &ETCD_REGISTER,
    &KV,
    &MULTI_REGISTER,
    &MUTEX,
    &QUEUE,
    &FIFO_QUEUE,
    &SET_FULL,
    &SET,
    &LINEARIZABLE_SET,
    &COUNTER,
    &BANK,
    &LIST_APPEND,
    &RW_REGISTER,
    &LONG_FORK,
    &UNIQUE_IDS,
    &MONOTONIC,
    &SESSION,
];
