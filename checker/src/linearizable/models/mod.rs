//! Sequential models of common objects.

mod key_value;
mod multi_register;
mod mutex;
mod queue;
mod set;

pub use key_value::{KV, KeyValue, KeyValueModel, KeyValueStep};
pub use multi_register::{MULTI_REGISTER, MultiRegister, Transaction};
pub use mutex::{LockStep, MUTEX, Mutex};
pub use queue::{FIFO_QUEUE, FifoQueue, QueueStep};
pub use set::{LINEARIZABLE_SET, SetObject, SetStep};

use crate::history::{History, Operation};

fn unknown_operation(history: &History, operation: &Operation, known: &str) -> String {
    format!(
        "event {} is {:?}, but this model knows only {known}",
        history.index(operation.invoke),
        history.name(operation.f)
    )
}
