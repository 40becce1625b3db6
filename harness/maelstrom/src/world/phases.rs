//! The phases of a run: start, main part, healing, finale.

use kensho_results::progress::Stage;

use super::{Rate, World};

/// Time between the first two rounds of the finale; it doubles from round to round, …
const ROUND_NS: u64 = 20_000_000;
/// … up to this.
const ROUND_NS_MAX: u64 = 1_000_000_000;

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nodes are started and told who they are.
    Starting,
    /// Clients work, faults strike.
    Main {
        /// When the next operation is due.
        next: u64,
    },
    /// Faults are undone, and open operations end.
    Healing,
    /// Round after round clients look whether everything has arrived.
    Recovering {
        began: u64,
        /// When the next round begins; none while one goes on.
        next_round: Option<u64>,
        pause: u64,
    },
    /// Each client looks for the last time.
    Last,
    /// Everything is over.
    Over,
}

impl Phase {
    pub(super) fn is_main(self) -> bool {
        matches!(self, Phase::Main { .. })
    }

    pub(super) fn stage(self) -> Stage {
        match self {
            Phase::Starting => Stage::Starting,
            Phase::Main { .. } => Stage::Main,
            _ => Stage::Final,
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Phase::Starting => "nodes are starting",
            Phase::Main { .. } => "clients work",
            Phase::Healing => "everything is healed",
            Phase::Recovering { .. } => "waiting until everything has arrived everywhere",
            Phase::Last => "final reads",
            Phase::Over => "over",
        }
    }
}

impl World {
    /// Goes on to what is next, as far as it is due.
    pub(super) fn advance(&mut self, now: u64) -> bool {
        match self.phase {
            Phase::Starting if self.nodes.iter().all(super::Node::is_up) => {
                self.open_clients();
                self.origin = now;
                self.trace.main_began();
                self.phase = Phase::Main {
                    next: now + self.pause(),
                };
                true
            }
            Phase::Main { .. } if now >= self.origin + self.settings.length_ns => {
                self.phase = Phase::Healing;
                self.heal_everything(now);
                true
            }
            Phase::Main { next } => self.work(now, next),
            Phase::Healing => {
                let whole = self.nodes.iter().all(super::Node::is_up) && self.clients.are_idle();
                if whole {
                    self.begin_finale(now);
                }
                whole
            }
            Phase::Recovering {
                began,
                next_round,
                pause,
            } => self.recover(now, began, next_round, pause),
            Phase::Last if self.clients.are_idle() => {
                self.phase = Phase::Over;
                true
            }
            Phase::Starting | Phase::Last | Phase::Over => false,
        }
    }

    /// When [`World::advance`] has something to do although nothing arrives.
    pub(super) fn next_advance(&self) -> Option<u64> {
        match self.phase {
            Phase::Main { next } => {
                let end = self.origin + self.settings.length_ns;
                let waits = self.clients.free.is_empty() || self.is_silent();
                Some(if waits { end } else { next.min(end) })
            }
            Phase::Recovering { next_round, .. } => next_round,
            _ => None,
        }
    }

    fn is_silent(&self) -> bool {
        self.settings.rate == Rate::PerSecond(0.0)
    }

    /// Free clients begin operations, as many as are due.
    fn work(&mut self, now: u64, mut next: u64) -> bool {
        let mut something = false;
        while next <= now && !self.is_silent() && !self.clients.free.is_empty() {
            let place = self.draw.usize(..self.clients.free.len());
            let client = self.clients.free.swap_remove(place);
            let operation = self.workload.next(client, &mut self.draw);
            self.perform(now, client, operation);
            next = now.max(next) + self.pause();
            something = true;
        }
        if self.phase.is_main() {
            self.phase = Phase::Main { next };
        }
        something
    }

    /// The time from one operation to the next.
    fn pause(&mut self) -> u64 {
        match self.settings.rate {
            Rate::Max => 0,
            Rate::PerSecond(rate) => (self.draw.f64() * 2e9 / rate) as u64,
        }
    }

    fn begin_finale(&mut self, now: u64) {
        let clients = self.settings.clients;
        let Some(finale) = self.workload.finale() else {
            self.phase = Phase::Over;
            return;
        };
        finale.begin(clients);
        finale.round();
        self.phase = Phase::Recovering {
            began: now,
            next_round: None,
            pause: ROUND_NS,
        };
    }

    fn recover(&mut self, now: u64, began: u64, next_round: Option<u64>, pause: u64) -> bool {
        let late = now >= began + self.settings.recovery_ns;
        if let Some(at) = next_round {
            if now < at {
                return false;
            }
            if let Some(finale) = self.workload.finale() {
                finale.round();
            }
            self.phase = Phase::Recovering {
                began,
                next_round: None,
                pause: (2 * pause).min(ROUND_NS_MAX),
            };
            return true;
        }
        let mut something = false;
        for client in 0..self.settings.clients {
            if late || !self.clients.is_free(client) {
                continue;
            }
            let look = self
                .workload
                .finale()
                .and_then(|finale| finale.look(client));
            if let Some(operation) = look {
                self.perform(now, client, operation);
                something = true;
            }
        }
        if something || !self.clients.are_idle() {
            return something;
        }
        let (converged, last) = match self.workload.finale() {
            Some(finale) => (finale.converged(), finale.last()),
            None => (true, None),
        };
        if converged || late {
            self.phase = Phase::Last;
            if let Some(last) = last {
                for client in 0..self.settings.clients {
                    self.perform(now, client, last.clone());
                }
            }
        } else {
            self.phase = Phase::Recovering {
                began,
                next_round: Some((now + pause).min(began + self.settings.recovery_ns)),
                pause,
            };
        }
        true
    }
}
