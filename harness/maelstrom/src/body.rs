//! The dialect: what clients ask, and what an answer to it must look like.
//!
//! A message is `{"src": …, "dest": …, "body": {"type": …, "msg_id": …, …}}` on a line. An answer
//! repeats the request's `msg_id` as `in_reply_to`, and its type is the request's with `_ok` behind
//! it, or `error`. Keys that are not known are allowed everywhere.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::RpcError;

/// A line, read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who sent it.
    pub src: String,
    /// Who is to get it.
    pub dest: String,
    /// What it says.
    pub body: Value,
}

impl Message {
    /// What a line must look like.
    pub const FORM: &'static str =
        r#"{"src": "the node's own id", "dest": "whom it is for", "body": {"type": …, …}}"#;

    /// Reads a line of a node's output.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &str) -> Result<Message, String> {
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("it is not JSON ({error})"))?;
        let Value::Object(mut fields) = value else {
            return Err("it is JSON, but not an object".to_owned());
        };
        let mut name = |field: &str| match fields.remove(field) {
            Some(Value::String(name)) => Ok(name),
            Some(other) => Err(format!("\"{field}\" is {other}, not a string")),
            None => Err(format!("it has no \"{field}\"")),
        };
        let (src, dest) = (name("src")?, name("dest")?);
        match fields.remove("body") {
            Some(body @ Value::Object(_)) => Ok(Message { src, dest, body }),
            Some(_) => Err("\"body\" is not an object".to_owned()),
            None => Err("it has no \"body\"".to_owned()),
        }
    }

    /// The line that carries it, without its end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("JSON values can be written")
    }
}

/// The message that a body answers, if it is an answer.
pub fn in_reply_to(body: &Value) -> Option<u64> {
    body.get("in_reply_to").and_then(Value::as_u64)
}

/// The type of a body; empty if it has none.
pub fn kind(body: &Value) -> &str {
    body.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// A request, of a client or of the harness itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    kind: &'static str,
    fields: Map<String, Value>,
    answer: Answer,
}

/// What an answer to a request must have beside its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Nothing.
    Bare,
    /// A field of this shape.
    Field(&'static str, Shape),
}

/// What a field must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Any,
    Whole,
    List,
    /// An object of whole numbers.
    Offsets,
    /// An object of lists of `[offset, message]`.
    Logs,
    /// The steps that were asked for, with what they read.
    Steps,
}

impl Shape {
    fn in_words(self) -> &'static str {
        match self {
            Shape::Any => "any JSON value",
            Shape::Whole => "a whole number",
            Shape::List => "a list",
            Shape::Offsets => "an object of keys and whole numbers",
            Shape::Logs => "an object of keys and lists of [offset, message]",
            Shape::Steps => "the steps [f, key, value] that were asked for, with what reads saw",
        }
    }

    fn fits(self, value: &Value, asked: &Map<String, Value>) -> bool {
        let all = |value: &Value, fits: fn(&Value) -> bool| {
            value.as_object().is_some_and(|map| map.values().all(fits))
        };
        match self {
            Shape::Any => true,
            Shape::Whole => value.is_i64(),
            Shape::List => value.is_array(),
            Shape::Offsets => all(value, Value::is_i64),
            Shape::Logs => all(value, |log| {
                let pair = |message: &Value| {
                    let pair = message.as_array().map(Vec::as_slice);
                    matches!(pair, Some([offset, _]) if offset.is_i64())
                };
                log.as_array().is_some_and(|log| log.iter().all(pair))
            }),
            Shape::Steps => {
                let steps = |value: &Value| value.as_array().cloned().unwrap_or_default();
                let (told, asked) = (
                    steps(value),
                    asked.get("txn").map(steps).unwrap_or_default(),
                );
                value.is_array()
                    && told.len() == asked.len()
                    && told.iter().zip(&asked).all(|(told, asked)| {
                        let (told, asked) = (told.as_array(), asked.as_array());
                        matches!((told.map(Vec::as_slice), asked.map(Vec::as_slice)),
                            (Some([f, key, value]), Some([asked_f, asked_key, wrote]))
                                if f == asked_f && key == asked_key && (f == "r" || value == wrote))
                    })
            }
        }
    }
}

macro_rules! fields {
    ($($name:literal: $value:expr),* $(,)?) => {
        Map::from_iter([$(($name.to_owned(), Value::from($value))),*])
    };
}

impl Request {
    fn new(kind: &'static str, fields: Map<String, Value>, answer: Answer) -> Request {
        Request {
            kind,
            fields,
            answer,
        }
    }

    /// Who the node is, and who there is; the first message that a node gets.
    pub fn init(node: &str, nodes: &[String]) -> Request {
        let fields = fields! {"node_id": node, "node_ids": nodes.to_vec()};
        Request::new("init", fields, Answer::Bare)
    }

    /// Each node's neighbours, as far as the test offers some.
    pub fn topology(topology: Map<String, Value>) -> Request {
        Request::new("topology", fields! {"topology": topology}, Answer::Bare)
    }

    /// The same back, please.
    pub fn echo(payload: Value) -> Request {
        let answer = Answer::Field("echo", Shape::Any);
        Request::new("echo", fields! {"echo": payload}, answer)
    }

    /// An identifier that nobody else gets.
    pub fn generate() -> Request {
        Request::new("generate", Map::new(), Answer::Field("id", Shape::Any))
    }

    /// A message for all nodes.
    pub fn broadcast(message: Value) -> Request {
        Request::new("broadcast", fields! {"message": message}, Answer::Bare)
    }

    /// All messages that were broadcast.
    pub fn read_messages() -> Request {
        let answer = Answer::Field("messages", Shape::List);
        Request::new("read", Map::new(), answer)
    }

    /// Adds an element to the set.
    pub fn add_element(element: Value) -> Request {
        Request::new("add", fields! {"element": element}, Answer::Bare)
    }

    /// All elements of the set.
    pub fn read_elements() -> Request {
        Request::new("read", Map::new(), Answer::Field("value", Shape::List))
    }

    /// Adds to the counter.
    pub fn add_delta(delta: i64) -> Request {
        Request::new("add", fields! {"delta": delta}, Answer::Bare)
    }

    /// The sum of the counter.
    pub fn read_counter() -> Request {
        Request::new("read", Map::new(), Answer::Field("value", Shape::Whole))
    }

    /// The value of a key.
    pub fn read(key: Value) -> Request {
        let answer = Answer::Field("value", Shape::Any);
        Request::new("read", fields! {"key": key}, answer)
    }

    /// Sets a key.
    pub fn write(key: Value, value: Value) -> Request {
        let fields = fields! {"key": key, "value": value};
        Request::new("write", fields, Answer::Bare)
    }

    /// Sets a key if it has the value `from`.
    pub fn cas(key: Value, from: Value, to: Value) -> Request {
        let fields = fields! {"key": key, "from": from, "to": to};
        Request::new("cas", fields, Answer::Bare)
    }

    /// A transaction: steps `[f, key, value]`.
    pub fn txn(steps: Value) -> Request {
        let answer = Answer::Field("txn", Shape::Steps);
        Request::new("txn", fields! {"txn": steps}, answer)
    }

    /// Appends a message to the log of a key.
    pub fn send(key: &str, message: Value) -> Request {
        let answer = Answer::Field("offset", Shape::Whole);
        Request::new("send", fields! {"key": key, "msg": message}, answer)
    }

    /// Messages of some keys, each from an offset on.
    pub fn poll(offsets: Map<String, Value>) -> Request {
        let answer = Answer::Field("msgs", Shape::Logs);
        Request::new("poll", fields! {"offsets": offsets}, answer)
    }

    /// Everything up to these offsets is done with.
    pub fn commit_offsets(offsets: Map<String, Value>) -> Request {
        let fields = fields! {"offsets": offsets};
        Request::new("commit_offsets", fields, Answer::Bare)
    }

    /// Up to where these keys are done with.
    pub fn list_committed_offsets(keys: Vec<String>) -> Request {
        let answer = Answer::Field("offsets", Shape::Offsets);
        Request::new("list_committed_offsets", fields! {"keys": keys}, answer)
    }

    /// Its type.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The body that is sent.
    pub fn body(&self, msg_id: u64) -> Value {
        let mut body = self.fields.clone();
        body.insert("type".to_owned(), self.kind.into());
        body.insert("msg_id".to_owned(), msg_id.into());
        Value::Object(body)
    }

    /// What an answer must look like.
    pub fn form(&self) -> String {
        let field = match self.answer {
            Answer::Bare => String::new(),
            Answer::Field(name, shape) => format!(", \"{name}\": {}", shape.in_words()),
        };
        let kind = self.kind;
        format!("{{\"type\": \"{kind}_ok\", \"in_reply_to\": the request's msg_id{field}}}")
    }

    /// Reads an answer: the value of the field that it is about (null if there is none), or the
    /// error that the node answered with.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_answer(&self, body: &Value) -> Result<Result<Value, RpcError>, String> {
        let kind = kind(body);
        if kind == "error" {
            let code = body.get("code").and_then(Value::as_i64);
            let text = body.get("text").map(|text| match text {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            return match code {
                Some(code) => Ok(Err(RpcError { code, text })),
                None => Err("it is an error without a whole number as \"code\"".to_owned()),
            };
        }
        if kind.strip_suffix("_ok") != Some(self.kind) {
            return Err(format!("its type is {kind:?}, not \"{}_ok\"", self.kind));
        }
        match self.answer {
            Answer::Bare => Ok(Ok(Value::Null)),
            Answer::Field(name, shape) => match body.get(name) {
                None => Err(format!("it has no \"{name}\"")),
                Some(value) if shape.fits(value, &self.fields) => Ok(Ok(value.clone())),
                Some(_) => Err(format!("its \"{name}\" is not {}", shape.in_words())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_that_is_no_message_is_told_why() {
        for (line, why) in [
            ("hello", "not JSON"),
            ("[1]", "not an object"),
            (r#"{"dest":"c1","body":{}}"#, "no \"src\""),
            (r#"{"src":1,"dest":"c1","body":{}}"#, "\"src\" is 1"),
            (r#"{"src":"n1","dest":"c1"}"#, "no \"body\""),
            (r#"{"src":"n1","dest":"c1","body":3}"#, "not an object"),
        ] {
            let said = Message::parse(line).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        let line = r#"{"src":"n1","dest":"c1","body":{"type":"echo_ok"},"id":7}"#;
        assert_eq!(kind(&Message::parse(line).unwrap().body), "echo_ok");
    }

    #[test]
    fn requests_have_the_documented_fields() {
        for (request, body) in [
            (
                Request::init("n1", &["n1".into(), "n2".into()]),
                json!({"type": "init", "msg_id": 7, "node_id": "n1", "node_ids": ["n1", "n2"]}),
            ),
            (
                Request::cas(json!(1), json!(2), json!(3)),
                json!({"type": "cas", "msg_id": 7, "key": 1, "from": 2, "to": 3}),
            ),
            (
                Request::send("a", json!(5)),
                json!({"type": "send", "msg_id": 7, "key": "a", "msg": 5}),
            ),
            (
                Request::list_committed_offsets(vec!["a".into()]),
                json!({"type": "list_committed_offsets", "msg_id": 7, "keys": ["a"]}),
            ),
            (
                Request::add_element(json!(4)),
                json!({"type": "add", "msg_id": 7, "element": 4}),
            ),
        ] {
            assert_eq!(request.body(7), body);
        }
    }

    #[test]
    fn answers_are_read_or_refused() {
        let read = |request: &Request, body: Value| request.read_answer(&body);
        let txn = Request::txn(json!([["r", 1, null], ["append", 1, 6]]));
        let told = json!([["r", 1, [8]], ["append", 1, 6]]);
        let answer = json!({"type": "txn_ok", "in_reply_to": 1, "txn": told, "more": true});
        assert_eq!(read(&txn, answer), Ok(Ok(told)));
        for wrong in [
            json!({"type": "txn_ok"}),
            json!({"type": "txn_ok", "txn": [["r", 1, [8]]]}),
            json!({"type": "txn_ok", "txn": [["r", 1, [8]], ["append", 2, 6]]}),
            json!({"type": "txn_ok", "txn": [["r", 1, [8]], ["append", 1, 7]]}),
            json!({"type": "read_ok", "txn": []}),
            json!({"type": "error", "text": "no code"}),
        ] {
            assert!(read(&txn, wrong.clone()).is_err(), "{wrong}");
        }
        let poll = Request::poll(Map::new());
        assert!(read(&poll, json!({"type": "poll_ok", "msgs": {"a": [[1, "x"]]}})).is_ok());
        for wrong in [json!({"a": [[1]]}), json!({"a": [1]}), json!([])] {
            assert!(read(&poll, json!({"type": "poll_ok", "msgs": wrong})).is_err());
        }
        let error = json!({"type": "error", "code": 22, "text": "no"});
        let error = read(&Request::generate(), error).unwrap().unwrap_err();
        assert!(error.is_definite());
        let nothing = json!({"type": "read_ok", "value": null});
        assert_eq!(read(&Request::read(json!(1)), nothing), Ok(Ok(Value::Null)));
    }
}
