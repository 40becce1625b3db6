//! The `kensho` command.

fn main() {}
