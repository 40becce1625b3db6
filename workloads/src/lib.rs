//! What clients do: pure generators, and each workload's operations and check.
