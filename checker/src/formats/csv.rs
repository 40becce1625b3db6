//! Operations as intervals in a plain table: process, f, key, value, result, call_ns, return_ns.
//!
//! The first line names the columns, in any order; only `process`, `f`, `call_ns` and `return_ns`
//! must be there. `value` is what the operation was called with, `result` what it returned, both as
//! EDN or JSON (a word of letters is itself); nothing is nil. A field may stand between quotation
//! marks, which are doubled within it. Without a `return_ns` the outcome is unknown. A further
//! column `type` may say ok, fail or info. The `result` of what failed is what it saw.

use super::beginning::Beginning;
use super::input::Input;
use super::{Definition, ReadError, edn, loose};
use crate::history::{Builder, Clock, NEVER, Outcome, Symbol, Whole, Wholes};
use crate::value::Value;

pub(super) const FORMAT: Definition = Definition {
    name: "csv",
    what: "a table of intervals: process,f,key,value,result,call_ns,return_ns",
    recognise,
    read,
    folder: None,
};

const COLUMNS: [&str; 8] = [
    "process", "f", "key", "value", "result", "call_ns", "return_ns", "type",
];
const PROCESS: usize = 0;
const F: usize = 1;
const KEY: usize = 2;
const VALUE: usize = 3;
const RESULT: usize = 4;
const CALL: usize = 5;
const RETURN: usize = 6;
const TYPE: usize = 7;

fn recognise(beginning: &Beginning<'_>) -> bool {
    let line = String::from_utf8_lossy(beginning.line()).to_ascii_lowercase();
    let names: Vec<&str> = line.split(',').map(|name| name.trim().trim_matches('"')).collect();
    ["process", "f", "call_ns", "return_ns"].iter().all(|name| names.contains(name))
}

fn read(input: &mut Input<'_>, builder: &mut Builder) -> Result<(), ReadError> {
    input.skip_mark()?;
    let mut columns: Option<Vec<usize>> = None;
    let mut wholes = Wholes::default();
    let result = rows(input, builder, &mut columns, &mut wholes);
    wholes.finish(builder, Clock::Nanoseconds);
    result
}

fn rows(
    input: &mut Input<'_>,
    builder: &mut Builder,
    columns: &mut Option<Vec<usize>>,
    wholes: &mut Wholes,
) -> Result<(), ReadError> {
    while let Some((length, consumed)) = input.line()? {
        let text = &input.bytes()[..length];
        let line = std::str::from_utf8(text)
            .map_err(|wrong| input.malformed(wrong.valid_up_to(), "expected UTF-8 text"))?;
        if !line.trim().is_empty() {
            let fields = fields(line).map_err(|what| input.malformed(0, what))?;
            match columns {
                None => *columns = Some(header(&fields).map_err(|what| input.malformed(0, what))?),
                Some(columns) => {
                    let (whole, error) = row(builder, columns, &fields)
                        .map_err(|what| input.malformed(0, what))?;
                    wholes.push(whole, error);
                }
            }
        }
        input.consume(consumed);
    }
    Ok(())
}

/// The fields of a line.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = vec![String::new()];
    let mut letters = line.trim_end_matches('\r').chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        let last = fields.last_mut().expect("there is a first field");
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                last.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if last.trim().is_empty() => {
                last.clear();
                quoted = true;
            }
            ',' if !quoted => fields.push(String::new()),
            other => last.push(other),
        }
    }
    if quoted {
        return Err("a field between quotation marks is never closed".to_owned());
    }
    Ok(fields)
}

/// For each field, which column it is.
fn header(fields: &[String]) -> Result<Vec<usize>, String> {
    let mut columns = Vec::new();
    for field in fields {
        let name = field.trim().to_ascii_lowercase();
        let column = COLUMNS.iter().position(|known| *known == name);
        let column = column.ok_or_else(|| {
            format!("expected a column named {}, not {name:?}", COLUMNS.join(", "))
        })?;
        if columns.contains(&column) {
            return Err(format!("the column {name} stands twice"));
        }
        columns.push(column);
    }
    match [PROCESS, F, CALL, RETURN].iter().find(|needed| !columns.contains(needed)) {
        Some(missing) => Err(format!("expected a column {}", COLUMNS[*missing])),
        None => Ok(columns),
    }
}

fn row(
    builder: &mut Builder,
    columns: &[usize],
    fields: &[String],
) -> Result<(Whole, Option<String>), String> {
    if fields.len() != columns.len() {
        return Err(format!("expected {} fields, not {}", columns.len(), fields.len()));
    }
    let field = |wanted: usize| {
        let at = columns.iter().position(|column| *column == wanted)?;
        Some(fields[at].trim()).filter(|field| !field.is_empty())
    };
    let moment = |column: usize| {
        let text = field(column)?;
        Some(text.parse::<i64>().map_err(|_| {
            format!("expected a whole number of nanoseconds as {}, not {text:?}", COLUMNS[column])
        }))
    };
    let call = moment(CALL).ok_or("expected a call_ns")??;
    let end = moment(RETURN).transpose()?.filter(|end| *end != i64::MAX);
    let outcome = match (field(TYPE).map(str::to_ascii_lowercase).as_deref(), end) {
        (None | Some("ok"), Some(_)) => Outcome::Ok,
        (Some("fail"), Some(_)) => Outcome::Fail,
        (None | Some("info"), _) => Outcome::Unknown,
        (Some("ok" | "fail"), None) => return Err("expected a return_ns of what has ended".to_owned()),
        (Some(other), _) => return Err(format!("expected ok, fail or info as type, not {other:?}")),
    };
    if end.is_some_and(|end| end < call) {
        return Err("it returns before it is called".to_owned());
    }
    let process = field(PROCESS).ok_or("expected a process")?;
    let history = &mut builder.history;
    let value = |text: Option<&str>| text.map_or(Value::Nil, value);
    let (argument, result) = (value(field(VALUE)), value(field(RESULT)));
    // What returned nothing of its own is said to have returned what it was called with.
    let observed = outcome == Outcome::Fail && field(RESULT).is_some();
    let shown = match (outcome, &result) {
        (Outcome::Fail, result) if observed => result,
        (Outcome::Ok, Value::Nil) if field(F) != Some("read") => &argument,
        (Outcome::Ok, result) => result,
        (Outcome::Fail | Outcome::Unknown, _) => &Value::Nil,
    };
    let whole = Whole {
        process: history.intern_process_name(process),
        f: match loose::operation_name(field(F).unwrap_or_default()).as_str() {
            "" => Symbol::NONE,
            f => history.intern_name(f),
        },
        key: match field(KEY) {
            Some(key) => history.intern_key(&Value::from(key)),
            None => NEVER,
        },
        argument: history.intern(&argument),
        result: history.intern(shown),
        observed,
        outcome,
        call,
        end: end.unwrap_or(i64::MAX),
    };
    Ok((whole, None))
}

/// A value in EDN or JSON; what is neither is text.
fn value(text: &str) -> Value {
    match text {
        "null" => Value::Nil,
        text => edn::parse(text.as_bytes()).unwrap_or_else(|_| Value::from(text)),
    }
}
