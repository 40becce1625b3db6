//! The models that are explored to their end with every change.

use super::scenario::{Budget, Election};
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

fn tournament() -> Election {
    Election::tournament().with_budget(Budget {
        restarts: 1,
        ticks: 1,
        ..Budget::NONE
    })
}

fn duplicates() -> Election {
    Election::tournament().with_budget(Budget {
        duplicates: 1,
        ticks: 1,
        ..Budget::NONE
    })
}

fn register() -> Election {
    Election::register().up_to(2)
}

fn changes() -> Election {
    Election::changes().with_budget(Budget {
        asks: 2,
        ..Budget::NONE
    })
}

fn changes_twice() -> Election {
    Election::changes().with_budget(Budget {
        asks: 1,
        duplicates: 1,
        ..Budget::NONE
    })
}

fn handover() -> Election {
    Election::handover().with_budget(Budget::NONE)
}

fn unclean() -> Election {
    Election::unclean().with_budget(Budget {
        unclean_restarts: 1,
        pauses: 1,
        ..Budget::NONE
    })
}

fn disturbance() -> Election {
    Election::disturbance().with_budget(Budget {
        ticks: 8,
        ..Budget::NONE
    })
}

fn birth() -> Election {
    Election::birth().with_budget(Budget::NONE)
}

fn birth_restarted() -> Election {
    Election::birth().up_to(1)
}

fn joining() -> Election {
    Election::joining().with_budget(Budget {
        joins: 1,
        ..Budget::NONE
    })
}

fn leaving() -> Election {
    Election::leaving().with_budget(Budget {
        removals: 1,
        ..Budget::NONE
    })
}

fn moving() -> Election {
    Election::moving().up_to(2)
}

fn resigning() -> Election {
    Election::resigning().with_budget(Budget {
        removals: 1,
        ..Budget::NONE
    })
}

/// The small models.
pub const SMALL: [Small; 16] = [
    Small {
        name: "tournament",
        model: tournament,
        unique_states: 132_854,
        sights: &[
            Sight::MasterElected,
            Sight::MasterElectedAfterRestart,
            Sight::VoteForwarded,
            Sight::Recommitted,
        ],
    },
    Small {
        name: "tournament, messages twice",
        model: duplicates,
        unique_states: 71_448,
        sights: &[Sight::MasterElected, Sight::VoteForwarded],
    },
    Small {
        name: "register",
        model: register,
        unique_states: 27_388,
        sights: &[Sight::Recommitted, Sight::TableAbandoned],
    },
    Small {
        name: "lost writes",
        model: Election::lost_writes,
        unique_states: 33_122,
        sights: &[Sight::MasterElectedAfterRestart, Sight::Recommitted],
    },
    Small {
        name: "changes",
        model: changes,
        unique_states: 300_005,
        sights: &[Sight::Grown, Sight::ChangeTooLate],
    },
    Small {
        name: "changes, messages twice",
        model: changes_twice,
        unique_states: 10_720,
        sights: &[Sight::Grown, Sight::ChangeTooLate],
    },
    Small {
        name: "handover",
        model: handover,
        unique_states: 1_689,
        sights: &[Sight::Recommitted],
    },
    Small {
        name: "unclean",
        model: unclean,
        unique_states: 687,
        sights: &[Sight::FailedOver],
    },
    Small {
        name: "disturbance",
        model: disturbance,
        unique_states: 426,
        sights: &[Sight::MasterElected],
    },
    Small {
        name: "birth",
        model: birth,
        unique_states: 54_736,
        sights: &[Sight::Born, Sight::Recommitted],
    },
    Small {
        name: "birth, restarted",
        model: birth_restarted,
        unique_states: 30_227,
        sights: &[Sight::Born, Sight::MasterElectedAfterRestart],
    },
    Small {
        name: "company",
        model: Election::company,
        unique_states: 356,
        sights: &[Sight::MemberAdded, Sight::ElectedByOtherMembers],
    },
    Small {
        name: "joining",
        model: joining,
        unique_states: 9_832,
        sights: &[Sight::MemberAdded, Sight::ElectedByOtherMembers],
    },
    Small {
        name: "leaving",
        model: leaving,
        unique_states: 109_795,
        sights: &[
            Sight::MemberRemoved,
            Sight::ElectedByOtherMembers,
            Sight::TableAbandoned,
        ],
    },
    Small {
        name: "moving",
        model: moving,
        unique_states: 26_903,
        sights: &[Sight::Grown, Sight::HandedOver, Sight::CopyGivenUp],
    },
    Small {
        name: "resigning",
        model: resigning,
        unique_states: 93_758,
        sights: &[Sight::MemberRemoved, Sight::ElectedByOtherMembers],
    },
];

/// A model and its name.
pub type Named = (&'static str, fn() -> Election);

/// The models with all that each was made for. Most are too large for every day.
pub const LARGE: [Named; 16] = [
    ("tournament", Election::tournament),
    ("register", Election::register),
    ("lost writes", Election::lost_writes),
    ("changes", Election::changes),
    ("strangers", Election::strangers),
    ("handover", Election::handover),
    ("unclean", Election::unclean),
    ("survivors", Election::survivors),
    ("disturbance", Election::disturbance),
    ("birth", Election::birth),
    ("company", Election::company),
    ("joining", Election::joining),
    ("leaving", Election::leaving),
    ("resigning", Election::resigning),
    ("moving", Election::moving),
    ("membership", Election::membership),
];
