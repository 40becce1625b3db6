//! Turns a conflict of accesses into an anomaly: its name, its minimal sub-history, its words.

use super::access::{Access, Effect};
use super::minimal::minimal;
use super::zones::{Conflict, Judgement, NONE, Zones};
use super::{searched, staleness};
use crate::anomaly::AnomalyName;
use crate::budget::{CUT_SHORT, Effort};
use crate::history::{Datum, History, NEVER, Outcome};
use crate::report::{Anomaly, OperationView, Role, Short};
use crate::search::Found;

/// The anomaly of a conflict to which this access came, if it is known; what returned after it does
/// not matter.
pub(crate) fn explain(
    history: &History,
    accesses: &[Access],
    initial: Datum,
    zones: &Zones,
    conflict: &Conflict,
    came_to_it: Option<u32>,
) -> Anomaly {
    let mut core = core(conflict);
    let mut until_then = accesses.to_vec();
    if let Some(last) = came_to_it {
        core.push(last);
        let end = accesses[last as usize].ret;
        for access in until_then.iter_mut().filter(|access| access.ret > end) {
            access.ret = NEVER;
        }
    }
    let core = with_sources(&until_then, zones, core);
    let mut judge = Zones::default();
    let sub = minimal(&core, |part| {
        matches!(judge.judge(part, initial), Judgement::Invalid(_))
    });
    let (name, text) = Words {
        history,
        accesses,
        initial,
        zones,
    }
    .tell(conflict);
    anomaly(history, name, text, &sub)
}

/// The anomaly of a key that the search refutes; no order goes beyond the return of `stuck`.
pub(crate) fn explain_search(
    history: &History,
    accesses: &[Access],
    initial: Datum,
    effort: &mut Effort,
    stuck: u32,
) -> Anomaly {
    let end = accesses[stuck as usize].ret;
    let prefix: Vec<Access> = accesses
        .iter()
        .filter(|access| access.inv < end)
        .map(|access| Access {
            ret: if access.ret > end { NEVER } else { access.ret },
            ..*access
        })
        .filter(|access| {
            access.ret != NEVER || matches!(access.effect, Effect::Write(_) | Effect::Cas(..))
        })
        .collect();
    let sub = minimal(&prefix, |part| {
        effort.spend(part.len() as u64 / 16 + 1);
        !effort.is_spent() && matches!(searched::find(part, initial, effort), Found::Invalid { .. })
    });
    let cut_short = effort.is_spent();
    let stuck = accesses[stuck as usize];
    let view = |access: &Access| OperationView::of(history, access.place, Role::Proof).to_string();
    let proofs: Vec<&Access> = sub.iter().filter(|access| access.ret != NEVER).collect();
    let name = name_of(&sub, stuck, initial);
    let others: Vec<String> = proofs
        .iter()
        .filter(|access| access.place != stuck.place)
        .take(8)
        .map(|access| view(access))
        .collect();
    let what = match stuck.effect {
        Effect::Read(value) | Effect::Cas(value, _) => {
            let value = Short(&history.value(value)).to_string();
            format!("saw {value}, which cannot have been there")
        }
        Effect::NotValue(value) => {
            format!(
                "failed, although {} must have been there",
                Short(&history.value(value))
            )
        }
        Effect::Write(_) => "leaves no place for what the others saw".to_owned(),
    };
    let more = proofs.len().saturating_sub(others.len() + 1);
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    let text = match (name, others.is_empty()) {
        (AnomalyName::PhantomRead, _) => format!(
            "{} {what}: nobody had written it, and the register began as {}.",
            view(&stuck),
            Short(&history.value(initial))
        ),
        (_, true) => format!("{} {what}.", view(&stuck)),
        _ => format!(
            "{} {what}, given: {}{more}. Everything before its completion fits some order; nothing fits all of these.",
            view(&stuck),
            others.join("; ")
        ),
    };
    let mut anomaly = anomaly(history, name, text, &sub);
    anomaly.key = history.key_text(history.operations[stuck.place as usize].key);
    if cut_short {
        anomaly.text.push_str(CUT_SHORT);
    }
    if let Some(ns) = staleness::stale_by(history, accesses, initial, effort) {
        anomaly.set_stale(ns);
    }
    anomaly
}

/// The name of what a minimal sub-history shows.
fn name_of(sub: &[Access], stuck: Access, initial: Datum) -> AnomalyName {
    let seen = |access: &Access| match access.effect {
        Effect::Read(value) | Effect::Cas(value, _) => Some(value),
        _ => None,
    };
    let writes = |access: &Access, value: Datum| match access.effect {
        Effect::Write(written) | Effect::Cas(_, written) => written == value,
        _ => false,
    };
    let proofs = || sub.iter().filter(|access| access.ret != NEVER);
    for reader in proofs() {
        let Some(value) = seen(reader) else { continue };
        let mut writers = sub.iter().filter(|access| writes(access, value)).peekable();
        if value == initial {
            continue;
        }
        if writers.peek().is_none() {
            return AnomalyName::PhantomRead;
        }
        if writers.all(|writer| writer.inv > reader.ret) {
            return AnomalyName::ReadFromTheFuture;
        }
    }
    // Some order explains everything before it: so it saw what was there once, and is no more.
    let other_reads = proofs()
        .any(|access| matches!(access.effect, Effect::Read(_)) && seen(access) != seen(&stuck));
    match stuck.effect {
        Effect::Read(_) if other_reads => AnomalyName::NewOldInversion,
        Effect::Read(_) | Effect::NotValue(_) => AnomalyName::StaleRead,
        Effect::Cas(..) => AnomalyName::LostUpdate,
        Effect::Write(_) => AnomalyName::NotLinearizable,
    }
}

/// An anomaly with these accesses as its sub-history.
pub(crate) fn anomaly(
    history: &History,
    name: AnomalyName,
    text: String,
    sub: &[Access],
) -> Anomaly {
    let views = sub
        .iter()
        .map(|access| {
            let role = if access.ret == NEVER {
                Role::Source
            } else {
                Role::Proof
            };
            OperationView::of(history, access.place, role)
        })
        .collect();
    let mut anomaly = Anomaly::new(name, text, views);
    let key = sub.first().map_or(NEVER, |access| {
        history.operations[access.place as usize].key
    });
    anomaly.key = history.key_text(key);
    anomaly
}

fn core(conflict: &Conflict) -> Vec<u32> {
    match conflict {
        Conflict::Phantom { reader } => vec![*reader],
        Conflict::LostUpdate { first, second } => vec![*first, *second],
        Conflict::CasCycle { members } => members.clone(),
        Conflict::Order { earlier, later } => vec![*earlier, *later],
        Conflict::Blocks { a, b, c, d } => [*a, *b, *c, *d]
            .into_iter()
            .filter(|at| *at != NONE)
            .collect(),
    }
}

/// The accesses, with those that wrote what they saw, and with one that proves that an access of
/// unknown outcome did happen.
fn with_sources(accesses: &[Access], zones: &Zones, core: Vec<u32>) -> Vec<Access> {
    let mut taken = std::collections::BTreeSet::new();
    let mut open: Vec<usize> = core.into_iter().map(|at| at as usize).collect();
    while let Some(at) = open.pop() {
        if !taken.insert(at) {
            continue;
        }
        open.extend(zones.source(at));
        if accesses[at].ret == NEVER {
            open.extend(zones.observer(accesses, at));
        }
    }
    taken.into_iter().map(|at| accesses[at]).collect()
}

/// The name of a conflict, as far as it can be told at once.
pub(crate) fn name_of_conflict(
    accesses: &[Access],
    zones: &Zones,
    conflict: &Conflict,
) -> AnomalyName {
    match conflict {
        Conflict::Phantom { .. } => AnomalyName::PhantomRead,
        Conflict::LostUpdate { .. } => AnomalyName::LostUpdate,
        Conflict::CasCycle { .. } => AnomalyName::CasCycle,
        Conflict::Order { earlier, .. } => match accesses[*earlier as usize].effect {
            Effect::Read(_) => AnomalyName::StaleRead,
            _ => AnomalyName::ReadFromTheFuture,
        },
        Conflict::Blocks { a, b, c, d } => name_of_blocks(accesses, zones, [*a, *b, *c, *d]).0,
    }
}

/// Two blocks that contradict each other are told as the story of a read that came late: the name
/// of that, and the four accesses as it needs them.
fn name_of_blocks(
    accesses: &[Access],
    zones: &Zones,
    [a, b, c, d]: [u32; 4],
) -> (AnomalyName, [u32; 4]) {
    let reads = |at: u32| at != NONE && matches!(accesses[at as usize].effect, Effect::Read(_));
    let [a, b, c, d] = if a != NONE && reads(b) && !reads(d) {
        [c, d, a, b]
    } else {
        [a, b, c, d]
    };
    let writer_unknown = zones
        .source(d as usize)
        .is_some_and(|writer| accesses[writer].ret == NEVER);
    let name = if reads(a) && reads(d) && writer_unknown {
        AnomalyName::DuplicateEffect
    } else if reads(c) && reads(d) {
        AnomalyName::NewOldInversion
    } else if reads(d) {
        AnomalyName::StaleRead
    } else {
        AnomalyName::LostUpdate
    };
    (name, [a, b, c, d])
}

struct Words<'a> {
    history: &'a History,
    accesses: &'a [Access],
    initial: Datum,
    zones: &'a Zones,
}

impl Words<'_> {
    fn tell(&self, conflict: &Conflict) -> (AnomalyName, String) {
        match conflict {
            Conflict::Phantom { reader } => self.phantom(*reader),
            Conflict::LostUpdate { first, second } => (
                AnomalyName::LostUpdate,
                format!(
                    "{} and {} both replaced {}, which was written only once: the one that came second cannot have found it.",
                    self.operation(*first),
                    self.operation(*second),
                    self.seen(*first),
                ),
            ),
            Conflict::CasCycle { members } => (
                AnomalyName::CasCycle,
                format!(
                    "{} compare-and-set operation(s) expected each other's values in a circle, so none can have been the first: {}.",
                    members.len(),
                    members
                        .iter()
                        .take(8)
                        .map(|at| self.operation(*at))
                        .collect::<Vec<_>>()
                        .join("; then "),
                ),
            ),
            Conflict::Order { earlier, later } => self.order(*earlier, *later),
            Conflict::Blocks { a, b, c, d } => self.blocks(*a, *b, *c, *d),
        }
    }

    fn phantom(&self, reader: u32) -> (AnomalyName, String) {
        let seen = self.accesses[reader as usize];
        let (Effect::Read(value) | Effect::Cas(value, _)) = seen.effect else {
            return (AnomalyName::PhantomRead, self.operation(reader));
        };
        let failed = self
            .history
            .operations
            .iter()
            .enumerate()
            .find(|(_, operation)| {
                operation.outcome == Outcome::Fail
                    && operation.key == self.history.operations[seen.place as usize].key
                    && (operation.argument == value
                        || self
                            .history
                            .pair(operation.argument)
                            .is_some_and(|pair| pair.1 == value))
            });
        let mut text = format!(
            "{} saw {}, but nobody had written it: the register began as {}",
            self.operation(reader),
            Short(&self.history.value(value)),
            Short(&self.history.value(self.initial))
        );
        match failed {
            Some((place, _)) => text.push_str(&format!(
                ", and the only write of it failed, so it must have had no effect: {}.",
                OperationView::of(self.history, place as u32, Role::Source)
            )),
            None => text.push('.'),
        }
        (AnomalyName::PhantomRead, text)
    }

    fn order(&self, earlier: u32, later: u32) -> (AnomalyName, String) {
        if matches!(self.accesses[earlier as usize].effect, Effect::Read(_)) {
            let text = format!(
                "{} still saw {}, although that value had already been replaced: {} had ended before the read began.",
                self.operation(earlier),
                self.seen(earlier),
                self.operation(later),
            );
            return (AnomalyName::StaleRead, text);
        }
        let text = format!(
            "{} ended before {} began, yet it depends on the value which that one wrote.",
            self.operation(later),
            self.operation(earlier),
        );
        (AnomalyName::ReadFromTheFuture, text)
    }

    fn blocks(&self, a: u32, b: u32, c: u32, d: u32) -> (AnomalyName, String) {
        let (name, [a, b, c, d]) = name_of_blocks(self.accesses, self.zones, [a, b, c, d]);
        let (old, new) = (self.value_after(d), self.value_after(c));
        let headline = match name {
            AnomalyName::DuplicateEffect => format!(
                "The write of {old} has an unknown outcome, and seems to have taken effect twice: {old} was seen, replaced by {new}, and seen again."
            ),
            AnomalyName::NewOldInversion => {
                format!("After {new} had been read, a later read saw {old} again.")
            }
            AnomalyName::StaleRead => format!(
                "{} saw {old}, although {new} had replaced it before the read began.",
                self.operation(d)
            ),
            _ => format!("{old} and {new} must each have come before the other."),
        };
        let mut first = match a {
            NONE => format!(
                "The register began as {}, before {}",
                Short(&self.history.value(self.initial)),
                self.operation(b)
            ),
            _ => format!(
                "{} ended before {} began",
                self.operation(a),
                self.operation(b)
            ),
        };
        // It begins a sentence.
        if let Some(letter) = first.get_mut(..1) {
            letter.make_ascii_uppercase();
        }
        let second = if c == d {
            self.operation(c)
        } else {
            format!(
                "{} ended before {} began",
                self.operation(c),
                self.operation(d)
            )
        };
        let text = format!(
            "{headline} {first}, so {old} came before {new}; but {second}, so {new} came before {old}."
        );
        (name, text)
    }

    fn operation(&self, at: u32) -> String {
        let place = self.accesses[at as usize].place;
        OperationView::of(self.history, place, Role::Proof).to_string()
    }

    fn seen(&self, at: u32) -> String {
        let (Effect::Read(value)
        | Effect::Cas(value, _)
        | Effect::Write(value)
        | Effect::NotValue(value)) = self.accesses[at as usize].effect;
        Short(&self.history.value(value)).to_string()
    }

    /// The value that was there when the access had happened.
    fn value_after(&self, at: u32) -> String {
        let (Effect::Read(value)
        | Effect::Write(value)
        | Effect::Cas(_, value)
        | Effect::NotValue(value)) = self.accesses[at as usize].effect;
        Short(&self.history.value(value)).to_string()
    }
}
