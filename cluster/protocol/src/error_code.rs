//! The numbers by which a node tells a client why a statement has no outcome. Nodes write them
//! into error answers (`errorCode`), client libraries read them there.

use crate::ids::Position;
use crate::request::Refusal;

impl Refusal {
    /// The number of this refusal.
    #[must_use]
    pub const fn error_code(self) -> u32 {
        match self {
            Refusal::NotOwner => 170_001,
            Refusal::NotServing => 170_002,
            Refusal::TooFewInSync => 170_003,
            Refusal::OutcomeUnknown => 170_004,
            Refusal::OutcomeForgotten { .. } => 170_005,
            Refusal::TimedOut => 170_006,
            Refusal::Overloaded => 170_007,
            Refusal::NumberUsed => 170_008,
            Refusal::NoRoom => 170_009,
            Refusal::Behind => 170_010,
            Refusal::SeenLost => 170_011,
        }
    }

    /// The refusal with this number; `at` is the youngest log entry that the answer spoke of, and
    /// the default if it spoke of none.
    #[must_use]
    pub const fn from_error_code(code: u32, at: Position) -> Option<Self> {
        match code {
            170_001 => Some(Refusal::NotOwner),
            170_002 => Some(Refusal::NotServing),
            170_003 => Some(Refusal::TooFewInSync),
            170_004 => Some(Refusal::OutcomeUnknown),
            170_005 => Some(Refusal::OutcomeForgotten { now: at }),
            170_006 => Some(Refusal::TimedOut),
            170_007 => Some(Refusal::Overloaded),
            170_008 => Some(Refusal::NumberUsed),
            170_009 => Some(Refusal::NoRoom),
            170_010 => Some(Refusal::Behind),
            170_011 => Some(Refusal::SeenLost),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Epoch, Lsn};

    #[test]
    fn a_refusal_is_found_by_its_number() {
        let at = Position {
            epoch: Epoch(2),
            lsn: Lsn(7),
        };
        for refusal in [
            Refusal::NotOwner,
            Refusal::NotServing,
            Refusal::TooFewInSync,
            Refusal::OutcomeUnknown,
            Refusal::OutcomeForgotten { now: at },
            Refusal::TimedOut,
            Refusal::Overloaded,
            Refusal::NumberUsed,
            Refusal::NoRoom,
            Refusal::Behind,
            Refusal::SeenLost,
        ] {
            let code = refusal.error_code();
            assert_eq!(Refusal::from_error_code(code, at), Some(refusal));
        }
        assert_eq!(Refusal::from_error_code(150_001, at), None);
    }
}
