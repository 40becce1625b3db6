//! A counterexample of an election model as people read it.

use kensho_protocol::ids::NodeId;

use super::action::Action;
use super::check::Counterexample;
use crate::story::{Step, Story};

impl Counterexample {
    /// The story of the counterexample.
    #[must_use]
    pub fn story(&self) -> Story {
        let steps: Vec<Step> = self.actions.iter().map(tell).collect();
        let mut lanes: Vec<String> = steps
            .iter()
            .flat_map(|step| step.from.iter().chain([&step.at]))
            .cloned()
            .collect();
        lanes.sort_unstable();
        lanes.dedup();
        Story {
            lanes,
            steps,
            ending: format!("{} is violated", self.invariant().name()),
        }
    }
}

fn name(node: NodeId) -> String {
    format!("{node:?}")
}

pub(crate) fn tell(action: &Action) -> Step {
    let (from, text) = match action {
        Action::Deliver(envelope) => (Some(name(envelope.from)), format!("{:?}", envelope.message)),
        Action::DeliverTwice(envelope) => {
            let text = format!("{:?} (and will arrive again)", envelope.message);
            (Some(name(envelope.from)), text)
        }
        Action::Written(_) => (None, "its oldest write is on disk".to_owned()),
        Action::Raise(_) => (None, "learns that a majority misses the master".to_owned()),
        Action::Tick(_) => (None, "notices that its deadline has come".to_owned()),
        Action::Pause(_) => (None, "stands still, then notices its deadline".to_owned()),
        Action::Restart(_) => (None, "crashes and starts again".to_owned()),
        Action::RestartUncleanly(_) => {
            let text = "crashes and starts again; its data may lack something";
            (None, text.to_owned())
        }
        Action::AskToJoin { node, .. } => (Some(name(*node)), "asks to be a member".to_owned()),
        Action::AskToRemove { node, .. } => (None, format!("is asked to remove {node:?}")),
        Action::Move { to, .. } => (None, format!("is told that {to:?} is to own the partition")),
        Action::Ask(_, change) => (None, format!("its replica asks: {change:?}")),
    };
    Step {
        from,
        at: name(action.node()),
        text,
    }
}
