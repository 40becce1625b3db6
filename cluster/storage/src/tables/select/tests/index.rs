//! Indexes.

use super::*;

/// What is done to a container, in the order of its numbers.
#[derive(Clone, Debug)]
enum Act {
    Put(i32, Option<i32>, Option<f64>, String),
    Delete(i32),
    /// The last acts are taken back.
    Undo(usize),
    /// The container goes through an image.
    Image,
}

fn act() -> impl Strategy<Value = Act> {
    let double = prop::sample::select(vec![
        None,
        Some(-0.0),
        Some(0.0),
        Some(-1.5),
        Some(1e300),
        Some(2.0),
    ]);
    prop_oneof![
        6 => (0..40_i32, prop::option::of(-3..4_i32), double, "[ab]{0,2}")
            .prop_map(|(id, number, double, text)| Act::Put(id, number, double, text)),
        2 => (0..40_i32).prop_map(Act::Delete),
        1 => (1..4_usize).prop_map(Act::Undo),
        1 => Just(Act::Image),
    ]
}

proptest! {
    /// Whatever happened to the rows, an index finds what looking at all of them finds.
    #[test]
    fn an_index_never_disagrees_with_a_scan(
        acts in prop::collection::vec(act(), 0..80),
        conditions in prop::collection::vec((0..4_usize, 0..7_usize, -3..4_i32), 1..4),
    ) {
        let describe = |index: &str| format!(
            r#"{{"container_name":"t","container_type":"COLLECTION","rowkey":true,"columns":[{{"name":"id","type":"INTEGER"}},
            {{"name":"number","type":"INTEGER"{index}}},{{"name":"double","type":"DOUBLE"{index}}},
            {{"name":"text","type":"STRING"{index}}}]}}"#
        );
        let (with, without) = (describe(r#","index":["TREE"]"#), describe(""));
        let mut both = [tables(&with, "[]"), tables(&without, "[]")];
        let mut undos = [Vec::new(), Vec::new()];
        let at = |lsn| Position { epoch: Epoch(1), lsn: Lsn(lsn) };
        let info = ContainerInfo::from_json(with.as_bytes()).unwrap().1;
        for (act, lsn) in acts.iter().zip(3..) {
            for (tables, undos) in both.iter_mut().zip(&mut undos) {
                match act {
                    Act::Put(id, number, double, text) => {
                        let row = serde_json::to_vec(&(id, number, double, text)).unwrap();
                        let put = ValidRows::one(&info, &row).unwrap().put("t", at(1), PutCondition::Any);
                        undos.push(tables.apply(at(lsn), &put).1);
                    }
                    Act::Delete(id) => {
                        let keys = crate::tables::ValidKeys::many(&info, format!("[{id}]").as_bytes()).unwrap();
                        undos.push(tables.apply(at(lsn), &keys.delete("t", at(1), PutCondition::Any)).1);
                    }
                    Act::Undo(count) => {
                        for _ in 0..*count {
                            if let Some(undo) = undos.pop() {
                                tables.undo(undo);
                            }
                        }
                    }
                    Act::Image => *tables = Tables::restore(&tables.image()).unwrap(),
                }
            }
        }
        let texts = conditions.iter().map(|(column, comparison, value)| {
            let comparison = ["=", "<>", "<", "<=", ">", ">=", "between -1 and"][*comparison];
            match column {
                0 => format!("number {comparison} {value}"),
                1 => format!("double {comparison} {value}"),
                2 => format!("double {comparison} {value}.5"),
                _ => format!("text {} '{}'", comparison.replace("-1", "''"), "ab".repeat(value.unsigned_abs() as usize)),
            }
        });
        let condition = texts.collect::<Vec<_>>().join(" and ");
        for sort in ["id", "id desc", "text, number desc"] {
            let wanted = Wanted::Rows { condition: Some(&condition), sort: Some(sort) };
            let found = both.each_ref().map(|tables| ask(tables, wanted.clone(), (0, 1000)).unwrap().rows);
            prop_assert_eq!(&found[0], &found[1], "{}", condition);
        }
    }
}

#[test]
fn an_index_is_used_where_it_finds_few_rows() {
    let description = PEOPLE.replace(r#""name":"age","#, r#""name":"age","index":["TREE"],"#);
    let rows: Vec<String> = (0..100)
        .map(|number| format!(r#"["p{number:02}",{},null,null,null]"#, number % 50))
        .collect();
    let people = tables(&description, &format!("[{}]", rows.join(",")));
    let plan = |condition: &str| {
        let found = tql(
            &people,
            &format!("explain analyze select * where {condition}"),
        )
        .unwrap();
        let rows = found.rows.iter().skip(1).map(|row| {
            let (_, _, kind, _, value, _): (u32, u32, String, String, String, String) =
                serde_json::from_slice(&row.0).unwrap();
            format!("{kind} {value}").trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        plan("age = 7"),
        "INDEX_TREE age; ROWS_LOOKED_AT 2; ROWS_FOUND 2"
    );
    assert_eq!(
        plan("name like '%7' and age between 5 and 9"),
        "INDEX_TREE age; FILTER; ROWS_LOOKED_AT 10; ROWS_FOUND 2"
    );
    assert_eq!(
        plan("age > 3"),
        "FULL_SCAN; FILTER; ROWS_LOOKED_AT 100; ROWS_FOUND 92"
    );
    assert_eq!(
        plan("age = 7 and name > 'p50'"),
        "ROWKEY_RANGE (\"p50\", ); FILTER; ROWS_LOOKED_AT 49; ROWS_FOUND 1"
    );
    let found = tql(&people, "select * where age >= 48 order by name desc").unwrap();
    assert_eq!(names(&found), "p99 p98 p49 p48");
    assert_eq!(
        texts(&tql(&people, "select count(*) where age = 48").unwrap()),
        "[2.0]"
    );
}
