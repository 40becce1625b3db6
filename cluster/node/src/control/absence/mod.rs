//! Why a node takes no part: as no member of its cluster, or as one that waits for others. Said in its log, again
//! every minute, and by `/readyz`.

use std::collections::BTreeSet;
use std::time::Duration;

use kensho_protocol::coordinator::{Refusal, Waiting};
use kensho_protocol::ids::NodeId;
use kensho_protocol::time::Time;

use super::Control;
use crate::clock;

/// How often it is looked.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// A node that starts has so long before it is said.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is said.
const SAY_INTERVAL: Duration = Duration::from_secs(60);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Absence {
    look_at: Time,
    /// When it is said again.
    say_at: Time,
    /// What was said last, and when something else may be said.
    said: (String, Time),
    /// Why the master did not take the node last, and when it said so.
    refused: Option<(String, Time)>,
    /// What it waits for as a member, and since when.
    waits: Option<(Waiting, Time)>,
}

/// Why a node takes no part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is no member of its cluster.
    NoMember(String),
    /// It is, and waits.
    Waits(String),
}

impl Why {
    /// As text.
    pub(crate) fn text(&self) -> &str {
        match self {
            Why::NoMember(text) | Why::Waits(text) => text,
        }
    }
}

impl Absence {
    pub(super) fn from(now: Time) -> Self {
        Absence {
            look_at: now,
            say_at: now + PATIENCE,
            said: (String::new(), now + PATIENCE),
            refused: None,
            waits: None,
        }
    }

    pub(super) fn look_at(&self) -> Time {
        self.look_at
    }

    /// The master does not take the node.
    pub(super) fn refused(&mut self, why: &Refusal) {
        self.refused = Some((why.to_string(), clock::now()));
    }
}

impl Control {
    /// Looks whether the node takes part by now, and says why not.
    pub(super) fn look_for_absence(&mut self) {
        let now = clock::now();
        if now < self.absence.look_at {
            return;
        }
        self.absence.look_at = now + LOOK_INTERVAL;
        let why = match self.why_it_waits(now) {
            Some(text) => Some(Why::Waits(text)),
            None => self.why_no_member(now).map(Why::NoMember),
        };
        let (said, until) = &self.absence.said;
        let is_news = |why: &&Why| why.text() != said && *until <= now;
        let due = |why: &&Why| is_news(why) || self.absence.say_at <= now;
        if let Some(why) = why.as_ref().filter(due) {
            self.absence.said = (why.text().to_owned(), now + PATIENCE);
            self.absence.say_at = now + SAY_INTERVAL;
            match why {
                Why::NoMember(text) => {
                    tracing::warn!("this node is no member of its cluster: {text}");
                }
                Why::Waits(text) => tracing::warn!("this node waits: {text}"),
            }
        }
        self.shown.send_if_modified(|shown| {
            let changed = shown.absent != why;
            shown.absent = why;
            changed
        });
    }

    /// What a member has waited for longer than it should take.
    fn why_it_waits(&mut self, now: Time) -> Option<String> {
        let waits = self.machine.coordinator().waits_for();
        let since = match (&waits, &self.absence.waits) {
            (Some(waits), Some((before, since))) if is_same(waits, before) => *since,
            _ => now,
        };
        self.absence.waits = waits.clone().map(|waits| (waits, since));
        if now.since(since) < PATIENCE {
            return None;
        }
        let table = self.machine.coordinator().accepted()?;
        let list = |nodes: &BTreeSet<NodeId>| {
            let named = nodes.iter().map(|node| {
                let member = table.members.get(node);
                let name = member.map_or_else(|| node.to_string(), |member| member.name.clone());
                let trouble = self.hello.trouble(&name);
                trouble.map_or(name, |trouble| format!("{trouble} (no connection)"))
            });
            named.collect::<Vec<_>>().join(", ")
        };
        let text = match waits.as_ref()? {
            Waiting::ToHear { silent, needed } => format!(
                "it was started anew, and its data folder may be an older copy, so that it votes only when it \
                 has heard {needed} more of these members: {}. Start them, or see that it reaches them",
                list(silent)
            ),
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
        };
        Some(text)
    }

    fn why_no_member(&self, now: Time) -> Option<String> {
        let (coordinator, me) = (self.machine.coordinator(), self.machine.me());
        let (table, through) = (coordinator.committed(), self.machine.through());
        if table.is_some_and(|table| table.members.contains_key(&me.id)) {
            return None;
        }
        if let Some((why, at)) = &self.absence.refused
            && now.since(*at) < SAY_INTERVAL
        {
            return Some(format!("the master does not take it: {why}"));
        }
        let asked = through.iter();
        let initial = self.machine.initial().iter();
        let others: Vec<&String> = match through.is_empty() {
            true => initial.filter(|name| **name != me.name).collect(),
            false => asked.collect(),
        };
        let troubles = others.iter().filter_map(|name| self.hello.trouble(name));
        let troubles: Vec<String> = troubles.collect();
        let joins = format!(
            "curl -X POST http://{}/node/join -d '{{\"through\": [{{\"name\": NAME, \"peer\": ADDRESS}}]}}'",
            me.client_address
        );
        Some(if table.is_some() {
            format!(
                "it was removed; to have it join again: {joins} with a member's name and peer address"
            )
        } else if coordinator.accepted().is_some() {
            match troubles.is_empty() {
                true => "it waits for a master".to_owned(),
                false => format!(
                    "it hears no master; no connection to {}",
                    troubles.join("; to ")
                ),
            }
        } else if !troubles.is_empty() {
            format!("no connection to {}", troubles.join("; to "))
        } else if coordinator.is_joiner() && through.is_empty() {
            format!(
                "its data folder is empty, and the cluster exists already; to have it join: {joins} with a \
                 member's name and peer address, or start it with --join instead of --member"
            )
        } else if through.is_empty() {
            "it waits for the first table of the cluster".to_owned()
        } else {
            "it has asked, and waits for an answer".to_owned()
        })
    }
}

/// Whether a node still waits for the same. Who has answered meanwhile makes no difference.
fn is_same(one: &Waiting, other: &Waiting) -> bool {
    match (one, other) {
        (Waiting::ForAccepts { stamp, .. }, Waiting::ForAccepts { stamp: other, .. })
        | (Waiting::ForTable { stamp }, Waiting::ForTable { stamp: other }) => stamp == other,
        (Waiting::ToHear { .. }, Waiting::ToHear { .. }) => true,
        _ => false,
    }
}
