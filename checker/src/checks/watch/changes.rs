//! What was written, and what each watcher saw.

use crate::hash::FastMap;
use crate::history::{Datum, History, NEVER, Operation, Outcome};
use crate::value::Value;
use std::collections::HashSet;

/// A write that may have happened.
pub(super) struct Write {
    pub(super) value: Value,
    pub(super) place: u32,
    pub(super) invoke: u32,
    /// [`NEVER`] if it was not acknowledged.
    pub(super) complete: u32,
    pub(super) revision: Option<i64>,
}

/// A change that a watcher saw.
pub(super) struct Change {
    pub(super) revision: Option<i64>,
    pub(super) value: Value,
    /// The watch that returned it.
    pub(super) place: u32,
}

/// Where a watcher began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// With the first change of all.
    Beginning,
    /// With the first change from this revision on.
    Revision(i64),
    /// Nobody knows.
    Anywhere,
}

/// What one watcher saw, one change after the other.
pub(super) struct Watcher {
    pub(super) process: u32,
    pub(super) from: From,
    pub(super) log: Vec<Change>,
    /// The revision up to which it says that it has seen everything.
    pub(super) until: Option<i64>,
    pub(super) last_watch: Option<u32>,
    pub(super) final_watch: Option<u32>,
    seen: HashSet<Value>,
}

impl Watcher {
    pub(super) fn has_seen(&self, value: &Value) -> bool {
        self.seen.contains(value)
    }

    /// Whether the change may have come before this watcher began.
    pub(super) fn may_have_begun_after(&self, write: &Write) -> bool {
        match self.from {
            From::Beginning => false,
            From::Revision(first) => write.revision.is_none_or(|revision| revision < first),
            From::Anywhere => true,
        }
    }
}

/// All writes and all watchers of one key.
#[derive(Default)]
pub(super) struct Changes {
    /// Those of one value follow each other.
    pub(super) writes: Vec<Write>,
    /// By value, where its writes are.
    by_value: FastMap<Value, std::ops::Range<usize>>,
    /// Values of failed writes.
    pub(super) failed: FastMap<Value, u32>,
    pub(super) watchers: Vec<Watcher>,
}

/// Whether a write may have happened and does not say of what. (Its completion may return anything,
/// so that does not tell.)
fn is_untold(write: &Operation) -> bool {
    let may_be_nothing = write.asked && write.result == Datum::NIL;
    write.outcome != Outcome::Fail && write.argument == Datum::NIL && !may_be_nothing
}

impl Changes {
    pub(super) fn read(history: &History, places: &[u32]) -> Result<Changes, String> {
        let mut changes = Changes::default();
        let mut watching: FastMap<u32, usize> = FastMap::default();
        for place in places {
            let operation = &history.operations[*place as usize];
            match history.name(operation.f) {
                "write" | "put" => {
                    if is_untold(operation) {
                        return Err(format!(
                            "event {}: it is not known what this {} is about: its invocation has no value",
                            history.index(operation.invoke),
                            history.name(operation.f),
                        ));
                    }
                    changes.write(history, *place, history.value(operation.argument));
                }
                "delete" => changes.write(history, *place, Value::Nil),
                "watch" | "final-watch" => {
                    changes.watch(history, *place, operation, &mut watching)?;
                }
                _ => {}
            }
        }
        changes
            .writes
            .sort_by(|one, other| one.value.cmp(&other.value));
        let mut start = 0;
        for same in changes
            .writes
            .chunk_by(|one, other| one.value == other.value)
        {
            let end = start + same.len();
            changes.by_value.insert(same[0].value.clone(), start..end);
            start = end;
        }
        Ok(changes)
    }

    fn write(&mut self, history: &History, place: u32, value: Value) {
        let operation = &history.operations[place as usize];
        if operation.outcome == Outcome::Fail {
            self.failed.insert(value, place);
            return;
        }
        let result = history.value(operation.result);
        self.writes.push(Write {
            value,
            place,
            invoke: operation.invoke,
            complete: operation.complete,
            revision: result.get("revision").and_then(Value::as_int),
        });
    }

    fn watch(
        &mut self,
        history: &History,
        place: u32,
        operation: &Operation,
        watching: &mut FastMap<u32, usize>,
    ) -> Result<(), String> {
        match operation.outcome {
            Outcome::Fail => return Ok(()),
            // What it saw is lost, so whoever goes on begins anywhere.
            Outcome::Unknown => {
                let at = self.begin(operation.process, From::Anywhere);
                watching.insert(operation.process, at);
                return Ok(());
            }
            Outcome::Ok => {}
        }
        let argument = history.value(operation.argument);
        let from = match (&argument, argument.get("revision").and_then(Value::as_int)) {
            (_, Some(first)) => Some(From::Revision(first)),
            (Value::Name(now) | Value::Text(now), _) if now == "now" => Some(From::Anywhere),
            _ if operation.argument == Datum::NIL => None,
            _ => {
                return Err(format!(
                    "event {}: a watch is asked with {argument}; nil, :now or {{:revision r}} was expected",
                    history.index(operation.invoke),
                ));
            }
        };
        let at = match (from, watching.get(&operation.process)) {
            (None, Some(at)) => *at,
            (from, _) => self.begin(operation.process, from.unwrap_or(From::Beginning)),
        };
        watching.insert(operation.process, at);
        let watcher = &mut self.watchers[at];
        let result = history.value(operation.result);
        let (list, pairs) = match result.get("log") {
            Some(log) => (log, false),
            None => (&result, true),
        };
        let Some(list) = list.elements().filter(|_| !matches!(list, Value::Set(_))) else {
            return Err(format!(
                "event {}: a watch returned {result}; [[revision value] …] or {{:log [value …]}} was expected",
                history.index(operation.complete),
            ));
        };
        for entry in list {
            let (revision, value) = match (pairs, entry.elements()) {
                (false, _) => (None, entry.clone()),
                (true, Some([Value::Int(revision), value])) => (Some(*revision), value.clone()),
                (true, _) => {
                    return Err(format!(
                        "event {}: a watch saw {entry}; [revision value] was expected",
                        history.index(operation.complete),
                    ));
                }
            };
            watcher.seen.insert(value.clone());
            watcher.log.push(Change {
                revision,
                value,
                place,
            });
        }
        watcher.until = result
            .get("revision")
            .and_then(Value::as_int)
            .or(watcher.until);
        watcher.last_watch = Some(place);
        if history.name(operation.f) == "final-watch" {
            watcher.final_watch = Some(place);
        }
        Ok(())
    }

    fn begin(&mut self, process: u32, from: From) -> usize {
        self.watchers.push(Watcher {
            process,
            from,
            log: Vec::new(),
            until: None,
            last_watch: None,
            final_watch: None,
            seen: HashSet::default(),
        });
        self.watchers.len() - 1
    }

    /// The writes of a value that may have happened.
    pub(super) fn writes_of(&self, value: &Value) -> &[Write] {
        match self.by_value.get(value) {
            Some(range) => &self.writes[range.clone()],
            None => &[],
        }
    }

    pub(super) fn is_seen(&self, value: &Value) -> bool {
        self.watchers.iter().any(|watcher| watcher.has_seen(value))
    }

    /// Whether changes come with revisions.
    pub(super) fn have_revisions(&self) -> bool {
        let mut all = self.watchers.iter().flat_map(|watcher| &watcher.log);
        all.any(|change| change.revision.is_some())
    }

    /// Writes that were acknowledged, with their revisions where they are known.
    pub(super) fn acknowledged(&self) -> impl Iterator<Item = (&Write, i64)> {
        self.writes
            .iter()
            .filter(|write| write.complete != NEVER)
            .filter_map(|write| Some((write, write.revision?)))
    }
}
