//! What all nodes have in common: lines in, lines out, and a clock that ticks.

use std::io::{BufRead, BufWriter, StdoutLock, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use kensho_maelstrom::body::{Message, kind};
use serde_json::{Value, json};

/// Time between two ticks.
const TICK: Duration = Duration::from_millis(100);

/// What a node does with messages.
pub(crate) trait Behaviour {
    /// A message has come that is not `init`.
    fn hear(&mut self, message: &Message, out: &mut Out<'_>);

    /// Time has passed.
    fn tick(&mut self, _out: &mut Out<'_>) {}

    /// Whether it answers `init`.
    fn answers_init(&self) -> bool {
        true
    }
}

/// Where messages go to.
pub(crate) struct Out<'a> {
    pub(crate) name: String,
    pub(crate) nodes: Vec<String>,
    next_msg_id: u64,
    output: BufWriter<StdoutLock<'a>>,
}

impl Out<'_> {
    /// Sends a body.
    pub(crate) fn send(&mut self, dest: &str, body: Value) {
        let message = Message {
            src: self.name.clone(),
            dest: dest.to_owned(),
            body,
        };
        self.raw(&message.line());
    }

    /// Sends a body that asks for an answer; returns its number.
    pub(crate) fn ask(&mut self, dest: &str, mut body: Value) -> u64 {
        self.next_msg_id += 1;
        body["msg_id"] = self.next_msg_id.into();
        self.send(dest, body);
        self.next_msg_id
    }

    /// Answers a message.
    pub(crate) fn answer(&mut self, to: &Message, mut body: Value) {
        body["in_reply_to"] = to.body["msg_id"].clone();
        self.send(&to.src, body);
    }

    /// All nodes but this one.
    pub(crate) fn others(&self) -> Vec<String> {
        let others = self.nodes.iter().filter(|node| **node != self.name);
        others.cloned().collect()
    }

    /// Writes a line as it is.
    pub(crate) fn raw(&mut self, line: &str) {
        // Nobody is left to tell if this fails.
        let _ = writeln!(self.output, "{line}");
    }
}

/// Serves until the input ends.
pub(crate) fn serve(mut behaviour: Box<dyn Behaviour>) {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut out = Out {
        name: String::new(),
        nodes: Vec::new(),
        next_msg_id: 0,
        output: BufWriter::new(std::io::stdout().lock()),
    };
    let mut next_tick = Instant::now() + TICK;
    loop {
        let patience = next_tick.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(patience) {
            Ok(line) => {
                hear(&mut *behaviour, &line, &mut out);
                while let Ok(line) = receiver.try_recv() {
                    hear(&mut *behaviour, &line, &mut out);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                next_tick = Instant::now() + TICK;
                if !out.name.is_empty() {
                    behaviour.tick(&mut out);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if out.output.flush().is_err() {
            return;
        }
    }
}

fn hear(behaviour: &mut dyn Behaviour, line: &str, out: &mut Out<'_>) {
    let message = match Message::parse(line) {
        Ok(message) => message,
        Err(why) => {
            eprintln!("not understood: {why}: {line}");
            return;
        }
    };
    if kind(&message.body) != "init" {
        return behaviour.hear(&message, out);
    }
    out.name = message.body["node_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let nodes = message.body["node_ids"].as_array().into_iter().flatten();
    out.nodes = nodes
        .filter_map(|node| Some(node.as_str()?.to_owned()))
        .collect();
    eprintln!("{} of {}", out.name, out.nodes.join(", "));
    if behaviour.answers_init() {
        out.answer(&message, json!({"type": "init_ok"}));
    }
}
