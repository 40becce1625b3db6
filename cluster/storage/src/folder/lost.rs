//! Entries that were cut off since the owner of the log does not have them. In async mode some may have
//! been acknowledged, so they are kept where a person can read them.

use std::io::Write;

use kensho_protocol::ids::PartitionId;
use kensho_protocol::log::Entry;

use crate::disk::Disk;
use crate::error::StorageError;
use crate::sealed;
use crate::tables::Statement;

/// Writes the entries to a file `lost-<epoch>-<lsn>-p<partition>.jsonl`, named after the first of
/// them, with one JSON object a line: where the entry stood, who asked for it, and the statement. It
/// is safe when this returns; says where it is, and `None` if there are no entries.
///
/// # Errors
/// When the disk fails or is full.
pub fn keep_lost<D: Disk>(
    disk: &mut D,
    partition: PartitionId,
    entries: &[Entry],
) -> Result<Option<String>, StorageError> {
    let Some(first) = entries.first() else {
        return Ok(None);
    };
    let name = format!(
        "lost-{}-{}-p{partition}.jsonl",
        first.at.epoch, first.at.lsn
    );
    let mut text = Vec::new();
    for entry in entries {
        describe(&mut text, partition, entry).expect("there is always room in a Vec");
    }
    sealed::replace_file(disk, &name, &[&text])?;
    Ok(Some(disk.path(&name)))
}

fn describe(text: &mut Vec<u8>, partition: PartitionId, entry: &Entry) -> std::io::Result<()> {
    let (epoch, lsn) = (entry.at.epoch, entry.at.lsn);
    write!(
        text,
        r#"{{"partition":{partition},"epoch":{epoch},"lsn":{lsn}"#
    )?;
    if let Some(request) = entry.request {
        let (client, sequence) = (request.id.client, request.id.sequence);
        write!(text, r#","client":{client},"sequence":{sequence}"#)?;
    }
    match Statement::decode(&entry.statement) {
        Some(Statement::CreateContainer { name, info }) => {
            text.extend_from_slice(br#","create":"#);
            text.extend_from_slice(&info.to_json(name));
        }
        Some(Statement::AlterContainer { name, info, .. }) => {
            text.extend_from_slice(br#","alter":"#);
            text.extend_from_slice(&info.to_json(name));
        }
        Some(Statement::DropContainer { name }) => {
            text.extend_from_slice(br#","drop":"#);
            serde_json::to_writer(&mut *text, name)?;
        }
        Some(Statement::Put {
            container, rows, ..
        }) => {
            text.extend_from_slice(br#","put":"#);
            serde_json::to_writer(&mut *text, container)?;
            let rows: Vec<&[u8]> = rows.iter().map(|row| row.value.0).collect();
            text.extend_from_slice(br#","rows":["#);
            text.extend_from_slice(&rows.join(&b','));
            text.push(b']');
        }
        Some(Statement::Delete {
            container, keys, ..
        }) => {
            text.extend_from_slice(br#","delete":"#);
            serde_json::to_writer(&mut *text, container)?;
            text.extend_from_slice(br#","keys":"#);
            serde_json::to_writer(&mut *text, &keys)?;
        }
        Some(Statement::Transaction {
            container,
            requirements,
            then,
            otherwise,
            ..
        }) => {
            text.extend_from_slice(br#","transaction":"#);
            serde_json::to_writer(&mut *text, container)?;
            let requirements: Vec<String> = requirements.iter().map(|r| format!("{r:?}")).collect();
            text.extend_from_slice(br#","if":"#);
            serde_json::to_writer(&mut *text, &requirements)?;
            for (name, operations) in [("then", then), ("else", otherwise)] {
                let operations: Vec<String> = operations.iter().map(|o| format!("{o:?}")).collect();
                write!(text, r#","{name}":"#)?;
                serde_json::to_writer(&mut *text, &operations)?;
            }
        }
        None => {
            text.extend_from_slice(br#","bytes":"#);
            serde_json::to_writer(&mut *text, &entry.statement[..])?;
        }
    }
    text.extend_from_slice(b"}\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kensho_protocol::ids::{ClientId, Epoch, Lsn, Position, Sequence};
    use kensho_protocol::request::{Digest, Numbered, RequestId};

    use super::*;
    use crate::disk::SimulatedDisk;
    use crate::tables::{Condition, ContainerInfo, ValidKeys, ValidRows, ValidTransaction};

    #[test]
    fn a_person_can_read_what_was_lost() {
        let text = r#"{"container_name":"users","container_type":"COLLECTION","rowkey":true,"columns":[{"name":"id","type":"LONG","index":[]}]}"#;
        let (name, info) = ContainerInfo::from_json(text.as_bytes()).unwrap();
        let rows = ValidRows::many(&info, b"[[1],[2]]").unwrap();
        let keys = ValidKeys::many(&info, b"[1]").unwrap();
        let body = br#"{"if":[{"key":1,"exists":false}],"then":[{"put":[1]}]}"#;
        let transaction = ValidTransaction::read(&info, body).unwrap();
        let alter = Statement::AlterContainer {
            name: &name,
            schema: Position::default(),
            info: info.clone(),
        };
        let alter = alter.encode();
        let create = Statement::CreateContainer { name: &name, info };
        let at = Position::default();
        let statements = [
            create.encode(),
            rows.put(&name, at, Condition::Any),
            keys.delete(&name, at, Condition::Any),
            Statement::DropContainer { name: &name }.encode(),
            Bytes::from_static(b"\xff"),
            transaction.statement(&name, at),
            alter,
        ];
        let entries: Vec<Entry> = (7..)
            .zip(statements)
            .map(|(lsn, statement)| Entry {
                at: Position {
                    epoch: Epoch(3),
                    lsn: Lsn(lsn),
                },
                request: (lsn == 8).then_some(Numbered {
                    id: RequestId {
                        client: ClientId(5),
                        sequence: Sequence(6),
                    },
                    digest: Digest::of(&[&statement]),
                }),
                statement,
            })
            .collect();
        let mut disk = SimulatedDisk::new();
        assert_eq!(keep_lost(&mut disk, PartitionId(2), &[]).unwrap(), None);
        let path = keep_lost(&mut disk, PartitionId(2), &entries)
            .unwrap()
            .unwrap();
        assert_eq!(path, "simulated/lost-3-7-p2.jsonl");
        disk.cut_power(1);
        let kept = disk.bytes("lost-3-7-p2.jsonl").unwrap();
        let expected = [
            &format!(r#"{{"partition":2,"epoch":3,"lsn":7,"create":{text}}}"#),
            r#"{"partition":2,"epoch":3,"lsn":8,"client":5,"sequence":6,"put":"users","rows":[[1],[2]]}"#,
            r#"{"partition":2,"epoch":3,"lsn":9,"delete":"users","keys":[{"Integer":1}]}"#,
            r#"{"partition":2,"epoch":3,"lsn":10,"drop":"users"}"#,
            r#"{"partition":2,"epoch":3,"lsn":11,"bytes":[255]}"#,
            r#"{"partition":2,"epoch":3,"lsn":12,"transaction":"users","if":["Requirement { key: Integer(1), must: BeAbsent }"],"then":["Put(NewRow { key: Integer(1), value: [1] })"],"else":[]}"#,
            &format!(r#"{{"partition":2,"epoch":3,"lsn":13,"alter":{text}}}"#),
            "",
        ];
        assert_eq!(String::from_utf8_lossy(kept), expected.join("\n"));
    }
}
