//! Changes of what a container is like: columns that are added at the end, other names, indexes.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kensho_protocol::ids::Position;
use serde::Deserialize;

use super::container::{ColumnDescription, ContainerInfo, InvalidContainer};
use super::rows_by_key::Rows;
use super::statement::Outcome;
use super::{Change, Container, Row, RowKey};

/// A change as clients describe it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Columns to be added at the end.
    #[serde(default)]
    add: Vec<ColumnDescription>,
    /// New names of columns, by their old ones.
    #[serde(default)]
    rename: BTreeMap<String, String>,
    /// The indexes that columns are to have from now on, by their names.
    #[serde(default)]
    index: BTreeMap<String, Vec<String>>,
}

impl ContainerInfo {
    /// What the container is like after a change, which is the JSON text
    /// `{"rename":{"old":"new"},"index":{"column":["TREE"]},"add":[{"name","type","index"}]}`; each part may
    /// be left out, and they are done in this order. What is so already is no error: a retry finds it.
    ///
    /// # Errors
    /// When the text is something else, or the container cannot become like that.
    pub fn altered(&self, text: &[u8]) -> Result<ContainerInfo, InvalidContainer> {
        let wrong = |what: &dyn std::fmt::Display| {
            InvalidContainer(format!("no change of a container: {what}"))
        };
        // The reader of JSON would take an array for the fields in their order.
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(wrong(&"it is an object with rename, index and add"));
        }
        let wanted: Wanted = serde_json::from_slice(text).map_err(|error| wrong(&error))?;
        let mut info = self.clone();
        for (old, new) in &wanted.rename {
            info.rename(old, new)?;
        }
        for (name, indexes) in &wanted.index {
            info.index(name, indexes)?;
        }
        for column in wanted.add {
            info.add(column)?;
        }
        info.check()?;
        Ok(info)
    }

    fn rename(&mut self, old: &str, new: &str) -> Result<(), InvalidContainer> {
        let (from, to) = (self.place_of(old), self.place_of(new));
        match (from, to) {
            (None, Some(_)) => return Ok(()),
            (None, None) => return Err(no_column(old)),
            (Some(from), Some(to)) if from != to => {
                let new: String = new.chars().take(64).collect();
                return Err(InvalidContainer(format!(
                    "there is a column \"{new}\" already"
                )));
            }
            _ => {}
        }
        let place = from.expect("it is there");
        let column = &self.columns[place];
        let described = ColumnDescription::of(new, &column.kind.to_string(), &column.indexes);
        self.columns[place].name = described.check(place == 0 && self.row_key)?.name;
        Ok(())
    }

    fn index(&mut self, name: &str, indexes: &[String]) -> Result<(), InvalidContainer> {
        let place = self.place_of(name).ok_or_else(|| no_column(name))?;
        let column = &self.columns[place];
        let described = ColumnDescription::of(&column.name, &column.kind.to_string(), indexes);
        self.columns[place].indexes = described.check(place == 0 && self.row_key)?.indexes;
        Ok(())
    }

    fn add(&mut self, column: ColumnDescription) -> Result<(), InvalidContainer> {
        let column = column.check(false)?;
        if let Some(place) = self.place_of(&column.name)
            && self.columns[place] == column
        {
            return Ok(());
        }
        if !column.nullable {
            return Err(InvalidContainer(format!(
                "column \"{}\" is added with notNull, but the rows that there are have null in it",
                column.name
            )));
        }
        self.columns.push(column);
        Ok(())
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        let mut columns = self.columns.iter();
        columns.position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Whether rows of a container that is like this fit one that is like `new`, if nulls are added to them.
    fn becomes(&self, new: &ContainerInfo) -> bool {
        let Some((kept, added)) = new.columns.split_at_checked(self.columns.len()) else {
            return false;
        };
        let mut pairs = self.columns.iter().zip(kept);
        self.kind == new.kind
            && self.row_key == new.row_key
            && pairs.all(|(old, new)| old.kind == new.kind && old.nullable == new.nullable)
            && added.iter().all(|column| column.nullable)
    }
}

fn no_column(name: &str) -> InvalidContainer {
    let name: String = name.chars().take(64).collect();
    InvalidContainer(format!("there is no column \"{name}\""))
}

/// Makes a container like `info`. Statements that were made for it as it was find that it has changed.
pub(super) fn alter(
    at: Position,
    container: &mut Container,
    info: ContainerInfo,
) -> (Bytes, Change) {
    if !container.info.becomes(&info) {
        return (Outcome::Malformed.encode(), Change::Nothing);
    }
    let nulls = info.columns.len() - container.info.columns.len();
    let altered = Container {
        key: Arc::clone(&container.key),
        name: Arc::clone(&container.name),
        rows: Rows::of(with_nulls(&container.rows, nulls), &info),
        info: Arc::new(info),
        created: at,
    };
    let key = Arc::clone(&container.key);
    let before = std::mem::replace(container, altered);
    (
        Outcome::Altered.encode(),
        Change::Altered(key, Box::new(before)),
    )
}

/// So many bytes of rows share a piece of memory.
const PIECE: usize = 32 << 10;

/// The rows with so many nulls more at their ends.
fn with_nulls(rows: &Rows, nulls: usize) -> BTreeMap<RowKey, Row> {
    let same = |(key, row): (&RowKey, &Row)| (key.clone(), row.clone());
    if nulls == 0 {
        return rows.iter().map(same).collect();
    }
    let mut longer = BTreeMap::new();
    let mut piece: Vec<u8> = Vec::new();
    let mut waiting: Vec<(&RowKey, Position, usize)> = Vec::new();
    let mut settle = |piece: &mut Vec<u8>, waiting: &mut Vec<(&RowKey, Position, usize)>| {
        let mut values: Bytes = std::mem::take(piece).into();
        for (key, version, length) in waiting.drain(..) {
            let value = values.split_to(length);
            longer.insert(key.clone(), Row { version, value });
        }
    };
    for (key, row) in rows.iter() {
        let before = piece.len();
        piece.extend_from_slice(row.value.strip_suffix(b"]").unwrap_or(&row.value));
        for _ in 0..nulls {
            piece.extend_from_slice(b",null");
        }
        piece.push(b']');
        waiting.push((key, row.version, piece.len() - before));
        if piece.len() >= PIECE {
            settle(&mut piece, &mut waiting);
        }
    }
    settle(&mut piece, &mut waiting);
    longer
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"container_name":"c","container_type":"COLLECTION","rowkey":true,"columns":[
        {"name":"id","type":"LONG"},{"name":"value","type":"STRING"}]}"#;

    fn info() -> ContainerInfo {
        ContainerInfo::from_json(TEXT.as_bytes()).unwrap().1
    }

    #[test]
    fn a_change_may_be_asked_for_again() {
        let change = r#"{"rename":{"VALUE":"text"},"index":{"text":["TREE"]},"add":[{"name":"n","type":"DOUBLE"}]}"#;
        let once = info().altered(change.as_bytes()).unwrap();
        let names: Vec<&str> = once.columns.iter().map(|column| &*column.name).collect();
        assert_eq!(names, ["id", "text", "n"]);
        assert_eq!(once.columns[1].indexes, ["TREE"]);
        assert!(info().becomes(&once) && !once.becomes(&info()));
        assert_eq!(once.altered(change.as_bytes()).unwrap(), once);
        assert_eq!(info().altered(b"{}").unwrap(), info());
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (change, says) in [
            (r#"{"drop":["value"]}"#, "unknown field `drop`"),
            (r#"{"rename":{"x":"y"}}"#, "no column \"x\""),
            (r#"{"rename":{"value":"ID"}}"#, "a column \"ID\" already"),
            (r#"{"rename":{"value":"a b"}}"#, "\"a b\""),
            (r#"{"index":{"value":["HASH"]}}"#, "HASH"),
            (
                r#"{"add":[{"name":"id","type":"STRING"}]}"#,
                "two columns \"id\"",
            ),
            (
                r#"{"add":[{"name":"n","type":"LONG","notNull":true}]}"#,
                "notNull",
            ),
            (r#"{"add":[{"name":"n","type":"REAL"}]}"#, "REAL"),
        ] {
            let error = info().altered(change.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{change}: {error}");
        }
    }
}
