//! Expressions evaluated on a row.
//!
//! A condition is true, false, or unknown (`null`): what is compared with a missing value is neither equal
//! nor different.

use std::cmp::Ordering;

use crate::ast::Operator;
use crate::check::{Node, like_pattern};
use crate::functions::{self, Function};
use crate::row::Row;
use crate::value::Value;
use crate::wrong::Wrong;

/// More arguments than this are gathered in memory of their own.
const FEW: usize = 3;

pub(crate) fn evaluate<'a>(node: &'a Node, row: &Row<'a, '_>) -> Result<Value<'a>, Wrong> {
    match node {
        Node::Constant(value) => Ok(borrowed(value)),
        Node::Column(index, kind) => Ok(Value::read(*kind, row.cell(*index))),
        Node::Negate(at, inner) => match evaluate(inner, row)? {
            Value::Integer(number) => match number.checked_neg() {
                Some(number) => Ok(Value::Integer(number)),
                None => Err(too_large(*at)),
            },
            Value::Float(number) => Ok(Value::Float(-number)),
            _ => Ok(Value::Null),
        },
        Node::Arithmetic(at, operator, one, other) => {
            let (one, other) = (evaluate(one, row)?, evaluate(other, row)?);
            arithmetic(*at, *operator, &one, &other)
        }
        Node::Call(at, function, arguments) => call(*at, *function, arguments, row),
        condition => Ok(match truth(condition, row)? {
            Some(value) => Value::Bool(value),
            None => Value::Null,
        }),
    }
}

/// Whether a condition holds of the row; `None` if that is not known.
pub(crate) fn truth<'a>(node: &'a Node, row: &Row<'a, '_>) -> Result<Option<bool>, Wrong> {
    match node {
        Node::Not(inner) => Ok(truth(inner, row)?.map(|value| !value)),
        Node::And(parts) => all(parts, row),
        Node::Or(parts) => {
            let mut unknown = false;
            for part in parts {
                match truth(part, row)? {
                    Some(true) => return Ok(Some(true)),
                    Some(false) => {}
                    None => unknown = true,
                }
            }
            Ok((!unknown).then_some(false))
        }
        Node::Xor(one, other) => {
            let (one, other) = (truth(one, row)?, truth(other, row)?);
            Ok(one.zip(other).map(|(one, other)| one != other))
        }
        Node::Compare(comparison, one, other) => {
            let ordering = compare(&evaluate(one, row)?, &evaluate(other, row)?);
            Ok(ordering.map(|ordering| comparison.holds(ordering)))
        }
        Node::IsNull(inner) => Ok(Some(evaluate(inner, row)? == Value::Null)),
        Node::In(inner, list) => {
            let value = evaluate(inner, row)?;
            let mut unknown = value == Value::Null;
            for other in list {
                match compare(&value, &evaluate(other, row)?) {
                    Some(Ordering::Equal) => return Ok(Some(true)),
                    Some(_) => {}
                    None => unknown = true,
                }
            }
            Ok((!unknown).then_some(false))
        }
        Node::Between(inner, low, high) => {
            let value = evaluate(inner, row)?;
            let from = compare(&value, &evaluate(low, row)?).map(Ordering::is_ge);
            let to = compare(&value, &evaluate(high, row)?).map(Ordering::is_le);
            Ok(match (from, to) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            })
        }
        Node::Like(text, pattern) => Ok(match evaluate(text, row)? {
            Value::Text(text) => Some(pattern.matches(&text)),
            _ => None,
        }),
        Node::LikeOf {
            at,
            text,
            pattern,
            escape,
        } => {
            let (text, pattern) = (evaluate(text, row)?, evaluate(pattern, row)?);
            let escape = match escape {
                None => None,
                Some(escape) => Some(evaluate(escape, row)?),
            };
            let escape = match &escape {
                None => None,
                Some(Value::Text(escape)) => Some(&**escape),
                Some(_) => return Ok(None),
            };
            let (Value::Text(text), Value::Text(pattern)) = (text, pattern) else {
                return Ok(None);
            };
            let pattern = like_pattern(*at, &pattern, escape)?;
            Ok(Some(pattern.matches(&text)))
        }
        value => Ok(match evaluate(value, row)? {
            Value::Bool(value) => Some(value),
            _ => None,
        }),
    }
}

/// Whether all conditions hold; evaluated in order until one does not.
pub(crate) fn all<'a>(parts: &'a [Node], row: &Row<'a, '_>) -> Result<Option<bool>, Wrong> {
    let mut unknown = false;
    for part in parts {
        match truth(part, row)? {
            Some(false) => return Ok(Some(false)),
            Some(true) => {}
            None => unknown = true,
        }
    }
    Ok((!unknown).then_some(true))
}

fn compare(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    one.compare(other)
}

fn borrowed<'a>(value: &'a Value<'static>) -> Value<'a> {
    match value {
        Value::Text(text) => Value::Text((&**text).into()),
        other => other.clone(),
    }
}

fn call<'a>(
    at: usize,
    function: Function,
    arguments: &'a [Node],
    row: &Row<'a, '_>,
) -> Result<Value<'a>, Wrong> {
    if arguments.len() > FEW {
        let values = arguments.iter().map(|argument| evaluate(argument, row));
        return functions::call(at, function, &values.collect::<Result<Vec<_>, _>>()?);
    }
    let mut values = [const { Value::Null }; FEW];
    for (value, argument) in values.iter_mut().zip(arguments) {
        *value = evaluate(argument, row)?;
    }
    functions::call(at, function, &values[..arguments.len()])
}

fn arithmetic(
    at: usize,
    operator: Operator,
    one: &Value<'_>,
    other: &Value<'_>,
) -> Result<Value<'static>, Wrong> {
    if let (Value::Integer(one), Value::Integer(other)) = (one, other) {
        let by_zero = matches!(operator, Operator::Divide | Operator::Remainder) && *other == 0;
        if by_zero {
            return Err(Wrong::value(at, "a whole number is divided by 0"));
        }
        let result = match operator {
            Operator::Add => one.checked_add(*other),
            Operator::Subtract => one.checked_sub(*other),
            Operator::Multiply => one.checked_mul(*other),
            Operator::Divide => one.checked_div(*other),
            Operator::Remainder => one.checked_rem(*other),
        };
        return result.map(Value::Integer).ok_or_else(|| too_large(at));
    }
    let Some((one, other)) = one.as_f64().zip(other.as_f64()) else {
        return Ok(Value::Null);
    };
    Ok(Value::Float(match operator {
        Operator::Add => one + other,
        Operator::Subtract => one - other,
        Operator::Multiply => one * other,
        Operator::Divide => one / other,
        Operator::Remainder => one % other,
    }))
}

fn too_large(at: usize) -> Wrong {
    Wrong::value(at, "the result is too large for a LONG")
}
