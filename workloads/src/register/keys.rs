//! Which register, and what to do to it.

use fastrand::Rng;

use crate::objects::Names;
use crate::operation::Operation;

/// Register `rN` is in container `register-M`.
pub(super) const NAMES: Names = Names {
    letter: 'r',
    container: "register",
};

/// Reads, writes and compare-and-sets. Every value that is written is new.
pub(super) fn draw(draw: &mut Rng, count: u64) -> Operation {
    match draw.u8(..20) {
        0..9 => Operation::new("read"),
        9..15 => Operation::new("write").with(count),
        _ => Operation::new("cas").with(count),
    }
}
