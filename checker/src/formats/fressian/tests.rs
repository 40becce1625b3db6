use super::writer::Writer;
use super::*;
use crate::formats::{Format, edn, read};
use crate::generate::Random;
use crate::history::{NEVER, Outcome};
use crate::value::Value;

fn value(bytes: &[u8]) -> Result<Value, String> {
    let mut reader = Reader::new(bytes);
    let node = reader.next().map_err(|wrong| format!("{}: {}", wrong.at, wrong.what))?;
    assert_eq!(reader.at(), bytes.len());
    node.ok_or("nothing")?.value(&mut 100_000)
}

fn of_edn(text: &str) -> Value {
    edn::parse(text.as_bytes()).unwrap()
}

/// The bytes of a text of hexadecimal digits.
fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn numbers_are_read_at_the_bounds_of_each_form() {
    for power in [0, 5, 6, 11, 12, 18, 19, 24, 25, 32, 33, 40, 41, 48, 49, 62] {
        for near in -2..=2_i64 {
            for number in [(1_i64 << power) + near, -(1_i64 << power) + near] {
                let mut writer = Writer::default();
                writer.int(number);
                assert_eq!(value(&writer.bytes), Ok(Value::Int(number)), "{number}");
            }
        }
    }
    for (digits, expected) in [
        ("4f fe", "-2"),
        ("50 40", "64"),
        ("68 13 88", "5000"),
        ("f8 7fffffffffffffff", "9223372036854775807"),
        ("fb", "0.0"),
        ("fc", "1.0"),
        ("f9 3f000000", "0.5"),
        ("fa bfe0000000000000", "-0.5"),
        ("c6 d1 fe", "-2"),
        ("c6 d9 09 010000000000000000", "18446744073709551616"),
        ("c6 d9 09 ff0000000000000000", "-18446744073709551616"),
        ("c6 d9 09 ff7fffffffffffffff", "-9223372036854775809"),
        ("c7 d1 0f 01", "1.5"),
    ] {
        let found = value(&bytes(digits)).unwrap();
        assert_eq!(found, of_edn(expected), "{digits}");
    }
}

#[test]
fn texts_are_utf_16_in_one_to_three_bytes_a_unit() {
    let long = "a long text with letters of each length: é € 😀 \0 ".repeat(1500);
    for text in ["", "seven..", "eight...", "é", "€", "😀", "\u{0}", &long] {
        let mut writer = Writer::default();
        writer.text(text);
        assert_eq!(value(&writer.bytes), Ok(Value::from(text)));
    }
    // Six bytes for a letter beyond the first plane; a surrogate pair in two parts; both ends of parts.
    assert_eq!(value(&bytes("e0 eda0bdedb880")), Ok(Value::from("😀")));
    assert_eq!(value(&bytes("e2 03 eda0bd dd edb880")), Ok(Value::from("😀")));
    assert_eq!(value(&bytes("e2 01 61 e2 01 62 e3 01 63")), Ok(Value::from("abc")));
    assert!(value(&bytes("de f09f9880")).unwrap_err().contains("one to three bytes"));
}

#[test]
fn what_is_written_is_read() {
    fn random_value(random: &mut Random, depth: usize) -> Value {
        let row = |random: &mut Random| (0..random.below(12)).map(|_| random_value(random, depth + 1)).collect();
        match random.below(if depth > 3 { 6 } else { 9 }) {
            0 => Value::Nil,
            1 => Value::Bool(random.below(2) == 0),
            2 => Value::Int(random.bits() as i64 >> random.below(64)),
            3 => Value::Float((random.below(1000) as f64 / 8.0).to_bits()),
            4 => Value::Text(format!("t{}", random.below(50))),
            5 => Value::Name(format!("name-{}", random.below(60))),
            6 => Value::List(row(random)),
            7 => Value::set(row(random)),
            _ => Value::map((0..random.below(4)).map(|n| (Value::Int(n as i64), random_value(random, depth + 1))).collect()),
        }
    }
    let mut random = Random::new(3);
    for _ in 0..500 {
        // All in one stream, so that caches are used.
        let values: Vec<Value> = (0..20).map(|_| random_value(&mut random, 0)).collect();
        let mut writer = Writer::default();
        for value in &values {
            writer.value(value);
        }
        let mut reader = Reader::new(&writer.bytes);
        for expected in &values {
            let node = reader.next().unwrap().unwrap();
            assert_eq!(node.value(&mut 100_000).as_ref(), Ok(expected));
        }
        assert!(reader.next().unwrap().is_none());
    }
}

#[test]
fn tags_caches_and_all_forms_of_lists_mean_what_they_mean() {
    for (digits, expected) in [
        // A list with a length, closed, open with and without its end, and from the cache.
        ("ec 02 01 02", "[1 2]"),
        ("ed 01 02 fd", "[1 2]"),
        ("ee 01 02 fd", "[1 2]"),
        ("ee 01 02", "[1 2]"),
        ("e6 cd e6 01 02 80", "[[1 2] [1 2]]"),
        ("c0 ed 01 02 fd", "{1 2}"),
        ("c1 e6 01 02", "#{1 2}"),
        // A map whose list is in the cache.
        ("e6 cd e6 01 02 c0 80", "[[1 2] {1 2}]"),
        // The number of an entry is taken before what it holds is read.
        ("e7 cd e5 cd db 61 80 81", r#"[["a"] ["a"] "a"]"#),
        ("e6 cd db 61 cc 00", r#"["a" "a"]"#),
        ("ca db 61 db 62", ":a/b"),
        ("c9 f7 db 62", ":b"),
        ("b0 02 01 02", "[1 2]"),
        // A struct type that is declared, and used again.
        ("e6 ef e3 09 6d61702d656e747279 02 01 02 a0 03 04", "[[1 2] [3 4]]"),
        ("e6 ef e3 09 6d61702d656e747279 02 01 02 f0 00 03 04", "[[1 2] [3 4]]"),
        // An empty set is written as nothing.
        ("ef e3 13 70657273697374656e742d686173682d736574 01 f7", "#{}"),
        ("ef df 726174696f 02 01 04", "0.25"),
        ("ef de 63686172 01 50 61", r#""a""#),
        // Nobody knows this one: it is kept.
        ("ef dc 7979 02 05 06", "[:yy 5 6]"),
        // Caches are emptied by a mark, and by a footer.
        ("fe 05", "5"),
        ("cfcfcfcf 00000000 00000000 05", "5"),
    ] {
        let found = value(&bytes(digits)).unwrap_or_else(|what| panic!("{digits}: {what}"));
        assert_eq!(found, of_edn(expected), "{digits}");
    }
}

#[test]
fn hostile_bytes_are_errors() {
    let deep = |count: usize| [vec![0xe5; count], vec![1]].concat();
    assert!(value(&deep(150)).is_ok());
    // A list of the list before it, each in the cache: without nesting that anybody sees.
    let mut stacked = vec![0xcd, 0xe4];
    for number in 0..5000_i64 {
        let mut writer = Writer::default();
        stacked.extend([0xcd, 0xe5, 0xcc]);
        stacked.extend(&writer.int(number).bytes);
    }
    let mut reader = Reader::new(&stacked);
    let mut last = Ok(());
    while last.is_ok() && reader.at() < stacked.len() {
        last = reader.next().map(|_| ()).map_err(|wrong| wrong.what);
    }
    assert_eq!(last, Err("objects are nested too deeply".to_owned()));
    // Twice the one before, thirty times: a thousand million elements.
    let mut doubled = vec![0xe0 + 9, 0xcd, 0xe5, 1];
    doubled = [vec![0xec, 31], doubled[1..].to_vec()].concat();
    for number in 0..30_u8 {
        doubled.extend([0xcd, 0xe6, 0x80 + number, 0x80 + number]);
    }
    assert!(value(&doubled).unwrap_err().contains("far too often"));
    for (digits, expected) in [
        (&deep(300)[..], "nested too deeply"),
        (&bytes("ec f8 7fffffffffffffff 01"), "the bytes end"),
        (&bytes("e3 f8 7fffffffffffffff 01"), "more bytes"),
        (&bytes("b0 f8 7fffffffffffffff 01"), "the bytes end"),
        (&bytes("ec ff"), "expected a number of elements"),
        (&bytes("80"), "nothing has the number 0 in the cache"),
        // It is named while it is still being read.
        (&bytes("cd e5 80"), "nothing has the number 0 in the cache"),
        (&bytes("a0"), "no struct type has the number 0"),
        (&bytes("c0 e5 01"), "a key without a value"),
        (&bytes("c0 01"), "expected a list"),
        (&bytes("ef 01 01"), "the tag of a struct"),
        (&bytes("ce"), "not the byte 0xce"),
        (&bytes("c3 01"), "expected bytes"),
        (&bytes("ef e3 11 6a657073656e2e686973746f72792e4f70 06 000000000000"), "the 7 fields of an operation"),
    ] {
        let error = value(digits).unwrap_err();
        assert!(error.contains(expected), "{error}: {digits:02x?}");
    }
}

/// A test as Jepsen 0.2 writes it: a map with the history as a list of plain maps.
pub(in crate::formats) fn old_test(operations: i64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.map(3).name("name").text("old").name("history");
    writer.list(2 * operations as usize + 1);
    for at in 0..operations {
        for kind in ["invoke", "ok"] {
            let value = Value::Int(at);
            writer.map(5).name("type").name(kind).name("f").name("write");
            writer.name("value").value(&value).name("process").int(at % 3).name("time").int(1000 * at);
        }
    }
    writer.map(4).name("type").name("info").name("f").name("start").name("process").name("nemesis").name("value");
    writer.value(&Value::Set(Vec::new()));
    writer.name("results").map(1).name("valid?").value(&Value::Bool(true));
    writer.bytes
}

#[test]
fn the_history_of_an_old_test_is_read() {
    let bytes = old_test(10);
    assert_eq!(Format::detect(&bytes), Format::Fressian);
    let history = read(&bytes, Format::Fressian).unwrap();
    assert_eq!(history.operations.len(), 10);
    assert_eq!(history.faults.len(), 1);
    assert!(history.problems.is_empty(), "{:?}", history.problems);
    assert!(history.operations.iter().all(|o| o.outcome == Outcome::Ok && o.key == NEVER));
    // Wherever it is cut, what is whole is kept, and that it is cut is told.
    for end in 0..bytes.len() {
        match read(&bytes[..end], Format::Fressian) {
            Ok(history) => assert!(history.problems.last().unwrap().grave, "{end}"),
            Err(problem) => assert!(problem.to_string().starts_with("offset "), "{problem}"),
        }
    }
    let half = read(&bytes[..bytes.len() / 2], Format::Fressian).unwrap();
    assert!((3..8).contains(&half.operations.len()));
}

#[test]
fn tuples_become_keys_and_vectors_do_not() {
    let mut writer = Writer::default();
    writer.map(1).name("history").list(2);
    for (process, tuple) in [(0, true), (1, false)] {
        writer.map(4).name("type").name("invoke").name("f").name("cas").name("process").int(process).name("value");
        if tuple {
            writer.tag("map-entry", 2);
        } else {
            writer.list(2);
        }
        writer.int(9).value(&of_edn("[5 -2]"));
    }
    let history = read(&writer.bytes, Format::Fressian).unwrap();
    let shown: Vec<_> = history
        .operations
        .iter()
        .map(|o| (history.key(o.key).cloned(), history.value(o.argument)))
        .collect();
    assert_eq!(
        shown,
        [(Some(Value::Int(9)), of_edn("[5 -2]")), (None, of_edn("[9 [5 -2]]"))]
    );
}

#[test]
fn operations_one_after_the_other_are_a_history_and_a_cut_is_told() {
    let mut writer = Writer::default();
    writer.op(0, "invoke", 7, "write", &Value::Int(5));
    writer.op(1, "ok", 7, "write", &Value::Int(5));
    let whole = writer.bytes.len();
    writer.op(2, "invoke", 7, "read", &Value::Nil);
    assert_eq!(Format::detect(&writer.bytes), Format::Fressian);
    let history = read(&writer.bytes, Format::Fressian).unwrap();
    assert_eq!(history.operations.len(), 2);
    assert_eq!(history.operations[0].outcome, Outcome::Ok);
    assert_eq!(history.operations[1].complete, NEVER);

    let cut = read(&writer.bytes[..whole + 3], Format::Fressian).unwrap();
    assert_eq!(cut.operations.len(), 1);
    assert!(cut.problems.iter().any(|problem| problem.grave), "{:?}", cut.problems);
}
