//! Conditions of queries: comparisons of the row key with values, such as `id >= 50 and id < 60`.
//!
//! Whether a column is the row key, and a text one of its values, is found out by the tables. What
//! GridDB's query language has beyond it is not offered.

use std::borrow::Cow;
use std::ops::Bound;

/// A range of row keys, as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeyRange<'a> {
    /// The column that is compared, if there is a condition at all.
    pub(super) column: Option<Cow<'a, str>>,
    pub(super) from: Bound<Cow<'a, str>>,
    pub(super) to: Bound<Cow<'a, str>>,
}

impl<'a> KeyRange<'a> {
    /// All rows.
    pub(super) const ALL: KeyRange<'static> = KeyRange {
        column: None,
        from: Bound::Unbounded,
        to: Bound::Unbounded,
    };

    /// Reads a condition.
    ///
    /// # Errors
    /// What is wrong with it, or not offered.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let mut range = KeyRange::ALL;
        let mut rest = text;
        loop {
            let (column, behind) = name(rest)?;
            let (comparison, behind) = operator(behind)?;
            let (value, behind) = value(behind)?;
            range.narrow(column, comparison, value)?;
            rest = behind.trim_start();
            if rest.is_empty() {
                return Ok(range);
            }
            rest = keyword(rest, "and")
                .ok_or_else(|| format!("expected and, or the end, before: {}", shown(rest)))?;
        }
    }

    fn narrow(
        &mut self,
        column: Cow<'a, str>,
        comparison: &str,
        value: Cow<'a, str>,
    ) -> Result<(), String> {
        if let Some(other) = self.column.as_ref().filter(|other| **other != column) {
            return Err(format!(
                "the condition speaks of {other} and of {column}; conditions are offered for the \
                 row key only"
            ));
        }
        let (from, to) = match comparison {
            ">=" => (Bound::Included(value), Bound::Unbounded),
            ">" => (Bound::Excluded(value), Bound::Unbounded),
            "<=" => (Bound::Unbounded, Bound::Included(value)),
            "<" => (Bound::Unbounded, Bound::Excluded(value)),
            _ => (Bound::Included(value.clone()), Bound::Included(value)),
        };
        for (limit, new, what) in [(&mut self.from, from, "lower"), (&mut self.to, to, "upper")] {
            match (&*limit, &new) {
                (_, Bound::Unbounded) => {}
                (Bound::Unbounded, _) => *limit = new,
                _ => return Err(format!("the condition has two {what} limits for {column}")),
            }
        }
        self.column = Some(column);
        Ok(())
    }
}

/// A column's name: plain, or in double quotes.
pub(super) fn name(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    let text = text.trim_start();
    if let Some(quoted) = text.strip_prefix('"') {
        let (name, rest) = quoted
            .split_once('"')
            .ok_or_else(|| format!("a quote is not closed: {}", shown(text)))?;
        return Ok((name.into(), rest));
    }
    let end = text
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || "_-./".contains(letter)))
        .unwrap_or(text.len());
    match text.split_at(end) {
        ("", _) => Err(format!("expected a column's name at: {}", shown(text))),
        (name, rest) => Ok((name.into(), rest)),
    }
}

fn operator(text: &str) -> Result<(&'static str, &str), String> {
    let text = text.trim_start();
    [">=", "<=", ">", "<", "="]
        .into_iter()
        .find_map(|operator| Some((operator, text.strip_prefix(operator)?)))
        .filter(|(operator, rest)| *operator != "<" || !rest.starts_with('>'))
        .ok_or_else(|| format!("expected one of >= > <= < = at: {}", shown(text)))
}

/// A number, a text in single quotes, or `TIMESTAMP('…')`.
fn value(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    let text = text.trim_start();
    if text.starts_with('\'') {
        return quoted(text);
    }
    if let Some(rest) = keyword(text, "timestamp") {
        let inside = rest
            .trim_start()
            .strip_prefix('(')
            .ok_or_else(|| format!("expected TIMESTAMP('…') at: {}", shown(text)))?;
        let (time, rest) = quoted(inside.trim_start())?;
        let rest = rest
            .trim_start()
            .strip_prefix(')')
            .ok_or_else(|| format!("a bracket is not closed: {}", shown(text)))?;
        return Ok((time, rest));
    }
    let end = text
        .find(|letter: char| !(letter.is_ascii_digit() || "+-".contains(letter)))
        .unwrap_or(text.len());
    match text.split_at(end) {
        ("", _) => Err(format!(
            "expected a whole number, a text in single quotes, or TIMESTAMP('…') at: {}",
            shown(text)
        )),
        (number, rest) => Ok((number.into(), rest)),
    }
}

/// A text in single quotes; two of them stand for one.
fn quoted(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    let unclosed = || format!("a quote is not closed: {}", shown(text));
    let inside = text.strip_prefix('\'').ok_or_else(unclosed)?;
    let mut from = 0;
    loop {
        let end = from + inside[from..].find('\'').ok_or_else(unclosed)?;
        if !inside[end + 1..].starts_with('\'') {
            let value = &inside[..end];
            let value = match value.contains('\'') {
                true => Cow::Owned(value.replace("''", "'")),
                false => Cow::Borrowed(value),
            };
            return Ok((value, &inside[end + 1..]));
        }
        from = end + 2;
    }
}

/// What follows the word, in capitals or not, if `text` begins with it.
pub(super) fn keyword<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (begin, rest) = text.split_at_checked(word.len())?;
    let ends = !rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
    (begin.eq_ignore_ascii_case(word) && ends).then_some(rest)
}

/// The beginning of a text, for a message.
pub(super) fn shown(text: &str) -> String {
    match text {
        "" => "the end".to_owned(),
        _ => text.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Bound::{Excluded, Included, Unbounded};
    use proptest::prelude::*;

    #[track_caller]
    fn range(text: &str, column: &str, from: Bound<&str>, to: Bound<&str>) {
        let expected = KeyRange {
            column: Some(column.into()),
            from: from.map(Cow::from),
            to: to.map(Cow::from),
        };
        assert_eq!(KeyRange::parse(text), Ok(expected), "{text}");
    }

    #[test]
    fn comparisons_of_the_key_are_a_range() {
        range("id >= 50", "id", Included("50"), Unbounded);
        range("id>-5 AND id<=7", "id", Excluded("-5"), Included("7"));
        range(" id < 3 ", "id", Unbounded, Excluded("3"));
        range("k = 'it''s'", "k", Included("it's"), Included("it's"));
        range(
            "\"a=b\" >= 'x and y'",
            "a=b",
            Included("x and y"),
            Unbounded,
        );
        let time = Included("2026-01-31T23:59:59.999Z");
        range(
            "t >= TIMESTAMP('2026-01-31T23:59:59.999Z')",
            "t",
            time,
            Unbounded,
        );
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for (text, complaint) in [
            ("", "a column's name at: the end"),
            ("id", "expected one of >= > <= < = at: the end"),
            ("id <> 3", "expected one of"),
            ("id >= ", "expected a whole number"),
            ("id >= x", "expected a whole number"),
            ("id >= 'x", "not closed"),
            ("id >= TIMESTAMP(3)", "not closed"),
            (
                "id >= 3 or id < 1",
                "expected and, or the end, before: or id",
            ),
            ("id >= 3 and id > 4", "two lower limits"),
            ("id >= 3 and name < 'x'", "speaks of id and of name"),
        ] {
            let error = KeyRange::parse(text).unwrap_err();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[idx '\"<>=()andtimestamp0-9é-]{0,40}") {
            let _ = KeyRange::parse(&text);
        }

        #[test]
        fn any_value_can_be_asked_for(value in any::<String>()) {
            let text = format!("k >= '{}'", value.replace('\'', "''"));
            prop_assert_eq!(KeyRange::parse(&text).unwrap().from, Included(Cow::from(value)));
        }
    }
}
