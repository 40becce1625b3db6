//! How fast storage is, next to what the disk gives at the same moment.
//!
//! `cargo run --release -p kensho-storage --example storage_speed -- [FOLDER]`
//!
//! For batches of 1, 32 and 256 rows it takes turns, a quarter of a second each: bytes of the same
//! size appended to a preallocated file and flushed (what the disk gives), and rows that are checked
//! as JSON, put into the update log on its threads, flushed, and applied to tables. Then it reads the
//! log back. FOLDER is where files are made (default: the current folder); they are removed.

use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{Epoch, Lsn, PartitionId, Position};
use kensho_protocol::log::Entry;
use kensho_protocol::outcomes::OutcomeLimits;
use kensho_protocol::record::Record;
use kensho_protocol::table::Identity;
use kensho_storage::disk::{Disk, RealDisk};
use kensho_storage::folder;
use kensho_storage::log::{LogAppender, LogProgress, LogSettings, start};
use kensho_storage::tables::{Condition, ContainerInfo, Statement, Tables, ValidRows};

const TURN: Duration = Duration::from_millis(250);
const TURNS: u32 = 8;
const PARTITION: PartitionId = PartitionId(0);
const KEYS: u64 = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let home = tempfile::tempdir_in(folder)?;
    let identity = Identity {
        cluster: "speed".to_owned(),
        partitions: 1,
        replicas: 1,
        outcomes: OutcomeLimits::default(),
    };
    let path = home.path().join("data");
    let settings = LogSettings::default();
    let (disk, lock, opened) = folder::open(&path, &identity, settings)?;
    let (log, progress) = start(opened.store, &disk)?;
    let mut writer = Writer::new(log, progress)?;
    let mut raw = Raw::new(home.path())?;

    println!("rows per batch   the disk alone   log and tables   ratio");
    for batch in [1, 32, 256] {
        let (mut raw_rows, mut rows) = (0, 0);
        for _ in 0..TURNS {
            raw_rows += raw.turn(batch)?;
            rows += writer.turn(batch)?;
        }
        let seconds = (TURN * TURNS).as_secs_f64();
        println!(
            "{batch:14} {:11.0} rows/s {:9.0} rows/s {:7.2}",
            raw_rows as f64 / seconds,
            rows as f64 / seconds,
            rows as f64 / raw_rows as f64
        );
    }

    let written = writer.lsn;
    writer.log.close()?;
    drop(lock);
    let began = Instant::now();
    let (_, _lock, opened) = folder::open(&path, &identity, settings)?;
    let read = began.elapsed();
    let report = &opened.recovery.report;
    println!(
        "recovery: {} rows in {} records, {:.0} MB of log, read in {:.2} s ({:.0} MB/s)",
        written,
        report.records,
        report.bytes as f64 / 1e6,
        read.as_secs_f64(),
        report.bytes as f64 / 1e6 / read.as_secs_f64()
    );
    let recovered = &opened.recovery.partitions[&PARTITION];
    let began = Instant::now();
    let mut tables = Tables::default();
    for entry in &recovered.entries {
        tables.apply(entry.at, &entry.statement);
    }
    let applied = began.elapsed();
    println!(
        "          applied to tables in {:.2} s ({:.0} rows/s)",
        applied.as_secs_f64(),
        recovered.entries.len() as f64 / applied.as_secs_f64()
    );
    assert_eq!(tables, writer.tables, "what was read is what was written");
    let began = Instant::now();
    let image = tables.image();
    let made = began.elapsed();
    let began = Instant::now();
    let restored = Tables::restore(&image)?;
    println!(
        "image:    {} rows, {:.1} MB, made in {:.3} s, restored in {:.3} s",
        tables.rows(),
        image.len() as f64 / 1e6,
        made.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    assert_eq!(restored, tables);
    Ok(())
}

/// Bytes appended to a preallocated file and flushed.
struct Raw {
    file: File,
    length: u64,
    offset: u64,
}

impl Raw {
    fn new(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let mut disk = RealDisk::open(folder)?;
        let file = disk.create("raw")?;
        let length = 64 << 20;
        disk.allocate(&file, length)?;
        file.sync_all()?;
        Ok(Raw {
            file,
            length,
            offset: 0,
        })
    }

    fn turn(&mut self, batch: u64) -> Result<u64, Box<dyn Error>> {
        // About what a row takes in the log.
        let bytes = vec![7; 150 * usize::try_from(batch)?];
        let began = Instant::now();
        let mut rows = 0;
        while began.elapsed() < TURN {
            if self.offset + bytes.len() as u64 > self.length {
                self.offset = 0;
            }
            self.file.write_all_at(&bytes, self.offset)?;
            self.file.sync_data()?;
            self.offset += bytes.len() as u64;
            rows += batch;
        }
        Ok(rows)
    }
}

/// Rows on their way from JSON to the disk and the tables.
struct Writer {
    log: LogAppender,
    progress: LogProgress,
    tables: Tables,
    info: ContainerInfo,
    lsn: u64,
}

impl Writer {
    fn new(mut log: LogAppender, mut progress: LogProgress) -> Result<Self, Box<dyn Error>> {
        let text = br#"{"container_name":"speed","container_type":"COLLECTION","rowkey":true,
            "columns":[{"name":"id","type":"LONG"},{"name":"value","type":"STRING"}]}"#;
        let (name, info) = ContainerInfo::from_json(text)?;
        let create = Statement::CreateContainer {
            name: &name,
            info: info.clone(),
        };
        let mut tables = Tables::default();
        let first = entry(1, create.encode());
        tables.apply(first.at, &first.statement);
        let number = log.append(PARTITION, &record(0, vec![first]));
        log.commit();
        progress.wait_for(number)?;
        Ok(Writer {
            log,
            progress,
            tables,
            info,
            lsn: 1,
        })
    }

    fn turn(&mut self, batch: u64) -> Result<u64, Box<dyn Error>> {
        let value = "v".repeat(100);
        let began = Instant::now();
        let mut rows = 0;
        while began.elapsed() < TURN {
            let keep = self.lsn;
            let mut entries = Vec::new();
            for _ in 0..batch {
                self.lsn += 1;
                // Spread over the keys, so that the tables are not just filled in order.
                let key = self.lsn.wrapping_mul(0x9e37_79b9_7f4a_7c15) % KEYS;
                let text = format!("[{key},\"{value}\"]");
                let rows = ValidRows::one(&self.info, text.as_bytes())?;
                let statement = rows.put("speed", position(1), Condition::Any);
                entries.push(entry(self.lsn, statement));
            }
            let record = record(keep, entries);
            let number = self.log.append(PARTITION, &record);
            self.log.commit();
            self.progress.wait_for(number)?;
            let Record::Log { entries, .. } = record else {
                unreachable!("made above");
            };
            for entry in entries {
                self.tables.apply(entry.at, &entry.statement);
            }
            rows += batch;
        }
        Ok(rows)
    }
}

fn position(lsn: u64) -> Position {
    Position {
        epoch: Epoch(1),
        lsn: Lsn(lsn),
    }
}

fn entry(lsn: u64, statement: Bytes) -> Entry {
    Entry {
        at: position(lsn),
        request: None,
        statement,
    }
}

fn record(keep: u64, entries: Vec<Entry>) -> Record {
    Record::Log {
        promised: Epoch(1),
        log_epoch: Epoch(1),
        keep: Lsn(keep),
        entries,
    }
}
