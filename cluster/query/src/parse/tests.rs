use super::*;
use crate::ast::{Comparison, Kind, Operator};
use proptest::prelude::*;

/// An expression with all its brackets.
fn shown(expression: &Expression) -> String {
    let list = |parts: &[Expression], word: &str| {
        let parts: Vec<String> = parts.iter().map(shown).collect();
        format!("({})", parts.join(word))
    };
    match &expression.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Integer(number) => number.to_string(),
        Kind::Float(number) => format!("{number:?}"),
        Kind::Text(text) => format!("'{text}'"),
        Kind::Name(name) => name.clone(),
        Kind::Not(inner) => format!("not {}", shown(inner)),
        Kind::And(parts) => list(parts, " and "),
        Kind::Or(parts) => list(parts, " or "),
        Kind::Xor(one, other) => format!("({} xor {})", shown(one), shown(other)),
        Kind::Compare(comparison, one, other) => {
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::NotEqual => "<>",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            format!("({} {sign} {})", shown(one), shown(other))
        }
        Kind::IsNull(inner) => format!("({} is null)", shown(inner)),
        Kind::In(inner, values) => format!("({} in {})", shown(inner), list(values, ", ")),
        Kind::Between(inner, low, high) => {
            format!(
                "({} between {} and {})",
                shown(inner),
                shown(low),
                shown(high)
            )
        }
        Kind::Like {
            text,
            pattern,
            escape,
        } => {
            let escape = escape
                .as_ref()
                .map(|escape| format!(" escape {}", shown(escape)));
            let escape = escape.unwrap_or_default();
            format!("({} like {}{escape})", shown(text), shown(pattern))
        }
        Kind::Negate(inner) => format!("-{}", shown(inner)),
        Kind::Arithmetic(operator, one, other) => {
            let sign = match operator {
                Operator::Add => "+",
                Operator::Subtract => "-",
                Operator::Multiply => "*",
                Operator::Divide => "/",
                Operator::Remainder => "%",
            };
            format!("({} {sign} {})", shown(one), shown(other))
        }
        Kind::Call(name, arguments) => format!("{name}{}", list(arguments, ", ")),
    }
}

#[test]
fn operators_bind_as_the_language_says() {
    for (text, expected) in [
        ("a=1 and b=2 or not c", "(((a = 1) and (b = 2)) or not c)"),
        ("a or b and c xor d", "((a or (b and c)) xor d)"),
        ("a OR b or c", "(a or b or c)"),
        ("not a = b", "not (a = b)"),
        ("a + b * -c / 2 - 1", "((a + ((b * -c) / 2)) - 1)"),
        ("(a + b) * c", "((a + b) * c)"),
        ("a is not null", "not (a is null)"),
        ("a not in (1, 2)", "not (a in (1, 2))"),
        ("a between 1 and 2 and b", "((a between 1 and 2) and b)"),
        ("a not between 1 and 2", "not (a between 1 and 2)"),
        ("a like 'x$%' escape '$'", "(a like 'x$%' escape '$')"),
        ("a = 'it''s'", "(a = 'it's')"),
        ("\"Where\"<>''", "(Where <> '')"),
        ("-9223372036854775808 < a", "(-9223372036854775808 < a)"),
        (
            "9223372036854775808 > 1.5e3",
            "(9.223372036854776e18 > 1500.0)",
        ),
        ("a = -INF or a = .5", "((a = -inf) or (a = 0.5))"),
        ("lower(a)=b and now()>t", "((lower(a) = b) and (now() > t))"),
        (
            "TIMESTAMPADD(HOUR, t, -1) < t",
            "(TIMESTAMPADD(HOUR, t, -1) < t)",
        ),
        ("a=b=c", "((a = b) = c)"),
    ] {
        let parsed = condition(text).map(|parsed| shown(&parsed));
        assert_eq!(parsed.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_not_understood_is_told_with_its_place() {
    for (text, at, complaint) in [
        (
            "",
            0,
            "expected a value, a column, or a function, not the end",
        ),
        ("id >=", 5, "not the end"),
        ("id = 'x", 5, "not closed"),
        ("id = \"x", 5, "not closed"),
        ("id = 3 4", 7, "expected and, or, or the end, not 4"),
        ("id not 3", 7, "expected like, in or between, not 3"),
        ("id is 3", 6, "expected null"),
        ("(id = 3", 7, "expected )"),
        ("ä = ;", 4, "; cannot be read"),
        ("id = 3x", 5, "neither a number nor a name"),
        ("id in ()", 7, "not )"),
        ("and", 0, "not and"),
        ("id = 1e999", 5, "too large"),
        ("f(a", 3, "expected )"),
    ] {
        let wrong = condition(text).unwrap_err();
        assert_eq!(wrong.at, at, "{text}: {wrong}");
        assert!(wrong.to_string().contains(complaint), "{text}: {wrong}");
    }
}

#[test]
fn statements_are_read() {
    let text = "explain analyze SELECT MAX(v) FROM \"a.b\" WHERE v > 1 ORDER BY a DESC, \"b\" LIMIT 5 OFFSET 2";
    let read = statement(text).unwrap();
    assert_eq!(read.explain, Some((0, true)));
    assert_eq!(read.from.unwrap().name, "a.b");
    assert_eq!((read.limit, read.offset), (Some(5), 2));
    let order: Vec<_> = read
        .order
        .iter()
        .map(|sort| (&*sort.column.name, sort.descending))
        .collect();
    assert_eq!(order, [("a", true), ("b", false)]);
    assert!(statement("select * limit 3").is_ok());
    for (text, complaint) in [
        ("", "expected select"),
        ("select", "expected * or a function"),
        ("select a", "\"columns\":[\"a\"]"),
        ("select count(*), max(a)", "one thing"),
        ("select * limit -1", "a whole number after LIMIT"),
        ("select * limit 1.5", "a whole number after LIMIT"),
        (
            "select * offset 3",
            "expected where, order by, limit, or the end",
        ),
        ("select * where a = 1 group by a", "GROUP is of SQL"),
        ("insert into a values (1)", "PUT of /containers"),
        ("select * order a", "expected by"),
        ("select * order by a desc b", "expected where"),
    ] {
        let wrong = statement(text).unwrap_err();
        assert!(wrong.to_string().contains(complaint), "{text}: {wrong}");
    }
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    for text in [
        "(".repeat(60_000),
        "not ".repeat(10_000),
        "- ".repeat(10_000),
        format!("a{}", " + a".repeat(10_000)),
        format!("a{}", " = a".repeat(10_000)),
        format!("a{}", " xor a".repeat(10_000)),
        format!("a{}", " between 1 and 2".repeat(4_000)),
        format!(
            "{}a{}",
            "(a between ".repeat(3_000),
            " and 1)".repeat(3_000)
        ),
        "f(".repeat(30_000),
        "x".repeat(100_000),
    ] {
        let wrong = condition(&text).unwrap_err();
        assert!(
            wrong.to_string().contains("more than") || wrong.to_string().contains("at most"),
            "{wrong}"
        );
    }
    let long = format!("a in (0{})", ",1".repeat(30_000));
    assert!(condition(&long).is_ok());
    let long = format!("a{}", " and a".repeat(10_000));
    assert!(condition(&long).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = (condition(&text), statement(&text), order(&text));
    }

    #[test]
    fn any_words_are_read_or_refused(words in prop::collection::vec(prop::sample::select(vec![
        "a", "\"b\"", "'c'", "1", "-", "1.5", "(", ")", ",", "=", "<", "and", "or", "xor", "not", "in", "is", "null",
        "like", "between", "escape", "select", "*", "from", "where", "order", "by", "desc", "limit", "offset",
        "max", "now", "explain",
    ]), 0..30)) {
        let text = words.join(" ");
        let _ = (condition(&text), statement(&text), order(&text));
    }
}
