//! The grammar of expressions, from the operators that bind least to those that bind most.

use super::tokens::{
    Parsed, TokenKind, Tokens, count_link, deeper, expect_sign, expect_word, fail, next_if, place,
    sign_comes, word_comes, wrong,
};
use crate::ast::{Comparison, Expression, Kind, Operator};
use crate::wrong::Wrong;

/// Words that are no names, unless they are in double quotes.
const RESERVED: [&str; 20] = [
    "select", "from", "where", "order", "by", "limit", "offset", "and", "or", "xor", "not", "is",
    "null", "in", "between", "like", "escape", "true", "false", "explain",
];

pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(word))
}

fn boxed(at: usize, kind: Kind) -> Box<Expression> {
    Box::new(Expression { at, kind })
}

/// An expression.
pub(super) fn expression(tokens: &mut Tokens<'_, '_>) -> Parsed<Expression> {
    deeper(tokens, alternatives)
}

/// `… OR …`, `… XOR …`
fn alternatives(tokens: &mut Tokens<'_, '_>) -> Parsed<Expression> {
    let mut left = conjunction(tokens)?;
    loop {
        if word_comes(tokens, "or")? {
            let right = conjunction(tokens)?;
            let at = left.at;
            let kind = match left.kind {
                Kind::Or(mut parts) => {
                    parts.push(right);
                    Kind::Or(parts)
                }
                kind => Kind::Or(vec![Expression { at, kind }, right]),
            };
            left = Expression { at, kind };
        } else if word_comes(tokens, "xor")? {
            count_link(tokens)?;
            let right = conjunction(tokens)?;
            let at = left.at;
            let kind = Kind::Xor(Box::new(left), Box::new(right));
            left = Expression { at, kind };
        } else {
            return Ok(left);
        }
    }
}

/// `… AND …`
fn conjunction(tokens: &mut Tokens<'_, '_>) -> Parsed<Expression> {
    let first = negation(tokens)?;
    let at = first.at;
    let mut parts = vec![first];
    while word_comes(tokens, "and")? {
        parts.push(negation(tokens)?);
    }
    Ok(match parts.len() {
        1 => parts.remove(0),
        _ => Expression {
            at,
            kind: Kind::And(parts),
        },
    })
}

/// `NOT …`
fn negation(tokens: &mut Tokens<'_, '_>) -> Parsed<Expression> {
    let at = place(tokens);
    if !word_comes(tokens, "not")? {
        return comparison(tokens);
    }
    let inner = deeper(tokens, negation)?;
    let kind = Kind::Not(Box::new(inner));
    Ok(Expression { at, kind })
}

/// `… = …`, `… IS NULL`, `… LIKE …`, `… IN (…)`, `… BETWEEN … AND …`
fn comparison(tokens: &mut Tokens<'_, '_>) -> Parsed<Expression> {
    let mut left = sum(tokens)?;
    loop {
        let at = left.at;
        let compared = next_if(tokens, |kind| match kind {
            TokenKind::Sign("=") => Some(Comparison::Equal),
            TokenKind::Sign("<>") => Some(Comparison::NotEqual),
            TokenKind::Sign("<") => Some(Comparison::Less),
            TokenKind::Sign("<=") => Some(Comparison::LessOrEqual),
            TokenKind::Sign(">") => Some(Comparison::Greater),
            TokenKind::Sign(">=") => Some(Comparison::GreaterOrEqual),
            _ => None,
        })?;
        let (kind, is_negated) = if let Some(comparison) = compared {
            let right = Box::new(sum(tokens)?);
            (Kind::Compare(comparison, Box::new(left), right), false)
        } else if word_comes(tokens, "is")? {
            let is_negated = word_comes(tokens, "not")?;
            expect_word(tokens, "null")?;
            (Kind::IsNull(Box::new(left)), is_negated)
        } else {
            let negation = word_comes(tokens, "not")?;
            match test(tokens, left)? {
                Ok(kind) => (kind, negation),
                Err(_) if negation => return fail(tokens, "like, in or between"),
                Err(left) => return Ok(left),
            }
        };
        count_link(tokens)?;
        left = Expression { at, kind };
        if is_negated {
            let kind = Kind::Not(Box::new(left));
            left = Expression { at, kind };
        }
    }
}

/// What may follow an expression after `NOT`, too; the expression itself if nothing of that does.
fn test(tokens: &mut Tokens<'_, '_>, left: Expression) -> Parsed<Result<Kind, Expression>> {
    if word_comes(tokens, "like")? {
        let pattern = Box::new(sum(tokens)?);
        let escape = match word_comes(tokens, "escape")? {
            true => Some(Box::new(sum(tokens)?)),
            false => None,
        };
        let text = Box::new(left);
        return Ok(Ok(Kind::Like {
            text,
            pattern,
            escape,
        }));
    }
    if word_comes(tokens, "in")? {
        expect_sign(tokens, "(")?;
        let mut list = vec![sum(tokens)?];
        while sign_comes(tokens, ",")? {
            list.push(sum(tokens)?);
        }
        expect_sign(tokens, ")")?;
        return Ok(Ok(Kind::In(Box::new(left), list)));
    }
    if word_comes(tokens, "between")? {
        let low = Box::new(sum(tokens)?);
        expect_word(tokens, "and")?;
        let high = Box::new(sum(tokens)?);
        return Ok(Ok(Kind::Between(Box::new(left), low, high)));
    }
    Ok(Err(left))
}

/// `… + …`, `… - …`
fn sum(tokens: &mut Tokens<'_, '_>) -> Parsed<Expression> {
    let operators = [("+", Operator::Add), ("-", Operator::Subtract)];
    chain(tokens, &operators, product)
}

/// `… * …`, `… / …`, `… % …`
fn product(tokens: &mut Tokens<'_, '_>) -> Parsed<Expression> {
    let operators = [
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("%", Operator::Remainder),
    ];
    chain(tokens, &operators, signed)
}

fn chain<'a>(
    tokens: &mut Tokens<'_, 'a>,
    operators: &[(&str, Operator)],
    operand: impl Fn(&mut Tokens<'_, 'a>) -> Parsed<Expression>,
) -> Parsed<Expression> {
    let mut left = operand(tokens)?;
    loop {
        let operator = next_if(tokens, |kind| {
            let found = operators
                .iter()
                .find(|(sign, _)| matches!(kind, TokenKind::Sign(found) if found == sign));
            found.map(|(_, operator)| *operator)
        })?;
        let Some(operator) = operator else {
            return Ok(left);
        };
        count_link(tokens)?;
        let right = Box::new(operand(tokens)?);
        let at = left.at;
        let kind = Kind::Arithmetic(operator, Box::new(left), right);
        left = Expression { at, kind };
    }
}

/// `-…`, `+…`
fn signed(tokens: &mut Tokens<'_, '_>) -> Parsed<Expression> {
    let at = place(tokens);
    if sign_comes(tokens, "+")? {
        return deeper(tokens, signed);
    }
    if !sign_comes(tokens, "-")? {
        return operand(tokens);
    }
    // The least number has no positive counterpart.
    if let Some(kind) = next_if(tokens, |kind| number(kind, "-"))? {
        return finite(at, kind);
    }
    let inner = deeper(tokens, signed)?;
    let kind = match inner.kind {
        Kind::Float(number) => Kind::Float(-number),
        kind => Kind::Negate(boxed(inner.at, kind)),
    };
    Ok(Expression { at, kind })
}

/// A number; one without point and exponent that is too large for a LONG is a DOUBLE.
fn number(kind: &TokenKind<'_>, sign: &str) -> Option<Kind> {
    let TokenKind::Number(digits) = kind else {
        return None;
    };
    let text = format!("{sign}{digits}");
    match text.parse() {
        Ok(number) => Some(Kind::Integer(number)),
        Err(_) => text.parse().ok().map(Kind::Float),
    }
}

fn finite(at: usize, kind: Kind) -> Parsed<Expression> {
    match kind {
        Kind::Float(number) if number.is_infinite() => {
            wrong(Wrong::value(at, "the number is too large for a DOUBLE"))
        }
        kind => Ok(Expression { at, kind }),
    }
}

/// A value, a column, a function, or an expression in brackets.
fn operand(tokens: &mut Tokens<'_, '_>) -> Parsed<Expression> {
    let at = place(tokens);
    if sign_comes(tokens, "(")? {
        let inner = expression(tokens)?;
        expect_sign(tokens, ")")?;
        return Ok(inner);
    }
    if let Some(kind) = next_if(tokens, |kind| number(kind, ""))? {
        return finite(at, kind);
    }
    let literal = next_if(tokens, |kind| match kind {
        TokenKind::Text(text) => Some(Kind::Text(text.clone().into_owned())),
        TokenKind::Word(word) => match word.to_ascii_lowercase().as_str() {
            "null" => Some(Kind::Null),
            "true" => Some(Kind::Bool(true)),
            "false" => Some(Kind::Bool(false)),
            "nan" => Some(Kind::Float(f64::NAN)),
            "inf" => Some(Kind::Float(f64::INFINITY)),
            _ => None,
        },
        _ => None,
    })?;
    if let Some(kind) = literal {
        return Ok(Expression { at, kind });
    }
    let name = super::tokens::name(tokens, "a value, a column, or a function")?;
    if !sign_comes(tokens, "(")? {
        let kind = Kind::Name(name.name);
        return Ok(Expression { at, kind });
    }
    let mut arguments = Vec::new();
    if !sign_comes(tokens, ")")? {
        arguments.push(expression(tokens)?);
        while sign_comes(tokens, ",")? {
            arguments.push(expression(tokens)?);
        }
        expect_sign(tokens, ")")?;
    }
    let kind = Kind::Call(name.name, arguments);
    Ok(Expression { at, kind })
}
