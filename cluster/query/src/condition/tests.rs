use super::*;
use crate::types::ColumnType;
use crate::wrong::Code;
use proptest::prelude::*;

/// 2026-01-31T23:59:59.999Z
const NOW: i64 = 1_769_903_999_999;

fn columns() -> Vec<Column> {
    let columns = [
        ("id", "LONG"),
        ("name", "STRING"),
        ("ok", "BOOL"),
        ("small", "BYTE"),
        ("ratio", "FLOAT"),
        ("value", "DOUBLE"),
        ("at", "TIMESTAMP"),
        ("list", "LONG_ARRAY"),
        ("place", "GEOMETRY"),
    ];
    let column = |(name, kind): (&str, &str)| Column {
        name: name.to_owned(),
        kind: ColumnType::parse(kind).unwrap(),
        nullable: true,
        indexes: Vec::new(),
    };
    columns.into_iter().map(column).collect()
}

const ROW: &str = r#"[9007199254740993,"O'Neill \"x\" ä",true,-3,0.1,2.5,"2026-01-31T22:59:59.999Z",[4,5,6],"POINT(1 2)"]"#;
const EMPTY: &str = "[1,null,null,null,null,null,null,null,null]";

fn holds(text: &str, row: &str) -> Result<bool, Wrong> {
    let condition = Condition::parse(text, &columns(), NOW)?;
    condition.holds(row.as_bytes(), &mut Split::default())
}

#[test]
fn conditions_hold_or_do_not() {
    for (text, expected) in [
        ("id = 9007199254740993", true),
        ("id = 9007199254740992", false),
        ("ID > 9007199254740992.0", true),
        ("9007199254740992 < id", true),
        ("name = 'O''Neill \"x\" ä'", true),
        ("name like 'O''N%_'", true),
        ("name not like '%y%'", true),
        ("name like concat('O', '%')", true),
        ("name > 'N' and name < 'P'", true),
        ("lower(name) = 'o''neill \"x\" ä'", true),
        ("upper(substring(name, 3, 2)) = 'NE'", true),
        ("char_length(name) = 13", true),
        ("substring(name, 100) = ''", true),
        ("ok", true),
        ("not ok", false),
        ("ok = true and ok <> false", true),
        (
            "small + 4 = 1 and small * small = 9 and small % 2 = -1 and small / 2 = -1",
            true,
        ),
        ("-small = 3", true),
        ("ratio = 0.1", false),
        ("ratio > 0.1 and ratio < 0.10001", true),
        ("value * 2 = 5 and value / 0 = INF", true),
        (
            "round(value) = 3 and floor(-0.5) = -1 and ceiling(value) = 3.0",
            true,
        ),
        ("at < now()", true),
        ("at > timestampadd(hour, now(), -1)", false),
        ("at >= TIMESTAMPADD(HOUR, NOW(), -1)", true),
        ("at = TIMESTAMP('2026-02-01T07:59:59.999+09:00')", true),
        ("timestampdiff(minute, now(), at) = 60", true),
        (
            "to_epoch_ms(at) = 1769900399999 and to_timestamp_ms(0) < at",
            true,
        ),
        ("element(1, list) = 5 and array_length(list) = 3", true),
        ("id in (1, 9007199254740993)", true),
        ("small not in (1, 2)", true),
        ("small between -3 and -3.0", true),
        ("small not between -3 and 5", false),
        ("ok xor small = -3", false),
        ("place is not null and list is not null", true),
        ("name is null or value > 2", true),
        ("null is null", true),
        ("1 = 1", true),
    ] {
        assert_eq!(holds(text, ROW), Ok(expected), "{text}");
    }
}

#[test]
fn of_what_is_missing_nothing_is_known() {
    for text in [
        "name = 'a'",
        "name <> 'a'",
        "not name = 'a'",
        "name like '%'",
        "ok",
        "not ok",
        "ok xor true",
        "small in (1)",
        "small not in (1, null)",
        "id in (2, null)",
        "small between 0 and 1",
        "value + 1 > 0",
        "upper(name) = 'A'",
        "element(9, list) = 1",
        "null",
        "id = null",
        "name = 'a' and id = 1",
    ] {
        assert_eq!(holds(text, EMPTY), Ok(false), "{text}");
    }
    for text in [
        "name is null",
        "not (name = 'a' and id = 2)",
        "name = 'a' or id = 1",
        "id in (1, null)",
        "concat(name, 'b') = 'b'",
        "not (id between 2 and value)",
        "small is null and list is null",
    ] {
        assert_eq!(holds(text, EMPTY), Ok(true), "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, code, at, complaint) in [
        ("nothing = 1", Code::Name, 0, "no column nothing"),
        ("id = 1 and nam = 'x'", Code::Name, 11, "no column nam"),
        (
            "name = 5",
            Code::Type,
            0,
            "column name (STRING) and 5 (a number)",
        ),
        (
            "id = '5'",
            Code::Type,
            0,
            "column id (a number) and '5' (STRING)",
        ),
        (
            "at > '2026-01-31T23:59:59.999Z'",
            Code::Type,
            0,
            "TIMESTAMP('",
        ),
        (
            "at > TIMESTAMP('yesterday')",
            Code::Type,
            5,
            "'yesterday' is no time",
        ),
        ("place = 'POINT(1 2)'", Code::Type, 0, "GEOMETRY"),
        ("list = 1", Code::Type, 0, "an array"),
        ("ok < true", Code::Type, 0, "BOOL"),
        ("id", Code::Type, 0, "true or false; column id"),
        ("id = 1 and name", Code::Type, 11, "column name is STRING"),
        ("id + name = 1", Code::Type, 5, "expected a number"),
        ("value % 2 = 1", Code::Type, 0, "whole numbers"),
        ("name like 5", Code::Type, 10, "LIKE"),
        ("name like 'x' escape 'ab'", Code::Value, 0, "one character"),
        (
            "name like 'x$' escape '$'",
            Code::Value,
            0,
            "ends with its escape",
        ),
        (
            "lower(id) = 'a'",
            Code::Type,
            6,
            "LOWER needs a STRING here; column id",
        ),
        (
            "lower() = 'a'",
            Code::Type,
            0,
            "LOWER takes one argument, not 0",
        ),
        (
            "substring(name) = 'a'",
            Code::Type,
            0,
            "2 to 3 arguments, not 1",
        ),
        ("foo(id) = 1", Code::Name, 0, "no function foo"),
        ("max(id) = 1", Code::Name, 0, "after SELECT"),
        ("st_getsrid(place) = 1", Code::Name, 0, "not offered"),
        (
            "timestampadd(eon, at, 1) < at",
            Code::Type,
            13,
            "expected YEAR",
        ),
        (
            "timestampadd(day, at, 1.5) < at",
            Code::Type,
            22,
            "a whole number",
        ),
        ("element(0, id) = 1", Code::Type, 11, "an array"),
        ("9223372036854775807 + 1 = 0", Code::Value, 0, "too large"),
        ("id = 1 or id = 2 / 0", Code::Value, 15, "divided by 0"),
    ] {
        let wrong = Condition::parse(text, &columns(), NOW).unwrap_err();
        assert_eq!((wrong.code, wrong.at), (code, at), "{text}: {wrong}");
        assert!(wrong.to_string().contains(complaint), "{text}: {wrong}");
    }
    for (text, complaint) in [
        ("element(3, list) = 1", "array of 3 elements"),
        ("element(-1, list) = 1", "array of 3 elements"),
        ("id * id > 0", "too large"),
        ("1 / (small + 3) = 1", "divided by 0"),
        ("substring(name, small) = ''", "starts at 1"),
        ("to_timestamp_ms(small) > at", "no TIMESTAMP"),
    ] {
        let wrong = holds(text, ROW).unwrap_err();
        assert!(wrong.to_string().contains(complaint), "{text}: {wrong}");
    }
    assert_eq!(
        holds("array_length(list) > 3 and element(3, list) = 1", ROW),
        Ok(false)
    );
}

#[test]
fn what_would_take_too_much_memory_or_time_is_refused() {
    let row = format!(r#"[1,"{}"]"#, "x".repeat(1 << 20));
    let many = vec!["name"; 20].join(",");
    let wrong = holds(&format!("concat({many}) = ''"), &row).unwrap_err();
    assert!(wrong.to_string().contains("16 MiB"), "{wrong}");
    let pattern = "%x".repeat(600);
    let wrong = holds(&format!("name like '{pattern}'"), &row).unwrap_err();
    assert!(wrong.to_string().contains("1000 bytes"), "{wrong}");
}

#[test]
fn a_range_is_taken_out_of_a_condition() {
    let range = |text: &str| {
        let mut condition = Condition::parse(text, &columns(), NOW).unwrap();
        let range = condition.take_range(0);
        (range.from, range.to, condition.parts.len())
    };
    let number = Value::Integer;
    for (text, from, to, left) in [
        ("id > 3", Bound::Excluded(number(3)), Bound::Unbounded, 0),
        (
            "3 >= id and ok",
            Bound::Unbounded,
            Bound::Included(number(3)),
            1,
        ),
        (
            "id between 1 and 9 and id > 1 and id < 20",
            Bound::Excluded(number(1)),
            Bound::Included(number(9)),
            0,
        ),
        (
            "id = 4 and id = 5",
            Bound::Included(number(5)),
            Bound::Included(number(4)),
            0,
        ),
        ("id > 1.5", Bound::Unbounded, Bound::Unbounded, 1),
        ("id > 1 or id < 0", Bound::Unbounded, Bound::Unbounded, 1),
        ("id <> 1", Bound::Unbounded, Bound::Unbounded, 1),
        ("id > null", Bound::Unbounded, Bound::Unbounded, 1),
        (
            "id > 2 + 3",
            Bound::Excluded(number(5)),
            Bound::Unbounded,
            0,
        ),
    ] {
        assert_eq!(range(text), (from, to, left), "{text}");
    }
}

#[test]
fn orders_are_read() {
    let sorted = |text| sorted_by(text, &columns());
    let by = |column, descending| SortedBy { column, descending };
    assert_eq!(sorted("id"), Ok(vec![by(0, false)]));
    assert_eq!(
        sorted(" NAME desc , id ASC"),
        Ok(vec![by(1, true), by(0, false)])
    );
    for (text, complaint) in [
        ("", "expected a column's name"),
        ("nothing", "no column nothing"),
        ("list", "cannot be sorted by column list"),
        ("place desc", "GEOMETRY"),
        ("id up", "expected and"),
        ("id,", "a column's name"),
    ] {
        let wrong = sorted(text).unwrap_err();
        assert!(wrong.to_string().contains(complaint), "{text}: {wrong}");
    }
}

/// A comparison of two columns or constants, with the truth that it has by itself.
fn comparison() -> impl Strategy<Value = (String, Option<bool>)> {
    let operand = prop_oneof![
        Just(("id", Some(1))),
        Just(("small", None)),
        Just(("0", Some(0))),
        Just(("1", Some(1))),
        Just(("null", None)),
    ];
    let sign = prop::sample::select(vec!["=", "<>", "<", "<=", ">", ">="]);
    (operand.clone(), sign, operand).prop_map(|((one, left), sign, (other, right))| {
        let truth = left.zip(right).map(|(left, right): (i32, i32)| match sign {
            "=" => left == right,
            "<>" => left != right,
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            _ => left >= right,
        });
        (format!("{one} {sign} {other}"), truth)
    })
}

fn logic() -> impl Strategy<Value = (String, Option<bool>)> {
    comparison().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|(text, truth)| (format!("not ({text})"), truth.map(|is| !is))),
            (inner.clone(), inner.clone()).prop_map(|((one, left), (other, right))| {
                let truth = match (left, right) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                };
                (format!("({one}) and ({other})"), truth)
            }),
            (inner.clone(), inner.clone()).prop_map(|((one, left), (other, right))| {
                let truth = match (left, right) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                };
                (format!("({one}) or ({other})"), truth)
            }),
            (inner.clone(), inner).prop_map(|((one, left), (other, right))| {
                let truth = left.zip(right).map(|(left, right)| left != right);
                (format!("({one}) xor ({other})"), truth)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn logic_is_that_of_three_values((text, truth) in logic()) {
        prop_assert_eq!(holds(&text, EMPTY), Ok(truth == Some(true)), "{}", text);
        let opposite = format!("not ({text})");
        prop_assert_eq!(holds(&opposite, EMPTY), Ok(truth == Some(false)), "{}", text);
    }

    #[test]
    fn a_range_and_what_is_left_say_what_the_condition_said(
        parts in prop::collection::vec(comparison(), 1..5),
        id in -1..3_i64,
    ) {
        let texts: Vec<&str> = parts.iter().map(|(text, _)| &**text).collect();
        let text = texts.join(" and ");
        let row = format!("[{id},null,null,null]");
        let whole = Condition::parse(&text, &columns(), NOW).unwrap();
        let mut left = whole.clone();
        let range = left.take_range(0);
        let id = Value::Integer(id);
        let above = match &range.from {
            Bound::Included(from) => id.order(from).is_ge(),
            Bound::Excluded(from) => id.order(from).is_gt(),
            Bound::Unbounded => true,
        };
        let below = match &range.to {
            Bound::Included(to) => id.order(to).is_le(),
            Bound::Excluded(to) => id.order(to).is_lt(),
            Bound::Unbounded => true,
        };
        let mut split = Split::default();
        let in_range = above && below && left.holds(row.as_bytes(), &mut split).unwrap();
        prop_assert_eq!(in_range, whole.holds(row.as_bytes(), &mut split).unwrap(), "{}", text);
    }

    #[test]
    fn nonsense_is_refused_and_damaged_rows_are_evaluated_somehow(
        text in "[idnamevluokst'\"<>=()+*/%, 0-9-]{0,30}",
        row: Vec<u8>,
    ) {
        let mut split = Split::default();
        if let Ok(condition) = Condition::parse(&text, &columns(), NOW) {
            let _ = condition.holds(&row, &mut split);
        }
        for text in ["name like 'a%' and at > now() or ratio + id > 1", "element(id, list) = small"] {
            let condition = Condition::parse(text, &columns(), NOW).unwrap();
            let _ = condition.holds(&row, &mut split);
        }
    }
}
