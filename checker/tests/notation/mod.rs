//! A short notation of histories: `BEGIN-END PROCESS F VALUE` for each operation, separated by
//! semicolons. Begin and end are milliseconds, all different; `?` is an end that never came, and a
//! `!` after the end says that the operation failed. What a `read`, `dequeue` or `generate` has as
//! its value is its result; it is invoked with nothing. `ARGUMENT -> RESULT` says both.

use kensho_checker::formats::{Format, read};
use kensho_checker::history::History;

pub(crate) fn history(lines: &str) -> History {
    let mut events: Vec<(u64, String)> = Vec::new();
    for line in lines
        .split(';')
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let [span, process, f, value] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let (begin, end) = span.split_once('-').unwrap();
        let begin: u64 = begin.parse().unwrap();
        let (argument, value) = match (value.split_once(" -> "), f) {
            (Some(both), _) => both,
            (None, "read" | "dequeue" | "generate") => ("nil", value),
            (None, _) => (value, value),
        };
        let event = |at: u64, kind: &str, value: &str| {
            let time = at * 1_000_000;
            format!("{{:process {process} :type :{kind} :f :{f} :value {value} :time {time}}}\n")
        };
        events.push((begin, event(begin, "invoke", argument)));
        let (end, kind) = match end.strip_suffix('!') {
            Some(end) => (end, "fail"),
            None => (end, "ok"),
        };
        if end != "?" {
            let end = end.parse().unwrap();
            events.push((end, event(end, kind, value)));
        }
    }
    events.sort();
    let text: String = events.into_iter().map(|(_, event)| event).collect();
    read(text.as_bytes(), Format::Edn).unwrap()
}
