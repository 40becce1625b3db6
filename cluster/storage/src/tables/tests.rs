use super::*;
use kensho_protocol::ids::{Epoch, Lsn};
use proptest::prelude::*;

const SCHEMA: &str = r#"{"container_name":"Users","container_type":"COLLECTION","rowkey":true,
    "columns":[{"name":"id","type":"LONG"},{"name":"name","type":"STRING"}]}"#;

fn at(lsn: u64) -> Position {
    Position {
        epoch: Epoch(1),
        lsn: Lsn(lsn),
    }
}

fn info() -> ContainerInfo {
    ContainerInfo::from_json(SCHEMA.as_bytes()).unwrap().1
}

fn create(name: &str) -> Bytes {
    Statement::CreateContainer { name, info: info() }.encode()
}

fn put(container: &str, row: &str, schema: Position, condition: Condition) -> Bytes {
    let rows = ValidRows::one(&info(), row.as_bytes()).unwrap();
    rows.put(container, schema, condition)
}

fn delete(container: &str, keys: &str, schema: Position, condition: Condition) -> Bytes {
    let keys = ValidKeys::many(&info(), keys.as_bytes()).unwrap();
    keys.delete(container, schema, condition)
}

fn get(tables: &Tables, container: &str, key: &str) -> Option<(Position, String)> {
    let answer = tables.read(&Query::Get { container, key }.encode());
    match Answer::decode(&answer).unwrap() {
        Answer::Row { version, value } => {
            Some((version, String::from_utf8(value.0.to_vec()).unwrap()))
        }
        Answer::NoSuchRow => None,
        other => panic!("{other:?}"),
    }
}

fn outcome(tables: &mut Tables, lsn: u64, statement: &Bytes) -> Bytes {
    tables.apply(at(lsn), statement).0
}

#[track_caller]
fn assert_outcome(tables: &mut Tables, lsn: u64, statement: &Bytes, expected: &Outcome<'_>) {
    let bytes = outcome(tables, lsn, statement);
    assert_eq!(&Outcome::decode(&bytes).unwrap(), expected);
}

#[test]
fn everything_is_told_in_lines_that_count_themselves() {
    let everything =
        |tables: &Tables| match Answer::decode(&tables.read(&Query::Everything.encode())) {
            Some(Answer::Everything(text)) => String::from_utf8(text.0.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        };
    let mut tables = Tables::default();
    assert_eq!(everything(&tables), "{\"containers\":0,\"rows\":0}\n");
    outcome(&mut tables, 1, &create("Users"));
    outcome(&mut tables, 2, &create("b"));
    for (lsn, row) in [(3, r#"[7,"x\ny"]"#), (4, "[2,null]")] {
        outcome(&mut tables, lsn, &put("users", row, at(1), Condition::Any));
    }
    let text = everything(&tables);
    let lines: Vec<&str> = text.lines().collect();
    let counted = |name: &str, rows: u64| {
        let described = String::from_utf8(info().to_json(name)).unwrap();
        format!("{{\"container\":{described},\"rows\":{rows}}}")
    };
    assert_eq!(lines[..2], [&counted("b", 0), &counted("Users", 2)]);
    assert_eq!(
        lines[2..],
        ["[2,null]", r#"[7,"x\ny"]"#, "{\"containers\":2,\"rows\":2}"]
    );
    // What a container is described by is what it can be created from.
    let (name, again) = ContainerInfo::from_json(&info().to_json("Users")).unwrap();
    assert_eq!((name.as_str(), again), ("Users", info()));
}

#[test]
fn a_row_is_put_read_replaced_and_deleted() {
    let mut tables = Tables::default();
    assert_outcome(&mut tables, 1, &create("Users"), &Outcome::Created);
    assert_outcome(&mut tables, 2, &create("USERS"), &Outcome::AlreadyExists);
    for (lsn, name) in [(3, "a"), (4, "b")] {
        let put = put("users", &format!(r#"[7, "{name}"]"#), at(1), Condition::Any);
        let stored = Outcome::Stored {
            version: at(lsn),
            count: 1,
        };
        assert_outcome(&mut tables, lsn, &put, &stored);
        let value = format!(r#"[7,"{name}"]"#);
        assert_eq!(get(&tables, "uSers", "7"), Some((at(lsn), value)));
    }
    for (lsn, existed) in [(5, 1), (6, 0)] {
        let delete = delete("users", "[7]", at(1), Condition::Any);
        assert_outcome(&mut tables, lsn, &delete, &Outcome::Deleted { existed });
        assert_eq!(get(&tables, "users", "7"), None);
    }
    let drop = Statement::DropContainer { name: "users" }.encode();
    assert_outcome(&mut tables, 7, &drop, &Outcome::Dropped);
    assert_outcome(&mut tables, 8, &drop, &Outcome::NoSuchContainer);
    assert_eq!(tables, Tables::default());
}

#[test]
fn conditions_compare_and_set() {
    let mut tables = Tables::default();
    outcome(&mut tables, 1, &create("users"));
    let new = |name: &str, condition| put("users", &format!(r#"[7,"{name}"]"#), at(1), condition);
    let stored = |lsn| Outcome::Stored {
        version: at(lsn),
        count: 1,
    };
    let absent = Outcome::ConditionFailed {
        index: 0,
        current: None,
        value: None,
    };
    let of_version = |lsn| Condition::IfVersion(at(lsn));
    assert_outcome(&mut tables, 2, &new("a", of_version(9)), &absent);
    assert_outcome(&mut tables, 3, &new("a", Condition::IfAbsent), &stored(3));
    let failed = Outcome::ConditionFailed {
        index: 0,
        current: Some(at(3)),
        value: None,
    };
    assert_outcome(&mut tables, 4, &new("b", Condition::IfAbsent), &failed);
    assert_outcome(&mut tables, 5, &new("b", of_version(2)), &failed);
    assert_outcome(&mut tables, 6, &new("b", of_version(3)), &stored(6));
    let remove = |lsn| delete("users", "[7]", at(1), of_version(lsn));
    let failed = Outcome::ConditionFailed {
        index: 0,
        current: Some(at(6)),
        value: None,
    };
    assert_outcome(&mut tables, 7, &remove(3), &failed);
    assert_outcome(&mut tables, 8, &remove(6), &Outcome::Deleted { existed: 1 });
    assert_outcome(&mut tables, 9, &remove(6), &absent);
}

/// What is told of a failed condition: what stood there, as long as it stands there.
#[test]
fn an_outcome_tells_a_row_only_as_long_as_it_has_that_version() {
    let mut tables = Tables::default();
    outcome(&mut tables, 1, &create("users"));
    let large = format!(r#"[7,"{}"]"#, "x".repeat(1 << 20));
    outcome(&mut tables, 2, &put("users", &large, at(1), Condition::Any));
    let statements = [
        put("users", r#"[7,"a"]"#, at(1), Condition::IfAbsent),
        delete("users", "[7]", at(1), Condition::IfVersion(at(9))),
        ValidRows::many(&info(), br#"[[6,"a"],[7,"b"]]"#)
            .unwrap()
            .put("users", at(1), Condition::IfAbsent),
    ];
    let kept = statements.each_ref().map(|statement| {
        let (outcome, _) = tables.apply(at(3), statement);
        assert!(outcome.len() < 22, "it takes no memory of its own");
        outcome
    });
    let told = |tables: &Tables, which: usize| {
        let told = tables.tell(&statements[which], kept[which].clone());
        match Outcome::decode(&told) {
            Some(Outcome::ConditionFailed { current, value, .. }) => {
                assert_eq!(current, Some(at(2)));
                value.map(|value| value.0.to_vec())
            }
            other => panic!("{other:?}"),
        }
    };
    for (which, kept) in kept.iter().enumerate() {
        assert_eq!(told(&tables, which), Some(large.clone().into_bytes()));
        // Bytes that are no statement of this kind are told nothing.
        assert_eq!(tables.tell(&create("x"), kept.clone()), *kept);
    }
    outcome(&mut tables, 4, &put("users", &large, at(1), Condition::Any));
    assert_eq!(
        [0, 1, 2].map(|which| told(&tables, which)),
        [None, None, None]
    );
}

/// A row that is not written again keeps in memory little more than itself of the batch that it came
/// with.
#[test]
fn a_batch_is_not_kept_for_the_rows_that_are_left_of_it() {
    let mut tables = Tables::default();
    outcome(&mut tables, 1, &create("users"));
    for (lsn, value_bytes) in [(2, 1), (3, 100), (4, 5_000)] {
        let text = "x".repeat(value_bytes);
        let rows: Vec<String> = (0..50).map(|id| format!(r#"[{id},"{text}"]"#)).collect();
        let rows = format!("[{}]", rows.join(","));
        let put =
            ValidRows::many(&info(), rows.as_bytes())
                .unwrap()
                .put("users", at(1), Condition::Any);
        let (_, undo) = tables.apply(at(lsn), &put);
        drop(undo);
        assert!(put.is_unique(), "nothing of it is in the tables");
        for id in [0, 9, 49] {
            let value = format!(r#"[{id},"{text}"]"#);
            assert_eq!(
                get(&tables, "users", &id.to_string()),
                Some((at(lsn), value))
            );
        }
    }
}

#[test]
fn rows_of_one_statement_are_stored_all_or_none() {
    let mut tables = Tables::default();
    outcome(&mut tables, 1, &create("users"));
    outcome(
        &mut tables,
        2,
        &put("users", r#"[2,"old"]"#, at(1), Condition::Any),
    );
    let rows = ValidRows::many(&info(), br#"[[1,"x"],[2,"y"],[3,"z"]]"#).unwrap();
    let before = tables.clone();
    let failed = Outcome::ConditionFailed {
        index: 1,
        current: Some(at(2)),
        value: None,
    };
    let put = rows.put("users", at(1), Condition::IfAbsent);
    assert_outcome(&mut tables, 3, &put, &failed);
    assert_eq!(tables, before);
    let stored = Outcome::Stored {
        version: at(4),
        count: 3,
    };
    let put = rows.put("users", at(1), Condition::Any);
    assert_outcome(&mut tables, 4, &put, &stored);
    assert_eq!(tables.rows(), 3);
}

#[test]
fn a_statement_made_for_another_container_of_the_name_changes_nothing() {
    let mut tables = Tables::default();
    let stale = put("users", r#"[1,"a"]"#, at(1), Condition::Any);
    assert_outcome(&mut tables, 1, &stale, &Outcome::NoSuchContainer);
    outcome(&mut tables, 2, &create("users"));
    assert_outcome(&mut tables, 3, &stale, &Outcome::SchemaChanged);
    let stale = delete("users", "[1]", at(1), Condition::Any);
    assert_outcome(&mut tables, 4, &stale, &Outcome::SchemaChanged);
}

#[test]
fn nonsense_changes_nothing_and_says_so() {
    let mut tables = Tables::default();
    outcome(&mut tables, 1, &create("users"));
    let before = tables.clone();
    for bytes in [&b""[..], b"\xff\xff", b"\x02\x05users"] {
        let (bytes, undo) = tables.apply(at(2), &Bytes::copy_from_slice(bytes));
        assert_eq!(Outcome::decode(&bytes), Some(Outcome::Malformed));
        tables.undo(undo);
        let answer = tables.read(&Bytes::from_static(b"\xff"));
        assert_eq!(Answer::decode(&answer), Some(Answer::Malformed));
    }
    assert_eq!(tables, before);
    assert!(Tables::restore(&Bytes::from_static(b"no image")).is_err());
    let mut image = tables.image().to_vec();
    image.push(0);
    assert!(Tables::restore(&image.into()).is_err());
}

#[test]
fn containers_tell_what_they_are_like() {
    let mut tables = Tables::default();
    outcome(&mut tables, 1, &create("Zoo"));
    outcome(&mut tables, 2, &create("animals"));
    let all = Query::ListContainers {
        kind: None,
        prefix: "",
    };
    let answer = tables.read(&all.encode());
    assert_eq!(
        Answer::decode(&answer),
        Some(Answer::Names(vec!["animals", "Zoo"]))
    );
    let answer = tables.read(&Query::ContainerInfo { name: "zoo" }.encode());
    let expected = Answer::Info {
        name: "Zoo",
        info: info(),
        created: at(1),
    };
    assert_eq!(Answer::decode(&answer), Some(expected));
    let (name, key) = ("zoo", "one");
    let answer = tables.read(
        &Query::Get {
            container: name,
            key,
        }
        .encode(),
    );
    assert!(
        matches!(Answer::decode(&answer), Some(Answer::WrongKey(what)) if what.contains("LONG"))
    );
}

#[test]
fn rows_without_key_are_kept_in_the_order_of_insertion() {
    let text = r#"{"container_name":"log","container_type":"COLLECTION","rowkey":false,
        "columns":[{"name":"line","type":"STRING"}]}"#;
    let (name, info) = ContainerInfo::from_json(text.as_bytes()).unwrap();
    let mut tables = Tables::default();
    let create = Statement::CreateContainer {
        name: &name,
        info: info.clone(),
    };
    outcome(&mut tables, 1, &create.encode());
    let rows = ValidRows::many(&info, br#"[["b"],["a"],["b"]]"#).unwrap();
    outcome(&mut tables, 2, &rows.put(&name, at(1), Condition::Any));
    outcome(&mut tables, 3, &rows.put(&name, at(1), Condition::Any));
    assert_eq!(tables.rows(), 6);
    let rows = tables.containers["log"].rows.iter();
    let values: Vec<&[u8]> = rows.map(|(_, row)| &row.value[..]).collect();
    assert_eq!(values.concat(), br#"["b"]["a"]["b"]["b"]["a"]["b"]"#);
    assert_eq!(Tables::restore(&tables.image()), Ok(tables));
}

/// Rows keep their versions; statements that were made for the container as it was do nothing.
#[test]
fn a_container_is_altered_with_its_rows() {
    let mut tables = Tables::default();
    tables.apply(at(1), &create("Users"));
    let many: Vec<String> = (0..3_000)
        .map(|id| format!(r#"[{id},"name {id}"]"#))
        .collect();
    let many = format!("[{}]", many.join(","));
    let rows = ValidRows::many(&info(), many.as_bytes()).unwrap();
    tables.apply(at(2), &rows.put("users", at(1), Condition::Any));
    let before = tables.clone();
    let change = r#"{"add":[{"name":"age","type":"LONG","index":["TREE"]},{"name":"tags","type":"STRING_ARRAY"}]}"#;
    let alter = Statement::AlterContainer {
        name: "USERS",
        schema: at(1),
        info: info().altered(change.as_bytes()).unwrap(),
    };
    let (told, undo) = tables.apply(at(3), &alter.encode());
    assert_eq!(Outcome::decode(&told), Some(Outcome::Altered));
    for id in [0, 1_234, 2_999] {
        let value = format!(r#"[{id},"name {id}",null,null]"#);
        assert_eq!(get(&tables, "users", &id.to_string()), Some((at(2), value)));
    }
    let late = put("users", r#"[1,"late"]"#, at(1), Condition::Any);
    assert_outcome(&mut tables, 4, &late, &Outcome::SchemaChanged);
    assert_outcome(&mut tables, 5, &alter.encode(), &Outcome::SchemaChanged);
    // Fewer columns, or other types, are no change that a node asks for.
    let back = Statement::AlterContainer {
        name: "users",
        schema: at(3),
        info: info(),
    };
    assert_outcome(&mut tables, 6, &back.encode(), &Outcome::Malformed);
    assert_eq!(tables.wrong_index(), None);
    assert_eq!(Tables::restore(&tables.image()), Ok(tables.clone()));
    tables.undo(undo);
    assert_eq!(tables, before);
}

#[test]
fn an_index_that_lost_a_row_is_noticed() {
    let mut tables = Tables::default();
    let text = SCHEMA.replace(r#""type":"STRING""#, r#""type":"STRING","index":["TREE"]"#);
    let (name, info) = ContainerInfo::from_json(text.as_bytes()).unwrap();
    let create = Statement::CreateContainer { name: &name, info };
    tables.apply(at(1), &create.encode());
    tables.apply(at(2), &put("users", r#"[1,"a"]"#, at(1), Condition::Any));
    assert_eq!(tables.wrong_index(), None);
    let container = tables.containers.get_mut("users").unwrap();
    container.rows.forget_in_indexes(&RowKey::Integer(1));
    let wrong = tables.wrong_index().expect("it is noticed");
    assert!(
        wrong.contains("container Users: the index of column name"),
        "{wrong}"
    );
}

#[derive(Clone, Debug)]
enum Act {
    Create(u8),
    Drop(u8),
    Put(u8, Vec<(u8, u8)>, u8),
    Delete(u8, Vec<u8>, u8),
    Transact(u8, String),
    /// The column of names gets an index, or loses it.
    Alter(u8, bool),
}

fn act() -> impl Strategy<Value = Act> {
    let container = 0..3_u8;
    prop_oneof![
        container.clone().prop_map(Act::Create),
        container.clone().prop_map(Act::Drop),
        (container.clone(), any::<bool>())
            .prop_map(|(container, index)| Act::Alter(container, index)),
        (
            container.clone(),
            prop::collection::vec((0..6_u8, any::<u8>()), 0..5),
            0..4_u8
        )
            .prop_map(|(container, rows, condition)| Act::Put(container, rows, condition)),
        (container, prop::collection::vec(0..6_u8, 0..4), 0..4_u8)
            .prop_map(|(container, keys, condition)| Act::Delete(container, keys, condition)),
        (0..3_u8, prop::collection::vec((0..4_u8, 0..6_u8), 0..6)).prop_map(
            |(container, operations)| {
                let operations = operations.iter().map(|(operation, key)| match operation {
                    0 => format!(r#"{{"put":[{key},"p"]}}"#),
                    1 => format!(r#"{{"delete":{key}}}"#),
                    2 => format!(r#"{{"get":{key}}}"#),
                    _ => format!(r#"{{"add":{{"key":{key},"column":"count","value":100}}}}"#),
                });
                let operations: Vec<String> = operations.collect();
                Act::Transact(
                    container,
                    format!(
                        r#"{{"if":[{{"key":1,"exists":true}}],"then":[{0}],"else":[{0}]}}"#,
                        operations.join(",")
                    ),
                )
            }
        ),
    ]
}

/// Makes statements that mostly fit the state.
fn statement(tables: &Tables, act: &Act) -> Bytes {
    let schema = |container: u8| {
        let container = tables.containers.get(format!("c{container}").as_str());
        container.map_or(at(999), |container| container.created)
    };
    let condition = |container: u8, condition: u8, key: Option<u8>| match condition {
        0 => Condition::IfAbsent,
        1 => {
            let row = tables.containers.get(format!("c{container}").as_str());
            let key = RowKey::Integer(key.unwrap_or(0).into());
            let row = row.and_then(|container| container.rows.get(&key));
            Condition::IfVersion(row.map_or(at(999), |row| row.version))
        }
        _ => Condition::Any,
    };
    match act {
        Act::Create(container) => create(&format!("C{container}")),
        Act::Drop(container) => Statement::DropContainer {
            name: &format!("c{container}"),
        }
        .encode(),
        Act::Alter(container, index) => {
            let indexes = if *index { r#"["TREE"]"# } else { "[]" };
            let change = format!(r#"{{"index":{{"name":{indexes}}}}}"#);
            Statement::AlterContainer {
                name: &format!("c{container}"),
                schema: schema(*container),
                info: info().altered(change.as_bytes()).unwrap(),
            }
            .encode()
        }
        Act::Put(container, rows, wanted) => {
            let texts: Vec<String> = rows
                .iter()
                .map(|(key, value)| format!("[{key},\"{value}\"]"))
                .collect();
            let text = format!("[{}]", texts.join(","));
            let valid = ValidRows::many(&info(), text.as_bytes()).unwrap();
            let first = rows.first().map(|(key, _)| *key);
            let condition = condition(*container, *wanted, first);
            valid.put(&format!("c{container}"), schema(*container), condition)
        }
        Act::Transact(container, body) => {
            // A column that the container does not have makes a transaction fail that was half done.
            let body = body.replace("\"count\"", "\"name\"");
            let text = SCHEMA.replace("STRING", "BYTE");
            let (_, info) = ContainerInfo::from_json(text.as_bytes()).unwrap();
            let body = body.replace("\"p\"", "100");
            let valid = ValidTransaction::read(&info, body.as_bytes()).unwrap();
            valid.statement(&format!("c{container}"), schema(*container))
        }
        Act::Delete(container, keys, wanted) => {
            let texts: Vec<String> = keys.iter().map(u8::to_string).collect();
            let text = format!("[{}]", texts.join(","));
            let condition = condition(*container, *wanted, keys.first().copied());
            delete(
                &format!("c{container}"),
                &text,
                schema(*container),
                condition,
            )
        }
    }
}

proptest! {
    /// Undoing statements in reverse order gives back every state in between, and an image gives back
    /// the state that it was made of.
    #[test]
    fn whatever_is_applied_can_be_taken_back(acts in prop::collection::vec(act(), 1..40)) {
        let mut tables = Tables::default();
        let mut past = Vec::new();
        for (index, act) in acts.iter().enumerate() {
            let statement = statement(&tables, act);
            let before = tables.clone();
            let (_, undo) = tables.apply(at(index as u64 + 1), &statement);
            past.push((before, undo));
            prop_assert_eq!(Tables::restore(&tables.image()), Ok(tables.clone()));
            prop_assert_eq!(tables.wrong_index(), None);
        }
        for (before, undo) in past.into_iter().rev() {
            tables.undo(undo);
            prop_assert_eq!(&tables, &before);
            prop_assert_eq!(tables.wrong_index(), None);
        }
    }

    /// Bytes that are no image, or a damaged one, are refused or give some state, but never a panic.
    #[test]
    fn damaged_images_never_panic(acts in prop::collection::vec(act(), 1..10), at_byte: usize, bits: u8) {
        let mut tables = Tables::default();
        for (index, act) in acts.iter().enumerate() {
            let statement = statement(&tables, act);
            tables.apply(at(index as u64 + 1), &statement);
        }
        let mut image = tables.image().to_vec();
        let at_byte = at_byte % image.len();
        image[at_byte] ^= bits;
        let _ = Tables::restore(&image.into());
    }
}
