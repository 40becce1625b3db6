//! Aggregates: one value of many rows.

use crate::types::{ColumnType, ScalarType};
use crate::value::Value;

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// The greatest value.
    Max,
    /// The least value.
    Min,
    /// How many rows.
    Count,
    /// The sum.
    Sum,
    /// The mean.
    Avg,
    /// The mean square of the distance from the mean, of all values (not of a sample).
    Variance,
    /// The square root of that.
    Stddev,
    /// The mean, each value weighted with the time for which it is the nearest one.
    TimeAvg,
}

impl Aggregate {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let names = [
            ("MAX", Aggregate::Max),
            ("MIN", Aggregate::Min),
            ("COUNT", Aggregate::Count),
            ("SUM", Aggregate::Sum),
            ("AVG", Aggregate::Avg),
            ("VARIANCE", Aggregate::Variance),
            ("STDDEV", Aggregate::Stddev),
            ("TIME_AVG", Aggregate::TimeAvg),
        ];
        let mut names = names.iter();
        let found = names.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, aggregate)| *aggregate)
    }

    /// The type of the result, for a column of this type.
    #[must_use]
    pub fn result(self, column: Option<ColumnType>) -> ColumnType {
        let scalar = |scalar| ColumnType {
            scalar,
            array: false,
        };
        match (self, column) {
            (Aggregate::Count, _) => scalar(ScalarType::Long),
            (Aggregate::Max | Aggregate::Min, Some(column)) => column,
            (Aggregate::Sum, Some(column)) if column.is_whole() => scalar(ScalarType::Long),
            _ => scalar(ScalarType::Double),
        }
    }
}

/// An aggregate on its way through the rows.
#[derive(Clone, Debug)]
pub struct Accumulator {
    aggregate: Aggregate,
    count: u64,
    best: Option<Value<'static>>,
    whole_sum: i128,
    sum: f64,
    mean: f64,
    squares: f64,
    weighted: Weighted,
}

/// A mean weighted with time: the last value that came, whose weight is not whole yet.
#[derive(Clone, Debug, Default)]
struct Weighted {
    last: Option<(i64, f64)>,
    /// Half the time from the value before the last one.
    half: f64,
    sum: f64,
    weights: f64,
}

impl Accumulator {
    /// Before the first row.
    #[must_use]
    pub fn new(aggregate: Aggregate) -> Self {
        Accumulator {
            aggregate,
            count: 0,
            best: None,
            whole_sum: 0,
            sum: 0.0,
            mean: 0.0,
            squares: 0.0,
            weighted: Weighted::default(),
        }
    }

    /// Counts a row.
    pub fn count(&mut self) {
        self.count += 1;
    }

    /// Takes a row's value, and its time if the rows come in the order of their times. A missing value
    /// does not count.
    pub fn push(&mut self, value: &Value<'_>, time: Option<i64>) {
        let best = match (self.aggregate, value) {
            (_, Value::Null) => return,
            (Aggregate::Max, value) => self.is_better(value, std::cmp::Ordering::is_gt),
            (Aggregate::Min, value) => self.is_better(value, std::cmp::Ordering::is_lt),
            _ => false,
        };
        self.count += 1;
        if best {
            self.best = match value {
                Value::Integer(number) => Some(Value::Integer(*number)),
                Value::Float(number) => Some(Value::Float(*number)),
                Value::Time(time) => Some(Value::Time(*time)),
                _ => None,
            };
        }
        if let Value::Integer(number) = value {
            self.whole_sum += i128::from(*number);
        }
        let Some(number) = value.as_f64() else {
            return;
        };
        self.sum += number;
        // Welford's way, which stays exact where the values lie far from 0 and near each other.
        let distance = number - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (number - self.mean);
        if let Some(time) = time {
            self.weighted.push(time, number);
        }
    }

    fn is_better(&self, value: &Value<'_>, better: impl Fn(std::cmp::Ordering) -> bool) -> bool {
        match &self.best {
            None => true,
            Some(best) => value.compare(best).is_some_and(better),
        }
    }

    /// The result. Without a value there is none, except for COUNT and SUM. A sum of whole numbers that is
    /// no LONG is an error.
    ///
    /// # Errors
    /// What is wrong.
    pub fn finish(self, result: ColumnType) -> Result<Option<Value<'static>>, &'static str> {
        let count = self.count as f64;
        let some = |number: f64| (self.count > 0).then_some(Value::Float(number));
        Ok(match self.aggregate {
            Aggregate::Count => Some(Value::Integer(
                i64::try_from(self.count).map_err(|_| "there are too many rows")?,
            )),
            Aggregate::Max | Aggregate::Min => self.best,
            Aggregate::Sum if result.is_whole() => {
                let sum = i64::try_from(self.whole_sum);
                Some(Value::Integer(
                    sum.map_err(|_| "the sum is too large for a LONG")?,
                ))
            }
            Aggregate::Sum => Some(Value::Float(self.sum)),
            Aggregate::Avg if self.whole_sum != 0 => some(self.whole_sum as f64 / count),
            Aggregate::Avg => some(self.sum / count),
            Aggregate::Variance => some(self.squares / count),
            Aggregate::Stddev => some((self.squares / count).sqrt()),
            Aggregate::TimeAvg => some(self.weighted.mean()),
        })
    }
}

impl Weighted {
    fn push(&mut self, time: i64, number: f64) {
        let mut half = 0.0;
        if let Some((before, last)) = self.last {
            half = (time - before) as f64 / 2.0;
            self.add(last, self.half + half);
        }
        self.last = Some((time, number));
        self.half = half;
    }

    fn add(&mut self, number: f64, weight: f64) {
        self.sum += number * weight;
        self.weights += weight;
    }

    fn mean(mut self) -> f64 {
        if let Some((_, last)) = self.last {
            self.add(last, self.half);
        }
        match (self.weights > 0.0, self.last) {
            (true, _) => self.sum / self.weights,
            // Of one value alone.
            (false, Some((_, last))) => last,
            (false, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind(name: &str) -> ColumnType {
        ColumnType::parse(name).unwrap()
    }

    fn of(aggregate: Aggregate, column: &str, values: &[Value<'_>]) -> Option<Value<'static>> {
        let mut accumulator = Accumulator::new(aggregate);
        for (number, value) in (0..).zip(values) {
            accumulator.push(value, Some(number * 1000));
        }
        accumulator
            .finish(aggregate.result(Some(kind(column))))
            .unwrap()
    }

    #[test]
    fn aggregates_leave_missing_values_out() {
        let values = [Value::Integer(4), Value::Null, Value::Integer(1)];
        for (aggregate, expected) in [
            (Aggregate::Max, Value::Integer(4)),
            (Aggregate::Min, Value::Integer(1)),
            (Aggregate::Sum, Value::Integer(5)),
            (Aggregate::Avg, Value::Float(2.5)),
            (Aggregate::Variance, Value::Float(2.25)),
            (Aggregate::Stddev, Value::Float(1.5)),
        ] {
            assert_eq!(
                of(aggregate, "LONG", &values),
                Some(expected),
                "{aggregate:?}"
            );
            let of_none = of(aggregate, "LONG", &[Value::Null]);
            let expected = (aggregate == Aggregate::Sum).then_some(Value::Integer(0));
            assert_eq!(of_none, expected, "{aggregate:?} of nothing");
        }
    }

    #[test]
    fn sums_of_whole_numbers_are_exact_or_refused() {
        let large = Value::Integer(i64::MAX);
        let values = [large.clone(), Value::Integer(-1), Value::Integer(1)];
        assert_eq!(of(Aggregate::Sum, "LONG", &values), Some(large.clone()));
        let mut accumulator = Accumulator::new(Aggregate::Sum);
        accumulator.push(&large, None);
        accumulator.push(&large, None);
        assert!(accumulator.finish(kind("LONG")).is_err());
    }

    /// The example of GridDB's description: values 4, 3, 2, 1 after 0, 10, 20 and 40 seconds.
    #[test]
    fn a_mean_over_time_weighs_each_value_with_the_time_around_it() {
        let mut accumulator = Accumulator::new(Aggregate::TimeAvg);
        for (second, value) in [(0, 4), (10, 3), (20, 2), (40, 1)] {
            accumulator.push(&Value::Integer(value), Some(second * 1000));
        }
        let mean = accumulator.finish(kind("DOUBLE")).unwrap();
        assert_eq!(mean, Some(Value::Float(2.25)));
        assert_eq!(
            of(Aggregate::TimeAvg, "LONG", &[Value::Integer(7)]),
            Some(Value::Float(7.0))
        );
        assert_eq!(of(Aggregate::TimeAvg, "LONG", &[]), None);
    }

    proptest! {
        #[test]
        fn the_variance_is_that_of_its_definition(values in prop::collection::vec(-1e6..1e6_f64, 1..50)) {
            let numbers: Vec<Value<'_>> = values.iter().map(|value| Value::Float(*value)).collect();
            let Some(Value::Float(found)) = of(Aggregate::Variance, "DOUBLE", &numbers) else {
                panic!("there is one");
            };
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let expected = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            prop_assert!((found - expected).abs() <= 1e-9 * expected.max(1.0), "{found} {expected}");
        }
    }
}
