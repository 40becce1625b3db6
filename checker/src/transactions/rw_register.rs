//! Registers that transactions read and write, each value once: reads name their writer, and the
//! order of versions follows from what is known: the initial state comes first, and what a
//! transaction wrote comes after what it had read there.

use super::dependencies::{Dependencies, KnownOrder, external_reads};
use super::inferred;
use super::log::{Fate, Log, Objects, Reading, Step};
use super::updates::Updates;
use super::{Findings, Options, conclude, internal};
use crate::anomaly::AnomalyName;
use crate::history::{History, NEVER};
use crate::judge::{Known, Model, Setting};
use crate::report::Report;

/// The model `rw-register`.
pub static MODEL: Model = Model {
    name: "rw-register",
    help: "Transactions on registers with unique values: [:w key value], [:r key value]",
    operations: &[Known::transactions()],
    settings: &[
        Setting::Init,
        Setting::NilReads,
        Setting::Consistency,
        Setting::LinearizableKeys,
        Setting::SequentialKeys,
        Setting::NoWritesFollowReads,
        Setting::TransactionOrder,
    ],
    guess: Some(|evidence| {
        let known = evidence.only_steps(&["w", "write", "r", "read"]);
        known.then(|| "its transactions have the steps w and r".to_owned())
    }),
    judge: |history, settings| check(history, &settings.transactions()),
};

/// Judges a history of transactions on registers.
pub fn check(history: &History, options: &Options) -> Report {
    const NAME: &str = "rw-register";
    let reading = Reading {
        objects: Objects::Registers,
        initial: &options.initial,
        nil_is_unknown: options.nil_is_unknown,
    };
    let log = match Log::of(history, &reading) {
        Ok(log) => log,
        Err(reason) => return Report::unknown(NAME, history, reason),
    };
    let mut findings = Findings::new(&log);
    internal::check(&mut findings);
    check_reads(&mut findings);
    super::lost_updates(&mut findings);
    let mut pairs = inferred::pairs(&log, options);
    let circular = inferred::circular(&mut findings, &pairs, options.writes_follow_reads);
    pairs.retain(|pair| !circular[pair.key as usize]);
    let updates = match options.writes_follow_reads {
        true => Updates::of(&log),
        false => Updates::none(&log),
    };
    let known = KnownOrder {
        chains: updates.chains,
        chains_are_complete: updates.are_complete,
        pairs,
        writes_follow_reads: options.writes_follow_reads,
        ..KnownOrder::default()
    };
    let dependencies = Dependencies::of(&log, known);
    conclude(NAME, options, findings, &dependencies)
}

fn check_reads(findings: &mut Findings<'_>) {
    let log = findings.log;
    for at in (0..log.len() as u32).filter(|at| log.committed(*at)) {
        let steps = log.steps(at);
        for (place, step) in steps.iter().enumerate() {
            let Step::Read { key, version } = *step else {
                continue;
            };
            if version == NEVER {
                continue;
            }
            let Some(writer) = log.writer(version) else {
                let text = format!(
                    "{} read {} in {}, but nobody wrote it.",
                    log.name(at),
                    log.version_name(version),
                    log.key_name(key)
                );
                findings.add(AnomalyName::GarbageRead, text, &[at]);
                continue;
            };
            if writer == at {
                if !steps[..place].contains(&Step::Write { key, version }) {
                    let text = format!(
                        "{} read {} in {} before it wrote it itself.",
                        log.name(at),
                        log.version_name(version),
                        log.key_name(key)
                    );
                    findings.add(AnomalyName::FutureRead, text, &[at]);
                }
            } else if log.fate(writer) == Fate::Aborted {
                let text = format!(
                    "{} read {} in {}, which {} had written, but that one failed and must have had no effect.",
                    log.name(at),
                    log.version_name(version),
                    log.key_name(key),
                    log.name(writer)
                );
                findings.add(AnomalyName::G1a, text, &[writer, at]);
            } else if log.is_intermediate(version) {
                let text = format!(
                    "{} read {} in {}, which {} wrote and then overwrote itself.",
                    log.name(at),
                    log.version_name(version),
                    log.key_name(key),
                    log.name(writer)
                );
                findings.add(AnomalyName::G1b, text, &[writer, at]);
            }
        }
    }
}

/// What a transaction read of each register and then wrote there last.
pub(super) fn updates(log: &Log<'_>, at: u32, mut each: impl FnMut(u32, u32, u32)) {
    external_reads(log, at, |key, before| {
        let last = log.steps(at).iter().rev().find_map(|step| match *step {
            Step::Write {
                key: other,
                version,
            } if other == key => Some(version),
            _ => None,
        });
        if let Some(after) = last {
            each(key, before, after);
        }
    });
}
