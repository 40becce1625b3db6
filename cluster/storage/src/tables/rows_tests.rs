use super::*;
use kensho_query::types::{ColumnType, ScalarType};
use proptest::prelude::*;

fn container(columns: &str) -> ContainerInfo {
    let columns: Vec<String> = columns
        .split_whitespace()
        .enumerate()
        .map(|(index, kind)| format!(r#"{{"name":"c{index}","type":"{kind}"}}"#))
        .collect();
    let text = format!(
        r#"{{"container_name":"t","container_type":"COLLECTION","rowkey":true,"columns":[{}]}}"#,
        columns.join(",")
    );
    ContainerInfo::from_json(text.as_bytes()).unwrap().1
}

/// How a value of a column that is no key is kept, or why it is not.
fn kept(kind: &str, value: &str) -> Result<String, String> {
    let info = container(&format!("LONG {kind}"));
    let rows = ValidRows::one(&info, format!("[1, {value}]").as_bytes());
    match rows {
        Ok(rows) => {
            let row = rows.iter().next().unwrap();
            let text = std::str::from_utf8(row.value.0).unwrap();
            let value = text.strip_prefix("[1,").unwrap();
            Ok(value.strip_suffix(']').unwrap().to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn values_are_kept_in_one_form() {
    for (kind, value, expected) in [
        ("BOOL", "true", "true"),
        ("BOOL", r#""true""#, "true"),
        ("BOOL", r#""False""#, "false"),
        ("BOOL", "null", "null"),
        ("BOOL_ARRAY", r#"[true, "false"]"#, "[true,false]"),
        ("STRING", r#""a b""#, r#""a b""#),
        ("STRING", r#""A\u00e4\/\n""#, "\"Aä/\\n\""),
        ("BYTE", "-128", "-128"),
        ("BYTE", r#""127""#, "127"),
        ("SHORT", "32767", "32767"),
        ("INTEGER", "-2147483648", "-2147483648"),
        ("LONG", "9223372036854775807", "9223372036854775807"),
        ("LONG", r#""-9223372036854775808""#, "-9223372036854775808"),
        ("LONG", "9007199254740993", "9007199254740993"),
        ("FLOAT", "0.1", "0.1"),
        ("FLOAT", "16777217", "16777216.0"),
        ("DOUBLE", "0.1", "0.1"),
        ("DOUBLE", "5", "5.0"),
        ("DOUBLE", "-0.0", "-0.0"),
        ("DOUBLE", r#""1e300""#, "1e+300"),
        ("DOUBLE", "18446744073709551615", "1.8446744073709552e+19"),
        (
            "DOUBLE",
            "2.2250738585072014e-308",
            "2.2250738585072014e-308",
        ),
        (
            "TIMESTAMP",
            r#""2026-01-31T23:59:59.999Z""#,
            r#""2026-01-31T23:59:59.999Z""#,
        ),
        ("GEOMETRY", r#""POINT(1 2)""#, r#""POINT(1 2)""#),
        ("BLOB", r#""YWJj""#, r#""YWJj""#),
        ("BLOB", r#""YQ==""#, r#""YQ==""#),
        ("BLOB", r#""""#, r#""""#),
        ("LONG_ARRAY", "[ ]", "[]"),
        ("LONG_ARRAY", r#"[1, "2",3 ]"#, "[1,2,3]"),
        ("STRING_ARRAY", r#"["a","b"]"#, r#"["a","b"]"#),
        ("LONG_ARRAY", "null", "null"),
    ] {
        assert_eq!(kept(kind, value).as_deref(), Ok(expected), "{kind} {value}");
    }
}

#[test]
fn a_wrong_value_is_named_with_its_column_and_what_was_expected() {
    for (kind, value, got) in [
        ("BOOL", "1", "1"),
        ("BOOL", r#""yes""#, r#""yes""#),
        ("STRING", "1", "1"),
        ("STRING", "[\"a\"]", "an array"),
        ("BYTE", "128", "128"),
        ("BYTE", r#""-129""#, "-129"),
        ("SHORT", "-32769", "-32769"),
        ("INTEGER", "2147483648", "2147483648"),
        ("LONG", "9223372036854775808", "9223372036854775808"),
        ("LONG", "1.0", "1"),
        ("LONG", "1e3", "1000"),
        ("LONG", r#""1.0""#, r#""1.0""#),
        ("LONG", r#""""#, r#""""#),
        ("LONG", "true", "true"),
        ("FLOAT", "1e39", "1000000000000000000000000000000000000000"),
        ("FLOAT", r#""x""#, r#""x""#),
        ("DOUBLE", r#""NaN""#, "NaN"),
        ("DOUBLE", r#""inf""#, "inf"),
        ("TIMESTAMP", "0", "0"),
        ("TIMESTAMP", r#""2026-01-31""#, r#""2026-01-31""#),
        (
            "TIMESTAMP",
            r#""1969-12-31T23:59:59.999Z""#,
            r#""1969-12-31T23:59:59.999Z""#,
        ),
        ("GEOMETRY", r#""POINT(1)""#, r#""POINT(1)""#),
        ("BLOB", r#""YQ=""#, r#""YQ=""#),
        ("BLOB", r#""Y===""#, r#""Y===""#),
        ("BLOB", r#""Y-_=""#, r#""Y-_=""#),
        ("LONG_ARRAY", "1", "1"),
        ("LONG_ARRAY", "[null]", "null"),
        ("LONG_ARRAY", "[1,\"x\"]", r#""x""#),
        ("LONG_ARRAY", "[[1]]", "an array"),
        ("LONG", "{\"a\":1}", "an object"),
    ] {
        let error = kept(kind, value).unwrap_err();
        let begins = format!("row 1, column \"c1\" ({kind}): expected ");
        assert!(error.starts_with(&begins), "{kind} {value}: {error}");
        assert!(
            error.ends_with(&format!(", got {got}")),
            "{kind} {value}: {error}"
        );
    }
    let long = format!("\"{}\"", "x".repeat(1000));
    let error = kept("LONG", &long).unwrap_err();
    assert!(error.len() < 250 && error.ends_with("…\""), "{error}");
}

#[test]
fn a_text_that_looks_like_a_message_does_not_confuse_the_message() {
    let error = kept("LONG", r#""expected at line 7, got 3""#).unwrap_err();
    assert!(error.contains("\"expected at line 7, got 3\""), "{error}");
}

#[test]
fn a_key_is_never_null() {
    let info = container("STRING LONG");
    let error = ValidRows::one(&info, b"[null, 1]").unwrap_err().to_string();
    assert_eq!(
        error,
        "row 1, column \"c0\" (STRING): expected text, got null"
    );
}

#[test]
fn rows_have_as_many_values_as_there_are_columns() {
    let info = container("LONG LONG");
    for (text, row, got) in [
        ("[[1,2],[3]]", 2, 1),
        ("[[1,2,3]]", 1, 3),
        ("[[]]", 1, 0),
        ("[[1,2],[1,2],[1,2,3,4]]", 3, 4),
    ] {
        let error = ValidRows::many(&info, text.as_bytes()).unwrap_err();
        let expected = RowError::Count {
            row,
            got,
            columns: 2,
        };
        assert_eq!(error, expected, "{text}");
    }
    let error = ValidRows::many(&info, b"[[1,2],[3,\"x\"]]").unwrap_err();
    assert!(
        error.to_string().starts_with("row 2, column \"c1\""),
        "{error}"
    );
}

#[test]
fn what_is_no_array_of_rows_says_so() {
    let info = container("LONG LONG");
    for text in [
        "",
        "{}",
        "[[1,2]",
        "[[1,2]] x",
        "[1,2]",
        "[[1,2],]",
        "nonsense",
        "\u{0}",
    ] {
        let error = ValidRows::many(&info, text.as_bytes()).unwrap_err();
        assert!(matches!(error, RowError::NotRows(_)), "{text}: {error}");
        assert!(!error.to_string().is_empty());
    }
    assert!(ValidRows::many(&info, b"[]").unwrap().is_empty());
}

#[test]
fn keys_are_read_as_rows_are() {
    for (kind, text, keys) in [
        (
            "STRING",
            r#"["a", "b\n"]"#,
            vec![Key::Text("a"), Key::Text("b\n")],
        ),
        ("LONG", r#"[1,"2"]"#, vec![Key::Integer(1), Key::Integer(2)]),
        (
            "TIMESTAMP",
            r#"["1970-01-01T00:00:01.000Z"]"#,
            vec![Key::Timestamp(1000)],
        ),
    ] {
        let info = container(&format!("{kind} LONG"));
        let read = ValidKeys::many(&info, text.as_bytes()).unwrap();
        let delete = read.delete("t", Position::default(), Condition::Any);
        let Some(Statement::Delete { keys: found, .. }) = Statement::decode(&delete) else {
            panic!("{delete:?}");
        };
        assert_eq!(found, keys);
        assert_eq!(read.len(), keys.len());
    }
    let info = container("INTEGER LONG");
    let error = ValidKeys::many(&info, b"[1, 3000000000]").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("row 2, column \"c0\" (INTEGER)"),
        "{error}"
    );
}

fn scalar() -> impl Strategy<Value = ScalarType> {
    prop::sample::select(vec![
        ScalarType::Bool,
        ScalarType::String,
        ScalarType::Byte,
        ScalarType::Short,
        ScalarType::Integer,
        ScalarType::Long,
        ScalarType::Float,
        ScalarType::Double,
        ScalarType::Timestamp,
        ScalarType::Geometry,
        ScalarType::Blob,
    ])
}

/// Valid JSON of every shape, and much that a column may want.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        (-200_i64..200).prop_map(|value| value.to_string()),
        any::<f64>()
            .prop_filter("JSON has no infinity", |value| value.is_finite())
            .prop_map(|value| format!("{value:e}")),
        any::<String>().prop_map(|value| serde_json::to_string(&value).unwrap()),
        any::<i64>().prop_map(|value| format!("\"{value}\"")),
        "[A-Za-z0-9+/]{0,8}={0,2}".prop_map(|value| format!("\"{value}\"")),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(", ")))
    })
}

proptest! {
    /// Whatever is accepted is compact JSON that is accepted again as it is, means the same, and
    /// fits the column; whatever is refused names the column.
    #[test]
    fn what_is_kept_stays_as_it_is(scalar in scalar(), array: bool, value in json()) {
        let mut info = container("LONG LONG");
        info.columns[1].kind = ColumnType { scalar, array };
        let text = format!("[1,{value}]");
        match ValidRows::one(&info, text.as_bytes()) {
            Ok(rows) => {
                let first = rows.iter().next().unwrap().value.0.to_vec();
                let again = ValidRows::one(&info, &first).unwrap();
                prop_assert_eq!(again.iter().next().unwrap().value.0, &first);
                let kept: serde_json::Value = serde_json::from_slice(&first).unwrap();
                let given: serde_json::Value = serde_json::from_str(&text).unwrap();
                if matches!(scalar, ScalarType::String | ScalarType::Bool | ScalarType::Blob) {
                    prop_assert_eq!(kept, given);
                }
            }
            Err(RowError::Value { column, .. }) => prop_assert_eq!(column, "c1"),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn doubles_and_longs_come_back_exactly(double: f64, float: f32, long: i64) {
        prop_assume!(double.is_finite() && float.is_finite());
        let info = container("LONG DOUBLE FLOAT");
        let text = format!("[{long},{double:e},{float:e}]");
        let rows = ValidRows::one(&info, text.as_bytes()).unwrap();
        let row = rows.iter().next().unwrap();
        prop_assert_eq!(row.key, Key::Integer(long));
        let (l, d, f): (i64, f64, f32) = serde_json::from_slice(row.value.0).unwrap();
        prop_assert_eq!((l, d.to_bits(), f.to_bits()), (long, double.to_bits(), float.to_bits()));
    }

    #[test]
    fn any_bytes_are_rows_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let info = container("STRING LONG");
        let _ = ValidRows::many(&info, &bytes);
        let _ = ValidRows::one(&info, &bytes);
        let _ = ValidKeys::many(&info, &bytes);
        let _ = ContainerInfo::from_json(&bytes);
        let _ = Statement::decode(&bytes);
    }
}
