//! All tables as bytes.
//!
//! Encoded with postcard: the version of the format, the number of containers, and for each its head,
//! followed by blocks of rows. A block is copied as a whole when it is read, and its rows share the
//! copy: few allocations, and a row that lives long keeps little else in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kensho_protocol::ids::{Lsn, Position};
use serde::{Deserialize, Serialize};

use super::container::ContainerInfo;
use super::key::{Key, RowKey};
use super::rows_by_key::Rows;
use super::statement::Raw;
use super::{Container, Row, Tables, name};
use crate::encode::encode_into;

const VERSION: u32 = 1;
/// A block ends with the row that makes it larger than this, in bytes.
const BLOCK: usize = 32 << 10;

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    name: &'a str,
    info: ContainerInfo,
    created: Position,
    rows: u64,
}

#[derive(Serialize, Deserialize)]
struct ImageRow<'a> {
    #[serde(borrow)]
    key: ImageKey<'a>,
    version: Position,
    value: Raw<'a>,
}

#[derive(Serialize, Deserialize)]
enum ImageKey<'a> {
    #[serde(borrow)]
    Given(Key<'a>),
    Inserted(Lsn, u32),
}

pub(super) fn write(tables: &Tables) -> Bytes {
    let mut image = Vec::new();
    encode_into(&mut image, &VERSION);
    encode_into(&mut image, &(tables.containers.len() as u64));
    let mut block = Vec::new();
    for container in tables.containers.values() {
        encode_into(
            &mut image,
            &Head {
                name: &container.name,
                info: ContainerInfo::clone(&container.info),
                created: container.created,
                rows: container.rows.len() as u64,
            },
        );
        for (key, row) in container.rows.iter() {
            let key = match key {
                RowKey::Integer(number) => ImageKey::Given(Key::Integer(*number)),
                RowKey::Timestamp(time) => ImageKey::Given(Key::Timestamp(*time)),
                RowKey::Text(text) => ImageKey::Given(Key::Text(
                    std::str::from_utf8(text).expect("it was text when it came"),
                )),
                RowKey::Inserted(lsn, index) => ImageKey::Inserted(*lsn, *index),
            };
            encode_into(
                &mut block,
                &ImageRow {
                    key,
                    version: row.version,
                    value: Raw(&row.value),
                },
            );
            if block.len() >= BLOCK {
                encode_into(&mut image, &Raw(&block));
                block.clear();
            }
        }
        if !block.is_empty() {
            encode_into(&mut image, &Raw(&block));
            block.clear();
        }
    }
    image.into()
}

pub(super) fn read(image: &[u8]) -> Result<Tables, String> {
    let mut rest = image;
    let version: u32 = take(&mut rest)?;
    if version != VERSION {
        return Err(format!("it has version {version}, not {VERSION}"));
    }
    let count: u64 = take(&mut rest)?;
    let mut containers = BTreeMap::new();
    for _ in 0..count {
        let head: Head<'_> = take(&mut rest)?;
        let mut rows = BTreeMap::new();
        while (rows.len() as u64) < head.rows {
            let block: Raw<'_> = take(&mut rest)?;
            let before = rows.len();
            read_block(&Bytes::copy_from_slice(block.0), &mut rows)?;
            if rows.len() == before {
                return Err("a block adds no row".to_owned());
            }
        }
        let key: Arc<str> = name::folded(head.name).as_ref().into();
        let container = Container {
            key: Arc::clone(&key),
            name: head.name.into(),
            created: head.created,
            rows: Rows::of(rows, &head.info),
            info: Arc::new(head.info),
        };
        containers.insert(key, container);
    }
    match rest {
        [] => Ok(Tables { containers }),
        rest => Err(format!("{} bytes are left over", rest.len())),
    }
}

fn read_block(block: &Bytes, rows: &mut BTreeMap<RowKey, Row>) -> Result<(), String> {
    let mut rest: &[u8] = block;
    while !rest.is_empty() {
        let row: ImageRow<'_> = take(&mut rest)?;
        let key = match row.key {
            ImageKey::Given(key) => RowKey::named(key).ok_or("a row has no key")?,
            ImageKey::Inserted(lsn, index) => RowKey::Inserted(lsn, index),
        };
        let value = block.slice_ref(row.value.0);
        let version = row.version;
        rows.insert(key, Row { version, value });
    }
    Ok(())
}

fn take<'a, T: Deserialize<'a>>(rest: &mut &'a [u8]) -> Result<T, String> {
    let (value, after) = postcard::take_from_bytes(rest).map_err(|error| error.to_string())?;
    *rest = after;
    Ok(value)
}
