//! The models that are explored to their end with every change.

use super::scenario::Election;
use super::sight::Sight;

/// A small model, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Small {
    /// Its name.
    pub name: &'static str,
    /// The model.
    pub model: fn() -> Election,
    /// How many different states it has. It belongs to the protocol: if it changes, the protocol has
    /// changed.
    pub unique_states: usize,
    /// What is seen in it.
    pub sights: &'static [Sight],
}

/// The small models.
pub const SMALL: [Small; 10] = [
    Small {
        name: "tournament",
        model: Election::tournament,
        unique_states: 0,
        sights: &[
            Sight::MasterElected,
            Sight::MasterElectedAfterRestart,
            Sight::VoteForwarded,
            Sight::Recommitted,
        ],
    },
    Small {
        name: "register",
        model: Election::register,
        unique_states: 0,
        sights: &[Sight::Recommitted, Sight::TableAbandoned],
    },
    Small {
        name: "lost writes",
        model: Election::lost_writes,
        unique_states: 0,
        sights: &[Sight::MasterElectedAfterRestart, Sight::Recommitted],
    },
    Small {
        name: "changes",
        model: Election::changes,
        unique_states: 0,
        sights: &[
            Sight::FailedOver,
            Sight::Grown,
            Sight::ChangeTooLate,
            Sight::FailoverBeatChange,
        ],
    },
    Small {
        name: "strangers",
        model: Election::strangers,
        unique_states: 0,
        sights: &[Sight::FailedOver, Sight::Grown],
    },
    Small {
        name: "handover",
        model: Election::handover,
        unique_states: 0,
        sights: &[Sight::Recommitted, Sight::TableAbandoned],
    },
    Small {
        name: "unclean",
        model: Election::unclean,
        unique_states: 0,
        sights: &[],
    },
    Small {
        name: "survivors",
        model: Election::survivors,
        unique_states: 0,
        sights: &[Sight::Recommitted],
    },
    Small {
        name: "disturbance",
        model: Election::disturbance,
        unique_states: 0,
        sights: &[],
    },
    Small {
        name: "birth",
        model: Election::birth,
        unique_states: 0,
        sights: &[Sight::Born, Sight::MasterElectedAfterRestart],
    },
];
