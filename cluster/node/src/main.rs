//! The `kensho-node` program.

fn main() {}
