//! The rows of transactions: isolation levels of registers, and lists as they are read from a file.

use crate::files::{HistoryFile, Notation};
use crate::measure;
use clap::Parser;
use kensho_checker::command::{self, CheckArguments};
use kensho_checker::generate::{Isolation, Objects, Transactions, transactions};
use kensho_checker::history::History;
use kensho_checker::transactions::{ConsistencyModel, Level, Options, Order, rw_register};
use serde_json::{Value, json};

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
    peer: Option<Peer>,
}

/// What AWDIT takes for the same file, as its published figures have it, and what it calls the level.
#[derive(Clone, Copy)]
struct Peer {
    level: &'static str,
    seconds: f64,
    mib: f64,
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
        peer: None,
    };
    // Read from a file, as AWDIT reads it. Its read committed is our monotonic atomic view.
    let beside = |name, level, peer: Peer, share: f64| Work {
        what: "the same transactions read from a file of Plume's, which tells of sessions only",
        file: Some(Notation::Plume),
        peer: Some(peer),
        ..registers(name, level, Order::Session, share * peer.seconds, peer.mib)
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
        peer: None,
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
    let peer = |level, seconds, mib| Peer {
        level,
        seconds,
        mib,
    };
    rows.extend([
        beside(
            "file-read-committed",
            Level::MonotonicAtomicView,
            peer("read-committed", 0.20, 30.0),
            1.0,
        ),
        beside(
            "file-read-atomic",
            Level::ReadAtomic,
            peer("read-atomic", 0.26, 56.0),
            1.0,
        ),
        beside(
            "file-causal",
            Level::Causal,
            peer("causal", 6.8, 3500.0),
            0.2,
        ),
    ]);
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
        let mut result = json!({
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
        });
        if self.peer.is_some() {
            result["peer"] = self.beside_peer(seconds);
        }
        result
    }

    fn judge(&self) -> (String, f64, Option<u64>) {
        let history = self.history();
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

    fn read_and_judge(&self) -> (String, f64, Option<u64>) {
        let file = HistoryFile::of(self.name);
        let options = self.options();
        let words = options.iter().map(String::as_str);
        let words = ["check", "--threads", "1"].into_iter().chain(words);
        let line = Line::parse_from(words.chain([file.path()]));
        let mut exit = None;
        let seconds = measure::once(|| {
            exit = Some(command::run(&line.check, &mut std::io::sink()).expect("to print"));
        });
        let verdict = match exit {
            Some(command::Exit::Valid) => "valid",
            Some(command::Exit::Invalid) => "invalid",
            _ => "unknown",
        };
        (verdict.to_owned(), seconds, Some(file.bytes()))
    }

    /// What the peer takes for the same file, beside us.
    fn beside_peer(&self, seconds: f64) -> Value {
        let Some(peer) = &self.peer else {
            return Value::Null;
        };
        let measured = std::env::var("KENSHO_AWDIT").ok().map(|program| {
            let file = HistoryFile::of(self.name);
            measure::program(&[&program, "check", "-i", peer.level, file.path()])
        });
        match measured {
            Some((peer_seconds, mib)) => json!({
                "name": "AWDIT, in this run",
                "cpu_s": peer_seconds,
                "peak_mib": mib,
                "we_take": seconds / peer_seconds,
            }),
            None => json!({
                "name": "AWDIT",
                "cpu_s": peer.seconds,
                "peak_mib": peer.mib,
                "we_take": measure::beside(seconds, peer.seconds),
            }),
        }
    }

    /// The history.
    pub(crate) fn history(&self) -> History {
        transactions(&self.recipe)
    }

    /// How a file tells of it.
    pub(crate) fn notation(&self) -> Notation {
        self.file.unwrap_or(Notation::Edn)
    }

    /// How the command is told to judge it.
    pub(crate) fn options(&self) -> Vec<String> {
        let model = match self.recipe.objects {
            Objects::Lists => "list-append",
            Objects::Registers => "rw-register",
        };
        let promise = self.model.as_str();
        ["--model", model, "--consistency", promise]
            .map(str::to_owned)
            .into()
    }
}
