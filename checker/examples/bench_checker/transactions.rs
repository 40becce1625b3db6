//! The rows of transactions: isolation levels of registers, and lists as they are read from a file.

use crate::measure;
use clap::Parser;
use kensho_checker::command::{self, CheckArguments};
use kensho_checker::generate::{Isolation, Objects, Transactions, transactions};
use kensho_checker::history::{History, Outcome};
use kensho_checker::transactions::{ConsistencyModel, Level, Options, Order, rw_register};
use serde_json::{Value, json};
use std::io::{BufWriter, Write};

/// One row.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    recipe: Transactions,
    /// The model by which the history is judged where it is in memory.
    model: ConsistencyModel,
    /// As what it is read from a file, which counts; none if it is in memory.
    file: Option<Notation>,
    pub(crate) target_seconds: f64,
    pub(crate) target_mib: f64,
}

/// How a file tells of transactions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    /// Events with times, as Jepsen writes them.
    Edn,
    /// The transactions of each session, one after the other, as Plume writes them.
    Plume,
}

/// As many reads and writes as the history that AWDIT's authors measure it by.
const REGISTERS: Transactions = Transactions {
    transactions: 46_171,
    clients: 50,
    keys: 1_000,
    writes_per_key: 0,
    steps: 8,
    objects: Objects::Registers,
    isolation: Isolation::StrictSerializable,
    unknown_per_mille: 0,
    seed: 1,
};

const LISTS: Transactions = Transactions {
    transactions: 100_000,
    clients: 20,
    keys: 10,
    writes_per_key: 60,
    steps: 4,
    objects: Objects::Lists,
    isolation: Isolation::StrictSerializable,
    unknown_per_mille: 0,
    seed: 1,
};

/// Every row, in the order of the table.
pub(crate) fn all() -> Vec<Work> {
    let registers = |name, level, order, target_seconds, target_mib| Work {
        name,
        what: "rw-register, 46,171 transactions with 200,000 reads and writes, 50 sessions, no version order given",
        recipe: REGISTERS,
        model: ConsistencyModel::new(level, order),
        file: None,
        target_seconds,
        target_mib,
    };
    let lists = |name, what, transactions, target_seconds, target_mib| Work {
        name,
        what,
        recipe: Transactions {
            transactions,
            ..LISTS
        },
        model: ConsistencyModel::STRICT_SERIALIZABLE,
        file: Some(Notation::Edn),
        target_seconds,
        target_mib,
    };
    let session = Order::Session;
    let mut rows = vec![
        registers("read-committed", Level::ReadCommitted, session, 0.20, 100.0),
        registers(
            "atomic-view",
            Level::MonotonicAtomicView,
            session,
            0.20,
            100.0,
        ),
        registers("read-atomic", Level::ReadAtomic, session, 0.26, 100.0),
        registers("causal", Level::Causal, session, 1.4, 100.0),
        registers("prefix", Level::Prefix, session, 10.0, 500.0),
        registers("snapshot", Level::SnapshotIsolation, session, 10.0, 500.0),
        registers("serializable", Level::Serializable, session, 10.0, 500.0),
        registers("strict", Level::Serializable, Order::RealTime, 10.0, 500.0),
    ];
    rows.push(Work {
        what: "the same in a store with snapshot isolation",
        recipe: Transactions {
            isolation: Isolation::SnapshotIsolation,
            ..REGISTERS
        },
        ..registers(
            "si-snapshot",
            Level::SnapshotIsolation,
            session,
            10.0,
            500.0,
        )
    });
    rows.push(Work {
        what: "the same, and it is not serializable",
        recipe: Transactions {
            isolation: Isolation::SnapshotIsolation,
            ..REGISTERS
        },
        ..registers("si-serializable", Level::Serializable, session, 10.0, 500.0)
    });
    rows.push(Work {
        what: "rw-register, the same transactions read from a file of Plume's, which tells of sessions only",
        file: Some(Notation::Plume),
        ..registers("sessions-only", Level::Causal, session, 1.4, 100.0)
    });
    rows.push(lists(
        "append-100k",
        "list-append, 100,000 transactions, read from EDN and judged strictly serializable",
        100_000,
        1.0,
        150.0,
    ));
    rows.push(lists(
        "append-1m",
        "the same with 1,000,000 transactions",
        1_000_000,
        10.0,
        1024.0,
    ));
    rows
}

/// The command line of `kensho check`.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArguments,
}

impl Work {
    /// Measures the row.
    pub(crate) fn run(&self) -> Value {
        let (verdict, seconds, bytes) = match self.file {
            Some(_) => self.read_and_judge(),
            None => self.judge(),
        };
        json!({
            "name": self.name,
            "what": self.what,
            "histories": 1,
            "operations": self.recipe.transactions,
            "model": self.model.as_str(),
            "bytes": bytes,
            "verdict": verdict,
            "cpu_s": seconds,
            "peak_mib": measure::peak_mib(),
            "target_cpu_s": self.target_seconds,
            "target_mib": self.target_mib,
        })
    }

    fn judge(&self) -> (String, f64, Option<u64>) {
        let history = transactions(&self.recipe);
        let options = Options {
            model: self.model,
            ..Options::default()
        };
        let mut verdict = String::new();
        let first = measure::once(|| {
            verdict = rw_register::check(&history, &options).verdict.to_string();
        });
        let seconds = match first > 2.0 {
            true => first,
            false => measure::seconds(|| {
                std::hint::black_box(rw_register::check(&history, &options));
            }),
        };
        (verdict, seconds, None)
    }

    /// Reads the history from a file, which another process writes: its memory must not count.
    fn read_and_judge(&self) -> (String, f64, Option<u64>) {
        let path = std::env::temp_dir().join(format!("kensho-bench-{}.edn", std::process::id()));
        let program = std::env::current_exe().expect("the path of this program");
        let written = std::process::Command::new(program)
            .args(["--write", self.name])
            .arg(&path)
            .status()
            .expect("to write a history");
        assert!(written.success(), "the history could not be written");
        let size = std::fs::metadata(&path).expect("the history").len();
        let file = path.to_str().expect("a path in UTF-8");
        let model = match self.recipe.objects {
            Objects::Lists => "list-append",
            Objects::Registers => "rw-register",
        };
        let promise = self.model.as_str();
        let arguments = [
            "check",
            "--threads",
            "1",
            "--model",
            model,
            "--consistency",
            promise,
            file,
        ];
        let line = Line::parse_from(arguments);
        let mut exit = None;
        let seconds = measure::once(|| {
            exit = Some(command::run(&line.check, &mut std::io::sink()).expect("to print"));
        });
        std::fs::remove_file(&path).expect("to remove the history");
        let verdict = match exit {
            Some(command::Exit::Valid) => "valid",
            Some(command::Exit::Invalid) => "invalid",
            _ => "unknown",
        };
        (verdict.to_owned(), seconds, Some(size))
    }
}

/// Writes the history of a row into a file.
pub(crate) fn write(name: &str, path: &str) {
    let work = all().into_iter().find(|work| work.name == name);
    let work = work.expect("a row of transactions");
    let history = transactions(&work.recipe);
    let file = std::fs::File::create(path).expect("to create the file");
    let mut file = BufWriter::new(file);
    let written = match work.file {
        Some(Notation::Plume) => write_sessions(&mut file, &history),
        Some(Notation::Edn) | None => write_events(&mut file, &history),
    };
    written
        .and_then(|()| file.flush())
        .expect("to write the history");
}

/// A line for each read and write of what was committed.
fn write_sessions(file: &mut impl Write, history: &History) -> std::io::Result<()> {
    let operations = history.operations.iter().enumerate();
    for (place, operation) in operations.filter(|(_, operation)| operation.outcome == Outcome::Ok) {
        let steps = history.value(operation.result);
        for step in steps.elements().unwrap_or_default() {
            let [f, key, value] = step.elements().unwrap_or_default() else {
                continue;
            };
            let value = value.as_int().unwrap_or(0);
            let f = f.as_text().unwrap_or_default();
            writeln!(file, "{f}({key},{value},{},{place})", operation.process)?;
        }
    }
    Ok(())
}

/// As Jepsen would.
fn write_events(file: &mut impl Write, history: &History) -> std::io::Result<()> {
    let mut lines: Vec<(u32, usize, bool)> = Vec::new();
    for (place, operation) in history.operations.iter().enumerate() {
        lines.push((operation.invoke, place, false));
        // (The generator says nothing more of those of unknown outcome.)
        if operation.outcome != Outcome::Unknown {
            lines.push((operation.complete, place, true));
        }
    }
    lines.sort_unstable();
    for (index, place, completes) in lines {
        write_event(file, history, index, place, completes)?;
    }
    Ok(())
}

fn write_event(
    file: &mut impl Write,
    history: &History,
    index: u32,
    place: usize,
    completes: bool,
) -> std::io::Result<()> {
    let operation = &history.operations[place];
    let (kind, time, value) = match (completes, operation.outcome) {
        (false, _) => ("invoke", operation.invoke_time, operation.argument),
        (true, Outcome::Ok) => ("ok", operation.complete_time, operation.result),
        (true, _) => ("fail", operation.complete_time, operation.argument),
    };
    writeln!(
        file,
        "{{:index {index}, :time {time}, :type :{kind}, :process {}, :f :txn, :value {}}}",
        operation.process,
        history.value(value),
    )
}
