//! Maelstrom's protocol, without a JVM: nodes are programs in any language that read and write lines
//! of JSON, and this crate gives them a network, clients, services, faults and a verdict.
//!
//! | module | what |
//! | --- | --- |
//! | [`body`], [`error`] | the dialect: messages, requests, what answers look like, error codes |
//! | [`net`] | the network, with its latency, losses and cut links; no clock of its own |
//! | [`service`] | `lin-kv`, `seq-kv`, `lww-kv`, `lin-tso` |
//! | [`workload`] | what clients do, and which model judges it |
//! | [`fault`] | when which fault strikes |
//! | [`world`] | all of these together, as one state machine without I/O |
//! | [`real`] | drives it: processes, pipes, clock, files |
//! | [`report`] | verdict, figures, the page |
//! | [`command`] | what a person types: `kensho maelstrom` |

pub mod body;
pub mod command;
pub mod error;
pub mod fault;
pub mod net;
pub mod real;
pub mod report;
pub mod service;
pub mod workload;
pub mod world;
