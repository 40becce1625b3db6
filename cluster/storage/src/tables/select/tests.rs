use super::*;
use crate::tables::{
    Condition as PutCondition, ContainerInfo, Query, Statement, Tables, ValidRows,
};
use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{Epoch, Lsn, Position};
use proptest::prelude::*;

const NOW: i64 = 1_769_904_000_000;

/// A container with these rows.
fn tables(description: &str, rows: &str) -> Tables {
    let at = |lsn| Position {
        epoch: Epoch(1),
        lsn: Lsn(lsn),
    };
    let (name, info) = ContainerInfo::from_json(description.as_bytes()).unwrap();
    let mut tables = Tables::default();
    let create = Statement::CreateContainer {
        name: &name,
        info: info.clone(),
    };
    tables.apply(at(1), &create.encode());
    let rows = ValidRows::many(&info, rows.as_bytes()).unwrap();
    tables.apply(at(2), &rows.put(&name, at(1), PutCondition::Any));
    tables
}

const PEOPLE: &str = r#"{"container_name":"people","container_type":"COLLECTION","rowkey":true,"columns":[
    {"name":"name","type":"STRING"},{"name":"age","type":"INTEGER"},{"name":"weight","type":"DOUBLE"},
    {"name":"born","type":"TIMESTAMP"},{"name":"pets","type":"STRING_ARRAY"}]}"#;

fn people() -> Tables {
    tables(
        PEOPLE,
        r#"[["ann",30,61.5,"1996-01-01T00:00:00.000Z",["cat"]],
            ["bob",30,80.25,"1995-06-01T00:00:00.000Z",[]],
            ["cid",17,null,null,null],
            ["dan",null,70.0,"2000-01-01T00:00:00.000Z",["dog","cow"]]]"#,
    )
}

const SERIES: &str = r#"{"container_name":"series","container_type":"TIME_SERIES","rowkey":true,"columns":[
    {"name":"time","type":"TIMESTAMP"},{"name":"value","type":"LONG"},{"name":"level","type":"DOUBLE"}]}"#;

/// Values 4, 3, 2, 1 after 0, 10, 20 and 40 seconds.
fn series() -> Tables {
    tables(
        SERIES,
        r#"[["1970-01-01T00:00:00.000Z",4,0.5],["1970-01-01T00:00:10.000Z",3,null],
            ["1970-01-01T00:00:20.000Z",2,1.0],["1970-01-01T00:00:40.000Z",1,2.0]]"#,
    )
}

fn ask(
    tables: &Tables,
    wanted: Wanted<'_>,
    (offset, limit): (u64, u64),
) -> Result<Selected<'static>, String> {
    let query = Query::Select {
        container: tables.containers.keys().next().unwrap(),
        wanted,
        offset,
        limit,
        now: NOW,
    };
    let answer = tables.read(&query.encode());
    match Answer::decode(&answer) {
        Some(Answer::Selected(selected)) => Ok(Selected {
            columns: selected
                .columns
                .into_iter()
                .map(|(name, kind)| (Cow::Owned(name.into_owned()), kind))
                .collect(),
            rows: selected
                .rows
                .into_iter()
                .map(|row| Text(Cow::Owned(row.0.into_owned())))
                .collect(),
            ..selected
        }),
        Some(other) => Err(format!("{other:?}")),
        None => panic!("no answer"),
    }
}

fn texts(selected: &Selected<'_>) -> String {
    let rows: Vec<&str> = selected
        .rows
        .iter()
        .map(|row| std::str::from_utf8(&row.0).unwrap())
        .collect();
    rows.join(" ")
}

fn names(selected: &Selected<'_>) -> String {
    let name = |row: &Text<'_>| {
        let cells: Vec<serde_json::Value> = serde_json::from_slice(&row.0).unwrap();
        cells[0].as_str().unwrap().to_owned()
    };
    let names: Vec<String> = selected.rows.iter().map(name).collect();
    names.join(" ")
}

fn tql(tables: &Tables, statement: &str) -> Result<Selected<'static>, String> {
    let columns = Vec::new();
    ask(tables, Wanted::Tql { statement, columns }, (0, 10_000))
}

#[test]
fn rows_are_found_by_any_column_and_sorted_by_any() {
    let people = people();
    for (condition, sort, page, expected, total) in [
        ("", "", (0, 9), "ann bob cid dan", 4),
        ("age = 30", "", (0, 9), "ann bob", 2),
        (
            "age >= 18 or age is null",
            "name desc",
            (0, 9),
            "dan bob ann",
            3,
        ),
        ("name between 'b' and 'cz'", "", (0, 9), "bob cid", 2),
        ("name > 'a' and weight > 65", "", (0, 9), "bob dan", 2),
        ("", "age, weight desc", (0, 9), "cid bob ann dan", 4),
        ("", "age desc, name desc", (0, 9), "dan bob ann cid", 4),
        ("", "weight desc", (1, 2), "bob dan", 4),
        (
            "pets is not null and array_length(pets) > 0",
            "",
            (0, 9),
            "ann dan",
            2,
        ),
        (
            "born < timestampadd(year, now(), -30)",
            "",
            (0, 9),
            "ann bob",
            2,
        ),
        ("name > 'x' and name < 'b'", "", (0, 9), "", 0),
    ] {
        let given = |text| (!str::is_empty(text)).then_some(text);
        let wanted = Wanted::Rows {
            condition: given(condition),
            sort: given(sort),
        };
        let found = ask(&people, wanted, page).unwrap();
        let told = (&*names(&found), found.total);
        assert_eq!(told, (expected, Some(total)), "{condition} {sort}");
        assert_eq!((found.offset, found.limit), page);
    }
}

#[test]
fn rows_are_found_by_their_keys() {
    let people = people();
    let range = |from, to| ask(&people, Wanted::Range { from, to }, (0, 9));
    assert_eq!(names(&range(None, None).unwrap()), "ann bob cid dan");
    let error = range(Some("b"), None).unwrap_err();
    assert!(error.contains("the row key is a STRING"), "{error}");
    let series = series();
    let second = |number: u32| format!("1970-01-01T00:00:{number:02}.000Z");
    let range = |from: u32, to: u32| {
        let (from, to) = (second(from), second(to));
        let (from, to) = (Some(&*from), Some(&*to));
        ask(&series, Wanted::Range { from, to }, (0, 9))
            .unwrap()
            .total
    };
    assert_eq!((range(10, 20), range(11, 19)), (Some(2), Some(0)));
    assert_eq!(range(20, 10), Some(0));
    let keys = Wanted::Keys(vec!["dan", "nobody", "ann", "dan"]);
    let found = ask(&people, keys.clone(), (1, 1)).unwrap();
    assert_eq!((&*names(&found), found.total), ("dan", Some(2)));
    let error = ask(&series, keys, (0, 9)).unwrap_err();
    assert!(error.contains("WrongKey"), "{error}");
}

#[test]
fn statements_make_one_value_of_many_rows() {
    let people = people();
    for (statement, kind, row) in [
        ("select count(*)", "DOUBLE", "[4.0]"),
        ("select count(*) where age = 99", "DOUBLE", "[0.0]"),
        ("select max(age)", "DOUBLE", "[30.0]"),
        (
            "select min(born)",
            "TIMESTAMP",
            r#"["1995-06-01T00:00:00.000Z"]"#,
        ),
        ("select sum(age)", "DOUBLE", "[77.0]"),
        ("select sum(weight)", "DOUBLE", "[211.75]"),
        ("select avg(weight) where age = 30", "DOUBLE", "[70.875]"),
        (
            "select variance(weight) where age = 30",
            "DOUBLE",
            "[87.890625]",
        ),
        ("select max(age) where age > 99", "DOUBLE", ""),
        ("select sum(age) where age > 99", "DOUBLE", "[0.0]"),
    ] {
        let found = tql(&people, statement).unwrap();
        assert_eq!(texts(&found), row, "{statement}");
        let (name, found_kind) = &found.columns[0];
        assert_eq!(
            (&**name, &*found_kind.to_string()),
            ("aggregationResult", kind),
            "{statement}"
        );
        assert_eq!(found.total, None);
    }
}

#[test]
fn statements_select_rows_and_columns() {
    let people = people();
    let found = tql(
        &people,
        "select * where age = 30 order by weight desc limit 1 offset 1",
    )
    .unwrap();
    assert_eq!((&*names(&found), found.total), ("ann", Some(2)));
    assert_eq!((found.offset, found.limit), (1, 1));
    assert_eq!(tql(&people, "select *").unwrap().limit, 10_000);
    assert_eq!(
        names(&tql(&people, "select max_rows(age) order by name desc").unwrap()),
        "bob ann"
    );
    assert_eq!(
        names(&tql(&people, "select min_rows(weight)").unwrap()),
        "ann"
    );
    let columns = vec!["age", "NAME"];
    let statement = "select * where name < 'c'";
    let found = ask(&people, Wanted::Tql { statement, columns }, (0, 1)).unwrap();
    assert_eq!((&*texts(&found), found.limit), (r#"[30,"ann"]"#, 1));
    assert_eq!(found.columns[1].0, "name");
    for (statement, complaint) in [
        ("select * where nothing = 1", "WrongQuery(Name"),
        ("select time_avg(age)", "for time series"),
        ("select", "WrongQuery(Syntax"),
        ("select sum(name)", "WrongQuery(Type"),
    ] {
        let error = tql(&people, statement).unwrap_err();
        assert!(error.contains(complaint), "{error}");
    }
    let columns = vec!["nothing"];
    let statement = "select *";
    let error = ask(&people, Wanted::Tql { statement, columns }, (0, 1)).unwrap_err();
    assert!(error.contains("no column nothing"), "{error}");
}

#[test]
fn time_series_are_asked_by_time() {
    let series = series();
    let row = |second: u32, rest: &str| format!(r#"["1970-01-01T00:00:{second:02}.000Z",{rest}]"#);
    for (statement, expected) in [
        (
            "select time_next(*, to_timestamp_ms(10000))",
            vec![row(10, "3,null")],
        ),
        (
            "select time_next_only(*, to_timestamp_ms(10000))",
            vec![row(20, "2,1.0")],
        ),
        (
            "select time_prev(*, to_timestamp_ms(19999))",
            vec![row(10, "3,null")],
        ),
        (
            "select time_prev_only(*, to_timestamp_ms(10000))",
            vec![row(0, "4,0.5")],
        ),
        ("select time_prev_only(*, to_timestamp_ms(0))", vec![]),
        (
            "select time_next(*, to_timestamp_ms(0)) where value < 3",
            vec![row(20, "2,1.0")],
        ),
        (
            "select time_next(*, to_timestamp_ms(0)) where time > to_timestamp_ms(20000)",
            vec![row(40, "1,2.0")],
        ),
        (
            "select time_prev(*, now()) where time < to_timestamp_ms(20000)",
            vec![row(10, "3,null")],
        ),
        (
            "select time_interpolated(value, to_timestamp_ms(5000))",
            vec![row(5, "3,0.5")],
        ),
        (
            "select time_interpolated(level, to_timestamp_ms(35000))",
            vec![row(35, "2,1.75")],
        ),
        (
            "select time_interpolated(level, to_timestamp_ms(5000))",
            vec![row(5, "4,null")],
        ),
        (
            "select time_interpolated(value, to_timestamp_ms(20000))",
            vec![row(20, "2,1.0")],
        ),
        (
            "select time_interpolated(value, to_timestamp_ms(41000))",
            vec![],
        ),
        (
            "select time_sampling(level, to_timestamp_ms(20000), to_timestamp_ms(50000), 10, second)",
            vec![row(20, "2,1.0"), row(30, "2,1.5"), row(40, "1,2.0")],
        ),
        (
            "select time_sampling(*, to_timestamp_ms(5000), now(), 10000, day) order by value desc",
            vec![
                row(5, "4,0.5"),
                r#"["1997-05-19T00:00:05.000Z",1,2.0]"#.to_owned(),
                r#"["2024-10-04T00:00:05.000Z",1,2.0]"#.to_owned(),
            ],
        ),
        ("select time_avg(value)", vec!["[2.25]".to_owned()]),
        (
            "select time_avg(value) where value = 3",
            vec!["[3.0]".to_owned()],
        ),
    ] {
        let found = tql(&series, statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        assert_eq!(texts(&found), expected.join(" "), "{statement}");
    }
}

#[test]
fn a_plan_says_what_is_looked_at() {
    let people = people();
    let types = |statement: &str| {
        let found = tql(&people, statement).unwrap();
        let values = found.rows.iter().map(|row| {
            let (_, _, kind, _, value, _): (u32, u32, String, String, String, String) =
                serde_json::from_slice(&row.0).unwrap();
            format!("{kind} {value}").trim_end().to_owned()
        });
        values.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(types("explain select *"), "SELECTION; FULL_SCAN");
    assert_eq!(
        types("explain select * where name >= 'b' and age > 3 order by age"),
        "SELECTION; ROWKEY_RANGE [\"b\", ); FILTER; SORT"
    );
    assert_eq!(
        types("explain analyze select * where name >= 'b' and age > 17"),
        "SELECTION; ROWKEY_RANGE [\"b\", ); FILTER; ROWS_LOOKED_AT 3; ROWS_FOUND 1"
    );
}

#[test]
fn rows_without_key_are_in_the_order_of_insertion() {
    let description = r#"{"container_name":"log","container_type":"COLLECTION","rowkey":false,"columns":[
        {"name":"line","type":"STRING"}]}"#;
    let log = tables(description, r#"[["b"],["a"],["b"]]"#);
    let all = Wanted::Rows {
        condition: Some("line >= 'a'"),
        sort: None,
    };
    assert_eq!(names(&ask(&log, all, (0, 9)).unwrap()), "b a b");
    let sorted = Wanted::Rows {
        condition: None,
        sort: Some("line"),
    };
    assert_eq!(names(&ask(&log, sorted, (0, 9)).unwrap()), "a b b");
    let second = Query::Get {
        container: "log",
        key: "2.1",
    };
    let answer = log.read(&second.encode());
    let found = Answer::decode(&answer);
    assert!(
        matches!(found, Some(Answer::Row { value, .. }) if value.0 == br#"["a"]"#),
        "{found:?}"
    );
    for key in ["1", "2.", "+2.1", "x.1"] {
        let asked = Query::Get {
            container: "log",
            key,
        };
        let answer = log.read(&asked.encode());
        assert!(
            matches!(Answer::decode(&answer), Some(Answer::WrongKey(_))),
            "{key}"
        );
    }
}

proptest! {
    /// As if all rows were filtered, sorted and cut.
    #[test]
    fn a_part_of_the_rows_is_that_of_all_of_them(
        there in prop::collection::btree_map(-9..10_i32, prop::option::of(-3..4_i32), 0..15),
        limits in (-10..11_i32, -10..11_i32),
        more in -4..5_i32,
        descending: bool,
        by_key: bool,
        (offset, limit) in (0..6_u64, 0..20_u64),
    ) {
        let description = r#"{"container_name":"t","container_type":"COLLECTION","rowkey":true,"columns":[
            {"name":"id","type":"INTEGER"},{"name":"value","type":"INTEGER"}]}"#;
        let rows: Vec<(i32, Option<i32>)> = there.into_iter().collect();
        let tables = tables(description, &serde_json::to_string(&rows).unwrap());
        let condition = format!("id > {} and value >= {more} and id <= {}", limits.0, limits.1);
        let column = if by_key { "id" } else { "value" };
        let sort = format!("{column} {}", if descending { "desc" } else { "asc" });
        let wanted = Wanted::Rows { condition: Some(&condition), sort: Some(&sort) };
        let found = ask(&tables, wanted, (offset, limit)).unwrap();
        let mut expected: Vec<(i32, Option<i32>)> = rows
            .into_iter()
            .filter(|(id, value)| *id > limits.0 && *id <= limits.1 && value.is_some_and(|value| value >= more))
            .collect();
        let sorted = |row: &(i32, Option<i32>)| if by_key { row.0 } else { row.1.unwrap() };
        match descending {
            true => expected.sort_by_key(|row| std::cmp::Reverse(sorted(row))),
            false => expected.sort_by_key(sorted),
        }
        prop_assert_eq!(found.total, Some(expected.len() as u64));
        let page = expected.into_iter().skip(offset as usize).take(limit as usize);
        let expected: Vec<String> = page.map(|row| serde_json::to_string(&row).unwrap()).collect();
        prop_assert_eq!(texts(&found), expected.join(" "));
    }
}

mod index;
