//! A report as text.

use crate::report::{NO_MODEL, Report, Role, Short, Verdict};
use std::fmt::Write;
use std::time::Duration;

/// One line: the file, the verdict, and what it stands on.
pub fn line(file: &str, report: &Report, elapsed: Duration) -> String {
    let mut line = format!(
        "{file}: {} ({}{}, {}",
        report.verdict,
        report.model,
        if report.guessed.is_some() && report.model != NO_MODEL {
            " as guessed"
        } else {
            ""
        },
        operations(report.operations)
    );
    if report.keys > 1 {
        let _ = write!(line, " on {} keys", report.keys);
    }
    let _ = write!(line, ", {:.1} ms)", elapsed.as_secs_f64() * 1e3);
    match &report.verdict {
        Verdict::Valid(_) => {}
        Verdict::Invalid(anomalies) => {
            let mut names: Vec<&str> = anomalies
                .iter()
                .map(|anomaly| anomaly.name.as_str())
                .collect();
            names.dedup();
            let _ = write!(line, ": {}", names.join(", "));
        }
        Verdict::Unknown(unknown) => {
            let _ = write!(line, ": {}", unknown.reason);
        }
    }
    line
}

/// The whole explanation, without the line.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let out = &mut text;
    if let Some(reason) = &report.guessed
        && !matches!(&report.verdict, Verdict::Unknown(unknown) if unknown.reason == *reason)
    {
        let _ = writeln!(
            out,
            "The model is guessed to be {}, since {reason}; to name another, say --model.",
            report.model
        );
    }
    match &report.verdict {
        Verdict::Valid(witness) => {
            let ordered = witness.ordered();
            if ordered > 0 {
                let _ = writeln!(
                    out,
                    "\nAn order of {} explains every result; it was validated independently.",
                    operations(ordered)
                );
            }
        }
        Verdict::Invalid(anomalies) => {
            if report.violations.count > 0 {
                let _ = writeln!(out, "\n{}.", report.violations);
            }
            for (number, anomaly) in anomalies.iter().enumerate() {
                let key = anomaly.key.as_ref().map(|key| format!(" on key {key}"));
                let key = key.unwrap_or_default();
                let _ = writeln!(out, "\n{}. {}{key}", number + 1, anomaly.name);
                let _ = writeln!(out, "   {}", anomaly.text);
                if !anomaly.operations.is_empty() {
                    let _ = writeln!(out, "   The operations that prove it:");
                }
                for operation in &anomaly.operations {
                    let mark = if operation.role == Role::Proof {
                        '*'
                    } else {
                        ' '
                    };
                    let _ = writeln!(out, "   {mark} {operation}");
                }
                if anomaly.operations_omitted > 0 {
                    let _ = writeln!(out, "     and {} more", anomaly.operations_omitted);
                }
                if anomaly
                    .operations
                    .iter()
                    .any(|operation| operation.role == Role::Source)
                {
                    let _ = writeln!(
                        out,
                        "   (* how it ended matters; the others only wrote values that were seen)"
                    );
                }
            }
        }
        Verdict::Unknown(unknown) => {
            let key = unknown.key.as_ref().map(|key| format!(" (key {key})"));
            let _ = writeln!(
                out,
                "\nNot decided{}: {}.",
                key.unwrap_or_default(),
                unknown.reason
            );
            if let Some(explained) = unknown.explained {
                let _ = writeln!(
                    out,
                    "Some order explains the first {explained} completions."
                );
            }
            if let Some(operation) = &unknown.stopped_at {
                let _ = writeln!(out, "The search stood at {operation}.");
            }
            if unknown.keys_undecided > 1 {
                let _ = writeln!(out, "{} keys are undecided.", unknown.keys_undecided);
            }
        }
    }
    if report.must_have_happened.count > 0 {
        let _ = writeln!(
            out,
            "\n{} operation(s) of unknown outcome must have happened, since others saw their effect; the first: {}.",
            report.must_have_happened.count, report.must_have_happened.operations[0]
        );
    }
    stats(out, report);
    for warning in &report.warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    for problem in &report.problems {
        let _ = writeln!(out, "warning: event {}: {}", problem.event, problem.text);
    }
    for (name, value) in &report.details {
        if name != "tolerated_anomalies" {
            let value = crate::value::Value::from(value);
            let _ = writeln!(out, "{}: {}", name.replace('_', " "), Short(&value));
        }
    }
    text
}

/// How the operations of each name ended.
fn stats(out: &mut String, report: &Report) {
    if report.stats.is_empty() {
        return;
    }
    let name = |name: &str| match name {
        "" => "(no name)".to_owned(),
        name => name.to_owned(),
    };
    let width = report.stats.keys().map(|key| name(key).chars().count());
    let width = width.max().unwrap_or(0).max("operation".len());
    let _ = writeln!(
        out,
        "\n{:width$}  {:>9}  {:>9}  {:>9}",
        "operation", "ok", "fail", "unknown"
    );
    for (key, counts) in &report.stats {
        let _ = writeln!(
            out,
            "{:width$}  {:>9}  {:>9}  {:>9}",
            name(key),
            counts.ok,
            counts.fail,
            counts.unknown
        );
    }
}

fn operations(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} operation{plural}")
}
