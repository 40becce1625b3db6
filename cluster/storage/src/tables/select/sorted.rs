//! Rows sorted by their values.

use std::cmp::Ordering;

use kensho_query::condition::SortedBy;
use kensho_query::row::Split;
use kensho_query::types::Column;
use kensho_query::value::Value;

use super::Text;

/// The rows in this order; those that it does not tell apart stay as they are.
pub(super) fn sorted<'a>(
    rows: Vec<Text<'a>>,
    order: &[SortedBy],
    columns: &[Column],
) -> Vec<Text<'a>> {
    let width = order.iter().map(|sort| sort.column + 1).max();
    let mut split = Split::default();
    // All values one after the other, so that a row costs no memory of its own.
    let mut values = Vec::with_capacity(rows.len() * order.len());
    for row in &rows {
        let cells = split.row(&row.0, width.unwrap_or_default());
        for sort in order {
            values.push(Value::read(
                columns[sort.column].kind,
                cells.cell(sort.column),
            ));
        }
    }
    let of = |number: usize| &values[number * order.len()..][..order.len()];
    let mut numbers: Vec<usize> = (0..rows.len()).collect();
    numbers.sort_by(|one, other| {
        let pairs = of(*one).iter().zip(of(*other)).zip(order);
        pairs
            .map(|((one, other), sort)| match sort.descending {
                true => other.order(one),
                false => one.order(other),
            })
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    drop(values);
    let mut rows: Vec<Option<Text<'a>>> = rows.into_iter().map(Some).collect();
    let taken = numbers.into_iter().filter_map(|number| rows[number].take());
    taken.collect()
}
