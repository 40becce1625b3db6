//! What clients do: pure generators, and each workload's operations and check.
//!
//! A [`generator::Generator`] is a value that says which operation comes next; it knows neither
//! sockets nor clocks, so the same one drives a real cluster, a simulated one, and the
//! [`simulator`] that its unit tests use. A workload ([`register`]) joins a generator with the
//! meaning of its operations, a final phase and a check of the history.
//!
//! Not here: who performs an operation (a client of the system under test), what goes wrong
//! meanwhile (the nemesis), and how a history is judged (the checker).

pub mod generator;
pub mod operation;
pub mod register;
pub mod simulator;
