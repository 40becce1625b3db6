//! `kensho bench`: what our own clusters do under load, and how they stand what happens to them. Without
//! another word it measures throughput and latency.

mod catch_up;
mod failover;
mod loss;
mod memory;
mod outage;
mod rolling;
mod scale_out;
mod soak;
mod throughput;

use anyhow::Result;
use clap::{Args, Subcommand};

pub(in crate::cli) use throughput::serve_echo;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    measurement: Option<Measurement>,
    #[command(flatten)]
    throughput: throughput::Arguments,
}

/// What else than throughput can be measured.
#[derive(Debug, Subcommand)]
enum Measurement {
    /// Measure how long kills of an owner, of the master and of both interrupt service
    Failover(failover::Arguments),
    /// Keep all processors busy for a long time, and count false failovers: there must be none
    Soak(soak::Arguments),
    /// Kill owners under load, and count the acknowledged writes that are gone
    Loss(loss::Arguments),
    /// Show throughput and latency while a node is killed, away and catching up
    Outage(outage::Arguments),
    /// Restart all nodes in order, one after the other: no statement may fail
    RollingRestart(rolling::Arguments),
    /// Let nodes join under load: no statement may fail, and each gets its share
    ScaleOut(scale_out::Arguments),
    /// Let a node be away until it needs data images, and measure how it is brought in sync again
    CatchUp(catch_up::Arguments),
    /// Write the same rows again and again: memory and log on disk must not grow
    Memory(memory::Arguments),
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    match &arguments.measurement {
        None => throughput::run(&arguments.throughput),
        Some(Measurement::Failover(arguments)) => failover::run(arguments),
        Some(Measurement::Soak(arguments)) => soak::run(arguments),
        Some(Measurement::Loss(arguments)) => loss::run(arguments),
        Some(Measurement::Outage(arguments)) => outage::run(arguments),
        Some(Measurement::RollingRestart(arguments)) => rolling::run(arguments),
        Some(Measurement::ScaleOut(arguments)) => scale_out::run(arguments),
        Some(Measurement::CatchUp(arguments)) => catch_up::run(arguments),
        Some(Measurement::Memory(arguments)) => memory::run(arguments),
    }
}
