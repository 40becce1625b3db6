//! The real thing: nodes as processes with pipes, the clock, files.
//!
//! One thread does it all, and waits in `ppoll` for whatever comes first: a node's output, room in
//! a node's input, the end of a process, Ctrl-C, or the time at which the world has something to
//! do.

mod driver;
mod journal;
mod live;
mod process;
mod progress;
mod signals;

pub use driver::{Outcome, Setup, run};
pub use live::Live;
pub use process::Launch;
