//! Transactions of sessions, of which nothing but the order within each session is known.

use crate::history::{Builder, Clock, Datum, NEVER, Outcome, Problem, Whole, Wholes};
use crate::value::Value;
use std::collections::HashSet;

/// What a register holds in the beginning, as the file writes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Initial {
    /// Zero: a read of zero is one of a register that nobody has written.
    Zero,
    /// Zero, but where zero is written to a register, a read of zero there is one of that write.
    ZeroUnlessWritten,
    /// Something that the reader of the format tells from values by itself.
    Told,
}

/// Transactions that are read and written step by step.
pub(super) struct Sessions {
    initial: Initial,
    transactions: Vec<Transaction>,
    /// A register to which its initial value was written.
    written_initially: Option<Value>,
}

struct Transaction {
    process: u32,
    outcome: Outcome,
    steps: Vec<Value>,
}

impl Sessions {
    pub(super) fn new(initial: Initial) -> Sessions {
        Sessions {
            initial,
            transactions: Vec::new(),
            written_initially: None,
        }
    }

    /// Begins the next transaction of a session, and returns its place.
    pub(super) fn begin(
        &mut self,
        builder: &mut Builder,
        session: &str,
        outcome: Outcome,
    ) -> usize {
        self.transactions.push(Transaction {
            process: builder.history.intern_process_name(session),
            outcome,
            steps: Vec::new(),
        });
        self.transactions.len() - 1
    }

    /// How a transaction ended.
    pub(super) fn end(&mut self, place: usize, outcome: Outcome) {
        self.transactions[place].outcome = outcome;
    }

    /// Adds a write.
    pub(super) fn write(&mut self, place: usize, key: Value, value: Value) {
        if self.initial == Initial::Zero && value == Value::Int(0) {
            self.written_initially.get_or_insert(key.clone());
        }
        self.step(place, "w", key, value);
    }

    /// Adds a read; none is what nobody has written.
    pub(super) fn read(&mut self, place: usize, key: Value, value: Option<Value>) {
        let unwritten = |value: &Value| self.initial == Initial::Zero && *value == Value::Int(0);
        let value = value
            .filter(|value| !unwritten(value))
            .unwrap_or(Value::Nil);
        self.step(place, "r", key, value);
    }

    fn step(&mut self, place: usize, f: &str, key: Value, value: Value) {
        let step = vec![Value::Name(f.to_owned()), key, value];
        self.transactions[place].steps.push(Value::List(step));
    }

    /// Reads of zero, where nobody wrote that, are of registers as they were in the beginning.
    fn take_zeros_as_unwritten(&mut self) {
        let is = |step: &Value, name: &str| matches!(step.elements(), Some([Value::Name(f), _, Value::Int(0)]) if f == name);
        let steps = || {
            self.transactions
                .iter()
                .flat_map(|transaction| &transaction.steps)
        };
        let key = |step: &Value| step.elements().map(|parts| parts[1].clone());
        let written: HashSet<Value> = steps()
            .filter(|step| is(step, "w"))
            .filter_map(key)
            .collect();
        for step in self
            .transactions
            .iter_mut()
            .flat_map(|transaction| &mut transaction.steps)
        {
            let unwritten = is(step, "r") && key(step).is_some_and(|key| !written.contains(&key));
            if let (true, Value::List(parts)) = (unwritten, step) {
                parts[2] = Value::Nil;
            }
        }
    }

    /// Adds the transactions to the history.
    pub(super) fn finish(mut self, builder: &mut Builder) {
        if self.initial == Initial::ZeroUnlessWritten {
            self.take_zeros_as_unwritten();
        }
        let f = builder.history.intern_name("txn");
        let mut wholes = Wholes::default();
        for (at, transaction) in self.transactions.into_iter().enumerate() {
            let steps = builder.history.intern(&Value::List(transaction.steps));
            let ok = transaction.outcome == Outcome::Ok;
            let whole = Whole {
                process: transaction.process,
                f,
                key: NEVER,
                argument: steps,
                result: if ok { steps } else { Datum::NIL },
                observed: false,
                outcome: transaction.outcome,
                call: 2 * at as i64,
                end: 2 * at as i64 + 1,
            };
            wholes.push(whole, None);
        }
        wholes.finish(builder, Clock::Sessions);
        if let Some(key) = self.written_initially {
            builder.history.problems.push(Problem {
                event: 0,
                text: format!("0 is written to register {key}, which is 0 in the beginning: a read of 0 may mean either"),
                grave: true,
                doubt: true,
            });
        }
    }
}
