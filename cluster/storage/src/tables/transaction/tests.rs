use super::*;
use crate::tables::{Condition, ContainerInfo, Statement, Tables, ValidRows};
use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{Epoch, Lsn};
use proptest::prelude::*;

const ACCOUNTS: &str = r#"{"container_name":"accounts","container_type":"COLLECTION","rowkey":true,"columns":[
    {"name":"id","type":"STRING"},{"name":"balance","type":"INTEGER"},{"name":"log","type":"LONG_ARRAY"},
    {"name":"rate","type":"FLOAT"}]}"#;

fn at(lsn: u64) -> Position {
    Position {
        epoch: Epoch(1),
        lsn: Lsn(lsn),
    }
}

struct Accounts {
    info: ContainerInfo,
    tables: Tables,
    lsn: u64,
}

impl Accounts {
    fn new() -> Self {
        let (name, info) = ContainerInfo::from_json(ACCOUNTS.as_bytes()).unwrap();
        let mut tables = Tables::default();
        let create = Statement::CreateContainer {
            name: &name,
            info: info.clone(),
        };
        tables.apply(at(1), &create.encode());
        let rows = br#"[["ann",10,[1],0.5],["bob",20,null,null]]"#;
        let rows = ValidRows::many(&info, rows).unwrap();
        tables.apply(at(2), &rows.put(&name, at(1), Condition::Any));
        Accounts {
            info,
            tables,
            lsn: 2,
        }
    }

    fn rows(&self) -> String {
        let rows = self.tables.containers["accounts"].rows.iter();
        let rows: Vec<&str> = rows
            .map(|(_, row)| std::str::from_utf8(&row.value).unwrap())
            .collect();
        rows.join(" ")
    }

    /// What comes of a transaction; that it can be taken back is checked, too.
    fn transact(&mut self, body: &str) -> String {
        let valid = ValidTransaction::read(&self.info, body.as_bytes()).unwrap();
        let statement = valid.statement("accounts", at(1));
        let before = self.tables.clone();
        self.lsn += 1;
        let (_, undo) = self.tables.apply(at(self.lsn), &statement);
        self.tables.undo(undo);
        assert_eq!(self.tables, before);
        let (outcome, _) = self.tables.apply(at(self.lsn), &statement);
        match Outcome::decode(&outcome).unwrap() {
            Outcome::Transacted { succeeded, results } => format!("{succeeded} {results:?}"),
            other => format!("{other:?}"),
        }
    }
}

#[test]
fn operations_see_each_other_and_happen_all() {
    let mut accounts = Accounts::new();
    let outcome = accounts.transact(
        r#"{"if":[{"key":"ann","column":"balance","operator":">=","value":5},{"key":"cid","exists":false}],
            "then":[{"add":{"key":"ann","column":"balance","value":-5}},
                    {"add":{"key":"bob","column":"balance","value":"5"}},
                    {"append":{"key":"ann","column":"log","value":2}},
                    {"append":{"key":"bob","column":"log","value":[7,8]}},
                    {"append":{"key":"bob","column":"log","value":[]}},
                    {"append":{"key":"cid","column":"log","value":9}},
                    {"get":"cid"},{"delete":"cid"},{"delete":"cid"},{"get":"cid"},
                    {"put":["dan",1,[],1]},{"add":{"key":"dan","column":"rate","value":0.1}}]}"#,
    );
    let expected = r#"["ann",5,[1,2],0.5] ["bob",25,[7,8],null] ["dan",1,[],1.1]"#;
    assert_eq!(accounts.rows(), expected);
    assert!(outcome.starts_with("true [Stored"), "{outcome}");
    assert!(
        outcome.contains(r#"value: ["cid",null,[9],null]"#),
        "{outcome}"
    );
    let deleted = "Deleted { existed: true }, Deleted { existed: false }, NoRow";
    assert!(outcome.contains(deleted), "{outcome}");
}

#[test]
fn requirements_decide_between_two_lists() {
    for (required, met) in [
        (r#"{"key":"ann","exists":true}"#, true),
        (r#"{"key":"ann","exists":false}"#, false),
        (r#"{"key":"nobody","exists":false}"#, true),
        (r#"{"key":"ann","version":"1-2"}"#, true),
        (r#"{"key":"ann","version":"\"1-2\""}"#, true),
        (r#"{"key":"ann","version":"1-3"}"#, false),
        (
            r#"{"key":"ann","column":"balance","operator":"=","value":10}"#,
            true,
        ),
        (
            r#"{"key":"ann","column":"BALANCE","operator":"<>","value":"10"}"#,
            false,
        ),
        (
            r#"{"key":"ann","column":"balance","operator":"<","value":10}"#,
            false,
        ),
        (
            r#"{"key":"ann","column":"balance","operator":"<=","value":10}"#,
            true,
        ),
        (
            r#"{"key":"ann","column":"log","operator":"=","value":[1]}"#,
            true,
        ),
        (
            r#"{"key":"ann","column":"log","operator":"=","value":[1,2]}"#,
            false,
        ),
        (
            r#"{"key":"ann","column":"log","operator":"<>","value":null}"#,
            true,
        ),
        (
            r#"{"key":"bob","column":"log","operator":"=","value":null}"#,
            true,
        ),
        (
            r#"{"key":"bob","column":"rate","operator":">","value":0}"#,
            false,
        ),
        (
            r#"{"key":"ann","column":"id","operator":">","value":"a"}"#,
            true,
        ),
        (
            r#"{"key":"nobody","column":"log","operator":"=","value":null}"#,
            false,
        ),
    ] {
        let body = format!(r#"{{"if":[{required}],"then":[],"else":[{{"get":"ann"}}]}}"#);
        let outcome = Accounts::new().transact(&body);
        assert!(
            outcome.starts_with(&met.to_string()),
            "{required}: {outcome}"
        );
        assert_eq!(outcome.contains("Row"), !met, "{required}: {outcome}");
    }
}

#[test]
fn what_cannot_be_carried_out_changes_nothing() {
    for (operation, fault) in [
        (
            r#"{"add":{"key":"ann","column":"balance","value":2147483647}}"#,
            "TooLarge",
        ),
        (
            r#"{"add":{"key":"ann","column":"rate","value":3.4e38}},{"add":{"key":"ann","column":"rate","value":3.4e38}}"#,
            "TooLarge",
        ),
    ] {
        let mut accounts = Accounts::new();
        let before = accounts.rows();
        let body =
            format!(r#"{{"then":[{{"put":["zed",1,null,null]}},{{"delete":"bob"}},{operation}]}}"#);
        let outcome = accounts.transact(&body);
        assert!(
            outcome.contains(fault) && outcome.contains("succeeded: true"),
            "{outcome}"
        );
        assert_eq!(accounts.rows(), before, "{operation}");
    }
    // A row cannot be made of nulls if another column has none.
    let text = ACCOUNTS.replace(
        r#""name":"balance","#,
        r#""name":"balance","notNull":true,"#,
    );
    let mut accounts = Accounts::new();
    let (_, info) = ContainerInfo::from_json(text.as_bytes()).unwrap();
    let mut strict = accounts.tables.containers["accounts"].clone();
    strict.info = info.clone().into();
    accounts
        .tables
        .containers
        .insert(strict.key.clone(), strict);
    accounts.info = info;
    let body = r#"{"then":[{"append":{"key":"new","column":"log","value":1}}]}"#;
    assert!(accounts.transact(body).contains("Incomplete"));
    let body = r#"{"then":[{"add":{"key":"new","column":"balance","value":1}}]}"#;
    assert!(accounts.transact(body).starts_with("true"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let info = ContainerInfo::from_json(ACCOUNTS.as_bytes()).unwrap().1;
    for (body, complaint) in [
        ("[]", "no transaction"),
        (r#"{"do":[]}"#, "unknown field `do`"),
        (r#"{"then":[{"take":"a"}]}"#, "unknown variant `take`"),
        (
            r#"{"then":[{"get":1}]}"#,
            "then[0]: row 1, column \"id\" (STRING): expected text, got 1",
        ),
        (
            r#"{"else":[{"get":"a"},{"put":["a"]}]}"#,
            "else[1]: row 1 has 1 values",
        ),
        (
            r#"{"then":[{"put":["a","x",null,null]}]}"#,
            "column \"balance\" (INTEGER)",
        ),
        (
            r#"{"then":[{"append":{"key":"a","column":"balance","value":1}}]}"#,
            "column balance is INTEGER",
        ),
        (
            r#"{"then":[{"append":{"key":"a","column":"log","value":"x"}}]}"#,
            "column \"log\" (LONG_ARRAY): expected",
        ),
        (
            r#"{"then":[{"append":{"key":"a","column":"log","value":[null]}}]}"#,
            "got null",
        ),
        (
            r#"{"then":[{"add":{"key":"a","column":"id","value":1}}]}"#,
            "key never changes",
        ),
        (
            r#"{"then":[{"add":{"key":"a","column":"log","value":1}}]}"#,
            "column log is LONG_ARRAY",
        ),
        (
            r#"{"then":[{"add":{"key":"a","column":"balance","value":null}}]}"#,
            "got null",
        ),
        (
            r#"{"then":[{"add":{"key":"a","column":"sum","value":1}}]}"#,
            "no column sum",
        ),
        (r#"{"if":[{"key":"a"}]}"#, "if[0]: beside the key"),
        (
            r#"{"if":[{"key":"a","exists":true,"version":"1-1"}]}"#,
            "beside the key",
        ),
        (r#"{"if":[{"key":"a","version":"new"}]}"#, "like 3-17"),
        (
            r#"{"if":[{"key":"a","column":"balance","operator":"like","value":1}]}"#,
            "not like",
        ),
        (
            r#"{"if":[{"key":"a","column":"log","operator":"<","value":[1]}]}"#,
            "have none",
        ),
        (
            r#"{"if":[{"key":"a","column":"balance","operator":"<","value":null}]}"#,
            "have none",
        ),
    ] {
        let error = ValidTransaction::read(&info, body.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(complaint), "{body}: {error}");
    }
    let text = ACCOUNTS.replace("\"rowkey\":true", "\"rowkey\":false");
    let (_, keyless) = ContainerInfo::from_json(text.as_bytes()).unwrap();
    let error = ValidTransaction::read(&keyless, b"{}").unwrap_err();
    assert!(error.to_string().contains("no row key"), "{error}");
}

#[test]
fn reads_are_bounded() {
    let mut accounts = Accounts::new();
    let list = vec!["9007199254740993"; 40_000].join(",");
    accounts.transact(&format!(
        r#"{{"then":[{{"append":{{"key":"ann","column":"log","value":[{list}]}}}}]}}"#
    ));
    let outcome = accounts.transact(r#"{"then":[{"get":"ann"}]}"#);
    assert!(outcome.starts_with("true"));
    let outcome = accounts.transact(r#"{"then":[{"get":"ann"},{"get":"ann"}]}"#);
    assert!(outcome.contains("ReadsTooMuch"), "{outcome}");
}

proptest! {
    /// Whatever comes is refused, or is carried out, taken back, and carried out alike.
    #[test]
    fn any_body_is_a_transaction_or_none(words in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"if\"", "\"then\"", "\"else\"", "\"key\"", "\"ann\"", "\"get\"", "\"put\"",
        "\"delete\"", "\"append\"", "\"add\"", "\"column\"", "\"balance\"", "\"log\"", "\"value\"", "\"operator\"",
        "\">=\"", "\"exists\"", "true", "null", "1", "-5", "1e9",
    ]), 0..40)) {
        let _ = ValidTransaction::read(&Accounts::new().info, words.concat().as_bytes());
    }

    #[test]
    fn damaged_statements_change_nothing_or_something_that_can_be_taken_back(at_byte: usize, bits in 1..=255_u8) {
        let mut accounts = Accounts::new();
        let body = r#"{"if":[{"key":"ann","column":"balance","operator":"<","value":99}],
            "then":[{"append":{"key":"bob","column":"log","value":[1,2]}},{"add":{"key":"ann","column":"rate","value":1.5}},
                    {"put":["cid",1,null,null]},{"get":"bob"},{"delete":"ann"}]}"#;
        let valid = ValidTransaction::read(&accounts.info, body.as_bytes()).unwrap();
        let mut statement = valid.statement("accounts", at(1)).to_vec();
        let at_byte = at_byte % statement.len();
        statement[at_byte] ^= bits;
        let before = accounts.tables.clone();
        let (_, undo) = accounts.tables.apply(at(3), &statement.into());
        accounts.tables.undo(undo);
        prop_assert_eq!(&accounts.tables, &before);
    }
}
