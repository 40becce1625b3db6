//! Conditions on rows.

use std::ops::Bound;

use crate::ast::{Comparison, Sort};
use crate::check::{Checker, Node};
use crate::evaluate::all;
use crate::parse;
use crate::row::Split;
use crate::types::{Column, ColumnType, ScalarType};
use crate::value::Value;
use crate::wrong::Wrong;

/// A condition that was checked against columns: the parts that all have to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    parts: Vec<Node>,
    /// So many cells of a row are looked at.
    width: usize,
}

/// A range of a column's values.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The least value.
    pub from: Bound<Value<'static>>,
    /// The greatest value.
    pub to: Bound<Value<'static>>,
}

impl Range {
    /// Of all values.
    pub const ALL: Range = Range {
        from: Bound::Unbounded,
        to: Bound::Unbounded,
    };
}

/// A column by which rows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortedBy {
    /// Its place among the columns.
    pub column: usize,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

impl Condition {
    /// The condition that a text states of rows with these columns; `now` is what `NOW()` is, in
    /// milliseconds since 1970.
    ///
    /// # Errors
    /// When the text is no condition, or does not fit the columns.
    pub fn parse(text: &str, columns: &[Column], now: i64) -> Result<Self, Wrong> {
        let expression = parse::condition(text)?;
        Condition::check(Checker { columns, now }, &expression)
    }

    pub(crate) fn check(
        checker: Checker<'_>,
        expression: &crate::ast::Expression,
    ) -> Result<Self, Wrong> {
        let parts = match checker.condition(expression)? {
            Node::And(parts) => parts,
            node => vec![node],
        };
        let mut condition = Condition { parts, width: 0 };
        condition.measure();
        Ok(condition)
    }

    /// Whether it holds of every row.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether it holds of a row.
    ///
    /// # Errors
    /// When a value in it cannot be computed.
    pub fn holds(&self, row: &[u8], split: &mut Split) -> Result<bool, Wrong> {
        if self.parts.is_empty() {
            return Ok(true);
        }
        let row = split.row(row, self.width);
        Ok(all(&self.parts, &row)? == Some(true))
    }

    /// Takes those parts out that say no more than that a column's values lie in a range.
    pub fn take_range(&mut self, column: usize) -> Range {
        let mut range = Range::ALL;
        self.parts.retain(|part| !range.narrow(column, part));
        self.measure();
        range
    }

    fn measure(&mut self) {
        let widths = self.parts.iter().map(width);
        self.width = widths.max().unwrap_or_default();
    }
}

impl Range {
    /// Narrows the range, if `part` is a comparison of the column with a value of its type.
    fn narrow(&mut self, column: usize, part: &Node) -> bool {
        let (comparison, kind, value) = match part {
            Node::Compare(comparison, one, other) => match (&**one, &**other) {
                (Node::Column(index, kind), Node::Constant(value)) if *index == column => {
                    (*comparison, *kind, value)
                }
                (Node::Constant(value), Node::Column(index, kind)) if *index == column => {
                    (comparison.mirrored(), *kind, value)
                }
                _ => return false,
            },
            Node::Between(of, low, high) => {
                let (Node::Column(index, kind), Node::Constant(low), Node::Constant(high)) =
                    (&**of, &**low, &**high)
                else {
                    return false;
                };
                let bounds = of_column(*kind, low).zip(of_column(*kind, high));
                let Some((low, high)) = bounds.filter(|_| *index == column) else {
                    return false;
                };
                self.narrow_from(Bound::Included(low));
                self.narrow_to(Bound::Included(high));
                return true;
            }
            _ => return false,
        };
        let Some(value) = of_column(kind, value) else {
            return false;
        };
        match comparison {
            Comparison::Equal => {
                self.narrow_from(Bound::Included(value.clone()));
                self.narrow_to(Bound::Included(value));
            }
            Comparison::NotEqual => return false,
            Comparison::Less => self.narrow_to(Bound::Excluded(value)),
            Comparison::LessOrEqual => self.narrow_to(Bound::Included(value)),
            Comparison::Greater => self.narrow_from(Bound::Excluded(value)),
            Comparison::GreaterOrEqual => self.narrow_from(Bound::Included(value)),
        }
        true
    }

    fn narrow_from(&mut self, bound: Bound<Value<'static>>) {
        narrow(&mut self.from, bound, std::cmp::Ordering::is_gt);
    }

    fn narrow_to(&mut self, bound: Bound<Value<'static>>) {
        narrow(&mut self.to, bound, std::cmp::Ordering::is_lt);
    }
}

/// Takes the new bound if it is narrower: of two with the same value, the one that excludes it.
fn narrow(
    bound: &mut Bound<Value<'static>>,
    new: Bound<Value<'static>>,
    is_narrower: impl Fn(std::cmp::Ordering) -> bool,
) {
    let value = |bound: &Bound<Value<'static>>| match bound {
        Bound::Included(value) | Bound::Excluded(value) => Some(value.clone()),
        Bound::Unbounded => None,
    };
    let replaces = match (value(bound), value(&new)) {
        (_, None) => false,
        (None, _) => true,
        (Some(old), Some(value)) => {
            let ordering = value.order(&old);
            is_narrower(ordering) || ordering.is_eq() && matches!(new, Bound::Excluded(_))
        }
    };
    if replaces {
        *bound = new;
    }
}

/// A constant as a value of a column's type, so that it can be looked up among such values. What is compared with
/// whole numbers need not be one: such a comparison is left to the evaluation.
fn of_column(kind: ColumnType, value: &Value<'static>) -> Option<Value<'static>> {
    /// Up to here every whole number is a floating point number, too.
    const EXACT: u64 = 1 << 53;
    if !kind.has_order() {
        return None;
    }
    match (kind.scalar, value) {
        (ScalarType::Bool, Value::Bool(_))
        | (ScalarType::String, Value::Text(_))
        | (ScalarType::Timestamp, Value::Time(_)) => Some(value.clone()),
        (ScalarType::Float | ScalarType::Double, Value::Float(number)) => {
            (!number.is_nan()).then(|| value.clone())
        }
        (ScalarType::Float | ScalarType::Double, Value::Integer(number)) => {
            (number.unsigned_abs() <= EXACT).then_some(Value::Float(*number as f64))
        }
        (_, Value::Integer(_)) if kind.is_whole() => Some(value.clone()),
        _ => None,
    }
}

/// How many cells of a row a node looks at.
fn width(node: &Node) -> usize {
    let of_both = |one: &Node, other: &Node| width(one).max(width(other));
    let of_all = |nodes: &[Node]| nodes.iter().map(width).max().unwrap_or_default();
    match node {
        Node::Constant(_) => 0,
        Node::Column(index, _) => index + 1,
        Node::Not(inner) | Node::IsNull(inner) | Node::Like(inner, _) | Node::Negate(_, inner) => {
            width(inner)
        }
        Node::And(parts) | Node::Or(parts) | Node::Call(_, _, parts) => of_all(parts),
        Node::Xor(one, other)
        | Node::Compare(_, one, other)
        | Node::Arithmetic(_, _, one, other) => of_both(one, other),
        Node::In(inner, list) => width(inner).max(of_all(list)),
        Node::Between(of, low, high) => width(of).max(of_both(low, high)),
        Node::LikeOf {
            text,
            pattern,
            escape,
            ..
        } => {
            let escape = escape.as_deref().map_or(0, width);
            of_both(text, pattern).max(escape)
        }
    }
}

/// The columns that a text such as `a desc, b` sorts by.
///
/// # Errors
/// When the text is something else, or there is no such column, or its values have no order.
pub fn sorted_by(text: &str, columns: &[Column]) -> Result<Vec<SortedBy>, Wrong> {
    let checker = Checker { columns, now: 0 };
    check_order(checker, &parse::order(text)?)
}

pub(crate) fn check_order(checker: Checker<'_>, order: &[Sort]) -> Result<Vec<SortedBy>, Wrong> {
    let sorted = order.iter().map(|sort| {
        let at = sort.column.at;
        let column = checker.column(at, &sort.column.name)?;
        let kind = checker.columns[column].kind;
        if kind.array || !kind.has_order() {
            let name = &checker.columns[column].name;
            let what = format!("rows cannot be sorted by column {name}, which is {kind}");
            return Err(Wrong::kind(at, what));
        }
        let descending = sort.descending;
        Ok(SortedBy { column, descending })
    });
    sorted.collect()
}

#[cfg(test)]
mod tests;
