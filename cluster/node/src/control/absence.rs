//! Why a node is no member of its cluster: said in its log, again every minute, and by `/readyz`.

use std::time::Duration;

use kensho_protocol::coordinator::Refusal;
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
}

impl Absence {
    pub(super) fn from(now: Time) -> Self {
        Absence {
            look_at: now,
            say_at: now + PATIENCE,
            said: (String::new(), now + PATIENCE),
            refused: None,
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
    /// Looks whether the node is a member by now, and says why not.
    pub(super) fn look_for_absence(&mut self) {
        let now = clock::now();
        if now < self.absence.look_at {
            return;
        }
        self.absence.look_at = now + LOOK_INTERVAL;
        let why = self.why_no_member(now);
        let (said, until) = &self.absence.said;
        let is_news = |why: &&String| why != &said && *until <= now;
        let due = |why: &&String| is_news(why) || self.absence.say_at <= now;
        if let Some(why) = why.as_ref().filter(due) {
            self.absence.said = (why.clone(), now + PATIENCE);
            self.absence.say_at = now + SAY_INTERVAL;
            tracing::warn!("this node is no member of its cluster: {why}");
        }
        self.shown.send_if_modified(|shown| {
            let changed = shown.no_member != why;
            shown.no_member = why;
            changed
        });
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
