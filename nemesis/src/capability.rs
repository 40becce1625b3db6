//! What a system must let be done to it, or tell, so that a fault can strike it.

use std::collections::BTreeSet;

/// What a system is able to, and how large it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Able {
    /// What it is able to.
    pub can: BTreeSet<Capability>,
    /// How many nodes it has.
    pub nodes: usize,
}

impl Able {
    /// To everything, with as many nodes as any fault needs.
    pub fn to_everything() -> Able {
        Able {
            can: Capability::ALL.into(),
            nodes: usize::MAX,
        }
    }
}

/// Something that a system may be able to. Clocks and membership will stand here when there are
/// faults for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Its nodes can be killed, paused and continued, and started again.
    Processes,
    /// The links between its nodes, and from clients to them, can be cut and slowed down.
    Links,
    /// The disks of its nodes can be filled.
    Disks,
    /// The data folders of its nodes can be copied, and put back.
    Folders,
    /// A node whose data folder is lost is replaced by a new one under its name.
    Replacements,
    /// It tells who is master, and who is owner and backup of what.
    Roles,
}

impl Capability {
    /// All of them.
    pub const ALL: [Capability; 6] = [
        Capability::Processes,
        Capability::Links,
        Capability::Disks,
        Capability::Folders,
        Capability::Replacements,
        Capability::Roles,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Processes => "processes",
            Capability::Links => "links",
            Capability::Disks => "disks",
            Capability::Folders => "folders",
            Capability::Replacements => "replacements",
            Capability::Roles => "roles",
        }
    }

    /// What a system without it lacks, as the end of "it cannot be had, since".
    pub fn lack(self) -> &'static str {
        match self {
            Capability::Processes => "its nodes cannot be killed and paused",
            Capability::Links => "there is nothing on its links that could disturb them",
            Capability::Disks => "its disks cannot be filled",
            Capability::Folders => "its data folders cannot be copied and put back",
            Capability::Replacements => "a node whose data folder is lost cannot be replaced",
            Capability::Roles => "it does not tell who is primary of what",
        }
    }
}
