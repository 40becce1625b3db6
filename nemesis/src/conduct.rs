//! What a link does with what passes it.

use std::time::Duration;

/// What happens to bytes in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    Pass,
    /// They pass after this time.
    Delay(Duration),
    /// They are kept until this changes.
    Hold,
}

/// What a link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conduct {
    /// From who connects to the target.
    pub forward: Flow,
    /// From the target back.
    pub backward: Flow,
    /// Whether new connections are accepted; if not, they are closed at once.
    pub accept: bool,
}

impl Conduct {
    /// Everything passes.
    pub const OPEN: Conduct = Conduct {
        forward: Flow::Pass,
        backward: Flow::Pass,
        accept: true,
    };
    /// Nothing passes, and nobody is told.
    pub const CUT: Conduct = Conduct {
        forward: Flow::Hold,
        backward: Flow::Hold,
        accept: true,
    };
    /// What is asked passes, and no answer comes back.
    pub const UNANSWERED: Conduct = Conduct {
        backward: Flow::Hold,
        ..Conduct::OPEN
    };
    /// Connections are closed at once.
    pub const REFUSE: Conduct = Conduct {
        accept: false,
        ..Conduct::OPEN
    };

    /// Everything passes in both directions after this time.
    pub const fn delay(time: Duration) -> Conduct {
        Conduct {
            forward: Flow::Delay(time),
            backward: Flow::Delay(time),
            accept: true,
        }
    }

    /// A link that two faults disturb does the worse of both.
    #[must_use]
    pub fn worse(self, other: Conduct) -> Conduct {
        Conduct {
            forward: self.forward.worse(other.forward),
            backward: self.backward.worse(other.backward),
            accept: self.accept && other.accept,
        }
    }
}

impl Flow {
    fn worse(self, other: Flow) -> Flow {
        match (self, other) {
            (Flow::Hold, _) | (_, Flow::Hold) => Flow::Hold,
            (Flow::Delay(one), Flow::Delay(other)) => Flow::Delay(one.max(other)),
            (delay @ Flow::Delay(_), Flow::Pass) | (Flow::Pass, delay @ Flow::Delay(_)) => delay,
            (Flow::Pass, Flow::Pass) => Flow::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_disturbances_make_the_worse_of_both() {
        let slow = Conduct::delay(Duration::from_millis(20));
        let slower = Conduct::delay(Duration::from_millis(30));
        assert_eq!(slow.worse(slower), slower);
        assert_eq!(slow.worse(Conduct::OPEN), slow);
        assert_eq!(slow.worse(Conduct::CUT), Conduct::CUT);
        let both = slow.worse(Conduct::UNANSWERED);
        assert_eq!((both.forward, both.backward), (slow.forward, Flow::Hold));
        assert!(!slow.worse(Conduct::REFUSE).accept);
    }
}
