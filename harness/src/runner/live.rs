//! Leaves a line about the run's progress in its folder twice a second, for whoever watches it
//! from elsewhere.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kensho_results::progress::{EVERY_MS, Progress, Stage};
use kensho_results::store::RunFolder;
use tokio::task::JoinHandle;

use super::progress::Tally;

/// What does not change while a run lasts.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// How long the main stage lasts, if that is known.
    pub length: Option<Duration>,
    /// How many faults are planned.
    pub faults: usize,
}

struct Lines {
    /// None if the file could not be made: nobody can watch then, and the run goes on.
    file: Option<File>,
    tally: Arc<Tally>,
    scope: Scope,
    began: Instant,
    stage: Stage,
    stage_began: Instant,
}

/// Leaves lines until it is dropped.
pub struct Live {
    lines: Arc<Mutex<Lines>>,
    task: JoinHandle<()>,
}

impl Live {
    /// Begins with the first stage.
    pub fn start(folder: &RunFolder, tally: Arc<Tally>, scope: Scope) -> Live {
        let now = Instant::now();
        let lines = Arc::new(Mutex::new(Lines {
            file: File::create(folder.progress()).ok(),
            tally,
            scope,
            began: now,
            stage: Stage::Starting,
            stage_began: now,
        }));
        let written = Arc::clone(&lines);
        let task = tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_millis(EVERY_MS));
            loop {
                every.tick().await;
                lock(&written).write(None);
            }
        });
        Live { lines, task }
    }

    /// The run goes on to another stage.
    pub fn enter(&self, stage: Stage) {
        lock(&self.lines).enter(stage, None);
    }

    /// The harness gives up; this is the last line.
    pub fn fail(&self, why: String) {
        self.task.abort();
        lock(&self.lines).enter(Stage::Failed, Some(why));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lines {
    fn enter(&mut self, stage: Stage, why: Option<String>) {
        self.stage = stage;
        self.stage_began = Instant::now();
        self.write(why);
    }

    fn write(&mut self, why: Option<String>) {
        let Some(file) = &mut self.file else {
            return;
        };
        let counts = self.tally.counts();
        let line = Progress {
            elapsed_ms: milliseconds(self.began.elapsed()),
            stage: self.stage,
            stage_ms: milliseconds(self.stage_began.elapsed()),
            length_ms: self.scope.length.map(milliseconds),
            answered: counts.answered,
            failed: counts.failed,
            unknown: counts.unknown,
            faults: counts.faults,
            faults_planned: self.scope.faults as u64,
            fault: counts.fault,
            why,
        };
        // Losing a line of this side file must not end the run.
        if let Ok(mut text) = serde_json::to_vec(&line) {
            text.push(b'\n');
            let _ = file.write_all(&text);
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
