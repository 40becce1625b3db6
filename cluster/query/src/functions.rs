//! The functions of the language.

use crate::ast::{Expression, Kind};
use crate::check::{Checker, Node, Type, described};
use crate::timestamp::{LAST, Unit, parse_literal};
use crate::types::ColumnType;
use crate::value::Value;
use crate::wrong::{Wrong, shown};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    CharLength,
    Concat,
    Substring,
    Upper,
    Lower,
    Round,
    Floor,
    Ceiling,
    Timestamp,
    TimestampAdd(Unit),
    TimestampDiff(Unit),
    ToTimestampMs,
    ToEpochMs,
    ArrayLength,
    Element,
}

/// Longer texts are not made.
const TEXT_BYTES: usize = 16 << 20;

/// What an argument has to be.
#[derive(Clone, Copy)]
enum Wanted {
    Text,
    Number,
    Integer,
    Time,
    Array,
}

/// Checks a call.
pub(crate) fn check(
    checker: &Checker<'_>,
    at: usize,
    name: &str,
    arguments: &[Expression],
) -> Result<(Node, Type), Wrong> {
    use Wanted::{Array, Integer, Number, Text, Time};
    let upper = name.to_ascii_uppercase();
    let (function, wanted, kind): (Function, &[Wanted], Type) = match upper.as_str() {
        "NOW" => {
            check_count(at, &upper, arguments, 0..=0)?;
            return Ok((Node::Constant(Value::Time(checker.now)), Type::Time));
        }
        "TIMESTAMPADD" | "TIMESTAMP_ADD" | "TIMESTAMPDIFF" | "TIMESTAMP_DIFF" => {
            return with_unit(checker, at, &upper, arguments);
        }
        "CONCAT" => {
            check_count(at, &upper, arguments, 1..=100)?;
            let wanted = vec![Text; arguments.len()];
            let arguments = check_arguments(checker, &upper, arguments, &wanted)?;
            return Ok((Node::Call(at, Function::Concat, arguments), Type::Text));
        }
        "ELEMENT" => {
            check_count(at, &upper, arguments, 2..=2)?;
            let nodes = check_arguments(checker, &upper, arguments, &[Integer, Array])?;
            let kind = match nodes[1] {
                Node::Column(_, ColumnType { scalar, .. }) => Type::of(ColumnType {
                    scalar,
                    array: false,
                }),
                _ => Type::Null,
            };
            return Ok((Node::Call(at, Function::Element, nodes), kind));
        }
        "CHAR_LENGTH" => (Function::CharLength, &[Text], Type::Integer),
        "SUBSTRING" => (Function::Substring, &[Text, Integer, Integer], Type::Text),
        "UPPER" => (Function::Upper, &[Text], Type::Text),
        "LOWER" => (Function::Lower, &[Text], Type::Text),
        "ROUND" => (Function::Round, &[Number], Type::Float),
        "FLOOR" => (Function::Floor, &[Number], Type::Float),
        "CEILING" => (Function::Ceiling, &[Number], Type::Float),
        "TIMESTAMP" => (Function::Timestamp, &[Text], Type::Time),
        "TO_TIMESTAMP_MS" => (Function::ToTimestampMs, &[Integer], Type::Time),
        "TO_EPOCH_MS" => (Function::ToEpochMs, &[Time], Type::Integer),
        "ARRAY_LENGTH" => (Function::ArrayLength, &[Array], Type::Integer),
        _ => return Err(unknown(at, name)),
    };
    let least = match function {
        Function::Substring => 2,
        _ => wanted.len(),
    };
    check_count(at, &upper, arguments, least..=wanted.len())?;
    let arguments = check_arguments(checker, &upper, arguments, wanted)?;
    Ok((Node::Call(at, function, arguments), kind))
}

fn unknown(at: usize, name: &str) -> Wrong {
    let upper = name.to_ascii_uppercase();
    let what = if upper.starts_with("ST_") {
        format!("{upper} is not offered: geometries are stored and given back, not computed with")
    } else if ["MAX", "MIN", "COUNT", "SUM", "AVG", "VARIANCE", "STDDEV"].contains(&&*upper)
        || upper.starts_with("TIME_")
    {
        format!("{upper} stands after SELECT, not in a condition")
    } else {
        format!("there is no function {}", shown(name))
    };
    Wrong::name(at, what)
}

fn check_count(
    at: usize,
    name: &str,
    arguments: &[Expression],
    count: std::ops::RangeInclusive<usize>,
) -> Result<(), Wrong> {
    if count.contains(&arguments.len()) {
        return Ok(());
    }
    let (least, most) = count.into_inner();
    let expected = match (least, most) {
        (0, 0) => "no arguments".to_owned(),
        (1, 1) => "one argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    let what = format!("{name} takes {expected}, not {}", arguments.len());
    Err(Wrong::kind(at, what))
}

fn check_arguments(
    checker: &Checker<'_>,
    name: &str,
    arguments: &[Expression],
    wanted: &[Wanted],
) -> Result<Vec<Node>, Wrong> {
    let checked = arguments.iter().zip(wanted).map(|(argument, wanted)| {
        let (node, kind) = checker.expression(argument)?;
        let (fits, expected) = match wanted {
            Wanted::Text => (kind == Type::Text, "a STRING"),
            Wanted::Number => (kind.is_number(), "a number"),
            Wanted::Integer => (kind == Type::Integer, "a whole number"),
            Wanted::Time => (kind == Type::Time, "a TIMESTAMP"),
            Wanted::Array => (matches!(kind, Type::Array(_)), "an array"),
        };
        if fits || kind == Type::Null {
            return Ok(node);
        }
        let what = format!(
            "{name} needs {expected} here; {} is {}",
            described(argument),
            if kind == Type::Float {
                "a floating point number"
            } else {
                kind.name()
            }
        );
        Err(Wrong::kind(argument.at, what))
    });
    checked.collect()
}

/// `TIMESTAMPADD(unit, time, amount)` and `TIMESTAMPDIFF(unit, end, begin)`.
fn with_unit(
    checker: &Checker<'_>,
    at: usize,
    name: &str,
    arguments: &[Expression],
) -> Result<(Node, Type), Wrong> {
    check_count(at, name, arguments, 3..=3)?;
    let unit = unit(&arguments[0])?;
    let is_sum = name.ends_with("ADD");
    let (function, wanted, kind) = if is_sum {
        (
            Function::TimestampAdd(unit),
            [Wanted::Time, Wanted::Integer],
            Type::Time,
        )
    } else {
        (
            Function::TimestampDiff(unit),
            [Wanted::Time, Wanted::Time],
            Type::Integer,
        )
    };
    let arguments = check_arguments(checker, name, &arguments[1..], &wanted)?;
    Ok((Node::Call(at, function, arguments), kind))
}

/// A unit of time, which is written like a column.
pub(crate) fn unit(argument: &Expression) -> Result<Unit, Wrong> {
    let found = match &argument.kind {
        Kind::Name(name) => Unit::parse(name),
        _ => None,
    };
    let expected = "expected YEAR, MONTH, DAY, HOUR, MINUTE, SECOND or MILLISECOND";
    found.ok_or_else(|| Wrong::kind(argument.at, expected))
}

/// Calls a function. If an argument is missing, so is the result, except that CONCAT leaves it out.
pub(crate) fn call<'a>(
    at: usize,
    function: Function,
    arguments: &[Value<'a>],
) -> Result<Value<'a>, Wrong> {
    let too_far = || Wrong::value(at, "the time has no year of four digits");
    if function == Function::Concat {
        let texts = arguments.iter().map(|argument| match argument {
            Value::Text(text) => &**text,
            _ => "",
        });
        // A text may stand there many times.
        if texts.clone().map(str::len).sum::<usize>() > TEXT_BYTES {
            let what = format!("the text is longer than {} MiB", TEXT_BYTES >> 20);
            return Err(Wrong::value(at, what));
        }
        return Ok(Value::Text(texts.collect::<String>().into()));
    }
    Ok(match (function, arguments) {
        (Function::CharLength, [Value::Text(text)]) => count(text.chars().count()),
        (Function::Substring, [Value::Text(text), Value::Integer(start), length @ ..]) => {
            let length = match length {
                [] => None,
                [Value::Integer(length)] => Some(*length),
                _ => return Ok(Value::Null),
            };
            Value::Text(substring(at, text, *start, length)?.into())
        }
        (Function::Upper, [Value::Text(text)]) => Value::Text(text.to_ascii_uppercase().into()),
        (Function::Lower, [Value::Text(text)]) => Value::Text(text.to_ascii_lowercase().into()),
        (Function::Round, [number]) => rounded(number, f64::round),
        (Function::Floor, [number]) => rounded(number, f64::floor),
        (Function::Ceiling, [number]) => rounded(number, f64::ceil),
        (Function::Timestamp, [Value::Text(text)]) => {
            let what = || {
                format!(
                    "'{}' is no time like '2026-01-31T23:59:59.999Z'",
                    shown(text)
                )
            };
            let time = parse_literal(text).ok_or_else(|| Wrong::kind(at, what()))?;
            Value::Time(time)
        }
        (Function::TimestampAdd(unit), [Value::Time(time), Value::Integer(amount)]) => {
            Value::Time(unit.add(*time, *amount).ok_or_else(too_far)?)
        }
        (Function::TimestampDiff(unit), [Value::Time(end), Value::Time(begin)]) => {
            Value::Integer(unit.between(*begin, *end))
        }
        (Function::ToTimestampMs, [Value::Integer(number)]) => {
            if !(0..=LAST).contains(number) {
                let what = format!("{number} milliseconds since 1970 are no TIMESTAMP");
                return Err(Wrong::value(at, what));
            }
            Value::Time(*number)
        }
        (Function::ToEpochMs, [Value::Time(time)]) => Value::Integer(*time),
        (Function::ArrayLength, [Value::Array(array)]) => count(array.len()),
        (Function::Element, [Value::Integer(place), Value::Array(array)]) => {
            let found = usize::try_from(*place)
                .ok()
                .and_then(|place| array.element(place));
            found.ok_or_else(|| {
                let length = array.len();
                let what = format!(
                    "ELEMENT({place}, …) of an array of {length} elements, which count from 0; \
                     ARRAY_LENGTH before AND keeps such rows out"
                );
                Wrong::value(at, what)
            })?
        }
        _ => Value::Null,
    })
}

fn count(number: usize) -> Value<'static> {
    Value::Integer(i64::try_from(number).expect("it fits into memory"))
}

fn rounded(number: &Value<'_>, round: impl Fn(f64) -> f64) -> Value<'static> {
    match number {
        // A whole number is what it is, and may be too large to be a DOUBLE exactly.
        Value::Integer(number) => Value::Integer(*number),
        Value::Float(number) => Value::Float(round(*number)),
        _ => Value::Null,
    }
}

/// The first character is at 1; what lies outside of the text is left out.
fn substring(at: usize, text: &str, start: i64, length: Option<i64>) -> Result<String, Wrong> {
    if start < 1 || length.is_some_and(|length| length < 0) {
        let what = "SUBSTRING starts at 1 or later, and its length is 0 or more";
        return Err(Wrong::value(at, what));
    }
    let skipped = usize::try_from(start - 1).unwrap_or(usize::MAX);
    let length = length.map_or(usize::MAX, |length| {
        usize::try_from(length).unwrap_or(usize::MAX)
    });
    Ok(text.chars().skip(skipped).take(length).collect())
}
