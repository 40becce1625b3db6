//! Echoes: what was sent comes back.
//!
//! Operations: `echo` a value, which returns it. A map with an entry `echo`, as Maelstrom records
//! the whole answer, returns that entry.

use super::{Findings, each_key, named_of, succeeded};
use crate::anomaly::AnomalyName;
use crate::history::{Datum, History};
use crate::judge::{Known, Model};
use crate::report::Report;

/// The model `echo`.
pub static MODEL: Model = Model {
    name: "echo",
    help: "What was sent comes back: echo",
    operations: &[Known::action("echo")],
    settings: &[],
    guess: Some(|evidence| {
        evidence
            .has("echo")
            .then(|| "its operations are echo".to_owned())
    }),
    judge: |history, _| check(history),
};

/// Judges all echoes, each key on its own.
pub fn check(history: &History) -> Report {
    each_key(history, |places| check_key(history, places))
}

fn check_key(history: &History, places: &[u32]) -> Report {
    let mut findings = Findings::new(history);
    let mut returned = 0;
    for (place, echo) in named_of(history, places, "echo").filter(|(_, echo)| succeeded(echo)) {
        returned += 1;
        if !echo.asked {
            findings.not_read(format!(
                "event {}: it is not known what this echo sent: its invocation has no value",
                history.index(echo.invoke)
            ));
            continue;
        }
        if echo.result == echo.argument && echo.answered {
            continue;
        }
        let (sent, came) = (history.value(echo.argument), history.value(echo.result));
        if came.get("echo") == Some(&sent) {
            continue;
        }
        let came = match (echo.answered, echo.result) {
            (false, Datum::NIL) => "nothing".to_owned(),
            _ => came.get("echo").unwrap_or(&came).to_string(),
        };
        let text = format!(
            "{} sent {sent}, and {came} came back.",
            findings.operation(place)
        );
        findings.add(AnomalyName::WrongEcho, text, &[place]);
    }
    findings.detail("returned", returned);
    let missing = (returned == 0).then(|| "no echo came back, so nothing was checked".to_owned());
    findings.report("echo", missing)
}
