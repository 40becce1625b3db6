//! Makes histories of transactions on lists or registers, valid by construction.

use super::Random;
use crate::hash::FastMap;
use crate::history::{Builder, Datum, History, Kind, NEVER, RawEvent, Symbol};
use crate::value::Value;

/// What transactions work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objects {
    /// Lists: append, read.
    Lists,
    /// Registers: write, read.
    Registers,
}

/// How a store runs transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Each one at one instant between its invocation and its completion.
    StrictSerializable,
    /// Each one reads what was there when it was invoked, and takes effect when it completes; it
    /// fails if someone else has written meanwhile what it writes.
    SnapshotIsolation,
}

/// What a history of transactions is like.
#[derive(Clone, Copy, Debug)]
pub struct Transactions {
    /// How many transactions.
    pub transactions: usize,
    /// How many clients work at the same time.
    pub clients: usize,
    /// How many keys are in use at the same time.
    pub keys: usize,
    /// After how many writes a key is replaced by a new one; zero: never.
    pub writes_per_key: usize,
    /// How many steps a transaction has at most.
    pub steps: usize,
    /// What they work on.
    pub objects: Objects,
    /// How the store runs them.
    pub isolation: Isolation,
    /// How many transactions out of a thousand have an unknown outcome.
    pub unknown_per_mille: u32,
    /// What determines everything else.
    pub seed: u64,
}

impl Default for Transactions {
    fn default() -> Self {
        Transactions {
            transactions: 1000,
            clients: 10,
            keys: 10,
            writes_per_key: 100,
            steps: 4,
            objects: Objects::Lists,
            isolation: Isolation::StrictSerializable,
            unknown_per_mille: 0,
            seed: 1,
        }
    }
}

#[derive(Clone, Copy)]
enum Step {
    Read(i64),
    Write(i64, i64),
}

/// What a client does.
struct Open {
    steps: Vec<Step>,
    /// What its reads saw, once that is known.
    seen: Vec<Datum>,
    begun: usize,
    done: bool,
    unknown: bool,
}

/// The versions of one key: what it held from which event on.
type Versions = Vec<(usize, Datum)>;

struct Maker {
    recipe: Transactions,
    builder: Builder,
    store: FastMap<i64, Versions>,
    lists: FastMap<i64, Vec<Datum>>,
    /// The keys in use, and how often each was written.
    keys: Vec<(i64, usize)>,
    next_key: i64,
    next_value: i64,
    event: usize,
    time: u64,
    names: [Datum; 2],
    function: Symbol,
}

/// The history of a recipe.
pub fn transactions(recipe: &Transactions) -> History {
    let mut builder = Builder::default();
    let write = match recipe.objects {
        Objects::Lists => "append",
        Objects::Registers => "w",
    };
    let name =
        |builder: &mut Builder, name: &str| builder.history.intern(&Value::Name(name.to_owned()));
    let names = [name(&mut builder, "r"), name(&mut builder, write)];
    let function = builder.history.intern_name("txn");
    let keys = (0..recipe.keys.max(1) as i64).map(|key| (key, 0)).collect();
    let mut maker = Maker {
        recipe: *recipe,
        builder,
        store: FastMap::default(),
        lists: FastMap::default(),
        keys,
        next_key: recipe.keys.max(1) as i64,
        next_value: 0,
        event: 0,
        time: 0,
        names,
        function,
    };
    maker.run();
    maker.builder.finish()
}

impl Maker {
    fn run(&mut self) {
        let mut random = Random::new(self.recipe.seed);
        let mut clients: Vec<Option<Open>> = Vec::new();
        clients.resize_with(self.recipe.clients.max(1), || None);
        let mut processes: Vec<u64> = (0..clients.len() as u64).collect();
        let (mut begun, mut open_count) = (0, 0);
        while begun < self.recipe.transactions || open_count > 0 {
            let client = random.below(clients.len());
            self.time += 1_000 + random.bits() % 100_000;
            match &mut clients[client] {
                None if begun == self.recipe.transactions => {}
                None => {
                    let open = self.invoke(&mut random, processes[client]);
                    clients[client] = Some(open);
                    begun += 1;
                    open_count += 1;
                }
                Some(open)
                    if !open.done && self.recipe.isolation == Isolation::StrictSerializable =>
                {
                    let happens = !open.unknown || random.below(2) == 0;
                    self.take_effect(open, usize::MAX, happens);
                    open.done = true;
                }
                place => {
                    let Some(mut open) = place.take() else {
                        continue;
                    };
                    open_count -= 1;
                    let kind = match open.unknown {
                        true => Kind::Info,
                        false if open.done => Kind::Ok,
                        false => self.commit(&mut open),
                    };
                    if kind == Kind::Info {
                        self.push(processes[client], kind, &open, false);
                        processes[client] += clients.len() as u64;
                    } else {
                        self.push(processes[client], kind, &open, kind == Kind::Ok);
                    }
                }
            }
        }
    }

    fn invoke(&mut self, random: &mut Random, process: u64) -> Open {
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..1 + random.below(self.recipe.steps.max(1)) {
            let slot = random.below(self.keys.len());
            let (key, writes) = &mut self.keys[slot];
            let key = *key;
            if random.below(2) == 0 {
                steps.push(Step::Read(key));
                continue;
            }
            self.next_value += 1;
            steps.push(Step::Write(key, self.next_value));
            *writes += 1;
            if *writes == self.recipe.writes_per_key {
                self.keys[slot] = (self.next_key, 0);
                self.next_key += 1;
            }
        }
        let open = Open {
            steps,
            seen: Vec::new(),
            begun: self.event,
            done: false,
            unknown: random.below(1000) < self.recipe.unknown_per_mille as usize,
        };
        self.push(process, Kind::Invoke, &open, false);
        open
    }

    /// What a key held before an event.
    fn held(&self, key: i64, before: usize) -> Datum {
        let versions = self.store.get(&key).map_or(&[][..], Vec::as_slice);
        let count = versions.partition_point(|(since, _)| *since < before);
        versions[..count]
            .last()
            .map_or(Datum::NIL, |(_, value)| *value)
    }

    /// Runs the steps on the state before an event, and keeps what they wrote.
    fn take_effect(&mut self, open: &mut Open, before: usize, happens: bool) {
        let mut own: FastMap<i64, Vec<Datum>> = FastMap::default();
        for step in &open.steps {
            match *step {
                Step::Read(key) => {
                    let seen = match own.get(&key) {
                        None => self.held(key, before),
                        Some(list) if self.recipe.objects == Objects::Lists => {
                            self.builder.history.intern_list(list)
                        }
                        Some(written) => written.last().copied().unwrap_or(Datum::NIL),
                    };
                    open.seen.push(seen);
                }
                Step::Write(key, value) => {
                    let value = Datum::small(value).unwrap_or(Datum::NIL);
                    let list = own.entry(key).or_insert_with(|| {
                        // Who writes a key reads all of it, or fails.
                        self.lists.get(&key).cloned().unwrap_or_default()
                    });
                    if self.recipe.objects == Objects::Registers {
                        list.clear();
                    }
                    list.push(value);
                }
            }
        }
        if !happens {
            return;
        }
        for (key, list) in own {
            let value = match self.recipe.objects {
                Objects::Lists => self.builder.history.intern_list(&list),
                Objects::Registers => list.last().copied().unwrap_or(Datum::NIL),
            };
            let versions = self.store.entry(key).or_default();
            if self.recipe.isolation == Isolation::StrictSerializable {
                versions.clear();
            }
            versions.push((self.event, value));
            self.lists.insert(key, list);
        }
    }

    /// Commits a transaction that read from a snapshot, unless another one was first.
    fn commit(&mut self, open: &mut Open) -> Kind {
        let begun = open.begun;
        let first = open.steps.iter().all(|step| match step {
            Step::Write(key, _) => {
                let last = self.store.get(key).and_then(|versions| versions.last());
                last.is_none_or(|(since, _)| *since < begun)
            }
            Step::Read(_) => true,
        });
        if !first {
            return Kind::Fail;
        }
        self.take_effect(open, begun, true);
        Kind::Ok
    }

    fn push(&mut self, process: u64, kind: Kind, open: &Open, shown: bool) {
        let history = &mut self.builder.history;
        let mut seen = open.seen.iter().copied();
        let steps: Vec<Datum> = open
            .steps
            .iter()
            .map(|step| {
                let small = |number| Datum::small(number).unwrap_or(Datum::NIL);
                let step = match *step {
                    Step::Write(key, value) => [self.names[1], small(key), small(value)],
                    Step::Read(key) => {
                        let seen = match shown {
                            true => seen.next().unwrap_or(Datum::NIL),
                            false => Datum::NIL,
                        };
                        [self.names[0], small(key), seen]
                    }
                };
                history.intern_list(&step)
            })
            .collect();
        let value = history.intern_list(&steps);
        let event = RawEvent {
            index: None,
            time: self.time,
            process: Some(history.intern_process(process)),
            kind,
            f: self.function,
            key: NEVER,
            value,
            answered: true,
            observed: None,
            node: Symbol::NONE,
        };
        self.builder.push_raw(&event);
        self.event += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transactions::{ConsistencyModel, Options, list_append, rw_register};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn histories_keep_to_their_isolation(
            transactions in 5..200_usize,
            clients in 1..12_usize,
            keys in 1..6_usize,
            writes_per_key in 0..30_usize,
            steps in 1..6_usize,
            unknown_per_mille in 0..60_u32,
            lists: bool,
            snapshots: bool,
            seed: u64,
        ) {
            let recipe = Transactions {
                transactions,
                clients,
                keys,
                writes_per_key,
                steps,
                objects: if lists { Objects::Lists } else { Objects::Registers },
                isolation: match snapshots {
                    true => Isolation::SnapshotIsolation,
                    false => Isolation::StrictSerializable,
                },
                unknown_per_mille,
                seed,
            };
            let history = super::transactions(&recipe);
            prop_assert!(history.problems.is_empty());
            prop_assert_eq!(history.operations.len(), transactions);
            let options = Options {
                model: match snapshots {
                    true => ConsistencyModel::STRONG_SNAPSHOT_ISOLATION,
                    false => ConsistencyModel::STRICT_SERIALIZABLE,
                },
                ..Options::default()
            };
            let report = match lists {
                true => list_append::check(&history, &options),
                false => rw_register::check(&history, &options),
            };
            prop_assert!(!report.is_invalid(), "{:?}", report.verdict);
        }
    }
}
