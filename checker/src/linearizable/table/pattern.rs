//! What a table says of an argument or a result.

use crate::value::Value;

/// A value, or anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// `"*"`, or nothing said.
    Any,
    /// This value.
    Exact(Value),
    /// A list whose elements are like these.
    List(Vec<Pattern>),
}

impl Pattern {
    pub(super) fn of(value: &Value) -> Pattern {
        match value {
            Value::Text(text) if text == "*" => Pattern::Any,
            Value::List(elements) => Pattern::List(elements.iter().map(Pattern::of).collect()),
            other => Pattern::Exact(other.clone()),
        }
    }

    pub(super) fn matches(&self, value: &Value) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Exact(expected) => same(expected, value),
            Pattern::List(patterns) => match value {
                Value::List(elements) => {
                    patterns.len() == elements.len()
                        && patterns.iter().zip(elements).all(|(p, e)| p.matches(e))
                }
                _ => false,
            },
        }
    }

    /// Whether some value is like both.
    pub(super) fn overlaps(&self, other: &Pattern) -> bool {
        match (self, other) {
            (Pattern::Any, _) | (_, Pattern::Any) => true,
            (Pattern::Exact(one), Pattern::Exact(other)) => same(one, other) || same(other, one),
            (Pattern::List(one), Pattern::List(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(o, p)| o.overlaps(p))
            }
            _ => false,
        }
    }
}

/// Whether the value is the expected one: a text is the same as a keyword, and `"nil"` is nothing.
fn same(expected: &Value, value: &Value) -> bool {
    match (expected.as_text(), value) {
        (Some("nil"), Value::Nil) => true,
        (Some(text), value) => value.as_text() == Some(text),
        (None, value) => {
            expected == value || *expected == Value::Nil && value.as_text() == Some("nil")
        }
    }
}
