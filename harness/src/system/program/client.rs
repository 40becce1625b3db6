//! One client of a system: a program that reads a line of JSON for each operation, and writes one.
//!
//! The lines are the bodies of Maelstrom's messages. The first one is `init`, with the addresses of all
//! nodes. A program that does not answer in time, ends, or says what is no answer is started anew for
//! the next operation; whether the last one took effect, nobody knows.

use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use kensho_workloads::call::{Answer, Call};
use kensho_workloads::messages;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::file::Filled;
use super::file::answers::{self, Means};
use crate::system::process::Launch;
use crate::system::{Answered, Client};

/// A longer line is no answer.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// A program has so long to say that it has begun.
const INIT_LIMIT: Duration = Duration::from_secs(20);

/// What a client is made of.
pub(super) struct Origin {
    pub(super) number: usize,
    pub(super) command: Filled,
    pub(super) guard: Vec<String>,
    /// The folder that it runs in.
    pub(super) folder: PathBuf,
    /// What it says on its standard error.
    pub(super) log: PathBuf,
    /// The addresses of all nodes, by name.
    pub(super) nodes: Value,
    /// The system's settings, by name.
    pub(super) settings: Value,
    /// What answers mean that the program gives without a code.
    pub(super) answers: Vec<answers::Answer>,
    pub(super) timeout: Duration,
}

/// A client program, which is started with the first operation.
pub struct ProgramClient {
    origin: Origin,
    running: Mutex<Option<Running>>,
}

struct Running {
    // It is killed when this is dropped.
    _child: Child,
    input: ChildStdin,
    output: Take<BufReader<ChildStdout>>,
    next: u64,
}

impl ProgramClient {
    pub(super) fn new(origin: Origin) -> ProgramClient {
        ProgramClient {
            origin,
            running: Mutex::default(),
        }
    }

    /// Starts the program once, to see that it can be spoken to.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) async fn greet(&self) -> Result<(), String> {
        self.start().await.map(drop)
    }

    async fn start(&self) -> Result<Running, String> {
        let started = tokio::time::timeout(INIT_LIMIT, self.begin()).await;
        started.unwrap_or_else(|_| {
            let seconds = INIT_LIMIT.as_secs();
            Err(format!("it did not answer init within {seconds} s"))
        })
    }

    async fn begin(&self) -> Result<Running, String> {
        let Origin {
            number,
            command,
            guard,
            folder,
            log,
            nodes,
            settings,
            timeout,
            answers: _,
        } = &self.origin;
        let cannot = |error: io::Error| {
            let program = command.program.display();
            format!("cannot start {program}: {error}")
        };
        let log = OpenOptions::new().create(true).append(true).open(log);
        let launch = Launch {
            program: command.program.clone(),
            guard: guard.clone(),
        };
        let mut child = Command::from(launch.command());
        child
            .args(&command.arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.map_err(cannot)?)
            // Ctrl-C on the terminal is for this program alone.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = child.spawn().map_err(cannot)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else {
            return Err("it has no standard input and output".to_string());
        };
        let mut running = Running {
            _child: child,
            input,
            output: BufReader::new(output).take(LINE_BYTES_MAX),
            next: 0,
        };
        let init = json!({
            "type": "init",
            "client": number,
            "nodes": nodes,
            "settings": settings,
            "timeout_ms": u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
        });
        let answer = running.ask(init).await?;
        match answer["type"].as_str() {
            Some("init_ok") => Ok(running),
            _ => Err(format!(
                "it answered init by {answer:.200} and not by init_ok"
            )),
        }
    }
}

impl Running {
    /// Writes a line and reads the one that answers it.
    async fn ask(&mut self, mut body: Value) -> Result<Value, String> {
        let number = self.next;
        self.next += 1;
        body["msg_id"] = json!(number);
        let line = format!("{body}\n");
        let lost = |error: io::Error| format!("the client program ended: {error}");
        self.input.write_all(line.as_bytes()).await.map_err(lost)?;
        self.input.flush().await.map_err(lost)?;
        let mut answer = Vec::new();
        self.output.set_limit(LINE_BYTES_MAX);
        let read = self.output.read_until(b'\n', &mut answer).await;
        if read.map_err(lost)? == 0 {
            return Err("the client program ended without an answer".to_string());
        }
        let text = String::from_utf8_lossy(&answer);
        let text = text.trim_end();
        let said: Value = serde_json::from_slice(&answer)
            .map_err(|error| format!("the client program said {text:.200}: {error}"))?;
        if said["in_reply_to"] != json!(number) {
            return Err(format!(
                "the client program said {text:.200}, which is not in_reply_to {number}"
            ));
        }
        Ok(said)
    }
}

/// The code of an error of which the program only knows what it was told.
fn classify(table: &[answers::Answer], answer: &mut Value) {
    if answer["type"] != "error" || !answer["code"].is_null() {
        return;
    }
    let said = answer["text"].as_str().unwrap_or_default();
    answer["code"] = match answers::row(table, said).map(|row| row.means) {
        Some(Means::Failed) => json!(messages::TEMPORARILY_UNAVAILABLE),
        Some(Means::Unknown) => json!(messages::TIMEOUT),
        // Without a table whoever wrote the program has forgotten the code.
        None if table.is_empty() => return,
        None => json!(messages::TIMEOUT),
    };
}

impl Client for ProgramClient {
    async fn ready(&self) {
        let mut place = self.running.lock().await;
        if place.is_none() {
            *place = self.start().await.ok();
        }
    }

    async fn perform(&self, call: Call) -> Answered {
        let mut place = self.running.lock().await;
        let error = |definite, text| Answered {
            answer: Answer::Error { definite, text },
            node: None,
        };
        let Call::Message { body, .. } = call else {
            return error(
                true,
                "a client program is asked by messages only".to_string(),
            );
        };
        let mut running = match place.take() {
            Some(running) => running,
            None => match self.start().await {
                Ok(running) => running,
                // Nothing was asked for yet.
                Err(why) => return error(true, why),
            },
        };
        let limit = self.origin.timeout;
        match tokio::time::timeout(limit, running.ask(body)).await {
            Ok(Ok(mut answer)) => {
                *place = Some(running);
                classify(&self.origin.answers, &mut answer);
                let node = answer["node"].as_str().map(String::from);
                Answered {
                    answer: Answer::Message(answer),
                    node,
                }
            }
            Ok(Err(why)) => error(false, why),
            Err(_) => error(false, format!("no answer in {} ms", limit.as_millis())),
        }
    }
}
