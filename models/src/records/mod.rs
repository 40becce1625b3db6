//! Replays what real nodes recorded ([`kensho_protocol::inputs`]): the same code must give the same
//! outputs again, and the invariants must hold over all nodes together, so that a real run is
//! validated against the model.
//!
//! What is not looked at: whether a driver carried out what it was told (the disk is compared at each
//! start, and messages when they arrive), and the rows that clients were told, which is what
//! `kensho check` judges from the history.

mod disk;
mod file;
mod judge;
mod machine;
mod merge;
mod outcome;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use kensho_protocol::inputs::{Head, Plane};

pub use file::{Ending, RecordFile, find, is_record};
pub use judge::DiskDiffers;
pub use machine::Difference;
pub use outcome::{Counts, Ended, Outcome, Validity};

use judge::Judge;
use merge::{Choice, Merge, Stream};

/// More messages from nowhere than this are not told one by one.
const NOWHERE_TOLD: usize = 5;

/// A record cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Which file or folder.
    pub path: PathBuf,
    /// Why.
    pub what: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for Unreadable {}

/// Replays all records at and below `paths` together.
///
/// # Errors
/// When there are none, one cannot be read at all, or they do not belong together.
pub fn replay(paths: &[PathBuf]) -> Result<Outcome, Unreadable> {
    let mut files = Vec::new();
    let mut torn_at_once = 0;
    for path in paths {
        for path in find(path)? {
            match RecordFile::open(&path)? {
                Some(file) => files.push(file),
                None => torn_at_once += 1,
            }
        }
    }
    check_together(&files, paths)?;
    let mut outcome = merge(files);
    outcome.counts.files_torn_at_once = torn_at_once;
    Ok(outcome)
}

fn check_together(files: &[RecordFile], paths: &[PathBuf]) -> Result<(), Unreadable> {
    let wrong = |path: &Path, what: String| Unreadable {
        path: path.to_owned(),
        what,
    };
    let Some(first) = files.first() else {
        let path = paths.first().cloned().unwrap_or_default();
        let what = "there is no record of inputs (*.inputs) here; nodes record with the setting \
                    record_dir, those of kensho test with --record";
        return Err(wrong(&path, what.to_owned()));
    };
    let mut seen: BTreeMap<_, &Path> = BTreeMap::new();
    for file in files {
        let (head, path) = (file.head(), file.path());
        if let Some(other) = seen.insert((head.node.id, head.life, head.plane), path) {
            let what = format!("{} tells of the same life of this node", other.display());
            return Err(wrong(path, what));
        }
        if head.identity != first.head().identity {
            let what = format!(
                "its node belongs to another cluster than that of {}",
                first.path().display()
            );
            return Err(wrong(path, what));
        }
        if head.settings.mode != first.head().settings.mode
            || head.settings.durability != first.head().settings.durability
        {
            let what = format!(
                "its node had other settings (mode, durability) than that of {}",
                first.path().display()
            );
            return Err(wrong(path, what));
        }
    }
    Ok(())
}

fn merge(files: Vec<RecordFile>) -> Outcome {
    let boots: BTreeSet<&str> = files.iter().map(|f| &f.head().boot[..]).collect();
    let one_clock = boots.len() == 1;
    let nodes = files.iter().map(|file| file.head().node.id).collect();
    let mut judge = Judge::new(files[0].head(), nodes);
    let stream = |file| Stream::new(file, one_clock);
    let mut streams: Vec<Stream> = files.into_iter().map(stream).collect();
    let mut merge = Merge::new(&streams);
    let mut counts = Counts::default();
    let mut difference = None;
    let mut nowhere = Vec::new();
    while let Some(Choice {
        stream,
        from_nowhere,
    }) = merge.choose(&streams)
    {
        let stream = &mut streams[stream];
        let Some(item) = stream.take() else {
            break;
        };
        // A process that is killed tears an end that had no effect yet; a machine that stops does not.
        if let Some(Ending::Torn { .. } | Ending::Damaged { .. }) = stream.file.ending() {
            merge.lose_sight_of(stream.node());
            judge.lose_sight_of(&stream.file.head().node);
        }
        if let Some(from) = from_nowhere {
            counts.messages_from_nowhere += 1;
            if nowhere.len() < NOWHERE_TOLD {
                let place = place(stream);
                nowhere.push(format!("{place}: a message of node {from}: {item:?}"));
            }
        }
        counts.inputs += 1;
        counts.outputs += item.gave().len() as u64;
        if let Err(different) = stream.machines.replay(&item) {
            difference = Some((place(stream), different));
            break;
        }
        merge.sent(stream.node(), &item, &stream.machines.outputs);
        judge.look(stream.file.head(), &item, &stream.machines);
    }
    for stream in &streams {
        let same = |other: &&Stream| (other.node(), other.life()) == (stream.node(), stream.life());
        // Without anything in one of them, there may be no other one yet.
        if stream.taken > 0 && streams.iter().filter(same).count() < 2 {
            judge.lacks_half_of(&stream.file.head().node);
        }
    }
    counts.matched = merge.matched;
    outcome::conclude(&judge, &streams, counts, difference, nowhere, one_clock)
}

/// Which input was taken last, for people.
fn place(stream: &Stream) -> String {
    let Head {
        node, life, plane, ..
    } = stream.file.head();
    let machines = match plane {
        Plane::Control => "coordinator",
        Plane::Data => "replicas",
    };
    let (name, number, path) = (&node.name, stream.taken, stream.file.path().display());
    format!("{name}, life {life}, {machines}, input {number} of {path}")
}
