//! What happens on registers: clients that take turns at random.

use super::{FailedCasTells, Random, Recipe, Values};
use crate::history::Kind;

#[derive(Clone, Copy)]
enum Doing {
    Read,
    Write(i64),
    Cas(i64, i64),
}

impl Doing {
    fn name(self) -> &'static str {
        match self {
            Doing::Read => "read",
            Doing::Write(_) => "write",
            Doing::Cas(..) => "cas",
        }
    }
}

/// An event as it happens.
pub(super) struct Made {
    /// The number of the key.
    pub(super) key: usize,
    pub(super) time: u64,
    pub(super) process: u64,
    pub(super) kind: Kind,
    pub(super) f: &'static str,
    pub(super) value: Held,
    /// What a failed cas saw.
    pub(super) observed: Option<Option<i64>>,
}

/// What a register holds, or what a cas is called with.
pub(super) enum Held {
    One(Option<i64>),
    Two(i64, i64),
}

#[derive(Clone, Copy)]
struct Open {
    key: usize,
    doing: Doing,
    /// The event of its invocation.
    begun: usize,
    /// What came out, once it has taken effect.
    done: Option<Result<Option<i64>, Option<i64>>>,
    unknown: bool,
}

/// What becomes of one key.
struct Register {
    name: usize,
    value: Option<i64>,
    before: Option<i64>,
    /// The event at which a read had seen the newest value.
    seen_at: Option<usize>,
    begun: usize,
    next: i64,
}

impl Register {
    fn set(&mut self, value: i64) {
        self.before = self.value;
        self.value = Some(value);
        self.seen_at = None;
    }
}

/// Plays a recipe: every event is given out when it happens.
pub(super) fn play(recipe: &Recipe, mut give: impl FnMut(&Made)) {
    let mut random = Random::new(recipe.seed);
    let mut key_count = 0;
    let mut new_key = || {
        let name = key_count;
        key_count += 1;
        Register {
            name,
            value: None,
            before: None,
            seen_at: None,
            begun: 0,
            next: 1,
        }
    };
    let mut registers: Vec<Register> = (0..recipe.keys.max(1)).map(|_| new_key()).collect();
    let mut clients: Vec<Option<Open>> = vec![None; recipe.clients.max(1)];
    let mut processes: Vec<u64> = (0..clients.len() as u64).collect();
    let mut users = vec![0_usize; registers.len()];
    let stale_every = recipe.operations / (recipe.stale_reads + 1).max(2);
    let (mut begun, mut time, mut planted, mut event) = (0, 0, 0, 0);
    let mut open_count = 0;
    while begun < recipe.operations || open_count > 0 {
        let client = random.below(clients.len());
        time += 1_000 + random.bits() % 100_000;
        let Some(mut open) = clients[client] else {
            if begun == recipe.operations {
                continue;
            }
            let key = random.below(registers.len());
            let full =
                recipe.operations_per_key > 0 && registers[key].begun >= recipe.operations_per_key;
            if full && users[key] > 0 {
                continue;
            }
            if full {
                registers[key] = new_key();
            }
            let register = &mut registers[key];
            register.begun += 1;
            let value = match recipe.values {
                Values::Unique => {
                    register.next += 1;
                    register.next
                }
                Values::Repeated(count) => random.below(count as usize) as i64 + 1,
            };
            let doing = match random.below(10) {
                0..5 => Doing::Read,
                5..8 => Doing::Write(value),
                _ => match (register.value, recipe.values) {
                    (None, _) => Doing::Write(value),
                    (Some(seen), Values::Unique) => Doing::Cas(seen, value),
                    (_, Values::Repeated(count)) => {
                        Doing::Cas(random.below(count as usize) as i64 + 1, value)
                    }
                },
            };
            let unknown = random.below(1000) < recipe.unknown_per_mille as usize;
            clients[client] = Some(Open {
                key,
                doing,
                begun: event,
                done: None,
                unknown,
            });
            users[key] += 1;
            begun += 1;
            open_count += 1;
            give(&Made {
                key: register.name,
                time,
                process: processes[client],
                kind: Kind::Invoke,
                f: doing.name(),
                value: match doing {
                    Doing::Read => Held::One(None),
                    Doing::Write(value) => Held::One(Some(value)),
                    Doing::Cas(from, to) => Held::Two(from, to),
                },
                observed: None,
            });
            event += 1;
            continue;
        };
        let register = &mut registers[open.key];
        // An unknown operation takes effect, or not, before its client gives up: or never.
        let Some(result) = open.done else {
            let happens = !open.unknown || random.below(2) == 0;
            open.done = Some(match open.doing {
                Doing::Read => Ok(register.value),
                Doing::Write(value) => {
                    if happens {
                        register.set(value);
                    }
                    Ok(Some(value))
                }
                Doing::Cas(from, to) if register.value == Some(from) => {
                    if happens {
                        register.set(to);
                    }
                    Ok(Some(to))
                }
                Doing::Cas(..) => Err(register.value),
            });
            clients[client] = Some(open);
            continue;
        };
        clients[client] = None;
        users[open.key] -= 1;
        open_count -= 1;
        let process = processes[client];
        let mut made = Made {
            key: register.name,
            time,
            process,
            kind: Kind::Ok,
            f: open.doing.name(),
            value: Held::One(None),
            observed: None,
        };
        if open.unknown {
            processes[client] += clients.len() as u64;
            made.kind = Kind::Info;
            give(&made);
            event += 1;
            continue;
        }
        match (open.doing, result) {
            (Doing::Read, result) => {
                let seen = result.unwrap_or_default();
                let due = planted < recipe.stale_reads
                    && begun >= stale_every * (planted + 1)
                    && register.before.is_some()
                    && seen == register.value;
                if due && register.seen_at.is_some_and(|seen| seen < open.begun) {
                    planted += 1;
                    made.value = Held::One(register.before);
                } else {
                    if seen == register.value && register.seen_at.is_none() {
                        register.seen_at = Some(event);
                    }
                    made.value = Held::One(seen);
                }
            }
            (Doing::Write(value), _) => made.value = Held::One(Some(value)),
            (Doing::Cas(from, to), Ok(_)) => made.value = Held::Two(from, to),
            (Doing::Cas(from, to), Err(seen)) => {
                made.kind = Kind::Fail;
                made.value = Held::Two(from, to);
                made.observed = match recipe.failed_cas {
                    FailedCasTells::WhatItSaw => Some(seen),
                    FailedCasTells::Nothing => None,
                };
            }
        }
        give(&made);
        event += 1;
    }
}
