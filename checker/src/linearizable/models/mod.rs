//! Sequential models of common objects.

mod collection;
mod key_value;
pub mod lock;
mod multi_register;
mod mutex;
mod priority_queue;
mod queue;
mod semaphore;
mod set;
mod stack;
mod stocked;
mod unordered_queue;

pub use collection::CollectionStep;
pub use key_value::{KV, KeyValue, KeyValueModel, KeyValueStep};
pub use multi_register::{MULTI_REGISTER, MultiRegister, Transaction};
pub use mutex::{LockStep, MUTEX, Mutex};
pub use priority_queue::{PRIORITY_QUEUE, PriorityQueue};
pub use queue::{FIFO_QUEUE, FifoQueue, QueueStep};
pub use semaphore::{PermitStep, SEMAPHORE, Semaphore};
pub use set::{LINEARIZABLE_SET, SetObject, SetStep};
pub use stack::{STACK, Stack};
pub use unordered_queue::{Bag, UNORDERED_QUEUE, UnorderedQueue};

use crate::history::{History, Operation};

fn unknown_operation(history: &History, operation: &Operation, known: &str) -> String {
    format!(
        "event {} is {:?}, but this model knows only {known}",
        history.index(operation.invoke),
        history.name(operation.f)
    )
}
