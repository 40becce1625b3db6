//! Operations as Jepsen keeps them, records or plain maps, as events of a history.

use super::node::Node;
use crate::formats::loose;
use crate::history::{Builder, Datum, Kind, NEVER, RawEvent, Symbol};
use crate::value::Value;

/// Adds events to a history.
pub(in crate::formats) struct Events {
    /// How many parts values may still have.
    budget: usize,
}

/// The entries of an event that mean something.
#[derive(Default)]
struct Entries<'a> {
    index: Option<&'a Node>,
    time: Option<&'a Node>,
    kind: Option<&'a Node>,
    process: Option<&'a Node>,
    f: Option<&'a Node>,
    value: Option<&'a Node>,
    observed: Option<&'a Node>,
    error: Option<&'a Node>,
    node: Option<&'a Node>,
    is_final: Option<&'a Node>,
}

impl Events {
    /// For events that are read from so many bytes.
    pub(in crate::formats) fn new(bytes: usize) -> Events {
        Events {
            budget: bytes.saturating_mul(4).saturating_add(1 << 10),
        }
    }

    /// Adds an event; an error says what is wrong with it.
    pub(in crate::formats) fn push(&mut self, builder: &mut Builder, event: &Node) -> Result<(), String> {
        let entries = match event {
            Node::Op(fields) => Entries {
                index: fields.first(),
                time: fields.get(1),
                kind: fields.get(2),
                process: fields.get(3),
                f: fields.get(4),
                value: fields.get(5),
                observed: fields.get(6).and_then(|more| more.get("observed")),
                error: fields.get(6).and_then(|more| more.get("error")),
                node: fields.get(6).and_then(|more| more.get("node")),
                is_final: fields.get(6).and_then(|more| more.get("final?")),
            },
            Node::Map(_) => Entries {
                index: event.get("index"),
                time: event.get("time"),
                kind: event.get("type"),
                process: event.get("process"),
                f: event.get("f"),
                value: event.get("value"),
                observed: event.get("observed"),
                error: event.get("error"),
                node: event.get("node"),
                is_final: event.get("final?"),
            },
            _ => return Err("expected an operation, which is a record or a map".to_owned()),
        };
        // jepsen.independent gives each operation a key: here its tuples differ from vectors.
        let (key, value) = match entries.value {
            Some(Node::Entry(parts)) => (Some(&parts[0]), Some(&parts[1])),
            other => (None, other),
        };
        if !self.push_client(builder, &entries, key, value)? {
            self.push_odd(builder, &entries, key, value)?;
        }
        Ok(())
    }

    /// Adds the event of a client with a number; false if it is none.
    fn push_client(
        &mut self,
        builder: &mut Builder,
        entries: &Entries<'_>,
        key: Option<&Node>,
        value: Option<&Node>,
    ) -> Result<bool, String> {
        let Some(process) = entries
            .process
            .and_then(Node::int)
            .and_then(|process| u64::try_from(process).ok())
        else {
            return Ok(false);
        };
        let process = Some(builder.history.intern_process(process));
        let kind = match entries.kind.and_then(Node::text) {
            Some("invoke") => Kind::Invoke,
            Some("ok") => Kind::Ok,
            Some("fail") => Kind::Fail,
            Some("info") => Kind::Info,
            _ => return Ok(false),
        };
        let f = match entries.f {
            None | Some(Node::Nil) => Symbol::NONE,
            Some(f) => match f.text() {
                Some(f) => builder.history.intern_name(&loose::operation_name(f)),
                None => return Ok(false),
            },
        };
        let number = |node: Option<&Node>| node.and_then(Node::int).and_then(|n| u64::try_from(n).ok());
        let key = match key {
            Some(key) => {
                let key = loose::as_key(key.value(&mut self.budget)?);
                builder.history.intern_key(&key)
            }
            None => NEVER,
        };
        let answered = value.is_some();
        let value = match value {
            None | Some(Node::Nil) => Datum::NIL,
            Some(value) => {
                let value = value.value(&mut self.budget)?;
                builder.history.intern(&value)
            }
        };
        let observed = match entries.observed {
            None => None,
            Some(observed) => {
                let observed = observed.value(&mut self.budget)?;
                Some(builder.history.intern(&observed))
            }
        };
        let event = RawEvent {
            index: number(entries.index),
            // Jepsen writes -1 for a time that is not known.
            time: number(entries.time).unwrap_or(0),
            process,
            kind,
            f,
            key,
            value,
            answered,
            observed,
            node: match entries.node.and_then(Node::text) {
                Some(node) => builder.history.intern_name(node),
                None => Symbol::NONE,
            },
        };
        let operation = builder.push_raw(&event);
        if let (Some(operation), Some(Node::Bool(true))) = (operation, entries.is_final) {
            builder.set_final(operation);
        }
        if let (Some(operation), Some(error)) = (operation, entries.error) {
            let error = error.value(&mut self.budget)?;
            if error != Value::Nil {
                let text = error.as_text().map_or_else(|| error.to_string(), str::to_owned);
                builder.set_error(operation, text);
            }
        }
        Ok(true)
    }

    /// Adds any other event, for example the nemesis's.
    fn push_odd(
        &mut self,
        builder: &mut Builder,
        entries: &Entries<'_>,
        key: Option<&Node>,
        value: Option<&Node>,
    ) -> Result<(), String> {
        let named = [
            ("index", entries.index),
            ("time", entries.time),
            ("type", entries.kind),
            ("process", entries.process),
            ("f", entries.f),
            ("key", key),
            ("value", value),
            ("observed", entries.observed),
            ("error", entries.error),
            ("node", entries.node),
        ];
        let mut map = Vec::new();
        for (name, node) in named {
            if let Some(node) = node {
                map.push((Value::Name(name.to_owned()), node.value(&mut self.budget)?));
            }
        }
        loose::push(builder, Value::Map(map))
    }
}
