//! The grammar of statements.

use super::expression::expression;
use super::tokens::{
    Parsed, TokenKind, Tokens, expect_sign, expect_word, fail, name, next_if, place, sign_comes,
    word_comes, wrong,
};
use crate::ast::{Argument, Selection, Sort, Statement};
use crate::wrong::Wrong;

/// A statement.
pub(super) fn statement(tokens: &mut Tokens<'_, '_>) -> Parsed<Statement> {
    let at = place(tokens);
    let explain = match word_comes(tokens, "explain")? {
        true => Some((at, word_comes(tokens, "analyze")?)),
        false => None,
    };
    refuse_sql(tokens)?;
    expect_word(tokens, "select")?;
    let selection = selection(tokens)?;
    let from = match word_comes(tokens, "from")? {
        true => Some(name(tokens, "the container's name")?),
        false => None,
    };
    let condition = match word_comes(tokens, "where")? {
        true => Some(expression(tokens)?),
        false => None,
    };
    for clause in ["group", "having", "join", "union"] {
        let place = place(tokens);
        if word_comes(tokens, clause)? {
            let clause = clause.to_uppercase();
            let what = format!(
                "{clause} is of SQL; TQL selects from one container, and has no such clause"
            );
            return wrong(Wrong::syntax(place, what));
        }
    }
    let sorted = match word_comes(tokens, "order")? {
        true => {
            expect_word(tokens, "by")?;
            order(tokens)?
        }
        false => Vec::new(),
    };
    let (mut limit, mut offset) = (None, 0);
    if word_comes(tokens, "limit")? {
        limit = Some(count(tokens, "LIMIT")?);
        if word_comes(tokens, "offset")? {
            offset = count(tokens, "OFFSET")?;
        }
    }
    if !tokens.input.is_empty() {
        return fail(tokens, "where, order by, limit, or the end");
    }
    Ok(Statement {
        explain,
        selection,
        from,
        condition,
        order: sorted,
        limit,
        offset,
    })
}

/// Tells those who write SQL what there is instead.
fn refuse_sql(tokens: &mut Tokens<'_, '_>) -> Parsed<()> {
    let others = [
        ("insert", "PUT of /containers/{container}/rows"),
        ("replace", "PUT of /containers/{container}/rows"),
        ("update", "PUT of /containers/{container}/rows"),
        ("delete", "DELETE of /containers/{container}/rows"),
        ("create", "POST of /containers"),
        ("drop", "DELETE of /containers"),
    ];
    let at = place(tokens);
    for (word, instead) in others {
        if word_comes(tokens, word)? {
            let word = word.to_uppercase();
            let what = format!("{word} is of SQL, and TQL only selects; use {instead}");
            return wrong(Wrong::syntax(at, what));
        }
    }
    Ok(())
}

fn selection(tokens: &mut Tokens<'_, '_>) -> Parsed<Selection> {
    if sign_comes(tokens, "*")? {
        return Ok(Selection::All);
    }
    let function = name(tokens, "* or a function")?;
    if !sign_comes(tokens, "(")? {
        let what = format!(
            "TQL selects whole rows (*) or what a function makes of them; of {} alone there is \
             \"columns\":[\"{}\"] beside the statement",
            function.name, function.name
        );
        return wrong(Wrong::syntax(function.at, what));
    }
    let mut arguments = vec![argument(tokens)?];
    while sign_comes(tokens, ",")? {
        arguments.push(argument(tokens)?);
    }
    expect_sign(tokens, ")")?;
    let place = place(tokens);
    if sign_comes(tokens, ",")? {
        let what = "TQL selects one thing: * or one function";
        return wrong(Wrong::syntax(place, what));
    }
    Ok(Selection::Call {
        function,
        arguments,
    })
}

fn argument(tokens: &mut Tokens<'_, '_>) -> Parsed<Argument> {
    let at = place(tokens);
    match sign_comes(tokens, "*")? {
        true => Ok(Argument::All(at)),
        false => Ok(Argument::Expression(expression(tokens)?)),
    }
}

/// `a desc, b asc, c`
pub(super) fn order(tokens: &mut Tokens<'_, '_>) -> Parsed<Vec<Sort>> {
    let mut sorts = Vec::new();
    loop {
        let column = name(tokens, "a column's name")?;
        let descending = !word_comes(tokens, "asc")? && word_comes(tokens, "desc")?;
        sorts.push(Sort { column, descending });
        if !sign_comes(tokens, ",")? {
            return Ok(sorts);
        }
    }
}

fn count(tokens: &mut Tokens<'_, '_>, what: &str) -> Parsed<u64> {
    let found = next_if(tokens, |kind| match kind {
        TokenKind::Number(digits) => digits.parse().ok(),
        _ => None,
    })?;
    match found {
        Some(count) => Ok(count),
        None => fail(tokens, &format!("a whole number after {what}")),
    }
}
