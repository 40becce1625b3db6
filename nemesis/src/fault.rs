//! A fault as data: what is done, to whom, and after how long.

use serde::Serialize;

use crate::capability::Capability;

/// Something that goes wrong for a while: injections at its start, all undone at its end (a killed
/// node is started again, a paused one continued, a partition healed, a full disk has room).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its name in the catalogue.
    pub name: &'static str,
    /// What it is, for a reader.
    #[serde(skip)]
    pub text: &'static str,
    /// What is done, in order of time.
    pub injections: Vec<Injection>,
}

impl Fault {
    /// Whether any of it [takes data](Action::takes_data).
    pub fn takes_data(&self) -> bool {
        let mut injections = self.injections.iter();
        injections.any(|injection| injection.action.takes_data())
    }
}

/// One thing done to some nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Injection {
    /// Milliseconds after the fault's start.
    pub after_ms: u64,
    /// What is done.
    pub action: Action,
    /// To whom.
    pub target: Target,
}

/// What is done to the targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// SIGKILL.
    Kill,
    /// SIGKILL, and started again at once: before anybody has missed it.
    Restart,
    /// SIGSTOP; SIGCONT at the end.
    Pause,
    /// Links are cut.
    Partition {
        /// Which ones.
        shape: Shape,
        /// Whether clients still reach the targets.
        clients: ClientAccess,
        /// What becomes of the connections that were held.
        heal: Heal,
    },
    /// What passes between the targets and all others takes longer.
    Delay {
        /// How much longer, each way, in milliseconds.
        delay_ms: u64,
        /// Whether what passes between clients and the targets does, too.
        clients: ClientAccess,
    },
    /// There is no more room for data on their disks; at the end there is again.
    FillDisk,
    /// Their data folders are copied, as they are at that moment.
    CopyFolder,
    /// SIGKILL, and they are started again at once from the copies of their data folders that were made last.
    RestoreFolder,
    /// SIGKILL, and they are started again at once from copies of their data folders; at the end, again from
    /// their own.
    CloneFolder,
    /// SIGKILL, and their data folders are gone.
    LoseFolder,
}

impl Action {
    /// What a system must be able to.
    pub fn needs(self) -> Capability {
        match self {
            Action::Kill | Action::Restart | Action::Pause => Capability::Processes,
            Action::Partition { .. } | Action::Delay { .. } => Capability::Links,
            Action::FillDisk => Capability::Disks,
            Action::CopyFolder | Action::RestoreFolder | Action::CloneFolder => Capability::Folders,
            Action::LoseFolder => Capability::Replacements,
        }
    }

    /// Whether it takes data away that were confirmed. It is promised that nothing is lost by that where all
    /// others have theirs, so it is done to a cluster that is whole.
    pub fn takes_data(self) -> bool {
        match self {
            Action::RestoreFolder | Action::CloneFolder | Action::LoseFolder => true,
            Action::Kill
            | Action::Restart
            | Action::Pause
            | Action::Partition { .. }
            | Action::Delay { .. }
            | Action::FillDisk
            | Action::CopyFolder => false,
        }
    }

    /// With fewer nodes there is nothing to do it to.
    pub fn nodes_min(self) -> usize {
        match self {
            Action::Kill
            | Action::Restart
            | Action::Pause
            | Action::FillDisk
            | Action::CopyFolder => 1,
            Action::Delay { .. } => 2,
            // A voter that has forgotten something must not be half of them.
            Action::RestoreFolder | Action::CloneFolder | Action::LoseFolder => 3,
            Action::Partition { shape, .. } => match shape {
                Shape::Unanswered => 1,
                Shape::Split | Shape::Deaf | Shape::Mute | Shape::Apart => 2,
                Shape::Bridge => 3,
                Shape::MajorityRing => 4,
            },
        }
    }
}

/// Which links a partition cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Both ways between the targets and all others.
    Split,
    /// The targets hear nobody, but are heard.
    Deaf,
    /// The targets are not heard, but hear.
    Mute,
    /// Every node sees a majority, and no two see the same one.
    MajorityRing,
    /// Two halves, and the target which sees both.
    Bridge,
    /// The targets do not see each other; all others see all.
    Apart,
    /// The targets hear clients, and what they answer does not arrive: clients must ask again for
    /// what has happened already.
    Unanswered,
}

/// Whether clients still reach the targets of a partition, undisturbed. A node that is cut off from its peers
/// while clients still talk to it is the dangerous one: it may serve what is no longer true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAccess {
    /// Clients reach every node.
    Kept,
    /// Clients do not reach the targets.
    Cut,
}

/// What becomes of connections that were held, when the partition heals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heal {
    /// They are closed, as by a peer that lost patience.
    Close,
    /// What was held flows on, however old it is.
    Release,
}

/// Who is hit. Of a partition of the table that is drawn for each fault: its owner, or a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Any one node.
    One,
    /// As many nodes as the cluster can do without.
    Minority,
    /// One node more than the cluster can do without.
    Majority,
    /// Every node.
    All,
    /// The master.
    Master,
    /// The owner of the drawn partition.
    Owner,
    /// The owner of the drawn partition, which is one whose owner is not the master.
    OwnerNotMaster,
    /// An in-sync backup of the drawn partition.
    Backup,
    /// The owner of the drawn partition and one of its in-sync backups, neither of them the master.
    OwnerAndBackup,
}

impl Target {
    /// What a system must be able to.
    pub fn needs(self) -> Option<Capability> {
        match self {
            Target::One | Target::Minority | Target::Majority | Target::All => None,
            Target::Master
            | Target::Owner
            | Target::OwnerNotMaster
            | Target::Backup
            | Target::OwnerAndBackup => Some(Capability::Roles),
        }
    }

    /// With fewer nodes there is no such target.
    pub fn nodes_min(self) -> usize {
        match self {
            Target::One
            | Target::Minority
            | Target::Majority
            | Target::All
            | Target::Master
            | Target::Owner => 1,
            Target::OwnerNotMaster | Target::Backup => 2,
            Target::OwnerAndBackup => 3,
        }
    }

    /// Whether it is meant by its role for the drawn partition.
    pub fn of_partition(self) -> bool {
        match self {
            Target::Owner | Target::OwnerNotMaster | Target::Backup | Target::OwnerAndBackup => {
                true
            }
            Target::One | Target::Minority | Target::Majority | Target::All | Target::Master => {
                false
            }
        }
    }
}
