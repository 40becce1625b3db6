//! Transactions of sessions, of which nothing but the order within each session is known.

use crate::hash::FastMap;
use crate::history::{Builder, Clock, Datum, History, NEVER, Outcome, Problem, Whole, Wholes};
use crate::value::Value;

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
    /// The names of steps, as the history has them.
    read: Option<Datum>,
    write: Option<Datum>,
    /// A register to which its initial value was written.
    written_initially: Option<Datum>,
}

struct Transaction {
    process: u32,
    outcome: Outcome,
    /// Each the list `[f register value]`.
    steps: Vec<Datum>,
}

/// How files write what registers hold in the beginning.
const ZERO: Value = Value::Int(0);

impl Sessions {
    pub(super) fn new(initial: Initial) -> Sessions {
        Sessions {
            initial,
            transactions: Vec::new(),
            read: None,
            write: None,
            written_initially: None,
        }
    }

    /// Begins the next transaction of a session, a process of the history, and returns its place.
    pub(super) fn begin(&mut self, session: u32, outcome: Outcome) -> usize {
        self.transactions.push(Transaction {
            process: session,
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
    pub(super) fn write(
        &mut self,
        builder: &mut Builder,
        place: usize,
        key: &Value,
        value: &Value,
    ) {
        let history = &mut builder.history;
        let f = *self
            .write
            .get_or_insert_with(|| history.intern_keyword("w"));
        let key = history.intern(key);
        if self.initial == Initial::Zero && *value == ZERO {
            self.written_initially.get_or_insert(key);
        }
        let value = history.intern(value);
        self.step(history, place, f, key, value);
    }

    /// Adds a read; none is what nobody has written.
    pub(super) fn read(
        &mut self,
        builder: &mut Builder,
        place: usize,
        key: &Value,
        value: Option<&Value>,
    ) {
        let history = &mut builder.history;
        let unwritten = |value: &&Value| self.initial == Initial::Zero && **value == ZERO;
        let value = match value.filter(|value| !unwritten(value)) {
            Some(value) => history.intern(value),
            None => Datum::NIL,
        };
        let key = history.intern(key);
        let f = *self.read.get_or_insert_with(|| history.intern_keyword("r"));
        self.step(history, place, f, key, value);
    }

    fn step(&mut self, history: &mut History, place: usize, f: Datum, key: Datum, value: Datum) {
        let step = history.intern_list(&[f, key, value]);
        self.transactions[place].steps.push(step);
    }

    /// Reads of zero, where nobody wrote that, are of registers as they were in the beginning.
    fn take_zeros_as_unwritten(&mut self, history: &mut History) {
        let (read, write) = (history.intern_keyword("r"), history.intern_keyword("w"));
        let zero = history.intern(&ZERO);
        let mut parts = Vec::new();
        let mut written: FastMap<Datum, ()> = FastMap::default();
        let transactions = self.transactions.iter();
        for step in transactions.flat_map(|transaction| &transaction.steps) {
            history.list_elements(*step, &mut parts);
            if let [f, key, value] = parts[..]
                && (f, value) == (write, zero)
            {
                written.insert(key, ());
            }
        }
        let transactions = self.transactions.iter_mut();
        for step in transactions.flat_map(|transaction| &mut transaction.steps) {
            history.list_elements(*step, &mut parts);
            if let [f, key, value] = parts[..]
                && (f, value) == (read, zero)
                && !written.contains_key(&key)
            {
                *step = history.intern_list(&[f, key, Datum::NIL]);
            }
        }
    }

    /// Adds the transactions to the history.
    pub(super) fn finish(mut self, builder: &mut Builder) {
        if self.initial == Initial::ZeroUnlessWritten {
            self.take_zeros_as_unwritten(&mut builder.history);
        }
        let f = builder.history.intern_name("txn");
        let mut wholes = Wholes::default();
        for (at, transaction) in self.transactions.into_iter().enumerate() {
            let steps = builder.history.intern_list(&transaction.steps);
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
            let key = builder.history.value(key);
            builder.history.problems.push(Problem {
                event: 0,
                text: format!("0 is written to register {key}, which is 0 in the beginning: a read of 0 may mean either"),
                grave: true,
                doubt: true,
            });
        }
    }
}
