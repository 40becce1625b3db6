//! What must happen sometimes, over many runs of whole clusters: a check that passes because nothing
//! happened says nothing.

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
    /// A master was elected before the cluster was born.
    FirstMaster = "a first master was elected",
    /// A master was elected in a cluster that was born.
    LaterMaster = "a later master was elected",
    /// A master lost contact with the majority, and resigned (rule R13).
    MasterResigned = "a master resigned",
    /// A follower that had been given up was heard again.
    FollowerReturned = "a follower returned",
    /// A node stopped serving since it had no quorum (rule R13).
    ServiceStopped = "a node stopped serving",
    /// No member of a partition's in-sync set was to be reached (rule M4).
    Unavailable = "a partition was unavailable",
    /// A new master committed the table that it had found (rule M2).
    TableRecommitted = "a table was committed again",
    /// A partition got another owner.
    OwnerReplaced = "an owner was replaced",
    /// A catch-up joined the in-sync set (rule R3).
    GrowthFinished = "a growth finished",
    /// Somebody left the in-sync set (rule R2).
    ShrinkFinished = "a shrink finished",
    /// An owner asked for a shrink, and a failover had come first (rule M3).
    ShrinkLostToFailover = "a shrink lost to a failover",
    /// An owner went on in a new epoch after a restart (rule R8).
    RenewFinished = "an epoch was renewed",
    /// A new owner on another node began to serve.
    FailoverServed = "a new owner served",
    /// A replica's divergent tail was cut (rule R7).
    TailCut = "a divergent tail was cut",
    /// A data image was installed (rule R12).
    ImageInstalled = "a data image was installed",
    /// A read was answered by an owner that was promoted during the run.
    ReadAfterFailover = "a read after a failover",
    /// An update was acknowledged in a later epoch than it was appended in.
    AcknowledgedAcrossEpochs = "an acknowledgement across epochs",
    /// A reply came too late for its lease (rule R10).
    LeaseRanOut = "a reply came too late for its lease",
    /// A retried update was acknowledged.
    RetryAcknowledged = "a retry was acknowledged",
    /// Acknowledged updates were lost; in async only.
    AcknowledgedLost = "acknowledged updates were lost (async)",
    /// A process was stopped between deciding and acting.
    StoppedBetween = "a process stopped between deciding and acting",
    /// A crash lost records that were not synced.
    RecordsLost = "a crash lost records",
    /// A crash lost what a coordinator had written.
    SavedLost = "a crash lost what a coordinator wrote",
    /// All processes were down at once.
    Blackout = "all nodes were down",
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
        self.counts[sight as usize] += 1;
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
        let never = counts.filter(|(_, count)| **count == 0);
        never.map(|(sight, _)| *sight)
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
