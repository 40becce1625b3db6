//! What one operation says of a register: the form in which the engines see a key.

use crate::history::{Datum, History, Operation, Outcome};

/// What an operation did to the register, or saw in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It saw this value, and changed nothing.
    Read(Datum),
    /// It set this value.
    Write(Datum),
    /// It saw the first value and set the second.
    Cas(Datum, Datum),
    /// It saw any value but this one, and changed nothing: a failed cas that says no more.
    NotValue(Datum),
}

/// An operation on one register. Positions are those of the history plus one, so that zero is
/// before everything; `ret` is [`crate::history::NEVER`] if
/// the outcome is unknown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) effect: Effect,
    pub(crate) inv: u32,
    pub(crate) ret: u32,
    /// Place in [`History::operations`].
    pub(crate) place: u32,
}

/// What a read of nothing means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NilRead {
    /// The register was absent, or held nothing.
    Value,
    /// The client does not know what it read (Jepsen's habit).
    Unknown,
}

/// What a cas that failed without saying what it saw means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCas {
    /// Nothing: it may have failed for any reason.
    NoEffect,
    /// The register held another value than the expected one.
    Observation,
}

/// The names of a register's operations in one history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    table: [Option<crate::history::Symbol>; 8],
}

const NAMES: [&str; 8] = ["read", "r", "get", "write", "w", "put", "delete", "cas"];

impl Names {
    pub(crate) fn of(history: &History) -> Names {
        Names {
            table: NAMES.map(|name| history.symbol(name)),
        }
    }

    /// Whether operations of this name write, whatever they find.
    pub(crate) fn is_write(&self, name: crate::history::Symbol) -> bool {
        self.table[3..7].contains(&Some(name))
    }
}

/// The access of the operation at this place; none if it says nothing; an error if it is not a register's.
#[inline]
pub(crate) fn access(
    history: &History,
    names: &Names,
    nil_read: NilRead,
    failed_cas: FailedCas,
    operation: &Operation,
    place: u32,
) -> Result<Option<Access>, String> {
    let name = names
        .table
        .iter()
        .position(|name| *name == Some(operation.f));
    let effect = match (name, operation.outcome) {
        (Some(0..=2), Outcome::Ok) => {
            if operation.result == Datum::NIL && nil_read == NilRead::Unknown {
                return Ok(None);
            }
            Effect::Read(operation.result)
        }
        (Some(0..=6), Outcome::Fail) | (Some(0..=2), Outcome::Unknown) => return Ok(None),
        (Some(3..=5), _) => Effect::Write(operation.argument),
        (Some(6), _) => Effect::Write(Datum::NIL),
        (Some(_), outcome) => {
            let Some((from, to)) = history.pair(operation.argument) else {
                return Err(format!(
                    "the cas of event {} has the value {}, not [from to]",
                    history.index(operation.invoke),
                    history.value(operation.argument)
                ));
            };
            match outcome {
                Outcome::Fail if operation.observed => Effect::Read(operation.result),
                Outcome::Fail if failed_cas == FailedCas::NoEffect => return Ok(None),
                Outcome::Fail => Effect::NotValue(from),
                _ => Effect::Cas(from, to),
            }
        }
        (None, _) => {
            return Err(format!(
                "event {} is {:?}, but a register knows only read, write, delete and cas",
                history.index(operation.invoke),
                history.name(operation.f)
            ));
        }
    };
    let (inv, ret) = operation.span();
    Ok(Some(Access {
        effect,
        inv,
        ret,
        place,
    }))
}
