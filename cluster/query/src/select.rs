//! Statements of TQL, checked against a container.

use crate::aggregate::Aggregate;
use crate::ast::{Argument, Kind, Named, Selection, Statement};
use crate::check::{Checker, Node, described};
use crate::condition::{Condition, SortedBy, check_order};
use crate::functions;
use crate::parse;
use crate::types::{Column, ScalarType};
use crate::value::Value;
use crate::wrong::{Wrong, shown};

/// What a statement is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// The container's name.
    pub name: &'a str,
    /// Its columns.
    pub columns: &'a [Column],
    /// Whether it is a time series: its first column is the time, in whose order the rows are.
    pub is_time_series: bool,
    /// What `NOW()` is: milliseconds since 1970.
    pub now: i64,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// Whether it asks how it would be done (`EXPLAIN`), or how it was (`EXPLAIN ANALYZE`).
    pub explain: Option<Explain>,
    /// What is made of the rows.
    pub what: What,
    /// Of which rows.
    pub condition: Condition,
    /// In which order; none is asked for if it is empty.
    pub order: Vec<SortedBy>,
    /// How many at most.
    pub limit: Option<u64>,
    /// After so many others.
    pub offset: u64,
}

/// What is asked about a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// How it would be done.
    Plan,
    /// How it was done.
    Analyze,
}

/// What is made of the rows for which the condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// They themselves.
    Rows,
    /// One value of a column of theirs; of COUNT, of the rows.
    Aggregate(Aggregate, Option<usize>),
    /// The row at a time, or next to it.
    Near(Near, i64),
    /// The row at a time, a column of which is interpolated if there is none.
    Interpolated {
        /// The column.
        column: usize,
        /// The time.
        time: i64,
    },
    /// Rows at regular times.
    Sampling(Sampling),
    /// Those with the greatest or the least value of a column.
    Extreme {
        /// Whether the greatest.
        greatest: bool,
        /// The column.
        column: usize,
    },
}

/// Which row near a time is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Near {
    /// Whether the one after the time, and not the one before it.
    pub after: bool,
    /// Whether one at that very time will do.
    pub or_at: bool,
}

/// Rows at regular times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// The column that is interpolated; without one, all values are those of the row before.
    pub column: Option<usize>,
    /// The first time.
    pub from: i64,
    /// No time is after this.
    pub to: i64,
    /// From one time to the next, in milliseconds.
    pub step: i64,
}

impl Sampling {
    /// More times are refused.
    const LIMIT: i64 = 1_000_000;

    /// The times.
    pub fn times(self) -> impl Iterator<Item = i64> {
        let mut next = Some(self.from);
        std::iter::from_fn(move || {
            let time = next.filter(|time| *time <= self.to)?;
            next = time.checked_add(self.step);
            Some(time)
        })
    }
}

impl Select {
    /// Reads a statement.
    ///
    /// # Errors
    /// When the text is none, or does not fit the container.
    pub fn parse(text: &str, container: &Container<'_>) -> Result<Self, Wrong> {
        let statement = parse::statement(text)?;
        if let Some(from) = &statement.from
            && !from.name.eq_ignore_ascii_case(container.name)
        {
            let what = format!(
                "FROM names {}, but the statement is for container {}",
                shown(&from.name),
                shown(container.name)
            );
            return Err(Wrong::name(from.at, what));
        }
        let checker = Checker {
            columns: container.columns,
            now: container.now,
        };
        let condition = match &statement.condition {
            Some(condition) => Condition::check(checker, condition)?,
            None => Condition::default(),
        };
        let Statement {
            explain,
            selection,
            order,
            limit,
            offset,
            ..
        } = statement;
        Ok(Select {
            explain: explain.map(|(_, analyze)| match analyze {
                true => Explain::Analyze,
                false => Explain::Plan,
            }),
            what: match selection {
                Selection::All => What::Rows,
                Selection::Call {
                    function,
                    arguments,
                } => Call {
                    checker,
                    container,
                    function: &function,
                    arguments: &arguments,
                }
                .check()?,
            },
            condition,
            order: check_order(checker, &order)?,
            limit,
            offset,
        })
    }
}

/// A function after SELECT.
struct Call<'a> {
    checker: Checker<'a>,
    container: &'a Container<'a>,
    function: &'a Named,
    arguments: &'a [Argument],
}

impl Call<'_> {
    fn check(&self) -> Result<What, Wrong> {
        let name = self.function.name.to_ascii_uppercase();
        if name.starts_with("TIME_") && !self.container.is_time_series {
            let what = format!("{name} is for time series, and the container is a collection");
            return Err(Wrong::name(self.function.at, what));
        }
        if let Some(aggregate) = Aggregate::parse(&name) {
            return self.aggregate(aggregate, &name);
        }
        let near = |after, or_at| {
            self.count(&name, 2)?;
            self.all(&name)?;
            Ok(What::Near(Near { after, or_at }, self.time(&name, 1)?))
        };
        match name.as_str() {
            "TIME_NEXT" => near(true, true),
            "TIME_NEXT_ONLY" => near(true, false),
            "TIME_PREV" => near(false, true),
            "TIME_PREV_ONLY" => near(false, false),
            "TIME_INTERPOLATED" => {
                self.count(&name, 2)?;
                let column = self.number_column(&name)?;
                let time = self.time(&name, 1)?;
                Ok(What::Interpolated { column, time })
            }
            "TIME_SAMPLING" => self.sampling(&name),
            "MAX_ROWS" | "MIN_ROWS" => {
                self.count(&name, 1)?;
                let column = self.comparable_column(&name)?;
                let greatest = name == "MAX_ROWS";
                Ok(What::Extreme { greatest, column })
            }
            _ => {
                let what = format!("there is no function {} after SELECT", shown(&name));
                Err(Wrong::name(self.function.at, what))
            }
        }
    }

    fn aggregate(&self, aggregate: Aggregate, name: &str) -> Result<What, Wrong> {
        self.count(name, 1)?;
        let column = match aggregate {
            Aggregate::Count => {
                self.all(name)?;
                None
            }
            Aggregate::Max | Aggregate::Min => Some(self.comparable_column(name)?),
            _ => Some(self.number_column(name)?),
        };
        Ok(What::Aggregate(aggregate, column))
    }

    fn sampling(&self, name: &str) -> Result<What, Wrong> {
        self.count(name, 5)?;
        let column = match self.arguments[0] {
            Argument::All(_) => None,
            Argument::Expression(_) => Some(self.number_column(name)?),
        };
        let (from, to) = (self.time(name, 1)?, self.time(name, 2)?);
        let (Argument::Expression(interval), Argument::Expression(unit)) =
            (&self.arguments[3], &self.arguments[4])
        else {
            return Err(self.wrong(3, "its interval is a number and a unit, such as 1, HOUR"));
        };
        let (interval_at, unit_at) = (interval.at, unit.at);
        let interval = match self.checker.expression(interval)?.0 {
            Node::Constant(Value::Integer(interval)) if interval > 0 => interval,
            _ => {
                return Err(Wrong::kind(
                    interval_at,
                    "the interval is a whole number above 0",
                ));
            }
        };
        let unit = functions::unit(unit)?.milliseconds().ok_or_else(|| {
            Wrong::kind(
                unit_at,
                "the unit is DAY, HOUR, MINUTE, SECOND or MILLISECOND",
            )
        })?;
        let Some(step) = interval.checked_mul(unit) else {
            return Err(Wrong::value(interval_at, "the interval is too long"));
        };
        if to.saturating_sub(from) / step >= Sampling::LIMIT {
            let what = format!("these are more than {} times", Sampling::LIMIT);
            return Err(Wrong::value(interval_at, what));
        }
        Ok(What::Sampling(Sampling {
            column,
            from,
            to,
            step,
        }))
    }

    fn count(&self, name: &str, count: usize) -> Result<(), Wrong> {
        if self.arguments.len() == count {
            return Ok(());
        }
        let arguments = if count == 1 { "argument" } else { "arguments" };
        let what = format!(
            "{name} takes {count} {arguments}, not {}",
            self.arguments.len()
        );
        Err(Wrong::kind(self.function.at, what))
    }

    fn wrong(&self, argument: usize, what: impl Into<std::borrow::Cow<'static, str>>) -> Wrong {
        let at = match &self.arguments[argument] {
            Argument::All(at) => *at,
            Argument::Expression(expression) => expression.at,
        };
        Wrong::kind(at, what)
    }

    /// The first argument is `*`.
    fn all(&self, name: &str) -> Result<(), Wrong> {
        match self.arguments[0] {
            Argument::All(_) => Ok(()),
            Argument::Expression(_) => {
                Err(self.wrong(0, format!("the first argument of {name} is *")))
            }
        }
    }

    /// The first argument is a column.
    fn column(&self, name: &str) -> Result<usize, Wrong> {
        match &self.arguments[0] {
            Argument::Expression(expression) => match &expression.kind {
                Kind::Name(column) => self.checker.column(expression.at, column),
                _ => {
                    let shown = described(expression);
                    Err(self.wrong(0, format!("{name} takes a column, not {shown}")))
                }
            },
            Argument::All(_) => Err(self.wrong(0, format!("{name} takes a column, not *"))),
        }
    }

    fn number_column(&self, name: &str) -> Result<usize, Wrong> {
        let column = self.column(name)?;
        let Column { name: of, kind, .. } = &self.checker.columns[column];
        match kind.is_number() {
            true => Ok(column),
            false => Err(self.wrong(
                0,
                format!("{name} is of numbers, and column {of} is {kind}"),
            )),
        }
    }

    fn comparable_column(&self, name: &str) -> Result<usize, Wrong> {
        let column = self.column(name)?;
        let Column { name: of, kind, .. } = &self.checker.columns[column];
        let is_time = kind.scalar == ScalarType::Timestamp && !kind.array;
        match is_time || kind.is_number() {
            true => Ok(column),
            false => Err(self.wrong(
                0,
                format!("{name} is of numbers and times, and column {of} is {kind}"),
            )),
        }
    }

    /// This argument is a time.
    fn time(&self, name: &str, argument: usize) -> Result<i64, Wrong> {
        if let Argument::Expression(expression) = &self.arguments[argument]
            && let Node::Constant(Value::Time(time)) = self.checker.expression(expression)?.0
        {
            return Ok(time);
        }
        let what = format!("{name} takes a time here, TIMESTAMP('2026-01-31T23:59:59.999Z')");
        Err(self.wrong(argument, what))
    }
}

#[cfg(test)]
mod tests;
