//! Why a node takes no part: as no member of its cluster, or as one that waits for others. Said in its log, again
//! every minute, and by `/readyz`.
//!
//! What is said is a pure function of where the node stands ([`Situation`]) and of the time.

mod situation;
#[cfg(test)]
mod tests;

use std::time::Duration;

use kensho_protocol::coordinator::{Refusal, Waiting};
use kensho_protocol::time::Time;

use super::Control;
use crate::clock;
use situation::Situation;

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

    fn log(&self) {
        match self {
            Why::NoMember(text) => {
                tracing::warn!("this node is no member of its cluster: {text}");
            }
            Why::Waits(text) => tracing::warn!("this node waits: {text}"),
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
    pub(super) fn refused(&mut self, now: Time, why: &Refusal) {
        self.refused = Some((why.to_string(), now));
    }

    /// Looks whether the node takes part by now: gives why not, and says it when that is due.
    fn look(&mut self, now: Time, situation: &Situation<'_>) -> Option<Why> {
        self.look_at = now + LOOK_INTERVAL;
        let why = match self.why_it_waits(now, situation) {
            Some(text) => Some(Why::Waits(text)),
            None => {
                let refused = self.refused.as_ref();
                let refused = refused.filter(|(_, at)| now.since(*at) < SAY_INTERVAL);
                let refused = refused.map(|(why, _)| why.as_str());
                situation.why_no_member(refused).map(Why::NoMember)
            }
        };
        let (said, until) = &self.said;
        let is_news = |why: &&Why| why.text() != said && *until <= now;
        let due = |why: &&Why| is_news(why) || self.say_at <= now;
        if let Some(why) = why.as_ref().filter(due) {
            self.said = (why.text().to_owned(), now + PATIENCE);
            self.say_at = now + SAY_INTERVAL;
            why.log();
        }
        why
    }

    /// What a member has waited for longer than it should take.
    fn why_it_waits(&mut self, now: Time, situation: &Situation<'_>) -> Option<String> {
        let waits = situation.coordinator.waits_for();
        let since = match (&waits, &self.waits) {
            (Some(waits), Some((before, since))) if is_same(waits, before) => *since,
            _ => now,
        };
        self.waits = waits.clone().map(|waits| (waits, since));
        if now.since(since) < PATIENCE {
            return None;
        }
        situation.what_it_waits_for(waits.as_ref()?)
    }
}

impl Control {
    /// Looks whether the node takes part by now, and says why not.
    pub(super) fn look_for_absence(&mut self) {
        let now = clock::now();
        if now < self.absence.look_at {
            return;
        }
        let hello = &self.hello;
        let situation = Situation {
            coordinator: self.machine.coordinator(),
            me: self.machine.me(),
            initial: self.machine.initial(),
            through: self.machine.through(),
            trouble: &|name| hello.trouble(name),
        };
        let why = self.absence.look(now, &situation);
        self.shown.send_if_modified(|shown| {
            let changed = shown.absent != why;
            shown.absent = why;
            changed
        });
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
