//! Tokens, and what the grammar needs to go through them.

use std::borrow::Cow;

use winnow::combinator::{alt, delimited, opt, preceded, repeat};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stateful, Stream, TokenSlice};
use winnow::token::{any, one_of, take_till, take_while};

use crate::ast::Named;
use crate::wrong::{Wrong, shown};

/// A token, and how many characters are before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) at: usize,
    pub(super) kind: TokenKind<'a>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind<'a> {
    /// A plain name, or a word of the language.
    Word(&'a str),
    /// A name in double quotes.
    Quoted(&'a str),
    /// A text in single quotes.
    Text(Cow<'a, str>),
    /// Digits, perhaps with a point and an exponent.
    Number(&'a str),
    /// Anything else.
    Sign(&'static str),
}

const SIGNS: [&str; 14] = [
    "<=", ">=", "<>", "=", "<", ">", "(", ")", ",", "+", "-", "*", "/", "%",
];

type Text<'a> = LocatingSlice<&'a str>;

/// All tokens of a text.
pub(super) fn read(text: &str) -> Result<Vec<Token<'_>>, Wrong> {
    let mut input = LocatingSlice::new(text);
    let mut tokens = Vec::new();
    let (mut at, mut at_byte) = (0, 0);
    loop {
        let spaces: Result<&str, ErrMode<()>> =
            take_while(0.., char::is_whitespace).parse_next(&mut input);
        spaces.expect("there may be none");
        let byte = input.current_token_start();
        at += text[at_byte..byte].chars().count();
        at_byte = byte;
        if input.is_empty() {
            return Ok(tokens);
        }
        let kind = token(&mut input).map_err(|_: ErrMode<()>| unreadable(at, &text[byte..]))?;
        tokens.push(Token { at, kind });
    }
}

fn unreadable(at: usize, rest: &str) -> Wrong {
    let what = match rest.chars().next() {
        Some('\'' | '"') => "a quote that is opened here is not closed".into(),
        Some(digit) if digit.is_ascii_digit() => format!(
            "{} is neither a number nor a name; a name that begins with a digit goes in double quotes",
            shown(rest)
        ),
        _ => format!("{} cannot be read", shown(rest)),
    };
    Wrong::syntax(at, what)
}

fn token<'a>(input: &mut Text<'a>) -> ModalResult<TokenKind<'a>, ()> {
    alt((
        word.map(TokenKind::Word),
        number.map(TokenKind::Number),
        text.map(TokenKind::Text),
        delimited('"', take_till(1.., '"'), '"').map(TokenKind::Quoted),
        sign.map(TokenKind::Sign),
    ))
    .parse_next(input)
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn word<'a>(input: &mut Text<'a>) -> ModalResult<&'a str, ()> {
    (
        one_of(|first: char| is_of_word(first) && !first.is_ascii_digit()),
        take_while(0.., is_of_word),
    )
        .take()
        .parse_next(input)
}

fn number<'a>(input: &mut Text<'a>) -> ModalResult<&'a str, ()> {
    let digits = |least: usize| take_while(least.., |digit: char| digit.is_ascii_digit());
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digits(1));
    let whole = (
        digits(1),
        opt(preceded('.', digits(0))),
        opt(exponent.void()),
    );
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digits(1));
    let fraction = ('.', digits(1), opt(exponent.void()));
    let number = alt((whole.void(), fraction.void())).take();
    // What follows at once is part of something else.
    (number, winnow::combinator::not(one_of(is_of_word)))
        .map(|(number, ())| number)
        .parse_next(input)
}

/// A text in single quotes, of which two stand for one.
fn text<'a>(input: &mut Text<'a>) -> ModalResult<Cow<'a, str>, ()> {
    let part = alt((take_till(1.., '\'').void(), "''".void()));
    let inside = repeat::<_, _, (), _, _>(0.., part).take();
    delimited('\'', inside, '\'')
        .map(|inside: &str| match inside.contains('\'') {
            true => Cow::Owned(inside.replace("''", "'")),
            false => Cow::Borrowed(inside),
        })
        .parse_next(input)
}

fn sign(input: &mut Text<'_>) -> ModalResult<&'static str, ()> {
    for sign in SIGNS {
        let found: ModalResult<Option<&str>, ()> = opt(sign).parse_next(input);
        if found?.is_some() {
            return Ok(sign);
        }
    }
    Err(ErrMode::Backtrack(()))
}

/// Where a text ends, and how deep the grammar is in it.
#[derive(Clone, Debug)]
pub(super) struct State {
    end: usize,
    depth: usize,
    links: usize,
}

pub(super) type Tokens<'t, 'a> = Stateful<TokenSlice<'t, Token<'a>>, State>;
pub(super) type Parsed<T> = Result<T, ErrMode<Fault>>;

/// What stands against a parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault(Wrong);

impl Fault {
    pub(super) fn into_wrong(fault: ErrMode<Fault>) -> Wrong {
        match fault {
            ErrMode::Backtrack(fault) | ErrMode::Cut(fault) => fault.0,
            ErrMode::Incomplete(_) => Wrong::syntax(0, "the text is not complete"),
        }
    }
}

impl ParserError<Tokens<'_, '_>> for Fault {
    type Inner = Self;

    fn from_input(input: &Tokens<'_, '_>) -> Self {
        Fault(unexpected(input, "something else"))
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

pub(super) fn stream<'t, 'a>(tokens: &'t [Token<'a>], text: &str) -> Tokens<'t, 'a> {
    Stateful {
        input: TokenSlice::new(tokens),
        state: State {
            end: text.chars().count(),
            depth: 0,
            links: 0,
        },
    }
}

/// How many characters are before what comes next.
pub(super) fn place(tokens: &Tokens<'_, '_>) -> usize {
    let next = tokens.input.first();
    next.map_or(tokens.state.end, |token| token.at)
}

fn unexpected(tokens: &Tokens<'_, '_>, expected: &str) -> Wrong {
    let found = match tokens.input.first().map(|token| &token.kind) {
        None => "the end".into(),
        Some(TokenKind::Word(text) | TokenKind::Number(text)) => shown(text),
        Some(TokenKind::Quoted(text)) => format!("\"{}\"", shown(text)).into(),
        Some(TokenKind::Text(text)) => format!("'{}'", shown(text)).into(),
        Some(TokenKind::Sign(sign)) => Cow::Borrowed(*sign),
    };
    Wrong::syntax(place(tokens), format!("expected {expected}, not {found}"))
}

/// The parse fails here, for good.
pub(super) fn fail<T>(tokens: &Tokens<'_, '_>, expected: &str) -> Parsed<T> {
    Err(ErrMode::Cut(Fault(unexpected(tokens, expected))))
}

/// The same, in other words.
pub(super) fn wrong<T>(wrong: Wrong) -> Parsed<T> {
    Err(ErrMode::Cut(Fault(wrong)))
}

/// What comes next, if `wanted` finds something in it.
pub(super) fn next_if<'a, T>(
    tokens: &mut Tokens<'_, 'a>,
    wanted: impl FnMut(&TokenKind<'a>) -> Option<T>,
) -> Parsed<Option<T>> {
    let mut wanted = wanted;
    let found = any.verify_map(|token: &Token<'a>| wanted(&token.kind));
    opt(found).parse_next(tokens)
}

/// Whether this sign comes next; then it is taken.
pub(super) fn sign_comes(tokens: &mut Tokens<'_, '_>, sign: &str) -> Parsed<bool> {
    let found = next_if(tokens, |kind| {
        (matches!(kind, TokenKind::Sign(found) if *found == sign)).then_some(())
    })?;
    Ok(found.is_some())
}

/// Whether this word comes next, whatever its case; then it is taken.
pub(super) fn word_comes(tokens: &mut Tokens<'_, '_>, word: &str) -> Parsed<bool> {
    let found = next_if(tokens, |kind| {
        (matches!(kind, TokenKind::Word(found) if found.eq_ignore_ascii_case(word))).then_some(())
    })?;
    Ok(found.is_some())
}

/// This sign must come next.
pub(super) fn expect_sign(tokens: &mut Tokens<'_, '_>, sign: &str) -> Parsed<()> {
    match sign_comes(tokens, sign)? {
        true => Ok(()),
        false => fail(tokens, sign),
    }
}

/// This word must come next.
pub(super) fn expect_word(tokens: &mut Tokens<'_, '_>, word: &str) -> Parsed<()> {
    match word_comes(tokens, word)? {
        true => Ok(()),
        false => fail(tokens, word),
    }
}

/// A name must come next, plain or in double quotes.
pub(super) fn name(tokens: &mut Tokens<'_, '_>, what: &str) -> Parsed<Named> {
    let at = place(tokens);
    let found = next_if(tokens, |kind| match kind {
        TokenKind::Word(name) if !super::expression::is_reserved(name) => Some((*name).to_owned()),
        TokenKind::Quoted(name) => Some((*name).to_owned()),
        _ => None,
    })?;
    match found {
        Some(name) => Ok(Named { at, name }),
        None => fail(tokens, what),
    }
}

/// Nothing must come next.
pub(super) fn end(tokens: &mut Tokens<'_, '_>) -> Parsed<()> {
    match tokens.input.eof_offset() {
        0 => Ok(()),
        _ => fail(tokens, "and, or, or the end"),
    }
}

/// Expressions may be within each other so many times.
const DEPTH_LIMIT: usize = 50;

/// Parses what is one level deeper.
pub(super) fn deeper<'a, T>(
    tokens: &mut Tokens<'_, 'a>,
    parser: impl FnOnce(&mut Tokens<'_, 'a>) -> Parsed<T>,
) -> Parsed<T> {
    if tokens.state.depth == DEPTH_LIMIT {
        let what = format!("expressions are within each other more than {DEPTH_LIMIT} times");
        return wrong(Wrong::syntax(place(tokens), what));
    }
    tokens.state.depth += 1;
    let parsed = parser(tokens);
    tokens.state.depth -= 1;
    parsed
}

/// So many operators may there be whose left side is itself such an operation: each is one level of the
/// tree, as each bracket is.
const LINKS_LIMIT: usize = 500;

/// Counts an operator that makes the tree one level deeper.
pub(super) fn count_link(tokens: &mut Tokens<'_, '_>) -> Parsed<()> {
    if tokens.state.links == LINKS_LIMIT {
        let what =
            format!("there are more than {LINKS_LIMIT} comparisons and arithmetic operators");
        return wrong(Wrong::syntax(place(tokens), what));
    }
    tokens.state.links += 1;
    Ok(())
}
