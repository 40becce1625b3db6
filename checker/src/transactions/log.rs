//! The transactions of a history, compactly: objects and versions become numbers.

use crate::hash::FastMap;
use crate::history::interner::Interner;
use crate::history::{Datum, History, NEVER, Outcome};
use crate::value::Value;

/// One step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Makes a version: appends to a list, or writes a register.
    Write { key: u32, version: u32 },
    /// Reads a register: the version that it saw, or [`NEVER`] for the initial state.
    Read { key: u32, version: u32 },
    /// Reads a list: a place in [`Log::views`].
    ReadList { key: u32, view: u32 },
    /// Reads, but what it saw is not known.
    Unread,
}

/// What a read of a list saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// The list.
    pub(super) list: Datum,
    /// The version that its last element made, [`NEVER`] if it is empty.
    pub(super) version: u32,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It succeeded.
    Committed,
    /// It failed: it must have had no effect.
    Aborted,
    /// Nobody knows; it counts if someone saw what it wrote.
    Unknown,
}

/// A transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transaction {
    /// Place in the history's operations.
    pub(super) place: u32,
    steps_end: u32,
    pub(super) fate: Fate,
}

/// What kind of objects transactions work on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Objects {
    Lists,
    Registers,
}

/// How a log is to be read.
pub(super) struct Reading<'a> {
    pub(super) objects: Objects,
    /// What registers hold in the beginning.
    pub(super) initial: &'a Value,
    /// Whether a register's read of nothing is one whose result is not known.
    pub(super) nil_is_unknown: bool,
}

/// The transactions of a history.
pub(super) struct Log<'h> {
    pub(super) history: &'h History,
    pub(super) objects: Objects,
    pub(super) transactions: Vec<Transaction>,
    steps: Vec<Step>,
    /// What reads of lists saw.
    pub(super) views: Vec<View>,
    /// The objects: the key of the operation, and the name in the step.
    keys: Vec<(u32, Datum)>,
    /// Each value of each object: the object and the value. For a list a version is what its last
    /// element made.
    versions: Interner<(u32, Datum)>,
    /// Who made each version: a place in `transactions`, [`NEVER`] if nobody did.
    writers: Vec<u32>,
    /// Whether the same transaction made a later version of the same object.
    overwritten: Vec<bool>,
}

impl<'h> Log<'h> {
    /// The transactions of a history; an error says which event is not one, or why they cannot be
    /// judged.
    pub(super) fn of(history: &'h History, reading: &Reading<'_>) -> Result<Self, String> {
        let mut log = Log {
            history,
            objects: reading.objects,
            transactions: Vec::with_capacity(history.operations.len()),
            steps: Vec::new(),
            views: Vec::new(),
            keys: Vec::new(),
            versions: Interner::default(),
            writers: Vec::new(),
            overwritten: Vec::new(),
        };
        let mut reader = Reader {
            names: FastMap::default(),
            key_numbers: FastMap::default(),
            initial: Vec::new(),
            later: Vec::new(),
            parts: Vec::new(),
            step: Vec::new(),
        };
        for place in 0..history.operations.len() as u32 {
            let fate = log.read_steps(place, reading, &mut reader)?;
            log.transactions.push(Transaction {
                place,
                steps_end: log.steps.len() as u32,
                fate,
            });
            log.claim_versions(&mut reader)?;
        }
        Ok(log)
    }

    fn read_steps(
        &mut self,
        place: u32,
        reading: &Reading<'_>,
        reader: &mut Reader,
    ) -> Result<Fate, String> {
        let history = self.history;
        let operation = &history.operations[place as usize];
        let fate = match operation.outcome {
            Outcome::Ok => Fate::Committed,
            Outcome::Fail => Fate::Aborted,
            Outcome::Unknown => Fate::Unknown,
        };
        // An outcome that says nothing leaves the reads unknown.
        let told = fate == Fate::Committed && operation.result != Datum::NIL;
        let shown = match told {
            true => operation.result,
            false if operation.argument == Datum::NIL => operation.result,
            false => operation.argument,
        };
        if !history.list_elements(shown, &mut reader.parts) {
            return Err(self.no_step(place, shown));
        }
        for at in 0..reader.parts.len() {
            let part = reader.parts[at];
            if !history.list_elements(part, &mut reader.step) {
                return Err(self.no_step(place, part));
            }
            let (f, name, value) = match reader.step[..] {
                [f, name, value] => (f, name, Some(value)),
                // Some invoke a read without a place for its value.
                [f, name] if !told => (f, name, None),
                _ => return Err(self.no_step(place, part)),
            };
            let what = *reader
                .names
                .entry(f)
                .or_insert_with(|| What::named(history.heap_value(f), reading.objects));
            let key = self.key(operation.key, name, reading, reader);
            let step = match (what, value) {
                (Some(What::Write), Some(value)) => Step::Write {
                    key,
                    version: self.version(key, value),
                },
                (Some(What::Read), Some(value)) if told => match reading.objects {
                    Objects::Registers if value == reader.initial[key as usize] => {
                        match value == Datum::NIL && reading.nil_is_unknown {
                            true => Step::Unread,
                            false => Step::Read {
                                key,
                                version: NEVER,
                            },
                        }
                    }
                    Objects::Registers if value == Datum::NIL && reading.nil_is_unknown => {
                        Step::Unread
                    }
                    Objects::Registers => Step::Read {
                        key,
                        version: self.version(key, value),
                    },
                    Objects::Lists => match self.view(key, value) {
                        Some(view) => {
                            self.views.push(view);
                            let view = self.views.len() as u32 - 1;
                            Step::ReadList { key, view }
                        }
                        None => return Err(self.no_step(place, part)),
                    },
                },
                (Some(What::Read), _) => Step::Unread,
                _ => return Err(self.no_step(place, part)),
            };
            self.steps.push(step);
        }
        Ok(fate)
    }

    fn view(&mut self, key: u32, list: Datum) -> Option<View> {
        let list = match list {
            Datum::NIL => Datum::EMPTY_LIST,
            list => list,
        };
        self.history.list_length(list)?;
        let version = match self.history.list_last(list) {
            Some(last) => self.version(key, last),
            None => NEVER,
        };
        Some(View { list, version })
    }

    fn key(&mut self, group: u32, name: Datum, reading: &Reading<'_>, reader: &mut Reader) -> u32 {
        if let Some(key) = reader.key_numbers.get(&(group, name)) {
            return *key;
        }
        let key = self.keys.len() as u32;
        self.keys.push((group, name));
        reader.key_numbers.insert((group, name), key);
        if reading.objects == Objects::Registers {
            reader.initial.push(self.initial_value(name, reading));
        }
        key
    }

    /// The initial value of a register, as a datum of this history.
    fn initial_value(&self, name: Datum, reading: &Reading<'_>) -> Datum {
        let value = match reading.initial {
            Value::Map(entries) => {
                let name = self.history.value(name);
                // A key is the same whether it is written as a name or as text.
                let same = |key: &Value| {
                    *key == name || key.as_text().is_some() && key.as_text() == name.as_text()
                };
                let entry = entries.iter().find(|(key, _)| same(key));
                entry.map_or(&Value::Nil, |(_, value)| value)
            }
            value => value,
        };
        self.history.find(value).unwrap_or(Datum::UNUSED)
    }

    fn version(&mut self, key: u32, value: Datum) -> u32 {
        let version = self.versions.intern((key, value));
        if version as usize == self.writers.len() {
            self.writers.push(NEVER);
            self.overwritten.push(false);
        }
        version
    }

    /// Notes which versions the newest transaction made.
    fn claim_versions(&mut self, reader: &mut Reader) -> Result<(), String> {
        let at = self.transactions.len() as u32 - 1;
        let transaction = self.transactions[at as usize];
        let range = self.range(at);
        for place in range.clone() {
            let Step::Write { key, version } = self.steps[place] else {
                continue;
            };
            if self.objects == Objects::Registers
                && transaction.fate != Fate::Aborted
                && self.versions.get(version).1 == reader.initial[key as usize]
            {
                return Err(format!(
                    "event {}: {} was written to {}, which it held in the beginning; values must be unique on each register",
                    self.event(at),
                    self.version_name(version),
                    self.key_name(key),
                ));
            }
            let other = self.writers[version as usize];
            if other == at && self.objects == Objects::Registers {
                continue;
            }
            if other != NEVER {
                let (before, now) = (self.transactions[other as usize].fate, transaction.fate);
                if before != Fate::Aborted && now != Fate::Aborted {
                    let (done, unique) = match self.objects {
                        Objects::Lists => ("appended", "elements must be unique on each list"),
                        Objects::Registers => ("written", "values must be unique on each register"),
                    };
                    return Err(format!(
                        "{} was {done} to {} twice (events {} and {}); {unique}",
                        self.version_name(version),
                        self.key_name(key),
                        self.event(other),
                        self.event(at),
                    ));
                }
                // Of two of which one failed, the other one wrote it.
                if now == Fate::Aborted {
                    continue;
                }
            }
            self.writers[version as usize] = at;
            self.overwritten[version as usize] = false;
        }
        // What the transaction wrote later on the same object, from its end on.
        reader.later.resize(self.keys.len(), (NEVER, NEVER));
        for place in range.rev() {
            let Step::Write { key, version } = self.steps[place] else {
                continue;
            };
            let later = &mut reader.later[key as usize];
            if *later == (at, version) || self.writers[version as usize] != at {
                continue;
            }
            match later.0 == at {
                true => self.overwritten[version as usize] = true,
                false => *later = (at, version),
            }
        }
        Ok(())
    }

    fn range(&self, at: u32) -> std::ops::Range<usize> {
        let start = match at.checked_sub(1) {
            Some(before) => self.transactions[before as usize].steps_end,
            None => 0,
        };
        start as usize..self.transactions[at as usize].steps_end as usize
    }

    /// How many transactions there are.
    pub(super) fn len(&self) -> usize {
        self.transactions.len()
    }

    pub(super) fn steps(&self, at: u32) -> &[Step] {
        &self.steps[self.range(at)]
    }

    pub(super) fn fate(&self, at: u32) -> Fate {
        self.transactions[at as usize].fate
    }

    pub(super) fn committed(&self, at: u32) -> bool {
        self.fate(at) == Fate::Committed
    }

    pub(super) fn key_count(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn version_count(&self) -> usize {
        self.writers.len()
    }

    /// Who made a version, if anybody did.
    pub(super) fn writer(&self, version: u32) -> Option<u32> {
        let writer = *self.writers.get(version as usize)?;
        (writer != NEVER).then_some(writer)
    }

    /// Whether the same transaction made a later version of the same object.
    pub(super) fn is_intermediate(&self, version: u32) -> bool {
        self.overwritten[version as usize]
    }

    /// The object that a version is of.
    pub(super) fn key_of(&self, version: u32) -> u32 {
        self.versions.get(version).0
    }

    /// What was written.
    pub(super) fn value_of(&self, version: u32) -> Datum {
        self.versions.get(version).1
    }

    pub(super) fn is_list(&self) -> bool {
        self.objects == Objects::Lists
    }

    /// The version that an element of a list made, if anyone ever appended or read it as the last.
    pub(super) fn find_version(&self, key: u32, element: Datum) -> Option<u32> {
        self.versions.find(&(key, element))
    }

    /// The index of the event that invoked a transaction.
    pub(super) fn event(&self, at: u32) -> u64 {
        let place = self.transactions[at as usize].place;
        let operation = &self.history.operations[place as usize];
        self.history.index(operation.invoke)
    }

    /// A transaction in a few words: `T12` is the one whose invocation is event 12.
    pub(super) fn name(&self, at: u32) -> String {
        format!("T{}", self.event(at))
    }

    pub(super) fn key_name(&self, key: u32) -> String {
        let Some((group, name)) = self.keys.get(key as usize) else {
            return String::new();
        };
        let name = self.history.value(*name);
        match self.history.key_text(*group) {
            Some(group) => format!("{name} of {group}"),
            None => name.to_string(),
        }
    }

    pub(super) fn version_name(&self, version: u32) -> String {
        if version == NEVER {
            return "the initial state".to_owned();
        }
        let value = self.history.value(self.versions.get(version).1);
        crate::report::Short(&value).to_string()
    }

    fn no_step(&self, place: u32, what: Datum) -> String {
        let operation = &self.history.operations[place as usize];
        format!(
            "event {}: {} is not a step of a transaction; expected {}",
            self.history.index(operation.invoke),
            crate::report::Short(&self.history.value(what)),
            match self.objects {
                Objects::Lists => "[:append key element] or [:r key list]",
                Objects::Registers => "[:w key value] or [:r key value]",
            }
        )
    }
}

/// What is needed only while steps are read.
struct Reader {
    /// What the names of steps mean.
    names: FastMap<Datum, Option<What>>,
    key_numbers: FastMap<(u32, Datum), u32>,
    /// What each register holds in the beginning.
    initial: Vec<Datum>,
    /// Per object, the last transaction that wrote it, and the last version that it made.
    later: Vec<(u32, u32)>,
    parts: Vec<Datum>,
    step: Vec<Datum>,
}

#[derive(Clone, Copy)]
enum What {
    Read,
    Write,
}

impl What {
    fn named(name: Option<&Value>, objects: Objects) -> Option<What> {
        match (name?.as_text()?, objects) {
            ("r" | "read", _) => Some(What::Read),
            ("append", Objects::Lists) | ("w" | "write", Objects::Registers) => Some(What::Write),
            _ => None,
        }
    }
}
