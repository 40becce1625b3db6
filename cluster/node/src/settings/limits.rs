//! What follows from the largest body that a client may send. A body becomes a statement, a statement
//! goes as one message to each backup, and as one record into each log; none of them has a limit of
//! its own that could be smaller.

/// The least that `body_limit_bytes` can be.
pub(crate) const SMALLEST_BODY_BYTES: usize = 256;
/// The most that `body_limit_bytes` can be. Records and batches of the log have lengths of 32 bits, and
/// several statements may go in one.
pub(crate) const LARGEST_BODY_BYTES: usize = 256 << 20;

/// The longest statement that a body of at most `body_bytes` may become. Besides the rows themselves
/// there are their keys, which short rows repeat almost as a whole, and the container's name.
pub(crate) const fn statement_bytes(body_bytes: usize) -> usize {
    4 * body_bytes + (64 << 10)
}
