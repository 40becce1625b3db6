//! Every check against an oracle that tries everything: thousands of random small histories for
//! each model, both verdicts, and what is said to prove them.
//!
//! The oracles share nothing with the engines: they work on the operations of the history itself.

mod checks;
mod containers;
mod cut;
mod damage;
mod definitions;
mod isolation;
mod lists;
mod locks;
mod objects;
mod queues;
mod random;
mod registers;
mod shared_data;
mod streams;
mod transactions;
