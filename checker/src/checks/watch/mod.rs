//! Watches: every change once, in order, none skipped.
//!
//! Operations:
//!
//! - `write` (or `put`) a value, and `delete`, which is a change to nil. If the result is a map with
//!   `:revision`, that is the revision of the change.
//! - `watch`: returns the changes that came since this watcher's last `watch` ended, in the order in
//!   which they came: `[[revision value] …]`, or, where nobody saw revisions, `{:log [value …]}` (as
//!   Jepsen's tests of etcd have it; there `:revision` says up to where the watcher has seen
//!   everything). A process is a watcher. Its first watch begins with the first change of all; if
//!   not, the argument says where: `{:revision r}` is the first revision to be seen, `:now` any.
//! - `final-watch`: the same, but it ends only when nothing more comes.
//!
//! What must hold for each watcher: no change twice, none before an older one, none left out
//! between two that it saw. All watchers see the same change at the same revision, and changes
//! follow each other as the writes did in real time. Nobody sees what was not written, or what
//! failed. What a final watch does not show although another watcher saw it, was left out.

mod changes;
mod revisions;
mod values;

use super::{Findings, each_key, listed};
use crate::anomaly::AnomalyName;
use crate::history::{History, NEVER};
use crate::judge::{Argument, Known, Model};
use crate::report::Report;
use crate::value::Value;
use changes::{Changes, Watcher};

/// The model `watch`.
pub static MODEL: Model = Model {
    name: "watch",
    help: "Watchers of a key: write or put, delete, watch, final-watch; every change once, in order, none skipped",
    operations: &[
        Known::change("write").with_argument(Argument::Free),
        Known::change("put").with_argument(Argument::Free),
        Known::change("delete").with_argument(Argument::Free),
        Known::action("watch"),
        Known::action("final-watch"),
    ],
    settings: &[],
    guess: Some(|evidence| {
        let is = evidence.has_any(&["watch", "final-watch"]);
        is.then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, _| check(history),
};

/// Judges every watcher, each key on its own.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    let changes = match Changes::read(history, places) {
        Ok(changes) => changes,
        Err(reason) => return findings.report("watch", Some(reason)),
    };
    let seen: usize = changes
        .watchers
        .iter()
        .map(|watcher| watcher.log.len())
        .sum();
    findings.detail("watchers", changes.watchers.len());
    findings.detail("changes_seen", seen);
    let mut missing =
        (seen == 0).then(|| "no watcher saw a change, so nothing was checked".to_owned());
    look_at_values(&mut findings, &changes);
    let order = if changes.have_revisions() {
        Ok(revisions::check(&mut findings, &changes))
    } else {
        values::check(&mut findings, &changes)
    };
    match order {
        Ok(order) => {
            real_time(&mut findings, &changes, &order);
            if let Some(reason) = last_ones(&mut findings, &changes) {
                missing.get_or_insert(reason);
            }
        }
        Err(reason) => {
            missing.get_or_insert(reason);
        }
    }
    findings.report("watch", missing)
}

/// Finds changes that nobody wrote, that failed, or that had not begun.
fn look_at_values(findings: &mut Findings<'_>, changes: &Changes) {
    for watcher in &changes.watchers {
        for change in &watcher.log {
            let value = &change.value;
            let watch = findings.operation(change.place);
            match changes.writes_of(value) {
                [] => {
                    let (name, text, mut proof) = match changes.failed.get(value) {
                        Some(write) => (
                            AnomalyName::G1a,
                            format!(
                                "{watch} saw {value}, though the write of it failed: {}.",
                                findings.operation(*write)
                            ),
                            vec![*write],
                        ),
                        None => (
                            AnomalyName::PhantomRead,
                            format!("{watch} saw {value}, which nobody wrote."),
                            Vec::new(),
                        ),
                    };
                    proof.push(change.place);
                    findings.add(name, text, &proof);
                }
                writes => {
                    let ended = findings.history.operations[change.place as usize].complete;
                    if writes.iter().all(|write| write.invoke > ended) {
                        let text = format!("{watch} saw {value}, whose write began only later.");
                        let proof = [change.place, writes[0].place];
                        findings.add(AnomalyName::ReadFromTheFuture, text, &proof);
                    }
                }
            }
        }
    }
}

/// Finds two changes whose order contradicts that of their writes. Given values in the order of
/// changes; those that were written several times say nothing.
fn real_time(findings: &mut Findings<'_>, changes: &Changes, order: &[Value]) {
    let mut latest: Option<&changes::Write> = None;
    for value in order {
        let [write] = changes.writes_of(value) else {
            continue;
        };
        if let Some(before) = latest.filter(|before| write.complete < before.invoke) {
            let text = format!(
                "watchers saw the change to {} before that to {value}, but {} had ended before {} began.",
                before.value,
                findings.operation(write.place),
                findings.operation(before.place),
            );
            let proof = [write.place, before.place];
            findings.add(AnomalyName::ChangesOutOfOrder, text, &proof);
        }
        if latest.is_none_or(|before| before.invoke < write.invoke) {
            latest = Some(write);
        }
    }
}

/// Finds what a final watch did not show; says what nobody saw.
fn last_ones(findings: &mut Findings<'_>, changes: &Changes) -> Option<String> {
    let unseen: Vec<Value> = changes
        .writes
        .iter()
        .filter(|write| write.complete != NEVER && !changes.is_seen(&write.value))
        .map(|write| write.value.clone())
        .collect();
    findings.detail("acknowledged_but_never_seen", unseen.len());
    for watcher in &changes.watchers {
        let Some(last) = watcher.final_watch else {
            continue;
        };
        let begun = findings.history.operations[last as usize].invoke;
        let missed = changes.writes.iter().find(|write| {
            write.complete < begun
                && changes.is_seen(&write.value)
                && !watcher.may_have_begun_after(write)
                && !watcher.has_seen(&write.value)
        });
        if let Some(write) = missed {
            let text = format!(
                "{} ended without the change to {}, which others saw: {}.",
                findings.operation(last),
                write.value,
                findings.operation(write.place),
            );
            findings.add(AnomalyName::SkippedChange, text, &[write.place, last]);
        }
    }
    (!unseen.is_empty()).then(|| {
        format!(
            "{} acknowledged change(s) were never seen by any watcher, which may only have stopped too early: {}",
            unseen.len(),
            listed(&unseen),
        )
    })
}

/// A watcher in words.
fn who(watcher: &Watcher) -> String {
    format!("the watcher of process {}", watcher.process)
}
