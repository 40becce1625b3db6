//! Artificial worlds: nodes, network, disks and virtual clocks, explored exhaustively or sampled by seed.

pub mod election;
