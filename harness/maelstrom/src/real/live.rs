//! Leaves a line about the run's progress in its folder twice a second, for whoever watches it from
//! elsewhere (`kensho serve`). No verdict rests on it, and a run goes on without it.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use kensho_results::progress::{EVERY_MS, Progress, Stage};
use kensho_results::store::RunFolder;

use crate::world::World;

/// Writes the lines.
#[derive(Debug)]
pub struct Live {
    /// None if the file could not be made: nobody can watch then.
    file: Option<File>,
    began: Instant,
    stage_began: Instant,
    next: Instant,
    last: Progress,
}

impl Live {
    /// Begins with the start of nodes. The main part will last so long, with so many faults.
    pub fn start(folder: &RunFolder, length_ns: u64, faults: usize) -> Live {
        let now = Instant::now();
        Live {
            file: File::create(folder.progress()).ok(),
            began: now,
            stage_began: now,
            next: now,
            last: Progress {
                elapsed_ms: 0,
                stage: Stage::Starting,
                stage_ms: 0,
                length_ms: Some(length_ns / 1_000_000),
                answered: 0,
                failed: 0,
                unknown: 0,
                faults: 0,
                faults_planned: faults as u64,
                fault: None,
                why: None,
            },
        }
    }

    /// When there is something to write.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Writes how far the world has come, if it is time.
    pub(super) fn look(&mut self, world: &World) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + Duration::from_millis(EVERY_MS);
        let tally = world.tally();
        (self.last.answered, self.last.failed, self.last.unknown) =
            (tally.ok, tally.fail, tally.info);
        self.last.faults = world.faults_begun();
        self.last.fault = world.present_fault();
        self.enter(world.stage());
    }

    /// The run goes on to this stage.
    pub fn enter(&mut self, stage: Stage) {
        let now = Instant::now();
        if stage != self.last.stage {
            self.last.stage = stage;
            self.stage_began = now;
        }
        self.last.elapsed_ms = milliseconds(now - self.began);
        self.last.stage_ms = milliseconds(now - self.stage_began);
        if let (Some(file), Ok(mut line)) = (&mut self.file, serde_json::to_vec(&self.last)) {
            line.push(b'\n');
            let _ = file.write_all(&line);
        }
    }

    /// The harness gives up.
    pub fn fail(&mut self, why: String) {
        self.last.why = Some(why);
        self.enter(Stage::Failed);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
