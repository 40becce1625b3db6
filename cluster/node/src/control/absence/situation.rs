//! Where a node stands that takes no part, in words that say what to do.

use std::collections::BTreeSet;

use kensho_protocol::coordinator::{Coordinator, Waiting};
use kensho_protocol::ids::NodeId;
use kensho_protocol::table::Member;

/// Where a node stands.
pub(super) struct Situation<'a> {
    pub(super) coordinator: &'a Coordinator,
    pub(super) me: &'a Member,
    /// The names of the initial members.
    pub(super) initial: &'a BTreeSet<String>,
    /// The names of those that it asks to be made a member.
    pub(super) through: &'a BTreeSet<String>,
    /// Why there is no connection to the node of a name, if there is none.
    pub(super) trouble: &'a dyn Fn(&str) -> Option<String>,
}

impl Situation<'_> {
    /// What a member waits for.
    pub(super) fn what_it_waits_for(&self, waits: &Waiting) -> Option<String> {
        let table = self.coordinator.accepted()?;
        let list = |nodes: &BTreeSet<NodeId>| {
            let named = nodes.iter().map(|node| {
                let member = table.members.get(node);
                let name = member.map_or_else(|| node.to_string(), |member| member.name.clone());
                let trouble = (self.trouble)(&name);
                trouble.map_or(name, |trouble| format!("{trouble} (no connection)"))
            });
            named.collect::<Vec<_>>().join(", ")
        };
        Some(match waits {
            Waiting::ToHear {
                silent,
                needed,
                for_ever,
            } => {
                let mut text = format!(
                    "it was started anew, and its data folder may be an older copy, so that it votes only \
                     when it has heard {needed} more of these members: {}. Start them, or see that it reaches \
                     them",
                    list(silent)
                );
                if *for_ever {
                    text.push_str(
                        "; if they are lost for good, and this data folder is no older copy, start this node \
                         with distrust_disks = false until it is part of a quorum",
                    );
                }
                text
            }
            Waiting::ForTable { stamp } => format!(
                "other members had a newer partition table (term {}, revision {}) than its own when it \
                 started; it takes no role before it has that. A master will send it, when there is one",
                stamp.term.0, stamp.revision.0
            ),
            Waiting::ForAccepts {
                stamp,
                missing,
                needed,
            } => format!(
                "it is master, and its partition table (term {}, revision {}) takes effect only when {needed} \
                 more of these members have it on disk: {}. Start them, or see that it reaches them",
                stamp.term.0,
                stamp.revision.0,
                list(missing)
            ),
        })
    }

    /// Why the node is no member, if it is none; `refused`: what the master said of that not long ago.
    pub(super) fn why_no_member(&self, refused: Option<&str>) -> Option<String> {
        let table = self.coordinator.committed();
        if table.is_some_and(|table| table.members.contains_key(&self.me.id)) {
            return None;
        }
        if let Some(why) = refused {
            return Some(format!("the master does not take it: {why}"));
        }
        let asked = self.through.iter();
        let initial = self.initial.iter();
        let others: Vec<&String> = match self.through.is_empty() {
            true => initial.filter(|name| **name != self.me.name).collect(),
            false => asked.collect(),
        };
        let troubles = others.iter().filter_map(|name| (self.trouble)(name));
        let troubles: Vec<String> = troubles.collect();
        let joins = format!(
            "curl -X POST http://{}/node/join -d '{{\"through\": [{{\"name\": NAME, \"peer\": ADDRESS}}]}}'",
            self.me.client_address
        );
        Some(if table.is_some() {
            format!(
                "it was removed; to have it join again: {joins} with a member's name and peer address"
            )
        } else if self.coordinator.accepted().is_some() {
            match troubles.is_empty() {
                true => "it waits for a master".to_owned(),
                false => format!(
                    "it hears no master; no connection to {}",
                    troubles.join("; to ")
                ),
            }
        } else if !troubles.is_empty() {
            format!("no connection to {}", troubles.join("; to "))
        } else if self.coordinator.is_joiner() && self.through.is_empty() {
            format!(
                "its data folder is empty, and the cluster exists already; to have it join: {joins} with a \
                 member's name and peer address, or start it with --join instead of --member"
            )
        } else if self.through.is_empty() {
            "it waits for the first table of the cluster".to_owned()
        } else {
            "it has asked, and waits for an answer".to_owned()
        })
    }
}
