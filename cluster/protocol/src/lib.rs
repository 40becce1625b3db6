//! The cluster's protocol as pure state machines: no I/O, no clock, no threads, no randomness of its own.
