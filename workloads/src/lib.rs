//! What clients do: pure generators, and each workload's operations and check.
//!
//! A [`generator::Generator`] is a value that says which operation comes next; it knows neither
//! sockets nor clocks, so the same one drives a real cluster, a simulated one, and the
//! [`simulator`] that its unit tests use. A [`Workload`] joins a generator with the meaning of its
//! operations ([`call`]), a final phase and a check of the history. [`ALL`] lists them: a new one is a
//! file or folder of its own, and a line there.
//!
//! Not here: who performs a call (a client of the system under test), what goes wrong
//! meanwhile (the nemesis), and how a history is judged (the checker).

pub mod backup_reads;
pub mod call;
pub mod counter;
pub mod generator;
pub mod lock;
pub mod messages;
pub mod objects;
pub mod operation;
pub mod queue;
pub mod register;
pub mod rehearsal;
pub mod set;
pub mod simulator;
pub mod store;
pub mod transaction;
pub mod transactions;
pub mod unique_ids;
pub mod workload;

pub use workload::{Clients, Workload};

/// Every workload there is.
pub static ALL: &[&dyn Workload] = &[
    &register::Register,
    &counter::Counter,
    &set::Set,
    &unique_ids::UniqueIds,
    &queue::Queue,
    &lock::Lock,
    &backup_reads::BackupReads,
    &transactions::list_append::ListAppend,
    &transactions::rw_register::RwRegister,
    &transactions::bank::Bank,
];

/// The workload with this name.
///
/// # Errors
/// A text that names those there are.
pub fn find(name: &str) -> Result<&'static dyn Workload, String> {
    let found = ALL.iter().find(|workload| workload.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|workload| workload.name()).collect();
        let names = names.join(", ");
        format!("there is no workload {name:?}; there are: {names}")
    })
}
