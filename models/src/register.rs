//! The smallest data that can show a consistency error: a few registers with write, compare and
//! set, and read. Every value written is unique, so that a value names the statement it came from.
//!
//! Not for users: the database's containers and rows are in `kensho-storage`.

use bytes::Bytes;
use kensho_protocol::apply::{Apply, ImageError};
use kensho_protocol::ids::Position;

/// How many registers a partition has.
pub const KEYS: usize = 3;

/// What a register holds; 0 before the first write.
pub type Value = u32;

/// The data of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Registers {
    values: [Value; KEYS],
}

/// What a client may want changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statement {
    /// The register gets this value.
    Write {
        /// Which register.
        key: u8,
        /// Its new value.
        value: Value,
    },
    /// The register gets the value `to` if it holds `from`.
    Cas {
        /// Which register.
        key: u8,
        /// What it must hold.
        from: Value,
        /// Its new value.
        to: Value,
    },
}

/// What came of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The register holds the new value.
    Changed,
    /// A compare and set found this value instead of the expected one.
    Differs(Value),
    /// The statement makes no sense.
    Nonsense,
}

impl Statement {
    /// Which register it is about.
    #[must_use]
    pub fn key(self) -> u8 {
        match self {
            Statement::Write { key, .. } | Statement::Cas { key, .. } => key,
        }
    }

    /// The value that the register has if the statement changes it.
    #[must_use]
    pub fn value(self) -> Value {
        match self {
            Statement::Write { value, .. } => value,
            Statement::Cas { to, .. } => to,
        }
    }

    /// As it stands in the log.
    #[must_use]
    pub fn encode(self) -> Bytes {
        match self {
            Statement::Write { key, value } => {
                let [a, b, c, d] = value.to_le_bytes();
                Bytes::copy_from_slice(&[key, a, b, c, d])
            }
            Statement::Cas { key, from, to } => {
                let [a, b, c, d] = from.to_le_bytes();
                let [e, f, g, h] = to.to_le_bytes();
                Bytes::copy_from_slice(&[key, a, b, c, d, e, f, g, h])
            }
        }
    }

    /// What [`Statement::encode`] made.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first()?;
        match rest.len() {
            4 => Some(Statement::Write {
                key: *key,
                value: number(rest)?,
            }),
            8 => Some(Statement::Cas {
                key: *key,
                from: number(&rest[..4])?,
                to: number(&rest[4..])?,
            }),
            _ => None,
        }
    }
}

impl Outcome {
    /// As a client is told.
    #[must_use]
    pub fn encode(self) -> Bytes {
        match self {
            Outcome::Changed => Bytes::from_static(b"c"),
            Outcome::Nonsense => Bytes::from_static(b"n"),
            Outcome::Differs(value) => encode_value(value),
        }
    }

    /// What [`Outcome::encode`] made.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            b"c" => Some(Outcome::Changed),
            b"n" => Some(Outcome::Nonsense),
            _ => Some(Outcome::Differs(number(bytes)?)),
        }
    }
}

/// The question what the register `key` holds.
#[must_use]
pub fn query(key: u8) -> Bytes {
    const QUERIES: [&[u8]; KEYS] = [&[0], &[1], &[2]];
    QUERIES
        .get(usize::from(key))
        .map_or_else(Bytes::new, |query| Bytes::from_static(query))
}

/// The value in an answer.
#[must_use]
pub fn decode_value(answer: &[u8]) -> Option<Value> {
    number(answer)
}

fn encode_value(value: Value) -> Bytes {
    Bytes::copy_from_slice(&value.to_le_bytes())
}

fn number(bytes: &[u8]) -> Option<Value> {
    Some(Value::from_le_bytes(bytes.try_into().ok()?))
}

impl Registers {
    /// What the register `key` holds; 0 if there is no such register.
    #[must_use]
    pub fn get(&self, key: u8) -> Value {
        self.values.get(usize::from(key)).copied().unwrap_or(0)
    }

    /// Executes `statement`, and says what the register held before if it changed.
    pub fn execute(&mut self, statement: Statement) -> (Outcome, Option<(u8, Value)>) {
        let Some(register) = self.values.get_mut(usize::from(statement.key())) else {
            return (Outcome::Nonsense, None);
        };
        let before = *register;
        match statement {
            Statement::Cas { from, .. } if from != before => (Outcome::Differs(before), None),
            Statement::Write { .. } | Statement::Cas { .. } => {
                *register = statement.value();
                (Outcome::Changed, Some((statement.key(), before)))
            }
        }
    }
}

impl Apply for Registers {
    type Undo = Option<(u8, Value)>;

    fn apply(&mut self, _at: Position, statement: &Bytes) -> (Bytes, Self::Undo) {
        let (outcome, undo) = match Statement::decode(statement) {
            Some(statement) => self.execute(statement),
            None => (Outcome::Nonsense, None),
        };
        (outcome.encode(), undo)
    }

    fn undo(&mut self, undo: Self::Undo) {
        if let Some((key, before)) = undo {
            self.values[usize::from(key)] = before;
        }
    }

    fn read(&self, query: &Bytes) -> Bytes {
        encode_value(query.first().map_or(0, |key| self.get(*key)))
    }

    fn image(&self) -> Bytes {
        self.values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn restore(image: &Bytes) -> Result<Self, ImageError> {
        if image.len() != 4 * KEYS {
            let wrong = format!("{} bytes where {} registers are", image.len(), KEYS);
            return Err(ImageError(wrong));
        }
        let mut registers = Registers::default();
        for (register, bytes) in registers.values.iter_mut().zip(image.chunks(4)) {
            *register = number(bytes).unwrap_or(0);
        }
        Ok(registers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execute(registers: &mut Registers, statement: Statement) -> Outcome {
        let (outcome, _) = registers.apply(Position::default(), &statement.encode());
        Outcome::decode(&outcome).expect("an outcome")
    }

    #[test]
    fn a_cas_changes_only_what_it_expects() {
        let mut registers = Registers::default();
        let cas = |from, to| Statement::Cas { key: 1, from, to };
        assert_eq!(execute(&mut registers, cas(0, 5)), Outcome::Changed);
        assert_eq!(execute(&mut registers, cas(0, 6)), Outcome::Differs(5));
        assert_eq!(execute(&mut registers, cas(5, 7)), Outcome::Changed);
        assert_eq!(decode_value(&registers.read(&query(1))), Some(7));
        assert_eq!(decode_value(&registers.read(&query(0))), Some(0));
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut registers = Registers::default();
        let write = |value| Statement::Write { key: 2, value }.encode();
        registers.apply(Position::default(), &write(1));
        let before = registers;
        let (_, undo) = registers.apply(Position::default(), &write(2));
        assert_ne!(registers, before);
        registers.undo(undo);
        assert_eq!(registers, before);
    }

    #[test]
    fn an_image_restores_what_it_was_made_of() {
        let mut registers = Registers::default();
        execute(&mut registers, Statement::Write { key: 0, value: 900 });
        assert_eq!(Registers::restore(&registers.image()), Ok(registers));
        assert!(Registers::restore(&Bytes::from_static(b"short")).is_err());
    }

    #[test]
    fn nonsense_changes_nothing() {
        let mut registers = Registers::default();
        let there_is_no_such_key = Statement::Write { key: 9, value: 1 };
        assert_eq!(
            execute(&mut registers, there_is_no_such_key),
            Outcome::Nonsense
        );
        registers.apply(Position::default(), &Bytes::from_static(b"?"));
        assert_eq!(registers, Registers::default());
    }
}
