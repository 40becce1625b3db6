//! From text to [`crate::ast`]: first into tokens, then by the grammar.

mod expression;
mod statement;
mod tokens;

use crate::ast::{Expression, Sort, Statement};
use crate::wrong::Wrong;

use tokens::Tokens;

/// Longer texts are refused, in bytes.
const LENGTH_LIMIT: usize = 64 << 10;

/// Reads a condition, as after `WHERE`.
pub(crate) fn condition(text: &str) -> Result<Expression, Wrong> {
    whole(text, expression::expression)
}

/// Reads an order, as after `ORDER BY`.
pub(crate) fn order(text: &str) -> Result<Vec<Sort>, Wrong> {
    whole(text, statement::order)
}

/// Reads a statement.
pub(crate) fn statement(text: &str) -> Result<Statement, Wrong> {
    whole(text, statement::statement)
}

fn whole<T>(
    text: &str,
    parser: impl FnOnce(&mut Tokens<'_, '_>) -> tokens::Parsed<T>,
) -> Result<T, Wrong> {
    if text.len() > LENGTH_LIMIT {
        let what = format!(
            "the text has {} bytes; at most {LENGTH_LIMIT} are read",
            text.len()
        );
        return Err(Wrong::syntax(0, what));
    }
    let read = tokens::read(text)?;
    let mut tokens = tokens::stream(&read, text);
    let result = parser(&mut tokens).map_err(tokens::Fault::into_wrong)?;
    tokens::end(&mut tokens).map_err(tokens::Fault::into_wrong)?;
    Ok(result)
}

#[cfg(test)]
mod tests;
