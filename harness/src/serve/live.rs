//! Events for pages that stay open (*server-sent events*): how a run goes on, and what runs there
//! are.
//!
//! Everything comes from what runs leave in their folders. The folder is looked at again and
//! again, which costs little, works on any file system, and finds runs that this program did not
//! start.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::{HeaderMap, Response, StatusCode};
use kensho_results::listing::{Listing, State, last_progress};
use kensho_results::progress::{Progress, SILENT_MS, Stage};
use kensho_results::store::RunFolder;
use serde_json::{Value, json};
use tokio::time::{Interval, interval};

use super::answer::{Body, Content, answer, refusal};
use super::router::Site;
use super::{files, list};
use crate::runner::interrupt::Interrupt;

/// Time between two looks at a run's progress.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Time between two looks at all runs.
const LIST_EVERY: Duration = Duration::from_secs(1);
/// Something is sent this often, so that a browser that went away is noticed.
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// So much of a file is told at a time.
const CHUNK_BYTES: u64 = 256 << 10;

/// The last event that a client had, when it comes back.
pub(super) fn last_event(headers: &HeaderMap) -> u64 {
    let id = headers.get("last-event-id");
    id.and_then(|id| id.to_str().ok()?.parse().ok())
        .unwrap_or(0)
}

fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// What a source of events gives at one look.
enum Look {
    Nothing,
    Events(String),
    /// The last events.
    End(String),
}

/// Something that is looked at again and again.
trait Source: Send + 'static {
    fn look(&mut self) -> Look;
}

fn events(mut source: impl Source, every: Duration, interrupt: Interrupt) -> Response<Body> {
    struct Watch<S> {
        source: Option<S>,
        every: Interval,
        interrupt: Interrupt,
        told: Instant,
    }
    // What is there already is told at once; a client that lost its connection asks again soon.
    let first = match source.look() {
        Look::Nothing => (String::new(), Some(source)),
        Look::Events(text) => (text, Some(source)),
        Look::End(text) => (text, None),
    };
    let head = stream::iter([format!("retry: 2000\n\n{}", first.0)]);
    let watch = Watch {
        source: first.1,
        every: interval(every),
        interrupt,
        told: Instant::now(),
    };
    let rest = stream::unfold(watch, |mut watch| async move {
        let mut source = watch.source.take()?;
        loop {
            tokio::select! {
                _ = watch.every.tick() => {}
                () = watch.interrupt.wait() => return None,
            }
            let looked = tokio::task::spawn_blocking(move || {
                let look = source.look();
                (source, look)
            });
            let (back, look) = looked.await.ok()?;
            source = back;
            let text = match look {
                Look::End(text) => return Some((text, watch)),
                Look::Events(text) => text,
                Look::Nothing if watch.told.elapsed() >= ALIVE_EVERY => ":\n\n".to_string(),
                Look::Nothing => continue,
            };
            watch.told = Instant::now();
            watch.source = Some(source);
            return Some((text, watch));
        }
    });
    let frames = futures_util::StreamExt::map(futures_util::StreamExt::chain(head, rest), |text| {
        Ok::<_, Infallible>(Frame::data(Bytes::from(text)))
    });
    let body = StreamBody::new(frames)
        .map_err(|never| match never {})
        .boxed_unsync();
    answer(StatusCode::OK, Content::Own, "text/event-stream", body)
}

/// How a run goes on, from byte `from` of its progress; ends when the run does.
pub(super) fn one(site: &Site, path: &str, from: u64) -> Response<Body> {
    let listing = &site.listing;
    let known = files::resolve(listing.root(), path).and_then(|_| listing.run(path));
    if known.is_none() {
        return refusal(StatusCode::NOT_FOUND, &format!("there is no run {path:?}"));
    }
    let source = One {
        listing: Arc::clone(listing),
        path: path.to_string(),
        progress: RunFolder::open(&listing.root().join(path)).progress(),
        offset: from,
    };
    events(source, LOOK_EVERY, site.interrupt.clone())
}

struct One {
    listing: Arc<Listing>,
    path: String,
    progress: PathBuf,
    offset: u64,
}

impl Source for One {
    fn look(&mut self) -> Look {
        // First whether it has ended, so that nothing that came before the end is missed.
        let end = self.end();
        let news = self.news().unwrap_or_default();
        match end {
            Some(end) => Look::End(news + &end),
            None if news.is_empty() => Look::Nothing,
            None => Look::Events(news),
        }
    }
}

impl One {
    fn end(&self) -> Option<String> {
        let ended = |why: &str| Some(event("ended", &json!({ "why": why })));
        let folder = RunFolder::open(&self.listing.root().join(&self.path));
        let last = last_progress(&self.progress);
        // The verdict is written a little before the report.
        let writing = last.as_ref().is_some_and(|(progress, silent_ms)| {
            progress.stage == Stage::Judging && *silent_ms < SILENT_MS
        });
        if !writing && folder.verdict().is_file() {
            let run = self.listing.run(&self.path)?;
            return match run.state.brief() {
                Some(brief) => {
                    let data = json!({"valid": brief.valid, "summary": brief.summary});
                    Some(event("verdict", &data))
                }
                None => ended("its verdict cannot be read"),
            };
        }
        match last {
            Some((
                Progress {
                    stage: Stage::Failed,
                    why,
                    ..
                },
                _,
            )) => ended(&why.unwrap_or_default()),
            Some((_, silent_ms)) if silent_ms < SILENT_MS => None,
            _ if self.listing.run(&self.path).is_none() => ended("its folder is gone"),
            Some(_) => ended("it has given no sign of life for a while"),
            None => ended("it leaves no word on its progress"),
        }
    }

    /// The lines since the last look.
    fn news(&mut self) -> io::Result<String> {
        let mut file = File::open(&self.progress)?;
        if self.offset > fs::metadata(&self.progress)?.len() {
            self.offset = 0;
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(CHUNK_BYTES).read_to_end(&mut bytes)?;
        let mut text = String::new();
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            if line.last() != Some(&b'\n') {
                break;
            }
            self.offset += line.len() as u64;
            if let Ok(progress) = serde_json::from_slice::<Progress>(line) {
                text.push_str(&format!("id: {}\n", self.offset));
                text.push_str(&event("progress", &json!(progress)));
            }
        }
        Ok(text)
    }
}

/// What runs there are, whenever that changes, and how far those have come that go on.
pub(super) fn all(site: &Site) -> Response<Body> {
    let source = All {
        listing: Arc::clone(&site.listing),
        mark: String::new(),
    };
    events(source, LIST_EVERY, site.interrupt.clone())
}

struct All {
    listing: Arc<Listing>,
    mark: String,
}

impl Source for All {
    fn look(&mut self) -> Look {
        let runs = self.listing.runs();
        let mut text = String::new();
        let mark = list::fingerprint(&runs);
        if mark != self.mark {
            text.push_str(&event("runs", &json!({ "mark": mark })));
            self.mark = mark;
        }
        for run in &runs {
            if let State::Running { progress } = &run.state {
                let data = json!({"path": run.path, "words": progress.stage.words(), "progress": progress});
                text.push_str(&event("progress", &data));
            }
        }
        if text.is_empty() {
            Look::Nothing
        } else {
            Look::Events(text)
        }
    }
}
