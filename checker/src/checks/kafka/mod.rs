//! Logs in the manner of Kafka: producers send, consumers poll.
//!
//! Operations, as in Jepsen's workload `kafka` (a key is one partition of a topic):
//!
//! - `send`: `[[:send key value] …]`, which returns `[[:send key [offset value]] …]`, or the value
//!   alone where the offset is not known;
//! - `poll`: `[[:poll] …]`, which returns `[[:poll {key [[offset value] …]}] …]`;
//! - `assign` and `subscribe`: `[key …]`; `crash` and `debug-topic-partitions` say nothing;
//! - `txn`: both kinds of steps. They are judged step by step; cycles of transactions are not looked
//!   for, so that a history with transactions of several steps is never called valid.
//!
//! Each value is sent once. What is found has the names that it has there:
//!
//! | name | what |
//! | --- | --- |
//! | inconsistent offsets | two values at one offset |
//! | duplicate element | one value at two offsets |
//! | lost write | an acknowledged message that nobody polled, though somebody polled beyond it |
//! | poll skip, nonmonotonic poll | from one poll of a consumer to its next, messages are left out, or come again |
//! | internal poll skip, internal nonmonotonic poll | the same within one operation |
//! | nonmonotonic send, internal nonmonotonic send | of two messages that a producer sent one after the other, the second has the smaller offset |
//! | G1a, phantom read, precommitted read | a polled message whose send failed; that nobody sent; that the transaction itself sent |
//!
//! Differences to Jepsen. Whoever subscribes may be given other partitions at any time: what is
//! skipped or repeated between his steps is counted, not judged. After an `assign`, a consumer may
//! begin again, but not skip. Acknowledged messages at the end that nobody polled make the verdict
//! *unknown*, not *invalid*. Messages left out between the sends of one transaction are counted.

mod consumers;
mod logs;
mod producers;
mod steps;

use super::{Findings, each_key, listed};
use crate::history::History;
use crate::judge::{Argument, Known, Model};
use crate::report::Report;
use logs::Logs;
use steps::Step;

/// The model `kafka`.
pub static MODEL: Model = Model {
    name: "kafka",
    help: "Logs with producers and consumers: send, poll, assign, subscribe, txn; nothing lost, duplicated, skipped or reordered",
    operations: &[
        Known::change("send").with_argument(Argument::Free),
        Known::action("poll"),
        Known::action("txn"),
        Known::change("assign").with_argument(Argument::Free),
        Known::change("subscribe").with_argument(Argument::Free),
        Known::change("crash").with_argument(Argument::Free),
        Known::change("debug-topic-partitions").with_argument(Argument::Free),
    ],
    settings: &[],
    guess: Some(|evidence| {
        let is = evidence.has("poll") && evidence.has_any(&["send", "txn"]);
        is.then(|| format!("its operations are {}", evidence.names_in_words()))
    }),
    judge: |history, _| check(history),
};

/// Judges all logs; of tuples of independent objects, those of each object on their own.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    let steps = match steps::read(history, places) {
        Ok(steps) => steps,
        Err(reason) => return findings.report("kafka", Some(reason)),
    };
    let logs = match Logs::of(history, &steps) {
        Ok(logs) => logs,
        Err(reason) => return findings.report("kafka", Some(reason)),
    };
    logs.check(&mut findings, &steps);
    producers::check(&mut findings, &steps, &logs);
    consumers::check(&mut findings, &steps, &logs);
    let unseen = logs.unseen();
    findings.detail("sent", logs.sends.len());
    findings.detail("polled", logs.polled.len());
    findings.detail("acknowledged_but_never_polled", unseen.len());
    let several = steps.iter().find(|operation| {
        let polls = |step: &&Step| matches!(step, Step::Poll(_));
        let count = operation.steps.iter().filter(polls).count();
        count > 0 && count < operation.steps.len()
    });
    let missing = if logs.polled.is_empty() {
        Some("no message was polled, so nothing was checked".to_owned())
    } else if !unseen.is_empty() {
        Some(format!(
            "{} acknowledged message(s) were never polled, nor anything beyond them, so it is not known whether they are lost: {}",
            unseen.len(),
            listed(&unseen),
        ))
    } else {
        several.map(|operation| {
            format!(
                "event {}: a transaction sends and polls; its steps are right, but cycles of transactions are not looked for",
                history.index(history.operations[operation.place as usize].invoke),
            )
        })
    };
    findings.report("kafka", missing)
}
