//! What must happen sometimes, over many runs: a check that passes because nothing happened says
//! nothing.

use std::fmt;

macro_rules! sights {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Something that must happen sometimes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Sight {
            $($(#[$doc])* $variant,)*
        }

        impl Sight {
            /// All of them.
            pub const ALL: &'static [Sight] = &[$(Sight::$variant),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Sight::$variant => $name,)*
                }
            }
        }
    };
}

sights! {
    /// A new owner on another node began to serve.
    FailoverServed = "a new owner served",
    /// A replica's divergent tail was cut (rule R7).
    TailCut = "a divergent tail was cut",
    /// A data image was installed (rule R12).
    ImageInstalled = "a data image was installed",
    /// A catch-up joined the in-sync set (rule R3).
    GrowthFinished = "a growth finished",
    /// A silent backup left the in-sync set (rule R2).
    ShrinkFinished = "a shrink finished",
    /// An owner asked for a shrink, and a failover had come first (rule M3).
    ShrinkLostToFailover = "a shrink lost to a failover",
    /// An owner renewed its epoch after a restart (rule R8).
    RenewFinished = "an epoch was renewed",
    /// An owner and a backup of one partition were down at the same time.
    OwnerAndBackupDown = "owner and backup were down together",
    /// A read was answered by an owner that was promoted during the run.
    ReadAfterFailover = "a read after a failover",
    /// An update was acknowledged by another owner than the one that appended it.
    AcknowledgedAcrossFailover = "an acknowledgement across a failover",
    /// A reply came too late for its lease (rule R10).
    LeaseRanOut = "a reply came too late for its lease",
    /// An answer left without a lease (rule R9).
    ReadByBarrier = "a read by barrier",
    /// An answer left under a lease (rule R10).
    ReadByLease = "a read by lease",
    /// A retried update was acknowledged.
    RetryAcknowledged = "a retry was acknowledged",
    /// An outcome was forgotten before it was asked for again (rule R11).
    OutcomeForgotten = "an outcome was forgotten",
    /// Acknowledged updates were lost; in async only.
    AcknowledgedLost = "acknowledged updates were lost (async)",
    /// A process was stopped between deciding and acting.
    StoppedBetween = "a process stopped between deciding and acting",
    /// A crash lost records that were not synced.
    RecordsLost = "a crash lost records",
}

/// How often each happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sometimes {
    counts: Vec<u64>,
}

impl Default for Sometimes {
    fn default() -> Self {
        Sometimes {
            counts: vec![0; Sight::ALL.len()],
        }
    }
}

impl Sometimes {
    /// It happened.
    pub fn saw(&mut self, sight: Sight) {
        self.saw_often(sight, 1);
    }

    /// It happened `count` times.
    pub fn saw_often(&mut self, sight: Sight, count: u64) {
        self.counts[sight as usize] += count;
    }

    /// How often it happened.
    #[must_use]
    pub fn count(&self, sight: Sight) -> u64 {
        self.counts[sight as usize]
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Sometimes) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// What never happened.
    pub fn never(&self) -> impl Iterator<Item = Sight> {
        let counts = Sight::ALL.iter().zip(&self.counts);
        counts
            .filter(|(_, count)| **count == 0)
            .map(|(sight, _)| *sight)
    }
}

impl fmt::Display for Sometimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (sight, count) in Sight::ALL.iter().zip(&self.counts) {
            writeln!(f, "{count:>12}  {}", sight.name())?;
        }
        Ok(())
    }
}
