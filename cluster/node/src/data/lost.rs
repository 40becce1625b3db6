//! What an async failover lost, kept where a person can find it: `partition-<id>/lost-<epoch>` in the
//! data folder, one line of JSON for each entry.

use std::fs::{File, create_dir_all};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use kensho_protocol::ids::{Epoch, PartitionId};
use kensho_protocol::log::Entry;
use kensho_storage::tables::Statement;
use serde::Serialize;

#[derive(Serialize)]
struct Line {
    epoch: u64,
    lsn: u64,
    client: Option<String>,
    sequence: Option<u64>,
    statement: String,
}

/// Appends the entries to the file of their epoch, on a thread of its own: nothing waits for it.
pub(super) fn keep(data_dir: &Path, partition: PartitionId, entries: Vec<Entry>) {
    let folder = data_dir.join(format!("partition-{}", partition.0));
    std::thread::spawn(move || {
        let count = entries.len();
        match write(&folder, &entries) {
            Ok(path) => tracing::warn!(
                partition = partition.0, entries = count, file = %path.display(),
                "updates that may have been acknowledged are lost; they are in the file"
            ),
            Err(error) => tracing::error!(
                partition = partition.0, entries = count, folder = %folder.display(),
                "updates that may have been acknowledged are lost, and cannot be written down: {error}"
            ),
        }
    });
}

fn write(folder: &Path, entries: &[Entry]) -> io::Result<PathBuf> {
    create_dir_all(folder)?;
    let epoch = entries.last().map_or(Epoch(0), |entry| entry.at.epoch);
    let path = folder.join(format!("lost-{epoch}"));
    let mut file = BufWriter::new(File::options().create(true).append(true).open(&path)?);
    for entry in entries {
        serde_json::to_writer(&mut file, &line(entry))?;
        file.write_all(b"\n")?;
    }
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(path)
}

fn line(entry: &Entry) -> Line {
    Line {
        epoch: entry.at.epoch.0,
        lsn: entry.at.lsn.0,
        client: entry.request.map(|id| format!("{:x}", id.client.0)),
        sequence: entry.request.map(|id| id.sequence.0),
        statement: match Statement::decode(&entry.statement) {
            Some(statement) => format!("{statement:?}"),
            None => "not readable".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_protocol::ids::{ClientId, Lsn, Position, Sequence};
    use kensho_protocol::request::RequestId;

    #[test]
    fn lost_entries_can_be_read_by_people() {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = |lsn| Entry {
            at: Position {
                epoch: Epoch(4),
                lsn: Lsn(lsn),
            },
            request: Some(RequestId {
                client: ClientId(0xab),
                sequence: Sequence(9),
            }),
            statement: Statement::DropContainer { name: "meters" }.encode(),
        };
        write(folder.path(), &[entry(7)]).expect("it is written");
        let path = write(folder.path(), &[entry(8)]).expect("it is written");
        assert!(path.ends_with("lost-4"));
        let text = std::fs::read_to_string(path).expect("it is there");
        assert_eq!(text.lines().count(), 2);
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!((&line["lsn"], &line["client"]), (&7.into(), &"ab".into()));
        assert!(line["statement"].as_str().unwrap().contains("meters"));
    }
}
