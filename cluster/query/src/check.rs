//! Expressions are checked against columns once: names become places, types are compared, and what
//! depends on no row is computed.

use crate::ast::{Comparison, Expression, Kind, Operator};
use crate::evaluate::evaluate;
use crate::functions::{self, Function};
use crate::like::Pattern;
use crate::row::Split;
use crate::types::{Column, ColumnType, ScalarType};
use crate::value::Value;
use crate::wrong::{Wrong, shown};

/// An expression that can be evaluated. Places in the text are kept where a value may turn out wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Constant(Value<'static>),
    Column(usize, ColumnType),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Xor(Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    IsNull(Box<Node>),
    In(Box<Node>, Vec<Node>),
    Between(Box<Node>, Box<Node>, Box<Node>),
    Like(Box<Node>, Pattern),
    /// The pattern, and perhaps the escape character, depend on the row.
    LikeOf {
        at: usize,
        text: Box<Node>,
        pattern: Box<Node>,
        escape: Option<Box<Node>>,
    },
    Negate(usize, Box<Node>),
    Arithmetic(usize, Operator, Box<Node>, Box<Node>),
    Call(usize, Function, Vec<Node>),
}

/// The types of expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Null,
    Bool,
    Integer,
    Float,
    Text,
    Time,
    Array(ScalarType),
    Geometry,
    Blob,
}

impl Type {
    pub(crate) fn of(kind: ColumnType) -> Self {
        match kind.scalar {
            scalar if kind.array => Type::Array(scalar),
            ScalarType::Bool => Type::Bool,
            ScalarType::String => Type::Text,
            ScalarType::Byte | ScalarType::Short | ScalarType::Integer | ScalarType::Long => {
                Type::Integer
            }
            ScalarType::Float | ScalarType::Double => Type::Float,
            ScalarType::Timestamp => Type::Time,
            ScalarType::Geometry => Type::Geometry,
            ScalarType::Blob => Type::Blob,
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Type::Integer | Type::Float | Type::Null)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::Null => "NULL",
            Type::Bool => "BOOL",
            Type::Integer | Type::Float => "a number",
            Type::Text => "STRING",
            Type::Time => "TIMESTAMP",
            Type::Array(_) => "an array",
            Type::Geometry => "GEOMETRY",
            Type::Blob => "BLOB",
        }
    }

    fn compares_with(self, other: Type) -> bool {
        match (self, other) {
            (Type::Array(_) | Type::Geometry | Type::Blob, _)
            | (_, Type::Array(_) | Type::Geometry | Type::Blob) => false,
            (one, other) => {
                one == other
                    || one == Type::Null
                    || other == Type::Null
                    || one.is_number() && other.is_number()
            }
        }
    }
}

/// What expressions are checked against.
#[derive(Clone, Copy)]
pub(crate) struct Checker<'a> {
    pub(crate) columns: &'a [Column],
    /// What `NOW()` is: milliseconds since 1970.
    pub(crate) now: i64,
}

type Typed = (Node, Type);
type Checked = Result<Typed, Wrong>;

impl Checker<'_> {
    /// The place of a column, whatever its name's case.
    pub(crate) fn column(&self, at: usize, name: &str) -> Result<usize, Wrong> {
        let mut columns = self.columns.iter();
        let found = columns.position(|column| column.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| Wrong::name(at, format!("there is no column {}", shown(name))))
    }

    /// Checks a condition.
    pub(crate) fn condition(&self, expression: &Expression) -> Result<Node, Wrong> {
        self.truth(expression)
    }

    pub(crate) fn expression(&self, expression: &Expression) -> Checked {
        let at = expression.at;
        let (node, kind) = self.unfolded(expression)?;
        let folded = match &node {
            Node::Arithmetic(_, _, one, other) => both_constant(one, other),
            Node::Negate(_, inner) => matches!(**inner, Node::Constant(_)),
            Node::Call(_, _, arguments) => {
                let mut arguments = arguments.iter();
                arguments.all(|argument| matches!(argument, Node::Constant(_)))
            }
            _ => false,
        };
        if !folded {
            return Ok((node, kind));
        }
        let mut split = Split::default();
        let value = match evaluate(&node, &split.row(b"[]", 0))? {
            Value::Text(text) => Value::Text(text.into_owned().into()),
            Value::Bool(value) => Value::Bool(value),
            Value::Integer(number) => Value::Integer(number),
            Value::Float(number) => Value::Float(number),
            Value::Time(time) => Value::Time(time),
            Value::Null => Value::Null,
            Value::Array(_) | Value::Opaque => {
                return Err(Wrong::kind(at, "there is no constant of this type"));
            }
        };
        Ok((Node::Constant(value), kind))
    }

    fn unfolded(&self, expression: &Expression) -> Checked {
        let at = expression.at;
        let constant = |value, kind| Ok((Node::Constant(value), kind));
        match &expression.kind {
            Kind::Null => constant(Value::Null, Type::Null),
            Kind::Bool(value) => constant(Value::Bool(*value), Type::Bool),
            Kind::Integer(number) => constant(Value::Integer(*number), Type::Integer),
            Kind::Float(number) => constant(Value::Float(*number), Type::Float),
            Kind::Text(text) => constant(Value::Text(text.clone().into()), Type::Text),
            Kind::Name(name) => {
                let index = self.column(at, name)?;
                let kind = self.columns[index].kind;
                Ok((Node::Column(index, kind), Type::of(kind)))
            }
            Kind::Not(inner) => {
                let inner = self.truth(inner)?;
                Ok((Node::Not(Box::new(inner)), Type::Bool))
            }
            Kind::And(parts) => Ok((Node::And(self.truths(parts)?), Type::Bool)),
            Kind::Or(parts) => Ok((Node::Or(self.truths(parts)?), Type::Bool)),
            Kind::Xor(one, other) => {
                let (one, other) = (self.truth(one)?, self.truth(other)?);
                Ok((Node::Xor(Box::new(one), Box::new(other)), Type::Bool))
            }
            Kind::Compare(comparison, one, other) => {
                let (left, right) = self.comparable(one, other)?;
                let is_order = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
                if is_order && (left.1 == Type::Bool || right.1 == Type::Bool) {
                    return Err(Wrong::kind(
                        at,
                        "a BOOL is only equal or not equal to another",
                    ));
                }
                let node = Node::Compare(*comparison, Box::new(left.0), Box::new(right.0));
                Ok((node, Type::Bool))
            }
            Kind::IsNull(inner) => {
                let (inner, _) = self.expression(inner)?;
                Ok((Node::IsNull(Box::new(inner)), Type::Bool))
            }
            Kind::In(inner, list) => {
                let of = self.expression(inner)?;
                let values = list.iter().map(|value| {
                    let checked = self.expression(value)?;
                    check_comparable(at, inner, &of, value, &checked)?;
                    Ok(checked.0)
                });
                let values = values.collect::<Result<_, Wrong>>()?;
                Ok((Node::In(Box::new(of.0), values), Type::Bool))
            }
            Kind::Between(inner, low, high) => {
                let of = self.expression(inner)?;
                let bound = |bound: &Expression| {
                    let checked = self.expression(bound)?;
                    check_comparable(at, inner, &of, bound, &checked)?;
                    if of.1 == Type::Bool {
                        return Err(Wrong::kind(at, "a BOOL is not between others"));
                    }
                    Ok(Box::new(checked.0))
                };
                let (low, high) = (bound(low)?, bound(high)?);
                Ok((Node::Between(Box::new(of.0), low, high), Type::Bool))
            }
            Kind::Like {
                text,
                pattern,
                escape,
            } => self.like(at, text, pattern, escape.as_deref()),
            Kind::Negate(inner) => {
                let (node, kind) = self.number(inner)?;
                Ok((Node::Negate(at, Box::new(node)), kind))
            }
            Kind::Arithmetic(operator, one, other) => {
                let ((one, left), (other, right)) = (self.number(one)?, self.number(other)?);
                let kind = match (left, right) {
                    (Type::Float, _) | (_, Type::Float) => Type::Float,
                    _ => Type::Integer,
                };
                if *operator == Operator::Remainder && kind == Type::Float {
                    return Err(Wrong::kind(at, "% is for whole numbers only"));
                }
                let node = Node::Arithmetic(at, *operator, Box::new(one), Box::new(other));
                Ok((node, kind))
            }
            Kind::Call(name, arguments) => functions::check(self, at, name, arguments),
        }
    }

    fn truths(&self, parts: &[Expression]) -> Result<Vec<Node>, Wrong> {
        parts.iter().map(|part| self.truth(part)).collect()
    }

    fn truth(&self, expression: &Expression) -> Result<Node, Wrong> {
        match self.expression(expression)? {
            (node, Type::Bool | Type::Null) => Ok(node),
            (_, other) => Err(Wrong::kind(
                expression.at,
                format!(
                    "expected a condition, which is true or false; {} is {}",
                    described(expression),
                    other.name()
                ),
            )),
        }
    }

    fn number(&self, expression: &Expression) -> Checked {
        match self.expression(expression)? {
            (_, kind) if !kind.is_number() => Err(Wrong::kind(
                expression.at,
                format!(
                    "expected a number; {} is {}",
                    described(expression),
                    kind.name()
                ),
            )),
            checked => Ok(checked),
        }
    }

    fn comparable(&self, one: &Expression, other: &Expression) -> Result<(Typed, Typed), Wrong> {
        let (left, right) = (self.expression(one)?, self.expression(other)?);
        check_comparable(one.at, one, &left, other, &right)?;
        Ok((left, right))
    }

    fn like(
        &self,
        at: usize,
        text: &Expression,
        pattern: &Expression,
        escape: Option<&Expression>,
    ) -> Checked {
        let of_text = |expression: &Expression| match self.expression(expression)? {
            (node, Type::Text | Type::Null) => Ok(node),
            (_, kind) => Err(Wrong::kind(
                expression.at,
                format!(
                    "LIKE compares a STRING with a pattern; {} is {}",
                    described(expression),
                    kind.name()
                ),
            )),
        };
        let (text, pattern) = (of_text(text)?, of_text(pattern)?);
        let escape = escape.map(of_text).transpose()?;
        let constant = match (&pattern, &escape) {
            (Node::Constant(Value::Text(pattern)), None) => Some((pattern, None)),
            (Node::Constant(Value::Text(pattern)), Some(Node::Constant(Value::Text(escape)))) => {
                Some((pattern, Some(escape)))
            }
            _ => None,
        };
        let text = Box::new(text);
        let node = match constant {
            Some((pattern, escape)) => {
                let escape = escape.map(|escape| &**escape);
                Node::Like(text, like_pattern(at, pattern, escape)?)
            }
            None => Node::LikeOf {
                at,
                text,
                pattern: Box::new(pattern),
                escape: escape.map(Box::new),
            },
        };
        Ok((node, Type::Bool))
    }
}

/// Longer patterns are refused: what they cost grows with the length of the text, too.
const PATTERN_BYTES: usize = 1000;

/// A pattern from its text, and from the text of its escape character if it has one.
pub(crate) fn like_pattern(at: usize, text: &str, escape: Option<&str>) -> Result<Pattern, Wrong> {
    let escape = match escape {
        None => None,
        Some(escape) => {
            let mut characters = escape.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => Some(character),
                _ => return Err(Wrong::value(at, "ESCAPE is followed by one character")),
            }
        }
    };
    if text.len() > PATTERN_BYTES {
        let what = format!("the pattern has more than {PATTERN_BYTES} bytes");
        return Err(Wrong::value(at, what));
    }
    let ends = || Wrong::value(at, "the pattern ends with its escape character");
    Pattern::new(text, escape).ok_or_else(ends)
}

fn both_constant(one: &Node, other: &Node) -> bool {
    matches!((one, other), (Node::Constant(_), Node::Constant(_)))
}

fn check_comparable(
    at: usize,
    one: &Expression,
    left: &Typed,
    other: &Expression,
    right: &Typed,
) -> Result<(), Wrong> {
    if left.1.compares_with(right.1) {
        return Ok(());
    }
    let hint = match (left.1, right.1) {
        (Type::Time, Type::Text) | (Type::Text, Type::Time) => {
            "; a time is written TIMESTAMP('2026-01-31T23:59:59.999Z')"
        }
        _ => "",
    };
    let what = format!(
        "{} ({}) and {} ({}) cannot be compared{hint}",
        described(one),
        left.1.name(),
        described(other),
        right.1.name(),
    );
    Err(Wrong::kind(at, what))
}

/// An expression in a message.
pub(crate) fn described(expression: &Expression) -> String {
    match &expression.kind {
        Kind::Name(name) => format!("column {}", shown(name)),
        Kind::Text(text) => format!("'{}'", shown(text)),
        Kind::Integer(number) => number.to_string(),
        Kind::Float(number) => number.to_string(),
        Kind::Null => "NULL".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Call(name, _) => format!("{}(…)", shown(name)),
        _ => "the expression".to_owned(),
    }
}
